//! Two servers over one PostgreSQL (and one Redis, if there is a `redis-server`), of which one is killed every few seconds,
//! in turn, and started again after a moment; and people whose clients try again, as good clients do. They notice nothing
//! but that: nothing that was acknowledged is lost, nothing is done twice, each answer is whole in the end, sessions,
//! revocations, quotas and limits hold.
//!
//! `cargo run -p lyceum-e2e --example two_instances -- [--seconds 120] [--every 4] [--people 10]`; `LYCEUM_BIN` names another
//! binary. PostgreSQL is the server at `TEST_DATABASE_URL`. Prints counts; the exit code is 1 if anything was violated.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::panic, reason = "a program that prints numbers")]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use lyceum_e2e::{
    database::Database,
    form::Form,
    house::House,
    persistent::{Addresses, Persistent},
    redis::Redis,
    server::Server,
    tally::{Tally, random},
    upstream::Upstream,
    wait::{eventually, within},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

const ANSWER: &str = "A bowline makes a fixed loop at the end of a line. Pass the end through the small loop, around the \
                      standing part and back. It does not slip, and it can be untied after it was loaded.";
const PACE: Duration = Duration::from_millis(40);
/// How long a killed server stays away.
const AWAY: Duration = Duration::from_millis(300);
/// What the plan of those who are frugal allows in a day.
const ALLOWED: usize = 15;
const FRUGAL: usize = 2;
/// How often somebody may ask the mentor in a minute, where there is a Redis.
const LIMIT: usize = 40;

/// What one of them knows to be so.
#[derive(Debug, Default)]
struct Known {
    /// The last status of the lesson that is theirs alone.
    status: &'static str,
    /// Documents by name.
    documents: BTreeMap<String, String>,
    /// Answers that they read to the end.
    answers: BTreeSet<String>,
    /// Those who registered, whose mails have to come.
    registered: Vec<String>,
    /// Keys under which something was asked of the mentor.
    asked: usize,
}

struct Someone {
    client: Persistent,
    lesson: String,
    subject: String,
    known: Known,
    tally: Arc<Tally>,
    addresses: Arc<Addresses>,
}

impl Someone {
    fn name(&self) -> String {
        self.client.person.name.clone()
    }

    async fn until(mut self, is_over: Arc<AtomicBool>) -> Self {
        self.known.status = "not_started";
        while !is_over.load(Ordering::SeqCst) {
            let began = Instant::now();
            let (what, outcome) = match random(20) {
                0 => ("chat", self.chats().await),
                1 | 2 => ("stream", self.streams().await),
                3..6 => ("document", self.keeps_a_document().await),
                6 => ("refresh", self.client.refresh().await),
                7 => ("revocation", self.signs_in_and_out().await),
                8 => ("registration", self.brings_somebody().await),
                9..13 => ("write", self.writes().await),
                _ => ("read", self.reads().await),
            };
            match outcome {
                Ok(()) => self.tally.done(what, began),
                Err(how) => self.tally.failed(what, format!("{}: {how}", self.name())),
            }
            sleep(Duration::from_millis(20)).await;
        }
        self
    }

    /// A name for a request that nobody else has.
    fn key(&self, what: &str) -> String {
        format!("{what}-{}-{:016x}", self.name(), random(usize::MAX))
    }

    async fn writes(&mut self) -> Result<(), String> {
        let status = ["completed", "in_progress", "not_started"][random(3)];
        let (path, body) = (format!("/lessons/{}/progress", self.lesson), json!({"status": status}));
        self.client.send_json("write", Method::PUT, &path, Some(&body), None, 200).await?;
        self.known.status = status;
        Ok(())
    }

    async fn reads(&mut self) -> Result<(), String> {
        let path = "/courses/long-lines/progress";
        let progress = self.client.send_json("read", Method::GET, path, None, None, 200).await?;
        let lessons = progress["lessons"].as_array().ok_or("no lessons")?;
        let mine = lessons.iter().find(|lesson| lesson["lesson_id"] == *self.lesson).ok_or("another course")?;
        if mine["status"] == self.known.status {
            Ok(())
        } else {
            Err(format!("{} is lost, there is {}", self.known.status, mine["status"]))
        }
    }

