//! What an import changes: the draft from the source, compared with the lessons we have.

mod matching;
mod moves;
mod splits;

use std::collections::{HashMap, HashSet};

use self::{matching::matched, moves::Places, splits::Origins};
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
    /// The lessons whose content or title is new, so that their passages are to be cut again.
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
/// text; so renaming a chapter, moving its file, or doing both to different chapters loses nobody's progress. Of a
/// chapter that was split, the one that still has its path is it. Time is near-linear in the size of both.
pub fn plan(
    course: CourseId,
    existing: Vec<Lesson>,
    draft: &CourseDraft,
    ids: &dyn IdGenerator,
    at: Timestamp,
) -> ImportPlan {
    let counted_before: HashSet<LessonId> = existing.iter().filter(|l| l.counts()).map(|l| l.id).collect();
    let matches = matched(&existing, &draft.lessons);
    let moved = Places::of(&existing).moved(&draft.lessons, &matches);
    let split = Origins::of(&existing, &draft.lessons, &matches).found(&draft.lessons, &matches);
    let mut slugs = Slugs::of(&existing);
    let mut old: HashMap<LessonId, Lesson> = existing.into_iter().map(|l| (l.id, l)).collect();

    let mut out = ImportPlan {
        inserted: Vec::new(),
        updated: Vec::new(),
        rewritten: HashSet::new(),
        lesson_count: 0,
        needs_recount: false,
        report: ImportReport { lessons: Vec::new(), passed_over: draft.passed_over.clone() },
    };
    let fates = matches.into_iter().zip(moved).zip(split);
    for ((position, chapter), ((id, moved_from), split_from)) in draft.lessons.iter().enumerate().zip(fates) {
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        let mut report = if let Some(before) = id.and_then(|id| old.remove(&id)) {
            out.keep(&before, chapter, position, at)
        } else {
            let lesson = new_lesson(LessonId::new(ids), course, chapter, position, &mut slugs, at);
            let report = reported(lesson.id, chapter.title.as_str(), LessonChange::Added);
            out.rewritten.insert(lesson.id);
            out.inserted.push(lesson);
            report
        };
        // Another chapter may have come above it while its own number and depth stayed.
        if moved_from.is_some() && report.change == LessonChange::Unchanged {
            report.change = LessonChange::Changed;
        }
        report.moved_from = moved_from;
        report.split_from = split_from;
        if !chapter.is_draft {
            out.lesson_count += 1;
        }
        out.report.lessons.push(report);
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
    out.needs_recount = out.updated.iter().any(|l| l.counts() != counted_before.contains(&l.id));
    out
}

impl ImportPlan {
    /// A lesson that we have and that is in the source.
    fn keep(&mut self, before: &Lesson, chapter: &LessonDraft, position: u32, at: Timestamp) -> LessonReport {
        let mut lesson = before.clone();
        fill(&mut lesson, chapter, position);
        lesson.deleted_at = None;
        // Passages carry the title, and are of what is written: an announced lesson has none, whatever its text. Those
        // of a removed one went when it did.
        if lesson.content != before.content
            || lesson.title != before.title
            || lesson.is_draft != before.is_draft
            || before.deleted_at.is_some()
        {
            self.rewritten.insert(lesson.id);
        }
        let change = if before.deleted_at.is_some() {
            LessonChange::Restored
        } else if lesson == *before {
            LessonChange::Unchanged
        } else {
            LessonChange::Changed
        };
        let mut report = reported(lesson.id, &chapter.title, change);
        report.renamed_from = (lesson.title != before.title).then(|| before.title.as_str().to_owned());
        if change != LessonChange::Unchanged {
            lesson.updated_at = at;
            self.updated.push(lesson);
        }
        report
    }
}

fn reported(lesson: LessonId, title: &str, change: LessonChange) -> LessonReport {
    let title = title.to_owned();
    LessonReport { lesson, title, change, renamed_from: None, moved_from: None, split_from: None }
}

/// A title that is one already stays as it is; any other is made one.
fn title(chapter: &LessonDraft) -> Title {
    Title::parse(&chapter.title).unwrap_or_else(|_| Title::from_source(&chapter.title, "Untitled"))
}

fn fill(lesson: &mut Lesson, chapter: &LessonDraft, position: u32) {
    lesson.title = title(chapter);
    lesson.number = chapter.number.as_deref().and_then(|n| LessonNumber::parse(n).ok());
    lesson.depth = chapter.depth;
    lesson.position = position;
    lesson.part.clone_from(&chapter.part);
    if let Some(minutes) = chapter.estimated_minutes {
        lesson.estimated_minutes = minutes;
    } else if lesson.content != chapter.content {
        lesson.estimated_minutes = reading_minutes(&chapter.content);
    }
    if lesson.content != chapter.content {
        lesson.content.clone_from(&chapter.content);
    }
    lesson.is_draft = chapter.is_draft;
    lesson.source_path.clone_from(&chapter.path);
}

fn new_lesson(
    id: LessonId,
    course: CourseId,
    chapter: &LessonDraft,
    position: u32,
    slugs: &mut Slugs,
    at: Timestamp,
) -> Lesson {
    let mut lesson = Lesson {
        id,
        course,
        slug: slugs.take(chapter),
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

/// The slugs of a course.
struct Slugs {
    taken: HashSet<Slug>,
    /// For a slug that was wanted before, the number to try next.
    next: HashMap<Slug, u32>,
}

impl Slugs {
    fn of(lessons: &[Lesson]) -> Self {
        Self { taken: lessons.iter().map(|l| l.slug.clone()).collect(), next: HashMap::new() }
    }

    /// The slug that the source asks for, if that is one and free; else one made of the title.
    fn take(&mut self, chapter: &LessonDraft) -> Slug {
        let asked = chapter.slug.as_deref().and_then(|slug| Slug::parse(slug).ok());
        let slug = asked.filter(|slug| self.is_free(slug)).unwrap_or_else(|| self.made(&chapter.title));
        self.taken.insert(slug.clone());
        slug
    }

    fn made(&mut self, title: &str) -> Slug {
        let wanted = Slug::of(title);
        let first = self.next.get(&wanted).copied().unwrap_or(1);
        // Of one more name than there are slugs, one is free.
        let last = first.saturating_add(u32::try_from(self.taken.len()).unwrap_or(u32::MAX)).saturating_add(2);
        let mut names = (first..=last).map(|n| (n, if n == 1 { wanted.clone() } else { wanted.numbered(n) }));
        let (n, slug) = names.find(|(_, slug)| self.is_free(slug)).unwrap_or_else(|| (last, wanted.clone()));
        self.next.insert(wanted, n.saturating_add(1));
        slug
    }

    fn is_free(&self, slug: &Slug) -> bool {
        !self.taken.contains(slug) && slug.as_str().parse::<LessonId>().is_err()
    }
}

#[cfg(test)]
mod tests;
