//! Puts the files that a chapter includes into their places.

use std::rc::Rc;

use lyceum_domain::blobs::Sha256;

use crate::{
    book_path::BookPath,
    directives::{Directive, Directives},
    error::BookError,
    limits::Limit,
    notes::Notes,
    reader::{Reader, Unread},
    selection::{Selected, Selection},
    source::Source,
};

/// As in mdBook: a file included by a file included … this many times.
const MAX_DEPTH: usize = 10;

/// Longer ones than this are not taken over to the lines of an included file.
const MAX_INDENT: usize = 256;

/// Carries out the directives of chapters.
pub(crate) struct Includes<'r, 'a, S> {
    reader: &'r mut Reader<'a, S>,
    /// What is being included right now, the chapter first.
    open: Vec<(BookPath, Selection)>,
    count: u64,
    bytes: u64,
}

/// A directive's place.
struct Site<'a> {
    file: &'a BookPath,
    line: usize,
}

impl Site<'_> {
    fn place(&self) -> String {
        self.file.line(self.line)
    }
}

impl<'r, 'a, S: Source> Includes<'r, 'a, S> {
    pub(crate) fn new(reader: &'r mut Reader<'a, S>) -> Self {
        Self { reader, open: Vec::new(), count: 0, bytes: 0 }
    }

    /// A chapter's own text.
    pub(crate) fn text(&mut self, path: &BookPath) -> Result<Rc<str>, Unread> {
        self.reader.text(path)
    }

    /// A chapter as it stands in its file, if that has this digest.
    pub(crate) fn verbatim(&self, path: &BookPath, digest: Sha256) -> Option<String> {
        self.reader.verbatim(path, digest)
    }

    /// A chapter with all that it includes.
    pub(crate) fn expand_chapter(
        &mut self,
        path: &BookPath,
        text: &str,
        notes: &mut Notes,
    ) -> Result<String, BookError> {
        self.open.clear();
        self.open.push((path.clone(), Selection::ALL));
        self.expand(path, text, None, notes)
    }

    /// `lines` holds the number of each line of `text` in `file`, unless `text` is all of it.
    fn expand(
        &mut self,
        file: &BookPath,
        text: &str,
        lines: Option<&[usize]>,
        notes: &mut Notes,
    ) -> Result<String, BookError> {
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        let mut newlines = 0;
        for (range, directive) in Directives::of(text) {
            let before = &text[copied..range.start];
            newlines += before.matches('\n').count();
            self.push(&mut out, before)?;
            let line = lines.map_or(newlines + 1, |lines| lines.get(newlines).copied().unwrap_or_default());
            let site = Site { file, line };
            let (content, inserted) = match directive {
                Directive::Escaped(literal) => (literal.to_owned(), false),
                Directive::Title => (String::new(), false),
                Directive::Include { path, selection, again } => {
                    (self.include(&site, &path, &selection, again, notes)?, true)
                }
                Directive::Playground { path, words } => {
                    let code = self.include(&site, &path, &Selection::ALL, false, notes)?;
                    (if code.is_empty() { code } else { fenced(&code, &words) }, true)
                }
            };
            if inserted {
                self.spend(content.len(), &site)?;
            }
            let indent = indent(&out).to_owned();
            for (index, line) in content.split('\n').enumerate() {
                if index > 0 {
                    self.push(&mut out, "\n")?;
                    self.push(&mut out, &indent)?;
                }
                self.push(&mut out, line)?;
            }
            newlines += text[range.clone()].matches('\n').count();
            copied = range.end;
        }
        self.push(&mut out, &text[copied..])?;
        Ok(out)
    }

    /// The included lines, themselves expanded; nothing, and a note, if that is not possible.
    fn include(
        &mut self,
        site: &Site<'_>,
        raw: &str,
        selection: &Selection,
        again: bool,
        notes: &mut Notes,
    ) -> Result<String, BookError> {
        self.count += 1;
        let max = self.reader.limits().max_includes;
        if self.count > max {
            return Err(BookError::OverLimit { limit: Limit::Includes, max, found: self.count, place: site.place() });
        }
        match self.selected(site, raw, selection, again)? {
            Ok((path, selected)) => {
                self.open.push((path.clone(), selection.clone()));
                let text = self.expand(&path, &selected.text, Some(&selected.lines), notes)?;
                self.open.pop();
                Ok(text)
            }
            Err(why) => {
                let raw: String = raw.chars().filter(|c| !c.is_control()).take(200).collect();
                notes.add(site.place(), format!("The included file `{raw}` {why}; nothing is included."));
                Ok(String::new())
            }
        }
    }