    async fn chats(&mut self) -> Result<(), String> {
        let (key, body) = (self.key("chat"), json!({"prompt": "What is a bowline for?"}));
        self.known.asked += 1;
        let answer = self.client.send_json("chat", Method::POST, "/ai/chat", Some(&body), Some(&key), 200).await?;
        if answer["response"] != ANSWER {
            return Err(format!("half an answer: {}", answer.text));
        }
        // Asked again it is the same answer, and no other.
        let again = self.client.send_json("chat", Method::POST, "/ai/chat", Some(&body), Some(&key), 200).await?;
        if again["message_id"] != answer["message_id"] {
            return Err("answered twice".to_owned());
        }
        self.answered(answer["message_id"].as_str().ok_or("no message")?)
    }

    fn answered(&mut self, answer: &str) -> Result<(), String> {
        if self.known.answers.insert(answer.to_owned()) {
            Ok(())
        } else {
            Err("one answer to two questions".to_owned())
        }
    }

    async fn streams(&mut self) -> Result<(), String> {
        let key = self.key("stream");
        self.known.asked += 1;
        let (text, answer) = self.client.ask_for_all("What is a bowline for?", &key).await?;
        if text != ANSWER {
            return Err(format!("not what was said: {text:?}"));
        }
        self.answered(&answer)
    }

    async fn keeps_a_document(&mut self) -> Result<(), String> {
        let name = format!("{}.md", self.key("document"));
        let content = "The moon pulls, the water follows.\n".repeat(1 + random(500));
        let path = format!("/subjects/{}/documents", self.subject);
        let form = || Form::of_file(&name, content.as_bytes());
        let finish = |request: reqwest::RequestBuilder| form().on(request).header("Idempotency-Key", &name);
        let kept = self.client.send("document", Method::POST, &path, finish).await?;
        if kept.status != 201 {
            return Err(format!("{}: {}", kept.status, kept.text));
        }
        let id = kept["id"].as_str().ok_or("no id")?.to_owned();
        let path = format!("/documents/{id}/content");
        let read = self.client.send_json("document", Method::GET, &path, None, None, 200).await?;
        self.known.documents.insert(name, id);
        if read.text == content { Ok(()) } else { Err("another content".to_owned()) }
    }

    /// A session that was ended is over at every server.
    async fn signs_in_and_out(&mut self) -> Result<(), String> {
        let person = self.client.person.clone();
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("grant_type", "password"), ("username", &*person.email), ("password", &*person.password)])
            .finish();
        let finish = |request: reqwest::RequestBuilder| {
            request.header("content-type", "application/x-www-form-urlencoded").body(body.clone())
        };
        let answer = self.client.send("sign-in", Method::POST, "/auth/token", finish).await?;
        let access = answer["access_token"].as_str().ok_or(format!("{}: {}", answer.status, answer.text))?;
        let mut other = self.client.clone();
        other.person = person.showing(access);
        let left = other.send("sign-out", Method::POST, "/auth/logout", |request| request).await?;
        // Who asks again after the connection broke may hear that they have left already.
        if ![204, 401].contains(&left.status) {
            return Err(format!("{}: {}", left.status, left.text));
        }
        for _ in self.addresses.all() {
            let seen = other.send("sign-out", Method::GET, "/users/me", |request| request).await?;
            if seen.status != 401 {
                return Err(format!("the session is not over: {}", seen.status));
            }
        }
        Ok(())
    }

    async fn brings_somebody(&mut self) -> Result<(), String> {
        let name = format!("friend{:012x}", random(1 << 48));
        let email = format!("{name}@learners.example");
        let body = json!({"email": email, "username": name, "password": "bowline-7-Turns"});
        self.client.send_json("registration", Method::POST, "/auth/register", Some(&body), None, 202).await?;
        self.known.registered.push(email);
        Ok(())
    }

    /// What there is in the end is what they know, and each thing once.
    async fn checks(&mut self, server: &Server) -> Result<(), String> {
        self.reads().await?;
        let names = self.all(&format!("/subjects/{}/documents?limit=100", self.subject), "name").await?;
        same("documents", names, self.known.documents.keys())?;
        for answer in self.known.answers.clone() {
            let path = format!("/ai/messages/{answer}");
            let message = self.client.send_json("check", Method::GET, &path, None, None, 200).await?;
            if (&message["status"], &message["content"]) != (&json!("complete"), &json!(ANSWER)) {
                return Err(format!("an answer that was read is not kept: {}", message.text));
            }
        }
        let conversations = self.all("/ai/conversations?limit=100", "id").await?;
        for email in &self.known.registered {
            eventually("a mail to each who registered", async || (!server.mails(email).is_empty()).then_some(())).await;
        }
        println!(
            "{}: {} documents, {} answers to {} questions, {} conversations, {} friends",
            self.name(),
            self.known.documents.len(),
            self.known.answers.len(),
            self.known.asked,
            conversations.len(),
            self.known.registered.len()
        );
        Ok(())
    }

    /// A member of all items of all pages.
    async fn all(&mut self, path: &str, member: &str) -> Result<Vec<String>, String> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = if cursor.is_empty() { path.to_owned() } else { format!("{path}&cursor={cursor}") };
            let page = self.client.send_json("check", Method::GET, &path, None, None, 200).await?;
            let items = page["items"].as_array().ok_or("no page")?;
            all.extend(items.iter().filter_map(|item| item[member].as_str().map(str::to_owned)));
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return Ok(all),
            }
        }
    }
}

