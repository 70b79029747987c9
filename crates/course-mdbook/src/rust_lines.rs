//! Lines of Rust listings that begin with `#`: mdBook hides most of them.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use crate::tags;

/// A line whose first sign is `#`, behind any indent and quotation signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignedLine<'a> {
    /// Where the line begins.
    pub(crate) start: usize,
    /// Where the sign is.
    pub(crate) sign: usize,
    /// Where the next line begins.
    pub(crate) end: usize,
    /// What follows the sign, with the newline.
    pub(crate) rest: &'a str,
}

/// All such lines of a Markdown text that stand in fenced Rust code.
pub(crate) fn signed(text: &str) -> Vec<SignedLine<'_>> {
    let mut found = Vec::new();
    let mut in_rust = false;
    for (event, range) in Parser::new_ext(text, tags::options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                in_rust = info.split([',', ' ', '\t']).next() == Some("rust");
            }
            Event::End(TagEnd::CodeBlock) => in_rust = false,
            Event::Text(_) if in_rust => {
                let mut start = range.start;
                for line in text[range].split_inclusive('\n') {
                    found.extend(signed_line(text, start, line));
                    start += line.len();
                }
            }
            _ => {}
        }
    }
    found
}

/// `line` begins at `at`, behind any indent and quotation signs that belong to what the listing stands in.
fn signed_line<'a>(text: &'a str, at: usize, line: &'a str) -> Option<SignedLine<'a>> {
    let code = line.trim_start();
    let rest = code.strip_prefix('#')?;
    let sign = at + (line.len() - code.len());
    let start = text[..sign].rfind('\n').map_or(0, |newline| newline + 1);
    let only_indent = text[start..sign].bytes().all(|b| matches!(b, b' ' | b'\t' | b'>'));
    only_indent.then_some(SignedLine { start, sign, end: at + line.len(), rest })
}
