//! Half an hour of everything that people do, at a steady rate: does the server's memory stay what it is, and do the tables
//! that should not grow?
//!
//! `cargo run -p lyceum-e2e --example soak -- [--minutes 30] [--rate 8] [--db sqlite|postgres]`; `LYCEUM_BIN` names another
//! binary. PostgreSQL is the server at `TEST_DATABASE_URL`. A debug build is good enough: it is slower, but no less flat.
//! Prints a line for each minute and a verdict; the exit code is 1 if something grew, or a request failed.
//!
//! The load itself makes what is kept: messages, events of progress, sessions that ended, the trail, mails that were sent.
//! They go when their time is over, after days. [`FLAT`] is what should be as full at the end as it was before.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::expect_used, clippy::panic, reason = "prints numbers")]
#![allow(clippy::cast_precision_loss, reason = "none of them is large")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::TcpListener,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use lyceum_e2e::{
    answer::Answer,
    by_hand::ByHand,
    database::Database,
    events::Events,
    form::Form,
    house::House,
    person::Person,
    pictures::Png,
    server::Server,
    tally::{Tally, random},
    upstream::Upstream,
    vitals::Vitals,
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::{
    runtime::Builder,
    sync::{Mutex, RwLock, Semaphore},
    task::{JoinSet, LocalSet},
    time::{MissedTickBehavior, interval},
};

/// People who stay.
const PEOPLE: usize = 20;
const LESSONS: usize = 40;
/// Lessons that somebody who stays works on.
const WORKED_ON: usize = 5;
/// Requests at once, at most: with more the server is behind, and the rate is what it can do.
const AT_ONCE: usize = 64;
/// What the mentor says, word by word.
const ANSWER: &str = "A bowline makes a fixed loop at the end of a line. Pass the end through the small loop, around the \
                      standing part and back. It does not slip, and it can be untied after it was loaded.";
const PACE: Duration = Duration::from_millis(15);

/// What should not grow, as a statement that counts it.
const FLAT: &[(&str, &str)] = &[
    ("answers under way", "SELECT count(*) FROM turns_under_way"),
    ("pieces of answers", "SELECT count(*) FROM answer_pieces"),
    ("messages streaming", "SELECT count(*) FROM messages WHERE status = 'streaming'"),
    ("open calls", "SELECT count(*) FROM usage_records WHERE outcome = 'open'"),
    ("servers", "SELECT count(*) FROM instances"),
    ("jobs", "SELECT count(*) FROM job_leases"),
    ("users", "SELECT count(*) FROM users"),
    ("waiting registrations", "SELECT count(*) FROM registrations"),
    ("one-time tokens", "SELECT count(*) FROM one_time_tokens"),
    ("mails to send", "SELECT count(*) FROM outbox_mails WHERE state = 'waiting'"),
    ("blobs to remove", "SELECT count(*) FROM blob_removals"),
    ("documents", "SELECT count(*) FROM documents"),
    ("subjects", "SELECT count(*) FROM subjects"),
    ("courses of learners", "SELECT count(*) FROM course_progress"),
    ("lessons of learners", "SELECT count(*) FROM lesson_progress"),
    ("quoted texts", "SELECT count(*) FROM quoted_texts"),
    ("sums of what was spent", "SELECT count(*) FROM spending"),
    ("claims that are not settled", "SELECT count(*) FROM idempotency_keys WHERE status IS NULL"),
];

struct World {
    server: Server,
    people: Vec<RwLock<Person>>,
    refreshing: Vec<Mutex<()>>,
    subjects: Vec<String>,
    lessons: Vec<String>,
    picture: Vec<u8>,
    newcomers: AtomicUsize,
    refreshed: AtomicUsize,
    tally: Tally,
}

