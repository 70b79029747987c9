//! Comparing what the rows say with what follows from what happened, and putting it right.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use lyceum_domain::{
    courses::CourseFilter,
    ids::{CourseId, LessonId, UserId},
    page::{PageRequest, PageSize},
    policy::{Action, Actor, allow},
    progress::{CourseProgress, Folded, LessonStatus, ProgressHistory, fold},
    time::Timestamp,
};

use crate::{Error, Lyceum, error::denied, retry::retry_on_conflict};

/// What is to be compared, and what then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuild {
    /// Only look.
    pub check_only: bool,
    /// Only this course.
    pub course: Option<CourseId>,
}

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many learners in courses were compared.
    pub learners: u64,
    /// How many courses were compared.
    pub courses: u64,
    /// How many differences there were.
    pub differences: u64,
    /// How many of them were put right.
    pub put_right: u64,
}

/// Where rows say something else than they should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A learner in a course.
    Learner(Box<LearnerDifference>),
    /// How many lessons of a course count.
    LessonCount {
        /// The course.
        course: CourseId,
        /// What its row says.
        stored: u32,
        /// How many there are.
        counted: u32,
    },
}

/// What the rows say about a learner in a course, and what follows from the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnerDifference {
    /// The learner.
    pub user: UserId,
    /// The course.
    pub course: CourseId,
    /// The aggregate as it stands in its row.
    pub stored: Option<CourseProgress>,
    /// The lessons as they stand in their rows, as far as they differ.
    pub stored_lessons: BTreeMap<LessonId, (LessonStatus, Timestamp)>,
    /// What follows from the events; `None` if there are none, and then nothing can be put right.
    pub follows: Option<Folded>,
}

/// How many learners are compared at a time.
const BATCH: u32 = 100;

/// Names a learner in a course.
type Key = (UserId, CourseId);

/// The lessons of a course that count, under a revision of its outline.
type Counting = (u32, HashSet<LessonId>);

