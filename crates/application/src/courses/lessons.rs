//! Writing the lessons of a course: adding, changing, removing, restoring them, and putting them in order.
//!
//! What holds between lessons (their order, their numbers, how many count) belongs to the course, so every change of a
//! lesson saves the course with it: of two authors at once one finds another version, and tries again with the lessons
//! as they are then.

use std::collections::HashMap;

use lyceum_domain::{
    courses::{
        Course, CourseKey, Lesson, LessonEdit, LessonInOrder, LessonNumber, LessonPlace, Outline, OutlineEntry, Slug,
        Title, arrange, passages, reading_minutes,
    },
    ids::{LessonId, PassageId},
    invalid::Invalid,
    policy::{Action, Actor, allow},
    store::UnitOfWork,
    time::Timestamp,
};

use super::authoring::slug_taken;
use crate::{Error, Lyceum, error::denied, retry::retry_on_conflict};

/// A lesson that somebody adds to a course.
#[derive(Debug, Clone)]
pub struct NewLesson {
    /// Its title.
    pub title: Title,
    /// Its name in addresses; made from the title if `None`.
    pub slug: Option<Slug>,
    /// Markdown.
    pub content: String,
    /// How long reading it takes; counted from the text if `None`.
    pub estimated_minutes: Option<u32>,
    /// 0 for a chapter, 1 for one below it, and so on.
    pub depth: u8,
    /// The part of the course that it stands under.
    pub part: Option<String>,
    /// Whether it has a number.
    pub is_numbered: bool,
    /// Announced but not written.
    pub is_draft: bool,
    /// Its place in reading order, from 0; the last one if `None` or beyond it.
    pub position: Option<u32>,
}

/// A course and its lessons as of one version.
struct Structure {
    course: Course,
    /// Those that are there, in reading order.
    lessons: Vec<OutlineEntry>,
    /// Those that were removed.
    removed: Vec<OutlineEntry>,
}

impl Structure {
    fn slug_is_taken(&self, slug: &Slug, by_other_than: Option<LessonId>) -> bool {
        let mut all = self.lessons.iter().chain(&self.removed);
        all.any(|lesson| lesson.slug == *slug && Some(lesson.id) != by_other_than)
    }

    fn free_slug(&self, wanted: &Slug) -> Result<Slug, Error> {
        // Of one more name than there are lessons, one is free.
        let names = u32::try_from(self.lessons.len() + self.removed.len()).unwrap_or(u32::MAX).saturating_add(2);
        let mut names = (1..=names).map(|n| if n == 1 { wanted.clone() } else { wanted.numbered(n) });
        let free = |slug: &Slug| !self.slug_is_taken(slug, None) && slug.as_str().parse::<LessonId>().is_err();
        names.find(free).ok_or(Error::SlugTaken)
    }

    /// Where the lessons stand in the order they are in now.
    fn places(&self) -> Vec<LessonPlace> {
        arrange(self.lessons.iter().map(|lesson| LessonInOrder {
            lesson: lesson.id,
            depth: lesson.depth,
            is_numbered: lesson.number.is_some(),
        }))
    }

    /// Gives the lessons their places, and says whose place is another one now.
    fn arrange(&mut self) -> Vec<LessonPlace> {
        let (places, mut moved) = (self.places(), Vec::new());
        for (lesson, place) in self.lessons.iter_mut().zip(places) {
            if lesson.position != place.position || lesson.number != place.number {
                lesson.position = place.position;
                lesson.number.clone_from(&place.number);
                moved.push(place);
            }
        }
        moved
    }

    fn index_of(&self, lesson: LessonId) -> Result<usize, Error> {
        // Not among the lessons that were just read: somebody removed it meanwhile.
        self.lessons.iter().position(|entry| entry.id == lesson).ok_or(Error::Conflict)
    }

    fn has_room(&self, max: usize) -> Result<(), Error> {
        if self.lessons.len() < max { Ok(()) } else { Err(Error::TooMany("lessons")) }
    }
}

/// Gives a lesson the place that its line in the outline has.
fn stand_as(lesson: &mut Lesson, entry: &OutlineEntry) {
    lesson.position = entry.position;
    lesson.number.clone_from(&entry.number);
}

impl Lyceum {
    /// Adds a lesson to a course.
    pub async fn add_lesson(&self, actor: &Actor, key: &CourseKey, new: NewLesson) -> Result<(Lesson, Course), Error> {
        retry_on_conflict(|| async {
            let mut structure = self.structure(actor, key).await?;
            structure.has_room(self.rules.max_lessons)?;
            let slug = match new.slug.clone() {
                Some(slug) if structure.slug_is_taken(&slug, None) => return Err(Error::SlugTaken),
                Some(slug) => slug,
                None => structure.free_slug(&Slug::of(new.title.as_str()))?,
            };
            let mut lesson = self.new_lesson(&structure.course, slug, &new);
            let end = structure.lessons.len();
            let at = new.position.and_then(|at| usize::try_from(at).ok()).map_or(end, |at| at.min(end));
            structure.lessons.insert(at, lesson.entry());
            let mut moved = structure.arrange();
            moved.retain(|place| place.lesson != lesson.id);
            stand_as(&mut lesson, &structure.lessons[at]);

            let mut unit = self.ports.store.begin().await?;
            save_structure(&mut *unit, &mut structure, &moved, false, lesson.created_at).await?;
            unit.courses().insert_lessons(std::slice::from_ref(&lesson)).await?;
            self.cut_passages(&mut *unit, &lesson).await?;
            unit.commit().await?;
            Ok((lesson, structure.course))
        })
        .await
    }

