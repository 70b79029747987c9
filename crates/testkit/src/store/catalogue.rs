//! Courses and lessons, the reading side.

use async_trait::async_trait;
use lyceum_domain::{
    courses::{Course, CourseFilter, CourseKey, CourseQueries, CourseStatus, Lesson, Outline, Passage, PassageScope},
    ids::{CourseId, LessonId},
    page::{Page, PageRequest},
    store::StoreError,
};

use super::{
    MemoryStore, passages,
    tables::{Tables, newest_first},
};

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
        let is_meant = |course: &&Course| match key {
            CourseKey::Id(id) => course.id == *id,
            CourseKey::Slug(slug) => course.slug == *slug,
        };
        let tables = self.tables()?;
        Ok(tables.courses.values().filter(|course| course.deleted_at.is_none()).find(is_meant).cloned())
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

    async fn removed_course(&self, _key: &CourseKey) -> Result<Option<Course>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn removed_courses_page(
        &self,
        _author: Option<UserId>,
        _page: PageRequest,
    ) -> Result<Page<Course>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn removed_lessons(&self, _course: CourseId) -> Result<Vec<OutlineEntry>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn is_slug_taken(&self, _slug: &Slug) -> Result<bool, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn counting_lessons(&self, _course: CourseId) -> Result<Option<(u32, Vec<LessonId>)>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn courses_to_recount(&self, _limit: u32) -> Result<Vec<(CourseId, u32)>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn course_file(&self, _course: CourseId, _path: &FilePath) -> Result<Option<CourseFile>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn search_courses(
        &self,
        _scope: &SearchScope,
        _words: &str,
        _limit: u8,
    ) -> Result<Vec<CourseHit>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }

    async fn search_lessons(
        &self,
        _scope: &SearchScope,
        _words: &str,
        _limit: u8,
    ) -> Result<Vec<LessonHit>, StoreError> {
        Err(StoreError::Corrupt("not yet".to_owned()))
    }
}
