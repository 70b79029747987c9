//! Restarting two servers in turn, behind a balancer, while people work: nobody should notice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    answer::Answer,
    balancer::Balancer,
    database::Database,
    events::Events,
    house::House,
    person::Person,
    server::Server,
    tally::{Tally, random},
    upstream::Upstream,
};

/// What the mentor says: for about a second and a half.
const ANSWER: &str = "A bowline makes a fixed loop at the end of a line. Pass the end through the small loop, around the \
                      standing part and back. It does not slip, and it can be untied after it was loaded.";
const PACE: Duration = Duration::from_millis(40);
/// The time that the balancer gets to look away, in seconds.
const DELAY: u64 = 2;
/// The longest that a server may take to stop.
const STOPPED: Duration = Duration::from_secs(DELAY + 10 + 8);
/// How often somebody asks for something.
const PAUSE: Duration = Duration::from_millis(20);

/// How the restarts go.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How often each of the two servers is restarted.
    pub rounds: usize,
    /// How many people work.
    pub people: usize,
    /// How long everything runs between two restarts.
    pub between: Duration,
}

/// Restarts the servers of a new house on this database as planned, and says what became of what people asked for.
pub async fn restart(database: Database, plan: Plan) -> Arc<Tally> {
    let upstream = Upstream::start().await;
    upstream.from_now_on_says(ANSWER, PACE);
    let house = House::new(database)
        .with_mentor(&upstream)
        .with("LYCEUM__SERVER__SHUTDOWN_DELAY_SECONDS", DELAY)
        .with("LYCEUM__QUOTA__FREE__REQUESTS_PER_DAY", "none");
    house.import_long_book(plan.people);
    let balancer = Balancer::start().await;
    let mut servers = [house.start().await, house.start().await];
    for server in &servers {
        balancer.add(&server.url);
    }
    balancer.has_ready(2).await;

    let course = servers[0].get("/api/v1/courses/long-lines").await.is(200);
    let (tally, is_over) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let mut working = JoinSet::new();
    for n in 0..plan.people {
        let person = servers[n % 2].register_and_sign_in(&format!("learner{n}")).await.at_address(&balancer.url);
        let lesson = course.text_at(&format!("/outline/{n}/id"));
        let work = Work { person, lesson, tally: Arc::clone(&tally), is_over: Arc::clone(&is_over) };
        working.spawn(work.until_it_is_over());
    }
    for _ in 0..plan.rounds {
        for server in &mut servers {
            sleep(plan.between).await;
            let old = server.url.clone();
            stop(server, &tally).await;
            balancer.remove(&old);
            *server = house.start().await;
            balancer.add(&server.url);
            balancer.has_ready(2).await;
        }
    }
    sleep(plan.between).await;
    is_over.store(true, Ordering::SeqCst);
    working.join_all().await;
    house.is_settled().await;
    tally
}

/// Stops a server as an orchestrator does; it must end by itself, and well.
async fn stop(server: &mut Server, tally: &Tally) {
    let began = Instant::now();
    server.terminate();
    let status = server.ended(STOPPED).await;
    if status.code() == Some(0) {
        tally.done("stop", began);
    } else {
        tally.failed("stop", format!("ended with {status}"));
    }
}

struct Work {
    person: Person,
    /// Nobody else's.
    lesson: String,
    tally: Arc<Tally>,
    is_over: Arc<AtomicBool>,
}

impl Work {
    async fn until_it_is_over(self) {
        let mut known = "not_started";
        while !self.is_over.load(Ordering::SeqCst) {
            let began = Instant::now();
            let (what, outcome) = match random(10) {
                0 => ("chat", self.chats().await),
                1 => ("stream", self.streams().await),
                2..5 => ("write", self.writes(&mut known).await),
                _ => ("read", self.reads(known).await),
            };
            match outcome {
                Ok(()) => self.tally.done(what, began),
                Err(how) => self.tally.failed(what, how),
            }
            sleep(PAUSE).await;
        }
    }

    /// What was written last is what is read.
    async fn reads(&self, known: &str) -> Result<(), String> {
        let progress = asked(self.person.request(Method::GET, "/courses/long-lines/progress"), 200).await?;
        let lessons = progress["lessons"].as_array().ok_or("no lessons")?;
        let mine = lessons.iter().find(|lesson| lesson["lesson_id"] == *self.lesson).ok_or("another course")?;
        if mine["status"] == known { Ok(()) } else { Err(format!("{} instead of {known}", mine["status"])) }
    }

    async fn writes(&self, known: &mut &'static str) -> Result<(), String> {
        let status = ["completed", "in_progress", "not_started"][random(3)];
        let path = format!("/lessons/{}/progress", self.lesson);
        let outcome = asked(self.person.request(Method::PUT, &path).json(&json!({"status": status})), 200).await;
        *known = status;
        outcome.map(drop)
    }

    async fn chats(&self) -> Result<(), String> {
        let answer = asked(self.person.asking(&json!({"prompt": "What is a bowline for?"})), 200).await?;
        if answer["response"] == ANSWER { Ok(()) } else { Err(format!("half an answer: {}", answer.text)) }
    }

    async fn streams(&self) -> Result<(), String> {
        let asking = self.person.asking_for_events(&json!({"prompt": "What is a bowline for?"}));
        let response = asking.send().await.map_err(|error| format!("no stream: {error:?}"))?;
        if response.status() != 200 {
            return Err(format!("{} instead of a stream: {:?}", response.status(), response.text().await));
        }
        let mut events = Events::of(response).await;
        let mut said = String::new();
        while let Some(event) = events.next_if_any().await {
            match event.name.as_str() {
                "start" => {}
                "delta" => said += event.data["text"].as_str().unwrap_or_default(),
                "done" if said == ANSWER => return Ok(()),
                _ => return Err(format!("ended after {} bytes with {}", said.len(), event.data)),
            }
        }
        Err(format!("broke off after {} bytes", said.len()))
    }
}

/// The answer, if it has this status; else what is wrong with it. Nothing is tried again.
async fn asked(request: RequestBuilder, status: u16) -> Result<Answer, String> {
    let answer = Answer::of_checked(request).await.map_err(|error| format!("no answer: {error:?}"))?;
    if answer.status == status { Ok(answer) } else { Err(format!("{}: {}", answer.status, answer.text)) }
}
