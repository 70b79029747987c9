//! What mdBook would carry out or hide in a lesson's text, written so that it shows it.

use crate::{edits::Edits, rust_lines};

const OPENING: &str = "{{#";
const ESCAPED: &str = "\\{{#";

/// The text as mdBook must have it to show the given one: a backslash before everything that could be a directive, and
/// one more `#` before lines of Rust listings that it would hide or shorten.
pub(crate) fn escaped(text: &str) -> String {
    let mut edits = Edits::default();
    for line in rust_lines::signed(text) {
        // Attributes, as `#[derive(Debug)]`, are shown anyway.
        if !line.rest.starts_with(['[', '!']) {
            edits.replace(line.sign..line.sign, "#");
        }
    }
    edits.apply(text).replace(OPENING, ESCAPED)
}

/// Undoes [`escaped`], exactly.
pub(crate) fn unescaped(text: &str) -> String {
    let text = text.replace(ESCAPED, OPENING);
    let mut edits = Edits::default();
    for line in rust_lines::signed(&text) {
        if line.rest.starts_with('#') {
            edits.replace(line.sign..line.sign + 1, "");
        }
    }
    edits.apply(&text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn directives_and_hidden_lines() {
        let text = "{{#include a}} \\{{#b}} {{{#c\n\n> ```rust,ignore\n> # use x;\n> #[attr]\n>   ## y\n> #\n> #z\n> ```\n\n```sh\n# shown\n```\n";
        let expected = "\\{{#include a}} \\\\{{#b}} {\\{{#c\n\n> ```rust,ignore\n> ## use x;\n> #[attr]\n>   ### y\n> ##\n> ##z\n> ```\n\n```sh\n# shown\n```\n";
        assert_eq!(escaped(text), expected);
        assert_eq!(unescaped(expected), text);
    }

    /// Markdown made mostly of what matters here.
    fn markdown() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "```rust\n",
            "```rust,ignore\n",
            "~~~rust\n",
            "````rust {{#\n",
            "```\n",
            "````\n",
            "~~~\n",
            "# ",
            "#\n",
            "##",
            "#",
            "#[a]",
            "#!",
            "{{#",
            "{",
            "\\",
            "}}",
            "\n",
            "\n\n",
            "    ",
            "  ",
            " ",
            "\t",
            "> ",
            ">",
            "- ",
            "1. ",
            "* ",
            "<div>",
            "</div>\n",
            "<!--",
            "-->",
            "[a]: ",
            "[a",
            "](",
            ")",
            "| a | b |\n|---|---|\n",
            "|",
            "---\n",
            "===\n",
            "a",
            "é",
            "\u{feff}",
            "\u{2028}",
            "`",
            "\"",
        ];
        let piece = prop_oneof![6 => proptest::sample::select(PIECES).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_escaped_comes_back(text in markdown()) {
            prop_assert_eq!(unescaped(&escaped(&text)), text);
        }
    }
}
