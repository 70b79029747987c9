//! Documents, and what tells from their bytes whether they are what they may be.

use std::fmt;

use crate::{
    blobs::{BlobKey, Sha256},
    ids::{DocumentId, SubjectId, UserId},
    invalid::Invalid,
    text,
    time::Timestamp,
};

/// A document of a learner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// The subject it belongs to.
    pub subject: SubjectId,
    /// Whose it is.
    pub owner: UserId,
    /// What the file was called.
    pub name: FileName,
    /// What it is, by its content.
    pub kind: DocumentKind,
    /// How many bytes it has.
    pub size: u64,
    /// Its digest; the `ETag` of its content.
    pub sha256: Sha256,
    /// Where its bytes are.
    pub blob: BlobKey,
    /// What became of its text.
    pub text: TextState,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// When it or what is known about it last changed.
    pub updated_at: Timestamp,
}

/// What a document is. Nothing else is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// PDF (ISO 32000).
    Pdf,
    /// Markdown, by the name of the file.
    Markdown,
    /// Any other text.
    Plain,
}

impl DocumentKind {
    /// Its media type (RFC 6838), also the word used in rows and bodies.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Markdown => "text/markdown",
            Self::Plain => "text/plain",
        }
    }

    /// Reads the media type.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "application/pdf" => Ok(Self::Pdf),
            "text/markdown" => Ok(Self::Markdown),
            "text/plain" => Ok(Self::Plain),
            _ => Err(Invalid::NotAllowed { allowed: "application/pdf, text/markdown, text/plain" }),
        }
    }
}

/// What became of the text of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextState {
    /// It is being read, or waits for it.
    Pending,
    /// It was read.
    Ready {
        /// How many characters were kept.
        characters: u32,
        /// Whether there were more.
        is_cut: bool,
    },
    /// There is none: damaged, encrypted, only pictures, beyond the bounds.
    Unreadable {
        /// Why, as a sentence for its owner.
        reason: String,
    },
}

impl TextState {
    /// The word used in rows and bodies.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready { .. } => "ready",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

/// What a file is called: one line of 1 to 200 characters without `/` and `\`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// The largest number of characters.
    pub const MAX: usize = 200;

    /// Makes a name of what a client sent: the last part of a path, clean and shortened (its extension stays); `fallback`
    /// if nothing is left.
    pub fn from_client(raw: &str, fallback: &str) -> Self {
        let last = raw.rsplit(['/', '\\']).next().unwrap_or_default();
        let cleaned: String = text::cleaned(last).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let name = cleaned.trim();
        if name.is_empty() || name.chars().all(|c| c == '.') {
            return Self(fallback.to_owned());
        }
        if name.chars().count() <= Self::MAX {
            return Self(name.to_owned());
        }
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if extension.chars().count() <= 20 => (stem, format!(".{extension}")),
            _ => (name, String::new()),
        };
        let room = Self::MAX - extension.chars().count();
        Self(stem.chars().take(room).chain(extension.chars()).collect())
    }

    /// Checks a name from a row.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let name = text::line(raw, 1, Self::MAX)?;
        if name.contains(['/', '\\']) {
            return Err(Invalid::Malformed { expected: "a name without / and \\" });
        }
        Ok(Self(name))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_markdown(&self) -> bool {
        let extension = self.0.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        matches!(extension.as_deref(), Some("md" | "markdown" | "mdown" | "mkd"))
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Looks at the bytes of a document as they pass by, and says at the end what it is. Holds a few hundred of them.
#[derive(Debug, Default)]
pub struct Inspection {
    head: Vec<u8>,
    tail: Vec<u8>,
    /// The beginning of a character whose rest is in the next piece.
    partial: Vec<u8>,
    not_text: Option<NotADocument>,
    size: u64,
}

/// Why bytes are no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotADocument {
    /// Nothing came.
    #[error("the file is empty")]
    Empty,
    /// Neither a PDF nor text.
    #[error("the file is neither a PDF nor text in UTF-8")]
    WrongKind,
    /// Text that a browser would run.
    #[error("the file is a page or a drawing with markup, not a document")]
    Markup,
    /// A PDF that does not end as one: cut off, or something else is hung on behind it.
    #[error("the PDF does not end as one: it was cut off, or something else follows it")]
    BadEnd,
}

const HEAD: usize = 1_024;
const TAIL: usize = 1_024;

