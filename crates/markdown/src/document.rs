//! The parts of a document, made fit to be rendered.

use std::collections::{HashMap, hash_map::Entry};

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};

use crate::{
    ID_PREFIX, Link, LinkKind,
    raw::{self, Kind, Piece},
};

/// How deeply parts may be nested. Books reach ten.
const MAX_DEPTH: usize = 64;

/// How deeply HTML within Markdown may be nested; what is deeper loses its tags.
const MAX_RAW_DEPTH: usize = 16;

type Links<'l> = &'l dyn Fn(Link<'_>) -> Option<String>;

/// The events of a document, ready to be rendered: targets answered for, headings and footnotes with their `id`s, HTML
/// taken apart and well-formed. `None` if it is nested too deeply.
pub(crate) fn events<'m>(markdown: &'m str, links: Links<'_>) -> Option<Vec<Event<'m>>> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut document = Document::new(links);
    for event in Parser::new_ext(markdown, options) {
        document.see(event)?;
    }
    document.close_raw();
    Some(document.events)
}

/// What is open.
enum Open {
    Markdown,
    Raw(&'static str, Kind),
}

struct Document<'m, 'l> {
    links: Links<'l>,
    events: Vec<Event<'m>>,
    open: Vec<Open>,
    /// How many of `open` are HTML.
    raw_depth: usize,
    /// How many images are open; what is in them is their description.
    images: usize,
    /// The HTML of the block that is being read, which comes line by line.
    block: Option<String>,
    /// Where the heading that is being read begins.
    heading: Option<usize>,
    /// How often words were taken for an `id`.
    taken: HashMap<String, usize>,
    /// The numbers of footnotes by their labels.
    footnotes: HashMap<CowStr<'m>, usize>,
}

impl<'m, 'l> Document<'m, 'l> {
    fn new(links: Links<'l>) -> Self {
        Self {
            links,
            events: Vec::new(),
            open: Vec::new(),
            raw_depth: 0,
            images: 0,
            block: None,
            heading: None,
            taken: HashMap::new(),
            footnotes: HashMap::new(),
        }
    }

    fn see(&mut self, event: Event<'m>) -> Option<()> {
        match event {
            Event::Start(Tag::HtmlBlock) => self.block = Some(String::new()),
            Event::End(TagEnd::HtmlBlock) => {
                if let Some(html) = self.block.take() {
                    self.html(&html, true);
                    self.events.push(Event::Html("\n".into()));
                }
            }
            Event::Html(html) | Event::InlineHtml(html) => match &mut self.block {
                Some(block) => block.push_str(&html),
                None => self.html(&html, false),
            },
            // Text between the lines of HTML.
            Event::Text(text) if self.block.is_some() => {
                if let Some(block) = &mut self.block {
                    block.push_str(&text);
                }
            }
            Event::Start(tag) => self.start(tag)?,
            Event::End(tag) => self.end(tag),
            Event::FootnoteReference(label) => {
                let number = self.footnote(label);
                let link = format!("<sup><a href=\"#{ID_PREFIX}fn-{number}\">{number}</a></sup>");
                self.events.push(Event::InlineHtml(link.into()));
            }
            // A box to tick would be a form.
            Event::TaskListMarker(is_done) => self.events.push(Event::Text(if is_done { "☑ " } else { "☐ " }.into())),
            other => self.events.push(other),
        }
        Some(())
    }

    fn start(&mut self, tag: Tag<'m>) -> Option<()> {
        if self.open.len() >= MAX_DEPTH {
            return None;
        }
        if is_block(&tag) {
            self.close_lines();
        }
        self.open.push(Open::Markdown);
        match tag {
            Tag::Link { link_type, dest_url, title, id } => {
                let dest_url = self.target(LinkKind::Link, dest_url);
                self.events.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
            }
            Tag::Image { link_type, dest_url, title, id } => {
                self.images += 1;
                let dest_url = self.target(LinkKind::Image, dest_url);
                self.events.push(Event::Start(Tag::Image { link_type, dest_url, title, id }));
            }
            Tag::FootnoteDefinition(label) => {
                let number = self.footnote(label);
                let head = format!("<div id=\"{ID_PREFIX}fn-{number}\"><sup>{number}</sup>\n");
                self.events.push(Event::Html(head.into()));
            }
            Tag::Heading { .. } => {
                self.heading = Some(self.events.len());
                self.events.push(Event::Start(tag));
            }
            tag => self.events.push(Event::Start(tag)),
        }
        Some(())
    }

