//! What the rows say is what follows from what happened, whatever happened; and where it is not, that is found and mended.

use std::collections::{BTreeMap, BTreeSet};

use lyceum_application::{
    progress::{Difference, Rebuild, Rebuilt},
    sessions::Caller,
};
use lyceum_domain::{
    courses::{Course, CourseKey, LessonDraft, LessonEdit},
    ids::LessonId,
    page::PageRequest,
    policy::Actor,
    progress::LessonStatus::{self, Completed, InProgress, NotStarted},
    store::Store as _,
};
use proptest::prelude::*;

use crate::{
    authoring::new_lesson,
    house::{House, announced, chapter, chapters, code},
};

impl House {
    async fn rebuild(&self, check_only: bool) -> (Rebuilt, Vec<Difference>) {
        let mut differences = Vec::new();
        let rebuild = Rebuild { check_only, course: None };
        let mut report = |difference: &Difference| differences.push(difference.clone());
        let done = self.lyceum.rebuild_progress(&Actor::System, rebuild, &mut report).await.unwrap();
        (done, differences)
    }
}

#[tokio::test]
async fn what_was_changed_behind_everybodys_back_is_found_and_mended() {
    let house = House::new();
    let (author, learner, other) =
        (house.mentor("author").await, house.learner("lea").await, house.learner("bob").await);
    let course = house.publish(&author, "Knots", chapters(&["A1", "B2", "C3"])).await;
    let key = CourseKey::Id(course.id);
    let a = house.lesson(course.id, "A1").await;
    house.lyceum.record_lesson(&learner.actor(), a, Completed).await.unwrap();
    house.lyceum.enrol(&other.actor(), &key).await.unwrap();
    assert_eq!(house.rebuild(true).await, (Rebuilt { learners: 2, courses: 1, ..Rebuilt::default() }, vec![]));

    let good = house.store.read().course_progress(learner.user.id, course.id).await.unwrap().unwrap();
    let mut wrong = good.clone();
    wrong.completed_lessons = 3;
    let b = house.lesson(course.id, "B2").await;
    let lessons = BTreeMap::from([(b, (Completed, good.updated_at))]);
    let mut unit = house.begin().await;
    unit.progress().rebuild(&wrong, &lessons, Some(good.version)).await.unwrap();
    unit.commit().await.unwrap();
    house.change_course(course.id, |course| course.lesson_count = 7).await;

    let (checked, differences) = house.rebuild(true).await;
    assert_eq!((checked.differences, checked.put_right), (2, 0));
    assert_eq!(differences[0], Difference::LessonCount { course: course.id, stored: 7, counted: 3 });
    let Difference::Learner(found) = &differences[1] else { panic!("{differences:?}") };
    assert_eq!((found.user, found.course, &found.stored), (learner.user.id, course.id, &Some(wrong)));
    assert_eq!(found.stored_lessons, lessons);
    assert_eq!(found.follows.as_ref().unwrap().progress, good);

    house.store.conflict_at_next_commits(2);
    let (mended, again) = house.rebuild(false).await;
    assert_eq!((mended.differences, mended.put_right, again), (2, 2, differences));
    assert_eq!(house.rebuild(true).await.0.differences, 0);
    assert_eq!(house.store.read().course_progress(learner.user.id, course.id).await.unwrap(), Some(good));
    let detail = house.detail(&learner, &course).await;
    assert_eq!(detail.lessons.iter().map(|l| l.status).collect::<Vec<_>>(), [Completed, NotStarted, NotStarted]);
    // And everybody goes on.
    house.lyceum.record_lesson(&learner.actor(), b, Completed).await.unwrap();
    assert_eq!(house.rebuild(true).await.0.differences, 0);
}

#[tokio::test]
async fn a_count_that_is_not_made_anew_yet_is_no_difference() {
    let house = House::new();
    let (author, learner) = (house.mentor("author").await, house.learner("lea").await);
    let course = house.publish(&author, "Knots", chapters(&["A1", "B2"])).await;
    let a = house.lesson(course.id, "A1").await;
    house.lyceum.record_lesson(&learner.actor(), a, Completed).await.unwrap();
    house.lyceum.remove_lesson(&author.actor(), a, None).await.unwrap();
    assert_eq!(house.rebuild(true).await.0.differences, 0);
    assert_eq!(house.lyceum.recount_progress(&Actor::System).await.unwrap(), 1);
    assert_eq!(house.rebuild(true).await.0.differences, 0);
}

