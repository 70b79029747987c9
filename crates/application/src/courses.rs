//! Courses: browsing, reading, writing, importing.

mod authoring;
mod export;
mod import;
mod lessons;
mod search;

use std::ops::Range;

use lyceum_domain::{
    blobs::Blob,
    courses::{Course, CourseFile, CourseFilter, CourseKey, FilePath, Lesson, Outline, Slug},
    ids::{LessonId, UserId},
    page::{Page, PageRequest},
    policy::{Action, Actor, allow},
    users::Identifier,
};

pub use authoring::NewCourse;
pub use export::CourseExport;
pub use import::{Import, Imported, NoFiles};
pub use lessons::NewLesson;
pub use search::{Found, Search, SearchKind};

use crate::{Error, Lyceum, error::denied};

/// What somebody looks for in the catalogue.
#[derive(Debug, Clone, Default)]
pub struct Browse {
    /// Words in title or description.
    pub text: Option<String>,
    /// Of this author, by username.
    pub author: Option<String>,
    /// Only those one is in.
    pub enrolled: bool,
}

impl Lyceum {
    /// The catalogue, newest first: published courses, one's own drafts, for admins all.
    pub async fn courses(&self, actor: &Actor, browse: Browse, page: PageRequest) -> Result<Page<Course>, Error> {
        allow(actor, &Action::ListCourses).map_err(denied("course"))?;
        let author = match &browse.author {
            None => None,
            Some(name) => match self.author_named(name).await? {
                Some(author) => Some(author),
                None => return Ok(Page { items: Vec::new(), next: None }),
            },
        };
        if browse.enrolled && actor.user().is_none() {
            return Err(Error::SignInRequired);
        }
        let filter = CourseFilter {
            text: browse.text,
            author,
            enrolled: actor.user().filter(|_| browse.enrolled),
            drafts_of: actor.user().filter(|_| allow(actor, &Action::CreateCourse).is_ok()),
            all_drafts: allow(actor, &Action::ListAllDrafts).is_ok(),
        };
        Ok(self.ports.store.read().courses_page(&filter, page).await?)
    }

    /// A course with its outline. Lessons that are not written yet are shown to who may change the course.
    pub async fn course(&self, actor: &Actor, key: &CourseKey) -> Result<(Course, Outline), Error> {
        let course = self.readable_course(actor, key).await?;
        let outline = self.ports.store.read().outline(course.id).await?;
        let may_change = allow(actor, &Action::ChangeCourse { author: course.author }).is_ok();
        Ok((course, if may_change { outline } else { outline.written() }))
    }

    /// A lesson with its content.
    pub async fn lesson(&self, actor: &Actor, id: LessonId) -> Result<(Lesson, Course), Error> {
        let found = self.ports.store.read().lesson(id).await?;
        let (lesson, course) = found.ok_or(Error::NotFound("lesson"))?;
        let read = Action::ReadCourse { status: course.status, author: course.author };
        allow(actor, &read).map_err(denied("lesson"))?;
        if lesson.is_draft && allow(actor, &Action::ChangeCourse { author: course.author }).is_err() {
            return Err(Error::NotFound("lesson"));
        }
        Ok((lesson, course))
    }

    /// Where links between the chapters of an imported course lead: paths in its source, and names in addresses.
    pub async fn source_paths(&self, actor: &Actor, key: &CourseKey) -> Result<Vec<(String, Slug)>, Error> {
        let course = self.readable_course(actor, key).await?;
        Ok(self.ports.store.read().source_paths(course.id).await?)
    }

    /// The bytes of a file that [`course_file`](Self::course_file) or an export handed out, or a part of them.
    pub async fn course_file_content(&self, file: &CourseFile, range: Option<Range<u64>>) -> Result<Blob, Error> {
        Ok(self.ports.blobs.get(&file.blob, range).await?)
    }

    /// A file of a course, for whoever may read the course; its bytes are in the blob store.
    pub async fn course_file(
        &self,
        actor: &Actor,
        key: &CourseKey,
        path: &FilePath,
    ) -> Result<(CourseFile, Course), Error> {
        let course = self.readable_course(actor, key).await?;
        let file = self.ports.store.read().course_file(course.id, path).await?;
        Ok((file.ok_or(Error::NotFound("file"))?, course))
    }

    /// A course that `actor` may read.
    pub(crate) async fn readable_course(&self, actor: &Actor, key: &CourseKey) -> Result<Course, Error> {
        let course = self.ports.store.read().course(key).await?.ok_or(Error::NotFound("course"))?;
        let read = Action::ReadCourse { status: course.status, author: course.author };
        allow(actor, &read).map_err(denied("course"))?;
        Ok(course)
    }

    async fn author_named(&self, name: &str) -> Result<Option<UserId>, Error> {
        let Some(identifier @ Identifier::Username(_)) = Identifier::parse(name) else {
            return Ok(None);
        };
        let user = self.ports.store.read().user_by(&identifier).await?;
        Ok(user.filter(|user| user.deleted_at.is_none()).map(|user| user.id))
    }
}
