//! HTML within Markdown, taken apart.

/// What a tag is allowed to do to what is around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Within a line.
    Inline,
    /// A block of its own.
    Block,
    /// A part of a table; only within one of these.
    Part(&'static [&'static str]),
    /// Has no content.
    Empty,
}

/// The tags that an author may write, and where.
const TAGS: [(&str, Kind); 52] = [
    ("a", Kind::Inline),
    ("abbr", Kind::Inline),
    ("b", Kind::Inline),
    ("blockquote", Kind::Block),
    ("br", Kind::Empty),
    ("caption", Kind::Part(&["table"])),
    ("cite", Kind::Inline),
    ("code", Kind::Inline),
    ("dd", Kind::Part(&["dl"])),
    ("del", Kind::Inline),
    ("details", Kind::Block),
    ("div", Kind::Block),
    ("dl", Kind::Block),
    ("dt", Kind::Part(&["dl"])),
    ("em", Kind::Inline),
    ("figcaption", Kind::Part(&["figure"])),
    ("figure", Kind::Block),
    ("h1", Kind::Block),
    ("h2", Kind::Block),
    ("h3", Kind::Block),
    ("h4", Kind::Block),
    ("h5", Kind::Block),
    ("h6", Kind::Block),
    ("hr", Kind::Empty),
    ("i", Kind::Inline),
    ("img", Kind::Empty),
    ("ins", Kind::Inline),
    ("kbd", Kind::Inline),
    ("li", Kind::Part(&["ol", "ul"])),
    ("mark", Kind::Inline),
    ("ol", Kind::Block),
    ("p", Kind::Block),
    ("pre", Kind::Block),
    ("q", Kind::Inline),
    ("s", Kind::Inline),
    ("samp", Kind::Inline),
    ("small", Kind::Inline),
    ("span", Kind::Inline),
    ("strong", Kind::Inline),
    ("sub", Kind::Inline),
    ("summary", Kind::Part(&["details"])),
    ("sup", Kind::Inline),
    ("table", Kind::Block),
    ("tbody", Kind::Part(&["table"])),
    ("td", Kind::Part(&["tr"])),
    ("th", Kind::Part(&["tr"])),
    ("thead", Kind::Part(&["table"])),
    ("tr", Kind::Part(&["table", "tbody", "thead"])),
    ("u", Kind::Inline),
    ("ul", Kind::Block),
    ("var", Kind::Inline),
    ("wbr", Kind::Empty),
];

/// What these hold is no text for a reader.
const WITHOUT_CONTENT: [&str; 9] =
    ["iframe", "math", "noscript", "object", "script", "style", "svg", "template", "textarea"];

/// The attributes that an author may write; on which tags, the allow-list says.
const ATTRIBUTES: [&str; 9] = ["alt", "colspan", "height", "href", "rowspan", "src", "start", "title", "width"];

