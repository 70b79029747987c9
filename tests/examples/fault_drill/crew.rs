//! People who work as long as a drill lasts, and remember what they were told was done.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use lyceum_e2e::{answer::Answer, house::House, person::Person, server::Server};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use crate::tally::Tally;

/// How long somebody rests between two requests, and after one that did not succeed. Nobody waits as long as the server
/// asks for: when it is back is what is measured.
const REST: Duration = Duration::from_millis(25);
const REST_AFTER_REFUSAL: Duration = Duration::from_millis(100);
/// How many lessons the course has.
const LESSONS: usize = 30;

/// The last value that was acknowledged, and those that were sent later without an answer: each may have come through.
#[derive(Debug, Clone)]
struct Known<T> {
    acknowledged: Option<T>,
    open: Vec<T>,
}

impl<T: PartialEq> Known<T> {
    const fn nothing() -> Self {
        Self { acknowledged: None, open: Vec::new() }
    }

    fn acknowledge(&mut self, value: T) {
        *self = Self { acknowledged: Some(value), open: Vec::new() };
    }

    /// Whether this may be found; `unset` is what there is before anything was sent.
    fn allows(&self, found: &T, unset: &T) -> bool {
        self.open.contains(found) || self.acknowledged.as_ref().unwrap_or(unset) == found
    }
}

/// A request that is sent under one key until it is answered.
#[derive(Debug, Clone)]
struct Named {
    is_question: bool,
    key: String,
    /// The question, or the document's name and content.
    text: String,
}

/// Somebody who works, and what they know.
#[derive(Debug, Clone)]
struct Hand {
    person: Person,
    lessons: Vec<String>,
    statuses: BTreeMap<String, Known<&'static str>>,
    /// A subject whose description is changed again and again.
    subject: String,
    description: Known<String>,
    /// Subjects that were made, by id.
    subjects: BTreeMap<String, String>,
    /// Documents that were stored, by id.
    documents: BTreeMap<String, String>,
    /// Answers of the mentor.
    answers: BTreeSet<String>,
    pending: Option<Named>,
    count: usize,
}

/// All who work.
pub struct Crew {
    hands: Vec<Hand>,
    /// What they asked and got.
    pub tally: Arc<Tally>,
}

/// A crew at work.
pub struct Working {
    hands: JoinSet<Hand>,
    tally: Arc<Tally>,
    is_over: Arc<AtomicBool>,
}

impl Crew {
    /// Registers so many people, each with a subject; the course is there.
    pub async fn hire(house: &House, server: &Server, count: usize) -> Self {
        house.import_long_book(LESSONS);
        let course = server.get("/api/v1/courses/long-lines").await.is(200);
        let outline = course["outline"].as_array().expect("an outline");
        let lessons: Vec<_> = outline.iter().map(|lesson| lesson["id"].as_str().expect("an id").to_owned()).collect();
        let mut hands = Vec::new();
        for number in 0..count {
            let person = server.register_and_sign_in(&format!("hand{number}")).await;
            let subject = person.post("/subjects", &json!({"title": "Log"})).await.is(201).text_at("/id");
            hands.push(Hand {
                person,
                lessons: lessons.clone(),
                statuses: BTreeMap::new(),
                subject,
                description: Known::nothing(),
                subjects: BTreeMap::new(),
                documents: BTreeMap::new(),
                answers: BTreeSet::new(),
                pending: None,
                count: number,
            });
        }
        Self { hands, tally: Arc::default() }
    }

    /// All go to work.
    pub fn work(self) -> Working {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut hands = JoinSet::new();
        for hand in self.hands {
            let (tally, is_over) = (Arc::clone(&self.tally), Arc::clone(&is_over));
            hands.spawn(async move { hand.work(&tally, &is_over).await });
        }
        Working { hands, tally: self.tally, is_over }
    }

    /// How many writes were acknowledged of which something must be there.
    pub fn acknowledged(&self) -> usize {
        let of = |hand: &Hand| {
            hand.statuses.values().filter(|known| known.acknowledged.is_some()).count()
                + hand.subjects.len()
                + hand.documents.len()
                + hand.answers.len()
        };
        self.hands.iter().map(of).sum()
    }

