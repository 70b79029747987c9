//! Whole books, read from folders and archives.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot set up its folder has failed")]

mod archives;
mod exports;
mod styles;

use std::{fmt::Write, fs, path::Path};

use insta::assert_snapshot;
use lyceum_course_mdbook::{BookError, Limits, Progress, open_folder};
use lyceum_domain::courses::{CourseDraft, FilePath};

fn read_folder(path: &Path, limits: &Limits) -> Result<CourseDraft, BookError> {
    open_folder(path, limits, &mut |_| {}).map(lyceum_course_mdbook::Book::into_draft)
}

fn tide_pools() -> CourseDraft {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tidepools");
    read_folder(&folder, &Limits::default()).unwrap()
}

fn passed_over(draft: &CourseDraft) -> String {
    draft.passed_over.iter().map(|passed| format!("{}: {}", passed.place, passed.reason)).collect::<Vec<_>>().join("\n")
}

#[test]
fn about_the_book() {
    let draft = tide_pools();
    assert_eq!(draft.title, "Tide Pools");
    assert_eq!(draft.description, "A small book about what the sea leaves behind.");
    assert_eq!(draft.authors, ["M. Limpet", "A. Barnacle"]);
    assert_eq!(draft.language.as_deref(), Some("en"));
}

#[test]
fn the_outline() {
    let mut outline = String::new();
    for lesson in tide_pools().lessons {
        let indent = "  ".repeat(usize::from(lesson.depth));
        let number = lesson.number.as_deref().unwrap_or("-");
        let path = lesson.path.as_deref().unwrap_or("no file");
        let part = lesson.part.as_deref().unwrap_or("no part");
        writeln!(outline, "{indent}{number} {} ({path}; {part})", lesson.title).unwrap();
        assert_eq!((lesson.is_draft, lesson.content.is_empty()), (lesson.path.is_none(), lesson.path.is_none()));
    }
    assert_snapshot!(outline, @r"
    - Before the Walk (src/foreword.md; no part)
    1 Reading a Tide Table (src/tides.md; Going Out)
      1.1 Spring and Neap (src/shore/spring-and-neap.md; Going Out)
        1.1.1 The `height` Column (src/shore/the height column.md; Going Out)
      1.2 Storm Surge (no file; Going Out)
    2 Shore Types (src/shore/types.md; Going Out)
    3 Counting Snails (src/snails.md; Looking Closely)
    4 What Was Never Written (no file; Looking Closely)
    - Words (src/words.md; no part)
    ");
}

#[test]
fn what_is_passed_over() {
    assert_snapshot!(passed_over(&tide_pools()), @r"
    src/snails.md:3: The included file `snails.md` includes itself, in the end; nothing is included.
    src/snails.md:4: The included file `../../secrets.txt` is refused because its path leads outside of the book; nothing is included.
    src/snails.md:5: The included file `code/table.txt` has nothing between anchors named `no-such-anchor`; nothing is included.
    src/SUMMARY.md:20: The chapter “What Was Never Written” stays a draft: the file `src/unwritten.md` does not exist.
    src/SUMMARY.md:21: The chapter “Shore Types Again” is left out: `src/shore/types.md` is in the book already.
    src/SUMMARY.md:22: The chapter “The Neighbour's Diary” is left out: its path `../../diary.md` leads outside of the book.
    ");
}

#[test]
fn the_lessons() {
    let contents: String = tide_pools()
        .lessons
        .iter()
        .filter_map(|lesson| Some(format!("=== {}\n{}", lesson.path.as_ref()?, lesson.content)))
        .collect();
    assert_snapshot!(contents, @r#"
    === src/foreword.md
    # Before the Walk

    Take boots. Write `{{#include notes.txt}}` where your notes should stand.
    === src/tides.md
    # Reading a Tide Table

    A table has one line for each turn of the tide:

    ```text
    04:10,0.6
    10:25,3.1
    ```

    The whole program, and then only the step that matters:

    ```rust,editable
    fn main() {
        let last = 10;
        // ANCHOR: step
        let next = last + 12;
        // ANCHOR_END: step
        println!("{next}");
    }
    ```

    **Filename: src/main.rs**

    ```rust
        let next = last + 12;
    ```

    *Listing 1-1: Adding `<hours>` to the last high water*

    > Turn back when the water does.
    === src/shore/spring-and-neap.md
    # Spring and Neap

    Sun and moon pull together, or they do not.

    - Spring:
      at new moon and full moon,
      about every fourteen days.
    - Neap: the rest.

    [Back to the table](../tides.md)
    === src/shore/the height column.md
    # The `height` Column

    **Filename: heights.csv**

    ```csv
    time,height
    ```

    ![A gauge at 3 m](../img/gauge.svg)

    *Figure 1: The harbour's gauge*
    === src/shore/types.md
    # Shore Types

    ```rust
    #[derive(Debug)]
    enum Shore {
        Rock,
        Sand,
    }
    ```
    === src/snails.md
    # Counting Snails




    Count twice.
    === src/words.md
    # Words

    Ebb: when it goes.
    "#);
}

#[test]
fn the_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tidepools");
    let book = open_folder(&folder, &Limits::default(), &mut |_| {}).unwrap();
    let files: Vec<_> = book.draft().files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["src/code/snippets/rule.txt", "src/code/table.txt", "src/code/tide.rs", "src/img/gauge.svg"]);
    for file in &book.draft().files {
        let bytes = book.read_file(&file.path).unwrap();
        assert_eq!(bytes, fs::read(folder.join(file.path.as_str())).unwrap());
        assert_eq!(file.size, bytes.len() as u64);
    }
    let gauge = &book.draft().files[3];
    assert_eq!(gauge.sha256.to_string(), "1c80d0af1c27334a07cda9137d077292639eb85549286c7ebc60c2f7b3d0341a");
    for other in ["src/tides.md", "book.toml", "src/img/none.svg"] {
        let error = book.read_file(&FilePath::parse(other).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), format!("the file `{other}` is none of the book's"));
    }
}

