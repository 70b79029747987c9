//! Where in a book each chapter and each file goes.

use std::collections::HashSet;

use lyceum_domain::courses::{FilePath, Lesson};

use crate::{
    archive::entries::{Entries, Kind, parts},
    book_path::BookPath,
    book_toml,
    limits::Limits,
    manifest,
};

/// The paths of one book. They stay where they were in the book that the course came from, as far as that goes, so
/// that the links between them stay right.
pub(super) struct Places {
    /// The folder of the chapters; empty for the book's root.
    src: String,
    entries: Entries,
    /// The first names of all paths that are wanted, in lower case.
    tops: HashSet<String>,
}

impl Places {
    /// Chapters are in `src`, unless everything comes from another folder, or from several.
    pub(super) fn of(lessons: &[Lesson], files: &[FilePath]) -> Self {
        let sources = lessons.iter().filter_map(|lesson| lesson.source_path.as_deref()).filter(|path| is_plain(path));
        let files = files.iter().map(FilePath::as_str).filter(|path| is_plain(path));
        let mut folders = HashSet::new();
        let mut tops = HashSet::new();
        for path in sources.chain(files) {
            let top = path.split_once('/').map(|(top, _)| top);
            folders.insert(top.unwrap_or_default());
            tops.insert(top.unwrap_or(path).to_lowercase());
        }
        let mut folders = folders.into_iter();
        let src = match (folders.next(), folders.next()) {
            (None, _) => "src",
            (Some(only), None) => only,
            _ => "",
        };
        Self::in_folder(src, &tops).or_else(|| Self::in_folder("", &tops)).unwrap_or_else(|| Self {
            src: String::new(),
            entries: Entries::new(usize::MAX),
            tops,
        })
    }

    /// Nothing but what every book has; `None` if a folder of this name is in its way.
    fn in_folder(src: &str, tops: &HashSet<String>) -> Option<Self> {
        let mut places = Self { src: src.to_owned(), entries: Entries::new(usize::MAX), tops: tops.clone() };
        let ours = [book_toml::NAME.to_owned(), manifest::NAME.to_owned(), places.in_src("SUMMARY.md")];
        ours.iter().all(|path| places.take(path)).then_some(places)
    }

    /// The `src` of `book.toml`.
    pub(super) fn src(&self) -> &str {
        if self.src.is_empty() { "." } else { &self.src }
    }

    /// The folder for mdBook's pages, where the usual one could be in the way.
    pub(super) fn build_dir(&self) -> Option<String> {
        if !self.src.is_empty() && self.src != "book" {
            return None;
        }
        let mut names = std::iter::once("book".to_owned()).chain((1..).map(|n| format!("book-{n}")));
        names.find(|name| !self.tops.contains(name) && *name != self.src).filter(|name| name != "book")
    }

    /// A path in the chapters' folder.
    pub(super) fn in_src(&self, name: &str) -> String {
        if self.src.is_empty() { name.to_owned() } else { format!("{}/{name}", self.src) }
    }

    /// The path as seen from the chapters' folder, if it is in it.
    pub(super) fn below_src<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.src.is_empty() { Some(path) } else { path.strip_prefix(&self.src)?.strip_prefix('/') }
    }

    /// Takes the path for a file, if it is free and has a place in a book.
    pub(super) fn take_file(&mut self, path: &FilePath) -> bool {
        let path = path.as_str();
        // In the root, mdBook has a folder of its own of this name.
        let is_theme = self.src.is_empty() && path.starts_with("theme/");
        is_plain(path) && self.below_src(path).is_some() && !is_theme && self.take(path)
    }

    fn take_chapter(&mut self, path: &str) -> bool {
        // mdBook takes `%20` for a space.
        is_plain(path) && self.below_src(path).is_some() && !path.contains("%20") && self.take(path)
    }

    fn take(&mut self, path: &str) -> bool {
        self.entries.add(&path.split('/').collect::<Vec<_>>(), Kind::File).is_ok()
    }
}

/// Whether a path means itself and nothing else, in a book and in an archive.
fn is_plain(path: &str) -> bool {
    let in_archive = parts(path.as_bytes(), &Limits::default());
    let in_book = BookPath::root().join(path);
    in_archive.is_ok_and(|parts| !parts.is_empty() && parts.join("/") == path)
        && in_book.is_ok_and(|parsed| parsed.as_str() == path)
}

/// The path of each lesson; none for an announced one without text that never had a file.
pub(super) fn placed(lessons: &[Lesson], places: &mut Places) -> Vec<Option<String>> {
    // Those that had a place have the first right to it.
    let mut paths: Vec<Option<String>> =
        lessons.iter().map(|lesson| lesson.source_path.clone().filter(|path| places.take_chapter(path))).collect();
    for (lesson, path) in lessons.iter().zip(&mut paths) {
        if path.is_none() && !(lesson.is_draft && lesson.content.is_empty()) {
            *path = made(lesson, places);
        }
    }
    paths
}

/// A path made of the lesson's slug, in the folder that it had.
fn made(lesson: &Lesson, places: &mut Places) -> Option<String> {
    let before = lesson.source_path.as_deref().and_then(|path| path.rsplit_once('/')).map(|(folder, _)| folder);
    let before = before.filter(|folder| is_plain(folder) && places.below_src(&format!("{folder}/")).is_some());
    let slug = lesson.slug.as_str();
    let names = std::iter::once(format!("{slug}.md")).chain((2..=u32::MAX).map(|n| format!("{slug}-{n}.md")));
    // In the folder it had, the name may be in the way of something else again and again; in ours it is free at last.
    let in_folder = |folder: &str, name: String| if folder.is_empty() { name } else { format!("{folder}/{name}") };
    if let Some(folder) = before {
        let path = in_folder(folder, format!("{slug}.md"));
        if places.take_chapter(&path) {
            return Some(path);
        }
    }
    let src = places.src.clone();
    names.map(|name| in_folder(&src, name)).find(|path| places.take_chapter(path))
}
