//! The title that a model gives a conversation, behind its first answer.

#[cfg(test)]
mod tests;

use crate::{courses::Title, mentor::prompt::visible, text};

/// What a title line begins with, in any case.
const BEGINS: &str = "<<title:";
/// What it ends with.
const ENDS: &str = ">>";
/// A longer line is no title, in characters.
const LONGEST: usize = 200;
/// How long the title of a conversation becomes, in characters.
const SHORT: usize = 60;

/// Takes the title line, `<<title: …>>`, out of an answer that is being given.
///
/// Only one that nothing but white space follows is a title; every other is part of the answer. White space is held
/// back until something comes behind it, because that before the title goes with it; other text only while it can still
/// be a title. An answer that breaks off within a title has none, and the piece of it goes. An answer that is nothing but
/// a title is shown as that title, without its marks.
#[derive(Debug, Default)]
pub struct TitleFilter {
    is_on: bool,
    /// White space and, behind it, what may be the title line.
    held: String,
    /// Where in `held` the title line begins.
    begins: usize,
    state: State,
    has_shown: bool,
}

/// How far a title line has come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is none.
    #[default]
    Text,
    /// So many characters of [`BEGINS`] are there.
    Opening(usize),
    /// So many characters of a title are there.
    Inside(usize),
    /// It has ended, and white space may follow; whether a line end was among it.
    Closed {
        /// How long the title is, if it goes on.
        length: usize,
        /// Whether the line has ended, too.
        is_over: bool,
    },
}

impl TitleFilter {
    /// One that lets everything through unless a title was asked for.
    pub fn new(wants_title: bool) -> Self {
        Self { is_on: wants_title, ..Self::default() }
    }

    /// Takes a piece of the answer and gives what of it (and of what was held back) may be shown.
    pub fn push(&mut self, piece: String) -> String {
        let is_plain = self.held.is_empty() && !piece.contains('<') && !piece.ends_with(char::is_whitespace);
        if !self.is_on || is_plain {
            self.has_shown |= !piece.is_empty();
            return piece;
        }
        let mut out = String::with_capacity(self.held.len() + piece.len());
        for c in piece.chars() {
            self.take(c, &mut out);
        }
        self.has_shown |= !out.is_empty();
        out
    }

    fn take(&mut self, c: char, out: &mut String) {
        let state =
            match self.state {
                State::Text if c == '<' => {
                    self.begins = self.held.len();
                    State::Opening(1)
                }
                State::Text if c.is_whitespace() => State::Text,
                State::Text => {
                    out.push_str(&self.held);
                    out.push(c);
                    self.held.clear();
                    return;
                }
                State::Opening(have) if BEGINS[have..].starts_with(c.to_ascii_lowercase()) => {
                    if have + 1 == BEGINS.len() { State::Inside(0) } else { State::Opening(have + 1) }
                }
                // Of three brackets the first is the one too many.
                State::Opening(2) if c == '<' => {
                    out.push_str(&self.held[..=self.begins]);
                    self.held.drain(..=self.begins);
                    self.begins = 0;
                    State::Opening(2)
                }
                State::Inside(length) if length < LONGEST && !c.is_control() => {
                    if c == '>' && self.held.ends_with('>') {
                        State::Closed { length: length + 1, is_over: false }
                    } else {
                        State::Inside(length + 1)
                    }
                }
                State::Closed { length, is_over } if c.is_whitespace() => {
                    State::Closed { length, is_over: is_over || c == '\n' }
                }
                State::Closed { length, is_over: false } if c != '<' && length < LONGEST && !c.is_control() => {
                    let ends = c == '>' && self.held.ends_with('>');
                    if ends { State::Closed { length: length + 1, is_over: false } } else { State::Inside(length + 1) }
                }
                State::Opening(_) | State::Inside(_) | State::Closed { .. } => {
                    self.give_back(out);
                    return self.take(c, out);
                }
            };
        self.held.push(c);
        self.state = state;
    }

    /// It was no title; the white space at its end may still stand before one.
    fn give_back(&mut self, out: &mut String) {
        let end = self.held.trim_end().len();
        out.push_str(&self.held[..end]);
        self.held.drain(..end);
        self.state = State::Text;
    }

    /// The answer has ended: what was still held back and is no title, and the title.
    pub fn finish(self) -> (String, Option<Title>) {
        let inside = self.held.get(self.begins + BEGINS.len()..).unwrap_or_default();
        match self.state {
            State::Inside(_) if self.has_shown && !inside.contains(ENDS) => (String::new(), None),
            State::Text | State::Opening(_) | State::Inside(_) => (self.held, None),
            State::Closed { .. } => {
                let title = cleaned(inside.trim_end().strip_suffix(ENDS).unwrap_or(inside));
                let shown = match &title {
                    _ if self.has_shown => String::new(),
                    Some(title) => title.to_string(),
                    None => self.held,
                };
                (shown, title)
            }
        }
    }
}

/// The title without quotes, Markdown and a full stop around it; `None` if there is no word in it.
fn cleaned(raw: &str) -> Option<Title> {
    let words = visible(raw).split_whitespace().collect::<Vec<_>>().join(" ");
    let bare = words.trim_matches(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '"' | '\'' | '“' | '”' | '„' | '‘' | '’' | '«' | '»' | '*' | '_' | '`' | '#' | '.' | '<' | '>'
            )
    });
    bare.contains(char::is_alphanumeric).then(|| Title::from_source(&text::shortened(bare, SHORT), ""))
}
