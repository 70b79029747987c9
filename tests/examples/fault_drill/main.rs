//! The fault drill: takes away what the server needs, one part after the other, while people work with it, and looks
//! whether that is noticed as little as the contract says.
//!
//! `cargo run -p lyceum-e2e --example fault_drill -- [--quick] [--only NAME]… [--db sqlite|postgres]`, on Linux. PostgreSQL
//! and Redis are started privately, from `TEST_POSTGRES_BIN`, `PATH` or where Debian has them. Prints one line for each
//! drill, and exits with 1 if one failed.
//!
//! What must hold in every drill: nothing that was acknowledged is lost; nothing is answered with 5xx but 503 with
//! `Retry-After` (or what the contract says of the mentor's model), and that only while the part is away and for
//! [`RECOVERY`](tally::RECOVERY) after; the server is not started again; `/health` tells; and afterwards no connection,
//! file, turn or blob is left that nobody needs.
#![allow(clippy::print_stdout, clippy::expect_used, clippy::panic, reason = "a program that prints what it finds")]

mod crew;
mod drills;
mod leaks;
mod postgres;
mod processes;
mod site;
mod tally;
mod watch;

use std::{collections::VecDeque, process::ExitCode, time::Instant};

use tokio::task::{JoinSet, LocalSet};

use crate::{
    drills::{ALL, Drill, Size},
    site::Kind,
};

/// What was asked for on the command line.
struct Wanted {
    size: Size,
    only: Vec<String>,
    kinds: Vec<Kind>,
}

fn wanted() -> Result<Wanted, String> {
    let mut wanted = Wanted { size: Size::FULL, only: Vec::new(), kinds: vec![Kind::Sqlite, Kind::Postgres] };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => wanted.size = Size::QUICK,
            "--only" => {
                let name = arguments.next().ok_or("--only needs the name of a drill")?;
                if !ALL.iter().any(|drill| drill.name == name) {
                    let names: Vec<_> = ALL.iter().map(|drill| drill.name).collect();
                    return Err(format!("{name} is no drill; there are {}", names.join(", ")));
                }
                wanted.only.push(name);
            }
            "--db" => match arguments.next().as_deref() {
                Some("sqlite") => wanted.kinds = vec![Kind::Sqlite],
                Some("postgres") => wanted.kinds = vec![Kind::Postgres],
                _ => return Err("--db is sqlite or postgres".to_owned()),
            },
            other => return Err(format!("{other} is none of --quick, --only NAME, --db sqlite|postgres")),
        }
    }
    Ok(wanted)
}

#[tokio::main]
async fn main() -> ExitCode {
    let wanted = match wanted() {
        Ok(wanted) => wanted,
        Err(message) => {
            println!("{message}");
            return ExitCode::from(2);
        }
    };
    let began = Instant::now();
    let mut left: VecDeque<_> =
        ALL.iter().flat_map(|drill| drill.kinds.iter().map(move |kind| (drill, *kind))).collect();
    left.retain(|(drill, kind)| {
        let is_named = wanted.only.is_empty() || wanted.only.iter().any(|name| name == drill.name);
        let is_first = wanted.size.every_kind || wanted.kinds.len() == 1 || drill.kinds[0] == *kind;
        is_named && is_first && wanted.kinds.contains(kind)
    });
    let (mut failed, mut skipped) = (0, 0);
    let (local, mut running) = (LocalSet::new(), JoinSet::new());
    loop {
        while running.len() < wanted.size.lanes
            && let Some((drill, kind)) = left.pop_front()
        {
            running.spawn_local_on(run(drill, kind, wanted.size), &local);
        }
        match local.run_until(running.join_next()).await {
            None => break,
            Some(Ok(Ended::Passed)) => {}
            Some(Ok(Ended::Skipped)) => skipped += 1,
            Some(Ok(Ended::Failed) | Err(_)) => failed += 1,
        }
    }
    let seconds = began.elapsed().as_secs();
    println!("{failed} failed, {skipped} skipped, in {seconds} s");
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

enum Ended {
    Passed,
    Skipped,
    Failed,
}

/// Runs a drill, and prints its line. One that panics has failed; the others go on.
async fn run(drill: &'static Drill, kind: Kind, size: Size) -> Ended {
    let began = Instant::now();
    let mut running = JoinSet::new();
    running.spawn_local((drill.run)(kind, size));
    let report = running.join_next().await.expect("it was started");
    let name = format!("{} ({})", drill.name, kind.name());
    let seconds = began.elapsed().as_secs_f64();
    match report {
        Ok(Ok(report)) if report.offences.is_empty() => {
            println!("ok       {name:32} {seconds:6.1} s  {}", report.line);
            Ended::Passed
        }
        Ok(Ok(report)) => {
            println!("FAILED   {name:32} {seconds:6.1} s  {}", report.line);
            let mut counts = std::collections::BTreeMap::<_, usize>::new();
            for offence in report.offences {
                *counts.entry(offence).or_default() += 1;
            }
            for (offence, count) in counts.iter().take(40) {
                println!(
                    "         - {offence}{}",
                    if *count > 1 { format!(" ({count} times)") } else { String::new() }
                );
            }
            if counts.len() > 40 {
                println!("         - and {} more", counts.len() - 40);
            }
            Ended::Failed
        }
        Ok(Err(reason)) => {
            println!("SKIPPED  {name:32} {seconds:6.1} s  {reason}");
            // Where everything has to be there, a drill that cannot be run is one that failed.
            if lyceum_e2e::variable("LYCEUM_TESTS_SKIP_NOTHING").is_some() { Ended::Failed } else { Ended::Skipped }
        }
        Err(panic) => {
            println!("FAILED   {name:32} {seconds:6.1} s  {panic}");
            Ended::Failed
        }
    }
}
