//! Progress.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use lyceum_domain::{
    courses::{Course, CourseStatus},
    ids::{CourseId, LessonId, UserId},
    mentor::{CourseStanding, NextLesson},
    page::{Page, PageRequest},
    progress::{
        CohortFilter, CourseProgress, CourseProgressView, DayActivity, LearnerView, LessonCompletion,
        LessonProgressView, LessonStanding, LessonStatus, Percent, Progress, ProgressChange, ProgressEvent,
        ProgressHistory, ProgressQueries, Step,
    },
    store::StoreError,
    time::{Day, Timestamp, UtcOffset},
};

use super::{
    MemoryStore, MemoryUnit, cohort,
    tables::{Tables, at_most, insert_new, newest_first, refer},
};

#[async_trait]
impl Progress for MemoryUnit {
    async fn save(&mut self, progress: &CourseProgress, change: &ProgressChange) -> Result<(), StoreError> {
        self.run(|tables| {
            check_names(tables, progress)?;
            let (user, course, version) = (progress.user, progress.course, progress.version + 1);
            if stored_version(tables, progress).unwrap_or_default() != progress.version {
                return Err(StoreError::Conflict);
            }
            tables.course_progress.insert((user, course), CourseProgress { version, ..progress.clone() });
            let ProgressChange { id, step, at } = *change;
            if let Step::Recorded { lesson, to, .. } = step {
                refer(&tables.lessons, &lesson, "lesson")?;
                tables.lesson_progress.insert((user, lesson), (to, at));
            }
            let sequence = i64::from(version);
            let event = ProgressEvent { id, user, course, sequence, step, at };
            insert_new(&mut tables.progress_events, (user, course, sequence), event)
        })
    }

    async fn recount(&mut self, course: CourseId, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| {
            let Some(revision) = tables.courses.get(&course).map(|course| course.outline_revision) else {
                return Ok(0);
            };
            let is_behind =
                |progress: &&CourseProgress| progress.course == course && progress.outline_revision < revision;
            let behind = tables.course_progress.values().filter(is_behind);
            let behind: Vec<UserId> = behind.map(|progress| progress.user).take(at_most(limit)).collect();
            for user in &behind {
                let completed_lessons = tables.count_completed(*user, course);
                if let Some(progress) = tables.course_progress.get_mut(&(*user, course)) {
                    progress.completed_lessons = completed_lessons;
                    progress.outline_revision = revision;
                }
            }
            Ok(u64::try_from(behind.len()).unwrap_or(u64::MAX))
        })
    }

    async fn rebuild(
        &mut self,
        progress: &CourseProgress,
        lessons: &BTreeMap<LessonId, (LessonStatus, Timestamp)>,
        stored: Option<u32>,
    ) -> Result<(), StoreError> {
        self.run(|tables| {
            check_names(tables, progress)?;
            if stored_version(tables, progress) != stored {
                return Err(StoreError::Conflict);
            }
            tables.course_progress.insert((progress.user, progress.course), progress.clone());
            let of_course = lessons_recorded(tables, progress.user, progress.course);
            tables
                .lesson_progress
                .retain(|(user, lesson), _| *user != progress.user || !of_course.contains_key(lesson));
            for (lesson, row) in lessons {
                refer(&tables.lessons, lesson, "lesson")?;
                tables.lesson_progress.insert((progress.user, *lesson), *row);
            }
            Ok(())
        })
    }
}

fn check_names(tables: &Tables, progress: &CourseProgress) -> Result<(), StoreError> {
    refer(&tables.users, &progress.user, "user")?;
    refer(&tables.courses, &progress.course, "course")
}

/// The version of the aggregate as it is stored.
fn stored_version(tables: &Tables, progress: &CourseProgress) -> Option<u32> {
    tables.course_progress.get(&(progress.user, progress.course)).map(|stored| stored.version)
}

