//! What others wrote, made so that it stays a quotation.
//!
//! What holds is how it stands there: every line of it comes behind a bar, and a block begins and ends only with a mark
//! at the beginning of a line, so that no text whatever can begin or end one. On top of that, marks that are written out
//! in a text lose their bracket: for the eye of a model that is less strict, and for the tokens that a model's own
//! format is made of.

use super::lookalike::{fold, is_combining, visible};
use crate::text;

/// The marks of the template.
pub(super) const MARKS: [&str; 5] = ["data", "learner", "course", "lesson", "passage"];
/// Names of blocks that other templates have.
const BLOCKS: [&str; 20] = [
    "assistant",
    "context",
    "conversation",
    "courses",
    "developer",
    "document",
    "documents",
    "history",
    "instruction",
    "instructions",
    "lesson_in_question",
    "lessons",
    "message",
    "messages",
    "passages",
    "prompt",
    "question",
    "rules",
    "system",
    "user",
];
/// Tokens in angle brackets of which the formats of models are made; those with bars are known by their bars.
const TOKENS: [&str; 15] = [
    "bos",
    "end_of_turn",
    "eop",
    "eos",
    "inst",
    "pad",
    "s",
    "sop",
    "start_of_turn",
    "sys",
    "think",
    "thinking",
    "tool_call",
    "tool_response",
    "unk",
];
/// The same in square brackets.
const SQUARE_TOKENS: [&str; 8] = [
    "AVAILABLE_TOOLS",
    "INST",
    "MODEL_SETTINGS",
    "SYSTEM_PROMPT",
    "THINK",
    "TOOL_CALLS",
    "TOOL_CONTENT",
    "TOOL_RESULTS",
];
/// What an angle bracket becomes.
const DEFUSED: char = '‹';
/// What a square bracket becomes.
const DEFUSED_SQUARE: char = '⁅';
/// How many characters of a mark are looked at.
const LOOKED_AT: usize = 40;
/// The longest line, in characters: a title or a heading of ours is shorter.
const LINE: usize = 240;

/// A title, a heading or a number: one line, whatever it was, in which no number of a passage is.
pub(super) fn line(raw: &str) -> String {
    let joined = visible(raw).split_whitespace().collect::<Vec<_>>().join(" ");
    text::shortened(&without_citations(&defused(&joined, Place::Quotation)), LINE)
}

/// Writes a text with a bar before every line.
pub(super) fn block(out: &mut String, raw: &str) {
    for line in defused(visible(raw).trim_matches('\n'), Place::Quotation).split('\n') {
        out.push_str(if line.is_empty() { "|" } else { "| " });
        out.push_str(line);
        out.push('\n');
    }
}

/// What the learner or the mentor said: a message of its own, as it was, but for what would read as a mark of ours or a
/// token of a model's format.
pub(super) fn spoken(raw: &str) -> String {
    defused(&visible(raw), Place::Message)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Quotation,
    Message,
}

/// The text with another bracket before every mark.
fn defused(text: &str, place: Place) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = '\n';
    let mut is_line_start = true;
    while let Some(c) = rest.chars().next() {
        let taken = if let Some(length) = opening(rest).filter(|length| {
            let is_generic = before.is_ascii_alphanumeric() || matches!(before, '_' | ':');
            begins_a_mark(&rest[*length..], place, is_line_start, is_generic)
        }) {
            out.push(DEFUSED);
            length
        } else if fold(c) == '[' && begins_a_square_token(&rest[c.len_utf8()..]) {
            out.push(DEFUSED_SQUARE);
            c.len_utf8()
        } else {
            out.push(c);
            c.len_utf8()
        };
        is_line_start = c == '\n' || is_line_start && (c.is_whitespace() || is_combining(c));
        before = c;
        rest = &rest[taken..];
    }
    out
}