/// Whether those that are there are those that are known, each once.
fn same<'a>(what: &str, there: Vec<String>, known: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let (count, there): (usize, BTreeSet<_>) = (there.len(), there.into_iter().collect());
    let known: BTreeSet<_> = known.cloned().collect();
    if count != there.len() {
        return Err(format!("{what}: {} twice", count - there.len()));
    }
    let (lost, more) = (known.difference(&there).count(), there.difference(&known).count());
    if lost + more > 0 { Err(format!("{what}: {lost} are lost, {more} nobody knows of")) } else { Ok(()) }
}

/// How often somebody got beyond a bound who asked all the time.
#[derive(Debug, Default, Clone, Copy)]
struct Allowed {
    /// Past the limit of requests in a minute.
    looked_at: usize,
    /// And past the quota: answered.
    answered: usize,
}

/// Asks again and again what the plan allows only so often.
async fn asks_beyond(mut client: Persistent, n: usize, is_over: Arc<AtomicBool>, tally: Arc<Tally>) -> Allowed {
    let (mut allowed, mut asked) = (Allowed::default(), 0);
    while !is_over.load(Ordering::SeqCst) {
        asked += 1;
        let body = json!({"prompt": format!("Frugal {n}: what is a hitch for?")});
        let key = format!("frugal-{n}-{asked}");
        let finish = |request: reqwest::RequestBuilder| request.json(&body).header("Idempotency-Key", &key);
        let began = Instant::now();
        match client.send("quota", Method::POST, "/ai/chat", finish).await {
            Ok(answer) if answer.status == 200 => {
                allowed.looked_at += 1;
                allowed.answered += 1;
                tally.done("quota", began);
            }
            Ok(answer) if answer["code"] == "quota_exceeded" => {
                allowed.looked_at += 1;
                tally.done("quota", began);
            }
            Ok(answer) if answer["code"] == "rate_limited" => {
                tally.done("limit", began);
                sleep(Duration::from_millis(200)).await;
            }
            Ok(answer) => tally.failed("quota", answer.text),
            Err(how) => tally.failed("quota", how),
        }
    }
    allowed
}

struct Options {
    seconds: u64,
    every: u64,
    people: usize,
}

fn options() -> Options {
    let mut options = Options { seconds: 120, every: 4, people: 10 };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_else(|| panic!("{name} needs a value"));
        match name.as_str() {
            "--seconds" => options.seconds = value.parse().expect("a number of seconds"),
            "--every" => options.every = value.parse().expect("a number of seconds"),
            "--people" => options.people = value.parse().expect("a number of people"),
            _ => panic!("{name} is not known; --seconds, --every, --people"),
        }
    }
    options
}

