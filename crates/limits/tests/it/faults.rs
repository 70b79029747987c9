//! Redis goes away in the middle, and comes back.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use lyceum_domain::{
    limits::{Class, Counted, Counting, Demand, Limiter, Rate, Whose},
    sessions::Network,
};
use lyceum_limits::{RedisLimiter, RedisSettings, SharedLimiter, Standby};
use lyceum_testkit::contract;

use crate::{redis::settings, server::Server};

/// The time within which a Redis that is back has to be asked again.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// One of several servers that share a Redis; with the time-outs that are set by default.
struct Instance {
    limiter: SharedLimiter<RedisLimiter>,
    standby: Arc<Standby>,
}

impl Instance {
    fn new(redis: &RedisSettings) -> Self {
        let redis = RedisSettings {
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_millis(250),
            ..redis.clone()
        };
        let standby = Arc::new(Standby::new());
        let limiter = SharedLimiter::new(RedisLimiter::new(&redis).expect("good settings"), standby.clone());
        Self { limiter, standby }
    }

    /// Asks once; whether it was let through.
    async fn take(&self, class: Class, burst: u32) -> bool {
        self.limiter.take(&demand(class, burst)).await.expect("there is always a verdict").is_allowed()
    }

    /// Reads for so long; how many of how many took longer than they should.
    async fn reads(&self, during: Duration) -> (u32, u32) {
        let (began, mut all, mut slow) = (Instant::now(), 0, 0);
        while began.elapsed() < during {
            let asked = Instant::now();
            assert!(self.take(Class::Reads, 1).await, "reads go on");
            all += 1;
            slow += u32::from(asked.elapsed() > Duration::from_millis(200));
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        (slow, all)
    }

    /// Waits until it counts with the others again; health asks, as it does every so often.
    async fn is_back(&self) {
        let began = Instant::now();
        while !matches!(self.limiter.check().await, Ok(Counting::Shared)) {
            assert!(began.elapsed() < BACK_WITHIN, "not back after {BACK_WITHIN:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// While Redis is away: what can do harm is counted here, reads go on, and quickly.
    async fn goes_on_alone(&self) {
        // The first who find out, many at the same time, wait for one time-out.
        let began = Instant::now();
        assert!(join_all((0..50).map(|_| self.take(Class::Reads, 1))).await.into_iter().all(|allowed| allowed));
        assert!(began.elapsed() < Duration::from_secs(3), "{:?} for fifty at once", began.elapsed());
        let (slow, all) = self.reads(Duration::from_secs(3)).await;
        assert!(slow <= 6 && all > 50, "{slow} of {all} reads waited");

        let mut allowed = 0;
        for _ in 0..20 {
            allowed += u32::from(self.take(Class::Auth, 5).await);
        }
        assert_eq!(allowed, 3, "five, less the two from before");
        assert!(self.standby.is_alone());
        assert!(self.limiter.check().await.is_err());
        let said = self.standby.tally();
        let of = |class| said.of(class, Whose::Network);
        assert!(of(Class::Reads).uncounted >= 50 && of(Class::Auth).alone == 20, "{said:?}");
    }
}

/// Demands of one network, which gets one more a minute.
pub fn demand(class: Class, burst: u32) -> Demand {
    let counted = Counted::Network(Network::of(Some([203, 0, 113, 7].into())));
    let burst = NonZeroU32::new(burst).expect("not zero");
    Demand { class, counted, rate: Rate { per_minute: NonZeroU32::MIN, burst } }
}

/// What both faults have in common: two servers count together, then alone, then together.
async fn survives(name: &'static str, goes: impl AsyncFnOnce(&mut Server), comes_back: impl AsyncFnOnce(&mut Server)) {
    let Some(mut server) = Server::start().await else { return contract::skip(name, "there is no redis-server") };
    let redis = settings(&server.url(), name);
    let (one, other) = (Instance::new(&redis), Instance::new(&redis));
    for instance in [&one, &other] {
        instance.is_back().await;
        assert!(instance.take(Class::Auth, 5).await);
        assert!(instance.take(Class::Auth, 5).await);
    }
    goes(&mut server).await;
    one.goes_on_alone().await;
    comes_back(&mut server).await;
    one.is_back().await;
    other.is_back().await;
    // Together again, under keys that nobody has used: the other sees what one has taken.
    assert!(one.take(Class::Chat, 2).await);
    assert!(other.take(Class::Chat, 2).await);
    assert!(!one.take(Class::Chat, 2).await && !other.take(Class::Chat, 2).await, "each counts for itself");
    assert!(!one.standby.is_alone() && !other.standby.is_alone());
}

#[tokio::test]
async fn a_redis_that_is_killed_and_started_again() {
    let name = "a_redis_that_is_killed_and_started_again";
    survives(name, async |server: &mut Server| server.kill(), async |server: &mut Server| server.start_again().await)
        .await;
}

#[tokio::test]
async fn a_redis_that_hangs_and_goes_on() {
    let name = "a_redis_that_hangs_and_goes_on";
    survives(name, async |server: &mut Server| server.hang(), async |server: &mut Server| server.go_on()).await;
}

#[tokio::test]
async fn a_server_starts_before_its_redis() {
    let name = "a_server_starts_before_its_redis";
    let Some(mut server) = Server::start().await else { return contract::skip(name, "there is no redis-server") };
    server.kill();
    let instance = Instance::new(&settings(&server.url(), name));
    assert!(instance.take(Class::Reads, 1).await && instance.take(Class::Reads, 1).await);
    assert!(instance.take(Class::Auth, 1).await && !instance.take(Class::Auth, 1).await);
    server.start_again().await;
    instance.is_back().await;
}

#[tokio::test]
async fn nobody_at_the_address_is_no_reason_to_wait_twice() {
    // 192.0.2.0/24 is for examples: whatever is sent there vanishes, or is turned away at once.
    let instance = Instance::new(&settings("redis://192.0.2.1:6379/0", "nobody"));
    let began = Instant::now();
    for _ in 0..1000 {
        assert!(instance.take(Class::Reads, 1).await);
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?} for a thousand", began.elapsed());
}

#[tokio::test]
async fn those_who_wait_for_one_connection_wait_once() {
    // The system takes connections for it, and nobody ever answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = silent.local_addr().expect("an address");
    let patience = Duration::from_millis(400);
    let settings = settings(&format!("redis://{address}/0"), "silent");
    let limiter = RedisLimiter::new(&RedisSettings { connect_timeout: patience, ..settings }).expect("good settings");
    let began = Instant::now();
    let (demand, limiter) = (demand(Class::Auth, 5), &limiter);
    let answers = tokio::time::timeout(patience * 4, join_all((0..50).map(|_| limiter.take(&demand)))).await;
    let answers = answers.expect("fifty wait as long as one");
    assert!(answers.iter().all(Result::is_err), "nobody answers");
    assert!(began.elapsed() >= patience, "{:?}", began.elapsed());
    // And the next begins anew.
    let anew = Instant::now();
    assert!(limiter.take(&demand).await.is_err());
    assert!(anew.elapsed() >= patience, "{:?}", anew.elapsed());
}
