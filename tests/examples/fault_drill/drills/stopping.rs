//! The server is asked to stop while everybody works, and started again.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{Outcome, Size};
use crate::{
    leaks,
    site::{Kind, Opened, Site},
    tally::{Away, RECOVERY, Rules},
};

/// Stops within its ten seconds and with the exit code 0, again and again.
pub async fn asked(kind: Kind, size: Size) -> Outcome {
    let place = Site::prepare(kind).await?;
    let Opened { mut server, working, held } = place.open(size).await;
    let (mut gaps, mut longest, mut offences) = (Vec::new(), Duration::ZERO, Vec::new());
    for _ in 0..size.stops {
        sleep(Duration::from_millis(1500)).await;
        let from = Instant::now();
        server.terminate();
        let status = server.ended(Duration::from_secs(14)).await;
        longest = longest.max(from.elapsed());
        if status.code() != Some(0) {
            offences.push(format!("ended with {status}"));
        }
        server = place.house.start().await;
        gaps.push(Away::until_now(from, from));
    }
    sleep(RECOVERY + Duration::from_secs(1)).await;
    let crew = working.stop().await;
    let refusals = vec![(503, "shutting_down"), (503, "answer_interrupted"), (409, "request_in_progress")];
    let rules = Rules { away: gaps, refusals, breaks: true };
    let what = format!("stopped {} times, each within {:.1} s", size.stops, longest.as_secs_f64());
    let mut report = place.judge(&crew, rules, &what).await;
    report.offences.append(&mut offences);
    report.offences.extend(leaks::check(&place.house, &server, place.postgres.as_ref(), held).await);
    Ok(report)
}
