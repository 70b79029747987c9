use std::fmt::Write;

use insta::assert_snapshot;

use super::*;

fn read(text: &str) -> Result<Summary, BookError> {
    parse(text, &BookPath::root().join("src/SUMMARY.md").unwrap(), &Limits::default())
}

/// One line for each chapter: line, depth, number, title, target, part.
fn shown(text: &str) -> String {
    let summary = read(text).unwrap();
    let mut out = summary.title.map_or_else(String::new, |title| format!("# {title}\n"));
    for chapter in summary.chapters {
        let indent = "  ".repeat(usize::from(chapter.depth));
        let number = chapter.number.as_deref().unwrap_or("-");
        let target = chapter.target.as_deref().unwrap_or("(draft)");
        write!(out, "{}: {indent}{number} {} <{target}>", chapter.line, chapter.title).unwrap();
        if let Some(part) = chapter.part {
            write!(out, " in {part}").unwrap();
        }
        out.push('\n');
    }
    for (line, reason) in summary.ignored {
        writeln!(out, "{line}: {reason}").unwrap();
    }
    out
}

#[test]
fn the_whole_form() {
    assert_snapshot!(shown(
        "# Summary\n\n[Foreword](foreword.md)\n\n---\n\n# Part *one*\n\n- [A](a.md)\n  - [B](b.md)\n    - [C]()\n- [D](d.md)\n\n---\n\n\
         # Part two\n\n* [E](e.md)\n\n-----\n\n[Afterword](z.md)\n[Thanks]()\n"
    ), @r"
    # Summary
    3: - Foreword <foreword.md>
    9: 1 A <a.md> in Part one
    10:   1.1 B <b.md> in Part one
    11:     1.1.1 C <(draft)> in Part one
    12: 2 D <d.md> in Part one
    18: 3 E <e.md> in Part two
    22: - Afterword <z.md>
    23: - Thanks <(draft)>
    ");
}

#[test]
fn titles_and_targets() {
    assert_snapshot!(shown(
        "- [The `if let` *form*\n  goes on](<a b.md> \"hover\")\n- [Two `` ` `` ticks][ref]\n- [ ](c%20d.md)\n- [Vec\\<T\\>](./e.md)\n\n[ref]: f.md\n"
    ), @r"
    1: 1 The `if let` form goes on <a b.md>
    3: 2 Two `` ` `` ticks <f.md>
    4: 3  <c%20d.md>
    5: 4 Vec<T> <./e.md>
    ");
}

#[test]
fn numbers_run_on_through_separators_subheadings_and_comments() {
    assert_snapshot!(shown(
        "<!-- c -->\n# Book\n- [A](a.md)\n\n---\n\n- [B](b.md)\n  - [C](c.md)\n\n## Below\n\n- [D](d.md)\n<!-- c -->\n1. [E](e.md)\n2. [F](f.md)\n"
    ), @r"
    # Book
    3: 1 A <a.md>
    7: 2 B <b.md>
    8:   2.1 C <c.md>
    12: 3 D <d.md>
    14: 4 E <e.md>
    15: 5 F <f.md>
    ");
}

#[test]
fn the_first_heading_is_the_title_and_not_a_part() {
    assert_snapshot!(shown("# One\n- [A](a.md)\n# Two\n- [B](b.md)\n"), @r"
    # One
    2: 1 A <a.md>
    4: 2 B <b.md> in Two
    ");
}

#[test]
fn two_lists_below_one_chapter() {
    assert_snapshot!(shown("- [A](a.md)\n  - [B](b.md)\n  * [C](c.md)\n- [D](d.md)\n"), @r"
    1: 1 A <a.md>
    2:   1.1 B <b.md>
    3:   1.2 C <c.md>
    4: 2 D <d.md>
    ");
}

#[test]
fn comments_in_items() {
    assert_snapshot!(shown("- [A](a.md) <!-- c -->\n- <!-- [B](b.md) -->\n- [C](c.md)\n"), @r"
    1: 1 A <a.md>
    3: 2 C <c.md>
    ");
}

#[test]
fn what_mdbook_ignores_is_told() {
    assert_snapshot!(shown("# S\n\n# Part\n\n[A](a.md)\n\n- [B](b.md) and [C](c.md)\n"), @r"
    # S
    7: 1 B <b.md> in Part
    5: a link right below a part title, outside of a list, is no chapter for mdBook.
    7: only the first link of an item is its chapter; this one is ignored.
    ");
}

#[test]
fn errors_name_the_line() {
    let message = |text: &str| read(text).unwrap_err().to_string();
    assert_snapshot!(message("- [A](a.md)\n- plain text\n"), @"src/SUMMARY.md:2: an item of the list must be a link to its chapter and nothing else");
    assert_snapshot!(message("- [A](a.md)\n\n[Z](z.md)\n\n- [B](b.md)\n"), @"src/SUMMARY.md:5: no list and no part title may follow a chapter that stands outside of the lists, after the numbered ones");
    let deep = (0..17).map(|level| format!("{}- [A](a{level}.md)\n", "  ".repeat(level))).collect::<Vec<_>>().concat();
    assert_snapshot!(message(&deep), @"src/SUMMARY.md:17: chapters are nested more than 16 deep");
}

#[test]
fn too_many_chapters() {
    let limits = Limits { max_lessons: 1, ..Limits::default() };
    let error = parse("[A]()\n[B]()\n", &BookPath::root(), &limits).unwrap_err();
    assert!(matches!(error, BookError::OverLimit { limit: Limit::Lessons, max: 1, found: 2, .. }));
}