#[tokio::main]
async fn main() -> ExitCode {
    let Options { seconds, every, people } = options();
    let upstream = Upstream::start().await;
    upstream.from_now_on_says(ANSWER, PACE);
    let database = Database::postgres("two_instances").await.expect("TEST_DATABASE_URL");
    let redis = Redis::start("two_instances").await;
    let mut house = House::new(database)
        .with_mentor(&upstream)
        .with("LYCEUM__QUOTA__FREE__REQUESTS_PER_DAY", ALLOWED)
        .with("LYCEUM__QUOTA__PREMIUM__REQUESTS_PER_DAY", "none");
    if let Some(redis) = &redis {
        house = house
            .with("REDIS_URL", redis.url())
            .with("LYCEUM__RATE_LIMIT__ENABLED", true)
            .with("LYCEUM__RATE_LIMIT__CHAT__USER_PER_MINUTE", LIMIT);
        for class in ["AUTH", "CHAT", "UPLOADS", "WRITES", "READS"] {
            // All come from one network.
            house = house.with(&format!("LYCEUM__RATE_LIMIT__{class}__NETWORK_PER_MINUTE"), 1_000_000);
        }
    }
    house.import_long_book(people);
    let mut servers = [house.start().await, house.start().await];
    let addresses = Arc::new(Addresses::new(servers.iter().map(|server| server.url.clone()).collect()));
    let (tally, is_over) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));

    let course = servers[0].get("/api/v1/courses/long-lines").await.is(200);
    let admin = servers[0].let_in(&house, "overseer", "admin").await;
    let (mut living, mut frugal) = (JoinSet::new(), JoinSet::new());
    for n in 0..people + FRUGAL {
        let person = servers[n % 2].register_and_sign_in(&format!("learner{n}")).await;
        let me = person.get("/users/me").await.is(200).text_at("/id");
        let subject =
            person.post("/subjects", &json!({"title": "Tides", "color": "#0055AA"})).await.is(201).text_at("/id");
        let client = Persistent::new(person, Arc::clone(&addresses), Arc::clone(&tally), n);
        if n >= people {
            // From both servers at once.
            for turn in 0..2 {
                let mut client = client.clone();
                client.start_at(turn);
                client.is_patient = false;
                frugal.spawn(asks_beyond(client, n * 2 + turn, Arc::clone(&is_over), Arc::clone(&tally)));
            }
            continue;
        }
        admin.patch(&format!("/admin/users/{me}"), &json!({"plan": "premium"})).await.is(200);
        let lesson = course.text_at(&format!("/outline/{n}/id"));
        let (tally, addresses) = (Arc::clone(&tally), Arc::clone(&addresses));
        let someone = Someone { client, lesson, subject, known: Known::default(), tally, addresses };
        living.spawn(someone.until(Arc::clone(&is_over)));
    }

    let (began, mut kills) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        sleep(Duration::from_secs(every)).await;
        let place = kills % 2;
        let [first, second] = servers;
        let (killed, other) = if place == 0 { (first, second) } else { (second, first) };
        killed.kill();
        kills += 1;
        sleep(AWAY).await;
        let again = house.start().await;
        addresses.set(place, &again.url);
        servers = if place == 0 { [again, other] } else { [other, again] };
        let ready = async || servers[place].get("/health/ready").await.status == 200;
        within(Duration::from_secs(20), "a server that is ready", async || ready().await.then_some(())).await;
    }
    is_over.store(true, Ordering::SeqCst);
    let took = began.elapsed();

    let allowed = frugal.join_all().await;
    let answered: usize = allowed.iter().map(|allowed| allowed.answered).sum();
    let looked_at: usize = allowed.iter().map(|allowed| allowed.looked_at).sum();
    // A full bucket at the beginning, and what flows into it.
    let minutes = usize::try_from(took.as_secs().div_ceil(60)).expect("some minutes");
    let most = FRUGAL * LIMIT * (minutes + 1);
    if redis.is_some() && looked_at > most {
        tally.failed("limit", format!("{looked_at} were looked at, {most} may be"));
    }
    let mut people = living.join_all().await;
    house.is_settled().await;
    for someone in &mut people {
        if let Err(how) = someone.checks(&servers[0]).await {
            tally.failed("check", format!("{}: {how}", someone.name()));
        }
    }
    // By all that reached the model: a question whose server was killed counts, and is asked once more.
    let reached = upstream.asked().iter().filter(|asked| asked.question().contains("Frugal")).count();
    if reached > ALLOWED * FRUGAL || answered > ALLOWED * FRUGAL {
        tally.failed("quota", format!("{reached} reached the model, {ALLOWED} of each of {FRUGAL} may"));
    }
    for server in &servers {
        let broken: Vec<_> = server.log().lines().filter(|line| line.contains("panicked")).map(str::to_owned).collect();
        for line in broken {
            tally.failed("server", line);
        }
    }
    let health: Value = servers[1].get("/health").await.body;
    println!(
        "{kills} kills in {took:.0?}, {} Redis; the frugal were looked at {looked_at} times and answered {answered} times, \
         {reached} reached the model",
        if redis.is_some() { "with" } else { "without" }
    );
    println!("{tally}");
    println!("each took: {}", tally.take_times());
    println!("health in the end: {}", health["status"]);
    if tally.failures() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