/// The rows of a learner's lessons in a course.
fn lessons_recorded(tables: &Tables, user: UserId, course: CourseId) -> BTreeMap<LessonId, (LessonStatus, Timestamp)> {
    let of_user = tables.lesson_progress.iter().filter(|((of, _), _)| *of == user);
    let is_of_course = |lesson: LessonId| tables.lessons.get(&lesson).is_some_and(|lesson| lesson.course == course);
    of_user.map(|((_, lesson), row)| (*lesson, *row)).filter(|(lesson, _)| is_of_course(*lesson)).collect()
}

/// The courses of a learner that are there, with the learner's progress in each.
fn courses_of(tables: &Tables, user: UserId) -> Vec<(Course, CourseProgress)> {
    tables
        .course_progress
        .values()
        .filter(|progress| progress.user == user && progress.is_enrolled)
        .filter_map(|stored| Some((tables.live_course(stored.course)?.clone(), tables.progress(user, stored.course)?)))
        .collect()
}

/// The first lesson in reading order that counts and that the learner has not completed.
pub(super) fn next_lesson(tables: &Tables, user: UserId, course: CourseId) -> Option<NextLesson> {
    let lessons = tables.lessons_of(course);
    let next = lessons
        .into_iter()
        .find(|lesson| lesson.counts() && tables.lesson_status(user, lesson.id) != LessonStatus::Completed)?;
    Some(NextLesson {
        lesson: next.id,
        slug: next.slug.clone(),
        title: next.title.clone(),
        number: next.number.clone(),
    })
}

#[async_trait]
impl ProgressQueries for MemoryStore {
    async fn lesson_standing(&self, user: UserId, lesson: LessonId) -> Result<Option<LessonStanding>, StoreError> {
        let tables = self.tables()?;
        let lesson = tables.lessons.get(&lesson).filter(|lesson| lesson.deleted_at.is_none());
        Ok(lesson.and_then(|lesson| {
            let course = tables.live_course(lesson.course)?;
            Some(LessonStanding {
                lesson: lesson.id,
                course: course.id,
                course_status: course.status,
                course_author: course.author,
                total_lessons: course.lesson_count,
                outline_revision: course.outline_revision,
                is_draft: lesson.is_draft,
                progress: tables.progress(user, course.id),
                status: tables.lesson_status(user, lesson.id),
            })
        }))
    }

    async fn course_progress(&self, user: UserId, course: CourseId) -> Result<Option<CourseProgress>, StoreError> {
        Ok(self.tables()?.progress(user, course))
    }

    async fn progress_page(&self, user: UserId, page: PageRequest) -> Result<Page<CourseProgressView>, StoreError> {
        let rows = courses_of(&*self.tables()?, user);
        let page = newest_first(rows, page, |(course, progress)| (progress.updated_at, course.id.as_uuid()));
        Ok(page.map(|(course, progress)| CourseProgressView {
            course: course.id,
            slug: course.slug.to_string(),
            title: course.title.to_string(),
            completed_lessons: progress.completed_lessons,
            total_lessons: course.lesson_count,
            updated_at: progress.updated_at,
        }))
    }

    async fn lessons_progress(&self, user: UserId, course: CourseId) -> Result<Vec<LessonProgressView>, StoreError> {
        let tables = self.tables()?;
        let written = tables.lessons_of(course).into_iter().filter(|lesson| lesson.counts());
        Ok(written
            .map(|lesson| LessonProgressView {
                lesson: lesson.id,
                slug: lesson.slug.to_string(),
                title: lesson.title.clone(),
                number: lesson.number.clone(),
                depth: lesson.depth,
                position: lesson.position,
                status: tables.lesson_status(user, lesson.id),
                updated_at: tables.lesson_progress.get(&(user, lesson.id)).map(|(_, at)| *at),
            })
            .collect())
    }

