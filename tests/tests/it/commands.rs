//! The commands of the binary.

use std::time::{Duration, Instant};

use lyceum_e2e::{
    database::Database,
    house::{House, JWT_SECRET},
    on_both_databases,
};
use serde_json::{Value, json};

on_both_databases!(the_schema_goes_up_and_down, an_operator_makes_accounts);

const PASSWORD: &str = "capstan-bars-1805";

async fn the_schema_goes_up_and_down(database: Database) {
    let house = House::new(database);
    let states = || {
        let status = house.run(&["migrate", "status"]).succeeded();
        status.stdout.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let fresh = states();
    assert!(fresh.len() >= 6 && fresh.iter().all(|state| state == "pending"), "{fresh:?}");
    let applied = house.run(&["migrate", "up"]).succeeded();
    assert_eq!(applied.stdout.lines().filter(|line| line.starts_with("applied ")).count(), fresh.len());
    assert!(states().iter().all(|state| state == "applied"));
    assert_eq!(house.run(&["migrate", "up"]).succeeded().stdout.trim(), "nothing to do");

    let (newest, older) = (fresh.len() - 1, vec!["applied".to_owned(); fresh.len() - 1]);
    house.run(&["migrate", "down"]).succeeded();
    let after = states();
    assert_eq!((&after[..newest], after[newest].as_str()), (&older[..], "pending"));
    house.run(&["migrate", "down", "--steps", "99"]).succeeded();
    assert_eq!(states(), fresh);
    house.run(&["migrate", "up"]).succeeded();

    house.import_long_book(3);
    let asked = house.run(&["migrate", "reset"]).ended(2);
    assert!(asked.stderr.contains("Nothing was changed"), "{}", asked.stderr);
    let server = house.start().await;
    assert_eq!(server.get("/api/v1/courses").await.is(200).items().len(), 1);
    server.kill();
    house.run_with_input(&["migrate", "reset"], "reset\n").succeeded();
    let server = house.start().await;
    assert_eq!(server.get("/api/v1/courses").await.is(200).items().len(), 0);
}

async fn an_operator_makes_accounts(database: Database) {
    let house = House::new(database);
    let create = |name: &str, password: &str| {
        let email = format!("{name}@staff.example");
        let arguments =
            ["user", "create", "--email", &email, "--username", name, "--role", "mentor", "--password-stdin"];
        house.run_with_input(&arguments, &format!("{password}\n"))
    };
    let made = create("grace", PASSWORD).succeeded();
    assert!(made.stdout.contains("mentor") && !made.stdout.contains(PASSWORD), "{}", made.stdout);
    create("grace", PASSWORD).ended(1);
    let refused = create("linus", "sh0rt").ended(2);
    assert!(refused.stderr.contains("password") && !refused.stderr.contains("sh0rt"), "{}", refused.stderr);

    let server = house.start().await;
    let body = json!({"identifier": "grace", "password": PASSWORD});
    let role = async || server.post("/api/v1/auth/login", &body).await.is(200)["user"]["role"].clone();
    assert_eq!(role().await, "mentor");
    house.run(&["user", "promote", "grace", "--role", "admin"]).succeeded();
    assert_eq!(role().await, "admin");
    house.run(&["user", "promote", "nobody-here", "--role", "admin"]).ended(1);
    house.run(&["user", "promote", "grace", "--role", "captain"]).ended(2);
    server.told_none_of([PASSWORD]);
}

#[test]
fn faults_in_the_settings_are_told_all_at_once() {
    let sound = House::small().run(&["config", "check"]).succeeded();
    assert!(sound.stdout.contains("in order"), "{}", sound.stdout);

    let secret = "too-short-a-secret";
    let house = House::small()
        .with("PORT", "99999")
        .with("JWT_SECRET", secret)
        .with("LYCEUM__SERVER__WORKRES", 3)
        .with("LYCEUM__LLM__PROVIDER", "oracle")
        .with("DATABASE_URL", "mysql://user:hunter2@host/db");
    for arguments in [&["config", "check"][..], &["serve"], &["doctor"], &[]] {
        let refused = house.run(arguments).ended(2);
        for name in ["PORT", "JWT_SECRET", "LYCEUM__SERVER__WORKRES", "LYCEUM__LLM__PROVIDER", "DATABASE_URL"] {
            let lines = refused.stderr.lines().filter(|line| line.contains(name)).count();
            assert_eq!(lines, 1, "{name}:\n{}", refused.stderr);
        }
        assert!(refused.stderr.contains("LYCEUM__SERVER__WORKERS?"), "{}", refused.stderr);
        assert!(!refused.stderr.contains(secret) && !refused.stderr.contains("hunter2"), "{}", refused.stderr);
    }
}

#[test]
fn the_settings_are_shown_without_their_secrets() {
    let house = House::small()
        .with("DATABASE_URL", "postgres://lyceum:hunter2@127.0.0.1:1/lyceum")
        .with("QUBRID_API_KEY", "qb_hunter3")
        .with("SMTP_URL", "smtp://user:hunter4@127.0.0.1:1");
    let shown = house.run(&["config", "show"]).succeeded();
    for secret in [JWT_SECRET, "hunter"] {
        assert!(!shown.stdout.contains(secret) && !shown.stderr.contains(secret), "{}", shown.stdout);
    }
    assert!(shown.stdout.contains("***") && shown.stdout.contains("postgres://lyceum:"), "{}", shown.stdout);
    assert!(shown.stdout.contains("port = 0  # PORT in the environment"), "{}", shown.stdout);
}

#[test]
fn the_openapi_document_is_printed() {
    let house = House::small().with("PORT", "no settings are needed for this");
    let document: Value = serde_json::from_str(&house.run(&["openapi"]).succeeded().stdout).expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{}", document["openapi"]);
    for path in ["/api/v1/auth/login", "/api/v1/ai/chat", "/health", "/openapi.json"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_is_asked_how_it_is() {
    let house = House::small();
    let mut server = house.start().await;
    let health = |more: &[&str]| house.run(&[&["health"], more].concat());
    let ready = health(&["--url", &server.url]).succeeded();
    assert!(ready.stdout.contains("/health/ready is ready"), "{}", ready.stdout);
    health(&["--url", &format!("{}/health/live", server.url)]).succeeded();
    let missing = health(&["--url", &format!("{}/no/such/page", server.url)]).ended(1);
    assert!(missing.stderr.contains("it answers 404"), "{}", missing.stderr);
    // Where the settings say that it listens: any port is none, one is that one.
    assert!(health(&[]).ended(2).stderr.contains("--url"));
    let port = server.url.rsplit(':').next().expect("a port").to_owned();
    let there = house.with("PORT", port).with("HOST", "0.0.0.0");
    let ready = there.run(&["health"]).succeeded();
    assert!(ready.stdout.starts_with(&server.url), "{}", ready.stdout);

    server.terminate();
    server.ended(Duration::from_secs(20)).await;
    there.run(&["health"]).ended(1);
}

#[test]
fn commands_explain_themselves_without_settings() {
    let house = House::small().with("PORT", "no settings are needed for this");
    let completions = house.run(&["completions", "bash"]).succeeded().stdout;
    assert!(completions.contains("complete -F") && completions.contains("lyceum__subcmd__course"), "{completions}");
    house.run(&["completions", "abacus"]).ended(2);
    let manual = house.run(&["man"]).succeeded().stdout;
    assert!(manual.contains(".SH EXAMPLES") && manual.contains("lyceum\\-serve(1)"), "{manual}");
    let pages = house.folder().join("man1");
    house.run(&["man", pages.to_str().expect("text")]).succeeded();
    assert!(pages.join("lyceum-user-create.1").is_file() && !pages.join("lyceum-read-pdf.1").exists());
    let reference = house.run(&["config", "reference"]).succeeded().stdout;
    assert!(reference.contains("`JWT_SECRET` or `LYCEUM__AUTH__JWT_SECRET`"), "{reference}");
    let help = house.run(&["help", "course", "import"]).succeeded().stdout;
    assert!(help.contains("lyceum course import ./book --publish") && help.contains("Exit codes:"), "{help}");
}

#[test]
fn the_doctor_finds_nothing_or_says_what_to_do() {
    let house = House::small();
    let fresh = house.run(&["doctor"]).succeeded();
    assert!(fresh.stdout.lines().all(|line| line.starts_with("ok ")), "{}", fresh.stdout);
    for part in ["settings", "data", "disk", "database", "schema", "addresses", "secrets", "limits", "key", "passwords"]
    {
        assert!(fresh.stdout.contains(&format!("ok    {part:10} ")), "{part}: {}", fresh.stdout);
    }
    assert!(fresh.stdout.contains("SQLite 3."), "{}", fresh.stdout);
}

#[test]
fn the_doctor_tells_programs_what_it_tells_people() {
    let house = House::small();
    let asked = house.run(&["doctor", "--json", "--ask"]).succeeded();
    let found: Value = serde_json::from_str(&asked.stdout).expect("JSON");
    let checks = found["checks"].as_array().expect("a list");
    assert!(found["ok"] == true && checks.len() >= 10, "{found}");
    assert!(checks.iter().all(|check| check["level"] == "ok" && check["detail"].is_string()), "{found}");
    let mentor = checks.iter().find(|check| check["part"] == "mentor").expect("was asked");
    assert!(mentor["detail"].as_str().is_some_and(|detail| detail.contains("answered")), "{mentor}");

    let house = house
        .with("DATABASE_URL", "postgres://lyceum:hunter2@127.0.0.1:1/lyceum")
        .with("LYCEUM__DATABASE__ACQUIRE_TIMEOUT_SECONDS", 1);
    let away = house.run(&["doctor", "--json"]).ended(1);
    let found: Value = serde_json::from_str(&away.stdout).expect("JSON");
    let failed = found["checks"].as_array().expect("a list").iter().find(|check| check["part"] == "database");
    assert!(found["ok"] == false && failed.is_some_and(|check| check["level"] == "fail"), "{found}");
    assert!(!away.stdout.contains("hunter2"), "{}", away.stdout);
}

#[test]
fn the_doctor_warns_of_what_works_and_is_not_well() {
    let house = House::small()
        .with("LYCEUM_ENV", "production")
        .with("LYCEUM__DATABASE__ALLOW_SQLITE_IN_PRODUCTION", true)
        .with("LYCEUM__MAIL__TRANSPORT", "folder")
        .with("CORS_ORIGINS", "https://front.example.net")
        .without("LYCEUM__RATE_LIMIT__ENABLED");
    let found = house.run(&["doctor"]).succeeded();
    let warned = found.stdout.lines().filter(|line| line.starts_with("warn  addresses")).count();
    assert_eq!(warned, 2, "where links lead, and who gets cookies:\n{}", found.stdout);
    assert!(found.stdout.contains("warn  mail       mails land in the data folder"), "{}", found.stdout);
    assert!(!found.stdout.contains(JWT_SECRET), "{}", found.stdout);

    // The keys of a provider that is not there.
    let house = House::small().with("NEON_AUTH_URL", "http://127.0.0.1:9/neondb/auth");
    let away = house.run(&["doctor"]).ended(1);
    assert!(away.stdout.contains("FAIL  provider   the keys of neon cannot be had"), "{}", away.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_compares_clocks_and_counts_connections() {
    let Some(database) = Database::postgres("the_doctor_compares_clocks_and_counts_connections").await else { return };
    let house = House::new(database).with("LYCEUM__DATABASE__MAX_CONNECTIONS", 4);
    let found = house.run(&["doctor"]).succeeded();
    assert!(
        found.stdout.contains("ok    clock") && found.stdout.contains("opens up to 8 connections"),
        "{}",
        found.stdout
    );
    let house = house.with("LYCEUM__DATABASE__MAX_CONNECTIONS", 1000);
    let found = house.run(&["doctor"]).ended(1);
    assert!(found.stdout.contains("FAIL  database"), "{}", found.stdout);
}

#[test]
fn the_doctor_says_soon_that_the_database_is_away() {
    let house = House::small()
        .with("DATABASE_URL", "postgres://lyceum:hunter2@127.0.0.1:1/lyceum")
        .with("LYCEUM__DATABASE__ACQUIRE_TIMEOUT_SECONDS", 1);
    let asked = Instant::now();
    let away = house.run(&["doctor"]).ended(1);
    assert!(away.stdout.contains("FAIL  database"), "{}", away.stdout);
    assert!(!away.stdout.contains("hunter2") && !away.stderr.contains("hunter2"), "{}{}", away.stdout, away.stderr);
    assert!(asked.elapsed() < Duration::from_secs(12), "it took {:?}", asked.elapsed());
}

#[test]
fn a_command_does_its_work_whoever_reads_what_it_says() {
    let house = House::small();
    for arguments in [
        &["config", "reference"][..],
        &["config", "show"],
        &["openapi"],
        &["completions", "bash"],
        &["man"],
        &["migrate", "up"],
        &["doctor"],
    ] {
        assert_eq!(house.run_unread(arguments), Some(0), "{arguments:?}");
    }
    let status = house.run(&["migrate", "status"]).succeeded();
    assert!(status.stdout.lines().all(|line| line.starts_with("applied ")), "{}", status.stdout);
    assert_eq!(house.run_unread(&["config", "nonsense"]), Some(2));
    // Not the same as nobody: whoever wanted this has half of it.
    if let Ok(full) = std::fs::File::options().write(true).open("/dev/full") {
        assert_eq!(house.run_into(&["openapi"], full), Some(1));
    }
}

#[test]
fn wrong_usage_is_told_from_failure() {
    let house = House::small();
    house.run(&["sail"]).ended(2).stderr.contains("sail").then_some(()).expect("names what it does not know");
    house.run(&["migrate"]).ended(2).stdout.is_empty().then_some(()).expect("help goes to stderr");
    house
        .run(&["course", "import", "no-such-folder"])
        .ended(1)
        .stderr
        .contains("no-such-folder")
        .then_some(())
        .unwrap();
    for arguments in [&["--help"][..], &["--version"], &["help", "migrate"]] {
        assert!(!house.run(arguments).succeeded().stdout.is_empty());
    }
}

#[test]
fn production_is_never_reset() {
    let house = House::small()
        .with("LYCEUM_ENV", "production")
        .with("LYCEUM__DATABASE__ALLOW_SQLITE_IN_PRODUCTION", true)
        .with("LYCEUM__MAIL__TRANSPORT", "folder")
        .without("LYCEUM__RATE_LIMIT__ENABLED");
    house.run(&["config", "check"]).succeeded();
    house.import_long_book(1);
    let refused = house.run(&["migrate", "reset", "--yes"]).ended(2);
    assert!(refused.stderr.contains("never"), "{}", refused.stderr);
    let again = house.import_long_book(1);
    assert_eq!(again["is_new"], false, "everything is still there");

    // And is not run without what makes it safe.
    let open = House::small().with("LYCEUM_ENV", "production").without("JWT_SECRET");
    let refused = open.run(&["serve"]).ended(2);
    for name in ["JWT_SECRET", "LYCEUM__RATE_LIMIT__ENABLED", "SQLite", "SMTP_URL"] {
        assert!(refused.stderr.contains(name), "{name}:\n{}", refused.stderr);
    }
}
