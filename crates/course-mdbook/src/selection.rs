//! Which lines of a file an include takes.

/// The part after the path: `:2:10`, `:name`, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// From line `start`, counted from 0, up to before `end`.
    Lines { start: usize, end: Option<usize> },
    /// Between `ANCHOR: name` and `ANCHOR_END: name`.
    Anchor(String),
}

/// Lines taken from a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) text: String,
    /// For each line of `text` its number in the file, from 1.
    pub(crate) lines: Vec<usize>,
}

const BEGIN: &str = "ANCHOR:";
const END: &str = "ANCHOR_END:";

impl Selection {
    /// The whole file.
    pub(crate) const ALL: Self = Self::Lines { start: 0, end: None };

    /// Reads what stands after the path's colon, if there is one.
    pub(crate) fn parse(raw: Option<&str>) -> Self {
        let mut parts = raw.unwrap_or("").splitn(3, ':');
        let start = match parts.next() {
            None | Some("") => None,
            Some(first) => match first.parse::<usize>() {
                Ok(line) => Some(line.saturating_sub(1)),
                Err(_) => return Self::Anchor(first.to_owned()),
            },
        };
        // An end that is no number is no end; no end at all after a line means this line alone.
        let end = match (start, parts.next()) {
            (Some(start), None) => Some(start.saturating_add(1)),
            (_, end) => end.and_then(|end| end.parse().ok()),
        };
        Self::Lines { start: start.unwrap_or(0), end }
    }

    /// The lines of `text`. An anchor's region ends at its first end; with `again` each further region of that name is
    /// taken too (the two kinds of include differ in this).
    pub(crate) fn take(&self, text: &str, again: bool) -> Selected {
        let lines = text.lines().enumerate();
        let taken: Vec<(usize, &str)> = match self {
            Self::Lines { start, end } => {
                let count = end.map_or(usize::MAX, |end| end.saturating_sub(*start));
                lines.skip(*start).take(count).collect()
            }
            Self::Anchor(name) => anchored(lines, name, again),
        };
        Selected {
            text: taken.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n"),
            lines: taken.iter().map(|(index, _)| index + 1).collect(),
        }
    }
}

fn anchored<'a>(lines: impl Iterator<Item = (usize, &'a str)>, name: &str, again: bool) -> Vec<(usize, &'a str)> {
    let mut taken = Vec::new();
    let mut inside = false;
    for (index, line) in lines {
        if !inside {
            inside = marker(line, BEGIN) == Some(name);
        } else if let Some(ended) = marker(line, END) {
            inside = ended != name;
            if !inside && !again {
                break;
            }
        } else if marker(line, BEGIN).is_none() {
            taken.push((index, line));
        }
    }
    taken
}

/// The name after `ANCHOR:` or `ANCHOR_END:` in a line.
fn marker<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    line.match_indices(kind).find_map(|(at, _)| {
        let rest = line[at + kind.len()..].trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(start: usize, end: Option<usize>) -> Selection {
        Selection::Lines { start, end }
    }

    #[test]
    fn line_ranges() {
        assert_eq!(Selection::parse(None), Selection::ALL);
        assert_eq!(Selection::parse(Some("")), Selection::ALL);
        assert_eq!(Selection::parse(Some(":")), Selection::ALL);
        assert_eq!(Selection::parse(Some("2")), lines(1, Some(2)));
        assert_eq!(Selection::parse(Some("2:10")), lines(1, Some(10)));
        assert_eq!(Selection::parse(Some(":10")), lines(0, Some(10)));
        assert_eq!(Selection::parse(Some("2:")), lines(1, None));
        assert_eq!(Selection::parse(Some("2:x")), lines(1, None));
        assert_eq!(Selection::parse(Some("name")), Selection::Anchor("name".to_owned()));
        assert_eq!(Selection::parse(Some("-5")), Selection::Anchor("-5".to_owned()));

        let text = "a\nb\nc\n";
        assert_eq!(lines(1, Some(2)).take(text, false), Selected { text: "b".to_owned(), lines: vec![2] });
        assert_eq!(lines(1, None).take(text, false).text, "b\nc");
        assert_eq!(lines(0, Some(9)).take(text, false).text, "a\nb\nc");
        assert_eq!(lines(2, Some(1)).take(text, false).text, "");
        assert_eq!(lines(usize::MAX, None).take(text, false).text, "");
    }

    #[test]
    fn anchors() {
        let text =
            "x\n// ANCHOR: a\none\n// ANCHOR:b\ntwo\n// ANCHOR_END: b\n// ANCHOR_END:  a\ny\n// ANCHOR: a\nthree\n";
        let take = |name: &str, again| Selection::Anchor(name.to_owned()).take(text, again);
        assert_eq!(take("a", false), Selected { text: "one\ntwo".to_owned(), lines: vec![3, 5] });
        assert_eq!(take("b", false).text, "two");
        assert_eq!(take("a", true), Selected { text: "one\ntwo\nthree".to_owned(), lines: vec![3, 5, 10] });
        assert_eq!(take("nobody", true).text, "");
    }
}
