//! What mdBook's pages do with HTML, style sheets and scripts, in plain Markdown: images, captions, file names, and
//! lines of Rust code that a reader does not see.

use std::ops::Range;

use crate::{
    edits::Edits,
    emphasis::{Emphasis, marks},
    rust_lines,
    tags::{self, Tag},
};

/// Emphasis inside emphasis inside …: deeper tags stay, so that no text is looked at more often than this.
const MAX_NESTED: usize = 4;

/// The text with what can be said in Markdown said so. All other HTML stays.
pub(crate) fn as_markdown(text: &str) -> String {
    let mut edits = Edits::default();
    hide_lines(text, &mut edits);
    for (is_block, tags) in tags::groups(text) {
        // Markdown inside an HTML block is not read as such: the block goes as a whole or stays.
        if !is_block || all_replaceable(&tags) {
            replace(text, &tags, &mut edits);
        }
    }
    edits.apply(text)
}

/// What becomes of the text between two tags.
fn emphasis(tag: &Tag<'_>) -> Option<Emphasis> {
    if tag.is("figcaption") {
        return Some(Emphasis::Plain);
    }
    match tag.attribute("class") {
        Some("caption") if tag.is("span") => Some(Emphasis::Plain),
        Some("filename") if tag.is("span") => Some(Emphasis::Strong),
        _ => None,
    }
}

fn all_replaceable(tags: &[Tag<'_>]) -> bool {
    let good = |tag: &Tag<'_>| {
        if tag.is("img") {
            image(tag).is_some()
        } else {
            tag.is("figure") || tag.is("figcaption") || (tag.is("span") && (tag.closing || emphasis(tag).is_some()))
        }
    };
    !tags.is_empty() && tags.iter().all(good)
}

fn replace(text: &str, tags: &[Tag<'_>], edits: &mut Edits) {
    let mut open: Vec<&Tag<'_>> = Vec::new();
    for tag in tags {
        if tag.is("img") {
            if let Some(image) = image(tag) {
                edits.replace(tag.range.clone(), image);
            }
        } else if tag.is("figure") {
            edits.remove(text, tag.range.clone());
        } else if tag.is("span") || tag.is("figcaption") {
            if !tag.closing {
                open.push(tag);
            } else if let Some(begin) = open.pop_if(|begin| begin.is(tag.name))
                && open.len() < MAX_NESTED
                && let Some(emphasis) = emphasis(begin)
            {
                emphasise(text, begin.range.clone(), tag.range.clone(), emphasis, edits);
            }
        }
    }
}

/// Emphasis begins and ends at text: spaces between it and the tags go with the tags.
fn emphasise(text: &str, begin: Range<usize>, end: Range<usize>, emphasis: Emphasis, edits: &mut Edits) {
    let inner = &text[begin.end..end.start];
    let trimmed = inner.trim_matches([' ', '\t']);
    let from = begin.end + (inner.len() - inner.trim_start_matches([' ', '\t']).len());
    let to = from + trimmed.len();
    let marks = if trimmed.is_empty() || trimmed.starts_with('\n') || trimmed.ends_with('\n') {
        ""
    } else {
        marks(trimmed, emphasis)
    };
    edits.replace(begin.start..from, marks);
    edits.replace(to..end.end, marks);
}

/// A Markdown image, if the tag's address can be one.
fn image(tag: &Tag<'_>) -> Option<String> {
    let source = tag.attribute("src").map(str::trim).filter(|source| !source.is_empty())?;
    if source.contains(['<', '>', '\\']) || source.chars().any(char::is_control) {
        return None;
    }
    let alt = tag.attribute("alt").unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let alt: String =
        alt.chars().flat_map(|c| matches!(c, '[' | ']' | '\\').then_some('\\').into_iter().chain([c])).collect();
    let plain = !source.contains([' ', '(', ')']);
    Some(if plain { format!("![{alt}]({source})") } else { format!("![{alt}](<{source}>)") })
}

/// Takes out of Rust code blocks the lines that mdBook hides: those that begin with `# `. `##` stands for a `#` that is
/// not meant so; attributes (`#[…]`) are code.
fn hide_lines(text: &str, edits: &mut Edits) {
    for line in rust_lines::signed(text) {
        if line.rest.starts_with('#') {
            edits.replace(line.sign..line.sign + 1, "");
        } else if line.rest.is_empty() || line.rest.starts_with([' ', '\n']) {
            edits.replace(line.start..line.end, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn hidden_lines_of_rust() {
        assert_snapshot!(as_markdown(
            "# Title\n\n```rust,ignore\n# use x;\n#\n#[attr]\n#![inner]\n## not hidden\n    # deep\nlet a = 1; # x\n# }\n```\n\n\
             ```sh\n# shown\n```\n\n> - ```rust\n>   # gone\n>   let b = 2;\n>   ```\n\n    # indented\n"
        ), @r#"
        # Title

        ```rust,ignore
        #[attr]
        #![inner]
        # not hidden
        let a = 1; # x
        ```

        ```sh
        # shown
        ```

        > - ```rust
        >   let b = 2;
        >   ```

            # indented
        "#);
    }

    #[test]
    fn names_captions_and_images() {
        assert_snapshot!(as_markdown(
            "<span class=\"filename\"> Filename: a.rs </span>\n\n<img alt=\"A [box] and\na `line`\" src=\"img/a b.svg\"\nclass=\"x\"/>\n\n\
             <span class=\"caption\">Figure 1: The `*`\nin use</span>\n\n| a | <img src='x.png'/> |\n|---|---|\n| <span class=\"other\">b</span> | c |\n"
        ), @r#"
        **Filename: a.rs**

        ![A \[box\] and a `line`](<img/a b.svg>)

        *Figure 1: The `*`
        in use*

        | a | ![](x.png) |
        |---|---|
        | <span class="other">b</span> | c |
        "#);
    }

    #[test]
    fn figures_as_a_whole() {
        assert_snapshot!(as_markdown(
            "a\n\n<figure>\n<img src=\"a.png\" alt=\"A\">\n<figcaption>Figure 2</figcaption>\n</figure>\n\n<div>\n<img src=\"b.png\">\n</div>\n"
        ), @r#"
        a

        ![A](a.png)
        *Figure 2*

        <div>
        <img src="b.png">
        </div>
        "#);
    }

    #[test]
    fn what_does_not_pair_stays() {
        for text in [
            "<span class=\"caption\">a\n\nb</span>\n",
            "<img src=\"a>b\">\n",
            "<img>\n",
            "x</span>\n",
            "`<img src=\"a\">`\n",
        ] {
            assert_eq!(as_markdown(text), text);
        }
        assert_eq!(as_markdown("a <span class=\"caption\"></span>b\n"), "a b\n");
    }
}
