//! What of a Markdown text is prose.

use std::collections::HashMap;

/// Gives every piece of a Markdown text that stands in no code. Lines that are only indented count as prose: in an
/// answer they are a list far oftener than a listing.
pub(super) fn each<'a>(markdown: &'a str, mut take: impl FnMut(&'a str)) {
    let mut fence: Option<(char, usize)> = None;
    let mut begins = 0;
    let mut at = 0;
    for line in markdown.split_inclusive('\n') {
        let (starts, ends) = (at, at + line.len());
        at = ends;
        let is_prose = match (fence, fence_of(line)) {
            (Some((mark, length)), Some((close, count, is_bare))) if close == mark && count >= length && is_bare => {
                fence = None;
                false
            }
            (Some(_), _) => false,
            (None, Some((mark, count, _))) => {
                fence = Some((mark, count));
                false
            }
            (None, None) => !line.trim().is_empty(),
        };
        if !is_prose {
            outside_of_spans(&markdown[begins..starts], &mut take);
            begins = ends;
        }
    }
    outside_of_spans(&markdown[begins..], &mut take);
}

/// The run of characters that opens or closes a listing, in lists and quotations too, and whether it stands alone.
fn fence_of(line: &str) -> Option<(char, usize, bool)> {
    let text = line.trim_start_matches(|c: char| {
        c.is_whitespace() || c.is_ascii_digit() || matches!(c, '>' | '-' | '*' | '+' | '.' | ')')
    });
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = text.trim_start_matches(mark);
    let count = text.len() - rest.len();
    // Behind backticks of a span there are more of them.
    (count >= 3 && !(mark == '`' && rest.contains('`'))).then(|| (mark, count, rest.trim().is_empty()))
}

/// Gives what of a paragraph stands outside of spans of code: a run of backticks opens one if there is another of the
/// same length.
fn outside_of_spans<'a>(paragraph: &'a str, take: &mut impl FnMut(&'a str)) {
    if !paragraph.contains('`') {
        return take(paragraph);
    }
    let runs = runs(paragraph);
    let mut next = vec![None; runs.len()];
    let mut latest = HashMap::new();
    for (index, (_, length)) in runs.iter().enumerate().rev() {
        next[index] = latest.insert(*length, index);
    }
    let (mut index, mut begins) = (0, 0);
    while let Some((at, _)) = runs.get(index) {
        if let Some(close) = next[index] {
            take(&paragraph[begins..*at]);
            begins = runs[close].0 + runs[close].1;
            index = close;
        }
        index += 1;
    }
    take(&paragraph[begins..]);
}

/// Where runs of backticks begin, and how long they are.
fn runs(text: &str) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in text.match_indices('`') {
        match runs.last_mut() {
            Some((begins, length)) if *begins + *length == at => *length += 1,
            _ => runs.push((at, 1)),
        }
    }
    runs
}