/// What somebody does, in two or three requests on average, and how often among a hundred.
type Deed = (&'static str, usize);
const DEEDS: &[Deed] = &[
    ("read", 30),
    ("search", 6),
    ("write", 18),
    ("chat", 8),
    ("stream", 8),
    ("talk", 4),
    ("document", 6),
    ("portrait", 3),
    ("sign-in", 5),
    ("refresh", 5),
    ("named", 4),
    ("newcomer", 3),
];

fn draw() -> &'static str {
    let mut place = random(DEEDS.iter().map(|(_, share)| share).sum());
    for (deed, share) in DEEDS {
        if place < *share {
            return deed;
        }
        place -= share;
    }
    "read"
}

/// The answer, if it has this status; else what is wrong with it.
async fn asked(request: RequestBuilder, status: u16) -> Result<Answer, String> {
    let answer = Answer::of_checked(request).await.map_err(|error| format!("no answer: {error}"))?;
    if answer.status == status {
        Ok(answer)
    } else {
        // Without the ids in it, so that like failures count together.
        let code = answer.body["code"].as_str().map_or_else(|| answer.text.clone(), str::to_owned);
        Err(format!("{} instead of {status}: {code}", answer.status))
    }
}

fn text(answer: &Answer, pointer: &str) -> Result<String, String> {
    answer.body.pointer(pointer).and_then(Value::as_str).map(str::to_owned).ok_or(format!("nothing at {pointer}"))
}

impl World {
    async fn does(&self, deed: &'static str) -> Result<(), String> {
        let which = random(self.people.len());
        let person = self.people[which].read().await.clone();
        let lesson = &self.lessons[random(self.lessons.len())];
        match deed {
            "read" => {
                let paths = ["/users/me", "/courses", "/courses/long-lines/progress", "/progress", "/ai/usage"];
                let more = ["/progress/timeline", "/progress/next", "/ai/conversations", "/ai/context"];
                let paths = [&paths[..], &more].concat();
                let path = match random(paths.len() + 1) {
                    n if n < paths.len() => paths[n].to_owned(),
                    _ => format!("/lessons/{lesson}"),
                };
                asked(person.request(Method::GET, &path), 200).await?;
            }
            "search" => {
                let path = format!("/search?q=line+{}", random(LESSONS));
                asked(person.request(Method::GET, &path), 200).await?;
            }
            "write" => {
                let status = ["completed", "in_progress", "not_started"][random(3)];
                // Few enough that everybody has been at each of them soon.
                let path = format!("/lessons/{}/progress", self.lessons[random(WORKED_ON)]);
                asked(person.request(Method::PUT, &path).json(&json!({"status": status})), 200).await?;
            }
            "chat" => self.chat(&person, None).await.map(drop)?,
            "stream" => self.stream(&person).await?,
            "talk" => {
                let conversation = self.chat(&person, None).await?;
                self.chat(&person, Some(&conversation)).await?;
                let path = format!("/ai/conversations/{conversation}");
                asked(person.request(Method::DELETE, &path), 204).await?;
            }
            "document" => self.document(&person, &self.subjects[which]).await?,
            "portrait" => {
                let picture = Form::of_file("me", &self.picture);
                asked(picture.on(person.request(Method::PUT, "/users/me/avatar")), 200).await?;
                asked(person.request(Method::DELETE, "/users/me/avatar"), 204).await?;
            }
            "sign-in" => {
                let form = [("grant_type", "password"), ("username", &*person.email), ("password", &*person.password)];
                let answer = self.server.post_form("/api/v1/auth/token", &form).await;
                let access = text(&answer, "/access_token").map_err(|how| format!("{}: {how}", answer.status))?;
                asked(person.showing(&access).request(Method::POST, "/auth/logout"), 204).await?;
            }
            "refresh" => {
                // In turn, so that nobody is out before it is theirs.
                let which = self.refreshed.fetch_add(1, Ordering::Relaxed) % self.people.len();
                let _mine = self.refreshing[which].lock().await;
                let refresh = self.people[which].read().await.refresh.clone();
                let form = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
                let answer = self.server.post_form("/api/v1/auth/token", &form).await;
                let tokens = (text(&answer, "/access_token")?, text(&answer, "/refresh_token")?);
                let mut person = self.people[which].write().await;
                (person.access, person.refresh) = tokens;
            }
            "named" => {
                let (key, path) = (format!("notes-{:x}", random(usize::MAX)), &self.subjects[which]);
                let path = format!("/subjects/{path}/documents");
                let ask = || {
                    let upload = Form::of_file("notes.md", b"# Tides\n");
                    upload.on(person.request(Method::POST, &path)).header("Idempotency-Key", &key)
                };
                let id = text(&asked(ask(), 201).await?, "/id")?;
                let again = text(&asked(ask(), 201).await?, "/id")?;
                if id != again {
                    return Err("done twice".to_owned());
                }
                asked(person.request(Method::DELETE, &format!("/documents/{id}")), 204).await?;
            }
            _ => self.newcomer().await?,
        }
        Ok(())
    }

