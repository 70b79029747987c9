//! Tables of contents as well-known books write them, with words of our own: no chapter may be lost.

use std::{collections::HashSet, fmt::Write, fs, path::Path};

use insta::assert_snapshot;
use lyceum_course_mdbook::Limits;
use lyceum_domain::courses::CourseDraft;

use super::{passed_over, read_folder};

/// A book with this table of contents, and a file for each of the paths that says its own name.
fn book(src: &str, toml: &str, summary: &str, paths: &[&str]) -> CourseDraft {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &Path, text: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(&folder.path().join("book.toml"), toml);
    let src = folder.path().join(src);
    write(&src.join("SUMMARY.md"), summary);
    for path in paths {
        write(&src.join(path), &format!("This is {path}.\n"));
    }
    let draft = read_folder(folder.path(), &Limits::default()).unwrap();
    let read: HashSet<_> = draft.lessons.iter().map(|lesson| lesson.content.clone()).collect();
    for path in paths.iter().filter(|path| !path.contains(".svg")) {
        assert!(read.contains(&format!("This is {path}.\n")), "{path} is lost");
    }
    draft
}

fn outline(draft: &CourseDraft) -> String {
    let mut out = String::new();
    for lesson in &draft.lessons {
        let indent = "  ".repeat(usize::from(lesson.depth));
        write!(out, "{indent}{} {}", lesson.number.as_deref().unwrap_or("-"), lesson.title).unwrap();
        if let Some(part) = &lesson.part {
            write!(out, " / {part}").unwrap();
        }
        out.push_str(if lesson.is_draft { " (announced)\n" } else { "\n" });
    }
    writeln!(out, "{}", passed_over(draft)).unwrap();
    out
}

