//! `<Listing>` blocks, as some books' own preprocessors know them, become plain Markdown: the file's name above the
//! code, number and caption below it.

use std::ops::Range;

use crate::{
    edits::{Edits, blank_above, blank_after, blank_before},
    emphasis::{Emphasis, emphasised},
    tags::{self, Tag},
};

/// Longer ones than this are not taken over to new lines.
const MAX_INDENT: usize = 256;

/// The text without its `<Listing>` tags.
pub(crate) fn as_markdown(text: String) -> String {
    if !text.contains("Listing") {
        return text;
    }
    let mut edits = Edits::default();
    // For each listing that is open: its tag, and what to write where it ends.
    let mut open: Vec<(Range<usize>, String, String)> = Vec::new();
    for tag in tags::groups(&text).into_iter().flat_map(|(_, tags)| tags).filter(|tag| tag.name == "Listing") {
        if !tag.closing {
            open.push((tag.range.clone(), heading(&tag), caption(&tag)));
        } else if let Some((opening, heading, caption)) = open.pop() {
            put(&text, opening, &heading, &mut edits);
            put(&text, tag.range, &caption, &mut edits);
        } else {
            edits.remove(&text, tag.range);
        }
    }
    for (opening, heading, caption) in open {
        let both = [heading, caption].into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        put(&text, opening, &both, &mut edits);
    }
    edits.apply(&text)
}

fn heading(tag: &Tag<'_>) -> String {
    tag.attribute("file-name").map(flat).filter(|name| !name.is_empty()).map_or_else(String::new, |name| {
        // A name is no Markdown; what could be read as such is escaped.
        let escaped: String = name
            .chars()
            .flat_map(|c| matches!(c, '*' | '`' | '[' | ']' | '\\').then_some('\\').into_iter().chain([c]))
            .collect();
        let name = escaped.replace("__", r"\_\_");
        format!("**Filename: {name}**")
    })
}

fn caption(tag: &Tag<'_>) -> String {
    let part = |name| tag.attribute(name).map(flat).filter(|text| !text.is_empty());
    let text = match (part("number"), part("caption").map(|caption| decoded_code(&caption))) {
        (Some(number), Some(caption)) => format!("Listing {number}: {caption}"),
        (Some(number), None) => format!("Listing {number}"),
        (None, Some(caption)) => caption,
        (None, None) => return String::new(),
    };
    emphasised(&text, Emphasis::Plain)
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Undoes entities in code, where Markdown takes them literally; elsewhere Markdown undoes them itself.
fn decoded_code(text: &str) -> String {
    let decode = |code: &str| {
        code.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    };
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(index, piece)| if index % 2 == 1 { decode(piece) } else { piece.to_owned() })
        .collect::<Vec<_>>()
        .join("`")
}

/// Replaces a tag, with the empty lines around it that make the replacement a paragraph of its own.
fn put(text: &str, tag: Range<usize>, replacement: &str, edits: &mut Edits) {
    if replacement.is_empty() {
        return edits.remove(text, tag);
    }
    let indent = blank_before(text, tag.start).map(|start| (start, &text[start..tag.start]));
    let Some((line_start, indent)) = indent.filter(|(_, indent)| indent.len() <= MAX_INDENT) else {
        return edits.replace(tag, replacement);
    };
    let before = if blank_above(text, line_start) { String::new() } else { format!("\n{indent}") };
    let after = match blank_after(text, tag.end) {
        Some(below) if blank_after(text, below).is_some() => String::new(),
        Some(_) => format!("\n{indent}"),
        None => format!("\n{indent}\n{indent}"),
    };
    edits.replace(tag, format!("{before}{replacement}{after}"));
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn made(text: &str) -> String {
        as_markdown(text.to_owned())
    }

    #[test]
    fn name_above_and_caption_below() {
        assert_snapshot!(made(
            "Text.\n\n<Listing number=\"1-1\" file-name=\"src/main.rs\" caption='A `Vec&lt;T&gt;` &amp; \"more\"'>\n\n```rust\nfn main() {}\n```\n\n</Listing>\n\nText.\n"
        ), @r#"
        Text.

        **Filename: src/main.rs**

        ```rust
        fn main() {}
        ```

        *Listing 1-1: A `Vec<T>` &amp; "more"*

        Text.
        "#);
    }

    #[test]
    fn empty_lines_are_made_where_they_lack() {
        assert_snapshot!(made(
            "> Text.\n> <Listing file-name=\"__init__.py\" caption=\"An *x*\">\n> ```\n> code\n> ```\n> </Listing>\n> Text.\n"
        ), @r"
        > Text.
        > 
        > **Filename: \_\_init\_\_.py**
        > 
        > ```
        > code
        > ```
        > 
        > _An *x*_
        > 
        > Text.
        ");
    }

    #[test]
    fn without_attributes_nothing_is_said() {
        assert_eq!(made("a\n\n<Listing>\n\nx\n\n</Listing>\n"), "a\n\nx\n\n");
    }

    #[test]
    fn unpaired_tags() {
        assert_eq!(made("<Listing number=\"1\">\n\nx\n"), "*Listing 1*\n\nx\n");
        assert_eq!(made("a\n\n</Listing>\n\nb\n"), "a\n\nb\n");
    }

    #[test]
    fn code_is_left_alone() {
        let text = "`<Listing number=\"1\">`\n\n```\n<Listing number=\"1\">\n</Listing>\n```\n";
        assert_eq!(made(text), text);
    }
}