    async fn chat(&self, person: &Person, conversation: Option<&str>) -> Result<String, String> {
        let mut question = json!({"prompt": format!("How long is line {}?", random(LESSONS))});
        if let Some(conversation) = conversation {
            question["conversation_id"] = json!(conversation);
        }
        let answer = asked(person.asking(&question), 200).await?;
        if answer["response"] == ANSWER { text(&answer, "/conversation_id") } else { Err("half an answer".to_owned()) }
    }

    async fn stream(&self, person: &Person) -> Result<(), String> {
        let question = json!({"prompt": format!("How long is line {}?", random(LESSONS))});
        let response =
            person.asking_for_events(&question).send().await.map_err(|error| format!("no answer: {error}"))?;
        if response.status().as_u16() != 200 {
            return Err(format!("{} instead of a stream", response.status()));
        }
        let mut events = Events::of(response).await;
        // Some leave in the middle of it.
        let leaves = random(10) == 0;
        let mut said = String::new();
        while let Some(event) = events.next_if_any().await {
            match event.name.as_str() {
                "delta" => said += event.data["text"].as_str().unwrap_or_default(),
                "done" if said == ANSWER => return Ok(()),
                "start" => {}
                _ => return Err(format!("ended with {} after {} bytes", event.name, said.len())),
            }
            if leaves && said.len() > ANSWER.len() / 2 {
                return Ok(());
            }
        }
        Err("broke off".to_owned())
    }

    async fn document(&self, person: &Person, subject: &str) -> Result<(), String> {
        let content = format!("# Tides\n\nThe moon pulls {} times.\n", random(1000)).repeat(1 + random(200));
        let upload = Form::of_file("notes.md", content.as_bytes());
        let path = format!("/subjects/{subject}/documents");
        let added = asked(upload.on(person.request(Method::POST, &path)), 201).await?;
        let path = format!("/documents/{}", text(&added, "/id")?);
        let read = asked(person.request(Method::GET, &format!("{path}/content")), 200).await?;
        if read.text != content {
            return Err("another content".to_owned());
        }
        asked(person.request(Method::DELETE, &path), 204).await.map(drop)
    }

    /// Comes, does a little, leaves for good.
    async fn newcomer(&self) -> Result<(), String> {
        let name = format!("newcomer{}", self.newcomers.fetch_add(1, Ordering::Relaxed));
        let person = self.server.register_and_sign_in(&name).await;
        let path = format!("/lessons/{}/progress", self.lessons[random(self.lessons.len())]);
        asked(person.request(Method::PUT, &path).json(&json!({"status": "completed"})), 200).await?;
        self.chat(&person, None).await?;
        let leaving = person.request(Method::DELETE, "/users/me").json(&json!({"password": person.password}));
        asked(leaving, 204).await.map(drop)
    }
}

/// What was seen at the end of a minute.
struct Minute {
    vitals: Vitals,
    /// Lines that the metrics have.
    series: usize,
    counts: Vec<i64>,
}

