//! Replacements at places in a text, made all at once.

use std::ops::Range;

/// What is to be replaced by what.
#[derive(Default)]
pub(crate) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    pub(crate) fn replace(&mut self, range: Range<usize>, with: impl Into<String>) {
        self.0.push((range, with.into()));
    }

    /// Takes out a tag, and the line it stands on if nothing else does; of empty lines above and below, one stays.
    pub(crate) fn remove(&mut self, text: &str, range: Range<usize>) {
        let (Some(start), Some(end)) = (blank_before(text, range.start), blank_after(text, range.end)) else {
            return self.replace(range, "");
        };
        let below = blank_after(text, end).filter(|_| blank_above(text, start));
        self.replace(start..below.unwrap_or(end), "");
    }

    /// The text with all of them made. Where two overlap, the one that begins first wins.
    pub(crate) fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        for (range, with) in self.0 {
            if range.start >= copied {
                out.push_str(&text[copied..range.start]);
                out.push_str(&with);
                copied = range.end;
            }
        }
        out.push_str(&text[copied..]);
        out
    }
}

// All three look no further than the first byte that is not blank, so that a text of one long line costs no more than
// another.

/// The beginning of the line, if only white space and quotation signs stand on it before `at`.
pub(crate) fn blank_before(text: &str, at: usize) -> Option<usize> {
    let before = &text.as_bytes()[..at];
    let start = at - before.iter().rev().take_while(|b| is_blank(**b)).count();
    (start == 0 || before[start - 1] == b'\n').then_some(start)
}

/// The beginning of the next line, if only white space and quotation signs stand on this one from `at` on.
pub(crate) fn blank_after(text: &str, at: usize) -> Option<usize> {
    let after = &text.as_bytes()[at..];
    let blanks = after.iter().take_while(|b| is_blank(**b)).count();
    match after.get(blanks) {
        None => Some(text.len()),
        Some(b'\n') => Some(at + blanks + 1),
        Some(_) => None,
    }
}

/// Whether the line above the one that begins at `start` is blank or does not exist.
pub(crate) fn blank_above(text: &str, start: usize) -> bool {
    start == 0 || blank_before(text, start - 1).is_some()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'>')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(text: &str, tag: &str) -> String {
        let at = text.find(tag).unwrap();
        let mut edits = Edits::default();
        edits.remove(text, at..at + tag.len());
        edits.apply(text)
    }

    #[test]
    fn lines_go_with_what_stood_on_them() {
        assert_eq!(without("a\n\n<x>\n\nb\n", "<x>"), "a\n\nb\n");
        assert_eq!(without("> a\n> <x> \n> b\n", "<x>"), "> a\n> b\n");
        assert_eq!(without("a <x> b\n", "<x>"), "a  b\n");
        assert_eq!(without("<x>\n\nb", "<x>"), "b");
        assert_eq!(without("a\n\n<x>", "<x>"), "a\n\n");
    }

    #[test]
    fn the_first_wins() {
        let mut edits = Edits::default();
        edits.replace(4..5, "");
        edits.replace(1..3, "BC");
        edits.replace(2..4, "no");
        assert_eq!(edits.apply("abcdef"), "aBCdf");
    }
}
