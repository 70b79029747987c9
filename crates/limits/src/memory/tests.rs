use std::net::{IpAddr, Ipv6Addr};

use governor::clock::FakeRelativeClock;
use lyceum_domain::{
    limits::{Class, Counted},
    sessions::Network,
};

use super::*;

fn rate(per_minute: u32, burst: u32) -> Rate {
    Rate { per_minute: NonZeroU32::new(per_minute).unwrap(), burst: NonZeroU32::new(burst).unwrap() }
}

/// The network number so-and-so of a flood.
fn network(number: u64) -> Counted {
    let address = Ipv6Addr::from(u128::from(number) << 64);
    Counted::Network(Network::of(Some(IpAddr::V6(address))))
}

fn auth(counted: Counted, rate: Rate) -> Demand {
    Demand { class: Class::Auth, counted, rate }
}

fn limiter(keys: usize) -> (MemoryLimiter<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (MemoryLimiter::with(clock.clone(), keys), clock)
}

#[test]
fn a_verdict_is_exact() {
    let (limiter, clock) = limiter(KEYS_PER_CLASS);
    let demand = auth(network(1), rate(60, 3));
    let seconds = Duration::from_secs_f64;
    let said = |remaining, reset, retry_after: Option<f64>| Verdict {
        limit: 3,
        remaining,
        reset: seconds(reset),
        retry_after: retry_after.map(seconds),
    };
    assert_eq!(limiter.count(&demand), said(2, 1.0, None));
    clock.advance(Duration::from_millis(250));
    assert_eq!(limiter.count(&demand), said(1, 1.75, None));
    assert_eq!(limiter.count(&demand), said(0, 2.75, None));
    clock.advance(Duration::from_millis(250));
    assert_eq!(limiter.count(&demand), said(0, 2.5, Some(0.5)));
    clock.advance(Duration::from_millis(500));
    assert_eq!(limiter.count(&demand), said(0, 3.0, None));
    clock.advance(Duration::from_mins(5));
    assert_eq!(limiter.count(&demand), said(2, 1.0, None));
}

#[test]
fn a_bucket_that_was_emptied_under_another_rate_is_empty_and_no_more_than_that() {
    let (limiter, clock) = limiter(KEYS_PER_CLASS);
    assert!(limiter.count(&auth(network(1), rate(1, 1))).is_allowed());
    let refused = limiter.count(&auth(network(1), rate(6000, 100)));
    assert_eq!(refused.retry_after, Some(Duration::from_millis(10)));
    clock.advance(Duration::from_millis(10));
    assert!(limiter.count(&auth(network(1), rate(6000, 100))).is_allowed());
}

#[test]
fn rates_of_any_size_are_counted() {
    let (limiter, _) = limiter(KEYS_PER_CLASS);
    for (number, rate) in
        [rate(u32::MAX, u32::MAX), rate(1, u32::MAX), rate(u32::MAX, 1), rate(1, 1)].into_iter().enumerate()
    {
        let demand = auth(network(number as u64), rate);
        let verdict = limiter.count(&demand);
        assert!(verdict.is_allowed(), "{rate:?}");
        assert_eq!(verdict.limit, rate.burst.get());
    }
}

#[test]
fn what_is_full_again_is_dropped_when_others_come() {
    let (limiter, clock) = limiter(KEYS_PER_CLASS);
    for number in 0..10_000 {
        limiter.count(&auth(network(number), rate(60, 1)));
    }
    assert_eq!(limiter.keys(), 10_000);
    clock.advance(Duration::from_mins(2));
    for number in 10_000..10_200 {
        limiter.count(&auth(network(number), rate(60, 1)));
    }
    assert_eq!(limiter.keys(), 200, "every part was looked through");
}

#[test]
fn a_flood_of_networks_stays_within_bounds_and_frees_nobody_who_used_up_much() {
    let (limiter, clock) = limiter(160);
    let guesser = auth(network(u64::MAX), rate(60, 30));
    while limiter.count(&guesser).is_allowed() {}
    for number in 0..20_000 {
        assert!(limiter.count(&auth(network(number), rate(60, 30))).is_allowed(), "refused for what others do");
        assert!(limiter.keys() <= 160, "{} keys", limiter.keys());
        if number % 1000 == 0 {
            assert!(!limiter.count(&guesser).is_allowed(), "free after {number} others");
        }
        clock.advance(Duration::from_micros(10));
    }
}

#[test]
fn a_flood_of_one_class_leaves_the_others_counted() {
    let (limiter, _) = limiter(160);
    let one = rate(1, 1);
    assert!(limiter.count(&auth(network(0), one)).is_allowed());
    for number in 0..10_000 {
        limiter.count(&Demand { class: Class::Reads, ..auth(network(number), rate(60, 5)) });
    }
    assert!(!limiter.count(&auth(network(0), one)).is_allowed());
}