    /// The lines to include, or why there are none as the end of "the file …".
    fn selected(
        &mut self,
        site: &Site<'_>,
        raw: &str,
        selection: &Selection,
        again: bool,
    ) -> Result<Result<(BookPath, Selected), String>, BookError> {
        let path = match site.file.folder().join(raw) {
            Ok(path) => path,
            Err(refused) => return Ok(Err(format!("is refused because its path {refused}"))),
        };
        if self.open.iter().any(|(open, lines)| *open == path && lines == selection) {
            return Ok(Err("includes itself, in the end".to_owned()));
        }
        if self.open.len() > MAX_DEPTH {
            return Ok(Err(format!("is the end of a chain of more than {MAX_DEPTH} includes")));
        }
        let text = match self.reader.text(&path) {
            Ok(text) => text,
            Err(Unread::OverLimit(error)) => return Err(error),
            Err(unread) => return Ok(Err(unread.to_string())),
        };
        self.spend(text.len(), site)?;
        let selected = selection.take(&text, again);
        if selected.lines.is_empty() && !text.is_empty() {
            return Ok(Err(match selection {
                Selection::Anchor(name) => format!("has nothing between anchors named `{name}`"),
                Selection::Lines { .. } => "does not have these lines".to_owned(),
            }));
        }
        Ok(Ok((path, selected)))
    }

    fn spend(&mut self, bytes: usize, site: &Site<'_>) -> Result<(), BookError> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let max = self.reader.limits().max_included_bytes;
        if self.bytes > max {
            let limit = Limit::IncludedBytes;
            return Err(BookError::OverLimit { limit, max, found: self.bytes, place: site.place() });
        }
        Ok(())
    }

    fn push(&self, out: &mut String, text: &str) -> Result<(), BookError> {
        let max = self.reader.limits().max_lesson_bytes;
        let found = (out.len() + text.len()) as u64;
        if found > max {
            let place = self.open.first().map_or_else(String::new, |(chapter, _)| chapter.to_string());
            return Err(BookError::OverLimit { limit: Limit::LessonBytes, max, found, place });
        }
        out.push_str(text);
        Ok(())
    }
}

/// What stands on the line before a directive, if it is white space and quotation signs only: all lines of the file
/// must begin so to stay in the same list item or quotation.
fn indent(out: &str) -> &str {
    let bytes = out.as_bytes();
    let length = bytes.iter().rev().take(MAX_INDENT + 1).take_while(|b| matches!(b, b' ' | b'\t' | b'>')).count();
    let start = out.len() - length;
    let alone = length <= MAX_INDENT && (start == 0 || bytes[start - 1] == b'\n');
    if alone { &out[start..] } else { "" }
}

