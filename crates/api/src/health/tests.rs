//! Parts that answer, hang and recover.

use std::{
    io,
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

use super::*;

const SHORT: Duration = Duration::from_millis(50);

fn part() -> Part {
    Part::new("part", SHORT, SHORT)
}

/// Counts how often it is asked.
async fn counted(asked: &AtomicU32, answer: Result<(), io::Error>) -> Result<(), io::Error> {
    asked.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(5)).await;
    answer
}

#[tokio::test]
async fn a_flood_of_probes_asks_once() {
    let (part, asked) = (Part::new("part", Duration::from_mins(1), SHORT), AtomicU32::new(0));
    let probes = (0..500).map(|_| part.ask(Status::Down, "answers", PATIENCE, counted(&asked, Ok(()))));
    let found = futures_util::future::join_all(probes).await;
    assert!(found.iter().all(|body| *body == ComponentBody::new(Status::Ok, "answers")));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_part_that_hangs_holds_up_all_who_ask_for_one_time_out() {
    let part = Part::new("part", Duration::from_mins(1), Duration::from_mins(1));
    let begun = Instant::now();
    let hang = || part.ask(Status::Down, "answers", SHORT, std::future::pending::<Result<(), io::Error>>());
    for body in futures_util::future::join_all((0..50).map(|_| hang())).await {
        assert_eq!(body, ComponentBody::new(Status::Down, "did not answer in time"));
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_failure_tells_nothing_of_its_cause_and_is_forgotten() {
    let (part, asked) = (part(), AtomicU32::new(0));
    let away = Err(io::Error::other("postgres://lyceum:hunter2@db:5432"));
    let found = part.ask(Status::Degraded, "answers", PATIENCE, counted(&asked, away)).await;
    assert_eq!(found, ComponentBody::new(Status::Degraded, "does not answer; the log has the cause"));
    let remembered = part.ask(Status::Degraded, "answers", PATIENCE, counted(&asked, Ok(()))).await;
    assert_eq!((remembered.status, asked.load(Ordering::Relaxed)), (Status::Degraded, 1));
    tokio::time::sleep(SHORT).await;
    let again = part.ask(Status::Degraded, "answers", PATIENCE, counted(&asked, Ok(()))).await;
    assert_eq!((again.status, asked.load(Ordering::Relaxed)), (Status::Ok, 2));
}

#[test]
fn mail_that_was_given_up_or_is_late_is_not_well() {
    let now = Timestamp::from_micros(1_795_000_000_000_000).expect("a time");
    let counts = |waiting, dead, minutes: Option<u64>| OutboxCounts {
        waiting,
        dead,
        oldest: minutes.map(|minutes| now.minus(Duration::from_mins(minutes))),
    };
    let status = |counts| waiting(&counts, now).status;
    assert_eq!(status(counts(0, 0, None)), Status::Ok);
    assert_eq!(status(counts(3, 0, Some(15))), Status::Ok);
    assert_eq!(status(counts(3, 0, Some(16))), Status::Degraded);
    assert_eq!(status(counts(0, 1, None)), Status::Degraded);
    // A clock that was set back makes nothing late.
    let ahead = OutboxCounts { waiting: 1, dead: 0, oldest: Some(now.plus(Duration::from_hours(1))) };
    assert_eq!(status(ahead), Status::Ok);
}

#[test]
fn one_provider_of_two_that_is_out_shows() {
    let state = |name: &str, trouble| ProviderState { name: name.to_owned(), trouble };
    let resting = || ChatError::Unavailable {
        detail: "failed too often and is not asked for a while".to_owned(),
        retry_after: Some(Duration::from_secs(9)),
        source: None,
    };
    let both = mentor(&[state("qubrid", None), state("offline", None)]);
    assert_eq!(both, ComponentBody::new(Status::Ok, "qubrid, then offline"));
    let second = mentor(&[state("qubrid", Some(resting())), state("offline", None)]);
    let told = "qubrid: failed too often and is not asked for a while; again in 9 s; offline answers";
    assert_eq!(second, ComponentBody::new(Status::Degraded, told));
    let limited = mentor(&[state("qubrid", Some(ChatError::RateLimited { retry_after: None }))]);
    assert_eq!(limited, ComponentBody::new(Status::Degraded, "qubrid: rate_limited"));
}

#[test]
fn little_room_shows_before_there_is_none() {
    assert_eq!(room(Some(LITTLE_ROOM)).status, Status::Ok);
    assert_eq!(room(Some(LITTLE_ROOM - 1)), ComponentBody::new(Status::Degraded, "99.9 MiB left for the data folder"));
    assert_eq!(room(None).status, Status::Disabled);
}