    async fn recent_standings(&self, user: UserId, limit: u8) -> Result<Vec<CourseStanding>, StoreError> {
        let tables = self.tables()?;
        let mut rows = courses_of(&tables, user);
        rows.retain(|(course, _)| course.status != CourseStatus::Draft || course.author == Some(user));
        rows.sort_by_key(|(course, progress)| std::cmp::Reverse((progress.updated_at, course.id)));
        rows.truncate(usize::from(limit));
        Ok(rows
            .into_iter()
            .map(|(course, progress)| CourseStanding {
                course: course.id,
                slug: course.slug,
                percent: Percent::of(progress.completed_lessons, course.lesson_count),
                completed_lessons: progress.completed_lessons,
                total_lessons: course.lesson_count,
                next_lesson: next_lesson(&tables, user, course.id),
                title: course.title,
            })
            .collect())
    }

    async fn activity(
        &self,
        user: UserId,
        since: Timestamp,
        offset: UtcOffset,
    ) -> Result<Vec<DayActivity>, StoreError> {
        let tables = self.tables()?;
        let mut days = BTreeMap::<Day, Vec<&ProgressEvent>>::new();
        for event in tables.progress_events.values().filter(|event| event.user == user && event.at >= since) {
            days.entry(Day::of(event.at, offset)).or_default().push(event);
        }
        Ok(days.into_iter().map(|(day, events)| day_activity(day, &events)).collect())
    }

    async fn days_active(&self, user: UserId, course: CourseId, offset: UtcOffset) -> Result<u32, StoreError> {
        let tables = self.tables()?;
        let events = tables.progress_events.values().filter(|event| event.user == user && event.course == course);
        Ok(distinct(events.map(|event| Day::of(event.at, offset))))
    }

    async fn progress_events_page(&self, user: UserId, page: PageRequest) -> Result<Page<ProgressEvent>, StoreError> {
        let tables = self.tables()?;
        let events = tables.progress_events.values().filter(|event| event.user == user).cloned().collect();
        Ok(newest_first(events, page, |event| (event.at, event.id.as_uuid())))
    }

    async fn learners_page(
        &self,
        course: CourseId,
        filter: CohortFilter,
        page: PageRequest,
    ) -> Result<Page<LearnerView>, StoreError> {
        Ok(cohort::learners(&*self.tables()?, course, filter, page))
    }

    async fn completion(&self, course: CourseId) -> Result<(u32, Vec<LessonCompletion>), StoreError> {
        Ok(cohort::completion(&*self.tables()?, course))
    }

    async fn histories(
        &self,
        after: Option<(UserId, CourseId)>,
        limit: u32,
    ) -> Result<Vec<ProgressHistory>, StoreError> {
        let tables = self.tables()?;
        let with_events = tables.progress_events.keys().map(|(user, course, _)| (*user, *course));
        let keys: BTreeSet<_> = tables.course_progress.keys().copied().chain(with_events).collect();
        let next = keys.into_iter().filter(|key| after.is_none_or(|after| *key > after)).take(at_most(limit));
        let history = |(user, course): (UserId, CourseId)| ProgressHistory {
            user,
            course,
            events: tables
                .progress_events
                .range((user, course, i64::MIN)..=(user, course, i64::MAX))
                .map(|(_, event)| event.clone())
                .collect(),
            stored: tables.course_progress.get(&(user, course)).cloned(),
            lessons: lessons_recorded(&tables, user, course),
        };
        Ok(next.map(history).collect())
    }
}

fn day_activity(day: Day, events: &[&ProgressEvent]) -> DayActivity {
    let completed = events.iter().filter_map(|event| match event.step {
        Step::Recorded { lesson, from, to } if from != to && to == LessonStatus::Completed => Some(lesson),
        _ => None,
    });
    DayActivity {
        day,
        steps: u32::try_from(events.len()).unwrap_or(u32::MAX),
        lessons_completed: distinct(completed),
        courses: distinct(events.iter().map(|event| event.course)),
    }
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.collect::<BTreeSet<_>>().len()).unwrap_or(u32::MAX)
}