/// Code as a block, between fences longer than any in it.
fn fenced(code: &str, words: &[&str]) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let info = [&["rust"], words].concat().join(",");
    format!("{fence}{info}\n{code}\n{fence}")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::{limits::Limits, source::Memory};

    fn expanded(files: &[(&'static str, &str)], limits: &Limits) -> Result<(String, Vec<String>), BookError> {
        let source = Memory::of(files);
        let mut reader = Reader::new(&source, limits);
        let mut includes = Includes::new(&mut reader);
        let mut notes = Notes::default();
        let path = BookPath::root().join("src/a.md").unwrap();
        let text = includes.text(&path).unwrap();
        let text = includes.expand_chapter(&path, &text, &mut notes)?;
        let notes = notes.into_entries("").into_iter().map(|note| format!("{}: {}", note.place, note.reason)).collect();
        Ok((text, notes))
    }

    fn good(files: &[(&'static str, &str)]) -> String {
        let (text, notes) = expanded(files, &Limits::default()).unwrap();
        assert_eq!(notes, Vec::<String>::new());
        text
    }

    #[test]
    fn paths_start_at_the_including_file() {
        let files = [
            ("src/a.md", "1 {{#include x/b.md}} 4\n"),
            ("src/x/b.md", "2 {{#include ../../c.txt:2}}\n"),
            ("c.txt", "no\n3\nno\n"),
        ];
        assert_eq!(good(&files), "1 2 3 4\n");
    }

    #[test]
    fn lines_keep_their_indent_and_quotation() {
        let files = [("src/a.md", "> ```\n> {{#include b}}\n> ```\nx {{#include b}}\n"), ("src/b", "1\n2\n")];
        assert_eq!(good(&files), "> ```\n> 1\n> 2\n> ```\nx 1\n2\n");
    }

    #[test]
    fn playground_title_and_escape() {
        let files =
            [("src/a.md", "{{#title T}}\\{{#include b}}\n{{#playground b editable}}\n"), ("src/b", "/// ```\n/// x")];
        assert_eq!(good(&files), "{{#include b}}\n````rust,editable\n/// ```\n/// x\n````\n");
    }

    #[test]
    fn a_file_may_include_another_part_of_itself() {
        let files = [("src/a.md", "{{#include a.md:x}}\n<!-- ANCHOR: x -->\nonce\n")];
        assert_eq!(good(&files), "once\n<!-- ANCHOR: x -->\nonce\n");
    }

    #[test]
    fn what_cannot_be_included_is_noted() {
        let files = [
            (
                "src/a.md",
                "a\n{{#include a.md}}\n{{#include ../../x}}{{#include /etc/passwd}}\n{{#include C:\\x}}\n{{#include no.md}}\n\
                 {{#include b:gone}}\n{{#include b:9}}\n{{#include b:in}}\n",
            ),
            ("src/b", "ANCHOR: in\n\n{{#include none}}\n"),
        ];
        let (text, notes) = expanded(&files, &Limits::default()).unwrap();
        assert_eq!(text, "a\n\n\n\n\n\n\n\n\n");
        assert_snapshot!(notes.join("\n"), @r"
        src/a.md:2: The included file `a.md` includes itself, in the end; nothing is included.
        src/a.md:3: The included file `../../x` is refused because its path leads outside of the book; nothing is included.
        src/a.md:3: The included file `/etc/passwd` is refused because its path is absolute; only paths inside the book are read; nothing is included.
        src/a.md:4: The included file `C:\x` is refused because its path is written with backslashes or a drive letter; parts of a path have `/` between them; nothing is included.
        src/a.md:5: The included file `no.md` does not exist; nothing is included.
        src/a.md:6: The included file `b` has nothing between anchors named `gone`; nothing is included.
        src/a.md:7: The included file `b` does not have these lines; nothing is included.
        src/b:3: The included file `none` does not exist; nothing is included.
        ");
    }

    #[test]
    fn a_long_chain_ends() {
        let names = [
            "src/a.md", "src/1", "src/2", "src/3", "src/4", "src/5", "src/6", "src/7", "src/8", "src/9", "src/10",
            "src/11",
        ];
        let texts: Vec<String> = (1..=names.len()).map(|next| format!("x{{{{#include {next}}}}}")).collect();
        let files: Vec<_> = names.iter().copied().zip(texts.iter().map(String::as_str)).collect();
        let (text, notes) = expanded(&files, &Limits::default()).unwrap();
        assert_eq!((text.as_str(), notes.len()), ("xxxxxxxxxxx", 1));
        assert!(notes[0].contains("a chain of more than 10 includes"), "{notes:?}");
    }

    #[test]
    fn growth_is_bounded() {
        let twice = |next: &str| format!("{{{{#include {next}}}}}{{{{#include {next}}}}}");
        let names = ["src/a.md", "src/1", "src/2", "src/3", "src/4", "src/5", "src/6", "src/7", "src/8"];
        let texts: Vec<String> = (1..=names.len()).map(|next| twice(&next.to_string()).repeat(8)).collect();
        let files: Vec<_> =
            names.iter().copied().zip(texts.iter().map(String::as_str)).chain([("src/9", "")]).collect();
        let error = expanded(&files, &Limits::default()).unwrap_err();
        assert!(matches!(error, BookError::OverLimit { limit: Limit::Includes, .. }), "{error}");

        let big = "x".repeat(1000);
        let files = [("src/a.md", &*"{{#include b}}".repeat(100)), ("src/b", &*big)];
        let error = expanded(&files, &Limits { max_lesson_bytes: 50_000, ..Limits::default() }).unwrap_err();
        assert!(matches!(error, BookError::OverLimit { limit: Limit::LessonBytes, .. }), "{error}");
        let error = expanded(&files, &Limits { max_included_bytes: 50_000, ..Limits::default() }).unwrap_err();
        assert!(matches!(error, BookError::OverLimit { limit: Limit::IncludedBytes, .. }), "{error}");
    }
}
