//! What an import changes: the draft from the source, compared with the lessons we have.

use std::collections::{HashMap, HashSet};

use crate::{
    courses::{CourseDraft, Lesson, LessonDraft, LessonNumber, PassedOver, Slug, Title, reading_minutes},
    ids::{CourseId, IdGenerator, LessonId},
    time::Timestamp,
};

/// The changes that make the lessons we have those of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportPlan {
    /// To be stored.
    pub inserted: Vec<Lesson>,
    /// To be saved: changed, moved, removed or restored.
    pub updated: Vec<Lesson>,
    /// The lessons whose content is new, so that their passages are to be cut again.
    pub rewritten: HashSet<LessonId>,
    /// How many lessons count afterwards.
    pub lesson_count: u32,
    /// Whether a lesson that counted no longer does, or one that did not counts again.
    pub needs_recount: bool,
    /// What happened, for whoever ran the import.
    pub report: ImportReport,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Each lesson in reading order, removed ones last.
    pub lessons: Vec<LessonReport>,
    /// What was left out of the source, and why.
    pub passed_over: Vec<PassedOver>,
}

impl ImportReport {
    /// How many lessons this happened to.
    pub fn count(&self, change: LessonChange) -> usize {
        self.lessons.iter().filter(|lesson| lesson.change == change).count()
    }
}

/// What an import did to one lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonReport {
    /// The lesson.
    pub lesson: LessonId,
    /// Its title now.
    pub title: String,
    /// What happened.
    pub change: LessonChange,
    /// What it was called, if it was renamed.
    pub renamed_from: Option<String>,
    /// Where it stood, if it moved among its neighbours, into another part or under another chapter: its number or, if it
    /// had none, `place 7`. One that only makes room for others has not moved.
    pub moved_from: Option<String>,
    /// The title of the lesson that its text was part of, if it was split off.
    pub split_from: Option<String>,
}

/// What an import did to a lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LessonChange {
    /// It is new.
    Added,
    /// Its text, title or place changed.
    Changed,
    /// It was removed earlier and is back.
    Restored,
    /// It is as it was.
    Unchanged,
    /// It is no longer in the source. Progress on it is kept in case it comes back.
    Removed,
}

impl LessonChange {
    /// The word used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Restored => "restored",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
        }
    }
}

/// Compares. A lesson keeps its identity if the source has a chapter of its path, else of its title, else of its
/// text; so renaming a chapter, moving its file, or doing both to different chapters loses nobody's progress.
pub fn plan(
    course: CourseId,
    existing: Vec<Lesson>,
    draft: &CourseDraft,
    ids: &dyn IdGenerator,
    at: Timestamp,
) -> ImportPlan {
    let counted_before: HashSet<LessonId> = existing.iter().filter(|l| l.counts()).map(|l| l.id).collect();
    let known: HashSet<LessonId> = existing.iter().map(|l| l.id).collect();
    let mut slugs: HashSet<Slug> = existing.iter().map(|l| l.slug.clone()).collect();
    let matches = matched(&existing, &draft.lessons);
    let mut old: HashMap<LessonId, Lesson> = existing.into_iter().map(|l| (l.id, l)).collect();

    let mut out = ImportPlan {
        inserted: Vec::new(),
        updated: Vec::new(),
        rewritten: HashSet::new(),
        lesson_count: 0,
        needs_recount: false,
        report: ImportReport { lessons: Vec::new(), passed_over: draft.passed_over.clone() },
    };
    for (position, (chapter, id)) in draft.lessons.iter().zip(matches).enumerate() {
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        let id_now;
        let change = if let Some(before) = id.and_then(|id| old.remove(&id)) {
            let mut lesson = before.clone();
            id_now = lesson.id;
            fill(&mut lesson, chapter, position);
            lesson.deleted_at = None;
            // Passages are of what is written: an announced lesson has none, whatever its text.
            if lesson.content != before.content || lesson.is_draft != before.is_draft {
                out.rewritten.insert(lesson.id);
            }
            let change = if before.deleted_at.is_some() {
                // Its passages went when it did.
                out.rewritten.insert(lesson.id);
                LessonChange::Restored
            } else if lesson == before {
                LessonChange::Unchanged
            } else {
                LessonChange::Changed
            };
            if change != LessonChange::Unchanged {
                lesson.updated_at = at;
                out.updated.push(lesson);
            }
            change
        } else {
            let lesson = new_lesson(LessonId::new(ids), course, chapter, position, &mut slugs, at);
            id_now = lesson.id;
            out.rewritten.insert(lesson.id);
            out.inserted.push(lesson);
            LessonChange::Added
        };
        if !chapter.is_draft {
            out.lesson_count += 1;
        }
        out.report.lessons.push(reported(id_now, &chapter.title, change));
    }
    let mut gone: Vec<_> = old.into_values().filter(|l| l.deleted_at.is_none()).collect();
    gone.sort_by_key(|l| (l.position, l.id));
    for mut lesson in gone {
        lesson.deleted_at = Some(at);
        lesson.updated_at = at;
        out.report.lessons.push(reported(lesson.id, lesson.title.as_str(), LessonChange::Removed));
        out.rewritten.insert(lesson.id);
        out.updated.push(lesson);
    }
    out.needs_recount =
        out.updated.iter().any(|l| known.contains(&l.id) && l.counts() != counted_before.contains(&l.id));
    out
}

