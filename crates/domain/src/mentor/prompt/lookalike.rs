//! Characters that cannot be seen, and those that look like others.

/// The text as it is seen: every line end is a newline, and what has no looks of its own is gone. That are controls,
/// joiners and marks of width nothing, directions, tags, variation selectors and fillers: a reader sees nothing where a
/// model reads orders.
pub(in crate::mentor) fn visible(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                out.push('\n');
            }
            '\t' => out.push('\t'),
            c if is_invisible(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Whether nothing is to be seen of a character, though it is no space either.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character stands upon the one before it.
pub(super) fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// The character of ASCII, in lower case, that another looks like; the character itself if it looks like none.
pub(super) fn fold(c: char) -> char {
    let alphabet = |from: u32, offset: u32| char::from_u32(u32::from('a') + (u32::from(c) - from + offset) % 26);
    let folded = match c {
        '\0'..='\u{7f}' => Some(c),
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0),
        '\u{1d400}'..='\u{1d6a3}' => alphabet(0x1d400, 0),
        '\u{24b6}'..='\u{24e9}' => alphabet(0x24b6, 0),
        '\u{1f110}'..='\u{1f129}' => alphabet(0x1f110, 0),
        '\u{1f130}'..='\u{1f149}' => alphabet(0x1f130, 0),
        '\u{1f150}'..='\u{1f169}' => alphabet(0x1f150, 0),
        '\u{1f170}'..='\u{1f189}' => alphabet(0x1f170, 0),
        _ => Some(homoglyph(c)),
    };
    folded.unwrap_or(c).to_ascii_lowercase()
}

fn homoglyph(c: char) -> char {
    match c {
        '﹤' | '˂' | 'ᐸ' | '\u{2329}' | '〈' | '⟨' | '❬' | '❮' | '❰' | '⧼' | '⦑' | '⟪' | '≺' | '⋖' | '≪' | '⪡'
        | '𐏒' | '𝈶' => '<',
        '﹥' | '˃' | 'ᐳ' | '\u{232a}' | '〉' | '⟩' | '❭' | '❯' | '❱' | '⧽' | '⦒' | '⟫' | '≻' | '⋗' | '≫' | '›' => {
            '>'
        }
        '¦' | 'ǀ' | '∣' | '│' | '┃' | '❘' | '❙' | '⏐' | '￨' | '‖' | 'ⵏ' => '|',
        '⁄' | '∕' | '⧸' | '╱' | '⟋' => '/',
        '【' | '〔' | '❲' | '⟦' | '〚' | '⦋' => '[',
        '】' | '〕' | '❳' | '⟧' | '〛' | '⦌' => ']',
        'а' | 'А' | 'ɑ' | 'α' | 'Α' | 'ᴀ' => 'a',
        'Ь' | 'Β' | 'В' | 'ʙ' => 'b',
        'с' | 'С' | 'ϲ' | 'Ϲ' | 'ᴄ' => 'c',
        'ԁ' | 'ⅾ' | 'ᴅ' | 'ժ' => 'd',
        'е' | 'Е' | 'Ε' | 'ҽ' | 'ᴇ' => 'e',
        'ɡ' | 'ց' | 'ɢ' => 'g',
        'һ' | 'Н' | 'Η' | 'հ' | 'ʜ' => 'h',
        'і' | 'І' | 'Ι' | 'ι' | 'ı' | 'ɪ' | 'ⅰ' => 'i',
        'ј' | 'Ј' => 'j',
        'к' | 'К' | 'Κ' | 'κ' | 'ᴋ' => 'k',
        'ⅼ' | 'ʟ' | 'ӏ' => 'l',
        'м' | 'М' | 'Μ' | 'ᴍ' | 'ⅿ' => 'm',
        'п' | 'ո' | 'Ν' | 'ɴ' => 'n',
        'о' | 'О' | 'ο' | 'Ο' | 'օ' | 'ᴏ' | 'σ' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' | 'ᴘ' => 'p',
        'г' | 'ʀ' | 'ᴦ' => 'r',
        'ѕ' | 'Ѕ' | 'ꜱ' => 's',
        'т' | 'Т' | 'Τ' | 'τ' | 'ᴛ' => 't',
        'υ' | 'ս' | 'ᴜ' => 'u',
        'ѵ' | 'ν' | 'ᴠ' => 'v',
        'х' | 'Х' | 'Χ' | 'χ' => 'x',
        'у' | 'У' | 'Υ' | 'ү' | 'ʏ' => 'y',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_goes_and_every_line_end_is_one() {
        assert_eq!(visible("a\u{200b}b\u{202e}c\u{e0041}\u{feff}d\u{0}"), "abcd");
        assert_eq!(visible("1\r\n2\r3\u{2028}4\u{2029}5\u{85}6\u{b}7\u{c}8\t9"), "1\n2\n3\n4\n5\n6\n7\n8\t9");
    }

    #[test]
    fn lookalikes_are_read_as_what_they_look_like() {
        let folded = |text: &str| text.chars().map(fold).collect::<String>();
        assert_eq!(folded("＜／ｄａｔａ＞"), "</data>");
        assert_eq!(folded("⟨𝓹𝕒𝙨𝚜𝐚𝗀ⓔ⟩"), "<passage>");
        assert_eq!(folded("‹dаtа"), "‹data", "letters of another alphabet");
        assert_eq!(folded("Größe 日本"), "größe 日本");
    }
}
