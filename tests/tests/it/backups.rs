//! Backups that are made while people work, and what is made of them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lyceum_e2e::{
    answer::Answer, database::Database, form::Form, house::House, person::Person, server::Server, upstream::Upstream,
};
use reqwest::Method;
use serde_json::json;

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

async fn subject(person: &Person) -> String {
    person.post("/subjects", &json!({"title": "Tides"})).await.is(201).text_at("/id")
}

fn upload(person: &Person, subject: &str, name: &str, content: &str) -> reqwest::RequestBuilder {
    let path = format!("/subjects/{subject}/documents");
    Form::of_file(name, content.as_bytes()).on(person.request(Method::POST, &path))
}

fn text(number: usize) -> String {
    format!("# Tide {number}\n\n{}\n", "The moon pulls, the water follows. ".repeat(number % 40 + 1))
}

/// Somebody who adds documents and removes every second one, until told to stop. Answers the ids of those that were
/// acknowledged as stored and not removed since, with their numbers.
async fn keep_writing(person: Person, subject: String, stop: Arc<AtomicBool>) -> Vec<(String, usize)> {
    let mut stored = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let document = Answer::of(upload(&person, &subject, "tide.md", &text(number))).await.is(201).text_at("/id");
        if number % 2 == 0 {
            person.delete(&format!("/documents/{document}")).await.is(204);
        } else {
            stored.push((document, number));
        }
        let body = json!({"prompt": format!("What is tide {number}?")});
        person.ask(&body).await.is(200);
    }
    stored
}

/// Documents of a person by id: those that the list has, each read to its end.
async fn readable(person: &Person, subject: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let page = person.get(&format!("/subjects/{subject}/documents?limit=100{cursor}")).await.is(200);
        for document in page.items() {
            let id = document["id"].as_str().expect("an id").to_owned();
            let content = person.request(Method::GET, &format!("/documents/{id}/content")).send().await.expect("sent");
            assert_eq!(content.status(), 200, "{document}");
            let size = content.bytes().await.expect("all of it").len();
            assert_eq!(Some(size as u64), document["size"].as_u64(), "{document}");
            found.insert(id);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "whoever writes is waited for")]