impl Lyceum {
    /// Compares all learners in all courses, tells `report` of every difference, and puts them right if that is asked
    /// for. People can go on meanwhile: what changes while it is looked at is looked at again.
    pub async fn rebuild_progress(
        &self,
        actor: &Actor,
        rebuild: Rebuild,
        report: &mut (dyn FnMut(&Difference) + Send),
    ) -> Result<Rebuilt, Error> {
        allow(actor, &Action::KeepHouse).map_err(denied("progress"))?;
        let mut done = Rebuilt::default();
        self.rebuild_courses(rebuild, report, &mut done).await?;
        let mut counting: HashMap<CourseId, Counting> = HashMap::new();
        let mut after: Option<Key> = None;
        loop {
            let page = self.ports.store.read().histories(after, BATCH).await?;
            if page.is_empty() {
                return Ok(done);
            }
            for history in page {
                let (before, key) = (after, (history.user, history.course));
                after = Some(key);
                if rebuild.course.is_some_and(|course| course != history.course) {
                    continue;
                }
                done.learners += 1;
                let counting = match counting.entry(key.1) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(self.counting(key.1).await?),
                };
                if difference(&history, counting).is_none() {
                    continue;
                }
                // The learner or the course may have gone on between two reads.
                let Some(found) = self.difference_now(before, key).await? else { continue };
                done.differences += 1;
                let can_be_mended = found.follows.is_some();
                report(&Difference::Learner(Box::new(found)));
                if !rebuild.check_only && can_be_mended {
                    self.mend(before, key).await?;
                    done.put_right += 1;
                }
            }
        }
    }

    async fn rebuild_courses(
        &self,
        rebuild: Rebuild,
        report: &mut (dyn FnMut(&Difference) + Send),
        done: &mut Rebuilt,
    ) -> Result<(), Error> {
        let read = self.ports.store.read();
        let everything = CourseFilter { all_drafts: true, ..CourseFilter::default() };
        for is_removed in [false, true] {
            let mut page =
                PageRequest { size: PageSize::parse(u32::from(PageSize::MAX)).unwrap_or_default(), after: None };
            loop {
                let courses = if is_removed {
                    read.removed_courses_page(None, page).await?
                } else {
                    read.courses_page(&everything, page).await?
                };
                for course in courses.items.iter().filter(|course| rebuild.course.is_none_or(|only| only == course.id))
                {
                    done.courses += 1;
                    let counting = read.counting_lessons(course.id).await?;
                    if counting.is_some_and(|(_, lessons)| u32::try_from(lessons.len()) != Ok(course.lesson_count)) {
                        self.rebuild_course(course.id, rebuild.check_only, report, done).await?;
                    }
                }
                page.after = courses.next;
                if page.after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn rebuild_course(
        &self,
        id: CourseId,
        check_only: bool,
        report: &mut (dyn FnMut(&Difference) + Send),
        done: &mut Rebuilt,
    ) -> Result<(), Error> {
        let found = retry_on_conflict(|| async {
            // Before its lessons are counted: if they change in between, saving it is a conflict.
            let course = self.ports.store.begin().await?.courses().find(id).await?;
            let Some(mut course) = course else { return Ok(None) };
            let Some((_, lessons)) = self.ports.store.read().counting_lessons(id).await? else { return Ok(None) };
            let (stored, counted) = (course.lesson_count, u32::try_from(lessons.len()).unwrap_or(u32::MAX));
            if stored == counted {
                return Ok(None);
            }
            course.count_lessons(counted, false);
            let mut unit = self.ports.store.begin().await?;
            unit.courses().update(&course).await?;
            if !check_only {
                unit.commit().await?;
            }
            Ok(Some(Difference::LessonCount { course: id, stored, counted }))
        })
        .await?;
        if let Some(found) = found {
            done.differences += 1;
            done.put_right += u64::from(!check_only);
            report(&found);
        }
        Ok(())
    }

    async fn mend(&self, before: Option<Key>, key: Key) -> Result<(), Error> {
        retry_on_conflict(|| async {
            let Some(LearnerDifference { stored, follows: Some(follows), .. }) =
                self.difference_now(before, key).await?
            else {
                return Ok(());
            };
            let stored = stored.map(|stored| stored.version);
            let mut unit = self.ports.store.begin().await?;
            unit.progress().rebuild(&follows.progress, &follows.lessons, stored).await?;
            Ok(unit.commit().await?)
        })
        .await
    }

    /// Reads one learner in one course anew and compares; `before` is somebody who comes shortly before.
    async fn difference_now(&self, before: Option<Key>, key: Key) -> Result<Option<LearnerDifference>, Error> {
        let counting = self.counting(key.1).await?;
        let page = self.ports.store.read().histories(before, BATCH).await?;
        let history = page.into_iter().find(|history| (history.user, history.course) == key);
        Ok(history.and_then(|history| difference(&history, &counting)))
    }

    async fn counting(&self, course: CourseId) -> Result<Counting, Error> {
        let counting = self.ports.store.read().counting_lessons(course).await?;
        let (revision, lessons) = counting.ok_or(Error::NotFound("course"))?;
        Ok((revision, lessons.into_iter().collect()))
    }
}

/// A count that was made under an older revision of the outline is not wrong, only not made anew yet.
fn difference(history: &ProgressHistory, (revision, counting): &Counting) -> Option<LearnerDifference> {
    let follows = fold(&history.events, *revision, |lesson| counting.contains(&lesson));
    let nothing = BTreeMap::new();
    let lessons = follows.as_ref().map_or(&nothing, |follows| &follows.lessons);
    let is_same = match (&history.stored, &follows) {
        (None, None) => true,
        (Some(stored), Some(Folded { progress, .. })) => {
            let mut expected = progress.clone();
            if stored.outline_revision < *revision {
                expected.outline_revision = stored.outline_revision;
                expected.completed_lessons = stored.completed_lessons;
            }
            *stored == expected
        }
        _ => false,
    };
    if is_same && history.lessons == *lessons {
        return None;
    }
    let differs = |(lesson, stands): &(&LessonId, &(LessonStatus, Timestamp))| lessons.get(lesson) != Some(stands);
    Some(LearnerDifference {
        user: history.user,
        course: history.course,
        stored: history.stored.clone(),
        stored_lessons: history.lessons.iter().filter(differs).map(|(id, stands)| (*id, *stands)).collect(),
        follows,
    })
}
