//! Finds `{{#include …}}` and its relatives in a text.

use std::{borrow::Cow, ops::Range};

use crate::selection::Selection;

/// What stands between double braces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Directive<'a> {
    /// A directive with a backslash before it: shown, not carried out.
    Escaped(&'a str),
    /// Lines of a file. `again` as for [`Selection::take`].
    Include { path: Cow<'a, str>, selection: Selection, again: bool },
    /// A file of code as a code block, with words for its info string.
    Playground { path: Cow<'a, str>, words: Vec<&'a str> },
    /// A title for the browser's window.
    Title,
}

/// All directives of a text with their places in it. Its time is linear in the text, whatever that holds.
pub(crate) struct Directives<'a> {
    text: &'a str,
    at: usize,
    braces: Ahead,
    brace: Ahead,
    newline: Ahead,
}

impl<'a> Directives<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { text, at: 0, braces: Ahead::to("}}"), brace: Ahead::to("}"), newline: Ahead::to("\n") }
    }

    /// The end of an escaped directive whose braces open at `open`.
    fn escaped(&mut self, open: usize) -> Option<usize> {
        let inside = open + 3;
        self.text[open..].starts_with("{{#").then_some(())?;
        let close = self.braces.from(self.text, inside)?;
        let same_line = self.newline.from(self.text, inside).is_none_or(|newline| close < newline);
        same_line.then_some(close + 2)
    }

    /// The name, the arguments and the end of a directive whose braces open at `open`.
    fn plain(&mut self, open: usize) -> Option<(&'a str, &'a str, usize)> {
        let text = self.text;
        let rest = text[open + 2..].trim_start().strip_prefix('#')?;
        let name_length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, arguments) = rest.split_at(name_length);
        if name.is_empty() || !arguments.starts_with(char::is_whitespace) {
            return None;
        }
        let start = text.len() - arguments.len();
        let close = self.brace.from(text, start)?;
        text[close..].starts_with("}}").then(|| (name, &text[start..close], close + 2))
    }
}

impl<'a> Iterator for Directives<'a> {
    type Item = (Range<usize>, Directive<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.text;
        while let Some(found) = text[self.at..].find("{{") {
            let open = self.at + found;
            if open > self.at
                && text.as_bytes()[open - 1] == b'\\'
                && let Some(end) = self.escaped(open)
            {
                self.at = end;
                return Some((open - 1..end, Directive::Escaped(&text[open..end])));
            }
            let Some((name, arguments, end)) = self.plain(open) else {
                self.at = open + 1;
                continue;
            };
            self.at = end;
            if let Some(directive) = parse(name, arguments.trim()) {
                return Some((open..end, directive));
            }
        }
        None
    }
}

fn parse<'a>(name: &str, arguments: &'a str) -> Option<Directive<'a>> {
    match name {
        "title" => Some(Directive::Title),
        "include" | "rustdoc_include" => {
            let (path, selection) = if arguments.starts_with('"') {
                let (path, rest) = quoted(arguments)?;
                (path.into(), Selection::parse(rest.trim_start().strip_prefix(':')))
            } else {
                let word = arguments.split_whitespace().next()?;
                let (path, rest) = match word.split_once(':') {
                    // The colon of `C:\x` belongs to the path, which is then refused for what it is.
                    Some((drive, rest)) if drive.len() == 1 && rest.starts_with(['\\', '/']) => (word, None),
                    Some((path, rest)) => (path, Some(rest)),
                    None => (word, None),
                };
                (path.into(), Selection::parse(rest))
            };
            Some(Directive::Include { path, selection, again: name == "rustdoc_include" })
        }
        "playground" | "playpen" => {
            let (path, rest): (Cow<'_, str>, &str) = if arguments.starts_with('"') {
                let (path, rest) = quoted(arguments)?;
                (path.into(), rest)
            } else {
                let (path, rest) = arguments.split_once(char::is_whitespace).unwrap_or((arguments, ""));
                (path.into(), rest)
            };
            (!path.is_empty()).then(|| Directive::Playground { path, words: rest.split_whitespace().collect() })
        }
        _ => None,
    }
}

/// A text in quotation marks, where a backslash takes the next character as it is, and what follows it.
fn quoted(raw: &str) -> Option<(String, &str)> {
    let inside = raw.strip_prefix('"')?;
    let mut path = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((path, &inside[at + 1..])),
            '\\' => path.push(chars.next()?.1),
            c => path.push(c),
        }
    }
    None
}

/// Where a text comes next. Remembers the answer, so that asking again and again from places that only go forward
/// costs one pass.
struct Ahead {
    needle: &'static str,
    /// The place found last; `None` once there is none left.
    found: Option<usize>,
    asked: bool,
}

impl Ahead {
    fn to(needle: &'static str) -> Self {
        Self { needle, found: None, asked: false }
    }

    fn from(&mut self, text: &str, start: usize) -> Option<usize> {
        let stale = self.found.is_some_and(|found| found < start);
        if !self.asked || stale {
            self.asked = true;
            self.found = text[start..].find(self.needle).map(|found| start + found);
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<(&str, Directive<'_>)> {
        Directives::of(text).map(|(range, directive)| (&text[range], directive)).collect()
    }

    fn include(path: &'static str, selection: &str, again: bool) -> Directive<'static> {
        let selection = Selection::parse(Some(selection));
        Directive::Include { path: path.into(), selection, again }
    }

    #[test]
    fn includes() {
        assert_eq!(
            all("a {{#include x.rs}} {{ #include y.rs:2:3 z }}{{#rustdoc_include ../y.rs:name}}"),
            [
                ("{{#include x.rs}}", include("x.rs", "", false)),
                ("{{ #include y.rs:2:3 z }}", include("y.rs", "2:3", false)),
                ("{{#rustdoc_include ../y.rs:name}}", include("../y.rs", "name", true)),
            ]
        );
        assert_eq!(all(r#"{{#include "a \"b\".rs":2}}"#)[0].1, include("a \"b\".rs", "2", false));
        assert_eq!(all(r"{{#include C:\x.rs}}")[0].1, include(r"C:\x.rs", "", false));
    }

    #[test]
    fn playgrounds_and_titles() {
        let words = vec!["editable", "no_run"];
        assert_eq!(
            all("{{#playground a.rs editable no_run}}")[0].1,
            Directive::Playground { path: "a.rs".into(), words }
        );
        assert_eq!(all("{{#title Some Title}}")[0].1, Directive::Title);
    }

    #[test]
    fn escaped_ones_are_literal() {
        assert_eq!(
            all(r"`\{{#include a}}` and \{{#anything}} {{#include b}}"),
            [
                (r"\{{#include a}}", Directive::Escaped("{{#include a}}")),
                (r"\{{#anything}}", Directive::Escaped("{{#anything}}")),
                ("{{#include b}}", include("b", "", false)),
            ]
        );
    }

    #[test]
    fn what_is_no_directive() {
        for text in
            ["{{#include", "{{#include}}", "{{#include  }}", "{{#unknown x}}", "{{include x}}", "{{#}}", "{{ }}"]
        {
            assert_eq!(all(text), [], "{text}");
        }
        assert_eq!(all("{{{#include x}}}").len(), 1);
        assert_eq!(all("{{#include \"x}}"), []);
    }

    #[test]
    fn time_is_linear() {
        for unit in ["{{#a ", "\\{{#", "{{", "{{ \n", "{{#include }"] {
            assert_eq!(all(&unit.repeat(300_000)).len(), 0);
        }
    }
}
