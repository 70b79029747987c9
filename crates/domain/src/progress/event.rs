//! What happened, and what follows from it.

use std::collections::BTreeMap;

use crate::{
    ids::{CourseId, LessonId, ProgressEventId, UserId},
    invalid::Invalid,
    progress::{CourseProgress, LessonStatus},
    time::Timestamp,
};

/// One step of a learner in a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Came, or came back.
    Enrolled,
    /// Left.
    Left,
    /// Recorded how far they are with a lesson; comes to the course with it if need be.
    Recorded {
        /// The lesson.
        lesson: LessonId,
        /// What it was.
        from: LessonStatus,
        /// What it is now.
        to: LessonStatus,
    },
}

impl Step {
    /// The word used in rows and bodies.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::Left => "left",
            Self::Recorded { .. } => "recorded",
        }
    }

    /// From a row.
    pub fn stored(kind: &str, recorded: Option<(LessonId, LessonStatus, LessonStatus)>) -> Result<Self, Invalid> {
        match (kind, recorded) {
            ("enrolled", None) => Ok(Self::Enrolled),
            ("left", None) => Ok(Self::Left),
            ("recorded", Some((lesson, from, to))) => Ok(Self::Recorded { lesson, from, to }),
            _ => Err(Invalid::NotAllowed { allowed: "enrolled, left, recorded" }),
        }
    }
}

/// A step to be saved together with the aggregate that it changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgressChange {
    /// Names the event.
    pub id: ProgressEventId,
    /// The step.
    pub step: Step,
    /// When.
    pub at: Timestamp,
}

/// A step as it was saved. Never changed, and removed only with its learner or its course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressEvent {
    /// Its id.
    pub id: ProgressEventId,
    /// Who.
    pub user: UserId,
    /// In which course.
    pub course: CourseId,
    /// Its place among the learner's steps in the course: the version of the aggregate that it made. Those from before
    /// events were kept have smaller ones, also below 1.
    pub sequence: i64,
    /// The step.
    pub step: Step,
    /// When.
    pub at: Timestamp,
}

/// All that is kept about one learner in one course, to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressHistory {
    /// The learner.
    pub user: UserId,
    /// The course.
    pub course: CourseId,
    /// What happened, in order.
    pub events: Vec<ProgressEvent>,
    /// The aggregate as it stands in its row, whichever revision it was counted under.
    pub stored: Option<CourseProgress>,
    /// The status of each lesson as it stands in its row, and since when; by lesson.
    pub lessons: BTreeMap<LessonId, (LessonStatus, Timestamp)>,
}

/// What follows from the events of one learner in one course.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// The aggregate; its version is the number of the last event.
    pub progress: CourseProgress,
    /// The status of each lesson that was ever recorded, and since when.
    pub lessons: BTreeMap<LessonId, (LessonStatus, Timestamp)>,
}

/// What follows from `events`, which are those of one learner in one course, in order; `None` if there are none.
/// `counts` says which lessons count now, under `outline_revision`.
pub fn fold(events: &[ProgressEvent], outline_revision: u32, counts: impl Fn(LessonId) -> bool) -> Option<Folded> {
    let (first, last) = (events.first()?, events.last()?);
    let mut progress = CourseProgress::begin(first.user, first.course, outline_revision, first.at);
    let mut lessons = BTreeMap::new();
    for event in events {
        progress.is_enrolled = event.step != Step::Left;
        progress.updated_at = progress.updated_at.max(event.at);
        if let Step::Recorded { lesson, to, .. } = event.step {
            lessons.insert(lesson, (to, event.at));
        }
    }
    let is_done = |(lesson, (status, _)): &(&LessonId, &(LessonStatus, Timestamp))| {
        *status == LessonStatus::Completed && counts(**lesson)
    };
    progress.completed_lessons = u32::try_from(lessons.iter().filter(is_done).count()).unwrap_or(u32::MAX);
    progress.version = u32::try_from(last.sequence).unwrap_or_default();
    Some(Folded { progress, lessons })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).expect("a time")
    }

    #[derive(Debug, Clone, Copy)]
    enum Act {
        Enrol,
        Leave,
        Record(u8, LessonStatus),
    }

    fn act() -> impl Strategy<Value = Act> {
        let status =
            prop_oneof![Just(LessonStatus::NotStarted), Just(LessonStatus::InProgress), Just(LessonStatus::Completed)];
        prop_oneof![Just(Act::Enrol), Just(Act::Leave), (0_u8..6, status).prop_map(|(n, to)| Act::Record(n, to))]
    }

    proptest! {
        #[test]
        fn the_aggregate_is_what_follows_from_its_events(acts in proptest::collection::vec((act(), 0_i64..50), 1..80)) {
            let (user, course) = (UserId::from_uuid(Uuid::from_u128(1)), CourseId::from_uuid(Uuid::from_u128(2)));
            let mut progress: Option<CourseProgress> = None;
            let mut lessons = BTreeMap::new();
            let mut events: Vec<ProgressEvent> = Vec::new();
            for (n, (act, when)) in acts.into_iter().enumerate() {
                let id = ProgressEventId::from_uuid(Uuid::from_u128(n as u128));
                let (is_first, mut next) = match progress.clone() {
                    None => (true, CourseProgress::begin(user, course, 1, at(when))),
                    Some(progress) => (false, progress),
                };
                let change = match act {
                    Act::Enrol => next.enrol(id, at(when)),
                    Act::Leave if is_first => None,
                    Act::Leave => next.leave(id, at(when)),
                    Act::Record(lesson, to) => {
                        let lesson = LessonId::from_uuid(Uuid::from_u128(u128::from(lesson)));
                        let from = lessons.get(&lesson).map_or(LessonStatus::NotStarted, |(status, _)| *status);
                        lessons.insert(lesson, (to, at(when)));
                        Some(next.record(id, lesson, from, to, at(when)))
                    }
                };
                let Some(ProgressChange { id, step, at }) = change else { continue };
                next.version += 1;
                events.push(ProgressEvent { id, user, course, sequence: i64::from(next.version), step, at });
                progress = Some(next);
            }
            let folded = fold(&events, 1, |_| true);
            prop_assert_eq!(folded.as_ref().map(|folded| &folded.progress), progress.as_ref());
            prop_assert_eq!(folded.map(|folded| folded.lessons).unwrap_or_default(), lessons);
        }
    }

    #[test]
    fn only_lessons_that_count_are_counted() {
        let [user, course, kept, gone] = [1, 2, 3, 4].map(Uuid::from_u128);
        let event = |sequence: i64, lesson| ProgressEvent {
            id: ProgressEventId::from_uuid(Uuid::nil()),
            user: UserId::from_uuid(user),
            course: CourseId::from_uuid(course),
            sequence,
            step: Step::Recorded {
                lesson: LessonId::from_uuid(lesson),
                from: LessonStatus::NotStarted,
                to: LessonStatus::Completed,
            },
            at: at(sequence),
        };
        let events = [event(1, kept), event(2, gone)];
        let folded = fold(&events, 7, |lesson| lesson.as_uuid() == kept).expect("events");
        assert_eq!((folded.progress.completed_lessons, folded.progress.outline_revision), (1, 7));
        assert_eq!(folded.lessons.len(), 2);
        assert_eq!(fold(&[], 1, |_| true), None);
    }
}