    fn end(&mut self, tag: TagEnd) {
        self.close_raw();
        self.open.pop();
        match tag {
            TagEnd::FootnoteDefinition => self.events.push(Event::Html("</div>\n".into())),
            TagEnd::Image => {
                self.images = self.images.saturating_sub(1);
                self.events.push(Event::End(tag));
            }
            TagEnd::Heading(_) => {
                self.name_heading();
                self.events.push(Event::End(tag));
            }
            tag => self.events.push(Event::End(tag)),
        }
    }

    /// Gives the heading that ends now an `id` of its words.
    fn name_heading(&mut self) {
        let Some(start) = self.heading.take() else { return };
        let words = self.events[start..].iter().filter_map(|event| match event {
            Event::Text(text) | Event::Code(text) => Some(&**text),
            _ => None,
        });
        let name = slug(&words.collect::<String>());
        let count = match self.taken.entry(name.clone()) {
            Entry::Occupied(mut taken) => {
                *taken.get_mut() += 1;
                *taken.get()
            }
            Entry::Vacant(free) => *free.insert(0),
        };
        let name = if count == 0 { name } else { format!("{name}-{count}") };
        if let Event::Start(Tag::Heading { id, .. }) = &mut self.events[start] {
            *id = Some(format!("{ID_PREFIX}{name}").into());
        }
    }

    /// The number of a footnote, in the order in which they are first named.
    fn footnote(&mut self, label: CowStr<'m>) -> usize {
        let next = self.footnotes.len() + 1;
        *self.footnotes.entry(label).or_insert(next)
    }

