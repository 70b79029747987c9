//! Learning: enrolling, recording lessons, and the percentage that always holds.

use std::{sync::Arc, time::Duration};

use lyceum_application::{
    progress::{CourseProgressDetail, CourseStand},
    sessions::Caller,
};
use lyceum_domain::{
    courses::{Course, CourseKey, CourseStatus},
    ids::LessonId,
    page::PageRequest,
    policy::Actor,
    progress::LessonStatus::{self, Completed, InProgress, NotStarted},
    store::Store as _,
    time::UtcOffset,
    users::Role,
};
use proptest::prelude::*;
use tokio::join;

use crate::house::{House, announced, chapter, chapters, code};

impl House {
    async fn record(&self, learner: &Caller, lesson: LessonId, status: LessonStatus) -> CourseStand {
        self.lyceum.record_lesson(&learner.actor(), lesson, status).await.unwrap().course
    }

    pub async fn detail(&self, learner: &Caller, course: &Course) -> CourseProgressDetail {
        self.lyceum.course_progress(&learner.actor(), &CourseKey::Id(course.id), UtcOffset::default()).await.unwrap()
    }

    /// Lessons that are done by the aggregate, by the list of lessons, and whether one is in the course.
    async fn counts(&self, learner: &Caller, course: &Course) -> (usize, usize, bool) {
        let (user, read) = (learner.user.id, self.store.read());
        let progress = read.course_progress(user, course.id).await.unwrap().unwrap();
        let lessons = read.lessons_progress(user, course.id).await.unwrap();
        let done = lessons.iter().filter(|lesson| lesson.status == Completed).count();
        (progress.completed_lessons.try_into().unwrap(), done, progress.is_enrolled)
    }
}

fn numbers(stand: &CourseStand) -> (u32, u32, u8) {
    (stand.completed_lessons, stand.total_lessons, stand.percent().get())
}

/// A house with a mentor, a learner and a published course of these chapters.
async fn school(titles: &[&str]) -> (House, Caller, Caller, Course) {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let course = house.publish(&author, "Knots", chapters(titles)).await;
    (house, author, learner, course)
}

fn key(course: &Course) -> CourseKey {
    CourseKey::Slug(course.slug.clone())
}

#[tokio::test]
async fn recording_a_lesson_enrols_and_counts() {
    let (house, _, learner, course) = school(&["A1", "B2", "C3"]).await;
    let lesson = house.lesson(course.id, "A1").await;
    assert!(house.detail(&learner, &course).await.stand.is_none());

    let opened = house.lyceum.record_lesson(&learner.actor(), lesson, InProgress).await.unwrap();
    assert_eq!((opened.lesson, opened.status, numbers(&opened.course)), (lesson, InProgress, (0, 3, 0)));
    assert_eq!(house.counts(&learner, &course).await, (0, 0, true));
    assert_eq!(numbers(&house.record(&learner, lesson, Completed).await), (1, 3, 33));
    assert_eq!(numbers(&house.record(&learner, lesson, Completed).await), (1, 3, 33));
    assert_eq!(numbers(&house.record(&learner, lesson, NotStarted).await), (0, 3, 0));
    assert_eq!(numbers(&house.record(&learner, lesson, NotStarted).await), (0, 3, 0));
    for title in ["A1", "B2", "C3"] {
        house.record(&learner, house.lesson(course.id, title).await, Completed).await;
    }
    let detail = house.detail(&learner, &course).await;
    assert_eq!(numbers(&detail.stand.unwrap()), (3, 3, 100));
    let lessons = detail.lessons;
    assert_eq!(lessons.iter().map(|lesson| lesson.title.as_str()).collect::<Vec<_>>(), ["A1", "B2", "C3"]);
    assert!(lessons.iter().all(|lesson| lesson.status == Completed && lesson.updated_at.is_some()));
}

#[tokio::test]
async fn the_progress_of_others_is_not_ones_own() {
    let (house, author, learner, course) = school(&["A1"]).await;
    house.record(&learner, house.lesson(course.id, "A1").await, Completed).await;
    let detail = house.detail(&author, &course).await;
    assert!(detail.stand.is_none() && detail.started_at.is_none());
    assert_eq!(detail.lessons[0].status, NotStarted);
    let page = house.lyceum.progress(&author.actor(), PageRequest::default()).await.unwrap();
    assert!(page.items.is_empty());
}