async fn a_backup_that_is_made_under_load_is_whole() {
    let house = House::small();
    house.import_long_book(3);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let tides = subject(&ada).await;
    let mut before = BTreeSet::new();
    for number in 0..30 {
        let stored = Answer::of(upload(&ada, &tides, "before.md", &text(number))).await.is(201);
        before.insert(stored.text_at("/id"));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for name in ["bea", "cyd", "dan"] {
        let writer = server.register_and_sign_in(name).await;
        let their = subject(&writer).await;
        let writing = keep_writing(writer.clone(), their.clone(), Arc::clone(&stop));
        writers.push((writer, their, tokio::spawn(writing)));
    }

    let archives = ["one.tar.gz", "two.tar.gz", "three.tar.gz"];
    let mut acknowledged = BTreeSet::new();
    for archive in archives {
        // Acknowledged before this backup began.
        let stored = Answer::of(upload(&ada, &tides, archive, "# Just before\n")).await.is(201).text_at("/id");
        acknowledged.insert(stored);
        let made = backup(&house, archive);
        assert!(made.contains("4 accounts") && made.contains("1 courses"), "{made}");
    }
    stop.store(true, Ordering::Relaxed);
    for (_, _, writing) in &mut writers {
        let stored = writing.await.expect("nobody was refused");
        assert!(!stored.is_empty(), "they wrote meanwhile");
    }
    server.kill();

    for archive in archives {
        let file = house.folder().join(archive);
        house.run(&["backup", "--check", &file.display().to_string()]).succeeded();
        let copy = House::small();
        copy.run(&["restore", &file.display().to_string()]).succeeded();
        let named = files(&copy.data().join("blobs")).len();
        let restored = copy.start().await;
        let ada = ada.clone().at(&restored);
        let found = readable(&ada, &tides).await;
        assert!(found.is_superset(&before), "all of before is there");
        if archive == archives[2] {
            assert!(found.is_superset(&acknowledged), "what was acknowledged before the last one is there");
        }
        let mut all = found.len();
        for (writer, subject, _) in &writers {
            all += readable(&writer.clone().at(&restored), subject).await.len();
        }
        assert_eq!(all, named, "every file is named by a row, and every row's file is there");
        ada.ask(&json!({"prompt": "Which tide?"})).await.is(200);
        goes_on(&restored).await;
    }
}

/// As an operator does, while the runtime of the test goes on.
fn backup(house: &House, archive: &str) -> String {
    let file = house.folder().join(archive).display().to_string();
    let done = tokio::task::block_in_place(|| house.run(&["backup", &file])).succeeded();
    done.stdout
}

async fn goes_on(server: &Server) {
    let dora = server.register_and_sign_in("dora").await;
    dora.get("/users/me").await.is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_takes_nobodys_data() {
    let house = House::small().without("JWT_SECRET");
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let archive = house.folder().join("lyceum.tar.gz").display().to_string();
    backup(&house, "lyceum.tar.gz");

    let refused = house.run(&["restore", &archive, "--force"]).ended(1);
    assert!(refused.stderr.contains("a server runs"), "{}", refused.stderr);
    server.register_and_sign_in("bea").await;
    server.kill();
    let refused = house.run(&["restore", &archive]).ended(1);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);

    let broken = house.folder().join("broken.tar.gz");
    let mut bytes = fs::read(&archive).expect("there");
    let middle = bytes.len() - 200;
    bytes[middle] ^= 0x55;
    fs::write(&broken, bytes).expect("written");
    let secret = fs::read_to_string(house.data().join("jwt-secret")).expect("there");
    house.run(&["backup", "--check", &broken.display().to_string()]).ended(1);
    house.run(&["restore", "--force", &broken.display().to_string()]).ended(1);
    assert!(fs::metadata(house.data().join("lyceum.db")).is_ok(), "nothing was touched");

    let done = house.run(&["restore", &archive, "--force"]).succeeded();
    assert!(done.stdout.contains("before-restore-"), "{}", done.stdout);
    let aside = fs::read_dir(house.data()).expect("a folder").flatten().map(|entry| entry.path());
    let aside: Vec<_> = aside.filter(|path| path.display().to_string().contains("before-restore-")).collect();
    assert!(aside.len() == 1 && aside[0].join("lyceum.db").is_file(), "{aside:?}");

    let server = house.start().await;
    assert_eq!(fs::read_to_string(house.data().join("jwt-secret")).expect("there"), secret);
    ada.clone().at(&server).get("/users/me").await.is(200);
    let unknown = json!({"identifier": "bea@learners.example", "password": ada.password});
    server.post("/api/v1/auth/login", &unknown).await.is(401);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_killed_leaves_the_one_before() {
    use std::os::unix::fs::PermissionsExt as _;
    let house = House::small();
    house.import_long_book(2);
    let file = house.folder().join("lyceum.tar.gz");
    backup(&house, "lyceum.tar.gz");
    assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    let first = fs::read(&file).expect("there");
    for milliseconds in [1, 10, 30, 60, 100] {
        house.run_and_kill(&["backup", &file.display().to_string()], Duration::from_millis(milliseconds));
        let now = fs::read(&file).expect("there");
        if now != first {
            house.run(&["backup", "--check", &file.display().to_string()]).succeeded();
        }
    }
    backup(&house, "lyceum.tar.gz");
    let left: Vec<_> =
        fs::read_dir(house.folder()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    let swept = left.iter().all(|name| !name.to_string_lossy().starts_with(".lyceum-backup-"));
    assert!(swept, "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_the_operator_is_told_what_to_run() {
    let Some(database) = Database::postgres("on_postgresql_the_operator_is_told_what_to_run").await else { return };
    let house = House::new(database);
    let refused = house.run(&["backup", "lyceum.tar.gz"]).ended(2);
    assert!(refused.stderr.contains("pg_dump --format=custom"), "{}", refused.stderr);
    assert!(refused.stderr.contains("blobs") && !refused.stderr.contains("lyceum:lyceum"), "{}", refused.stderr);
    let refused = house.run(&["restore", "lyceum.tar.gz"]).ended(2);
    assert!(refused.stderr.contains("pg_restore"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_shows_a_provider_that_rests_although_another_answers() {
    let upstream = Upstream::start().await;
    let house = House::small()
        .with_mentor(&upstream)
        .with("LYCEUM__LLM__SECOND__PROVIDER", "offline")
        .with("LYCEUM__LLM__BREAKER__FAILURES", 1);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let well = server.get("/health").await.is(200);
    assert_eq!(well["components"]["llm"], json!({"status": "ok", "detail": "qubrid, then offline"}));
    for name in ["database", "disk", "mail", "rate_limiter", "storage"] {
        assert!(well["components"][name]["status"].is_string(), "{name}");
    }
    upstream.then(lyceum_e2e::upstream::Reply::Plain("500 Oh", "", ""));
    ada.ask(&json!({"prompt": "Which knot?"})).await.is(200);
    let health = server.get("/health").await.is(200);
    assert_eq!(health["status"], "degraded");
    let detail = health["components"]["llm"]["detail"].as_str().expect("a text");
    assert!(detail.contains("qubrid failed too often") && detail.ends_with("offline answers"), "{detail}");
}