/// For each chapter the lesson that it is, if we have it: by path, then by title, then by text. A lesson that is there
/// goes before one that was removed.
fn matched(existing: &[Lesson], chapters: &[LessonDraft]) -> Vec<Option<LessonId>> {
    let mut found: Vec<Option<LessonId>> = vec![None; chapters.len()];
    let mut free: Vec<&Lesson> = existing.iter().collect();
    free.sort_by_key(|l| (l.deleted_at.is_some(), l.position, l.id));
    let mut pass = |same: &dyn Fn(&Lesson, &LessonDraft) -> bool| {
        for (slot, chapter) in found.iter_mut().zip(chapters).filter(|(slot, _)| slot.is_none()) {
            if let Some(at) = free.iter().position(|lesson| same(lesson, chapter)) {
                *slot = Some(free.remove(at).id);
            }
        }
    };
    pass(&|lesson, chapter| chapter.path.is_some() && lesson.source_path == chapter.path);
    pass(&|lesson, chapter| lesson.title == title(chapter));
    pass(&|lesson, chapter| chapter.content.len() > 200 && lesson.content == chapter.content);
    found
}

fn reported(lesson: LessonId, title: &str, change: LessonChange) -> LessonReport {
    let title = title.to_owned();
    LessonReport { lesson, title, change, renamed_from: None, moved_from: None, split_from: None }
}

fn title(chapter: &LessonDraft) -> Title {
    Title::from_source(&chapter.title, "Untitled")
}

fn fill(lesson: &mut Lesson, chapter: &LessonDraft, position: u32) {
    lesson.title = title(chapter);
    lesson.number = chapter.number.as_deref().and_then(|n| LessonNumber::parse(n).ok());
    lesson.depth = chapter.depth;
    lesson.position = position;
    lesson.part.clone_from(&chapter.part);
    if lesson.content != chapter.content {
        lesson.content.clone_from(&chapter.content);
        lesson.estimated_minutes = reading_minutes(&chapter.content);
    }
    lesson.is_draft = chapter.is_draft;
    lesson.source_path.clone_from(&chapter.path);
}

fn new_lesson(
    id: LessonId,
    course: CourseId,
    chapter: &LessonDraft,
    position: u32,
    slugs: &mut HashSet<Slug>,
    at: Timestamp,
) -> Lesson {
    let wanted = Slug::of(&chapter.title);
    // Of one more name than there are slugs, one is free.
    let mut names = (1..=u32::try_from(slugs.len()).unwrap_or(u32::MAX).saturating_add(2))
        .map(|n| if n == 1 { wanted.clone() } else { wanted.numbered(n) });
    let slug = names
        .find(|slug| !slugs.contains(slug) && slug.as_str().parse::<LessonId>().is_err())
        .unwrap_or_else(|| wanted.clone());
    slugs.insert(slug.clone());
    let mut lesson = Lesson {
        id,
        course,
        slug,
        title: title(chapter),
        number: None,
        depth: 0,
        position,
        part: None,
        content: String::new(),
        estimated_minutes: 0,
        is_draft: false,
        source_path: None,
        created_at: at,
        updated_at: at,
        deleted_at: None,
        version: 1,
    };
    fill(&mut lesson, chapter, position);
    lesson
}

#[cfg(test)]
mod tests {
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
            &book(vec![
                chapter("new/b.md", "B", "b!"),
                chapter("a.md", "A, renamed", "a"),
                chapter("z.md", "Z", &long),
            ]),
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
}
