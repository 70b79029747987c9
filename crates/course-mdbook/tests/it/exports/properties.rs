//! Any course at all.

use proptest::{option, prelude::*, sample::select};

use super::*;

fn title() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "a",
        "é",
        " ",
        "  ",
        "]",
        "[",
        "(",
        ")",
        "`",
        "``",
        "\\",
        "<script>",
        "&lt;",
        "&",
        "*",
        "**",
        "_",
        "#",
        "!",
        "](x)",
        "](",
        "{{#include a}}",
        "- ",
        "1. ",
        "~~",
        "|",
        "<",
        ">",
        "\"",
        "\u{2028}",
        "\u{202e}",
        "\u{a0}",
        ":",
    ];
    let piece = prop_oneof![4 => select(PIECES).prop_map(str::to_owned), 1 => "\\PC{1,4}"];
    let whole = proptest::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat());
    whole.prop_map(|raw| Title::parse(&raw).map_or_else(|_| "T".to_owned(), |title| title.as_str().to_owned()))
}

fn content() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "```rust\n",
        "```\n",
        "# a\n",
        "## b\n",
        "#\n",
        "#[c]\n",
        "{{#include a}}",
        "\\{{#",
        "{",
        "<img src=\"a\">",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "\t",
        "    ",
        "word ",
        "\u{feff}",
        "é",
        "<span class=\"caption\">",
        "</span>",
    ];
    let piece = prop_oneof![6 => select(PIECES).prop_map(str::to_owned), 1 => "\\PC{0,4}"];
    proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

fn any_lesson() -> impl Strategy<Value = Lesson> {
    const PATHS: &[&str] = &[
        "src/a.md",
        "src/A.md",
        "src/b/c.md",
        "src/b.md",
        "src/x y.md",
        "src/(x).md",
        "src/<x>.md",
        "src/100%.md",
        "src/a%20b.md",
        "src/SUMMARY.md",
        "src/book/x.md",
        "d/a.md",
        "root.md",
        "book.toml",
        "lyceum.json",
        "../x.md",
    ];
    let place = (option::of("[1-9]{1,3}(\\.[1-9]){0,3}"), 0_u8..16, option::of(title()));
    let rest = (title(), content(), 0_u32..10_000, any::<bool>(), option::of(select(PATHS)));
    (place, rest).prop_map(|((number, depth, part), (title, content, estimated_minutes, is_draft, path))| Lesson {
        number: number.map(|number| LessonNumber::parse(&number).unwrap()),
        depth: if depth > 7 { 0 } else { depth },
        part,
        estimated_minutes,
        is_draft,
        source_path: path.map(str::to_owned),
        ..lesson(0, &title, &content)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_course_comes_back(
        title in title(),
        description in content(),
        mut lessons in proptest::collection::vec(any_lesson(), 0..8),
        files in proptest::collection::btree_set(select(&["src/i.png", "src/b/i j.svg", "top.txt", "e/f", "src/book/x"][..]), 0..5),
    ) {
        for (index, lesson) in lessons.iter_mut().enumerate() {
            lesson.slug = Slug::of(lesson.title.as_str()).numbered(u32::try_from(index).unwrap() + 1);
        }
        let files: Files = files.into_iter().map(|file| (path(file), file.as_bytes().to_vec())).collect();
        assert_comes_back(&course(&title, &description, None), &lessons, &files);
    }

    #[test]
    fn mdbook_sees_every_title(lessons in proptest::collection::vec(any_lesson(), 0..8)) {
        let (bytes, _) = exported(&course("C", "", None), &lessons, &Files::new());
        let plain = imported(&changed(&bytes, "lyceum.json", |_| None)).into_draft();
        let spaced = |title: &str| title.split_whitespace().collect::<Vec<_>>().join(" ");
        let titles: Vec<_> = plain.lessons.iter().map(|lesson| lesson.title.clone()).collect();
        prop_assert_eq!(titles, lessons.iter().map(|lesson| spaced(lesson.title.as_str())).collect::<Vec<_>>());
        prop_assert_eq!(plain.passed_over, []);
    }
}
