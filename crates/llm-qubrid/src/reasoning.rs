//! What a model thinks aloud, kept out of the answer.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Takes `<think>…</think>` out of a text that comes in pieces cut anywhere, tags included.
///
/// A tag right behind a backtick is a word of the answer (`` `<think>` ``), not a tag. White space before the answer
/// goes when there was reasoning before it. Of a block that is never closed nothing is shown.
#[derive(Default)]
pub(crate) struct ThinkFilter {
    /// What could be the beginning of a tag.
    held: String,
    is_inside: bool,
    has_thought: bool,
    /// Whether anything but white space was let through.
    has_spoken: bool,
    /// White space from before the answer's first word.
    lead: String,
    /// The last character that was let through.
    last: Option<char>,
}

impl ThinkFilter {
    /// Whether there was any reasoning.
    pub(crate) const fn has_thought(&self) -> bool {
        self.has_thought
    }

    /// Whether there was any answer.
    pub(crate) const fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    /// What of the next piece belongs to the answer; often all of it, sometimes nothing.
    pub(crate) fn push(&mut self, piece: String) -> String {
        if self.has_spoken && !self.is_inside && self.held.is_empty() && !piece.contains('<') {
            self.last = piece.chars().next_back().or(self.last);
            return piece;
        }
        let text = if self.held.is_empty() { piece } else { std::mem::take(&mut self.held) + &piece };
        let mut rest = text.as_str();
        let mut out = String::new();
        loop {
            let tag = if self.is_inside { CLOSE } else { OPEN };
            let Some(at) = rest.find(tag) else { break };
            let (head, tail) = (&rest[..at], &rest[at + tag.len()..]);
            rest = tail;
            if self.is_inside {
                self.is_inside = false;
                continue;
            }
            self.speak(head, &mut out);
            if self.last == Some('`') {
                self.speak(OPEN, &mut out);
            } else {
                self.is_inside = true;
                self.has_thought = true;
            }
        }
        let tag = if self.is_inside { CLOSE } else { OPEN };
        let kept = rest.len() - begun(rest, tag);
        if !self.is_inside {
            self.speak(&rest[..kept], &mut out);
        }
        rest[kept..].clone_into(&mut self.held);
        out
    }

    /// What was held back and turned out to be no tag.
    pub(crate) fn finish(&mut self) -> String {
        let mut out = String::new();
        if !self.is_inside {
            let held = std::mem::take(&mut self.held);
            self.speak(&held, &mut out);
        }
        out
    }

    fn speak(&mut self, text: &str, out: &mut String) {
        self.last = text.chars().next_back().or(self.last);
        if self.has_spoken {
            out.push_str(text);
            return;
        }
        let word = text.trim_start();
        if !self.has_thought {
            self.lead.push_str(&text[..text.len() - word.len()]);
        }
        if !word.is_empty() {
            self.has_spoken = true;
            if self.has_thought {
                self.lead.clear();
            }
            out.push_str(&std::mem::take(&mut self.lead));
            out.push_str(word);
        }
    }
}

/// How many bytes at the end of a text could be the beginning of the tag.
fn begun(text: &str, tag: &str) -> usize {
    (1..tag.len()).rev().find(|n| text.ends_with(&tag[..*n])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filtered(pieces: &[&str]) -> String {
        let mut filter = ThinkFilter::default();
        let mut out: String = pieces.iter().map(|piece| filter.push((*piece).to_owned())).collect();
        out.push_str(&filter.finish());
        out
    }

    #[test]
    fn reasoning_is_taken_out_wherever_it_is_cut() {
        for (text, answer) in [
            ("<think>hm, é</think>\n\nYes.", "Yes."),
            ("\n<think></think>Yes.<think>or</think> No.", "Yes. No."),
            ("  indented", "  indented"),
            ("a < b and <thin and </think> stay", "a < b and <thin and </think> stay"),
            ("the tag `<think>` is one", "the tag `<think>` is one"),
            ("only <think>cut", "only "),
            ("<think>all of it", ""),
            ("ends in <thi", "ends in <thi"),
            (" \n ", ""),
        ] {
            assert_eq!(filtered(&[text]), answer);
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                assert_eq!(filtered(&[&text[..at], &text[at..]]), answer, "cut at {at}");
            }
            let chars: Vec<_> = text.chars().map(String::from).collect();
            assert_eq!(filtered(&chars.iter().map(String::as_str).collect::<Vec<_>>()), answer);
        }
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(pieces in proptest::collection::vec("(<think>|</think>|<|`|th|ink>| |é|\n){0,4}", 0..12)) {
            let whole = pieces.concat();
            let pieces: Vec<_> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(filtered(&pieces), filtered(&[&whole]));
        }
    }
}
