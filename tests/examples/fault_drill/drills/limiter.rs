//! Redis, where several servers count requests together, goes and comes back. Nobody may notice; whoever asks too often is
//! stopped all the same.

use std::time::{Duration, Instant};

use lyceum_e2e::{answer::Answer, server::Server};
use reqwest::Method;
use serde_json::json;
use tokio::time::sleep;

use super::{Outcome, Size};
use crate::{
    redis::Redis,
    site::{Kind, Site},
    tally::{Away, RECOVERY, Rules},
    watch::Watch,
};

/// Requests to sign in, a minute and at once; more than a crew needs.
const SIGN_INS: usize = 150;

/// Killed, and started again empty.
pub async fn gone(kind: Kind, size: Size) -> Outcome {
    let mut redis = Redis::start().await.ok_or("Redis is not installed (Debian: apt-get install redis-server)")?;
    let mut place = Site::prepare(kind)
        .await?
        .with("REDIS_URL", redis.url())
        .with("LYCEUM__RATE_LIMIT__ENABLED", true)
        .with("LYCEUM__RATE_LIMIT__AUTH__NETWORK_PER_MINUTE", SIGN_INS);
    for class in ["CHAT", "UPLOADS", "WRITES", "READS"] {
        for of in ["NETWORK", "USER"] {
            place = place.with(&format!("LYCEUM__RATE_LIMIT__{class}__{of}_PER_MINUTE"), 1_000_000);
        }
    }
    let opened = place.open(size).await;
    let watch = Watch::begin(&opened.server, "rate_limiter");
    let from = Instant::now();
    redis.kill();
    sleep(size.outage / 2).await;
    let refused_after = too_many(&opened.server).await;
    sleep((from + size.outage).saturating_duration_since(Instant::now())).await;
    let returning = Instant::now();
    redis.run().await;
    let away = Away::until_now(from, returning);
    sleep(RECOVERY + Duration::from_secs(2)).await;

    let mut offences = Vec::new();
    let health = watch.judge(away, "degraded", &mut offences);
    // Those who sign in feel that somebody else of their network asks too often, and nobody feels anything else.
    let rules = Rules { away: vec![away], refusals: vec![(429, "rate_limited")], breaks: false };
    let what = format!("Redis killed, away for {:.0} s", (away.until - from).as_secs_f64());
    let (mut report, _server) = place.close(opened, rules, &what).await;
    report.add(health);
    match refused_after {
        Some(count) => report.add(format!("without it sign-ins are refused from the {count}th at once")),
        None => offences.push("without Redis nobody is stopped who signs in too often".to_owned()),
    }
    report.offences.append(&mut offences);
    Ok(report)
}

/// Asks for what costs a sign-in's allowance until that is refused: after how many requests.
async fn too_many(server: &Server) -> Option<usize> {
    for count in 1..=4 * SIGN_INS {
        let request = server.request(Method::POST, "/api/v1/auth/verify-email").json(&json!({"token": "unknown"}));
        let answer = Answer::of(request).await;
        if answer.status == 429 {
            assert!(answer.header("retry-after").is_some(), "{}", answer.text);
            return Some(count);
        }
    }
    None
}
