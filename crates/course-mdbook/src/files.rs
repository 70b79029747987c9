//! The files that come with the chapters: as for mdBook, everything below the chapters' folder that is no Markdown.

use std::collections::HashSet;

use lyceum_domain::courses::{FileDraft, FilePath};

use crate::{
    book_path::BookPath,
    limits::Limits,
    notes::{Notes, printable},
    source::{Listed, ListedKind, Source, SourceError, digest},
};

/// All files below `folder`, by path. Hidden ones are no part of a book; `left_out` and the `chapters` are none of its
/// files. What is above a limit, or cannot be read, is noted.
pub(crate) fn of_course<S: Source>(
    source: &S,
    left_out: &HashSet<BookPath>,
    folder: &BookPath,
    chapters: &HashSet<BookPath>,
    limits: &Limits,
    notes: &mut Notes,
) -> Vec<FileDraft> {
    let mut walk = Walk { source, limits, notes, bytes: 0, files: Vec::new() };
    let mut seen = 0;
    let mut open = vec![folder.clone()];
    while let Some(next) = open.pop() {
        let left = usize::try_from(limits.max_entries).unwrap_or(usize::MAX).saturating_sub(seen);
        let listed = match source.list(&next, left) {
            Ok(listed) => listed,
            Err(error) => {
                walk.notes.add(next.to_string(), format!("The files in this folder are passed over: it {error}."));
                continue;
            }
        };
        seen += listed.len();
        for Listed { name, is_utf8, kind } in listed.into_iter().filter(|listed| !listed.name.starts_with('.')) {
            let path = match next.join(&name) {
                Ok(path) if is_utf8 && path.as_str().ends_with(&name) => path,
                Ok(_) => {
                    walk.pass_over(&next, &name, "its name is not one for a file of a course");
                    continue;
                }
                Err(refused) => {
                    walk.pass_over(&next, &name, &format!("its name {refused}"));
                    continue;
                }
            };
            if left_out.contains(&path) || chapters.contains(&path) {
                continue;
            }
            match kind {
                ListedKind::Folder => open.push(path),
                ListedKind::File | ListedKind::Link if is_markdown(&name) => {}
                ListedKind::File | ListedKind::Link => walk.take(&next, &name, &path),
                ListedKind::Other => walk.pass_over(&next, &name, "it is not a regular file"),
            }
        }
    }
    walk.files.sort_by(|one, other| one.path.cmp(&other.path));
    walk.files
}

fn is_markdown(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("md"))
}

struct Walk<'a, S> {
    source: &'a S,
    limits: &'a Limits,
    notes: &'a mut Notes,
    bytes: u64,
    files: Vec<FileDraft>,
}

impl<S: Source> Walk<'_, S> {
    fn take(&mut self, folder: &BookPath, name: &str, path: &BookPath) {
        let Limits { max_course_files, max_course_file_bytes, max_course_files_bytes, .. } = *self.limits;
        let Ok(file_path) = FilePath::parse(path.as_str()) else {
            return self.pass_over(folder, name, "its path is too long");
        };
        if self.files.len() as u64 >= max_course_files {
            return self.pass_over(folder, name, &format!("the book has more than {max_course_files} files"));
        }
        let bytes = match self.source.read(path, max_course_file_bytes) {
            Ok(bytes) => bytes,
            Err(SourceError::TooLarge { found }) => {
                let reason = format!("it has {found} bytes; at most {max_course_file_bytes} are allowed");
                return self.pass_over(folder, name, &reason);
            }
            Err(error) => return self.pass_over(folder, name, &format!("it {error}")),
        };
        let size = bytes.len() as u64;
        if self.bytes + size > max_course_files_bytes {
            let reason = format!("with it the book's files have more than {max_course_files_bytes} bytes");
            return self.pass_over(folder, name, &reason);
        }
        self.bytes += size;
        self.files.push(FileDraft { path: file_path, size, sha256: digest(&bytes) });
    }

    fn pass_over(&mut self, folder: &BookPath, name: &str, reason: &str) {
        let place = if *folder == BookPath::root() { printable(name) } else { format!("{folder}/{}", printable(name)) };
        self.notes.add(place, format!("The file is passed over: {reason}."));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Memory;

    fn taken(files: &[(&'static str, &str)], folder: &str, limits: &Limits) -> (Vec<String>, Vec<String>) {
        let path = |raw: &str| BookPath::root().join(raw).unwrap();
        let folder = if folder.is_empty() { BookPath::root() } else { path(folder) };
        let left_out = ["book", "theme", "book.toml"].map(path).into();
        let chapters = [path("src/odd.txt")].into();
        let mut notes = Notes::default();
        let files = of_course(&Memory::of(files), &left_out, &folder, &chapters, limits, &mut notes);
        let notes = notes.into_entries("").into_iter().map(|note| format!("{}: {}", note.place, note.reason)).collect();
        (files.iter().map(|file| format!("{} {}", file.path, file.size)).collect(), notes)
    }

    #[test]
    fn everything_but_markdown() {
        let files = [
            ("src/SUMMARY.md", ""),
            ("src/A.MD", ""),
            ("src/odd.txt", "a chapter"),
            ("src/img/a b.svg", "<svg/>"),
            ("src/md", "md"),
            ("src/.git/config", ""),
            ("src/img/.DS_Store", ""),
            ("other/x.png", ""),
            ("src/C:x", ""),
        ];
        let (files, notes) = taken(&files, "src", &Limits::default());
        assert_eq!(files, ["src/img/a b.svg 6", "src/md 2"]);
        assert_eq!(
            notes,
            [
                "src/C:x: The file is passed over: its name is written with backslashes or a drive letter; parts of a path have `/` between them."
            ]
        );
    }

    #[test]
    fn what_mdbook_made_is_no_file_of_the_book() {
        let files = [("book.toml", ""), ("book/index.html", ""), ("theme/x.css", ""), ("a.png", "x"), ("x/book/y", "")];
        assert_eq!(
            taken(&files, "", &Limits::default()),
            (vec!["a.png 1".to_owned(), "x/book/y 0".to_owned()], vec![])
        );
    }

    #[test]
    fn limits_cost_only_the_file() {
        let files = [("a", "1234"), ("b", "123456"), ("c", "1234"), ("d", "123"), ("e", ""), ("f", "")];
        let limits =
            Limits { max_course_files: 3, max_course_file_bytes: 5, max_course_files_bytes: 7, ..Limits::default() };
        let (files, notes) = taken(&files, "", &limits);
        assert_eq!(files, ["a 4", "d 3", "e 0"]);
        assert_eq!(
            notes,
            [
                "b: The file is passed over: it has 6 bytes; at most 5 are allowed.",
                "c: The file is passed over: with it the book's files have more than 7 bytes.",
                "f: The file is passed over: the book has more than 3 files.",
            ]
        );
    }
}
