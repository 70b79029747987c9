use super::*;
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

#[derive(Default)]
struct Counter(AtomicU64);

impl IdGenerator for Counter {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).expect("a time")
}

fn chapter(path: &str, title: &str, text: &str) -> LessonDraft {
    LessonDraft { path: Some(path.into()), title: title.into(), content: text.into(), ..LessonDraft::default() }
}

fn book(lessons: Vec<LessonDraft>) -> CourseDraft {
    CourseDraft { title: "Knots".into(), lessons, ..CourseDraft::default() }
}

/// The lessons after a plan was carried out.
fn carried_out(before: Vec<Lesson>, plan: &ImportPlan) -> Vec<Lesson> {
    let mut lessons: HashMap<_, _> = before.into_iter().map(|l| (l.id, l)).collect();
    for lesson in plan.inserted.iter().chain(&plan.updated) {
        lessons.insert(lesson.id, lesson.clone());
    }
    let mut lessons: Vec<_> = lessons.into_values().collect();
    lessons.sort_by_key(|l| l.position);
    lessons
}

fn changes(plan: &ImportPlan) -> Vec<(&str, &str)> {
    plan.report.lessons.iter().map(|l| (l.change.as_str(), l.title.as_str())).collect()
}

#[test]
fn importing_the_same_again_changes_nothing() {
    let ids = Counter::default();
    let course = CourseId::new(&ids);
    let draft = book(vec![chapter("a.md", "A", "a"), chapter("b.md", "A", "b")]);
    let first = plan(course, Vec::new(), &draft, &ids, at(1));
    assert_eq!(first.inserted[1].slug.as_str(), "a-2");
    let lessons = carried_out(Vec::new(), &first);
    let second = plan(course, lessons, &draft, &ids, at(2));
    assert!(second.inserted.is_empty() && second.updated.is_empty() && second.rewritten.is_empty());
    assert_eq!(changes(&second), [("unchanged", "A"), ("unchanged", "A")]);
}

#[test]
fn an_announced_lesson_is_cut_when_it_counts() {
    let ids = Counter::default();
    let course = CourseId::new(&ids);
    let announced = LessonDraft { is_draft: true, ..chapter("a.md", "A", "a") };
    let first = plan(course, Vec::new(), &book(vec![announced]), &ids, at(1));
    let lessons = carried_out(Vec::new(), &first);
    let second = plan(course, lessons.clone(), &book(vec![chapter("a.md", "A", "a")]), &ids, at(2));
    assert!(second.rewritten.contains(&lessons[0].id));
}

#[test]
fn renamed_moved_dropped_and_restored_lessons_keep_their_identity() {
    let ids = Counter::default();
    let course = CourseId::new(&ids);
    let long = "word ".repeat(60);
    let first = plan(
        course,
        Vec::new(),
        &book(vec![
            chapter("a.md", "A", "a"),
            chapter("b.md", "B", "b"),
            chapter("c.md", "C", &long),
            chapter("d.md", "D", "d"),
        ]),
        &ids,
        at(1),
    );
    let lessons = carried_out(Vec::new(), &first);
    let id = |title: &str| lessons.iter().find(|l| l.title.as_str() == title).expect("there").id;
    let second = plan(
        course,
        lessons.clone(),
        &book(vec![chapter("new/b.md", "B", "b!"), chapter("a.md", "A, renamed", "a"), chapter("z.md", "Z", &long)]),
        &ids,
        at(2),
    );
    assert_eq!(changes(&second), [("changed", "B"), ("changed", "A, renamed"), ("changed", "Z"), ("removed", "D")]);
    assert!(second.needs_recount);
    assert_eq!(second.lesson_count, 3);
    let order: Vec<_> = second.updated.iter().map(|l| l.id).collect();
    assert_eq!(order, [id("B"), id("A"), id("C"), id("D")]);
    let third =
        plan(course, carried_out(lessons.clone(), &second), &book(vec![chapter("d.md", "D", "d")]), &ids, at(3));
    assert_eq!(changes(&third)[0], ("restored", "D"));
    assert_eq!(third.updated[0].id, id("D"));
}

