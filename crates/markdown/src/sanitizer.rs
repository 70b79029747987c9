//! The allow-list.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use ammonia::{Builder, UrlRelative};

use crate::ID_PREFIX;

const TAGS: [&str; 53] = [
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
    "wbr",
];

const ATTRIBUTES: [(&str, &[&str]); 13] = [
    ("a", &["href", "title"]),
    ("abbr", &["title"]),
    ("code", &["class"]),
    ("div", &["id"]),
    ("h1", &["id"]),
    ("h2", &["id"]),
    ("h3", &["id"]),
    ("h4", &["id"]),
    ("h5", &["id"]),
    ("h6", &["id"]),
    ("img", &["alt", "height", "src", "title", "width"]),
    ("ol", &["start"]),
    ("td", &["colspan", "rowspan"]),
];

static ALLOW_LIST: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut attributes: HashMap<&str, HashSet<&str>> =
        ATTRIBUTES.iter().map(|(tag, names)| (*tag, names.iter().copied().collect())).collect();
    attributes.insert("th", HashSet::from(["colspan", "rowspan"]));
    let mut builder = Builder::empty();
    builder
        .tags(HashSet::from(TAGS))
        .tag_attributes(attributes)
        .generic_attributes(HashSet::new())
        // What is between these is no text for a reader.
        .clean_content_tags(HashSet::from(["script", "style"]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer nofollow"))
        .strip_comments(true)
        .attribute_filter(|_, name, value| match name {
            "class" => language(value).map(Cow::Owned),
            "id" => value.starts_with(ID_PREFIX).then_some(Cow::Borrowed(value)),
            "colspan" | "height" | "rowspan" | "start" | "width" => is_number(value).then_some(Cow::Borrowed(value)),
            _ => Some(Cow::Borrowed(value)),
        });
    builder
});

/// Only what is on the allow-list. Cleaning what is clean changes nothing.
pub(crate) fn clean(html: &str) -> String {
    ALLOW_LIST.clean(html).to_string()
}

/// How many bytes may be looked at in vain while the clean HTML is written.
const MAX_SEARCH: usize = 1_000_000_000;

/// Whether writing the clean HTML would take long: html5ever looks for the next `<` or `>` of a text again at each `&` and
/// each sign whose first byte is C2, to the end of the text if there is none (`write_escaped` in its 0.40).
pub(crate) fn is_slow(html: &str) -> bool {
    let mut search = 0_usize;
    let mut rest = html.as_bytes();
    while !rest.is_empty() {
        // A tag ends a text, and these end a search.
        let is_end = |at: &usize| {
            rest[*at] == b'<' || (rest[*at] == b'&' && matches!(rest.get(at + 1..at + 4), Some(b"lt;" | b"gt;")))
        };
        let end = (0..rest.len()).find(is_end).unwrap_or(rest.len());
        let stops = rest[..end].iter().filter(|byte| matches!(byte, b'&' | 0xC2)).count();
        search = search.saturating_add(stops.saturating_mul(end));
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    search > MAX_SEARCH
}

/// The class that says which language a code is in. What books add to it (`rust,ignore`) goes.
fn language(class: &str) -> Option<String> {
    let name = class.strip_prefix("language-")?.split(',').next()?;
    let is_name = (1..=40).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'#' | b'.'));
    is_name.then(|| format!("language-{name}"))
}

fn is_number(value: &str) -> bool {
    (1..=5).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_signs_in_a_long_text_are_slow_to_write() {
        for slow in ["&amp;", "°", "a &copy; ", "&#38;"] {
            assert!(is_slow(&slow.repeat(1 << 19)), "{slow}");
            assert!(!is_slow(&slow.repeat(1 << 10)), "{slow}");
        }
        for quick in ["&lt;", "a", "<p>&amp;</p>", "&amp;&gt;", "é"] {
            assert!(!is_slow(&quick.repeat(1 << 19)), "{quick}");
        }
    }

    #[test]
    fn a_class_is_a_language_or_nothing() {
        assert_eq!(language("language-rust,ignore"), Some("language-rust".to_owned()));
        assert_eq!(language("language-c++"), Some("language-c++".to_owned()));
        for other in ["rust", "language-", "language-a b", "language-<", "btn language-rust"] {
            assert_eq!(language(other), None, "{other}");
        }
    }
}