    /// Changes a lesson.
    pub async fn edit_lesson(
        &self,
        actor: &Actor,
        id: LessonId,
        edit: LessonEdit,
        expected: Option<u32>,
    ) -> Result<(Lesson, Course), Error> {
        retry_on_conflict(|| async {
            let mut structure = self.structure_of(actor, id).await?;
            if edit.slug.as_ref().is_some_and(|slug| structure.slug_is_taken(slug, Some(id))) {
                return Err(Error::SlugTaken);
            }
            let at = structure.index_of(id)?;
            let mut unit = self.ports.store.begin().await?;
            let before = found(unit.courses().find_lesson(id).await?, expected)?;
            let mut lesson = before.clone();
            let now = self.ports.clock.now();
            if !lesson.edit(edit.clone(), now) {
                return Ok((lesson, structure.course));
            }
            structure.lessons[at] = lesson.entry();
            let mut moved = structure.arrange();
            moved.retain(|place| place.lesson != id);
            stand_as(&mut lesson, &structure.lessons[at]);

            save_structure(&mut *unit, &mut structure, &moved, before.counts() != lesson.counts(), now).await?;
            unit.courses().update_lesson(&lesson).await.map_err(slug_taken)?;
            let reads_differently =
                (&before.content, &before.title, before.is_draft) != (&lesson.content, &lesson.title, lesson.is_draft);
            if reads_differently {
                self.cut_passages(&mut *unit, &lesson).await?;
            }
            unit.commit().await?;
            lesson.version += 1;
            Ok((lesson, structure.course))
        })
        .await
    }

    /// Removes a lesson. What learners did with it is kept for the day it comes back.
    pub async fn remove_lesson(&self, actor: &Actor, id: LessonId, expected: Option<u32>) -> Result<(), Error> {
        retry_on_conflict(|| async {
            let mut structure = self.structure_of(actor, id).await?;
            let at = structure.index_of(id)?;
            let mut unit = self.ports.store.begin().await?;
            let mut lesson = found(unit.courses().find_lesson(id).await?, expected)?;
            let (now, counted) = (self.ports.clock.now(), lesson.counts());
            lesson.deleted_at = Some(now);
            lesson.updated_at = now;
            structure.lessons.remove(at);
            let moved = structure.arrange();

            save_structure(&mut *unit, &mut structure, &moved, counted, now).await?;
            unit.courses().update_lesson(&lesson).await?;
            self.cut_passages(&mut *unit, &lesson).await?;
            Ok(unit.commit().await?)
        })
        .await
    }

    /// Brings a removed lesson back, to where it stood as far as there is such a place. One that is there stays.
    pub async fn restore_lesson(&self, actor: &Actor, id: LessonId) -> Result<(Lesson, Course), Error> {
        retry_on_conflict(|| async {
            let course = self.ports.store.begin().await?.courses().find_lesson(id).await?;
            let key = CourseKey::Id(course.ok_or(Error::NotFound("lesson"))?.course);
            let mut structure = self.structure(actor, &key).await.map_err(|error| match error {
                // That a lesson was there once is for those to know who may change its course.
                Error::NotFound(_) | Error::Forbidden => Error::NotFound("lesson"),
                other => other,
            })?;
            let mut unit = self.ports.store.begin().await?;
            let mut lesson = unit.courses().find_lesson(id).await?.ok_or(Error::NotFound("lesson"))?;
            if lesson.deleted_at.is_none() {
                return Ok((lesson, structure.course));
            }
            structure.has_room(self.rules.max_lessons)?;
            let now = self.ports.clock.now();
            lesson.deleted_at = None;
            lesson.updated_at = now;
            let end = structure.lessons.len();
            let at = usize::try_from(lesson.position).map_or(end, |at| at.min(end));
            structure.lessons.insert(at, lesson.entry());
            let mut moved = structure.arrange();
            moved.retain(|place| place.lesson != id);
            stand_as(&mut lesson, &structure.lessons[at]);

            save_structure(&mut *unit, &mut structure, &moved, lesson.counts(), now).await?;
            unit.courses().update_lesson(&lesson).await?;
            self.cut_passages(&mut *unit, &lesson).await?;
            unit.commit().await?;
            lesson.version += 1;
            Ok((lesson, structure.course))
        })
        .await
    }

