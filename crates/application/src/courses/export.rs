//! Taking a course along.

use lyceum_domain::{
    courses::{Course, CourseFile, CourseKey, Lesson},
    policy::Actor,
};

use crate::{Error, Lyceum};

/// A whole course, for whoever may change it.
#[derive(Debug, Clone)]
pub struct CourseExport {
    /// The course.
    pub course: Course,
    /// Its lessons with their content in reading order, announced ones too, removed ones left out.
    pub lessons: Vec<Lesson>,
    /// Its files; their bytes are in the blob store.
    pub files: Vec<CourseFile>,
}

impl Lyceum {
    /// Everything that a course is made of. Lessons and files are of one moment.
    pub async fn export_course(&self, actor: &Actor, key: &CourseKey) -> Result<CourseExport, Error> {
        let course = self.changeable_course(actor, key).await?;
        let mut unit = self.ports.store.begin().await?;
        let mut lessons = unit.courses().lessons(course.id).await?;
        lessons.retain(|lesson| lesson.deleted_at.is_none());
        let files = unit.courses().files(course.id).await?;
        Ok(CourseExport { course, lessons, files })
    }
}
