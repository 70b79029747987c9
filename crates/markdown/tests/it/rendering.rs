//! What becomes of Markdown.

use std::cell::RefCell;

use lyceum_markdown::{Link, LinkKind, to_html};

use crate::html;

#[test]
fn markdown_becomes_html() {
    let cases = [
        ("a *b* **c** `d`", "<p>a <em>b</em> <strong>c</strong> <code>d</code></p>\n"),
        ("~~a~~", "<p><del>a</del></p>\n"),
        ("\"a\" -- b...", "<p>\"a\" -- b...</p>\n"),
        ("> a", "<blockquote>\n<p>a</p>\n</blockquote>\n"),
        ("3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n"),
        ("- [x] a\n- [ ] b", "<ul>\n<li>☑ a</li>\n<li>☐ b</li>\n</ul>\n"),
        ("a\n\n---\n\nb  \nc", "<p>a</p>\n<hr>\n<p>b<br>\nc</p>\n"),
        ("```rust,ignore\na < b\n```", "<pre><code class=\"language-rust\">a &lt; b\n</code></pre>\n"),
        ("```\na\n```", "<pre><code>a\n</code></pre>\n"),
        (
            "|a|b|\n|-|-:|\n|c|d|",
            "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>\n<tr><td>c</td><td>d</td></tr>\n</tbody></table>\n",
        ),
    ];
    for (markdown, expected) in cases {
        assert_eq!(html(markdown), expected, "{markdown}");
    }
}

#[test]
fn headings_have_ids_and_are_linked_to() {
    assert_eq!(
        html("# The *Bowline* & `co`\n\n## Größe\n\n## Größe\n\n### !\n\n[up](#the-bowline--co)"),
        "<h1 id=\"user-content-the-bowline--co\">The <em>Bowline</em> &amp; <code>co</code></h1>\n\
         <h2 id=\"user-content-größe\">Größe</h2>\n\
         <h2 id=\"user-content-größe-1\">Größe</h2>\n\
         <h3 id=\"user-content-section\">!</h3>\n\
         <p><a href=\"#user-content-the-bowline--co\" rel=\"noopener noreferrer nofollow\">up</a></p>\n"
    );
}

#[test]
fn footnotes_are_numbered_as_they_are_named() {
    assert_eq!(
        html("a[^x] b[^y]\n\n[^y]: second\n[^x]: first"),
        "<p>a<sup><a href=\"#user-content-fn-1\" rel=\"noopener noreferrer nofollow\">1</a></sup> \
         b<sup><a href=\"#user-content-fn-2\" rel=\"noopener noreferrer nofollow\">2</a></sup></p>\n\
         <div id=\"user-content-fn-2\"><sup>2</sup>\n<p>second</p>\n</div>\n\
         <div id=\"user-content-fn-1\"><sup>1</sup>\n<p>first</p>\n</div>\n"
    );
}

#[test]
fn targets_stay_where_they_are_harmless() {
    let cases = [
        ("[a](b.md)", "b.md"),
        ("[a](../b/c.html#d)", "../b/c.html#d"),
        ("[a](/b)", "/b"),
        ("[a](?b=c)", "?b=c"),
        ("[a](https://example.org/b)", "https://example.org/b"),
        ("<https://example.org/b>", "https://example.org/b"),
        ("<somebody@example.org>", "mailto:somebody@example.org"),
    ];
    for (markdown, target) in cases {
        assert!(html(markdown).contains(&format!("<a href=\"{target}\" rel=")), "{markdown}: {}", html(markdown));
    }
    assert_eq!(html("![a *b*](c.png \"d\")"), "<p><img src=\"c.png\" alt=\"a b\" title=\"d\"></p>\n");
    for gone in ["[a](ftp://b)", "[a](tel:1)", "[a](data:text/html,b)", "![a](file:///b)", "[a](javascript:b)"] {
        assert!(!html(gone).contains(':'), "{gone}: {}", html(gone));
    }
}

#[test]
fn the_caller_answers_for_targets() {
    let asked = RefCell::new(Vec::new());
    let links = |link: Link<'_>| {
        asked.borrow_mut().push((link.kind, link.target.to_owned()));
        match link.target {
            "b.md" => Some("/lessons/1".to_owned()),
            "c.png" => Some("/files/2?a=1&b=\"x\"".to_owned()),
            "evil" => Some("javascript:alert(1)".to_owned()),
            _ => None,
        }
    };
    let markdown = "[a](b.md) ![d](c.png) <a href=\"b.md\">e</a> <img src='c.png'> [f](evil) [g](other)";
    let html = to_html(markdown, &links);
    assert_eq!(
        html,
        "<p><a href=\"/lessons/1\" rel=\"noopener noreferrer nofollow\">a</a> \
         <img src=\"/files/2?a=1&amp;b=%22x%22\" alt=\"d\"> \
         <a href=\"/lessons/1\" rel=\"noopener noreferrer nofollow\">e</a> \
         <img src=\"/files/2?a=1&amp;b=&quot;x&quot;\"> \
         <a rel=\"noopener noreferrer nofollow\">f</a> \
         <a href=\"other\" rel=\"noopener noreferrer nofollow\">g</a></p>\n"
    );
    let asked = asked.into_inner();
    assert_eq!(asked.len(), 6);
    assert_eq!(asked[0], (LinkKind::Link, "b.md".to_owned()));
    assert_eq!(asked[1], (LinkKind::Image, "c.png".to_owned()));
}

#[test]
fn harmless_html_stays() {
    let cases = [
        ("a <kbd>b</kbd> <sub>c</sub><br>d", "<p>a <kbd>b</kbd> <sub>c</sub><br>d</p>\n"),
        (
            "<details>\n<summary>a</summary>\n\n*b*\n\n</details>",
            "<details>\n<summary>a</summary>\n\n<p><em>b</em></p>\n</details>\n",
        ),
        (
            "<table>\n<tr><th>a<td>b\n<tr><td colspan=2>c\n</table>\n",
            "<table>\n<tbody><tr><th>a</th><td>b\n</td></tr><tr><td colspan=\"2\">c\n</td></tr></tbody></table>\n",
        ),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>\n"),
        ("<p>a<p>b", "<p>a</p><p>b\n</p>"),
        ("<!-- a -->b", "b"),
        ("a &amp; b &lt; c &copy;", "<p>a &amp; b &lt; c ©</p>\n"),
        ("<div>a &amp; b</div>", "<div>a &amp; b</div>\n"),
    ];
    for (markdown, expected) in cases {
        assert_eq!(html(markdown).trim_end(), expected.trim_end(), "{markdown}");
    }
}

#[test]
fn html_that_is_not_ended_ends_with_what_it_is_in() {
    let cases = [
        ("- <b>a\n- c", "<ul>\n<li><b>a</b></li>\n<li>c</li>\n</ul>\n"),
        ("*a <b>c* d</b>", "<p><em>a <b>c</b></em> d</p>\n"),
        ("<b>\n\na\n\n</b>", "<b>\n</b>\n<p>a</p>\n\n"),
        ("a <b><i>c</b> d", "<p>a <b><i>c</i></b> d</p>\n"),
    ];
    for (markdown, expected) in cases {
        assert_eq!(
            html(markdown).split_whitespace().collect::<String>(),
            expected.split_whitespace().collect::<String>()
        );
    }
}
