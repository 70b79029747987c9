//! Course text inside an answer: quoted as what it is, the words of somebody else.

use lyceum_domain::text;

/// A few sentences of a passage as the lines of a block quote, without what only Markdown needs.
pub(crate) fn block(passage: &str, max: usize) -> String {
    let sentences = sentences(&prose(passage), max);
    let mut out = String::with_capacity(sentences.len() + 16);
    for line in sentences.lines() {
        if !out.is_empty() {
            out.push_str("\n>\n");
        }
        out.push_str("> ");
        out.push_str(&escaped(line));
    }
    out
}

/// A title or a heading on one line, where Markdown cannot begin anything with it.
pub(crate) fn inline(raw: &str) -> String {
    let line = text::cleaned(raw).split_whitespace().collect::<Vec<_>>().join(" ");
    escaped(&text::shortened(&line, 80))
}

/// The paragraphs of Markdown: code, headings, tables, quotation and rules are left out, for cut in the middle they
/// would say something else. If that leaves nothing, everything.
fn prose(markdown: &str) -> String {
    let cleaned = text::cleaned(markdown);
    let mut is_code = false;
    let mut paragraphs: Vec<String> = vec![String::new()];
    for line in cleaned.lines().map(str::trim) {
        if line.starts_with("```") || line.starts_with("~~~") {
            is_code = !is_code;
            continue;
        }
        if is_code || line.starts_with(['#', '|', '<', '>', '!']) {
            continue;
        }
        if line.is_empty() {
            paragraphs.push(String::new());
        } else if let Some(paragraph) = paragraphs.last_mut() {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line);
        }
    }
    paragraphs.retain(|paragraph| paragraph.chars().any(char::is_alphanumeric));
    let prose = paragraphs.join("\n");
    if prose.is_empty() { cleaned.split_whitespace().collect::<Vec<_>>().join(" ") } else { prose }
}

/// The sentences that fit; if not even one does, its beginning.
fn sentences(prose: &str, max: usize) -> String {
    let Some((limit, _)) = prose.char_indices().nth(max) else {
        return prose.to_owned();
    };
    let head = &prose[..limit];
    let end = head
        .char_indices()
        .filter(|(at, c)| {
            let after = head[at + c.len_utf8()..].chars().next();
            match c {
                '.' | '!' | '?' => after.is_some_and(char::is_whitespace),
                '。' | '！' | '？' | '\n' => true,
                _ => false,
            }
        })
        .map(|(at, c)| at + c.len_utf8())
        .next_back();
    match end {
        Some(end) => head[..end].trim_end().to_owned(),
        None => text::shortened(prose, max),
    }
}

/// Text whose HTML, images and links stay text. Emphasis and code may remain: they do nothing.
fn escaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    for c in line.chars() {
        if matches!(c, '<' | '[' | ']') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quotation_ends_with_a_sentence() {
        let text = "A bowline holds. It does not slip, e.g. under load! And this sentence is over the limit.";
        assert_eq!(block(text, 60), "> A bowline holds. It does not slip, e.g. under load!");
        assert_eq!(block("One sentence without any end that is near", 24), "> One sentence without…");
    }

    #[test]
    fn only_prose_is_quoted() {
        let text = "# Title\n\nFirst\nline.\n\n```rust\nfn main() {}\n```\n| a | b |\n\nSecond.\n---\n";
        assert_eq!(block(text, 200), "> First line.\n>\n> Second. ---");
        assert_eq!(block("```\nlet x = 1;\n```", 200), "> ``` let x = 1; ```");
    }

    #[test]
    fn markup_of_others_stays_text() {
        assert_eq!(
            block("See ![x](http://a.example/?q) and <script>alert(1)</script>.\r\n\u{7}", 200),
            "> See !\\[x\\](http://a.example/?q) and \\<script>alert(1)\\</script>."
        );
        assert_eq!(inline("A\n<b> [1]"), "A \\<b> \\[1\\]");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_line_is_quoted_and_the_length_is_kept(text in "(\\PC|\n|\\. |# ){0,300}", max in 20_usize..200) {
            let block = block(&text, max);
            prop_assert!(block.lines().all(|line| line == ">" || line.starts_with("> ")), "{:?}", block);
            let plain: usize = block.lines().map(|line| line.chars().filter(|c| *c != '\\').count() - 1).sum();
            prop_assert!(plain <= max + 2, "{} {:?}", plain, block);
        }
    }
}
