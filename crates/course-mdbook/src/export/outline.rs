//! `SUMMARY.md`: the lessons as mdBook lists them.

use std::fmt::Write;

use lyceum_domain::courses::Lesson;

use crate::{book_path::BookPath, book_toml::one_line, export::places::Places, limits::Limits, summary};

/// The table of contents. mdBook numbers the chapters in lists and no others, and chapters outside of lists stand
/// before or after all of these: an unnumbered lesson in the middle gets a number there, and a lesson that lies deeper
/// than one level below the one before it comes up.
pub(super) fn summary(lessons: &[Lesson], paths: &[Option<String>], places: &Places) -> String {
    let is_outside = |lesson: &Lesson| lesson.number.is_none() && lesson.depth == 0 && lesson.part.is_none();
    let has_lesson_below = |index: usize| lessons.get(index + 1).is_some_and(|next| next.depth > 0);
    let first = lessons
        .iter()
        .enumerate()
        .position(|(index, lesson)| !is_outside(lesson) || has_lesson_below(index))
        .unwrap_or(lessons.len());
    let last = lessons.iter().rposition(|lesson| !is_outside(lesson)).map_or(first, |last| last + 1).max(first);

    let mut out = String::from("# Summary\n\n");
    let link = |lesson: &Lesson, path: &Option<String>| {
        // mdBook would show an announced lesson's text.
        let path = path.as_deref().filter(|_| !lesson.is_draft).and_then(|path| places.below_src(path));
        format!("[{}]({})", inline(lesson.title.as_str(), as_link), path.map_or_else(String::new, target))
    };
    let mut part = None;
    let mut depth = None;
    for (index, (lesson, path)) in lessons.iter().zip(paths).enumerate() {
        let link = link(lesson, path);
        if index < first {
            out += &link;
            out += "\n\n";
            continue;
        }
        if index >= last {
            out += if index == last { "\n---\n\n" } else { "\n" };
            out += &link;
            out.push('\n');
            continue;
        }
        let here = lesson.part.as_deref().and_then(one_line);
        if let Some(title) = here.filter(|here| part.as_ref() != Some(here)) {
            let heading = inline(&title, as_heading);
            part = Some(title);
            let gap = if depth.take().is_some() { "\n" } else { "" };
            let _ = writeln!(out, "{gap}# {heading}\n");
        }
        let here = usize::from(lesson.depth.min(summary::MAX_LEVELS - 1)).min(depth.map_or(0, |depth| depth + 1));
        depth = Some(here);
        let _ = writeln!(out, "{}- {link}", "  ".repeat(here));
    }
    out
}

/// A path as the target of a link.
fn target(path: &str) -> String {
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.'));
    if plain { path.to_owned() } else { format!("<{}>", with_backslashes(path, "<>&\\")) }
}

/// A title as Markdown: as plain as it can be while it is read as this title. `read` says what it would be read as.
fn inline(title: &str, read: fn(&str) -> Option<String>) -> String {
    const ACTIVE: &str = "\\`*_[]<>&#~|";
    let title = one_line(title).unwrap_or_default();
    let is_right = |markdown: &String| read(markdown).as_ref() == Some(&title);
    if is_right(&title) {
        return title;
    }
    Some(with_code(&title, ACTIVE)).filter(is_right).unwrap_or_else(|| with_backslashes(&title, ACTIVE))
}

/// The title with backslashes, but not in what stands between backticks.
fn with_code(title: &str, before: &str) -> String {
    let pieces: Vec<&str> = title.split('`').collect();
    let is_code = |index: usize| index % 2 == 1 && index + 1 < pieces.len();
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        if is_code(index) {
            let _ = write!(out, "`{piece}`");
        } else {
            if index > 0 && !is_code(index - 1) {
                out += "\\`";
            }
            out += &with_backslashes(piece, before);
        }
    }
    out
}

/// What the text of a link would be read as.
fn as_link(markdown: &str) -> Option<String> {
    let listed = parsed(&format!("- [{markdown}](x.md)\n"))?;
    let [chapter] = &listed.chapters[..] else { return None };
    (chapter.target.as_deref() == Some("x.md")).then(|| chapter.title.clone())
}

/// What the title of a part would be read as.
fn as_heading(markdown: &str) -> Option<String> {
    let listed = parsed(&format!("# S\n\n# {markdown}\n\n- [x](x.md)\n"))?;
    let [chapter] = &listed.chapters[..] else { return None };
    chapter.part.clone()
}

fn parsed(markdown: &str) -> Option<summary::Summary> {
    let listed = summary::parse(markdown, &BookPath::root(), &Limits::default()).ok()?;
    listed.ignored.is_empty().then_some(listed)
}

fn with_backslashes(text: &str, before: &str) -> String {
    text.chars().flat_map(|c| before.contains(c).then_some('\\').into_iter().chain([c])).collect()
}