    /// Looks for everything that was acknowledged. What was lost, or done twice.
    pub async fn missing(&self) -> Vec<String> {
        let mut looking = JoinSet::new();
        let mut missing = Vec::new();
        for hand in &self.hands {
            let hand = hand.clone();
            looking.spawn(async move { hand.missing().await });
        }
        while let Some(found) = looking.join_next().await {
            missing.extend(found.expect("somebody who looks"));
        }
        missing
    }
}

impl Working {
    /// What they asked and got so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Lets everybody finish what they are at.
    pub async fn stop(self) -> Crew {
        self.is_over.store(true, Ordering::Relaxed);
        Crew { hands: self.hands.join_all().await, tally: self.tally }
    }
}

impl Hand {
    async fn work(mut self, tally: &Tally, is_over: &AtomicBool) -> Self {
        while !is_over.load(Ordering::Relaxed) {
            let is_done = self.step(tally).await;
            sleep(if is_done { REST } else { REST_AFTER_REFUSAL }).await;
        }
        self
    }

    /// Asks for one thing; whether it was done.
    async fn step(&mut self, tally: &Tally) -> bool {
        self.count += 1;
        let count = self.count;
        if let Some(named) = self.pending.clone() {
            return self.send_named(tally, named).await;
        }
        match count % 10 {
            0 | 4 | 7 => self.record_progress(tally, count).await,
            1 => self.describe(tally, count).await,
            2 => self.upload(tally, count).await,
            3 => self.ask(tally, count).await,
            5 => ask(tally, "GET /progress", self.person.request(Method::GET, "/progress")).await.is_some(),
            6 => {
                let request = self.person.request(Method::GET, "/courses/long-lines/progress");
                ask(tally, "GET /courses/…/progress", request).await.is_some()
            }
            8 if count % 60 == 8 => self.sign_in(tally).await,
            8 => self.read_back(tally).await,
            _ => self.make_subject(tally, count).await,
        }
    }

    async fn record_progress(&mut self, tally: &Tally, count: usize) -> bool {
        let lesson = self.lessons[count * 7 % self.lessons.len()].clone();
        let status = ["in_progress", "completed", "not_started"][count % 3];
        let path = format!("/lessons/{lesson}/progress");
        let known = self.statuses.entry(lesson).or_insert(Known::nothing());
        known.open.push(status);
        let request = self.person.request(Method::PUT, &path).json(&json!({"status": status}));
        let answer = ask(tally, "PUT /lessons/…/progress", request).await;
        if answer.is_some() {
            known.acknowledge(status);
        }
        answer.is_some()
    }

    async fn describe(&mut self, tally: &Tally, count: usize) -> bool {
        let text = format!("Entry {count}.");
        self.description.open.push(text.clone());
        let path = format!("/subjects/{}", self.subject);
        let request = self.person.request(Method::PATCH, &path).json(&json!({"description": text}));
        let answer = ask(tally, "PATCH /subjects/…", request).await;
        if answer.is_some() {
            self.description.acknowledge(text);
        }
        answer.is_some()
    }

    async fn make_subject(&mut self, tally: &Tally, count: usize) -> bool {
        let title = format!("Subject {count}");
        let request = self.person.request(Method::POST, "/subjects").json(&json!({"title": title}));
        let answer = ask(tally, "POST /subjects", request).await;
        if let Some(answer) = &answer {
            self.subjects.insert(answer.text_at("/id"), title);
        }
        answer.is_some()
    }

    async fn upload(&mut self, tally: &Tally, count: usize) -> bool {
        let text = format!("page {count} of {}.txt", self.person.name);
        self.send_named(tally, Named { is_question: false, key: format!("upload-{count}"), text }).await
    }

    async fn ask(&mut self, tally: &Tally, count: usize) -> bool {
        let text = format!("Question {count} of {}: how deep is the water?", self.person.name);
        self.send_named(tally, Named { is_question: true, key: format!("question-{count}"), text }).await
    }

