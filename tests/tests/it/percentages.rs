//! Percentages that are right whatever happens, over the wire: the law of the domain, tried on real databases.

use std::collections::BTreeMap;

use lyceum_e2e::{database::Database, house::House, on_both_databases, person::Person};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

on_both_databases!(every_percentage_is_right_after_any_sequence, two_hundred_updates_at_once_lose_none);

#[derive(Debug, Clone)]
enum Act {
    Add { is_draft: bool },
    Remove(usize),
    Restore(usize),
    Reorder(usize),
    Draft(usize, bool),
    Record(usize, usize, &'static str),
    Leave(usize),
    Enrol(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let status = prop_oneof![Just("completed"), Just("completed"), Just("in_progress"), Just("not_started")];
    prop_oneof![
        2 => any::<bool>().prop_map(|often| Act::Add { is_draft: !often }),
        2 => (0_usize..16).prop_map(Act::Remove),
        2 => (0_usize..16).prop_map(Act::Restore),
        1 => (0_usize..16).prop_map(Act::Reorder),
        1 => (0_usize..16, any::<bool>()).prop_map(|(lesson, is_draft)| Act::Draft(lesson, is_draft)),
        8 => (0_usize..LEARNERS, 0_usize..16, status).prop_map(|(who, lesson, to)| Act::Record(who, lesson, to)),
        1 => (0_usize..LEARNERS).prop_map(Act::Leave),
        1 => (0_usize..LEARNERS).prop_map(Act::Enrol),
    ]
}

const LEARNERS: usize = 2;
const SEQUENCES: usize = 8;

/// What is expected: each lesson in order, with whether it is written and whether it is there, and what each learner did.
#[derive(Default)]
struct Model {
    live: Vec<String>,
    removed: Vec<String>,
    drafts: BTreeMap<String, bool>,
    statuses: BTreeMap<(usize, String), &'static str>,
}

impl Model {
    fn counting(&self) -> Vec<&String> {
        self.live.iter().filter(|lesson| !self.drafts[*lesson]).collect()
    }

    fn completed(&self, who: usize) -> usize {
        let is_done = |lesson: &&&String| self.statuses.get(&(who, (**lesson).clone())) == Some(&"completed");
        self.counting().iter().filter(is_done).count()
    }

    fn pick(lessons: &[String], n: usize) -> Option<String> {
        (!lessons.is_empty()).then(|| lessons[n % lessons.len()].clone())
    }
}

async fn every_percentage_is_right_after_any_sequence(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let mentor = server.let_in(&house, "mentor", "mentor").await;
    let learners = [server.let_in(&house, "one", "learner").await, server.let_in(&house, "two", "learner").await];
    let mut runner = TestRunner::new(Config::default());
    for n in 0..SEQUENCES {
        let acts = proptest::collection::vec(act(), 10..40).new_tree(&mut runner).expect("a sequence").current();
        let course = mentor.post("/courses", &json!({"title": format!("Sequence {n}")})).await.is(201);
        let (id, slug) = (course.text_at("/id"), course.text_at("/slug"));
        mentor.post_empty(&format!("/courses/{id}/publish")).await.is(200);
        let mut model = Model::default();
        for (step, act) in acts.iter().enumerate() {
            carry_out(act, &mut model, &mentor, &learners, &id).await;
            for (who, learner) in learners.iter().enumerate() {
                let seen = learner.get(&format!("/courses/{slug}/progress")).await.is(200);
                let case = format!("sequence {n}, step {step} of {acts:?}, learner {who}: {}", seen.text);
                check(&model, who, &seen.body, &case);
            }
        }
    }
    let checked = house.run(&["progress", "rebuild", "--check"]);
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
}

fn check(model: &Model, who: usize, seen: &Value, case: &str) {
    let (completed, total) = (model.completed(who), model.counting().len());
    let expected = (completed * 100).checked_div(total).unwrap_or(0);
    assert_eq!(seen["total_lessons"], total, "{case}");
    assert_eq!(seen["completed_lessons"], completed, "{case}");
    assert_eq!(seen["completion_percent"], expected, "{case}");
    assert!(expected <= 100 && (expected == 100) == (total > 0 && completed == total), "{case}");
    let lessons: Vec<_> =
        seen["lessons"].as_array().unwrap().iter().map(|l| l["lesson_id"].as_str().unwrap()).collect();
    assert_eq!(lessons, model.counting(), "{case}");
}

async fn carry_out(act: &Act, model: &mut Model, mentor: &Person, learners: &[Person], course: &str) {
    match act {
        Act::Add { is_draft } => {
            let body = json!({"title": "Lesson", "content": "A line.", "is_draft": is_draft});
            let lesson = mentor.post(&format!("/courses/{course}/lessons"), &body).await.is(201).text_at("/id");
            model.drafts.insert(lesson.clone(), *is_draft);
            model.live.push(lesson);
        }
        Act::Remove(n) => {
            let Some(lesson) = Model::pick(&model.live, *n) else { return };
            mentor.delete(&format!("/lessons/{lesson}")).await.is(204);
            model.live.retain(|other| *other != lesson);
            model.removed.push(lesson);
        }
        Act::Restore(n) => {
            let Some(lesson) = Model::pick(&model.removed, *n) else { return };
            mentor.post_empty(&format!("/lessons/{lesson}/restore")).await.is(200);
            model.removed.retain(|other| *other != lesson);
            // Where it comes back to is the server's choice.
            let shown = mentor.get(&format!("/courses/{course}")).await.is(200);
            let outline = shown["outline"].as_array().unwrap().iter();
            model.live = outline.map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
        }
        Act::Reorder(n) => {
            if model.live.is_empty() {
                return;
            }
            let by = n % model.live.len();
            model.live.rotate_left(by);
            let order = json!({"lesson_ids": model.live});
            mentor.put(&format!("/courses/{course}/lessons/order"), &order).await.is(200);
        }
        Act::Draft(n, is_draft) => {
            let Some(lesson) = Model::pick(&model.live, *n) else { return };
            mentor.patch(&format!("/lessons/{lesson}"), &json!({"is_draft": is_draft})).await.is(200);
            model.drafts.insert(lesson, *is_draft);
        }
        Act::Record(who, n, to) => {
            let written: Vec<String> = model.counting().into_iter().cloned().collect();
            let Some(lesson) = Model::pick(&written, *n) else { return };
            learners[*who].put(&format!("/lessons/{lesson}/progress"), &json!({"status": to})).await.is(200);
            model.statuses.insert((*who, lesson), to);
        }
        Act::Leave(who) => drop(learners[*who].delete(&format!("/courses/{course}/enrollment")).await.is(204)),
        Act::Enrol(who) => drop(learners[*who].post_empty(&format!("/courses/{course}/enrollment")).await.is(201)),
    }
}

const UPDATES: usize = 200;

async fn two_hundred_updates_at_once_lose_none(database: Database) {
    let house = House::new(database);
    house.import_long_book(UPDATES);
    let server = house.start().await;
    let learner = server.let_in(&house, "hasty", "learner").await;
    let course = server.get("/api/v1/courses/long-lines").await.is(200);
    let mut updates = JoinSet::new();
    for lesson in course["outline"].as_array().unwrap() {
        let (learner, path) = (learner.clone(), format!("/lessons/{}/progress", lesson["id"].as_str().unwrap()));
        updates.spawn(async move {
            // Whoever is told that others were quicker asks again.
            loop {
                let answer = learner.put(&path, &json!({"status": "completed"})).await;
                if answer.status == 200 {
                    return;
                }
                assert!([409, 503].contains(&answer.status), "{}", answer.text);
            }
        });
    }
    updates.join_all().await;
    let seen = learner.get("/courses/long-lines/progress").await.is(200);
    assert_eq!((&seen["completed_lessons"], &seen["completion_percent"]), (&json!(UPDATES), &json!(100)));
    let checked = house.run(&["progress", "rebuild", "--check"]);
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
}