#[tokio::test]
async fn who_leaves_and_comes_back_finds_what_was_done() {
    let (house, _, learner, course) = school(&["A1", "B2"]).await;
    let enrol = async || house.lyceum.enrol(&learner.actor(), &key(&course)).await.unwrap();
    let leave = async || house.lyceum.leave(&learner.actor(), &key(&course)).await.unwrap();
    leave().await;
    assert!(enrol().await.1);
    assert!(!enrol().await.1);
    house.record(&learner, house.lesson(course.id, "A1").await, Completed).await;
    leave().await;
    leave().await;
    assert_eq!(house.counts(&learner, &course).await, (1, 1, false));
    let list = async || house.lyceum.progress(&learner.actor(), PageRequest::default()).await.unwrap().items;
    assert!(list().await.is_empty());
    let (stand, came_back) = enrol().await;
    assert_eq!((numbers(&stand), came_back), ((1, 2, 50), true));
    assert_eq!(list().await[0].percent().get(), 50);
    leave().await;
    house.record(&learner, house.lesson(course.id, "B2").await, Completed).await;
    assert_eq!(house.counts(&learner, &course).await, (2, 2, true));
}

#[tokio::test]
async fn the_latest_course_is_first() {
    let (house, author, learner, knots) = school(&["A1"]).await;
    let sails = house.publish(&author, "Sails", chapters(&["Jib"])).await;
    for course in [&knots, &sails] {
        house.clock.advance(Duration::from_secs(1));
        house.lyceum.enrol(&learner.actor(), &key(course)).await.unwrap();
    }
    let list = async || {
        let page = house.lyceum.progress(&learner.actor(), PageRequest::default()).await.unwrap();
        page.items.into_iter().map(|view| view.title).collect::<Vec<_>>()
    };
    assert_eq!(list().await, ["Sails", "Knots"]);
    house.clock.advance(Duration::from_secs(1));
    house.record(&learner, house.lesson(knots.id, "A1").await, InProgress).await;
    assert_eq!(list().await, ["Knots", "Sails"]);
}