#[test]
fn a_file_that_changed_meanwhile_is_not_given_out() {
    let outer = beside_a_secret("[A](a.md)\n", "");
    let book = outer.path().join("book");
    fs::write(book.join("src/a.png"), "one").unwrap();
    let opened = open_folder(&book, &Limits::default(), &mut |_| {}).unwrap();
    let path = FilePath::parse("src/a.png").unwrap();
    assert_eq!(opened.read_file(&path).unwrap(), b"one");
    for (other, reason) in [("two", "has changed since the book was read"), ("three", "is too large: 5 bytes")] {
        fs::write(book.join("src/a.png"), other).unwrap();
        let error = opened.read_file(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("the file `src/a.png` {reason}"));
    }
}

#[test]
fn progress_counts_up_to_the_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tidepools");
    let mut steps = Vec::new();
    open_folder(&folder, &Limits::default(), &mut |step| steps.push(step)).unwrap();
    let expected: Vec<_> = (0..=11).map(|done| Progress { done, total: 11 }).collect();
    assert_eq!(steps, expected);
}

#[test]
fn a_folder_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let missing = read_folder(&folder.path().join("nothing"), &Limits::default()).unwrap_err();
    assert!(matches!(missing, BookError::Folder { .. }), "{missing}");
    fs::write(folder.path().join("file"), "").unwrap();
    let file = read_folder(&folder.path().join("file"), &Limits::default()).unwrap_err();
    assert!(matches!(file, BookError::Folder { .. }), "{file}");
    let empty = read_folder(folder.path(), &Limits::default()).unwrap_err();
    assert!(matches!(empty, BookError::NoSummary { .. }), "{empty}");
}

/// A book in a folder with a secret beside it.
fn beside_a_secret(summary: &str, chapter: &str) -> tempfile::TempDir {
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("secret.md"), "SECRET").unwrap();
    fs::create_dir_all(outer.path().join("book/src")).unwrap();
    fs::write(outer.path().join("book/src/SUMMARY.md"), summary).unwrap();
    fs::write(outer.path().join("book/src/a.md"), chapter).unwrap();
    outer
}

