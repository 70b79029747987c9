//! `SUMMARY.md`: the table of contents, read as mdBook reads it.
//!
//! A heading (ignored but for the book's title), then chapters outside of lists (before the numbered ones), then lists
//! of numbered chapters with part titles between them, then chapters outside of lists again. The first paragraph after
//! a list begins the last section; no list may come after that.

use pulldown_cmark::{Event, HeadingLevel, OffsetIter, Options, Parser, Tag, TagEnd};

use crate::{
    book_path::BookPath,
    book_toml::one_line,
    error::BookError,
    limits::{Limit, Limits},
};

/// How many levels of chapters there may be.
pub(crate) const MAX_LEVELS: u8 = 16;

/// A table of contents.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// The heading at its beginning.
    pub(crate) title: Option<String>,
    /// In reading order.
    pub(crate) chapters: Vec<Chapter>,
    /// Lines with something that looks like a chapter but is none, and why.
    pub(crate) ignored: Vec<(usize, &'static str)>,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chapter {
    pub(crate) title: String,
    /// The path as written, without its percent signs undone; `None` for a draft.
    pub(crate) target: Option<String>,
    pub(crate) number: Option<String>,
    pub(crate) depth: u8,
    pub(crate) part: Option<String>,
    pub(crate) line: usize,
}

/// Reads the text of the file at `path`.
pub(crate) fn parse(text: &str, path: &BookPath, limits: &Limits) -> Result<Summary, BookError> {
    let mut reading = Reading {
        events: Parser::new_ext(text, Options::empty()).into_offset_iter(),
        back: None,
        offset: 0,
        line_starts: std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect(),
        path,
        limits,
        part: None,
        summary: Summary::default(),
    };
    reading.title();
    reading.prefix()?;
    reading.numbered()?;
    reading.suffix()?;
    Ok(reading.summary)
}

struct Reading<'a> {
    events: OffsetIter<'a>,
    /// An event that was looked at too early.
    back: Option<Event<'a>>,
    /// Where the last event began.
    offset: usize,
    line_starts: Vec<usize>,
    path: &'a BookPath,
    limits: &'a Limits,
    /// The part title above the chapters being read.
    part: Option<String>,
    summary: Summary,
}

const NOT_A_LINK: &str = "an item of the list must be a link to its chapter and nothing else";
const AFTER_SUFFIX: &str =
    "no list and no part title may follow a chapter that stands outside of the lists, after the numbered ones";

