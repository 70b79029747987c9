//! What a browser would see in HTML: its tags and attributes, by the tokenizer of the HTML standard.

use std::cell::RefCell;

use html5ever::tokenizer::{
    BufferQueue, StartTag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// A start tag: its name and its attributes, entities resolved.
pub type Seen = (String, Vec<(String, String)>);

#[derive(Default)]
struct Sink(RefCell<Vec<Seen>>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        if let TagToken(tag) = token
            && tag.kind == StartTag
        {
            let attributes =
                tag.attrs.iter().map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string()));
            self.0.borrow_mut().push((tag.name.to_string(), attributes.collect()));
        }
        TokenSinkResult::Continue
    }
}

pub fn tags(html: &str) -> Vec<Seen> {
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    let queue = BufferQueue::default();
    queue.push_back(html.into());
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

const TAGS: [&str; 51] = [
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
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
];

/// Why a browser would do something that it must not, by a list of its own.
pub fn danger(html: &str) -> Option<String> {
    for (tag, attributes) in tags(html) {
        if !TAGS.contains(&tag.as_str()) && tag != "wbr" {
            return Some(format!("<{tag}>"));
        }
        for (name, value) in &attributes {
            let is_good = match name.as_str() {
                "href" | "src" => is_good_target(value),
                "class" => tag == "code" && value.starts_with("language-"),
                "id" => value.starts_with("user-content-"),
                "rel" => value == "noopener noreferrer nofollow",
                "alt" | "title" => true,
                "colspan" | "height" | "rowspan" | "start" | "width" => value.bytes().all(|b| b.is_ascii_digit()),
                _ => false,
            };
            if !is_good {
                return Some(format!("<{tag} {name}={value:?}>"));
            }
        }
        let is_link = attributes.iter().any(|(name, _)| name == "href");
        if is_link && !attributes.iter().any(|(name, _)| name == "rel") {
            return Some("a link without rel".to_owned());
        }
    }
    None
}

/// As browsers read an address: control characters and blanks at its beginning don't count, tabs and line ends nowhere.
fn is_good_target(target: &str) -> bool {
    let read: String = target
        .trim_start_matches(|c: char| c <= ' ')
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .collect::<String>()
        .to_lowercase();
    let Some((scheme, _)) = read.split_once(':') else { return true };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    !is_scheme || matches!(scheme, "http" | "https" | "mailto")
}

#[test]
fn the_judge_sees_what_is_dangerous() {
    for html in [
        "<script>",
        "<p onclick=x>",
        "<a href=javascript:x rel='noopener noreferrer nofollow'>",
        "<img src=' java\tscript:x'>",
        "<img src='&#106;avascript:x'>",
        "<a href=x>",
        "<svg>",
        "<p id=x>",
        "<p style=x>",
        "<form>",
        "<img src=data:x>",
        "<p class=x>",
    ] {
        assert!(danger(html).is_some(), "{html}");
    }
    let good = "<p>a<a href=\"b:c/d\" rel=\"noopener noreferrer nofollow\">";
    assert!(danger(good).is_some(), "another scheme");
    assert_eq!(danger("<a href=\"./b:c\" rel=\"noopener noreferrer nofollow\"><img src=https://x alt=''>"), None);
}