#[tokio::test]
async fn only_the_house_compares_and_one_course_if_it_says_so() {
    let house = House::new();
    let author = house.mentor("author").await;
    let knots = house.publish(&author, "Knots", chapters(&["A1"])).await;
    let sails = house.publish(&author, "Sails", chapters(&["Jib"])).await;
    for course in [&knots, &sails] {
        house.lyceum.enrol(&author.actor(), &CourseKey::Id(course.id)).await.unwrap();
        house.change_course(course.id, |course| course.lesson_count = 5).await;
    }
    let only = Rebuild { check_only: true, course: Some(sails.id) };
    let done = house.lyceum.rebuild_progress(&Actor::System, only, &mut |_| {}).await.unwrap();
    assert_eq!(done, Rebuilt { learners: 1, courses: 1, differences: 1, put_right: 0 });
    for caller in [&author, &house.learner("lea").await] {
        let refused = house.lyceum.rebuild_progress(&caller.actor(), only, &mut |_| {}).await;
        assert_eq!(code(refused), "forbidden");
    }
}

/// What can happen to a course that has a book and lessons written by hand, and to its learners. Numbers are taken
/// modulo what there is.
#[derive(Debug, Clone)]
enum Act {
    /// The book now has these chapters, of which those in the second set are only announced.
    Import(u8, u8),
    Add {
        at: u32,
        depth: u8,
        is_numbered: bool,
        is_draft: bool,
    },
    Remove(usize),
    Restore(usize),
    Draft(usize, bool),
    Deepen(usize, u8),
    Reverse(usize),
    Record(usize, usize, LessonStatus),
    Enrol(usize),
    Leave(usize),
    Recount,
    /// Somebody reads before and saves after somebody else, so that it has to be tried again.
    Collide,
}

