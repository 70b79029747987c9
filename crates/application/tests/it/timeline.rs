//! A learner's days, and where to go on.

use std::time::Duration;

use lyceum_application::{progress::TimelineDays, sessions::Caller};
use lyceum_domain::{
    courses::CourseKey,
    policy::Actor,
    progress::LessonStatus::{Completed, InProgress, NotStarted},
    time::{Clock as _, Day, UtcOffset},
};

use crate::house::{House, chapters, code};

const HOUR: Duration = Duration::from_hours(1);

fn days(days: u32) -> TimelineDays {
    TimelineDays::parse(days).unwrap()
}

fn hours(hours: i32) -> UtcOffset {
    UtcOffset::parse(hours * 60).unwrap()
}

impl House {
    /// Steps, lessons and courses of each day.
    async fn days(&self, learner: &Caller, length: u32, offset: UtcOffset) -> Vec<(u32, u32, u32)> {
        let timeline = self.lyceum.timeline(&learner.actor(), days(length), offset).await.unwrap();
        timeline.days.iter().map(|day| (day.steps, day.lessons_completed, day.courses)).collect()
    }
}

#[tokio::test]
async fn every_day_is_there_and_what_was_done_on_it() {
    // It is nine in the morning, UTC.
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let knots = house.publish(&author, "Knots", chapters(&["A1", "B2"])).await;
    let sails = house.publish(&author, "Sails", chapters(&["Jib"])).await;
    let record = async |course, title, status| {
        let lesson = house.lesson(course, title).await;
        house.lyceum.record_lesson(&learner.actor(), lesson, status).await.unwrap();
    };
    record(knots.id, "A1", InProgress).await;
    record(knots.id, "A1", Completed).await;
    house.clock.advance(24 * HOUR);
    record(knots.id, "B2", Completed).await;
    record(knots.id, "B2", NotStarted).await;
    record(knots.id, "B2", Completed).await;
    record(sails.id, "Jib", InProgress).await;
    let utc = UtcOffset::default();
    assert_eq!(house.days(&learner, 4, utc).await, [(0, 0, 0), (0, 0, 0), (2, 1, 1), (4, 1, 2)]);
    assert_eq!(house.days(&learner, 1, utc).await, [(4, 1, 2)]);
    assert_eq!(house.days(&author, 2, utc).await, [(0, 0, 0), (0, 0, 0)]);

    let timeline = house.lyceum.timeline(&learner.actor(), days(30), utc).await.unwrap();
    assert_eq!((timeline.days_active, timeline.current_streak, timeline.longest_streak), (2, 2, 2));
    assert_eq!(timeline.days.last().unwrap().day, Day::of(house.clock.now(), utc));
    house.clock.advance(24 * HOUR);
    let timeline = house.lyceum.timeline(&learner.actor(), days(30), utc).await.unwrap();
    assert_eq!((timeline.current_streak, timeline.longest_streak), (2, 2), "today is not over");
    house.clock.advance(24 * HOUR);
    let timeline = house.lyceum.timeline(&learner.actor(), days(30), utc).await.unwrap();
    assert_eq!((timeline.current_streak, timeline.longest_streak), (0, 2));
}

#[tokio::test]
async fn a_day_begins_where_the_learner_is() {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let course = house.publish(&author, "Knots", chapters(&["A1"])).await;
    let enrol = async || house.lyceum.enrol(&learner.actor(), &CourseKey::Id(course.id)).await.unwrap();
    enrol().await;
    // 23:30 on that day in UTC, half past midnight one hour further east.
    house.clock.advance(14 * HOUR + HOUR / 2);
    let lesson = house.lesson(course.id, "A1").await;
    house.lyceum.record_lesson(&learner.actor(), lesson, Completed).await.unwrap();
    assert_eq!(house.days(&learner, 2, UtcOffset::default()).await, [(0, 0, 0), (2, 1, 1)]);
    assert_eq!(house.days(&learner, 2, hours(1)).await, [(1, 0, 1), (1, 1, 1)]);
    let active = async |offset| {
        let key = CourseKey::Id(course.id);
        house.lyceum.course_progress(&learner.actor(), &key, offset).await.unwrap().days_active
    };
    assert_eq!((active(UtcOffset::default()).await, active(hours(1)).await, active(hours(-10)).await), (1, 2, 2));
}

#[tokio::test]
async fn a_learner_is_told_where_to_go_on() {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let mut courses = Vec::new();
    for n in 0..7 {
        let course = house.publish(&author, &format!("Course {n}"), chapters(&["A1", "B2"])).await;
        house.clock.advance(HOUR);
        house.lyceum.enrol(&learner.actor(), &CourseKey::Id(course.id)).await.unwrap();
        courses.push(course);
    }
    house.clock.advance(HOUR);
    let first = house.lesson(courses[6].id, "A1").await;
    house.lyceum.record_lesson(&learner.actor(), first, Completed).await.unwrap();
    let next = house.lyceum.next_lessons(&learner.actor()).await.unwrap();
    assert_eq!(next.iter().map(|standing| standing.title.as_str()).collect::<Vec<_>>().len(), 5);
    let going_on = next[0].next_lesson.as_ref().unwrap();
    assert_eq!((next[0].course, going_on.title.as_str()), (courses[6].id, "B2"));
    assert_eq!(going_on.lesson, house.lesson(courses[6].id, "B2").await);

    let detail = house.detail(&learner, &courses[6]).await;
    assert_eq!((detail.next_lesson().unwrap().lesson, detail.days_active), (going_on.lesson, 1));
    assert!(detail.started_at.unwrap() < detail.stand.as_ref().unwrap().updated_at);
    house.lyceum.record_lesson(&learner.actor(), going_on.lesson, Completed).await.unwrap();
    assert!(house.detail(&learner, &courses[6]).await.next_lesson().is_none());
}

#[tokio::test]
async fn nobody_has_days_without_an_account() {
    let house = House::new();
    for (actor, refused) in [(Actor::Anonymous, "unauthenticated"), (Actor::System, "forbidden")] {
        assert_eq!(code(house.lyceum.timeline(&actor, days(7), UtcOffset::default()).await), refused);
        assert_eq!(code(house.lyceum.next_lessons(&actor).await), refused);
    }
}
