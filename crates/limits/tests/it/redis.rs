//! Redis as it is.

use std::{env, num::NonZeroU32, sync::Arc, time::Duration};

use lyceum_domain::{
    limits::{Class, Counted, Counting, Demand, Limiter as _, Rate},
    sessions::Network,
};
use lyceum_limits::{RedisLimiter, RedisSettings, SharedLimiter, Standby};
use lyceum_testkit::contract::{self, limiter::Subject};

mod alone {
    lyceum_testkit::limiter_contract!(super::two_servers);
}

mod with_what_is_left_without_it {
    lyceum_testkit::limiter_contract!(super::two_servers_on_their_guard);
}

/// Redis at this address, with keys for this test of this run.
pub fn settings(url: &str, test: &str) -> RedisSettings {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    RedisSettings {
        url: url.into(),
        key_prefix: format!("test:{}:{}:{test}", std::process::id(), since.as_nanos()),
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(5),
    }
}

/// The server that is for all tests.
fn common(test: &str) -> Option<RedisSettings> {
    let url = env::var_os("TEST_REDIS_URL")?.into_string().expect("an address");
    Some(settings(&url, test))
}

fn limiter(settings: &RedisSettings) -> RedisLimiter {
    RedisLimiter::new(settings).expect("good settings")
}

async fn two_servers(test: &'static str) -> Option<Subject> {
    let settings = common(test)?;
    Some(Subject { one: Arc::new(limiter(&settings)), other: Arc::new(limiter(&settings)) })
}

async fn two_servers_on_their_guard(test: &'static str) -> Option<Subject> {
    let settings = common(&format!("guarded:{test}"))?;
    let server = || Arc::new(SharedLimiter::new(limiter(&settings), Arc::new(Standby::new())));
    Some(Subject { one: server(), other: server() })
}

fn demand(per_minute: u32, burst: u32) -> Demand {
    let number = |n| NonZeroU32::new(n).expect("not zero");
    Demand {
        class: Class::Auth,
        counted: Counted::Network(Network::of(Some([203, 0, 113, 7].into()))),
        rate: Rate { per_minute: number(per_minute), burst: number(burst) },
    }
}

/// The connection that looks at what is kept.
async fn onlooker(settings: &RedisSettings) -> ::redis::aio::MultiplexedConnection {
    use secrecy::ExposeSecret as _;
    let client = ::redis::Client::open(settings.url.expose_secret()).expect("an address");
    client.get_multiplexed_async_connection().await.expect("TEST_REDIS_URL answers")
}

#[tokio::test]
async fn what_is_kept_goes_when_the_bucket_is_full() {
    let name = "what_is_kept_goes_when_the_bucket_is_full";
    let Some(settings) = common(name) else { return contract::skip(name, "TEST_REDIS_URL is not set") };
    assert!(limiter(&settings).take(&demand(60, 9)).await.expect("counts").is_allowed());
    let verdict = limiter(&settings).take(&demand(60, 9)).await.expect("counts");

    let mut onlooker = onlooker(&settings).await;
    let key = format!("{}:limit:auth:network:203.0.113.7", settings.key_prefix);
    let left: u64 = ::redis::cmd("PTTL").arg(&key).query_async(&mut onlooker).await.expect("a time");
    assert!(left <= 2000, "{left} ms for what is full in {:?}", verdict.reset);
    assert!(left >= 1, "gone before it is full");
}

#[tokio::test]
async fn a_clock_that_was_set_back_refuses_nobody_for_long() {
    let name = "a_clock_that_was_set_back_refuses_nobody_for_long";
    let Some(settings) = common(name) else { return contract::skip(name, "TEST_REDIS_URL is not set") };
    // What a server wrote whose clock was an hour ahead.
    let mut onlooker = onlooker(&settings).await;
    let key = format!("{}:limit:auth:network:203.0.113.7", settings.key_prefix);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let later = now + Duration::from_hours(1);
    let () = ::redis::cmd("SET")
        .arg(&key)
        .arg(later.as_micros().to_string())
        .query_async(&mut onlooker)
        .await
        .expect("stored");
    let refused = limiter(&settings).take(&demand(600, 10)).await.expect("counts");
    let wait = refused.retry_after.expect("the bucket is empty");
    assert!(wait <= Duration::from_millis(100), "{refused:?}");
    tokio::time::sleep(wait).await;
    assert!(limiter(&settings).take(&demand(600, 10)).await.expect("counts").is_allowed());
    let () = ::redis::cmd("DEL").arg(&key).query_async(&mut onlooker).await.expect("removed");
}

#[tokio::test]
async fn a_script_that_redis_forgot_is_told_again() {
    let name = "a_script_that_redis_forgot_is_told_again";
    let Some(settings) = common(name) else { return contract::skip(name, "TEST_REDIS_URL is not set") };
    let limiter = limiter(&settings);
    assert_eq!(limiter.take(&demand(1, 9)).await.expect("counts").remaining, 8);
    let () = ::redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut onlooker(&settings).await).await.expect("forgotten");
    assert_eq!(limiter.take(&demand(1, 9)).await.expect("counts").remaining, 7);
}

#[tokio::test]
async fn a_wrong_password_is_an_error_that_does_not_tell_the_right_one() {
    let name = "a_wrong_password_is_an_error_that_does_not_tell_the_right_one";
    let Some(mut settings) = common(name) else { return contract::skip(name, "TEST_REDIS_URL is not set") };
    let mut url = ::redis::parse_redis_url({
        use secrecy::ExposeSecret as _;
        settings.url.expose_secret()
    })
    .expect("an address");
    url.set_password(Some("hunter2")).expect("a password fits");
    settings.url = url.to_string().into();
    let refused = limiter(&settings).take(&demand(1, 9)).await.expect_err("nobody is let in so");
    assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
}

#[tokio::test]
async fn a_limiter_that_answers_says_that_it_counts_for_all() {
    let name = "a_limiter_that_answers_says_that_it_counts_for_all";
    let Some(settings) = common(name) else { return contract::skip(name, "TEST_REDIS_URL is not set") };
    let guarded = SharedLimiter::new(limiter(&settings), Arc::new(Standby::new()));
    assert_eq!(limiter(&settings).check().await.expect("answers"), Counting::Shared);
    assert_eq!(guarded.check().await.expect("answers"), Counting::Shared);
}
