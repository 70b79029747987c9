use super::*;
use crate::source::Memory;

fn book(files: &[(&'static str, &str)]) -> Result<CourseDraft, BookError> {
    assemble(&Memory::of(files), "folder-name", &Limits::default(), &mut |_| {})
}

fn reasons(draft: &CourseDraft) -> Vec<String> {
    draft.passed_over.iter().map(|passed| format!("{}: {}", passed.place, passed.reason)).collect()
}

#[test]
fn titles_in_order_of_preference() {
    let title = |files: &[(&'static str, &str)]| book(files).unwrap().title;
    assert_eq!(title(&[("book.toml", "book.title = \"T\""), ("src/SUMMARY.md", "# H\n")]), "T");
    assert_eq!(title(&[("src/SUMMARY.md", "# The H\n")]), "The H");
    assert_eq!(title(&[("src/SUMMARY.md", "# Summary\n")]), "folder-name");
}

#[test]
fn another_src() {
    let draft =
        book(&[("book.toml", "book.src = \"./text/\""), ("text/SUMMARY.md", "[A](a.md)"), ("text/a.md", "x")]).unwrap();
    assert_eq!(draft.lessons[0].path.as_deref(), Some("text/a.md"));
    let draft = book(&[("book.toml", "book.src = \"\""), ("SUMMARY.md", "[A](a.md)"), ("a.md", "x")]).unwrap();
    assert_eq!(draft.lessons[0].path.as_deref(), Some("a.md"));
}

#[test]
fn a_hostile_src_is_refused() {
    for src in ["../..", "/etc", "x/../.."] {
        let toml = format!("[book]\nsrc = '{src}'");
        let error = book(&[("book.toml", &toml)]).unwrap_err();
        assert_eq!(error.to_string(), "book.toml: src: leads outside of the book's folder", "{src}");
    }
    assert!(matches!(book(&[("book.toml", "book.src = 'C:\\x'")]), Err(BookError::BookToml { .. })));
}

#[test]
fn a_book_needs_its_contents() {
    let error = book(&[("book.toml", "")]).unwrap_err();
    assert_eq!(error.to_string(), "`src/SUMMARY.md` is missing: a book needs its table of contents there");
}

#[test]
fn paths_with_percent_signs() {
    let summary =
        "[A](a%20b.md)\n[B](100%25.md)\n[C](c%2fd.md)\n[D](50%25.md)\n[E](%2e%2e/%2e%2e/x)\n[F](%00)\n[G](%ff)\n";
    let files = [
        ("src/SUMMARY.md", summary),
        ("src/a b.md", ""),
        ("src/100%.md", ""),
        ("src/c/d.md", ""),
        ("src/50%25.md", ""),
    ];
    let draft = book(&files).unwrap();
    let paths: Vec<_> = draft.lessons.iter().map(|lesson| lesson.path.as_deref().unwrap_or("-")).collect();
    assert_eq!(paths, ["src/a b.md", "src/100%.md", "src/c/d.md", "src/50%25.md", "-"]);
    assert_eq!(
        reasons(&draft),
        [
            "src/SUMMARY.md:5: The chapter “E” is left out: its path `../../x` leads outside of the book.",
            "src/SUMMARY.md:6: The chapter “F” is left out: its path `` holds a control character.",
            "src/SUMMARY.md:7: The chapter “G” stays a draft: the file `src/%ff` does not exist.",
        ]
    );
}

#[test]
fn chapters_that_are_not_taken() {
    let summary = "- [A](a.md)\n- [Again](./x/../a.md)\n  - [Below]()\n- [Gone](gone.md)\n- [Web](https://example.org/)\n- [Latin](latin.md)\n- [](a-b.md)\n";
    let mut source = Memory::of(&[("src/SUMMARY.md", summary), ("src/a.md", "# A\n"), ("src/a-b.md", "")]);
    source.0.insert("src/latin.md", b"caf\xe9".to_vec());
    let mut steps = Vec::new();
    let draft = assemble(&source, "", &Limits::default(), &mut |progress| steps.push(progress.done)).unwrap();
    assert_eq!(steps, [0, 1, 2, 3, 4, 5, 6, 7]);
    let lessons: Vec<_> = draft
        .lessons
        .iter()
        .map(|lesson| (lesson.number.as_deref().unwrap(), lesson.title.as_str(), lesson.is_draft))
        .collect();
    assert_eq!(
        lessons,
        [("1", "A", false), ("2.1", "Below", true), ("3", "Gone", true), ("5", "Latin", true), ("6", "a-b", false)]
    );
    assert_eq!(
        reasons(&draft),
        [
            "src/SUMMARY.md:2: The chapter “Again” is left out: `src/a.md` is in the book already.",
            "src/SUMMARY.md:4: The chapter “Gone” stays a draft: the file `src/gone.md` does not exist.",
            "src/SUMMARY.md:5: The chapter “Web” is left out: its path `https://example.org/` is a web address, not a file of the book.",
            "src/SUMMARY.md:6: The chapter “Latin” stays a draft: the file `src/latin.md` is not UTF-8 text.",
        ]
    );
}

#[test]
fn a_strange_language_is_ignored() {
    let draft = book(&[("book.toml", "book.language = \"plain English\""), ("src/SUMMARY.md", "")]).unwrap();
    assert_eq!((draft.language, draft.passed_over.len()), (None, 1));
}

#[test]
fn notes_end_somewhere() {
    let summary = (0..1_100).map(|n| format!("- [A](a{n}.md)\n")).collect::<Vec<_>>().concat();
    let draft = book(&[("src/SUMMARY.md", &summary)]).unwrap();
    assert_eq!((draft.lessons.len(), draft.passed_over.len()), (1_100, 1_001));
    assert!(draft.passed_over[1_000].reason.starts_with("100 more places"));
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Text made mostly of what the parsers look for.
    fn source_text() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "# ",
            "## ",
            "- ",
            "  ",
            "\t",
            "* ",
            "1. ",
            "\n",
            "\n\n",
            "[a](a.md)",
            "[",
            "](",
            ")",
            "[b]()",
            "---\n",
            "`",
            "```",
            "```rust\n",
            "> ",
            "<!-- ",
            " -->",
            "{{#include ",
            "{{#rustdoc_include a.md:x",
            "{{#playground ",
            "a.md",
            ":2:3",
            ":x",
            "}}",
            "\\{{#",
            "ANCHOR: x",
            "ANCHOR_END: x",
            "<Listing number=\"1\" caption='",
            "'>",
            "</Listing>",
            "<span class=\"caption\">",
            "</span>",
            "<img src=\"",
            "\" alt=",
            "\">",
            "<figure>",
            "# hidden\n",
            "##",
            "../",
            "%2e",
            "\\",
            "\r",
            "\0",
            "é",
            "|",
            "*",
        ];
        let piece = prop_oneof![4 => proptest::sample::select(PIECES).prop_map(str::to_owned), 1 => ".{0,6}"];
        proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_contents_are_read_or_refused(summary in source_text()) {
            if let Ok(draft) = book(&[("src/SUMMARY.md", &summary), ("src/a.md", "x")]) {
                for lesson in draft.lessons {
                    prop_assert!(!lesson.title.is_empty() && !lesson.title.chars().any(char::is_control));
                    prop_assert_eq!(lesson.is_draft, lesson.path.is_none());
                    prop_assert_eq!(lesson.number.map_or(0, |number| number.matches('.').count()), usize::from(lesson.depth));
                }
            }
        }

        #[test]
        fn any_chapter_is_read(chapter in source_text(), included in source_text()) {
            let files = [("src/SUMMARY.md", "[A](b.md)"), ("src/b.md", &*chapter), ("src/a.md", &*included)];
            match book(&files) {
                Ok(draft) => prop_assert!(!draft.lessons[0].content.contains(['\r', '\0'])),
                Err(error) => prop_assert!(matches!(error, BookError::OverLimit { .. }), "{}", error),
            }
        }
    }
}