proptest! {
    #[test]
    fn an_import_makes_the_course_what_the_source_is(
        steps in proptest::collection::vec(proptest::collection::vec((0_u8..6, "[ab]{1,2}", "[xy]{0,2}", any::<bool>()), 0..8), 1..5),
    ) {
        let ids = Counter::default();
        let course = CourseId::new(&ids);
        let mut lessons = Vec::new();
        for (n, step) in steps.into_iter().enumerate() {
            let mut seen = HashSet::new();
            let chapters: Vec<_> = step.into_iter().filter(|(path, ..)| seen.insert(*path)).map(|(path, title, text, is_draft)| {
                let mut chapter = chapter(&format!("{path}.md"), &title, &text);
                chapter.is_draft = is_draft;
                chapter
            }).collect();
            let draft = book(chapters);
            let result = plan(course, lessons.clone(), &draft, &ids, at(i64::try_from(n).expect("small")));
            lessons = carried_out(lessons, &result);
            let mut live: Vec<_> = lessons.iter().filter(|l| l.deleted_at.is_none()).collect();
            live.sort_by_key(|l| l.position);
            prop_assert_eq!(live.len(), draft.lessons.len());
            for (lesson, chapter) in live.iter().zip(&draft.lessons) {
                prop_assert_eq!(&lesson.content, &chapter.content);
                prop_assert_eq!(lesson.title.as_str(), &chapter.title);
            }
            let slugs: HashSet<_> = lessons.iter().map(|l| l.slug.clone()).collect();
            prop_assert_eq!(slugs.len(), lessons.len());
            prop_assert_eq!(result.lesson_count as usize, lessons.iter().filter(|l| l.counts()).count());
        }
    }
}

/// The report of the second of two imports: title, what it was called, where it stood, what it was part of.
fn told(first: Vec<LessonDraft>, second: Vec<LessonDraft>) -> Vec<String> {
    let ids = Counter::default();
    let course = CourseId::new(&ids);
    let before = carried_out(Vec::new(), &plan(course, Vec::new(), &book(first), &ids, at(1)));
    let result = plan(course, before, &book(second), &ids, at(2));
    let part =
        |name: &str, text: &Option<String>| text.as_ref().map_or_else(String::new, |text| format!(", {name} {text}"));
    result
        .report
        .lessons
        .iter()
        .map(|lesson| {
            let renamed = part("renamed from", &lesson.renamed_from);
            let moved = part("moved from", &lesson.moved_from);
            let split = part("split from", &lesson.split_from);
            format!("{} {}{renamed}{moved}{split}", lesson.change.as_str(), lesson.title)
        })
        .collect()
}

fn numbered(number: &str, title: &str) -> LessonDraft {
    let depth = u8::try_from(number.matches('.').count()).expect("small");
    LessonDraft { number: Some(number.into()), depth, ..chapter(&format!("{title}.md"), title, title) }
}

fn in_part(part: &str, chapter: LessonDraft) -> LessonDraft {
    LessonDraft { part: Some(part.into()), ..chapter }
}

#[test]
fn a_lesson_moved_if_the_others_did_not() {
    let first = || vec![numbered("1", "A"), numbered("2", "B"), numbered("3", "C"), numbered("4", "D")];
    let second = vec![numbered("1", "D"), numbered("2", "New"), numbered("3", "A"), numbered("4", "B")];
    assert_eq!(told(first(), second), ["changed D, moved from 4", "added New", "changed A", "changed B", "removed C"]);
    let unnumbered = |title: &str| chapter(&format!("{title}.md"), title, "");
    let first = vec![unnumbered("A"), unnumbered("B"), unnumbered("C")];
    let second = vec![unnumbered("B"), unnumbered("C"), unnumbered("A")];
    assert_eq!(told(first, second), ["changed B", "changed C", "changed A, moved from place 1"]);
}

