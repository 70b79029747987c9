//! A course that was written as a book comes back from it.

mod properties;

use std::{collections::BTreeMap, fs, io::Cursor, path::Path};

use insta::assert_snapshot;
use lyceum_course_mdbook::{Book, ExportError, Limits, open_archive, open_folder, write_book, write_book_folder};
use lyceum_domain::{
    courses::{Course, CourseDraft, CourseStatus, FilePath, Lesson, LessonDraft, LessonNumber, Slug, Title},
    time::Timestamp,
};

const ID: &str = "018f2e3a-7b1c-7def-8123-456789abcdef";

type Files = BTreeMap<FilePath, Vec<u8>>;

fn now() -> Timestamp {
    Timestamp::from_micros(1).unwrap()
}

fn course(title: &str, description: &str, language: Option<&str>) -> Course {
    Course {
        id: ID.parse().unwrap(),
        slug: Slug::of(title),
        title: Title::parse(title).unwrap(),
        description: description.to_owned(),
        language: language.map(str::to_owned),
        status: CourseStatus::Published,
        author: None,
        source: None,
        lesson_count: 0,
        outline_revision: 1,
        published_at: None,
        created_at: now(),
        updated_at: now(),
        deleted_at: None,
        version: 1,
    }
}

fn lesson(index: usize, title: &str, content: &str) -> Lesson {
    Lesson {
        id: ID.parse().unwrap(),
        course: ID.parse().unwrap(),
        slug: Slug::of(title).numbered(u32::try_from(index).unwrap() + 1),
        title: Title::parse(title).unwrap(),
        number: None,
        depth: 0,
        position: u32::try_from(index).unwrap(),
        part: None,
        content: content.to_owned(),
        estimated_minutes: 3,
        is_draft: false,
        source_path: None,
        created_at: now(),
        updated_at: now(),
        deleted_at: None,
        version: 1,
    }
}

/// The lessons that a draft becomes.
fn lessons(draft: &CourseDraft) -> Vec<Lesson> {
    let made = draft.lessons.iter().enumerate().map(|(index, chapter)| Lesson {
        number: chapter.number.as_deref().map(|number| LessonNumber::parse(number).unwrap()),
        depth: chapter.depth,
        part: chapter.part.clone(),
        is_draft: chapter.is_draft,
        source_path: chapter.path.clone(),
        ..lesson(index, &chapter.title, &chapter.content)
    });
    made.collect()
}

fn exported(course: &Course, lessons: &[Lesson], files: &Files) -> (Vec<u8>, Vec<String>) {
    let mut out = Cursor::new(Vec::new());
    let paths: Vec<_> = files.keys().cloned().collect();
    let passed_over = write_book(course, lessons, &paths, &mut |path| Ok(files[path].clone()), &mut out).unwrap();
    (out.into_inner(), passed_over.into_iter().map(|passed| passed.place).collect())
}

fn imported(bytes: &[u8]) -> Book {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book.zip");
    fs::write(&path, bytes).unwrap();
    open_archive(&path, "book.zip", &Limits::default(), &mut |_| {}).unwrap()
}

/// A file of the zip.
fn text(bytes: &[u8], name: &str) -> String {
    std::io::read_to_string(zip::ZipArchive::new(Cursor::new(bytes)).unwrap().by_name(name).unwrap()).unwrap()
}

/// The zip with one of its files changed, or without it.
fn changed(bytes: &[u8], name: &str, change: impl Fn(&str) -> Option<String>) -> Vec<u8> {
    let mut zip = super::archives::bytes::Zip::default();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let path = entry.name().unwrap().into_owned();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        if path == name {
            let Some(text) = change(std::str::from_utf8(&content).unwrap()) else { continue };
            content = text.into_bytes();
        }
        zip = zip.file(&path, &content);
    }
    zip.bytes()
}

/// What must come back of a lesson.
fn essence(lesson: &Lesson) -> LessonDraft {
    LessonDraft {
        path: None,
        title: lesson.title.as_str().to_owned(),
        number: lesson.number.as_ref().map(|number| number.as_str().to_owned()),
        depth: lesson.depth,
        part: lesson.part.clone(),
        content: lesson.content.clone(),
        is_draft: lesson.is_draft,
        slug: Some(lesson.slug.as_str().to_owned()),
        estimated_minutes: Some(lesson.estimated_minutes),
    }
}