#[tokio::test]
async fn only_who_knows_an_archived_course_goes_on_with_it() {
    let (house, _, learner, course) = school(&["A1"]).await;
    let late = house.learner("late").await;
    house.lyceum.enrol(&learner.actor(), &key(&course)).await.unwrap();
    house.lyceum.leave(&learner.actor(), &key(&course)).await.unwrap();
    house.change_course(course.id, |course| course.status = CourseStatus::Archived).await;
    let lesson = house.lesson(course.id, "A1").await;
    for (caller, expected) in [(&learner, "ok"), (&late, "forbidden")] {
        assert_eq!(code(house.lyceum.enrol(&caller.actor(), &key(&course)).await), expected);
        assert_eq!(code(house.lyceum.record_lesson(&caller.actor(), lesson, Completed).await), expected);
        assert!(house.lyceum.course_progress(&caller.actor(), &key(&course), UtcOffset::default()).await.is_ok());
        assert!(house.lyceum.leave(&caller.actor(), &key(&course)).await.is_ok());
    }
    assert!(house.store.read().course_progress(late.user.id, course.id).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_not_written_not_there_or_not_public_cannot_be_learnt() {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let both = vec![chapter("A1", "Text."), announced("B2")];
    let course = house.publish(&author, "Knots", both.clone()).await;
    let secret = house.import(&author, "Secret", both, false).await.course;
    let removed = house.lesson(course.id, "A1").await;
    let announced = house.lesson(course.id, "B2").await;
    let hidden = house.lesson(secret.id, "A1").await;
    house.publish(&author, "Knots", vec![crate::house::announced("B2")]).await;
    let actor = learner.actor();
    for lesson in [removed, announced, hidden] {
        assert_eq!(code(house.lyceum.record_lesson(&actor, lesson, Completed).await), "not_found");
    }
    assert_eq!(code(house.lyceum.record_lesson(&author.actor(), announced, Completed).await), "not_found");
    assert_eq!(code(house.lyceum.record_lesson(&author.actor(), hidden, Completed).await), "ok");
    for nothing in [key(&secret), CourseKey::Id(lyceum_domain::ids::CourseId::from_uuid(hidden.as_uuid()))] {
        assert_eq!(code(house.lyceum.enrol(&actor, &nothing).await), "not_found");
        assert_eq!(code(house.lyceum.leave(&actor, &nothing).await), "not_found");
        assert_eq!(code(house.lyceum.course_progress(&actor, &nothing, UtcOffset::default()).await), "not_found");
    }
    // Who was in it when it was public may leave, but not go on.
    house.lyceum.enrol(&actor, &key(&course)).await.unwrap();
    house.change_course(course.id, |course| course.status = CourseStatus::Draft).await;
    assert_eq!(code(house.lyceum.enrol(&actor, &key(&course)).await), "not_found");
    assert_eq!(code(house.lyceum.leave(&actor, &key(&course)).await), "ok");
}

#[tokio::test]
async fn nobody_learns_without_an_account() {
    let (house, _, _, course) = school(&["A1"]).await;
    let lesson = house.lesson(course.id, "A1").await;
    for actor in [Actor::Anonymous, Actor::System] {
        let read = if actor == Actor::Anonymous { "unauthenticated" } else { "forbidden" };
        assert_eq!(code(house.lyceum.enrol(&actor, &key(&course)).await), "unauthenticated");
        assert_eq!(code(house.lyceum.record_lesson(&actor, lesson, Completed).await), "unauthenticated");
        assert_eq!(code(house.lyceum.leave(&actor, &key(&course)).await), read);
        assert_eq!(code(house.lyceum.progress(&actor, PageRequest::default()).await), read);
        assert_eq!(code(house.lyceum.course_progress(&actor, &key(&course), UtcOffset::default()).await), read);
    }
}

#[tokio::test]
async fn two_lessons_recorded_at_once_both_count() {
    let (house, _, learner, course) = school(&["A1", "B2"]).await;
    let (first, second) = (house.lesson(course.id, "A1").await, house.lesson(course.id, "B2").await);
    // Both load before either saves.
    let unit = house.begin().await;
    let record = |lesson| house.record(&learner, lesson, Completed);
    let (_, later, ()) = join!(record(first), record(second), async { drop(unit) });
    assert_eq!(numbers(&later), (2, 2, 100));
    assert_eq!(house.counts(&learner, &course).await, (2, 2, true));
}

#[tokio::test]
async fn a_conflict_is_tried_again() {
    let (house, _, learner, course) = school(&["A1", "B2"]).await;
    let actor = learner.actor();
    house.store.conflict_at_next_commits(2);
    assert!(house.lyceum.enrol(&actor, &key(&course)).await.unwrap().1);
    house.store.conflict_at_next_commits(2);
    assert_eq!(numbers(&house.record(&learner, house.lesson(course.id, "A1").await, Completed).await), (1, 2, 50));
    house.store.conflict_at_next_commits(2);
    house.lyceum.leave(&actor, &key(&course)).await.unwrap();
    assert_eq!(house.counts(&learner, &course).await, (1, 1, false));
}

#[tokio::test]
async fn an_import_meanwhile_neither_loses_a_record_nor_lets_it_count_wrongly() {
    let (house, author, learner, course) = school(&["A1", "B2"]).await;
    let (first, second) = (house.lesson(course.id, "A1").await, house.lesson(course.id, "B2").await);
    house.record(&learner, first, Completed).await;
    let unit = house.begin().await;
    let (_, recorded, ()) =
        join!(house.publish(&author, "Knots", chapters(&["B2"])), house.record(&learner, second, Completed), async {
            drop(unit);
        });
    // The answer is of the moment before the import, the row of that revision; whoever looks from now on sees the new one.
    assert!([(2, 2, 100), (1, 1, 100)].contains(&numbers(&recorded)), "{recorded:?}");
    assert_eq!(house.counts(&learner, &course).await, (1, 1, true));
    assert_eq!(numbers(&house.detail(&learner, &course).await.stand.unwrap()), (1, 1, 100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_hundred_records_at_once_none_is_lost() {
    let titles: Vec<String> = (0..40).map(|n| format!("Lesson {n}")).collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let (house, _, learner, course) = school(&titles).await;
    let house = Arc::new(house);
    let outline = house.store.read().outline(course.id).await.unwrap();
    let all_at_once = async |status: fn(usize) -> LessonStatus| {
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let (house, learner, lesson) = (Arc::clone(&house), learner.clone(), outline.0[n % 40].id);
                #[expect(clippy::disallowed_methods, reason = "the story awaits each of them")]
                tokio::spawn(async move { house.record(&learner, lesson, status(n)).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let (counted, done, _) = house.counts(&learner, &course).await;
        assert_eq!(counted, done);
        done
    };
    all_at_once(|n| if n % 3 == 0 { NotStarted } else { Completed }).await;
    assert_eq!(all_at_once(|_| Completed).await, 40);
}

/// What can happen to a course of up to eight lessons and a learner in it.
#[derive(Debug, Clone)]
enum Step {
    /// The source now has the lessons of the first set, of which those in the second are only announced.
    Import(u8, u8),
    Record(usize, LessonStatus),
    Enrol,
    Leave,
}

fn step() -> impl Strategy<Value = Step> {
    let status = prop_oneof![1 => Just(NotStarted), 1 => Just(InProgress), 4 => Just(Completed)];
    prop_oneof![
        3 => (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(there, a, b)| Step::Import(there, a & b)),
        8 => (0_usize..8, status).prop_map(|(n, status)| Step::Record(n, status)),
        1 => Just(Step::Enrol),
        1 => Just(Step::Leave),
    ]
}

async fn the_percentage_holds(steps: Vec<Step>) {
    let (house, author, learner, course) = school(&["L0", "L1", "L2", "L3", "L4", "L5", "L6", "L7"]).await;
    let mut lessons = Vec::new();
    for n in 0..8 {
        lessons.push(house.lesson(course.id, &format!("L{n}")).await);
    }
    let (mut counting, mut done) = ([true; 8], [false; 8]);
    house.lyceum.enrol(&learner.actor(), &key(&course)).await.unwrap();
    for step in steps {
        match step {
            Step::Import(there, draft) => {
                let has = |set: u8, n: usize| set & (1 << n) != 0;
                let written = |n| if has(draft, n) { announced } else { |title: &str| chapter(title, "Text.") };
                let source = (0..8).filter(|n| has(there, *n)).map(|n| written(n)(&format!("L{n}"))).collect();
                house.publish(&author, "Knots", source).await;
                counting = std::array::from_fn(|n| has(there, n) && !has(draft, n));
            }
            Step::Record(n, status) => {
                let recorded = house.lyceum.record_lesson(&learner.actor(), lessons[n], status).await;
                assert_eq!(code(recorded), if counting[n] { "ok" } else { "not_found" });
                if counting[n] {
                    done[n] = status == Completed;
                }
            }
            Step::Enrol => drop(house.lyceum.enrol(&learner.actor(), &key(&course)).await.unwrap()),
            Step::Leave => house.lyceum.leave(&learner.actor(), &key(&course)).await.unwrap(),
        }
        let total = u32::try_from(counting.iter().filter(|counts| **counts).count()).unwrap();
        let completed = u32::try_from((0..8).filter(|n| counting[*n] && done[*n]).count()).unwrap();
        let CourseProgressDetail { course, stand, lessons: views, .. } = house.detail(&learner, &course).await;
        let (counted, all, percent) = numbers(&stand.unwrap());
        assert_eq!((counted, all, course.lesson_count), (completed, total, total));
        assert_eq!(views.iter().filter(|view| view.status == Completed).count(), usize::try_from(counted).unwrap());
        assert!(percent <= 100);
        assert_eq!(percent == 100, total > 0 && completed == total);
        assert_eq!(u32::from(percent), (completed * 100).checked_div(total).unwrap_or(0));
        for view in house.lyceum.progress(&learner.actor(), PageRequest::default()).await.unwrap().items {
            assert_eq!((view.completed_lessons, view.percent().get()), (counted, percent));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_percentage_is_that_of_the_lessons(steps in proptest::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(the_percentage_holds(steps));
    }
}

#[tokio::test]
async fn an_author_learns_from_a_draft_as_long_as_it_is_theirs() {
    let house = House::new();
    let author = house.mentor("author").await;
    let draft = house.import(&author, "Knots", chapters(&["A1"]), false).await.course;
    assert!(house.lyceum.enrol(&author.actor(), &key(&draft)).await.unwrap().1);
    let former = house.change_user(author.user.id, |user| user.role = Role::Learner).await;
    let lesson = house.lesson(draft.id, "A1").await;
    assert_eq!(code(house.lyceum.record_lesson(&former.actor(), lesson, Completed).await), "not_found");
}