#[test]
fn a_lesson_moved_if_it_is_under_another() {
    let first = || vec![numbered("1", "A"), numbered("1.1", "a"), numbered("2", "B"), numbered("2.1", "b")];
    let second = vec![numbered("1", "A"), numbered("2", "a"), numbered("3", "B"), numbered("3.1", "b")];
    assert_eq!(told(first(), second), ["unchanged A", "changed a, moved from 1.1", "changed B", "changed b"]);
    let second =
        vec![numbered("1", "A"), numbered("1.1", "a"), numbered("2", "New"), numbered("2.1", "b"), numbered("3", "B")];
    assert_eq!(
        told(first(), second),
        ["unchanged A", "unchanged a", "added New", "changed b, moved from 2.1", "changed B"]
    );
    let renamed = LessonDraft { title: "Z".into(), ..numbered("1", "A") };
    let second = vec![renamed, numbered("1.1", "a"), numbered("2", "B"), numbered("2.1", "b")];
    assert_eq!(told(first(), second), ["changed Z, renamed from A", "unchanged a", "unchanged B", "unchanged b"]);
}

#[test]
fn a_lesson_moved_if_it_is_in_another_part() {
    let first = || {
        vec![in_part("One", numbered("1", "A")), in_part("One", numbered("2", "B")), in_part("Two", numbered("3", "C"))]
    };
    let second = vec![
        in_part("One", numbered("1", "A")),
        in_part("Two", numbered("2", "B")),
        in_part("Two", numbered("3", "C")),
    ];
    assert_eq!(told(first(), second), ["unchanged A", "changed B, moved from 2", "unchanged C"]);
    // A part that has another name is the same part.
    let second =
        vec![in_part("I", numbered("1", "A")), in_part("I", numbered("2", "B")), in_part("Two", numbered("3", "C"))];
    assert_eq!(told(first(), second), ["changed A", "changed B", "unchanged C"]);
}

#[test]
fn a_file_that_moved_is_no_lesson_that_moved() {
    let first = vec![numbered("1", "A"), numbered("2", "B")];
    let second = vec![LessonDraft { path: Some("deep/down.md".into()), ..numbered("1", "A") }, numbered("2", "B")];
    assert_eq!(told(first, second), ["changed A", "unchanged B"]);
}

fn lines(range: std::ops::Range<u32>) -> String {
    range.map(|n| format!("Line {n} says what only line {n} says.\n\n")).collect::<Vec<_>>().concat()
}

#[test]
fn a_lesson_that_was_split_keeps_its_place_and_the_new_one_knows_it() {
    let first = || vec![chapter("a.md", "A", &lines(0..20)), chapter("b.md", "B", &lines(20..30))];
    let halves = vec![
        chapter("a.md", "A", &lines(0..10)),
        chapter("a2.md", "More of A", &format!("New words.\n\n{}", lines(10..20))),
        chapter("b.md", "B", &lines(20..30)),
    ];
    assert_eq!(told(first(), halves), ["changed A", "added More of A, split from A", "changed B"]);
    // The old file is gone, and both halves are new.
    let halves = vec![
        chapter("x.md", "X", &lines(0..10)),
        chapter("y.md", "Y", &lines(10..20)),
        chapter("b.md", "B", &lines(20..30)),
    ];
    assert_eq!(told(first(), halves), ["added X, split from A", "added Y, split from A", "changed B", "removed A"]);
}

#[test]
fn not_everything_alike_was_split_off() {
    let first = || vec![chapter("a.md", "A", &lines(0..20)), chapter("b.md", "B", "x")];
    let unsplit = [
        // Mostly new.
        (lines(0..10), lines(10..20) + &lines(100..110)),
        // Too little.
        (lines(0..17), lines(17..20)),
        // A copy.
        (lines(0..20), lines(5..20)),
        (lines(0..21), lines(5..20)),
    ];
    for (rest, new) in unsplit {
        let second = vec![chapter("a.md", "A", &rest), chapter("n.md", "N", &new), chapter("b.md", "B", "x")];
        assert_eq!(told(first(), second)[1], "added N");
    }
    // What stands in all lessons is nobody's.
    let all = |text: &'static str| {
        (0..20).map(move |n| chapter(&format!("{n}.md"), &format!("L{n}"), &(lines(0..10) + text)))
    };
    let second: Vec<_> = all("changed").chain([chapter("n.md", "N", &lines(0..10))]).collect();
    assert_eq!(told(all("").collect(), second)[20], "added N");
}

