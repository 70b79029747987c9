//! What an answer was made from, so that its prompt can be made again, word for word.

use crate::{
    blobs::Sha256,
    ids::{CourseId, LessonId, MessageId, PassageId},
    mentor::{CourseStanding, LessonInQuestion},
    users::Role,
};

/// Everything that was put before the model for one answer, but for texts that are kept elsewhere: the messages of the
/// conversation, and the passages by their digests.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The version of the template, [`TEMPLATE`](crate::mentor::TEMPLATE) at that time.
    pub template: String,
    /// The learner's role.
    pub role: Role,
    /// Whether the learner allowed progress and material in prompts.
    pub is_personal: bool,
    /// The courses that it told of.
    pub courses: Vec<CourseStanding>,
    /// The lesson in question.
    pub lesson: Option<LessonInQuestion>,
    /// The passages, in their order.
    pub passages: Vec<QuotedPassage>,
    /// The earlier messages, in their order.
    pub history: Vec<MessageId>,
    /// Whether a title for the conversation was asked for.
    pub wants_title: bool,
    /// Who was asked.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The longest answer, in tokens.
    pub max_tokens: Option<u32>,
    /// How free the answer might be.
    pub temperature: Option<f32>,
    /// The digest of the whole prompt.
    pub prompt: Sha256,
}

/// A passage as it stood in a prompt. Its text is kept under its digest, whatever becomes of the lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotedPassage {
    /// The number it is cited by.
    pub number: u32,
    /// Its row at that time.
    pub passage: PassageId,
    /// The lesson it was of.
    pub lesson: LessonId,
    /// The course.
    pub course: CourseId,
    /// The lesson's title.
    pub title: String,
    /// The lesson's number.
    pub lesson_number: Option<String>,
    /// The heading it stood under.
    pub heading: String,
    /// The digest of its text.
    pub digest: Sha256,
}

/// The text of a passage, kept under its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotedText {
    /// The SHA-256 of the text.
    pub digest: Sha256,
    /// The text.
    pub text: String,
}