#[test]
fn directories_are_no_chapters() {
    let outer = beside_a_secret("[A](a.md)\n[B](.)\n", "{{#include ../src}}x");
    let draft = read_folder(&outer.path().join("book"), &Limits::default()).unwrap();
    assert_eq!((draft.lessons[0].content.as_str(), draft.lessons[1].is_draft), ("x", true));
    assert_snapshot!(passed_over(&draft), @r"
    src/a.md:1: The included file `../src` is not a regular file; nothing is included.
    src/SUMMARY.md:2: The chapter “B” stays a draft: the file `src` is not a regular file.
    ");
}

#[cfg(unix)]
mod unix {
    use std::{os::unix::fs::symlink, os::unix::net::UnixListener, process::Command};

    use super::*;

    #[test]
    fn links_that_leave_the_book_are_not_followed() {
        let outer = beside_a_secret(
            "[A](a.md)\n[File](file.md)\n[Folder](folder/secret.md)\n[Inner](inner.md)\n[Broken](broken.md)\n",
            "{{#include file.md}}{{#include folder/secret.md}}{{#include ../up/secret.md}}.",
        );
        let book = outer.path().join("book");
        symlink("../../secret.md", book.join("src/file.md")).unwrap();
        symlink(outer.path(), book.join("src/folder")).unwrap();
        symlink("..", book.join("up")).unwrap();
        symlink("a.md", book.join("src/inner.md")).unwrap();
        symlink("nowhere", book.join("src/broken.md")).unwrap();
        let draft = read_folder(&book, &Limits::default()).unwrap();
        assert!(!format!("{draft:?}").contains("SECRET"));
        assert_eq!(draft.lessons.iter().map(|lesson| lesson.content.as_str()).collect::<Vec<_>>(), [".", ".", ""]);
        assert_snapshot!(passed_over(&draft), @r"
        src/a.md:1: The included file `file.md` is a link that leads outside of the book; nothing is included.
        src/a.md:1: The included file `folder/secret.md` is a link that leads outside of the book; nothing is included.
        src/a.md:1: The included file `../up/secret.md` is a link that leads outside of the book; nothing is included.
        src/SUMMARY.md:2: The chapter “File” is left out: the file `src/file.md` is a link that leads outside of the book.
        src/SUMMARY.md:3: The chapter “Folder” is left out: the file `src/folder/secret.md` is a link that leads outside of the book.
        src/inner.md:1: The included file `file.md` is a link that leads outside of the book; nothing is included.
        src/inner.md:1: The included file `folder/secret.md` is a link that leads outside of the book; nothing is included.
        src/inner.md:1: The included file `../up/secret.md` is a link that leads outside of the book; nothing is included.
        src/SUMMARY.md:5: The chapter “Broken” stays a draft: the file `src/broken.md` does not exist.
        src/folder: The file is passed over: it is a link that leads outside of the book.
        ");
    }

    #[test]
    fn a_file_may_be_a_link_within_the_book() {
        let outer = beside_a_secret("[A](a.md)\n", "");
        let book = outer.path().join("book");
        fs::create_dir(book.join("assets")).unwrap();
        fs::write(book.join("assets/a.png"), "a").unwrap();
        symlink("../assets/a.png", book.join("src/inner.png")).unwrap();
        symlink("../../secret.md", book.join("src/outer.png")).unwrap();
        symlink("..", book.join("src/above")).unwrap();
        let opened = open_folder(&book, &Limits::default(), &mut |_| {}).unwrap();
        let files: Vec<_> = opened.draft().files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(files, ["src/inner.png"]);
        assert_eq!(opened.read_file(&opened.draft().files[0].path).unwrap(), b"a");
        assert_snapshot!(passed_over(opened.draft()), @r"
        src/above: The file is passed over: it is not a regular file.
        src/outer.png: The file is passed over: it is a link that leads outside of the book.
        ");
    }

    #[test]
    fn a_book_that_is_elsewhere_altogether() {
        let outer = beside_a_secret("", "");
        let book = outer.path().join("book");
        fs::remove_file(book.join("src/SUMMARY.md")).unwrap();
        symlink("../../secret.md", book.join("src/SUMMARY.md")).unwrap();
        let error = read_folder(&book, &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "src/SUMMARY.md: leads outside of the book's folder");

        fs::remove_dir_all(book.join("src")).unwrap();
        symlink(outer.path(), book.join("src")).unwrap();
        fs::write(outer.path().join("SUMMARY.md"), "").unwrap();
        let error = read_folder(&book, &Limits::default()).unwrap_err();
        assert!(matches!(error, BookError::Escapes { .. }), "{error}");
    }

    #[test]
    fn pipes_and_sockets_are_not_opened() {
        let outer =
            beside_a_secret("[A](a.md)\n[Pipe](pipe)\n[Socket](socket)\n", "{{#include pipe}}{{#include socket}}.");
        let src = outer.path().join("book/src");
        // Opening the pipe would wait for ever.
        assert!(Command::new("mkfifo").arg(src.join("pipe")).status().unwrap().success());
        let _socket = UnixListener::bind(src.join("socket")).unwrap();
        let draft = read_folder(&outer.path().join("book"), &Limits::default()).unwrap();
        assert_eq!(draft.lessons[0].content, ".");
        assert_snapshot!(passed_over(&draft), @r"
        src/a.md:1: The included file `pipe` is not a regular file; nothing is included.
        src/a.md:1: The included file `socket` is not a regular file; nothing is included.
        src/SUMMARY.md:2: The chapter “Pipe” stays a draft: the file `src/pipe` is not a regular file.
        src/SUMMARY.md:3: The chapter “Socket” stays a draft: the file `src/socket` is not a regular file.
        src/pipe: The file is passed over: it is not a regular file.
        src/socket: The file is passed over: it is not a regular file.
        ");
    }

    mod properties {
        use proptest::prelude::*;

        use super::*;

        fn path() -> impl Strategy<Value = String> {
            const PARTS: &[&str] = &[
                "..",
                "../",
                "../..",
                "/",
                "./",
                "secret.md",
                "link",
                "src",
                "a.md",
                "%2e%2e",
                "%2f",
                "\\",
                "C:",
                "up",
                ":",
            ];
            proptest::collection::vec(proptest::sample::select(PARTS), 1..7).prop_map(|parts| parts.concat())
        }

        proptest! {
            #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

            #[test]
            fn no_path_reads_outside(paths in proptest::collection::vec(path(), 1..6)) {
                let summary = paths.iter().map(|path| format!("- [A](<{path}>)\n")).collect::<Vec<_>>().concat();
                let chapter = paths.iter().map(|path| format!("{{{{#include {path}}}}}\n")).collect::<Vec<_>>().concat();
                let outer = beside_a_secret(&format!("- [A](a.md)\n{summary}"), &chapter);
                let book = outer.path().join("book");
                symlink(outer.path(), book.join("up")).unwrap();
                symlink("../../secret.md", book.join("src/link")).unwrap();
                if let Ok(draft) = read_folder(&book, &Limits::default()) {
                    prop_assert!(!format!("{draft:?}").contains("SECRET"), "{paths:?}");
                }
            }
        }
    }
}
