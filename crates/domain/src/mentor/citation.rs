//! From the numbers in an answer to what it rests on.

mod prose;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::mentor::{NumberedPassage, Source};

/// What an answer cites.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Citations {
    /// The sources of the numbers that are there, each once, in the order of the numbers.
    pub sources: Vec<Source>,
    /// How many different numbers name no passage.
    pub dropped: u32,
}

/// No citation is longer, in bytes.
const LONGEST: usize = 64;
/// No number has more digits.
const DIGITS: usize = 6;
/// A range counts for so many numbers, at most.
const RANGE: u32 = 20;

/// Reads the numbers in square brackets, as `[1]`, `[2, 3]`, `[1–3]`, `[1][4]` or `【1】`, outside of code. One that names
/// no passage of the prompt names nothing, however sure the model is.
///
/// Brackets that Markdown or a program would read are none of ours: links, footnotes, definitions, indices. Prose often
/// has no space before a citation, and Chinese never has, so only what looks like a name in a program makes an index of
/// the number behind it. Takes time in proportion to the length of the answer, whatever is in it.
pub fn cited(answer: &str, passages: &[NumberedPassage]) -> Citations {
    let mut numbers = BTreeSet::new();
    prose::each(answer, |prose| read(prose, &mut numbers));
    let mut citations = Citations::default();
    for number in numbers {
        match passages.iter().find(|passage| passage.number == number) {
            Some(passage) => citations.sources.push(passage.source.clone()),
            None => citations.dropped = citations.dropped.saturating_add(1),
        }
    }
    citations
}

/// Those of the sources that an answer cites: for one that broke off, whose prompt is not at hand.
pub fn cited_among(answer: &str, mut sources: Vec<Source>) -> Vec<Source> {
    let mut numbers = BTreeSet::new();
    prose::each(answer, |prose| read(prose, &mut numbers));
    sources.retain(|source| numbers.contains(&source.citation));
    sources
}

/// Reads the citations of a piece without code.
fn read(prose: &str, numbers: &mut BTreeSet<u32>) {
    // Where brackets that are no citation ended last: those directly behind belong to them.
    let mut refused = None;
    let mut at = 0;
    while let Some(found) = prose[at..].find(['[', ']', '【', '［']) {
        let opens = at + found;
        let bracket = prose[opens..].chars().next().unwrap_or('[');
        at = opens + bracket.len_utf8();
        if bracket == ']' {
            refused = Some(at);
            continue;
        }
        let Some((cited, length)) = bracketed(&prose[at..], bracket) else { continue };
        let (before, after) = (&prose[..opens], &prose[at + length..]);
        at += length;
        if refused == Some(opens) || is_markup(before, after) || is_index(before, after) {
            refused = Some(at);
        } else {
            numbers.extend(cited);
        }
    }
}

/// The numbers between a bracket and its end, and how long both are in bytes.
fn bracketed(after: &str, bracket: char) -> Option<(BTreeSet<u32>, usize)> {
    let closing = match bracket {
        '【' => '】',
        '［' => '］',
        _ => ']',
    };
    let mut numbers = BTreeSet::new();
    let mut groups = Groups::default();
    let mut is_note = false;
    for (at, c) in after.char_indices().take_while(|(at, _)| *at < LONGEST) {
        if c == closing {
            groups.end_into(&mut numbers)?;
            // An interval or an array, as `[0, 1]`: passages are numbered from 1.
            return (numbers.len() == 1 || !numbers.contains(&0)).then_some((numbers, at + c.len_utf8()));
        }
        // `【1†source】`, as some models have learned it.
        is_note |= c == '†' && bracket == '【';
        if matches!(c, '\n' | '[' | '【' | '［') {
            return None;
        }
        if !is_note {
            groups.take(c, &mut numbers)?;
        }
    }
    None
}

/// Reads `2, 4–6` one character at a time.
#[derive(Default)]
struct Groups {
    from: Option<u32>,
    digits: String,
}

impl Groups {
    fn take(&mut self, c: char, numbers: &mut BTreeSet<u32>) -> Option<()> {
        let digit = match c {
            '０'..='９' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            c => c,
        };
        match digit {
            '0'..='9' if self.digits.len() < DIGITS && !self.digits.ends_with(' ') => self.digits.push(digit),
            ' ' | '\u{a0}' => {
                if !self.digits.is_empty() && !self.digits.ends_with(' ') {
                    self.digits.push(' ');
                }
            }
            ',' | ';' | '，' | '、' => self.end_into(numbers)?,
            '-' | '–' | '—' | '‑' if self.from.is_none() => self.from = Some(self.number()?),
            _ => return None,
        }
        Some(())
    }

    fn number(&mut self) -> Option<u32> {
        std::mem::take(&mut self.digits).trim_end().parse().ok()
    }

    /// Ends a number or a range. Of a range that is too long its beginning and its end count, of one that goes backwards
    /// both ends.
    fn end_into(&mut self, numbers: &mut BTreeSet<u32>) -> Option<()> {
        let last = self.number()?;
        let first = self.from.take().unwrap_or(last);
        numbers.extend((first..=last).take(RANGE as usize));
        numbers.extend([first, last]);
        Some(())
    }
}

/// Whether Markdown reads the brackets: a link, an image, a definition at the beginning of a line.
fn is_markup(before: &str, after: &str) -> bool {
    let line = before.trim_end_matches(' ');
    let begins_line = before.len() - line.len() <= 3 && (line.is_empty() || line.ends_with('\n'));
    after.starts_with('(') || before.ends_with('\\') || after.starts_with(':') && begins_line
}

/// Whether a program would read the brackets: an index behind a name or a call, an array behind an operator.
fn is_index(before: &str, after: &str) -> bool {
    let has_member = |mark: &str| {
        after.strip_prefix(mark).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '_'))
    };
    if has_member(".") || has_member("::") || after.trim_start_matches(' ').starts_with('=') {
        return true;
    }
    let near = &before[before.ceil_char_boundary(before.len().saturating_sub(LONGEST))..];
    match near.chars().next_back() {
        Some('!') => near.ends_with("vec!"),
        Some(')') => is_call(near),
        Some(c) if c.is_ascii_alphanumeric() || c == '_' => is_name(near),
        _ => near.trim_end().ends_with(['=', '&']),
    }
}

/// Whether the text ends with a call, as `f(x)`; brackets behind a remark (as here) are prose.
fn is_call(text: &str) -> bool {
    let opens = text.rfind('(').unwrap_or_default();
    text[..opens].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether the text ends with a word that is a name in a program rather than one of a language: of one letter, with an
/// underscore, a digit or a capital inside, a member of something, or one that everybody's arrays are called by.
fn is_name(text: &str) -> bool {
    const ARRAYS: [&str; 12] = ["arg", "args", "argv", "arr", "buf", "idx", "nums", "ptr", "tmp", "vec", "xs", "ys"];
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let start = text.trim_end_matches(is_part).len();
    let (before, word) = text.split_at(start);
    let Some(first) = word.chars().next() else { return false };
    if before.ends_with(|c: char| c.is_alphanumeric()) || first.is_ascii_digit() {
        return false;
    }
    let inside = &word[1..];
    inside.is_empty()
        || word.contains(|c: char| c == '_' || c.is_ascii_digit())
        || first.is_ascii_lowercase() && inside.contains(|c: char| c.is_ascii_uppercase())
        || before.ends_with(['.', '&', '*', '$'])
        || ARRAYS.contains(&word)
}
