//! Documents that are made to take long.

use std::time::{Duration, Instant};

use crate::html;

/// Enough to see what is not linear: that takes minutes, or all memory, at a few mebibytes and seconds here.
const SIZE: usize = 32 * 1024;

/// Each takes a few tenths of a second, unoptimised and alone.
const PATIENCE: Duration = Duration::from_secs(25);

fn takes(name: &str, markdown: &str) {
    let began = Instant::now();
    let html = html(markdown);
    let took = began.elapsed();
    println!("{took:>8.2?} {:>9} bytes of HTML from {:>8} of {name:?}", html.len(), markdown.len());
    assert!(took < PATIENCE, "{name:?}: {took:?}");
    assert!(html.len() < 20 * markdown.len() + 1000, "{name:?}: {} bytes", html.len());
}

fn repeated(piece: &str) -> String {
    piece.repeat(SIZE / piece.len())
}

#[test]
fn marks_without_an_end_take_no_longer_than_others() {
    for piece in
        [">", "> ", "*", "_", "**a ", "*a_ ", "[", "![", "[a](", "](", "`", "`a``", "~", "\\", "&", "<", "|", "#"]
    {
        takes(piece, &repeated(piece));
    }
}

#[test]
fn nested_lists_and_tables_take_no_longer_than_others() {
    for piece in
        ["- ", "1. ", "* - + ", "- a\n", "> - ", "|a", "|a|\n|-|\n", "[^a]", "[^a]: b\n\n", "# a\n", "[a]: b\n", "[a]"]
    {
        takes(piece, &repeated(piece));
    }
    let deep: String = (0..250).map(|depth| "  ".repeat(depth) + "- a\n").collect();
    takes("lists in lists", &deep);
}

#[test]
fn html_without_an_end_takes_no_longer_than_others() {
    for piece in [
        "<b>",
        "<b\n",
        "</b>",
        "<b><i>",
        "<div>\n\n",
        "<a href=x>",
        "<a b c ",
        "<b x=\"",
        "<b x=' y=\"",
        "<!--",
        "<!-- a -->",
        "<svg>",
        "<script>",
        "<table>",
        "<table><tr><td>",
        "<b>a\n\n",
        "<p><b>\n\n",
        "<ul><li>",
        "<p>",
        "<b title=a>\n\n<p>",
        "</x ",
        "<svg></x ",
        "<h1><b>\n\n# a\n\n",
        "<font size=1><b><i><u><s>a\n\n",
    ] {
        takes(piece, &repeated(piece));
        takes(&format!("<div> and {piece}"), &format!("<div>\n{}", repeated(piece)));
    }
}

#[test]
fn formats_that_are_open_are_not_opened_again_in_each_block() {
    let formats: String = ["b", "i", "u", "s", "em", "sub", "sup", "kbd"].map(|tag| format!("<{tag}>")).concat();
    for (name, block) in [
        ("paragraphs", "x\n\n"),
        ("divs", "<div>x</div>\n"),
        ("cells", "<table><tr><td>x</table>\n"),
        ("items", "- x\n"),
    ] {
        takes(name, &format!("<p>{formats}\n\n{}", repeated(block)));
        takes(name, &format!("<div>{formats}\n{}", repeated(block)));
    }
}

#[test]
fn what_is_nested_too_deeply_is_shown_as_it_was_written() {
    let readable = format!("{}a", "> ".repeat(30));
    assert!(html(&readable).starts_with("<blockquote>"));
    let deep = format!("{}<b>&amp;", "> ".repeat(100));
    assert_eq!(html(&deep), format!("<pre>{}&lt;b&gt;&amp;amp;</pre>", "&gt; ".repeat(100)));
}

#[test]
fn what_is_too_large_is_shown_as_it_was_written() {
    let large = "*a* <script>\n".repeat(lyceum_markdown::MAX_BYTES / 13 + 1);
    let html = html(&large);
    assert!(html.starts_with("<pre>*a* &lt;script&gt;\n"));
    assert!(!html[5..html.len() - 6].contains('<'));
}
