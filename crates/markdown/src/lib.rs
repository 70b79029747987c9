//! Markdown becomes HTML that is safe to show.
//!
//! Two belts, neither of which trusts the other. First, HTML within the Markdown is taken apart and written anew, tag by
//! tag: what is left is well-formed and not deeply nested, so that nothing later can take long. Then the whole passes an
//! allow-list ([`ammonia`]), which reads it as a browser would.
//!
//! Deliberately absent: attributes of style (the alignment of table columns is lost), forms (a task list has ☐ and ☑),
//! `id`s and `class`es of the author's own, smart punctuation.

mod document;
mod raw;
mod sanitizer;

use pulldown_cmark::html;

/// The largest Markdown that is rendered, in bytes. A larger one is shown as it was written.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;

/// What every `id` of the HTML begins with, so that none is mistaken for one of the page around it. Headings have one
/// (`user-content-` and their words), and so have footnotes.
pub const ID_PREFIX: &str = "user-content-";

/// Where a part of a document leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    /// What for.
    pub kind: LinkKind,
    /// As the author wrote it: an address, or one relative to the document's own.
    pub target: &'a str,
}

/// What a target is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Something to go to.
    Link,
    /// Something to show.
    Image,
}

/// The HTML of a document: `CommonMark` with tables, footnotes, strikethrough and task lists.
///
/// `links` may answer with another target for each link and image. Where it does not, the target stays, relative or not;
/// only one within the document (`#words`) is made to fit the `id`s of headings. Targets that are neither relative nor
/// `http`, `https` or `mailto` are removed, whoever they come from.
///
/// Takes time in proportion to the document's size, whatever is in it. What is nested more deeply than anybody can read,
/// or would take long for another reason, is shown as it was written.
pub fn to_html(markdown: &str, links: &dyn Fn(Link<'_>) -> Option<String>) -> String {
    if markdown.len() > MAX_BYTES {
        return as_written(markdown);
    }
    let Some(events) = document::events(markdown, links) else { return as_written(markdown) };
    let mut rendered = String::with_capacity(markdown.len() + markdown.len() / 2);
    html::push_html(&mut rendered, events.into_iter());
    if sanitizer::is_slow(&rendered) {
        return as_written(markdown);
    }
    sanitizer::clean(&rendered)
}

fn as_written(markdown: &str) -> String {
    format!("<pre>{}</pre>", raw::escaped(markdown))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_clean_stays_as_it_is(markdown in ".*|([<>/\"'=& \n`*_\\[\\]()!#|-]|<b>|<p>|<table>|<tr>|<td>|<a href=x>|<svg>|<li>|<pre>|a|b){0,60}") {
            let html = to_html(&markdown, &|_| None);
            prop_assert_eq!(sanitizer::clean(&html), html);
        }
    }
}
