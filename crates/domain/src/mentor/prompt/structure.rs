//! What a prompt is built of, as the tests see it.

use super::{
    lookalike::{fold, is_combining, is_invisible},
    *,
};

/// Every line that a model could take for a mark: whatever any line of any message begins with that looks like a bracket
/// and a name of ours, by whatever character the line may end.
pub(super) fn marks(prompt: &Prompt) -> Vec<String> {
    let is_end =
        |c| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let lines = prompt.messages.iter().skip(1).flat_map(|message| message.content.split(is_end));
    lines
        .map(|line| {
            line.trim().chars().filter(|c| !is_invisible(*c) && !is_combining(*c)).map(fold).collect::<String>()
        })
        .filter(|line| {
            let Some(mark) = line.strip_prefix('<') else { return false };
            let name = mark.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '/' | '\\' | '!'));
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            ["data", "learner", "course", "lesson", "passage"].contains(&&name[..end])
        })
        .collect()
}

/// What of a prompt is other than in the harmless one: whole lines, each behind the number of its message.
pub(super) fn difference(prompt: &Prompt, harmless: &Prompt) -> String {
    let mut shown = String::new();
    for (number, (message, other)) in prompt.messages.iter().zip(&harmless.messages).enumerate() {
        let (lines, others): (Vec<_>, Vec<_>) =
            (message.content.split('\n').collect(), other.content.split('\n').collect());
        let same = lines.iter().zip(&others).take_while(|(a, b)| a == b).count();
        let rest = lines[same..].iter().rev().zip(others[same..].iter().rev()).take_while(|(a, b)| a == b).count();
        for line in &lines[same..lines.len() - rest] {
            // Accents that stand alone are shown by their numbers.
            let line: String = line
                .chars()
                .map(|c| if is_combining(c) { c.escape_unicode().to_string() } else { c.to_string() })
                .collect();
            let _ = writeln!(shown, "{number}: {line}");
        }
    }
    shown
}

/// Whether every line of the data is one of ours or a quotation.
pub(super) fn is_orderly(data: &str) -> bool {
    let ours = [
        "<data>",
        "</data>",
        "<learner>",
        "</learner>",
        "<course>",
        "</course>",
        "<lesson>",
        "</lesson>",
        "<passage number=\"1\">",
        "</passage>",
        "role: learner",
        "done: 33 %, 1 of 3 lessons",
        "The question is about this lesson.",
    ];
    let labels = ["title | ", "next lesson | ", "course | ", "lesson | ", "heading | ", "| "];
    data.split('\n')
        .all(|line| line == "|" || ours.contains(&line) || labels.iter().any(|label| line.starts_with(label)))
}
