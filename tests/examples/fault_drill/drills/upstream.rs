//! The mentor's model goes, in the ways that models do. Nothing but the mentor may notice.

use std::time::{Duration, Instant};

use lyceum_e2e::upstream::{Fault, Upstream};
use tokio::time::sleep;

use super::{Outcome, Size};
use crate::{
    site::{Kind, Site},
    tally::{Away, RECOVERY, Rules},
    watch::Watch,
};

const REFUSALS: [(u16, &str); 4] =
    [(503, "llm_unavailable"), (504, "llm_timeout"), (502, "llm_bad_response"), (409, "request_in_progress")];

/// Nobody listens at its address; then somebody does who is away, hangs, or breaks off.
pub async fn gone(kind: Kind, size: Size) -> Outcome {
    let mut place = Site::prepare(kind)
        .await?
        .with("LYCEUM__LLM__CONNECT_TIMEOUT_SECONDS", 1)
        .with("LYCEUM__LLM__RETRY_BUDGET_SECONDS", 1)
        .with("LYCEUM__LLM__FIRST_BYTE_TIMEOUT_SECONDS", 2)
        .with("LYCEUM__LLM__READ_TIMEOUT_SECONDS", 2)
        .with("LYCEUM__LLM__TOTAL_TIMEOUT_SECONDS", 4);
    let opened = place.open(size).await;
    let watch = Watch::begin(&opened.server, "llm");
    let port = url::Url::parse(&place.upstream.url).expect("an address").port().expect("a port");
    let from = Instant::now();
    // Its listener closes only when it goes, so the place is empty for a moment with the next one elsewhere.
    place.upstream = Upstream::start().await;
    sleep(size.outage / 2).await;
    place.upstream = Upstream::start_at(port).await;
    for fault in [Fault::Away, Fault::Hangs, Fault::CutOff] {
        place.upstream.from_now_on(Some(fault));
        sleep(size.outage / 6).await;
    }
    let returning = Instant::now();
    place.upstream.from_now_on(None);
    let away = Away::until_now(from, returning);
    sleep(RECOVERY + Duration::from_secs(2)).await;
    let mut offences = Vec::new();
    let health = watch.judge(away, "degraded", &mut offences);
    let rules = Rules { away: vec![away], refusals: REFUSALS.to_vec(), breaks: false };
    let what = format!("no model for {:.0} s, then a broken one", (size.outage / 2).as_secs_f64());
    let (mut report, server) = place.close(opened, rules, &what).await;
    place.upstream.is_left_alone().await;
    drop(server);
    report.add(health);
    report.offences.append(&mut offences);
    Ok(report)
}