    fn target(&self, kind: LinkKind, target: CowStr<'m>) -> CowStr<'m> {
        match answered(self.links, kind, &target) {
            Some(other) => other.into(),
            None => target,
        }
    }

    /// HTML within Markdown. Blocks are taken only where a block may be: in the middle of a line they would end the
    /// paragraph, and everything around it would have to be opened again.
    fn html(&mut self, html: &str, is_block: bool) {
        // What is in a description is text, and the renderer leaves tags out of it.
        if self.images > 0 {
            return;
        }
        for piece in raw::pieces(html) {
            match piece {
                Piece::Text(text) => self.write(raw::kept(text)),
                Piece::Close(name) => self.close(name),
                Piece::Open(name, Kind::Empty, attributes) => {
                    if name != "hr" || (is_block && self.takes_blocks()) {
                        self.write(tag(name, &attributes, self.links));
                    }
                }
                Piece::Open(name, kind, attributes) => {
                    self.close_implied(name, kind, is_block);
                    let fits = match kind {
                        Kind::Inline | Kind::Empty => self.takes_text() && !(name == "a" && self.is_in(name)),
                        Kind::Block => is_block && self.takes_blocks(),
                        Kind::Part(of) => {
                            matches!(self.open.last(), Some(Open::Raw(parent, _)) if of.contains(parent))
                        }
                    };
                    // A link in a link, a cell's text in no cell: the tag goes, its content stays.
                    if fits && self.raw_depth < MAX_RAW_DEPTH && self.open.len() < MAX_DEPTH {
                        self.write(tag(name, &attributes, self.links));
                        self.open.push(Open::Raw(name, kind));
                        self.raw_depth += 1;
                    }
                }
            }
        }
    }

    fn is_in(&self, name: &str) -> bool {
        self.open.iter().any(|open| matches!(open, Open::Raw(other, _) if *other == name))
    }

    /// Ends what an author need not end: a paragraph before the next block, an item or a cell before the next.
    fn close_implied(&mut self, name: &str, kind: Kind, is_block: bool) {
        match kind {
            Kind::Block if is_block && matches!(self.open.last(), Some(Open::Raw("p", _))) => self.close_last(),
            Kind::Part(of) => {
                let inner = self.open.iter().rev().take_while(|open| matches!(open, Open::Raw(..)));
                let parent = inner.enumerate().find_map(|(above, open)| match open {
                    Open::Raw(open, _) if of.contains(open) => Some(Some(above)),
                    // A list in an item is another list.
                    Open::Raw(open, Kind::Block) if *open != "p" && *open != name => Some(None),
                    _ => None,
                });
                for _ in 0..parent.flatten().unwrap_or(0) {
                    self.close_last();
                }
            }
            _ => {}
        }
    }

    /// Ends the HTML that holds a line, before a block of Markdown: within them the block would be taken out again, and
    /// each of them opened once more in every block that follows.
    fn close_lines(&mut self) {
        while let Some(Open::Raw(name, kind)) = self.open.last() {
            if *kind != Kind::Inline && !is_line(name) {
                break;
            }
            self.close_last();
        }
    }

    /// Whether a block may begin: not within a line of HTML, nor within a paragraph, a heading or preformatted text.
    fn takes_blocks(&self) -> bool {
        self.takes_text()
            && self.open.iter().all(|open| match open {
                Open::Markdown => true,
                Open::Raw(name, kind) => *kind != Kind::Inline && !is_line(name),
            })
    }

    /// Whether text may stand here: not between the rows of a table.
    fn takes_text(&self) -> bool {
        !matches!(self.open.last(), Some(Open::Raw("table" | "tbody" | "thead" | "tr", _)))
    }

    /// Ends an element of HTML and what is open in it; nothing, if it began outside of the part of Markdown we are in.
    fn close(&mut self, name: &str) {
        let inner = self.open.iter().rev().take_while(|open| matches!(open, Open::Raw(..)));
        let found = inner.enumerate().find(|(_, open)| matches!(open, Open::Raw(open, _) if *open == name));
        if let Some((above, _)) = found {
            for _ in 0..=above {
                self.close_last();
            }
        }
    }

    /// Ends all HTML that began within the part of Markdown that ends now.
    fn close_raw(&mut self) {
        while matches!(self.open.last(), Some(Open::Raw(..))) {
            self.close_last();
        }
    }

    fn close_last(&mut self) {
        if let Some(Open::Raw(name, _)) = self.open.pop() {
            self.raw_depth -= 1;
            self.write(format!("</{name}>"));
        }
    }

    fn write(&mut self, html: String) {
        self.events.push(Event::InlineHtml(html.into()));
    }
}

/// Whether an element of HTML holds text and no blocks.
fn is_line(name: &str) -> bool {
    matches!(name, "p" | "pre" | "summary" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

/// Whether a part of Markdown is a block, not something in a line.
fn is_block(tag: &Tag<'_>) -> bool {
    !matches!(
        tag,
        Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::Link { .. }
            | Tag::Image { .. }
    )
}

/// A tag, written anew.
fn tag(name: &str, attributes: &[(&'static str, &str)], links: Links<'_>) -> String {
    let mut tag = format!("<{name}");
    for (attribute, value) in attributes {
        let kind = match *attribute {
            "href" => Some(LinkKind::Link),
            "src" => Some(LinkKind::Image),
            _ => None,
        };
        let answer = kind.and_then(|kind| answered(links, kind, value));
        let value = answer.map_or_else(|| raw::kept(value), |answer| raw::escaped(&answer));
        tag.extend([" ", attribute, "=\"", &value, "\""]);
    }
    tag.push('>');
    tag
}

/// Another target, if the caller knows one, or if it leads to a heading of the document.
fn answered(links: Links<'_>, kind: LinkKind, target: &str) -> Option<String> {
    links(Link { kind, target }).or_else(|| match (kind, target.strip_prefix('#')) {
        (LinkKind::Link, Some(words)) if !words.is_empty() => Some(format!("#{ID_PREFIX}{words}")),
        _ => None,
    })
}

/// Words as part of an address, as mdBook and GitHub make them: small letters and digits of any script, `-` for blanks.
fn slug(words: &str) -> String {
    let letters = words.trim().chars().filter_map(|c| match c {
        c if c.is_whitespace() => Some('-'),
        c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c),
        _ => None,
    });
    let name: String = letters.flat_map(char::to_lowercase).take(100).collect();
    if name.is_empty() { "section".to_owned() } else { name }
}