fn act() -> impl Strategy<Value = Act> {
    let status = prop_oneof![1 => Just(NotStarted), 1 => Just(InProgress), 4 => Just(Completed)];
    prop_oneof![
        2 => (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(|(there, a, b)| Act::Import(there, a & b)),
        2 => (0_u32..12, 0_u8..4, any::<bool>(), any::<bool>())
            .prop_map(|(at, depth, is_numbered, is_draft)| Act::Add { at, depth, is_numbered, is_draft }),
        2 => (0_usize..99).prop_map(Act::Remove),
        2 => (0_usize..99).prop_map(Act::Restore),
        2 => (0_usize..99, any::<bool>()).prop_map(|(n, is_draft)| Act::Draft(n, is_draft)),
        1 => (0_usize..99, 0_u8..4).prop_map(|(n, depth)| Act::Deepen(n, depth)),
        1 => (0_usize..99).prop_map(Act::Reverse),
        12 => (0_usize..3, 0_usize..99, status).prop_map(|(who, n, status)| Act::Record(who, n, status)),
        1 => (0_usize..3).prop_map(Act::Enrol),
        1 => (0_usize..3).prop_map(Act::Leave),
        1 => Just(Act::Recount),
        1 => Just(Act::Collide),
    ]
}

/// A course, its people, and what each learner should have done.
struct Story {
    house: House,
    author: Caller,
    learners: Vec<Caller>,
    course: Course,
    done: Vec<BTreeMap<LessonId, LessonStatus>>,
}

impl Story {
    async fn begin() -> Self {
        let house = House::new();
        let author = house.mentor("author").await;
        let mut learners = Vec::new();
        for name in ["ada", "bob", "cleo"] {
            learners.push(house.learner(name).await);
        }
        let course = house.publish(&author, "Knots", chapters(&["L0", "L1", "L2"])).await;
        Self { house, author, learners, course, done: vec![BTreeMap::new(); 3] }
    }

    fn key(&self) -> CourseKey {
        CourseKey::Id(self.course.id)
    }

    /// The lesson of this number, if there are any.
    async fn lesson(&self, n: usize) -> Option<LessonId> {
        let outline = self.house.store.read().outline(self.course.id).await.unwrap().0;
        outline.get(n.checked_rem(outline.len())?).map(|lesson| lesson.id)
    }

    async fn happens(&mut self, act: Act) {
        let (lyceum, author) = (&self.house.lyceum, self.author.actor());
        match act {
            Act::Import(there, drafts) => {
                let has = |set: u8, n: usize| set & (1 << n) != 0;
                let written = |n: usize| -> LessonDraft {
                    let title = format!("L{n}");
                    if has(drafts, n) { announced(&title) } else { chapter(&title, "Text.") }
                };
                let chapters = (0..8).filter(|n| has(there, *n)).map(written).collect();
                self.house.publish(&self.author, "Knots", chapters).await;
            }
            Act::Add { at, depth, is_numbered, is_draft } => {
                let new = lyceum_application::courses::NewLesson {
                    position: Some(at),
                    depth,
                    is_numbered,
                    is_draft,
                    ..new_lesson("By hand")
                };
                lyceum.add_lesson(&author, &self.key(), new).await.unwrap();
            }
            Act::Remove(n) => {
                if let Some(lesson) = self.lesson(n).await {
                    lyceum.remove_lesson(&author, lesson, None).await.unwrap();
                }
            }
            Act::Restore(n) => {
                let removed = lyceum.removed_lessons(&author, &self.key()).await.unwrap();
                if let Some(at) = n.checked_rem(removed.len()) {
                    lyceum.restore_lesson(&author, removed[at].id).await.unwrap();
                }
            }
            Act::Draft(n, is_draft) => {
                let edit = LessonEdit { is_draft: Some(is_draft), ..LessonEdit::default() };
                if let Some(lesson) = self.lesson(n).await {
                    lyceum.edit_lesson(&author, lesson, edit, None).await.unwrap();
                }
            }
            Act::Deepen(n, depth) => {
                let edit = LessonEdit { depth: Some(depth), ..LessonEdit::default() };
                if let Some(lesson) = self.lesson(n).await {
                    lyceum.edit_lesson(&author, lesson, edit, None).await.unwrap();
                }
            }
            Act::Reverse(n) => {
                let outline = self.house.store.read().outline(self.course.id).await.unwrap().0;
                let mut ids: Vec<_> = outline.iter().map(|lesson| lesson.id).collect();
                if let Some(at) = n.checked_rem(ids.len()) {
                    ids[at..].reverse();
                }
                lyceum.order_lessons(&author, &self.key(), &ids, None).await.unwrap();
            }
            Act::Record(who, n, status) => {
                let Some(lesson) = self.lesson(n).await else { return };
                let recorded = lyceum.record_lesson(&self.learners[who].actor(), lesson, status).await;
                if let Ok(recorded) = recorded {
                    self.done[who].insert(lesson, status);
                    assert!(recorded.course.percent().get() <= 100);
                } else {
                    assert_eq!(code(recorded), "not_found", "only what is not written cannot be learnt");
                }
            }
            Act::Enrol(who) => drop(lyceum.enrol(&self.learners[who].actor(), &self.key()).await.unwrap()),
            Act::Leave(who) => lyceum.leave(&self.learners[who].actor(), &self.key()).await.unwrap(),
            Act::Recount => drop(lyceum.recount_progress(&Actor::System).await.unwrap()),
            Act::Collide => self.house.store.conflict_at_next_commits(1),
        }
    }

    async fn holds(&self) {
        let read = self.house.store.read();
        let outline = read.outline(self.course.id).await.unwrap().0;
        let places: Vec<_> = outline.iter().map(|lesson| lesson.position).collect();
        assert_eq!(places, (0..u32::try_from(outline.len()).unwrap()).collect::<Vec<_>>());
        let slugs: BTreeSet<_> = outline.iter().map(|lesson| lesson.slug.as_str()).collect();
        assert_eq!(slugs.len(), outline.len());
        let counting: BTreeSet<_> = outline.iter().filter(|l| !l.is_draft).map(|lesson| lesson.id).collect();
        let total = u32::try_from(counting.len()).unwrap();
        for (learner, done) in self.learners.iter().zip(&self.done) {
            let detail = self.house.detail(learner, &self.course).await;
            assert_eq!((detail.course.lesson_count, detail.lessons.len()), (total, counting.len()));
            for view in &detail.lessons {
                assert_eq!(view.status, done.get(&view.lesson).copied().unwrap_or_default());
            }
            let Some(stand) = detail.stand else { continue };
            let completed = counting.iter().filter(|id| done.get(id) == Some(&Completed)).count();
            assert_eq!(usize::try_from(stand.completed_lessons).unwrap(), completed);
            let percent = stand.percent().get();
            assert!(percent <= 100);
            assert_eq!(percent == 100, total > 0 && completed == counting.len());
            let listed = self.house.lyceum.progress(&learner.actor(), PageRequest::default()).await.unwrap();
            for view in listed.items {
                assert_eq!((view.completed_lessons, view.percent().get()), (stand.completed_lessons, percent));
            }
        }
        assert_eq!(self.house.rebuild(true).await.1, []);
    }

    /// Only where all was arranged by hand: a book brings its own numbers.
    async fn numbers_are_unique(&self) {
        let outline = self.house.store.read().outline(self.course.id).await.unwrap().0;
        let ids: Vec<_> = outline.iter().map(|lesson| lesson.id).collect();
        self.house.lyceum.order_lessons(&self.author.actor(), &self.key(), &ids, None).await.unwrap();
        let outline = self.house.store.read().outline(self.course.id).await.unwrap().0;
        let numbers: Vec<_> = outline.iter().filter_map(|lesson| lesson.number.as_ref()).collect();
        let distinct: BTreeSet<_> = numbers.iter().map(|number| number.as_str()).collect();
        assert_eq!(distinct.len(), numbers.len(), "{numbers:?}");
    }
}

async fn the_rows_are_what_follows(acts: Vec<Act>) {
    let mut story = Story::begin().await;
    for act in acts {
        let is_by_hand = matches!(act, Act::Add { .. } | Act::Remove(_) | Act::Restore(_) | Act::Reverse(_));
        story.happens(act).await;
        story.holds().await;
        if is_by_hand {
            story.numbers_are_unique().await;
        }
    }
    let everybody = story.house.rebuild(false).await.0;
    assert_eq!(everybody.differences, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_rows_are_what_follows_from_it(acts in proptest::collection::vec(act(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(the_rows_are_what_follows(acts));
    }
}