impl<'a> Reading<'a> {
    fn next(&mut self) -> Option<Event<'a>> {
        self.back.take().or_else(|| {
            let (event, range) = self.events.next()?;
            self.offset = range.start;
            Some(event)
        })
    }

    fn line(&self) -> usize {
        self.line_starts.partition_point(|start| *start <= self.offset)
    }

    fn error(&self, reason: &str) -> BookError {
        BookError::Summary { place: self.path.line(self.line()), reason: reason.to_owned() }
    }

    fn title(&mut self) {
        while let Some(event) = self.next() {
            match event {
                Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => {
                    self.summary.title = one_line(&self.text_until(TagEnd::Heading(HeadingLevel::H1)));
                    return;
                }
                Event::Html(_) | Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {}
                other => {
                    self.back = Some(other);
                    return;
                }
            }
        }
    }

    fn prefix(&mut self) -> Result<(), BookError> {
        while let Some(event) = self.next() {
            match event {
                Event::Start(Tag::List(_) | Tag::Heading { level: HeadingLevel::H1, .. }) => {
                    self.back = Some(event);
                    break;
                }
                Event::Start(Tag::Link { dest_url, .. }) => self.chapter(&dest_url, None, 0)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn suffix(&mut self) -> Result<(), BookError> {
        self.part = None;
        while let Some(event) = self.next() {
            match event {
                Event::Start(Tag::List(_) | Tag::Heading { level: HeadingLevel::H1, .. }) => {
                    return Err(self.error(AFTER_SUFFIX));
                }
                Event::Start(Tag::Link { dest_url, .. }) => self.chapter(&dest_url, None, 0)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// All parts; the numbers run through them.
    fn numbered(&mut self) -> Result<(), BookError> {
        let mut count = 0;
        while let Some(event) = self.next() {
            match event {
                Event::Start(Tag::Paragraph) => {
                    self.back = Some(event);
                    break;
                }
                Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => {
                    self.part = one_line(&self.text_until(TagEnd::Heading(HeadingLevel::H1)));
                }
                other => self.back = Some(other),
            }
            self.part(&mut count)?;
        }
        Ok(())
    }

    /// The lists of one part.
    fn part(&mut self, count: &mut u32) -> Result<(), BookError> {
        // A paragraph right under the part's title belongs to the part; any later one ends the numbered chapters.
        let mut first = true;
        while let Some(event) = self.next() {
            match event {
                Event::Start(Tag::Paragraph) if first => {}
                Event::Start(Tag::Paragraph | Tag::Heading { level: HeadingLevel::H1, .. }) => {
                    self.back = Some(event);
                    break;
                }
                Event::Start(Tag::List(_)) => self.list(&[], count, 0)?,
                Event::Start(other) => {
                    if matches!(other, Tag::Link { .. }) {
                        self.ignore("a link right below a part title, outside of a list, is no chapter for mdBook.");
                    }
                    let end = Event::End(other.to_end());
                    while self.next().is_some_and(|event| event != end) {}
                }
                _ => {}
            }
            first = false;
        }
        Ok(())
    }

    /// A list whose start was just read. `count` is how many chapters its level has already.
    fn list(&mut self, parent: &[u32], count: &mut u32, depth: u8) -> Result<(), BookError> {
        if depth >= MAX_LEVELS {
            return Err(BookError::TooDeep { place: self.path.line(self.line()), max: MAX_LEVELS });
        }
        let number = |count: u32| [parent, &[count]].concat();
        let mut below = 0;
        while let Some(event) = self.next() {
            match event {
                Event::Start(Tag::Item) => {
                    let is_chapter = self.item(&number(*count + 1), depth)?;
                    if is_chapter {
                        *count += 1;
                        below = 0;
                    }
                }
                // mdBook forgets the first of two lists below one chapter. Here both stay, numbered as one.
                Event::Start(Tag::List(_)) => self.list(&number(*count), &mut below, depth + 1)?,
                Event::Start(Tag::Link { .. }) => {
                    self.ignore("only the first link of an item is its chapter; this one is ignored.");
                }
                Event::End(TagEnd::List(_)) => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// The chapter of an item whose start was just read; `false` if the item holds nothing but comments.
    fn item(&mut self, number: &[u32], depth: u8) -> Result<bool, BookError> {
        let mut comment = false;
        loop {
            match self.next() {
                Some(Event::Start(Tag::Link { dest_url, .. })) => {
                    self.chapter(&dest_url, Some(number), depth)?;
                    return Ok(true);
                }
                Some(Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph)) => {}
                Some(
                    Event::Html(_)
                    | Event::InlineHtml(_)
                    | Event::Start(Tag::HtmlBlock)
                    | Event::End(TagEnd::HtmlBlock),
                ) => comment = true,
                Some(Event::Text(text)) if comment && text.trim().is_empty() => {}
                Some(Event::End(TagEnd::Item)) if comment => return Ok(false),
                _ => return Err(self.error(NOT_A_LINK)),
            }
        }
    }

    /// Adds the chapter of a link whose start was just read.
    fn chapter(&mut self, target: &str, number: Option<&[u32]>, depth: u8) -> Result<(), BookError> {
        let line = self.line();
        let found = self.summary.chapters.len() as u64 + 1;
        if found > self.limits.max_lessons {
            let (max, place) = (self.limits.max_lessons, self.path.line(line));
            return Err(BookError::OverLimit { limit: Limit::Lessons, max, found, place });
        }
        let title = one_line(&self.text_until(TagEnd::Link)).unwrap_or_default();
        self.summary.chapters.push(Chapter {
            title,
            target: (!target.is_empty()).then(|| target.to_owned()),
            number: number.map(|parts| parts.iter().map(u32::to_string).collect::<Vec<_>>().join(".")),
            depth,
            part: self.part.clone(),
            line,
        });
        Ok(())
    }

    fn ignore(&mut self, reason: &'static str) {
        self.summary.ignored.push((self.line(), reason));
    }

    /// Plain text up to the end of the element; code keeps its backticks, as titles are shown that way.
    fn text_until(&mut self, end: TagEnd) -> String {
        let mut out = String::new();
        while let Some(event) = self.next() {
            match event {
                Event::End(tag) if tag == end => break,
                Event::Text(text) => out.push_str(&text),
                Event::Code(code) => {
                    let (open, close) = if code.contains('`') { ("`` ", " ``") } else { ("`", "`") };
                    out.extend([open, &code, close]);
                }
                Event::SoftBreak | Event::HardBreak => out.push(' '),
                _ => {}
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