#[test]
fn a_guide_with_parts_and_a_suffix() {
    let summary = "# Summary\n\n[What This Is](README.md)\n\n# For Readers\n\n- [Getting It](guide/get.md)\n- [Reading](guide/read.md)\n- [Writing](guide/write.md)\n\n\
        # Reference\n\n- [Commands](cli/README.md)\n    - [make](cli/make.md)\n    - [watch](cli/watch.md)\n- [Format](format/README.md)\n    - [Contents](format/contents.md)\n        - [Announced]()\n    - [Settings](format/settings/README.md)\n        - [General](format/settings/general.md)\n        - [Pages](format/settings/pages.md)\n\n\
        -----------\n\n[Those Who Helped](misc/helped.md)\n";
    let paths = [
        "README.md",
        "guide/get.md",
        "guide/read.md",
        "guide/write.md",
        "cli/README.md",
        "cli/make.md",
        "cli/watch.md",
        "format/README.md",
        "format/contents.md",
        "format/settings/README.md",
        "format/settings/general.md",
        "format/settings/pages.md",
        "misc/helped.md",
    ];
    assert_snapshot!(outline(&book("src", "", summary, &paths)), @r"
    - What This Is
    1 Getting It / For Readers
    2 Reading / For Readers
    3 Writing / For Readers
    4 Commands / Reference
      4.1 make / Reference
      4.2 watch / Reference
    5 Format / Reference
      5.1 Contents / Reference
        5.1.1 Announced / Reference (announced)
      5.2 Settings / Reference
        5.2.1 General / Reference
        5.2.2 Pages / Reference
    - Those Who Helped
    ");
}

#[test]
fn examples_three_deep_with_empty_lines_between() {
    let summary = "# Summary\n\n[Before](index.md)\n\n- [Hello](hello.md)\n    - [Notes](hello/notes.md)\n    - [Printing](hello/print.md)\n        - [Debugging](hello/print/debug.md)\n        - [Showing](hello/print/show.md)\n            - [Test: a list](hello/print/show/list.md)\n\n\
        - [Plain Things](plain.md)\n    - [Numbers and Signs](plain/numbers.md)\n\n- [`enum`, `impl` & co.](enum.md)\n\n[Meta](meta.md)\n";
    let paths = [
        "index.md",
        "hello.md",
        "hello/notes.md",
        "hello/print.md",
        "hello/print/debug.md",
        "hello/print/show.md",
        "hello/print/show/list.md",
        "plain.md",
        "plain/numbers.md",
        "enum.md",
        "meta.md",
    ];
    assert_snapshot!(outline(&book("src", "", summary, &paths)), @r"
    - Before
    1 Hello
      1.1 Notes
      1.2 Printing
        1.2.1 Debugging
        1.2.2 Showing
          1.2.2.1 Test: a list
    2 Plain Things
      2.1 Numbers and Signs
    3 `enum`, `impl` & co.
    - Meta
    ");
}

#[test]
fn a_reference_with_stars_and_comments() {
    let summary = "# Summary\n\n<!-- Keep this in order. -->\n\n[Introduction](index.md)\n\n* [Starting](start/index.md)\n  * [Installing](start/install.md)\n\n<!--\n* [Not yet](later.md)\n-->\n\
        * [Guide](guide/index.md)\n  <!-- * [Hidden](guide/hidden.md) -->\n  * [Why](guide/why.md)\n\n* [Unstable](unstable.md)\n\n* [FAQ](faq.md)\n* [Appendix: Words](appendix/words.md)\n* [Appendix: Git & you](<appendix/git and you.md>)\n";
    let paths = [
        "index.md",
        "start/index.md",
        "start/install.md",
        "guide/index.md",
        "guide/why.md",
        "unstable.md",
        "faq.md",
        "appendix/words.md",
        "appendix/git and you.md",
    ];
    assert_snapshot!(outline(&book("src", "", summary, &paths)), @r"
    - Introduction
    1 Starting
      1.1 Installing
    2 Guide
      2.1 Why
    3 Unstable
    4 FAQ
    5 Appendix: Words
    6 Appendix: Git & you
    ");
}

#[test]
fn dark_arts_without_a_heading_in_the_root() {
    let summary = "[Opening](intro.md)\n\n* [Meet the Two](meet.md)\n\t* [How They Talk](talk.md)\n\t* [What Can Go Wrong](wrong.md)\n* [Layout](layout.md)\n\t* [`repr(Rust)`](repr.md)\n\t\t* [*Exotic* sizes](exotic.md)\n\t* [\\[Other\\] \\`repr\\`s](other.md)\n";
    let paths =
        ["intro.md", "meet.md", "talk.md", "wrong.md", "layout.md", "repr.md", "exotic.md", "other.md", "a.svg"];
    let draft = book(".", "[book]\nsrc = \".\"\n", summary, &paths);
    assert_snapshot!(outline(&draft), @r"
    - Opening
    1 Meet the Two
      1.1 How They Talk
      1.2 What Can Go Wrong
    2 Layout
      2.1 `repr(Rust)`
        2.1.1 Exotic sizes
      2.2 [Other] `repr`s
    ");
    assert_eq!(draft.files.len(), 1);
    for (src, toml) in [(".", "[book]\nsrc = \"./\"\n"), ("docs/src", "[book]\nsrc = \"docs/src\"\n")] {
        let other = book(src, toml, summary, &paths);
        assert_eq!(outline(&other), outline(&draft));
        assert_eq!(other.files.len(), 1);
    }
}

#[test]
fn numbered_lists_from_another_system() {
    let summary = "\u{feff}# Contents\r\n\r\n[Preface](preface.md)\r\n\r\n1. [One](one.md)\r\n   1. [One A](one%20a.md)\r\n   2. [One B](./one-b.md)\r\n2. [Two](two.md)\r\n\r\n# Part & Parcel\r\n\r\n3) [Three](three.md)\r\n\r\n---\r\n\r\n[End](end.md)\r\n\r\n[Very End](very-end.md)\r\n";
    let paths = ["preface.md", "one.md", "one a.md", "one-b.md", "two.md", "three.md", "end.md", "very-end.md"];
    let draft = book("src", "\u{feff}[book]\r\ntitle = \"Other\"\r\n", summary, &paths);
    assert_eq!(draft.title, "Other");
    assert_snapshot!(outline(&draft), @r"
    - Preface
    1 One
      1.1 One A
      1.2 One B
    2 Two
    3 Three / Part & Parcel
    - End
    - Very End
    ");
}

#[test]
fn chapters_of_any_make() {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("src");
    fs::create_dir_all(src.join("code")).unwrap();
    fs::write(src.join("SUMMARY.md"), "- [A](a.md)\n- [B](b.md)\n").unwrap();
    fs::write(src.join("a.md"), "\u{feff}# A\r\n\r\n\tcode with a tab\r\n\r\n1.\tone\r\n\ttwo\r\n").unwrap();
    fs::write(src.join("code/x.rs"), "fn a() {}\r\n// ANCHOR: all\r\nfn b() {\r\n    // ANCHOR: in\r\n    c();\r\n    // ANCHOR_END: in\r\n}\r\n// ANCHOR_END: all\r\n").unwrap();
    fs::write(
        src.join("b.md"),
        "```rust\n{{#include code/x.rs:in}}\n{{#include code/x.rs:all}}\n{{#include code/x.rs:1}}\n```\n",
    )
    .unwrap();
    let draft = read_folder(folder.path(), &Limits::default()).unwrap();
    assert_eq!(draft.lessons[0].content, "# A\n\n\tcode with a tab\n\n1.\tone\n\ttwo\n");
    assert_eq!(draft.lessons[1].content, "```rust\n    c();\nfn b() {\n    c();\n}\nfn a() {}\n```\n");
}
