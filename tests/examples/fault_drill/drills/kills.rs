//! The server is killed at random moments, most of them while everybody works, some while it starts.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::{Outcome, Size};
use crate::{
    leaks,
    processes::random,
    site::{Kind, Opened, Site},
    tally::{Away, RECOVERY, Rules},
};

/// Killed, and started again, so often.
pub async fn killed(kind: Kind, size: Size) -> Outcome {
    let place = Site::prepare(kind).await?;
    let Opened { mut server, working, held } = place.open(size).await;
    let (mut gaps, mut starting) = (Vec::new(), 0);
    let mut left = size.kills;
    while left > 0 {
        sleep(Duration::from_millis(random(1_200))).await;
        let from = Instant::now();
        server.kill();
        left -= 1;
        // Some don't come as far as to listen.
        while left > 0 && random(5) == 0 {
            let begun = timeout(Duration::from_millis(random(400)), place.house.start()).await;
            drop(begun);
            left -= 1;
            starting += 1;
        }
        server = place.house.start().await;
        gaps.push(Away::until_now(from, from));
    }
    sleep(RECOVERY + Duration::from_secs(1)).await;
    let crew = working.stop().await;
    let rules = Rules { away: gaps, refusals: vec![(409, "request_in_progress")], breaks: true };
    let what = format!("killed {} times, {starting} of them while it started", size.kills);
    let mut report = place.judge(&crew, rules, &what).await;
    report.offences.extend(leaks::check(&place.house, &server, place.postgres.as_ref(), held).await);
    Ok(report)
}
