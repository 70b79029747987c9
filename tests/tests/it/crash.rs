//! A server that is killed forgets nothing that it has answered.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use lyceum_e2e::{
    answer::Answer, database::Database, house::House, on_both_databases, person::Person, wait::eventually,
};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

on_both_databases!(what_was_answered_survives_a_crash);

const ROUNDS: usize = 3;
const LEARNERS: usize = 4;
/// Each of a learner's hands works on lessons of its own.
const HANDS: usize = 2;
const LESSONS: usize = 40;
/// In a round, if nothing came between: about a thousand are answered in all.
const UPDATES: usize = 600;

/// What is known about a lesson of a learner: the last status that was answered, and one that was asked for but not
/// answered.
#[derive(Debug, Clone, Default)]
struct Known {
    answered: Option<&'static str>,
    open: Option<&'static str>,
}

/// By learner and lesson.
type Ledger = BTreeMap<(usize, String), Known>;

async fn what_was_answered_survives_a_crash(database: Database) {
    let house = House::new(database);
    house.import_long_book(LESSONS);
    let mut server = house.start().await;
    let mut people = Vec::new();
    for number in 0..LEARNERS {
        people.push(server.register_and_sign_in(&format!("learner{number}")).await);
    }
    let course = server.get("/api/v1/courses/long-lines").await.is(200);
    let lessons: Vec<String> =
        course["outline"].as_array().unwrap().iter().map(|lesson| lesson["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(lessons.len(), LESSONS);

    let mut ledger = Ledger::new();
    for round in 0..ROUNDS {
        let count = Arc::new(AtomicUsize::new(0));
        let mut hands = JoinSet::new();
        for (learner, person) in people.iter().enumerate() {
            for hand in 0..HANDS {
                let mine: Vec<_> = lessons.iter().skip(hand).step_by(HANDS).cloned().collect();
                let work = Work { learner, person: person.clone(), lessons: mine, count: Arc::clone(&count) };
                hands.spawn(work.until_the_end(UPDATES));
            }
        }
        let moment = UPDATES / 3 + random(UPDATES / 2);
        eventually("the moment", async || (count.load(Ordering::Relaxed) >= moment).then_some(())).await;
        server.kill();
        for worked in hands.join_all().await {
            for (key, news) in worked {
                let known = ledger.entry(key).or_default();
                known.answered = news.answered.or(known.answered);
                known.open = news.open;
            }
        }
        let answered = count.load(Ordering::Relaxed);
        eprintln!("round {round}: killed at update {moment}, {answered} were answered");

        server = house.start().await;
        people = people.into_iter().map(|person| person.at(&server)).collect();
        check(&people, &mut ledger).await;
    }
}

struct Work {
    learner: usize,
    person: Person,
    lessons: Vec<String>,
    count: Arc<AtomicUsize>,
}

impl Work {
    /// Records one lesson after the other, until the server is gone or there were enough.
    async fn until_the_end(self, enough: usize) -> Ledger {
        let mut ledger = Ledger::new();
        for lesson in self.lessons.iter().cycle() {
            if self.count.load(Ordering::Relaxed) >= enough {
                break;
            }
            let status = ["completed", "in_progress", "completed", "not_started"][random(4)];
            let known = ledger.entry((self.learner, lesson.clone())).or_default();
            known.open = Some(status);
            let path = format!("/lessons/{lesson}/progress");
            let asking = self.person.request(Method::PUT, &path).json(&json!({"status": status}));
            let Ok(answer) = Answer::of_checked(asking).await else { break };
            answer.is(200);
            *known = Known { answered: Some(status), open: None };
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        ledger
    }
}

/// Everything that was answered is there, and the percentage says the same as the lessons. What was not answered may
/// be there or not; from now on it is known.
async fn check(people: &[Person], ledger: &mut Ledger) {
    for (learner, person) in people.iter().enumerate() {
        let progress = person.get("/courses/long-lines/progress").await.is(200);
        let lessons = progress["lessons"].as_array().unwrap();
        for lesson in lessons {
            let id = lesson["lesson_id"].as_str().unwrap().to_owned();
            let Some(known) = ledger.get_mut(&(learner, id)) else { continue };
            let found = lesson["status"].as_str().unwrap();
            let expected = [Some(known.answered.unwrap_or("not_started")), known.open];
            let is_one = expected.into_iter().flatten().find(|status| *status == found);
            assert!(is_one.is_some(), "learner {learner}: {lesson} is none of {expected:?}");
            *known = Known { answered: is_one, open: None };
        }
        let completed = lessons.iter().filter(|lesson| lesson["status"] == "completed").count();
        assert_eq!(progress["completed_lessons"], completed, "learner {learner}");
        assert_eq!(progress["completion_percent"], completed * 100 / LESSONS, "learner {learner}");
        let list = person.get("/progress").await.is(200);
        // Whose first update was cut off is in no course.
        let listed = list.items().first().map_or(json!(0), |stand| stand["completed_lessons"].clone());
        assert_eq!(listed, completed, "learner {learner}: the list says otherwise");
    }
}

/// Below `limit`.
fn random(limit: usize) -> usize {
    let bits = RandomState::new().hash_one(0);
    usize::try_from(bits % limit as u64).unwrap()
}