    /// The lessons that were removed from a course, in the order in which they stood.
    pub async fn removed_lessons(&self, actor: &Actor, key: &CourseKey) -> Result<Vec<OutlineEntry>, Error> {
        let course = self.changeable_course(actor, key).await?;
        Ok(self.ports.store.read().removed_lessons(course.id).await?)
    }

    /// Puts the lessons of a course in this order; all of them, each once.
    pub async fn order_lessons(
        &self,
        actor: &Actor,
        key: &CourseKey,
        order: &[LessonId],
        expected: Option<u32>,
    ) -> Result<(Course, Outline), Error> {
        retry_on_conflict(|| async {
            let mut structure = self.structure(actor, key).await?;
            if expected.is_some_and(|version| version != structure.course.version) {
                return Err(Error::VersionMismatch);
            }
            let mut lessons: HashMap<LessonId, OutlineEntry> =
                structure.lessons.drain(..).map(|lesson| (lesson.id, lesson)).collect();
            structure.lessons = order.iter().filter_map(|id| lessons.remove(id)).collect();
            if structure.lessons.len() != order.len() || !lessons.is_empty() {
                let invalid = Invalid::Malformed { expected: "the lessons of the course, each once" };
                return Err(Error::invalid("/lesson_ids", invalid));
            }
            let moved = structure.arrange();
            if !moved.is_empty() {
                let mut unit = self.ports.store.begin().await?;
                save_structure(&mut *unit, &mut structure, &moved, false, self.ports.clock.now()).await?;
                unit.commit().await?;
            }
            Ok((structure.course, Outline(structure.lessons)))
        })
        .await
    }

    /// A course that `actor` may change, with its lessons. The course is read first: whatever changes after that, saving
    /// it is a conflict.
    async fn structure(&self, actor: &Actor, key: &CourseKey) -> Result<Structure, Error> {
        let course = self.changeable_course(actor, key).await?;
        let read = self.ports.store.read();
        let lessons = read.outline(course.id).await?.0;
        let removed = read.removed_lessons(course.id).await?;
        Ok(Structure { course, lessons, removed })
    }

    /// The course that a lesson is in. Who may not see the lesson hears that there is none.
    async fn structure_of(&self, actor: &Actor, lesson: LessonId) -> Result<Structure, Error> {
        let (_, course) = self.lesson(actor, lesson).await?;
        allow(actor, &Action::ChangeCourse { author: course.author }).map_err(denied("lesson"))?;
        self.structure(actor, &CourseKey::Id(course.id)).await
    }

    fn new_lesson(&self, course: &Course, slug: Slug, new: &NewLesson) -> Lesson {
        let now = self.ports.clock.now();
        Lesson {
            id: LessonId::new(&*self.ports.ids),
            course: course.id,
            slug,
            title: new.title.clone(),
            number: new.is_numbered.then(LessonNumber::first),
            depth: new.depth,
            position: 0,
            part: new.part.clone(),
            content: new.content.clone(),
            estimated_minutes: new.estimated_minutes.unwrap_or_else(|| reading_minutes(&new.content)),
            is_draft: new.is_draft,
            source_path: None,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            version: 1,
        }
    }

    /// Lets a lesson be found by the words it has now; what is gone or not written is not to be found.
    pub(super) async fn cut_passages(&self, unit: &mut dyn UnitOfWork, lesson: &Lesson) -> Result<(), Error> {
        let cut = if lesson.counts() { passages(&lesson.content) } else { Vec::new() };
        let cut: Vec<_> = cut.into_iter().map(|passage| (PassageId::new(&*self.ports.ids), passage)).collect();
        Ok(unit.courses().replace_passages(lesson.course, lesson.id, &cut).await?)
    }
}

/// The lesson that is to be changed, if it is there and of the version that is meant.
fn found(lesson: Option<Lesson>, expected: Option<u32>) -> Result<Lesson, Error> {
    let lesson = lesson.filter(|lesson| lesson.deleted_at.is_none()).ok_or(Error::NotFound("lesson"))?;
    if expected.is_some_and(|version| version != lesson.version) {
        return Err(Error::VersionMismatch);
    }
    Ok(lesson)
}

/// Saves the course with what became of its lessons, and those that stand elsewhere now. First of all: from here on nobody
/// else changes these lessons.
async fn save_structure(
    unit: &mut dyn UnitOfWork,
    structure: &mut Structure,
    moved: &[LessonPlace],
    needs_recount: bool,
    at: Timestamp,
) -> Result<(), Error> {
    let counting = structure.lessons.iter().filter(|lesson| !lesson.is_draft).count();
    let course = &mut structure.course;
    course.count_lessons(u32::try_from(counting).unwrap_or(u32::MAX), needs_recount);
    course.updated_at = at;
    unit.courses().update(course).await?;
    course.version += 1;
    unit.courses().place_lessons(course.id, moved).await?;
    Ok(())
}