impl Inspection {
    /// Looks at the next piece.
    pub fn look(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        if self.head.len() < HEAD {
            self.head.extend(piece.iter().take(HEAD - self.head.len()));
        }
        if piece.len() >= TAIL {
            self.tail = piece[piece.len() - TAIL..].to_vec();
        } else {
            self.tail.extend_from_slice(piece);
            let surplus = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..surplus);
        }
        if !self.is_pdf() {
            self.look_for_text(piece);
        }
    }

    /// Whether it can no longer become anything that is taken: the rest need not be read.
    pub fn is_hopeless(&self) -> bool {
        self.head.len() >= 5 && !self.is_pdf() && self.not_text.is_some()
    }

    /// What it was.
    pub fn finish(self, name: &FileName) -> Result<DocumentKind, NotADocument> {
        if self.size == 0 {
            return Err(NotADocument::Empty);
        }
        if self.is_pdf() {
            return if ends_as_pdf(&self.tail) { Ok(DocumentKind::Pdf) } else { Err(NotADocument::BadEnd) };
        }
        if let Some(reason) = self.not_text {
            return Err(reason);
        }
        if !self.partial.is_empty() {
            return Err(NotADocument::WrongKind);
        }
        if is_markup(&self.head) {
            return Err(NotADocument::Markup);
        }
        Ok(if name.is_markdown() { DocumentKind::Markdown } else { DocumentKind::Plain })
    }

    fn is_pdf(&self) -> bool {
        self.head.starts_with(b"%PDF-")
    }

    fn look_for_text(&mut self, piece: &[u8]) {
        if self.not_text.is_some() {
            return;
        }
        let joined;
        let bytes = if self.partial.is_empty() {
            piece
        } else {
            joined = [std::mem::take(&mut self.partial).as_slice(), piece].concat();
            &joined
        };
        let valid = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            // The last character may go on in the next piece.
            Err(error) if error.error_len().is_none() => {
                self.partial = bytes[error.valid_up_to()..].to_vec();
                std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
            }
            Err(_) => {
                self.not_text = Some(NotADocument::WrongKind);
                return;
            }
        };
        // Form feeds stand in many a plain text; what else is control is no text.
        if valid.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}')) {
            self.not_text = Some(NotADocument::WrongKind);
        }
    }
}

/// After the last end mark there may be white space, nothing else (ISO 32000-2, 7.5.5).
fn ends_as_pdf(tail: &[u8]) -> bool {
    const MARK: &[u8] = b"%%EOF";
    let end = tail.windows(MARK.len()).rposition(|window| window == MARK);
    end.is_some_and(|at| tail[at + MARK.len()..].iter().all(|b| b.is_ascii_whitespace() || *b == 0))
}

/// Whether a browser would take the text for a page or a drawing.
fn is_markup(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    ["<!doctype", "<html", "<svg", "<?xml", "<script", "<?php"].iter().any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inspect(name: &str, pieces: &[&[u8]]) -> Result<DocumentKind, NotADocument> {
        let mut inspection = Inspection::default();
        for piece in pieces {
            inspection.look(piece);
        }
        inspection.finish(&FileName::from_client(name, "file"))
    }

    #[test]
    fn what_a_document_is_its_content_says() {
        assert_eq!(inspect("a.txt", &[b"%PDF-1.7\n", b"...\n%%EOF\n"]), Ok(DocumentKind::Pdf));
        assert_eq!(inspect("notes.MD", &[b"# Notes"]), Ok(DocumentKind::Markdown));
        assert_eq!(inspect("notes", &["Grüße".as_bytes()]), Ok(DocumentKind::Plain));
        assert_eq!(inspect("a.pdf", &[b"plain"]), Ok(DocumentKind::Plain));
    }

    #[test]
    fn what_is_none_is_told() {
        assert_eq!(inspect("a.pdf", &[b"%PDF-1.7\n", b"%%EOF\nPK\x03\x04zip"]), Err(NotADocument::BadEnd));
        assert_eq!(inspect("a.pdf", &[b"%PDF-1.7\n cut off"]), Err(NotADocument::BadEnd));
        assert_eq!(inspect("a.txt", &[b"GIF89a\x01\x00"]), Err(NotADocument::WrongKind));
        assert_eq!(inspect("a.txt", &[b"\xff\xfea"]), Err(NotADocument::WrongKind));
        assert_eq!(inspect("a.txt", &[b"ends within a character \xc3"]), Err(NotADocument::WrongKind));
        assert_eq!(inspect("a.svg", &[b"<svg onload='x()'>"]), Err(NotADocument::Markup));
        assert_eq!(inspect("a.md", &["\u{feff}\n <!DOCTYPE html>".as_bytes()]), Err(NotADocument::Markup));
        assert_eq!(inspect("a.md", &[]), Err(NotADocument::Empty));
    }

    #[test]
    fn names_are_what_is_left_of_a_path() {
        assert_eq!(FileName::from_client("C:\\notes\\a.md", "x").as_str(), "a.md");
        assert_eq!(FileName::from_client("../../etc/passwd", "x").as_str(), "passwd");
        assert_eq!(FileName::from_client("..", "x").as_str(), "x");
        let long = FileName::from_client(&format!("{}.pdf", "ä".repeat(500)), "x");
        assert!(long.as_str().ends_with("ä.pdf"));
        assert_eq!(long.as_str().chars().count(), 200);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(text in "\\PC{0,300}", cut in 0_usize..600) {
            let bytes = text.as_bytes();
            let (a, b) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(inspect("a.txt", &[a, b]), inspect("a.txt", &[bytes]));
        }

        #[test]
        fn a_name_from_a_client_is_a_name(raw in "\\PC{0,300}") {
            let name = FileName::from_client(&raw, "file");
            prop_assert!(FileName::parse(name.as_str()).is_ok(), "{}", name);
        }
    }
}
