//! Searching courses and lessons by their words.

use lyceum_domain::{
    courses::{CourseHit, CourseKey, LessonHit, SearchScope},
    policy::{Action, Actor, allow},
};

use crate::{Error, Lyceum, error::denied};

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchKind {
    /// Courses, by title and description.
    Courses,
    /// Lessons, by their text.
    Lessons,
}

/// What somebody searches.
#[derive(Debug, Clone)]
pub struct Search {
    /// Plain words of any kind.
    pub words: String,
    /// Only these; a few courses and then lessons if `None`.
    pub kind: Option<SearchKind>,
    /// Only in this course.
    pub course: Option<CourseKey>,
    /// At most so many hits in all.
    pub limit: u8,
}

/// What was found, those that fit best first.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Courses.
    pub courses: Vec<CourseHit>,
    /// Lessons.
    pub lessons: Vec<LessonHit>,
}

/// How many courses stand before the lessons where both are asked for.
const COURSES_FIRST: u8 = 5;

impl Lyceum {
    /// Searches what the catalogue shows to whoever asks, and the archived courses that they are in.
    pub async fn search(&self, actor: &Actor, search: &Search) -> Result<Found, Error> {
        allow(actor, &Action::ListCourses).map_err(denied("course"))?;
        let course = match &search.course {
            None => None,
            Some(key) => Some(self.readable_course(actor, key).await?.id),
        };
        let scope = SearchScope {
            reader: actor.user().filter(|_| allow(actor, &Action::ReadOwnProgress).is_ok()),
            drafts_of: actor.user().filter(|_| allow(actor, &Action::CreateCourse).is_ok()),
            all_drafts: allow(actor, &Action::ListAllDrafts).is_ok(),
            course,
        };
        let read = self.ports.store.read();
        let courses = match search.kind {
            Some(SearchKind::Lessons) => Vec::new(),
            Some(SearchKind::Courses) => read.search_courses(&scope, &search.words, search.limit).await?,
            None => read.search_courses(&scope, &search.words, search.limit.min(COURSES_FIRST)).await?,
        };
        let rest = search.limit.saturating_sub(u8::try_from(courses.len()).unwrap_or(u8::MAX));
        let lessons = match search.kind {
            Some(SearchKind::Courses) => Vec::new(),
            _ if rest == 0 => Vec::new(),
            _ => read.search_lessons(&scope, &search.words, rest).await?,
        };
        Ok(Found { courses, lessons })
    }
}
