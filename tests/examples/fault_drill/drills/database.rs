//! PostgreSQL goes, stands still, and hangs up.

use std::time::{Duration, Instant};

use lyceum_e2e::answer::Answer;
use reqwest::Method;
use tokio::time::sleep;

use super::{Outcome, Size};
use crate::{
    site::{Kind, Opened, Site},
    tally::{Away, RECOVERY, Rules},
    watch::Watch,
};

/// What may be answered while the database is away. The key of a request that was cut off is freed when it is back.
const REFUSALS: [(u16, &str); 2] = [(503, "database_unavailable"), (409, "request_in_progress")];

/// The server crashes, is away for a while, and has to recover.
pub async fn stopped(kind: Kind, size: Size) -> Outcome {
    let mut place = Site::prepare(kind).await?;
    let opened = place.open(size).await;
    let watch = Watch::begin(&opened.server, "database");
    let from = Instant::now();
    place.postgres.as_mut().expect("PostgreSQL").crash();
    sleep(size.outage / 2).await;
    let ready = Answer::of(opened.server.request(Method::GET, "/health/ready")).await;
    sleep((from + size.outage).saturating_duration_since(Instant::now())).await;
    let returning = Instant::now();
    place.postgres.as_mut().expect("PostgreSQL").run().await;
    let away = Away::until_now(from, returning);
    let what = format!("crashed under load, away for {:.0} s", (away.until - from).as_secs_f64());
    let (mut report, server) = after(&place, opened, &watch, away, &what).await;
    if ready.status != 503 || ready.header("retry-after").is_none() {
        report.offences.push(format!("/health/ready answered {} while the database was away", ready.status));
    }

    // Once more, and nobody works meanwhile: the first who come then must not meet connections that are dead.
    place.postgres.as_mut().expect("PostgreSQL").crash();
    place.postgres.as_mut().expect("PostgreSQL").run().await;
    sleep(RECOVERY).await;
    for _ in 0..40 {
        let answer = Answer::of(server.request(Method::GET, "/api/v1/courses")).await;
        if answer.status != 200 {
            report.offences.push(format!("a quiet server answered {} after the database was back", answer.status));
        }
    }
    report.add("then again with nobody at work");
    Ok(report)
}

/// All processes of the server stand still: connections stay open, and nothing is answered.
pub async fn frozen(kind: Kind, size: Size) -> Outcome {
    let place = Site::prepare(kind).await?.with("LYCEUM__DATABASE__STATEMENT_TIMEOUT_SECONDS", 5);
    let opened = place.open(size).await;
    let watch = Watch::begin(&opened.server, "database");
    let from = Instant::now();
    place.postgres.as_ref().expect("PostgreSQL").freeze();
    sleep(size.outage).await;
    let returning = Instant::now();
    place.postgres.as_ref().expect("PostgreSQL").thaw();
    let away = Away::until_now(from, returning);
    let what = format!("stood still under load for {:.0} s", (away.until - from).as_secs_f64());
    Ok(after(&place, opened, &watch, away, &what).await.0)
}

/// The server hangs up on everybody, again and again.
pub async fn cut(kind: Kind, size: Size) -> Outcome {
    let place = Site::prepare(kind).await?;
    let opened = place.open(size).await;
    let postgres = place.postgres.as_ref().expect("PostgreSQL");
    let (from, mut killed, mut times) = (Instant::now(), 0, 0);
    while from.elapsed() < size.outage / 2 {
        killed += postgres.kill_connections().await;
        times += 1;
        sleep(Duration::from_millis(200)).await;
    }
    let away = Away::until_now(from, Instant::now());
    sleep(RECOVERY + Duration::from_secs(1)).await;
    let rules = Rules { away: vec![away], refusals: REFUSALS.to_vec(), breaks: false };
    let what = format!("{killed} connections killed in {times} strokes");
    let (mut report, _server) = place.close(opened, rules, &what).await;
    if killed < times {
        report.offences.push("nobody was connected".to_owned());
    }
    Ok(report)
}

/// The work goes on for a while after the part is back, and then all is judged.
async fn after(
    place: &Site,
    opened: Opened,
    watch: &Watch,
    away: Away,
    what: &str,
) -> (super::Report, lyceum_e2e::server::Server) {
    sleep(RECOVERY + Duration::from_secs(2)).await;
    let mut offences = Vec::new();
    let health = watch.judge(away, "down", &mut offences);
    let rules = Rules { away: vec![away], refusals: REFUSALS.to_vec(), breaks: false };
    let (mut report, server) = place.close(opened, rules, what).await;
    report.add(health);
    report.offences.append(&mut offences);
    (report, server)
}
