//! A mentor and the learners of a course.

use std::time::Duration;

use lyceum_application::{progress::CohortQuery, sessions::Caller, users::PrivacyChange};
use lyceum_domain::{
    courses::{Course, CourseKey},
    page::{PageRequest, PageSize},
    policy::Actor,
    progress::LessonStatus::{self, Completed, InProgress},
    users::{Scope, Scopes},
};

use crate::house::{House, chapters, code};

const DAY: Duration = Duration::from_hours(24);

impl House {
    async fn cohort(&self, mentor: &Caller, course: &Course, query: CohortQuery) -> Vec<(String, u8, bool)> {
        let (key, mut page, mut all) = (CourseKey::Id(course.id), PageRequest::default(), Vec::new());
        page.size = PageSize::parse(2).unwrap();
        loop {
            let cohort = self.lyceum.learners(&mentor.actor(), &key, query, page).await.unwrap();
            for learner in cohort.learners.items {
                let is_stuck = learner.is_stuck(cohort.idle_since);
                all.push((learner.username.to_string(), learner.percent().get(), is_stuck));
            }
            page.after = cohort.learners.next;
            if page.after.is_none() {
                return all;
            }
        }
    }

    async fn does(&self, learner: &Caller, course: &Course, title: &str, status: LessonStatus) {
        let lesson = self.lesson(course.id, title).await;
        self.lyceum.record_lesson(&learner.actor(), lesson, status).await.unwrap();
    }
}

fn row(name: &str, percent: u8, is_stuck: bool) -> (String, u8, bool) {
    (name.to_owned(), percent, is_stuck)
}

#[tokio::test]
async fn a_mentor_sees_how_far_everybody_is_and_who_is_stuck() {
    let house = House::new();
    let mentor = house.mentor("author").await;
    let course = house.publish(&mentor, "Knots", chapters(&["A1", "B2"])).await;
    let key = CourseKey::Id(course.id);
    let [ada, bob, cleo, dan] = ["ada", "bob", "cleo", "dan"];
    let (ada, bob) = (house.learner(ada).await, house.learner(bob).await);
    let (cleo, dan) = (house.learner(cleo).await, house.learner(dan).await);
    house.does(&ada, &course, "A1", Completed).await;
    house.does(&ada, &course, "B2", Completed).await;
    house.does(&bob, &course, "A1", Completed).await;
    house.clock.advance(8 * DAY);
    house.does(&cleo, &course, "A1", InProgress).await;
    house.clock.advance(Duration::from_secs(1));
    house.lyceum.enrol(&dan.actor(), &key).await.unwrap();
    house.lyceum.leave(&dan.actor(), &key).await.unwrap();

    let everybody = house.cohort(&mentor, &course, CohortQuery::default()).await;
    let mut names: Vec<_> = everybody.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names[..2], ["dan", "cleo"], "the latest first");
    names.sort_unstable();
    assert_eq!(names, ["ada", "bob", "cleo", "dan"]);
    assert!(everybody.contains(&row("ada", 100, false)), "{everybody:?}");
    assert!(everybody.contains(&row("bob", 50, true)) && everybody.contains(&row("cleo", 0, false)), "{everybody:?}");
    let stuck = CohortQuery { only_stuck: true, ..CohortQuery::default() };
    assert_eq!(house.cohort(&mentor, &course, stuck).await, [row("bob", 50, true)]);
    let patient = CohortQuery { only_stuck: true, idle_days: 9 };
    assert_eq!(house.cohort(&mentor, &course, patient).await, []);

    // Who left is seen as long as they show their progress.
    let hide = PrivacyChange { show_progress: Some(false), ..PrivacyChange::default() };
    for learner in [&dan, &bob] {
        house.lyceum.change_privacy(learner, hide, None).await.unwrap();
    }
    let seen = house.cohort(&mentor, &course, CohortQuery::default()).await;
    assert_eq!(seen.len(), 3);
    assert!(!seen.iter().any(|(name, ..)| name == "dan"));

    let completion = house.lyceum.completion(&mentor.actor(), &key).await.unwrap();
    let lessons: Vec<_> = completion.lessons.iter().map(|l| (l.title.as_str(), l.in_progress, l.completed)).collect();
    assert_eq!((completion.learners, lessons), (3, vec![("A1", 1, 2), ("B2", 0, 1)]));
}

#[tokio::test]
async fn a_cohort_is_for_the_mentor_of_the_course_and_admins() {
    let house = House::new();
    let (mentor, other) = (house.mentor("author").await, house.mentor("other").await);
    let (learner, admin) = (house.learner("lea").await, house.admin().await);
    let draft = house.import(&mentor, "Sails", chapters(&["Jib"]), false).await.course;
    let course = house.publish(&mentor, "Knots", chapters(&["A1"])).await;
    let tries = async |actor: &Actor, course: &Course| {
        let key = CourseKey::Id(course.id);
        let learners = house.lyceum.learners(actor, &key, CohortQuery::default(), PageRequest::default()).await;
        let completion = house.lyceum.completion(actor, &key).await;
        let codes = [code(learners), code(completion)];
        assert_eq!(codes[0], codes[1]);
        codes[0]
    };
    let key = |scope| Actor::User { id: mentor.user.id, role: mentor.user.role, key: Scopes::new([scope]).ok() };
    for (actor, published, hidden) in [
        (Actor::Anonymous, "unauthenticated", "not_found"),
        (learner.actor(), "forbidden", "not_found"),
        (other.actor(), "forbidden", "not_found"),
        (mentor.actor(), "ok", "ok"),
        (admin.actor(), "ok", "ok"),
        (key(Scope::Learning), "ok", "ok"),
        (key(Scope::Profile), "insufficient_scope", "insufficient_scope"),
    ] {
        assert_eq!((tries(&actor, &course).await, tries(&actor, &draft).await), (published, hidden), "{actor:?}");
    }
}