/// How long the angle bracket at the beginning is in bytes, if there is one: itself, a lookalike, or an entity of HTML.
fn opening(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if fold(first) == '<' {
        return Some(first.len_utf8());
    }
    if first != '&' {
        return None;
    }
    let head: String = text.chars().take(LOOKED_AT).take_while(char::is_ascii).collect::<String>().to_ascii_lowercase();
    let mut entity = &head[1..];
    while let Some(again) = entity.strip_prefix("amp;") {
        entity = again;
    }
    let after = if let Some(hexadecimal) = entity.strip_prefix("#x") {
        hexadecimal.trim_start_matches('0').strip_prefix("3c")
    } else if let Some(decimal) = entity.strip_prefix('#') {
        decimal.trim_start_matches('0').strip_prefix("60")
    } else {
        entity.strip_prefix("lt")
    }?;
    let after = after.strip_prefix(';').unwrap_or(after);
    Some(head.len() - after.len())
}

/// Whether what follows an angle bracket makes it one of a mark. `is_generic`: it follows a word, as in `Vec<Course>`.
fn begins_a_mark(after: &str, place: Place, is_line_start: bool, is_generic: bool) -> bool {
    let mut chars = after.chars().filter(|c| !is_combining(*c)).take(LOOKED_AT).peekable();
    let mut brackets = 1;
    let mut is_closing = false;
    let mut is_spaced = false;
    while let Some(c) = chars.peek().copied() {
        match fold(c) {
            '<' => brackets += 1,
            '/' | '\\' | '!' => is_closing = true,
            '|' => {
                // `<|im_start|>`, but not an operator between spaces.
                chars.next();
                return !is_spaced && chars.next().is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '▁'));
            }
            c if c.is_whitespace() && c != '\n' => is_spaced = true,
            _ => break,
        }
        chars.next();
    }
    let is_type = is_generic && !is_closing && chars.peek().is_some_and(|c| c.is_uppercase());
    let mut name = String::new();
    while let Some(c) = chars.next_if(|c| fold(*c).is_alphanumeric() || *c == '_') {
        name.push(fold(c));
    }
    let is_one_of = |names: &[&str]| names.contains(&name.as_str());
    let mut rest = chars.clone().skip_while(|c| c.is_whitespace()).peekable();
    let has_attribute = rest.peek().is_some_and(|c| c.is_alphabetic())
        && rest.clone().find(|c| !fold(*c).is_alphanumeric()).is_some_and(|c| fold(c) == '=');
    let has_end = rest.peek().is_some_and(|c| fold(*c) == '>');
    // `i < data.len()` compares.
    let is_operand = !is_closing
        && (chars.peek().is_some_and(|c| matches!(c, '.' | ',' | ';' | ':' | '(' | ')' | '[' | ']'))
            || is_spaced && !has_attribute && !has_end);
    if brackets > 1 && name == "title" {
        // The line in which a model is to name the conversation.
        return place == Place::Quotation && !is_spaced && chars.peek().is_some_and(|c| fold(*c) == ':');
    }
    if is_one_of(&TOKENS) {
        return !is_type && has_end;
    }
    match place {
        Place::Quotation => !is_type && !is_operand && (is_one_of(&MARKS) || is_one_of(&BLOCKS)),
        Place::Message => is_line_start && is_one_of(&MARKS),
    }
}

fn begins_a_square_token(after: &str) -> bool {
    bracketed(after).is_some_and(|(name, _)| SQUARE_TOKENS.contains(&name.trim_start_matches('/').trim()))
}

/// What stands before the next closing square bracket, if that is near, and the bracket.
fn bracketed(after: &str) -> Option<(&str, char)> {
    let (at, end) = after.char_indices().take(LOOKED_AT).find(|(_, c)| fold(*c) == ']')?;
    Some((&after[..at], end))
}

/// With parentheses instead of brackets around numbers: only passages are numbered so.
fn without_citations(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let inner = bracketed(rest).filter(|(inner, _)| fold(c) == '[' && is_citation(inner));
        if let Some((inner, end)) = inner {
            out.push('(');
            out.push_str(inner);
            out.push(')');
            rest = &rest[inner.len() + end.len_utf8()..];
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether it is a number or several, as a model would cite them.
fn is_citation(inner: &str) -> bool {
    let numbers = inner.split('†').next().unwrap_or(inner);
    numbers.contains(char::is_numeric)
        && numbers.chars().all(|c| c.is_numeric() || c.is_whitespace() || matches!(c, ',' | ';' | '-' | '–' | '—'))
}
