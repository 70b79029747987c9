//! Measures whether the time that a login takes tells why it was refused.
//!
//! `cargo run --release -p lyceum-auth --example password_timing [COST [RUNS]]` verifies passwords at `COST` (10) and
//! prints the median of `RUNS` (30) of each kind, in milliseconds, and its ratio to that of a wrong password:
//! * `wrong`: there is an account, and the password is another;
//! * `right`: there is an account, and the password is its own;
//! * `unknown`: there is no account;
//! * `old cost`: the password is another, and its hash was made when the cost was 4.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    error::Error,
    time::{Duration, Instant},
};

use lyceum_auth::{BcryptHasher, BcryptSettings};
use lyceum_domain::users::{Password, PasswordHasher};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let cost = arguments.next().map_or(Ok(10), |cost| cost.parse())?;
    let runs = arguments.next().map_or(Ok(30), |runs| runs.parse::<usize>())?.max(1);

    let hasher_of = |cost| BcryptHasher::new(BcryptSettings { cost, ..BcryptSettings::default() });
    let hasher = hasher_of(cost)?;
    let password = Password::parse("correct horse 7", &[])?;
    let present = hasher.hash(&password).await?;
    let old = hasher_of(4)?.hash(&password).await?;

    let kinds = [
        ("wrong", "correct horse 8", Some(&present)),
        ("right", "correct horse 7", Some(&present)),
        ("unknown", "correct horse 8", None),
        ("old cost", "correct horse 8", Some(&old)),
    ];
    let mut times = kinds.map(|_| Vec::with_capacity(runs));
    // By turns, so that whatever else the machine does hits all alike.
    for _ in 0..runs {
        for ((name, attempt, hash), times) in kinds.iter().zip(&mut times) {
            let begin = Instant::now();
            let is_right = hasher.verify(attempt, *hash).await?;
            times.push(begin.elapsed());
            if is_right != (*name == "right") {
                return Err(format!("{name} was answered with {is_right}").into());
            }
        }
    }

    let medians = times.map(median);
    println!("cost {cost}, {runs} runs each");
    for ((name, ..), median) in kinds.iter().zip(medians) {
        let ratio = median.as_secs_f64() / medians[0].as_secs_f64();
        println!("{name:<9} {:>9.3} ms  {ratio:.3}", median.as_secs_f64() * 1000.0);
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let middle = times.len() / 2;
    if times.len().is_multiple_of(2) { (times[middle - 1] + times[middle]) / 2 } else { times[middle] }
}
