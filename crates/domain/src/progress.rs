//! How far a learner is: what happened, the status of each lesson, and the percentage of the course.
//!
//! What happened ([`ProgressEvent`]) is the truth; it is only ever added to. The rows that answer questions quickly
//! ([`CourseProgress`] and the status of each lesson) are kept with it in one transaction, and can be made from it again:
//! [`fold`].

mod event;
mod repository;
mod views;

use std::fmt;

pub use event::{Folded, ProgressChange, ProgressEvent, ProgressHistory, Step, fold};
pub use repository::{Progress, ProgressQueries};
pub use views::{
    CohortFilter, CourseProgressView, DayActivity, LearnerView, LessonCompletion, LessonProgressView, LessonStanding,
};

use crate::{
    ids::{CourseId, LessonId, ProgressEventId, UserId},
    invalid::Invalid,
    time::Timestamp,
};

/// A whole percentage, 0 to 100; 100 only when all is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Percent(u8);

impl Percent {
    /// How much `done` of `total` is, rounded down, so that 100 means all. Nothing out of nothing is 0; what was done
    /// beyond the total (a lesson that is gone) does not count.
    pub fn of(done: u32, total: u32) -> Self {
        if total == 0 {
            return Self(0);
        }
        let percent = u64::from(done.min(total)) * 100 / u64::from(total);
        Self(u8::try_from(percent).unwrap_or(100))
    }

    /// 0 to 100.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// How far a learner is with one lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LessonStatus {
    /// Not opened, or taken back.
    #[default]
    NotStarted,
    /// Opened.
    InProgress,
    /// Done.
    Completed,
}

impl LessonStatus {
    /// The word used in rows and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "not_started" => Ok(Self::NotStarted),
            "in_progress" => Ok(Self::InProgress),
            "completed" => Ok(Self::Completed),
            _ => Err(Invalid::NotAllowed { allowed: "not_started, in_progress, completed" }),
        }
    }
}

/// A learner's progress in one course: the aggregate that is saved as a whole.
///
/// The total is the course's own number of lessons, so a lesson that is added counts for everybody at once; what is
/// kept here is how many of the lessons that count are done, as of one revision of the course's outline. When lessons
/// that counted go, or come back, the course gets the next revision, and a store answers with a fresh count for whoever
/// was counted under an older one; so the count is right at once, for any number of learners, and the rows follow in
/// bounded batches ([`Progress::recount`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourseProgress {
    /// The learner.
    pub user: UserId,
    /// The course.
    pub course: CourseId,
    /// How many of the lessons that count are completed.
    pub completed_lessons: u32,
    /// The [`Course::outline_revision`](crate::courses::Course::outline_revision) under which they were counted.
    pub outline_revision: u32,
    /// Whether the learner is in the course now; leaving keeps the progress.
    pub is_enrolled: bool,
    /// When the learner first came.
    pub created_at: Timestamp,
    /// The last activity.
    pub updated_at: Timestamp,
    /// For optimistic locking; 0 before the first save. Each save adds one event, which has the number of the version that
    /// it made.
    pub version: u32,
}

impl CourseProgress {
    /// A learner comes to a course. Saved with [`Step::Enrolled`], or with the first lesson that they record.
    pub fn begin(user: UserId, course: CourseId, outline_revision: u32, at: Timestamp) -> Self {
        Self {
            user,
            course,
            completed_lessons: 0,
            outline_revision,
            is_enrolled: true,
            created_at: at,
            updated_at: at,
            version: 0,
        }
    }

    /// Sets the status of a lesson that counts, enrolling if need be. The same status again changes nothing but the
    /// time of the last activity.
    pub fn record(
        &mut self,
        event: ProgressEventId,
        lesson: LessonId,
        from: LessonStatus,
        to: LessonStatus,
        at: Timestamp,
    ) -> ProgressChange {
        match (from == LessonStatus::Completed, to == LessonStatus::Completed) {
            (false, true) => self.completed_lessons += 1,
            (true, false) => self.completed_lessons = self.completed_lessons.saturating_sub(1),
            _ => {}
        }
        self.is_enrolled = true;
        self.updated_at = self.updated_at.max(at);
        ProgressChange { id: event, step: Step::Recorded { lesson, from, to }, at }
    }

    /// Comes (back) to the course; `None` if already there.
    pub fn enrol(&mut self, event: ProgressEventId, at: Timestamp) -> Option<ProgressChange> {
        self.enter(true, event, Step::Enrolled, at)
    }

    /// Leaves the course, keeping the progress; `None` if not there.
    pub fn leave(&mut self, event: ProgressEventId, at: Timestamp) -> Option<ProgressChange> {
        self.enter(false, event, Step::Left, at)
    }

    fn enter(&mut self, enrolled: bool, id: ProgressEventId, step: Step, at: Timestamp) -> Option<ProgressChange> {
        let is_new = self.version == 0 && enrolled;
        if self.is_enrolled == enrolled && !is_new {
            return None;
        }
        self.is_enrolled = enrolled;
        self.updated_at = self.updated_at.max(at);
        Some(ProgressChange { id, step, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    #[test]
    fn a_hundred_means_all() {
        assert_eq!(Percent::of(199, 200).get(), 99);
        assert_eq!(Percent::of(200, 200).get(), 100);
        assert_eq!(Percent::of(0, 0).get(), 0);
        assert_eq!(Percent::of(3, 2).get(), 100);
    }

    fn status() -> impl Strategy<Value = LessonStatus> {
        prop_oneof![Just(LessonStatus::NotStarted), Just(LessonStatus::InProgress), Just(LessonStatus::Completed)]
    }

    proptest! {
        #[test]
        fn a_percentage_is_never_outside(done: u32, total: u32) {
            let percent = Percent::of(done, total).get();
            prop_assert!(percent <= 100);
            prop_assert_eq!(percent == 100, total > 0 && done >= total);
        }

        #[test]
        fn the_count_is_that_of_the_completed_lessons(steps in proptest::collection::vec((0_usize..12, status()), 0..200)) {
            let at = Timestamp::from_micros(1).expect("a time");
            let mut lessons = [LessonStatus::NotStarted; 12];
            let mut progress = CourseProgress::begin(UserId::from_uuid(Uuid::nil()), CourseId::from_uuid(Uuid::nil()), 1, at);
            let event = ProgressEventId::from_uuid(Uuid::nil());
            for (n, to) in steps {
                let lesson = LessonId::from_uuid(Uuid::from_u128(n as u128));
                progress.record(event, lesson, lessons[n], to, at);
                lessons[n] = to;
                let completed = lessons.iter().filter(|s| **s == LessonStatus::Completed).count();
                prop_assert_eq!(progress.completed_lessons as usize, completed);
            }
        }
    }
}