#[test]
fn a_source_may_ask_for_slugs_and_minutes() {
    let ids = Counter::default();
    let course = CourseId::new(&ids);
    let asking = |path: &str, slug: &str, minutes| LessonDraft {
        slug: Some(slug.into()),
        estimated_minutes: minutes,
        ..chapter(path, "A title", "some words")
    };
    let draft = book(vec![
        asking("a.md", "mine", Some(7)),
        asking("b.md", "mine", None),
        asking("c.md", "Not A Slug", None),
        asking("d.md", "018f2e3a-7b1c-7def-8123-456789abcdef", None),
    ]);
    let first = plan(course, Vec::new(), &draft, &ids, at(1));
    let slugs: Vec<_> = first.inserted.iter().map(|l| l.slug.as_str()).collect();
    assert_eq!(slugs, ["mine", "a-title", "a-title-2", "a-title-3"]);
    let minutes: Vec<_> = first.inserted.iter().map(|l| l.estimated_minutes).collect();
    assert_eq!(minutes, [7, 1, 1, 1]);

    let lessons = carried_out(Vec::new(), &first);
    let changed = vec![
        asking("a.md", "other", None),
        asking("b.md", "mine", Some(9)),
        LessonDraft { content: "word ".repeat(500), ..asking("c.md", "x", Some(4)) },
    ];
    let second = plan(course, lessons, &book(changed), &ids, at(2));
    let saved: Vec<_> = second
        .updated
        .iter()
        .filter(|l| l.deleted_at.is_none())
        .map(|l| (l.slug.as_str(), l.estimated_minutes))
        .collect();
    assert_eq!(saved, [("a-title", 9), ("a-title-2", 4)]);
}

#[test]
fn a_title_is_kept_to_the_letter_if_it_is_one() {
    let ids = Counter::default();
    let course = CourseId::new(&ids);
    let long = "x".repeat(200);
    let draft =
        book(vec![chapter("a.md", "two  spaces", ""), chapter("b.md", &long, ""), chapter("c.md", " a\tb ", "")]);
    let first = plan(course, Vec::new(), &draft, &ids, at(1));
    let titles: Vec<_> = first.inserted.iter().map(|l| l.title.as_str()).collect();
    assert_eq!(titles, ["two  spaces", &long, "a b"]);
}

#[test]
fn passages_are_cut_again_when_the_title_changes() {
    let ids = Counter::default();
    let course = CourseId::new(&ids);
    let first =
        plan(course, Vec::new(), &book(vec![chapter("a.md", "A", "a"), chapter("b.md", "B", "b")]), &ids, at(1));
    let lessons = carried_out(Vec::new(), &first);
    let second =
        plan(course, lessons.clone(), &book(vec![chapter("a.md", "Z", "a"), chapter("b.md", "B", "b")]), &ids, at(2));
    assert_eq!(second.rewritten, HashSet::from([lessons[0].id]));
}

#[test]
fn thousands_of_lessons_take_no_time() {
    let ids = Counter::default();
    let course = CourseId::new(&ids);
    // All of one title and mostly of one text, the worst there is.
    let all = |folder: &str| {
        (0..2_000).map(|n| chapter(&format!("{folder}/{n}.md"), "Same", &(lines(0..8) + folder))).collect()
    };
    let started = std::time::Instant::now();
    let first = plan(course, Vec::new(), &book(all("a")), &ids, at(1));
    let mut moved: Vec<LessonDraft> = all("b");
    moved.reverse();
    moved.extend((0..2_000).map(|n| chapter(&format!("n/{n}.md"), "New", &lines(n..n + 9))));
    let second = plan(course, carried_out(Vec::new(), &first), &book(moved), &ids, at(2));
    assert_eq!((second.inserted.len(), second.updated.len()), (2_000, 2_000));
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}
