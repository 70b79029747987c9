//! The rules every text keeps: lengths in characters, and no control characters but tab and newline.

use crate::invalid::Invalid;

/// One line of text, trimmed, of `min` to `max` characters, without any control character.
pub fn line(raw: &str, min: usize, max: usize) -> Result<String, Invalid> {
    let text = raw.trim();
    if text.chars().any(char::is_control) {
        return Err(Invalid::ControlCharacter);
    }
    sized(text, min, max)?;
    Ok(text.to_owned())
}

/// Text of several lines of `min` to `max` characters; tab and newline are the only control characters.
/// White space at its ends stays: in Markdown it can mean something.
pub fn block(raw: &str, min: usize, max: usize) -> Result<String, Invalid> {
    if raw.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Invalid::ControlCharacter);
    }
    if min > 0 && raw.trim().is_empty() {
        return Err(Invalid::Empty);
    }
    sized(raw, min, max)?;
    Ok(raw.to_owned())
}

/// Text from a source that cannot be asked again (a book, a model): line ends become newlines, other control
/// characters go.
pub fn cleaned(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// The first `max` characters, cut at a word where one ends near, with an ellipsis if something was cut.
pub fn shortened(text: &str, max: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(max) else {
        return text.to_owned();
    };
    let head = &text[..end];
    let cut = match head.rfind(char::is_whitespace) {
        Some(at) if at > end / 2 => at,
        _ => end,
    };
    format!("{}…", head[..cut].trim_end())
}

fn sized(text: &str, min: usize, max: usize) -> Result<(), Invalid> {
    let length = text.chars().count();
    if min > 0 && length == 0 {
        return Err(Invalid::Empty);
    }
    if length < min {
        return Err(Invalid::TooShort { min });
    }
    if length > max {
        return Err(Invalid::TooLong { max });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_characters() {
        assert_eq!(line("äöü", 1, 3), Ok("äöü".to_owned()));
        assert_eq!(line("äöüß", 1, 3), Err(Invalid::TooLong { max: 3 }));
    }

    #[test]
    fn control_characters_are_refused() {
        assert_eq!(line("a\nb", 1, 9), Err(Invalid::ControlCharacter));
        assert_eq!(block("a\u{0}b", 1, 9), Err(Invalid::ControlCharacter));
        assert_eq!(block("a\r\nb", 1, 9), Err(Invalid::ControlCharacter));
        assert_eq!(block("a\n\tb", 1, 9), Ok("a\n\tb".to_owned()));
    }

    #[test]
    fn white_space_alone_is_empty() {
        assert_eq!(line("  ", 1, 9), Err(Invalid::Empty));
        assert_eq!(block(" \n ", 1, 9), Err(Invalid::Empty));
    }

    #[test]
    fn foreign_text_is_cleaned() {
        assert_eq!(cleaned("a\r\nb\rc\u{7}\u{1b}[0m\td"), "a\nb\nc[0m\td");
    }

    #[test]
    fn a_short_form_ends_at_a_word() {
        assert_eq!(shortened("one two three", 9), "one two…");
        assert_eq!(shortened("onetwothree", 5), "onetw…");
        assert_eq!(shortened("one", 5), "one");
    }
}
