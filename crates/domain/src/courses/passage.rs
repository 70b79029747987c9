//! Passages: a lesson cut into pieces that fit a prompt and can be cited.

use crate::{
    ids::{CourseId, LessonId, PassageId},
    text,
};

/// A passage that was found, with what is needed to cite it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Its row.
    pub id: PassageId,
    /// The lesson it is from.
    pub lesson: LessonId,
    /// That lesson's course.
    pub course: CourseId,
    /// The lesson's title.
    pub lesson_title: String,
    /// The lesson's number, if it has one.
    pub lesson_number: Option<String>,
    /// The heading it stands under; the lesson's title before the first one.
    pub heading: String,
    /// Its text, Markdown.
    pub text: String,
}

/// A passage as it is cut from a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassageDraft {
    /// The heading it stands under; empty before the first one.
    pub heading: String,
    /// Its text, Markdown: whole paragraphs, lists and listings.
    pub text: String,
}

/// A passage grows to about this many characters; only a single longer paragraph makes a longer one.
const TARGET: usize = 900;
/// A longer piece is cut hard: one paragraph of a hostile book must not fill the prompt.
const MAX: usize = 2_400;

/// A heading is cut here: it stands with every passage below it.
const HEADING_MAX: usize = 200;

/// Cuts Markdown into passages: at headings always, else at paragraphs, never inside a fenced listing unless that
/// alone is longer than a passage may be.
pub fn passages(markdown: &str) -> Vec<PassageDraft> {
    let mut cutter = Cutter::default();
    for line in markdown.lines() {
        cutter.take(line);
    }
    cutter.end_block();
    cutter.end_passage();
    cutter.done
}

#[derive(Default)]
struct Cutter {
    heading: String,
    block: String,
    passage: String,
    fence: Option<Fence>,
    done: Vec<PassageDraft>,
}

/// The run of characters that opened a listing; the same character, as often or oftener, closes it.
#[derive(Clone, Copy)]
pub(super) struct Fence {
    mark: char,
    length: usize,
}

impl Fence {
    pub(super) fn is_closed_by(self, other: Self) -> bool {
        other.mark == self.mark && other.length >= self.length
    }
}

impl Cutter {
    fn take(&mut self, line: &str) {
        let fence = fence(line);
        match (self.fence, fence) {
            (Some(open), Some((close, bare))) if bare && open.is_closed_by(close) => {
                self.fence = None;
            }
            (Some(_), _) => {}
            (None, Some((open, _))) => self.fence = Some(open),
            (None, None) => {
                if let Some(title) = heading(line) {
                    self.end_block();
                    self.end_passage();
                    self.heading = text::shortened(title, HEADING_MAX);
                    return;
                }
                if line.trim().is_empty() {
                    self.end_block();
                    return;
                }
            }
        }
        self.block.push_str(line.trim_end());
        self.block.push('\n');
    }

    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        let block = block.trim_matches('\n');
        if block.is_empty() {
            return;
        }
        let (have, more) = (self.passage.chars().count(), block.chars().count());
        if have > 0 && have + more > TARGET {
            self.end_passage();
        }
        if !self.passage.is_empty() {
            self.passage.push_str("\n\n");
        }
        self.passage.push_str(block);
    }

    fn end_passage(&mut self) {
        let mut rest = std::mem::take(&mut self.passage);
        while !rest.is_empty() {
            let tail = rest.char_indices().nth(MAX).map_or(rest.len(), |(at, _)| at);
            let tail = rest.split_off(tail);
            self.done.push(PassageDraft { heading: self.heading.clone(), text: rest });
            rest = tail;
        }
    }
}

/// The fence of a listing, if the line is one, and whether nothing stands behind it.
pub(super) fn fence(line: &str) -> Option<(Fence, bool)> {
    let text = line.trim_start();
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = text.chars().take_while(|c| *c == mark).count();
    (length >= 3).then(|| (Fence { mark, length }, text[length..].trim().is_empty()))
}

fn heading(line: &str) -> Option<&str> {
    let text = line.strip_prefix('#')?.trim_start_matches('#');
    (text.starts_with(' ') && line.len() - text.len() <= 6).then(|| text.trim().trim_end_matches('#').trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_lesson_is_cut_at_headings_and_keeps_listings_whole() {
        let lesson = "# Ownership\n\nIntro.\n\n## Rules\n\nOne owner.\n\n```rust\n# hidden\n\nlet s = 1;\n```\n";
        assert_eq!(
            passages(lesson),
            vec![
                PassageDraft { heading: "Ownership".into(), text: "Intro.".into() },
                PassageDraft {
                    heading: "Rules".into(),
                    text: "One owner.\n\n```rust\n# hidden\n\nlet s = 1;\n```".into()
                },
            ]
        );
    }

    #[test]
    fn a_heading_is_bounded() {
        let cut = passages(&format!("# {}\n\nText.", "zebra ".repeat(100_000)));
        assert!(cut[0].heading.chars().count() <= HEADING_MAX + 1);
    }

    proptest! {
        #[test]
        fn passages_are_bounded_and_never_empty(lesson in "([#`~ a-zäß\n]{0,40}\n){0,80}") {
            for passage in passages(&lesson) {
                prop_assert!(!passage.text.trim().is_empty() || passage.text.contains(char::is_whitespace));
                prop_assert!(passage.text.chars().count() <= MAX);
            }
        }

        #[test]
        fn nothing_is_lost(words in proptest::collection::vec("[a-z]{1,30}", 0..400)) {
            let lesson = words.join("\n\n");
            let text: Vec<_> = passages(&lesson).iter().flat_map(|p| p.text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
            prop_assert_eq!(text, words);
        }
    }
}
