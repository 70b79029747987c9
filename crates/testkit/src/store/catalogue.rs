//! Courses and lessons, the reading side.

use async_trait::async_trait;
use lyceum_domain::{
    courses::{
        Course, CourseFile, CourseFilter, CourseHit, CourseKey, CourseQueries, CourseStatus, FilePath, Lesson,
        LessonHit, Outline, OutlineEntry, Passage, PassageScope, SearchScope, Slug,
    },
    ids::{CourseId, LessonId, UserId},
    page::{Page, PageRequest},
    store::StoreError,
};

use super::{
    MemoryStore, passages, search,
    tables::{Tables, at_most, newest_first},
};

fn is_named(course: &Course, key: &CourseKey) -> bool {
    match key {
        CourseKey::Id(id) => course.id == *id,
        CourseKey::Slug(slug) => course.slug == *slug,
    }
}

fn is_listed(tables: &Tables, filter: &CourseFilter, course: &Course) -> bool {
    let by_status = match course.status {
        CourseStatus::Published => true,
        CourseStatus::Archived => filter.enrolled.is_some() || filter.author.is_some() || filter.all_drafts,
        CourseStatus::Draft => filter.all_drafts || (filter.drafts_of.is_some() && course.author == filter.drafts_of),
    };
    let has_text = filter.text.as_ref().is_none_or(|text| {
        let text = text.to_lowercase();
        course.title.as_str().to_lowercase().contains(&text) || course.description.to_lowercase().contains(&text)
    });
    by_status
        && has_text
        && course.deleted_at.is_none()
        && filter.author.is_none_or(|author| course.author == Some(author))
        && filter.enrolled.is_none_or(|learner| tables.is_enrolled(learner, course.id))
}

#[async_trait]
impl CourseQueries for MemoryStore {
    async fn course(&self, key: &CourseKey) -> Result<Option<Course>, StoreError> {
        let tables = self.tables()?;
        let mut there = tables.courses.values().filter(|course| course.deleted_at.is_none());
        Ok(there.find(|course| is_named(course, key)).cloned())
    }

    async fn outline(&self, course: CourseId) -> Result<Outline, StoreError> {
        let tables = self.tables()?;
        let lessons = tables.lessons_of(course).into_iter().filter(|lesson| lesson.deleted_at.is_none());
        Ok(Outline(lessons.map(Lesson::entry).collect()))
    }

    async fn lesson(&self, lesson: LessonId) -> Result<Option<(Lesson, Course)>, StoreError> {
        let tables = self.tables()?;
        let lesson = tables.lessons.get(&lesson).filter(|lesson| lesson.deleted_at.is_none());
        Ok(lesson.and_then(|lesson| Some((lesson.clone(), tables.live_course(lesson.course)?.clone()))))
    }

    async fn courses_page(&self, filter: &CourseFilter, page: PageRequest) -> Result<Page<Course>, StoreError> {
        let tables = self.tables()?;
        let listed = tables.courses.values().filter(|course| is_listed(&tables, filter, course)).cloned().collect();
        Ok(newest_first(listed, page, |course| (course.created_at, course.id.as_uuid())))
    }

    async fn find_passages(&self, scope: PassageScope, words: &str, limit: u8) -> Result<Vec<Passage>, StoreError> {
        Ok(passages::find(&*self.tables()?, scope, words, limit))
    }

    async fn removed_course(&self, key: &CourseKey) -> Result<Option<Course>, StoreError> {
        let tables = self.tables()?;
        let mut removed = tables.courses.values().filter(|course| course.deleted_at.is_some());
        Ok(removed.find(|course| is_named(course, key)).cloned())
    }

    async fn removed_courses_page(
        &self,
        author: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<Course>, StoreError> {
        let tables = self.tables()?;
        let removed = tables.courses.values().filter(|course| course.deleted_at.is_some());
        let listed = removed.filter(|course| author.is_none() || course.author == author).cloned().collect();
        Ok(newest_first(listed, page, |course| (course.created_at, course.id.as_uuid())))
    }

    async fn removed_lessons(&self, course: CourseId) -> Result<Vec<OutlineEntry>, StoreError> {
        let tables = self.tables()?;
        let removed = tables.lessons_of(course).into_iter().filter(|lesson| lesson.deleted_at.is_some());
        Ok(removed.map(Lesson::entry).collect())
    }

    async fn source_paths(&self, course: CourseId) -> Result<Vec<(String, Slug)>, StoreError> {
        let tables = self.tables()?;
        let written = tables.lessons_of(course).into_iter().filter(|lesson| lesson.counts());
        Ok(written.filter_map(|lesson| Some((lesson.source_path.clone()?, lesson.slug.clone()))).collect())
    }

    async fn is_slug_taken(&self, slug: &Slug) -> Result<bool, StoreError> {
        Ok(self.tables()?.courses.values().any(|course| course.slug == *slug))
    }

    async fn counting_lessons(&self, course: CourseId) -> Result<Option<(u32, Vec<LessonId>)>, StoreError> {
        let tables = self.tables()?;
        let counting = tables.lessons_of(course).into_iter().filter(|lesson| lesson.counts()).map(|lesson| lesson.id);
        Ok(tables.courses.get(&course).map(|course| (course.outline_revision, counting.collect())))
    }

    async fn courses_to_recount(&self, limit: u32) -> Result<Vec<(CourseId, u32)>, StoreError> {
        let tables = self.tables()?;
        let counted = |course: &Course| tables.counted_revisions.get(&course.id).copied().unwrap_or(1);
        let behind = tables.courses.values().filter(|course| counted(course) < course.outline_revision);
        Ok(behind.map(|course| (course.id, course.outline_revision)).take(at_most(limit)).collect())
    }

    async fn course_file(&self, course: CourseId, path: &FilePath) -> Result<Option<CourseFile>, StoreError> {
        Ok(self.tables()?.course_files.get(&(course, path.clone())).cloned())
    }

    async fn search_courses(&self, scope: &SearchScope, words: &str, limit: u8) -> Result<Vec<CourseHit>, StoreError> {
        Ok(search::courses(&*self.tables()?, scope, words, limit))
    }

    async fn search_lessons(&self, scope: &SearchScope, words: &str, limit: u8) -> Result<Vec<LessonHit>, StoreError> {
        Ok(search::lessons(&*self.tables()?, scope, words, limit))
    }
}
