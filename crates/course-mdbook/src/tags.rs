//! HTML tags in pieces of a Markdown text.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag as Element, TagEnd};

/// One tag. `'a` is the text's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    pub(crate) name: &'a str,
    pub(crate) closing: bool,
    attributes: Vec<(&'a str, &'a str)>,
    /// In the whole text.
    pub(crate) range: Range<usize>,
}

impl<'a> Tag<'a> {
    /// The value of an attribute as written, with its entities.
    pub(crate) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// How chapters are parsed everywhere.
pub(crate) fn options() -> Options {
    Options::ENABLE_TABLES
}

/// The tags of the Markdown text, outside of code, in order; each group belongs to one block or to the running text of
/// one paragraph, and `true` marks blocks.
pub(crate) fn groups(text: &str) -> Vec<(bool, Vec<Tag<'_>>)> {
    let mut groups = Vec::new();
    let mut inline = Vec::new();
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        match event {
            Event::InlineHtml(_) => inline.extend(tags(text, range)),
            Event::Start(Element::HtmlBlock) => groups.push((true, tags(text, range))),
            Event::Start(Element::List(_))
            | Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableCell)
                if !inline.is_empty() =>
            {
                groups.push((false, std::mem::take(&mut inline)));
            }
            _ => {}
        }
    }
    groups
}

/// The tags in a piece of HTML. What does not end, or begins a second tag inside, is none; its time is linear.
fn tags(text: &str, range: Range<usize>) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    let mut at = range.start;
    while let Some(open) = text[at..range.end].find('<').map(|open| at + open) {
        let piece = &text[open..range.end];
        if piece.starts_with("<!--") {
            at = piece.find("-->").map_or(range.end, |end| open + end + 3);
            continue;
        }
        let mut cursor = Cursor { text: piece, at: 1 };
        let tag = cursor.tag();
        at = open + cursor.at;
        if let Some((name, closing, attributes)) = tag {
            found.push(Tag { name, closing, attributes, range: open..at });
        }
    }
    found
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

type Parts<'a> = (&'a str, bool, Vec<(&'a str, &'a str)>);

impl<'a> Cursor<'a> {
    /// The rest of a tag after its `<`.
    fn tag(&mut self) -> Option<Parts<'a>> {
        let closing = self.skip('/');
        let name = self.until(|c| !c.is_ascii_alphanumeric() && c != '-');
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let mut attributes = Vec::new();
        loop {
            self.until(|c| !c.is_whitespace() && c != '/');
            if self.skip('>') {
                return Some((name, closing, attributes));
            }
            let key = self.until(|c| c.is_whitespace() || matches!(c, '=' | '>' | '/' | '<' | '"' | '\''));
            if key.is_empty() {
                return None;
            }
            self.until(|c| !c.is_whitespace());
            let value = if self.skip('=') {
                self.until(|c| !c.is_whitespace());
                self.value()?
            } else {
                ""
            };
            attributes.push((key, value));
        }
    }

    fn value(&mut self) -> Option<&'a str> {
        for quote in ['"', '\''] {
            if self.skip(quote) {
                let value = self.until(|c| c == quote);
                return self.skip(quote).then_some(value);
            }
        }
        Some(self.until(|c| c.is_whitespace() || matches!(c, '>' | '<')))
    }

    fn until(&mut self, stop: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest.find(stop).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn skip(&mut self, c: char) -> bool {
        let found = self.text[self.at..].starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(html: &str) -> Vec<String> {
        let show = |tag: Tag<'_>| {
            let slash = if tag.closing { "/" } else { "" };
            format!("{slash}{} {:?} {}", tag.name, tag.attributes, &html[tag.range])
        };
        tags(html, 0..html.len()).into_iter().map(show).collect()
    }

    #[test]
    fn attributes_of_all_kinds() {
        assert_eq!(
            shown("<Listing number=\"1-1\" a='\"x\">' b=c d></Listing >"),
            [
                r#"Listing [("number", "1-1"), ("a", "\"x\">"), ("b", "c"), ("d", "")] <Listing number="1-1" a='"x">' b=c d>"#,
                "/Listing [] </Listing >",
            ]
        );
        assert_eq!(shown("<img src=\"a\"/><br />").len(), 2);
    }

    #[test]
    fn what_is_no_tag() {
        for html in ["<", "< a>", "<1>", "<a b=\"", "<a <", "<!-- <a> -->", "<!-- <a>", "<a \"b\">", "<a =>"] {
            assert_eq!(shown(html), Vec::<String>::new(), "{html}");
        }
    }

    #[test]
    fn code_holds_no_tags() {
        let names = |text| groups(text).into_iter().flat_map(|(_, tags)| tags).map(|tag| tag.name).collect::<Vec<_>>();
        assert_eq!(names("`<a>` <b>x</b>\n\n```\n<c>\n```\n\n    <d>\n\n<e>\n\n> <f>\n"), ["b", "b", "e", "f"]);
    }

    #[test]
    fn time_is_linear() {
        for unit in ["<a ", "<a b=\"<a b=\" c=\"", "<!--", "<"] {
            shown(&unit.repeat(300_000));
        }
    }
}
