//! What learners did day by day.

use std::time::Duration;

use lyceum_domain::{
    courses::Course,
    progress::{DayActivity, LessonStatus},
    store::Store,
    time::{Day, Timestamp, UtcOffset},
};

use crate::{
    ambient::start,
    contract::{
        fixtures::at,
        statements::{enrolled, left, recorded, stored_course, stored_progress, stored_user, update_course},
    },
};

use LessonStatus::{Completed, InProgress, NotStarted};

fn offset(minutes: i32) -> UtcOffset {
    UtcOffset::parse(minutes).expect("an offset")
}

/// Hours after the clocks' start, which is at nine in the morning; to the microsecond.
fn hours(hours: u64) -> Timestamp {
    start().plus(Duration::from_hours(hours))
}

const MICRO: Duration = Duration::from_micros(1);

fn day(text: &str, steps: u32, lessons_completed: u32, courses: u32) -> (String, u32, u32, u32) {
    (text.to_owned(), steps, lessons_completed, courses)
}

fn shown(days: Vec<DayActivity>) -> Vec<(String, u32, u32, u32)> {
    days.into_iter().map(|day| (day.day.to_string(), day.steps, day.lessons_completed, day.courses)).collect()
}

/// A day begins at midnight where the learner is, to the microsecond, in the east before and in the west after UTC's.
pub async fn days_begin_at_the_learners_midnight(store: &dyn Store) {
    let user = stored_user(store).await;
    let (_, lessons) = stored_course(store, 3).await;
    // Midnight of UTC is 15 hours after the start, that of Tokyo 6, of New York (in winter) 20, of Kathmandu 9 1/4.
    let midnights = [hours(6), start().plus(Duration::from_mins(555)), hours(15), hours(20)];
    for midnight in midnights {
        recorded(store, user.id, &lessons[0], InProgress, midnight.minus(MICRO)).await;
        recorded(store, user.id, &lessons[1], InProgress, midnight).await;
    }
    let days =
        async |minutes| shown(store.read().activity(user.id, hours(0), offset(minutes)).await.expect("an answer"));
    for (minutes, before) in [(540, 1), (345, 3), (0, 5), (-300, 7)] {
        let expected = [day("2026-01-01", before, 0, 1), day("2026-01-02", 8 - before, 0, 1)];
        assert_eq!(days(minutes).await, expected, "{minutes} minutes");
    }
    assert_eq!(days(840).await, [day("2026-01-02", 8, 0, 1)]);
    assert_eq!(days(-840).await, [day("2026-01-01", 8, 0, 1)]);
}

/// A step is a step, whatever it is; a lesson is completed once a day, however often it is recorded; one that was
/// completed before is not completed again. Days without a step are left out.
pub async fn lessons_completed_are_counted_once_a_day(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 3).await;
    enrolled(store, user.id, course.id, hours(0)).await;
    for (lesson, to) in [(0, Completed), (0, NotStarted), (0, Completed), (1, InProgress), (1, Completed)] {
        recorded(store, user.id, &lessons[lesson], to, hours(1)).await;
    }
    // Two days later: a lesson that is completed already, one that is taken back and completed again, and a new one.
    for (lesson, to) in [(0, Completed), (1, InProgress), (1, Completed), (2, Completed)] {
        recorded(store, user.id, &lessons[lesson], to, hours(48)).await;
    }
    let there = stored_progress(store, user.id, course.id).await;
    left(store, &there, hours(72)).await;
    let days = store.read().activity(user.id, hours(0), UtcOffset::default()).await.expect("an answer");
    let expected = [day("2026-01-01", 6, 2, 1), day("2026-01-03", 4, 2, 1), day("2026-01-04", 1, 0, 1)];
    assert_eq!(shown(days), expected);
}

/// A day has all courses together, removed ones too, and nobody else's steps; nothing from before is counted, and what is
/// asked for begins at the very time.
pub async fn a_day_has_all_courses_of_the_learner(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (one, ones) = stored_course(store, 2).await;
    let (two, twos) = stored_course(store, 2).await;
    recorded(store, user.id, &ones[0], Completed, hours(0)).await;
    recorded(store, user.id, &ones[1], Completed, hours(1)).await;
    recorded(store, user.id, &twos[0], Completed, hours(2)).await;
    recorded(store, other.id, &twos[1], Completed, hours(2)).await;
    update_course(store, &Course { deleted_at: Some(at(3)), ..two.clone() }).await.expect("saved");
    let since =
        async |since| shown(store.read().activity(user.id, since, UtcOffset::default()).await.expect("an answer"));
    assert_eq!(since(hours(0).minus(MICRO)).await, [day("2026-01-01", 3, 3, 2)]);
    assert_eq!(since(hours(0)).await, [day("2026-01-01", 3, 3, 2)]);
    assert_eq!(since(hours(0).plus(MICRO)).await, [day("2026-01-01", 2, 2, 2)]);
    assert_eq!(since(hours(2)).await, [day("2026-01-01", 1, 1, 1)]);
    assert_eq!(since(hours(3)).await, []);
    let first = store.read().activity(user.id, hours(0), UtcOffset::default()).await.expect("an answer")[0].day;
    assert_eq!(first, Day::of(hours(0), UtcOffset::default()));
    let days =
        async |user, course| store.read().days_active(user, course, UtcOffset::default()).await.expect("an answer");
    assert_eq!((days(user.id, one.id).await, days(user.id, two.id).await, days(other.id, one.id).await), (1, 1, 0));
}

/// The days on which a learner did something in a course are counted, days as they are where the learner is.
pub async fn days_active_are_counted_where_the_learner_is(store: &dyn Store) {
    let user = stored_user(store).await;
    let (course, lessons) = stored_course(store, 1).await;
    let (_, others) = stored_course(store, 1).await;
    let times = [hours(0), hours(1), hours(6).minus(MICRO), hours(6), hours(14), hours(15), hours(96)];
    for time in times {
        recorded(store, user.id, &lessons[0], InProgress, time).await;
    }
    recorded(store, user.id, &others[0], InProgress, hours(200)).await;
    for minutes in [-840, -300, 0, 345, 540, 840] {
        let mut days: Vec<Day> = times.iter().map(|time| Day::of(*time, offset(minutes))).collect();
        days.dedup();
        let found = store.read().days_active(user.id, course.id, offset(minutes)).await.expect("an answer");
        assert_eq!(found, u32::try_from(days.len()).expect("few"), "{minutes} minutes");
    }
    let zero = store.read().days_active(user.id, course.id, offset(0)).await.expect("an answer");
    assert_eq!(zero, 3);
}