/// A piece of HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text, which may have character references.
    Text(&'a str),
    /// The beginning of an element that is allowed, with the attributes that are.
    Open(&'static str, Kind, Vec<(&'static str, &'a str)>),
    /// The end of one.
    Close(&'static str),
}

/// Takes HTML apart. What is not allowed is left out: of most tags only the tag, of [`WITHOUT_CONTENT`] all.
pub(crate) fn pieces(html: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        let (tag, after) = Tag::read(&rest[at..]);
        rest = after;
        match tag {
            Tag::Text(text) => pieces.push(Piece::Text(text)),
            Tag::Comment => {}
            Tag::Close(name) => {
                if let Some((name, _)) = allowed(name) {
                    pieces.push(Piece::Close(name));
                }
            }
            Tag::Open(name, attributes) => {
                if let Some((name, kind)) = allowed(name) {
                    pieces.push(Piece::Open(name, kind, attributes));
                } else if WITHOUT_CONTENT.iter().any(|other| name.eq_ignore_ascii_case(other)) {
                    rest = after_end(rest, name);
                }
            }
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

fn allowed(name: &str) -> Option<(&'static str, Kind)> {
    TAGS.iter().find(|(tag, _)| name.eq_ignore_ascii_case(tag)).copied()
}

/// What follows the end of an element; nothing, if it has none.
fn after_end<'a>(html: &'a str, name: &str) -> &'a str {
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        let (tag, after) = Tag::read(&rest[at..]);
        if matches!(tag, Tag::Close(found) if found.eq_ignore_ascii_case(name)) {
            return after;
        }
        rest = &rest[at + 2..];
    }
    ""
}

enum Tag<'a> {
    /// It only looked like one.
    Text(&'a str),
    Comment,
    Open(&'a str, Vec<(&'static str, &'a str)>),
    Close(&'a str),
}

impl<'a> Tag<'a> {
    /// Reads what begins with `<`, and gives what follows. One that has no end is text.
    fn read(html: &'a str) -> (Self, &'a str) {
        let text = || (Tag::Text(&html[..1]), &html[1..]);
        if let Some(comment) = html.strip_prefix("<!--") {
            return (Tag::Comment, comment.split_once("-->").map_or("", |(_, after)| after));
        }
        if html.starts_with("<!") || html.starts_with("<?") {
            return (Tag::Comment, html.split_once('>').map_or("", |(_, after)| after));
        }
        let (is_end, body) = match html[1..].strip_prefix('/') {
            Some(body) => (true, body),
            None => (false, &html[1..]),
        };
        let end = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(body.len());
        let (name, mut rest) = body.split_at(end);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return text();
        }
        let mut attributes: Vec<(&'static str, &str)> = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
            if let Some(after) = rest.strip_prefix('>') {
                return (if is_end { Tag::Close(name) } else { Tag::Open(name, attributes) }, after);
            }
            let Some((name, value, after)) = attribute(rest) else { return text() };
            rest = after;
            let known = ATTRIBUTES.iter().find(|known| name.eq_ignore_ascii_case(known)).copied();
            if let Some(known) = known
                && !attributes.iter().any(|(name, _)| *name == known)
            {
                attributes.push((known, value));
            }
        }
    }
}

/// The next attribute: its name, its value (empty without one), and what follows. `None` if the tag has no end.
fn attribute(html: &str) -> Option<(&str, &str, &str)> {
    let end = html.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/' | '<'))?;
    // Browsers take `<` into the name. Whoever writes it forgot to end the tag before, and reading on from each such
    // beginning would take for ever.
    if html[end..].starts_with('<') {
        return None;
    }
    // A sign that cannot begin a name is passed over.
    let (name, rest) = html.split_at(end.max(html.chars().next().filter(|c| *c == '=').map_or(0, char::len_utf8)));
    let spaced = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let Some(value) = spaced.strip_prefix('=') else { return Some((name, "", rest)) };
    let value = value.trim_start_matches(|c: char| c.is_ascii_whitespace());
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let (value, after) = quoted.split_once(quote)?;
            return Some((name, value, after));
        }
    }
    let end = value.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '<'))?;
    (!value[end..].starts_with('<')).then(|| (name, &value[..end], &value[end..]))
}

/// Text as HTML.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// HTML's text as HTML: its character references stay.
pub(crate) fn kept(text: &str) -> String {
    text.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_taken_apart() {
        let found = pieces("a<B title='x>y' ID=z onclick=\"f()\" hidden>b</b ><!-- <i> --><script>c</script>d<x>e < f");
        let open = Piece::Open("b", Kind::Inline, vec![("title", "x>y")]);
        let expected = [
            Piece::Text("a"),
            open,
            Piece::Text("b"),
            Piece::Close("b"),
            Piece::Text("d"),
            Piece::Text("e "),
            Piece::Text("<"),
            Piece::Text(" f"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_tag_without_an_end_is_text() {
        for html in ["<b", "<b title=\"x", "<b title=x", "<", "</", "<b a b c "] {
            assert!(pieces(html).iter().all(|piece| matches!(piece, Piece::Text(_))), "{html}");
        }
    }

    #[test]
    fn the_lists_are_sorted_and_allowed() {
        assert!(TAGS.is_sorted_by_key(|(tag, _)| tag));
        assert!(ATTRIBUTES.is_sorted());
    }
}