async fn look(server: &Server, db: &mut ByHand, metrics: &str) -> Minute {
    let metrics = Answer::of(server.http.get(format!("http://{metrics}/metrics"))).await.is(200);
    let series = metrics.text.lines().filter(|line| !line.starts_with('#')).count();
    let mut counts = Vec::new();
    for (_, statement) in FLAT {
        counts.push(db.number(statement).await);
    }
    Minute { vitals: Vitals::of(server.pid()), series, counts }
}

fn median<T: Copy + Ord>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// Says of a value whether it grew from the second quarter to the last, by more than its slack.
fn verdict(name: &str, minutes: &[Minute], of: impl Fn(&Minute) -> i64, slack: impl Fn(i64) -> i64) -> bool {
    let quarter = (minutes.len() / 4).max(1);
    let before = median(minutes.iter().skip(quarter.min(minutes.len() - 1)).take(quarter).map(&of));
    let after = median(minutes[minutes.len() - quarter..].iter().map(&of));
    let is_flat = after <= before + slack(before);
    println!("{} {name:28} {before:8} → {after:8}", if is_flat { "flat " } else { "GROWS" });
    is_flat
}

struct Options {
    minutes: u64,
    rate: u64,
    database: Database,
}

async fn options() -> Options {
    let mut options = Options { minutes: 30, rate: 8, database: Database::Sqlite };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_else(|| panic!("{name} needs a value"));
        match name.as_str() {
            "--minutes" => options.minutes = value.parse().expect("a number of minutes"),
            "--rate" => options.rate = value.parse().expect("deeds in a second"),
            "--db" if value == "postgres" => {
                options.database = Database::postgres("soak").await.expect("TEST_DATABASE_URL");
            }
            "--db" if value == "sqlite" => {}
            _ => panic!("{name} {value} is not known; --minutes, --rate, --db sqlite|postgres"),
        }
    }
    options
}

async fn world(house: &House) -> World {
    let server = house.start().await;
    let (mut people, mut subjects) = (Vec::new(), Vec::new());
    for n in 0..PEOPLE {
        let person = server.register_and_sign_in(&format!("learner{n}")).await;
        let subject = person.post("/subjects", &json!({"title": "Knots", "color": "#0055AA"})).await.is(201);
        subjects.push(subject.text_at("/id"));
        people.push(RwLock::new(person));
    }
    let course = server.get("/api/v1/courses/long-lines").await.is(200);
    let outline = course["outline"].as_array().expect("an outline");
    let lessons = outline.iter().map(|lesson| lesson["id"].as_str().expect("an id").to_owned()).collect();
    World {
        server,
        people,
        refreshing: (0..PEOPLE).map(|_| Mutex::default()).collect(),
        subjects,
        lessons,
        picture: Png::of_size(300, 200, 8, 2).red(300, 200),
        newcomers: AtomicUsize::new(0),
        refreshed: AtomicUsize::new(0),
        tally: Tally::default(),
    }
}