    /// Sends a request with a name, which may have been sent before.
    async fn send_named(&mut self, tally: &Tally, named: Named) -> bool {
        let (asked, request) = if named.is_question {
            ("POST /ai/chat", self.person.asking(&json!({"prompt": named.text})))
        } else {
            let path = format!("/subjects/{}/documents", self.subject);
            let content = named.text.as_bytes();
            let request = self.person.uploading(Method::POST, &path, &named.text, "text/plain", content);
            ("POST /subjects/…/documents", request)
        };
        self.pending = Some(named.clone());
        let Some(answer) = ask(tally, asked, request.header("Idempotency-Key", &named.key)).await else {
            return false;
        };
        self.pending = None;
        if named.is_question {
            self.answers.insert(answer.text_at("/message_id"));
        } else {
            self.documents.insert(answer.text_at("/id"), named.text);
        }
        true
    }

    /// Signs in again, and goes on with the new token.
    async fn sign_in(&mut self, tally: &Tally) -> bool {
        let form =
            [("grant_type", "password"), ("username", &*self.person.email), ("password", &*self.person.password)];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.person.request_at(Method::POST, "/api/v1/auth/token").body(body);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = ask(tally, "POST /auth/token", request).await;
        if let Some(answer) = &answer {
            self.person.access = answer.text_at("/access_token");
        }
        answer.is_some()
    }

    /// Reads a document that was stored.
    async fn read_back(&mut self, tally: &Tally) -> bool {
        let Some((id, text)) = self.documents.iter().nth(self.count % self.documents.len().max(1)) else { return true };
        let request = self.person.request(Method::GET, &format!("/documents/{id}/content"));
        let answer = ask(tally, "GET /documents/…/content", request).await;
        if let Some(answer) = &answer {
            assert_eq!(&answer.text, text, "another content came back than was stored");
        }
        answer.is_some()
    }

    async fn missing(self) -> Vec<String> {
        let mut missing = Vec::new();
        let name = &self.person.name;
        if !self.statuses.is_empty() {
            let progress = self.person.get("/courses/long-lines/progress").await.is(200);
            for lesson in progress["lessons"].as_array().expect("lessons") {
                let found = lesson["status"].as_str().expect("a status");
                let known = self.statuses.get(lesson["lesson_id"].as_str().expect("an id"));
                if let Some(known) = known.filter(|known| !known.allows(&found, &"not_started")) {
                    missing.push(format!("{name}: a lesson is {found}, but was {known:?}"));
                }
            }
            let completed = progress["lessons"].as_array().expect("lessons");
            let completed = completed.iter().filter(|lesson| lesson["status"] == "completed").count();
            if progress["completed_lessons"] != completed {
                missing.push(format!("{name}: {completed} lessons are completed, but {} counted", progress.text));
            }
        }
        let subject = self.person.get(&format!("/subjects/{}", self.subject)).await.is(200);
        if !self.description.allows(&subject.text_at("/description"), &String::new()) {
            missing.push(format!("{name}: the log says {}, but was {:?}", subject["description"], self.description));
        }
        let found = self.all("/subjects").await;
        for (id, title) in &self.subjects {
            if !found.iter().any(|subject| subject["id"] == **id && subject["title"] == **title) {
                missing.push(format!("{name}: subject {title} is gone"));
            }
        }
        let found = self.all(&format!("/subjects/{}/documents", self.subject)).await;
        for (id, text) in &self.documents {
            let same = found.iter().filter(|document| document["name"] == **text).count();
            if same != 1 {
                missing.push(format!("{name}: document {text:?} is there {same} times"));
            }
            let content = self.person.get(&format!("/documents/{id}/content")).await;
            if content.status != 200 || content.text != *text {
                missing.push(format!("{name}: document {text:?} has no content ({})", content.status));
            }
        }
        for id in &self.answers {
            let message = self.person.get(&format!("/ai/messages/{id}")).await;
            if message.status != 200 || message["status"] != "complete" {
                missing.push(format!("{name}: answer {id} is {} {}", message.status, message["status"]));
            }
        }
        missing
    }

    /// All items of a list.
    async fn all(&self, path: &str) -> Vec<serde_json::Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.person.get(&format!("{path}?limit=100{cursor}")).await.is(200);
            items.extend(page.items().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

/// Sends a request and notes how it ended; the answer, if what was asked was done.
async fn ask(tally: &Tally, asked: &'static str, request: RequestBuilder) -> Option<Answer> {
    let began = Instant::now();
    let answer = Answer::of_checked(request).await;
    tally.note(asked, began, &answer);
    answer.ok().filter(|answer| (200..300).contains(&answer.status))
}
