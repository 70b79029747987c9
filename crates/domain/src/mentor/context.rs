//! What the mentor may know about a learner and the material for one question.

use crate::{
    courses::{LessonNumber, Slug, Title},
    ids::{CourseId, LessonId, PassageId},
    progress::Percent,
    users::Role,
};

/// Everything an answer may rest on. It holds nothing of any other user, and nothing at all but the role if the
/// learner switched personalisation off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grounding {
    /// The learner's role.
    pub role: Role,
    /// The most recently active courses, newest first; at most five.
    pub courses: Vec<CourseStanding>,
    /// The lesson that the question is about, if one was named.
    pub lesson: Option<LessonInQuestion>,
    /// Passages of the material that fit the question, best first, numbered from 1.
    pub passages: Vec<NumberedPassage>,
    /// The question.
    pub question: String,
    /// Whether the learner allows progress and material in prompts.
    pub is_personal: bool,
}

impl Grounding {
    /// The passages as sources of an answer.
    pub fn sources(&self) -> Vec<Source> {
        self.passages.iter().map(|numbered| numbered.source.clone()).collect()
    }
}

/// Where a learner stands in a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourseStanding {
    /// The course.
    pub course: CourseId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its title.
    pub title: Title,
    /// How much of it is done.
    pub percent: Percent,
    /// Lessons done.
    pub completed_lessons: u32,
    /// Lessons in all.
    pub total_lessons: u32,
    /// The first lesson in reading order that is not done.
    pub next_lesson: Option<NextLesson>,
}

/// Where to go on in a course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextLesson {
    /// The lesson.
    pub lesson: LessonId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its title.
    pub title: Title,
    /// Its number, if it has one.
    pub number: Option<LessonNumber>,
}

/// The lesson a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonInQuestion {
    /// The lesson.
    pub lesson: LessonId,
    /// Its title.
    pub title: Title,
    /// Its number, if it has one.
    pub number: Option<LessonNumber>,
    /// The title of its course.
    pub course_title: Title,
}

/// A passage as it stands in a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedPassage {
    /// The number an answer cites it by, from 1.
    pub number: u32,
    /// The passage's row.
    pub passage: PassageId,
    /// The heading it stands under.
    pub heading: String,
    /// Its text, Markdown.
    pub text: String,
    /// Where it comes from.
    pub source: Source,
}

/// Where something in an answer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The number that the answer cites it by, from 1.
    pub citation: u32,
    /// The lesson.
    pub lesson: LessonId,
    /// Its course.
    pub course: CourseId,
    /// The lesson's title.
    pub title: String,
    /// The lesson's number, if it has one.
    pub number: Option<String>,
    /// A few lines of it.
    pub excerpt: String,
}