/// Lets people do things at a steady rate until the time is over.
async fn live(world: Arc<World>, rate: u64, span: Duration) {
    let began = Instant::now();
    let at_once = Arc::new(Semaphore::new(AT_ONCE));
    let mut beat = interval(Duration::from_secs(1) / u32::try_from(rate).expect("a small rate"));
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut deeds = JoinSet::new();
    while began.elapsed() < span {
        beat.tick().await;
        let place = Arc::clone(&at_once).acquire_owned().await.expect("open");
        let doing = Arc::clone(&world);
        deeds.spawn_local(async move {
            let world = doing;
            let (deed, began) = (draw(), Instant::now());
            match world.does(deed).await {
                Ok(()) => world.tally.done(deed, began),
                Err(how) => world.tally.failed(deed, how),
            }
            drop(place);
        });
        while let Some(ended) = deeds.try_join_next() {
            if ended.is_err() {
                world.tally.failed("a deed", "was not done as it should be; the message is above");
            }
        }
    }
    while let Some(ended) = deeds.join_next().await {
        if ended.is_err() {
            world.tally.failed("a deed", "was not done as it should be; the message is above");
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Options { minutes, rate, database } = options().await;
    let upstream = Upstream::start().await;
    upstream.from_now_on_says(ANSWER, PACE);
    let metrics = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").to_string();
    let mut house = House::new(database)
        .with_mentor(&upstream)
        .with("LYCEUM__TELEMETRY__METRICS_BIND", &metrics)
        .with("LYCEUM__RATE_LIMIT__ENABLED", true)
        .with("LYCEUM__AUTH__DELETION_GRACE_DAYS", 0)
        .with("LYCEUM__AUTH__ACCESS_TTL_SECONDS", 600)
        .with("LYCEUM__QUOTA__FREE__REQUESTS_PER_DAY", "none")
        .with("LOG_LEVEL", "warn");
    for class in ["AUTH", "CHAT", "UPLOADS", "WRITES", "READS"] {
        // All come from one network.
        house = house.with(&format!("LYCEUM__RATE_LIMIT__{class}__NETWORK_PER_MINUTE"), 1_000_000);
    }
    house.import_long_book(LESSONS);
    let world = Arc::new(world(&house).await);
    let mut db = house.by_hand().await;
    println!("{minutes} minutes of {rate} deeds in a second, by {PEOPLE} people and those who come and go");
    println!("minute   memory KiB  files  threads    deeds  failed");

    // On a thread of its own: what looks on waits for commands.
    let lived_in = Arc::clone(&world);
    let living = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        LocalSet::new().block_on(&runtime, live(lived_in, rate, Duration::from_secs(minutes * 60)));
    });
    let mut seen = Vec::new();
    let mut beat = interval(Duration::from_mins(1));
    beat.tick().await;
    for minute in 1..=minutes {
        beat.tick().await;
        // As an operator would, beside the server that does it by itself.
        house.run(&["user", "purge"]).succeeded();
        let now = look(&world.server, &mut db, &metrics).await;
        let Vitals { memory, files, threads } = now.vitals;
        let (total, failures, times) = (world.tally.total(), world.tally.failures(), world.tally.take_times());
        println!("{minute:6} {memory:12} {files:6} {threads:8} {total:8} {failures:7}   {times}");
        let counts = FLAT.iter().zip(&now.counts).filter(|(_, count)| **count > 0).fold(
            String::new(),
            |mut line, ((name, _), count)| {
                let _ = write!(line, "  {name} {count}");
                line
            },
        );
        println!("        series {}{counts}", now.series);
        seen.push(now);
    }
    living.join().expect("lived");
    house.is_settled().await;

    println!("{}", world.tally);
    let all: BTreeMap<String, i64> = {
        let mut all = BTreeMap::new();
        for table in db.tables().await {
            let count = db.number(&format!("SELECT count(*) FROM \"{table}\"")).await;
            all.insert(table, count);
        }
        all
    };
    println!("rows in the end: {all:?}");
    println!("medians of the second quarter and of the last:");
    let mut is_well = world.tally.failures() == 0;
    let value = |of: u64| i64::try_from(of).expect("small");
    is_well &= verdict("memory, KiB", &seen, |minute| value(minute.vitals.memory), |before| before / 20 + 4096);
    is_well &= verdict("open files", &seen, |minute| value(minute.vitals.files), |_| 10);
    is_well &= verdict("threads", &seen, |minute| value(minute.vitals.threads), |_| 2);
    let series = |minute: &Minute| i64::try_from(minute.series).expect("small");
    is_well &= verdict("series of metrics", &seen, series, |before| before / 20);
    for (place, (name, _)) in FLAT.iter().enumerate() {
        is_well &= verdict(name, &seen, |minute| minute.counts[place], |before| before / 10 + 20);
    }
    let told: Vec<_> = world.server.log().lines().filter(|line| line.contains("ERROR")).map(str::to_owned).collect();
    for line in told.iter().take(20) {
        println!("the server told: {line}");
    }
    println!("{}", if is_well { "all is flat" } else { "NOT WELL" });
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