fn without_path(lesson: &LessonDraft) -> LessonDraft {
    LessonDraft { path: None, ..lesson.clone() }
}

#[track_caller]
fn assert_comes_back(course: &Course, lessons: &[Lesson], files: &Files) {
    let (bytes, passed_over) = exported(course, lessons, files);
    assert_eq!(passed_over, [""; 0]);
    let book = imported(&bytes);
    let draft = book.draft();
    assert_eq!(draft.passed_over, []);
    assert_eq!(draft.title, course.title.as_str());
    assert_eq!(draft.description, course.description);
    assert_eq!(draft.language, course.language);
    let expected: Vec<_> = lessons.iter().map(essence).collect();
    assert_eq!(draft.lessons.iter().map(without_path).collect::<Vec<_>>(), expected);
    let found: Files =
        draft.files.iter().map(|file| (file.path.clone(), book.read_file(&file.path).unwrap())).collect();
    assert_eq!(&found, files);
}

fn path(raw: &str) -> FilePath {
    FilePath::parse(raw).unwrap()
}

#[test]
fn a_book_that_was_imported_keeps_its_places() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tidepools");
    let book = open_folder(&fixture, &Limits::default(), &mut |_| {}).unwrap();
    let draft = book.draft();
    let lessons = lessons(draft);
    let course = course(&draft.title, &draft.description, draft.language.as_deref());
    let files: Files =
        draft.files.iter().map(|file| (file.path.clone(), book.read_file(&file.path).unwrap())).collect();
    assert_comes_back(&course, &lessons, &files);
    let (bytes, _) = exported(&course, &lessons, &files);
    let again = imported(&bytes);
    let paths = |draft: &CourseDraft| draft.lessons.iter().map(|lesson| lesson.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(again.draft()), paths(draft));
    assert_eq!(again.draft().files, draft.files);
    assert_snapshot!(text(&bytes, "src/SUMMARY.md"), @r"
    # Summary

    [Before the Walk](foreword.md)

    # Going Out

    - [Reading a Tide Table](tides.md)
      - [Spring and Neap](shore/spring-and-neap.md)
        - [The `height` Column](<shore/the height column.md>)
      - [Storm Surge]()
    - [Shore Types](shore/types.md)

    # Looking Closely

    - [Counting Snails](snails.md)
    - [What Was Never Written]()

    ---

    [Words](words.md)
    ");
    assert_snapshot!(text(&bytes, "book.toml"), @r#"
    [book]
    title = "Tide Pools"
    description = "A small book about what the sea leaves behind."
    language = "en"
    src = "src"
    "#);

    // Without our file it still is this book.
    let plain = imported(&changed(&bytes, "lyceum.json", |_| None));
    let bare = |draft: &CourseDraft| {
        let lessons = draft.lessons.iter();
        lessons.map(|lesson| LessonDraft { slug: None, estimated_minutes: None, ..lesson.clone() }).collect::<Vec<_>>()
    };
    assert_eq!(bare(plain.draft()), draft.lessons);
    assert_eq!(exported(&course, &lessons, &files).0, bytes);
}

#[test]
fn what_mdbook_would_carry_out_or_hide_is_shown() {
    let content = "Write `{{#include x}}`.\n\n```rust\n# hidden?\n#[derive(Debug)]\n## twice\n```\n";
    let lessons = [lesson(0, "A", content)];
    let (bytes, _) = exported(&course("C", "", None), &lessons, &Files::new());
    assert_eq!(
        text(&bytes, "src/a-1.md"),
        "Write `\\{{#include x}}`.\n\n```rust\n## hidden?\n#[derive(Debug)]\n### twice\n```\n"
    );
    assert_comes_back(&course("C", "", None), &lessons, &Files::new());
    let plain = imported(&changed(&bytes, "lyceum.json", |_| None));
    assert_eq!(plain.draft().lessons[0].content, content);
}

#[test]
fn an_outline_that_mdbook_cannot_have() {
    let number = |raw: &str| Some(LessonNumber::parse(raw).unwrap());
    let part = |raw: &str| Some(raw.to_owned());
    let lessons = [
        lesson(0, "Before ](x) <script>alert(1)</script>", "a"),
        lesson(1, "Also `before`", ""),
        Lesson { number: number("7"), ..lesson(2, "Seven, first", "b") },
        Lesson { depth: 3, part: part("Part ` # one #"), ..lesson(3, "Far `[down]` \\", "c") },
        Lesson { part: part("Part ` # one #"), is_draft: true, ..lesson(4, "Not numbered", "A draft's text") },
        Lesson { number: number("1.2"), depth: 1, is_draft: true, ..lesson(5, "Announced *only* &amp; `", "") },
        Lesson { part: part("Two"), depth: 9, ..lesson(6, "Two & a half", "d") },
        lesson(7, "After", "e"),
        lesson(8, "- After!", "f"),
    ];
    let course = course("A `course` \"with\" \\ marks", "Two\n\tlines \\ \"here\"\n", Some("en-GB"));
    assert_comes_back(&course, &lessons, &Files::new());
    let (bytes, _) = exported(&course, &lessons, &Files::new());
    assert_snapshot!(text(&bytes, "src/SUMMARY.md"), @r"
    # Summary

    [Before \](x) \<script\>alert(1)\</script\>](before-x-script-alert-1-script-1.md)

    [Also `before`](also-before-2.md)

    - [Seven, first](seven-first-3.md)

    # Part \` \# one \#

    - [Far `[down]` \\](far-down-4.md)
    - [Not numbered]()
      - [Announced \*only\* \&amp; \`]()

    # Two

    - [Two & a half](two-a-half-7.md)

    ---

    [After](after-8.md)

    [- After!](after-9.md)
    ");
    // Read as mdBook reads it, the titles are right all the same.
    let plain = imported(&changed(&bytes, "lyceum.json", |_| None));
    let titles: Vec<_> = plain.draft().lessons.iter().map(|lesson| lesson.title.as_str()).collect();
    assert_eq!(titles, lessons.iter().map(|lesson| lesson.title.as_str()).collect::<Vec<_>>());
    let texts: Vec<_> = plain.draft().lessons.iter().map(|lesson| lesson.content.as_str()).collect();
    assert_eq!(texts, ["a", "", "b", "c", "", "", "d", "e", "f"]);
}

#[test]
fn paths_that_cannot_stay() {
    let at = |path: &str, index, title: &str| Lesson { source_path: Some(path.into()), ..lesson(index, title, "x") };
    let lessons = [
        at("src/a.md", 0, "A"),
        at("src/a.md", 1, "Same"),
        at("src/A.md", 2, "Case"),
        at("src/a.md/b.md", 3, "Below a file"),
        at("src/SUMMARY.md", 4, "Summary"),
        at("../outside.md", 5, "Outside"),
        at("src/deep/a%20b.md", 6, "Percent"),
        at("src/deep/<a> & b.md", 7, "Signs"),
    ];
    let files: Files = [(path("src/a.md.png"), vec![1]), (path("src/deep/x/y.png"), vec![2])].into();
    assert_comes_back(&course("C", "", None), &lessons, &files);
    let (bytes, _) = exported(&course("C", "", None), &lessons, &files);
    let paths: Vec<_> = imported(&bytes).draft().lessons.iter().map(|lesson| lesson.path.clone().unwrap()).collect();
    assert_eq!(
        paths,
        [
            "src/a.md",
            "src/same-2.md",
            "src/case-3.md",
            "src/below-a-file-4.md",
            "src/summary-5.md",
            "src/outside-6.md",
            "src/deep/percent-7.md",
            "src/deep/<a> & b.md",
        ]
    );
    let files: Files = [(path("src/a.md"), vec![1]), (path("src/B.png"), vec![]), (path("src/b.png"), vec![])].into();
    assert_eq!(exported(&course("C", "", None), &lessons, &files).1, ["src/a.md", "src/b.png"]);
}

#[test]
fn a_book_whose_chapters_are_in_its_root() {
    let at = |path: &str, index| Lesson { source_path: Some(path.into()), ..lesson(index, path, "x") };
    let lessons = [at("readme.md", 0), at("book/a.md", 1), lesson(2, "New", "n")];
    let files: Files = [(path("img.png"), vec![1]), (path("book/b.png"), vec![2])].into();
    assert_comes_back(&course("C", "", None), &lessons, &files);
    let (bytes, _) = exported(&course("C", "", None), &lessons, &files);
    assert_snapshot!(text(&bytes, "book.toml"), @r#"
    [book]
    title = "C"
    src = "."

    [build]
    build-dir = "book-1"
    "#);
    let inside = [Lesson { source_path: Some("lyceum.json/a.md".into()), ..lesson(0, "A", "x") }];
    assert_comes_back(&course("C", "", None), &inside, &Files::new());
}

#[test]
fn an_edited_book_keeps_what_was_not_edited() {
    let html = "<figure>\n<img src=\"a.png\">\n</figure>\n";
    let lessons = [lesson(0, "A", html), lesson(1, "B", html), lesson(2, "C", "{{#include x}}")];
    let (bytes, _) = exported(&course("C", "", None), &lessons, &Files::new());
    let edited = changed(&bytes, "src/b-2.md", |text| Some(text.replace("a.png", "b.png")));
    let draft = imported(&edited).into_draft();
    assert_eq!(draft.lessons[0].content, html);
    assert_eq!(draft.lessons[1].content, "![](b.png)\n");
    assert_eq!((draft.lessons[1].slug.as_deref(), draft.lessons[1].estimated_minutes), (Some("b-2"), None));
    assert_eq!((draft.lessons[2].content.as_str(), draft.lessons[2].estimated_minutes), ("{{#include x}}", Some(3)));

    let edited = changed(&bytes, "src/SUMMARY.md", |text| Some(text.replace("[B]", "[Bee]")));
    let draft = imported(&edited).into_draft();
    assert_eq!((draft.lessons[1].title.as_str(), draft.lessons[1].content.as_str()), ("Bee", html));
    assert_eq!((draft.lessons[1].slug.as_deref(), draft.lessons[1].estimated_minutes), (Some("b-2"), Some(3)));

    let edited = changed(&bytes, "book.toml", |text| Some(text.replace("\"C\"", "\"Sea\"")));
    assert_eq!(imported(&edited).draft().title, "Sea");
    let gone = imported(&changed(&bytes, "src/a-1.md", |_| None)).into_draft();
    assert!(gone.lessons[0].is_draft && gone.lessons[0].content.is_empty());
    assert_eq!(gone.passed_over[0].reason, "The chapter “A” stays a draft: the file `src/a-1.md` does not exist.");
}

#[test]
fn a_hostile_manifest_is_only_a_hint() {
    let lessons = [lesson(0, "A", "a"), lesson(1, "B", "b")];
    let (bytes, _) = exported(&course("C", "", None), &lessons, &Files::new());
    let told = |from: &str, to: &str| {
        let hostile = changed(&bytes, "lyceum.json", |text| {
            assert!(text.contains(from), "{from}");
            Some(text.replacen(from, to, 1))
        });
        let draft = imported(&hostile).into_draft();
        // Whatever it says, the book is there.
        let essence: Vec<_> =
            draft.lessons.iter().map(|lesson| (lesson.title.as_str(), lesson.content.as_str())).collect();
        assert_eq!(essence, [("A", "a"), ("B", "b")], "{to}");
        assert!(
            draft.lessons.iter().all(|lesson| lesson.depth == 0 && lesson.estimated_minutes.is_none_or(|m| m == 3))
        );
        draft
            .passed_over
            .into_iter()
            .map(|passed| format!("{}: {}", passed.place, passed.reason))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let tricks = [
        ("\"format_version\": 1", "\"format_version\": 2"),
        ("\"format_version\": 1", "\"format_version\": {}"),
        ("\"lessons\": [", "\"lessons\": [[[["),
        ("\"path\": \"src/a-1.md\"", "\"path\": \"../../../etc/passwd\""),
        ("\"path\": \"src/a-1.md\"", "\"path\": \"/etc/passwd\""),
        ("\"path\": \"src/a-1.md\"", "\"path\": \"src/./a-1.md\""),
        ("\"path\": \"src/a-1.md\"", "\"path\": \"src/b-2.md\""),
        ("\"depth\": 0", "\"depth\": 255"),
        ("\"depth\": 0", "\"depth\": 256"),
        ("\"estimated_minutes\": 3", "\"estimated_minutes\": 1000000000"),
        ("\"slug\": \"a-1\"", "\"slug\": \"b-2\""),
        ("\"slug\": \"a-1\"", "\"slug\": \"../A\""),
        ("\"title\": \"A\"", "\"title\": \"A\\n# B\\u001b\""),
        ("\"number\": null", "\"number\": \"1.x\""),
        ("\"part\": null", "\"part\": \"\\u0000\""),
        ("\"sha256\": \"", "\"sha256\": \"zz"),
        ("\"title\": \"C\"", "\"title\": \"\""),
    ];
    let notes: Vec<_> = tricks.iter().map(|(from, to)| told(from, to)).collect();
    assert_snapshot!(notes.join("\n"), @r"
    lyceum.json: The file is passed over: its form 2 is not known.
    lyceum.json: The file is passed over: line 2 is not as Lyceum writes it.
    lyceum.json: The file is passed over: line 11 is not as Lyceum writes it.
    lyceum.json: What it says of lesson 1 is passed over: its path is none inside the book.
    lyceum.json: What it says of lesson 1 is passed over: its path is none inside the book.
    lyceum.json: What it says of lesson 1 is passed over: its path is none inside the book.
    lyceum.json: Its outline is passed over: `src/b-2.md` is there twice.
    lyceum.json: What it says of lesson 1 is passed over: it is too deep.
    lyceum.json: The file is passed over: line 18 is not as Lyceum writes it.
    lyceum.json: The minutes of lesson 1 are passed over: no lesson is so long.
    lyceum.json: The slug of lesson 2 is passed over: it is none, or not alone.
    lyceum.json: The slug of lesson 1 is passed over: it is none, or not alone.
    lyceum.json: What it says of lesson 1 is passed over: its title is none.
    lyceum.json: What it says of lesson 1 is passed over: its number is none.
    lyceum.json: What it says of lesson 1 is passed over: its part has no title.
    lyceum.json: What it says of lesson 1 is passed over: its digest is none.
    lyceum.json: What it says about the course is passed over.
    ");

    let huge = changed(&bytes, "lyceum.json", |text| Some(format!("{}{text}", " ".repeat(9 * 1024 * 1024))));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x"), huge).unwrap();
    let limits = Limits { max_ratio: u64::MAX, ..Limits::default() };
    let book = open_archive(&folder.path().join("x"), "x", &limits, &mut |_| {}).unwrap();
    assert!(book.draft().passed_over[0].reason.starts_with("The file is passed over: it is too large: 94"));
}

#[test]
fn a_book_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("new/book");
    let lessons = [lesson(0, "A", "a")];
    let files = [path("src/img/a.png")];
    let course = course("C", "", None);
    write_book_folder(&course, &lessons, &files, &mut |_| Ok(vec![7]), &target).unwrap();
    let book = open_folder(&target, &Limits::default(), &mut |_| {}).unwrap();
    assert_eq!(without_path(&book.draft().lessons[0]), essence(&lessons[0]));
    assert_eq!(book.read_file(&files[0]).unwrap(), [7]);
    let again = write_book_folder(&course, &lessons, &[], &mut |_| Ok(Vec::new()), &target).unwrap_err();
    assert!(matches!(again, ExportError::NotEmpty), "{again}");
    let broken = write_book_folder(&course, &[], &files, &mut |_| Err("gone".into()), &folder.path().join("x"));
    assert_eq!(broken.unwrap_err().to_string(), "cannot read the file `src/img/a.png` of the course");
}
