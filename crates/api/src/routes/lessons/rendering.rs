//! Lessons as HTML, and where the links in them lead.

use std::collections::HashMap;

use lyceum_domain::{
    courses::{FilePath, Lesson, Slug},
    ids::CourseId,
};
use lyceum_markdown::{ID_PREFIX, Link, LinkKind, to_html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stays as it is in a path of an address (RFC 3986, unreserved).
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Where relative links in the text of a lesson lead from: the files of its course, in the folder of its chapter.
pub fn content_base(lesson: &Lesson) -> String {
    let folder = lesson.source_path.as_deref().and_then(|path| path.rsplit_once('/'));
    match folder {
        Some((folder, _)) => format!("{}/", file_address(lesson.course, folder)),
        None => file_address(lesson.course, ""),
    }
}

/// Where a file of a course is served.
fn file_address(course: CourseId, path: &str) -> String {
    format!("/api/v1/courses/{course}/files/{}", utf8_percent_encode(path, IN_PATHS))
}

/// The HTML of a lesson. A link to another chapter becomes that lesson's name in addresses, as a relative reference; one
/// to anything else of the book, the address of the file; whatever leads elsewhere stays.
pub fn html(lesson: &Lesson, chapters: &[(String, Slug)]) -> String {
    let chapters: HashMap<&str, &Slug> = chapters.iter().map(|(path, slug)| (path.as_str(), slug)).collect();
    to_html(&lesson.content, &|link| target(lesson, &chapters, link))
}

fn target(lesson: &Lesson, chapters: &HashMap<&str, &Slug>, link: Link<'_>) -> Option<String> {
    let (address, fragment) = match link.target.split_once('#') {
        Some((address, fragment)) => (address, Some(fragment)),
        None => (link.target, None),
    };
    let address = address.split_once('?').map_or(address, |(path, _)| path);
    let leads_elsewhere = |text: &str| text.starts_with('/') || text.split('/').next().is_some_and(|s| s.contains(':'));
    if address.is_empty() || leads_elsewhere(address) {
        return None;
    }
    let path = resolved(lesson.source_path.as_deref().unwrap_or_default(), address)?;
    if link.kind == LinkKind::Link
        && let Some(slug) = chapters.get(path.as_str()).or_else(|| chapters.get(as_markdown(&path)?.as_str()))
    {
        let fragment = fragment.filter(|fragment| !fragment.is_empty());
        return Some(fragment.map_or_else(|| slug.to_string(), |words| format!("{slug}#{ID_PREFIX}{words}")));
    }
    let file = FilePath::parse(&path).ok()?;
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    Some(format!("{}{fragment}", file_address(lesson.course, file.as_str())))
}

/// mdBook's own pages are called `.html`, and books link to them so.
fn as_markdown(path: &str) -> Option<String> {
    path.strip_suffix(".html").map(|name| format!("{name}.md"))
}

/// The path that `address` means in the chapter at `from`; none if it leads out of the book.
fn resolved(from: &str, address: &str) -> Option<String> {
    let decoded = percent_decode_str(address).decode_utf8().ok()?;
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in decoded.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_testkit::contract::fixtures;
    use uuid::Uuid;

    fn lesson(path: Option<&str>, content: &str) -> Lesson {
        let course = CourseId::from_uuid(Uuid::from_u128(7));
        Lesson { source_path: path.map(str::to_owned), content: content.to_owned(), ..fixtures::lesson(course, 0) }
    }

    fn leads(path: Option<&str>, kind: LinkKind, to: &str) -> Option<String> {
        let slug = Slug::parse("the-bowline").unwrap();
        let chapters = HashMap::from([("src/loops/bowline.md", &slug)]);
        target(&lesson(path, ""), &chapters, Link { kind, target: to })
    }

    const FILES: &str = "/api/v1/courses/00000000-0000-0000-0000-000000000007/files/";

    #[test]
    fn a_link_to_a_chapter_becomes_its_name() {
        let from = Some("src/bends/reef.md");
        for (to, expected) in [
            ("../loops/bowline.md", "the-bowline"),
            ("../loops/bowline.html", "the-bowline"),
            ("./../loops/bowline.md#tying-it", "the-bowline#user-content-tying-it"),
            ("../loops/bowline%2emd", "the-bowline"),
        ] {
            assert_eq!(leads(from, LinkKind::Link, to).as_deref(), Some(expected), "{to}");
        }
        assert_eq!(leads(Some("src/loops/eye.md"), LinkKind::Link, "bowline.md").as_deref(), Some("the-bowline"));
    }

    #[test]
    fn a_link_to_anything_else_of_the_book_becomes_the_address_of_the_file() {
        let from = Some("src/bends/reef.md");
        for (to, expected) in [
            ("reef.png", "src/bends/reef.png"),
            ("../img/a%20b.png", "src/img/a%20b.png"),
            ("../img/ü.svg#x", "src/img/%C3%BC.svg#x"),
            ("../../theme/c.css?v=2", "theme/c.css"),
        ] {
            assert_eq!(leads(from, LinkKind::Image, to), Some(format!("{FILES}{expected}")), "{to}");
        }
        assert_eq!(leads(None, LinkKind::Image, "a.png"), Some(format!("{FILES}a.png")));
    }

    #[test]
    fn what_leads_elsewhere_stays() {
        for to in
            ["https://example.com/a.md", "mailto:a@example.com", "//host/a", "/a", "#words", "", "../../../a", "a\\b"]
        {
            assert_eq!(leads(Some("src/bends/reef.md"), LinkKind::Link, to), None, "{to}");
        }
    }

    #[test]
    fn relative_links_lead_from_the_folder_of_the_chapter() {
        assert_eq!(content_base(&lesson(Some("src/a b/c.md"), "")), format!("{FILES}src/a%20b/"));
        assert_eq!(content_base(&lesson(Some("c.md"), "")), FILES);
        assert_eq!(content_base(&lesson(None, "")), FILES);
    }

    #[test]
    fn a_lesson_is_shown_without_what_could_run() {
        let text = "# Reef\n\n![knot](reef.png) <script>alert(1)</script> [on](../loops/bowline.md)\n";
        let chapters = [("src/loops/bowline.md".to_owned(), Slug::parse("the-bowline").unwrap())];
        let html = html(&lesson(Some("src/bends/reef.md"), text), &chapters);
        assert!(html.contains(&format!("src=\"{FILES}src/bends/reef.png\"")), "{html}");
        assert!(html.contains("href=\"the-bowline\"") && !html.contains("<script"), "{html}");
    }
}
