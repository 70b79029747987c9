//! The threads of one server, each with a connection of its own, when their Redis comes back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lyceum_domain::limits::{Class, Counting, Limiter as _};
use lyceum_limits::{RedisLimiter, RedisSettings, SharedLimiter, Standby};
use lyceum_testkit::contract;

use crate::{faults::demand, redis::settings, relay::Relay, server::Server};

struct Workers {
    standby: Arc<Standby>,
    all: Vec<SharedLimiter<RedisLimiter>>,
}

impl Workers {
    /// Four, each of which has been asked and so has a connection.
    async fn connected(url: &str, test: &str) -> Self {
        let redis = RedisSettings {
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_millis(250),
            ..settings(url, test)
        };
        let standby = Arc::new(Standby::new());
        let limiter = || RedisLimiter::new(&redis).expect("good settings");
        let all = (0..4).map(|_| SharedLimiter::new(limiter(), standby.clone())).collect();
        let workers = Self { standby, all };
        workers.count_together(50, "at first").await;
        workers
    }

    /// Each is asked once; all see what the others have taken of so many, and none of them finds Redis away.
    async fn count_together(&self, burst: u32, when: &str) {
        for (number, worker) in (0..).zip(&self.all) {
            let asked = Instant::now();
            let verdict = worker.take(&demand(Class::Auth, burst)).await.expect("there is always a verdict");
            assert!(!self.standby.is_alone(), "worker {number} found it away {when}, after {:?}", asked.elapsed());
            assert_eq!(verdict.remaining, burst - 1 - number, "worker {number} {when}");
        }
    }

    /// One of them finds out that it is back.
    async fn one_finds_it_back(&self) {
        let began = Instant::now();
        while !matches!(self.all[0].check().await, Ok(Counting::Shared)) {
            assert!(began.elapsed() < Duration::from_secs(5), "not back after {:?}", began.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn when_redis_was_started_again_and_one_has_found_it_the_others_do_not_lose_it() {
    let name = "when_redis_was_started_again_and_one_has_found_it_the_others_do_not_lose_it";
    let Some(mut server) = Server::start().await else { return contract::skip(name, "there is no redis-server") };
    let workers = Workers::connected(&server.url(), name).await;
    server.kill();
    workers.all[0].take(&demand(Class::Reads, 9)).await.expect("reads go on");
    assert!(workers.standby.is_alone());
    server.start_again().await;
    workers.one_finds_it_back().await;
    workers.count_together(50, "since it is back, empty").await;
}

#[tokio::test]
async fn when_connections_went_dead_without_a_word_one_finds_out_for_all() {
    let name = "when_connections_went_dead_without_a_word_one_finds_out_for_all";
    let Some(server) = Server::start().await else { return contract::skip(name, "there is no redis-server") };
    let relay = Relay::to(server.port()).await;
    let workers = Workers::connected(&Server::url_by(relay.port()), name).await;
    relay.forget();
    workers.all[0].take(&demand(Class::Reads, 9)).await.expect("reads go on");
    assert!(workers.standby.is_alone());
    workers.one_finds_it_back().await;
    // Of those that each has taken before, four, none has come back.
    let asked = Instant::now();
    for worker in &workers.all {
        let verdict = worker.take(&demand(Class::Auth, 50)).await.expect("there is always a verdict");
        assert!(verdict.remaining < 46, "{verdict:?}");
        assert!(!workers.standby.is_alone(), "found away again, {:?} after it was found back", asked.elapsed());
    }
}

#[tokio::test]
async fn a_connection_that_redis_closed_while_it_rested_is_nobodys_trouble() {
    let name = "a_connection_that_redis_closed_while_it_rested_is_nobodys_trouble";
    let Some(mut server) = Server::start().await else { return contract::skip(name, "there is no redis-server") };
    let workers = Workers::connected(&server.url(), name).await;
    server.kill();
    server.start_again().await;
    workers.count_together(50, "on connections that were closed").await;
}
