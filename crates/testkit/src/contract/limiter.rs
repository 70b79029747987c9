//! What every [`Limiter`] keeps. Each case counts under keys that nobody else has, so that all of them can share one
//! counter; time is real, and short.

use std::{
    future::Future,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use lyceum_domain::{
    ids::UserId,
    limits::{Class, Counted, Demand, Limiter, Rate, Verdict},
    sessions::Network,
};

/// A limiter as two servers have it, each its own. What counts in one process only is the same one twice.
pub struct Subject {
    /// One server's.
    pub one: Arc<dyn Limiter>,
    /// The other's.
    pub other: Arc<dyn Limiter>,
}

impl<L: Limiter + 'static> From<Arc<L>> for Subject {
    fn from(limiter: Arc<L>) -> Self {
        Self { one: limiter.clone(), other: limiter }
    }
}

/// Makes a limiter and runs one case on it; skips visibly if there is none. What
/// [`limiter_contract!`](crate::limiter_contract) calls.
pub fn run<M, MF, S, C, CF>(name: &'static str, make: M, case: C)
where
    M: FnOnce(&'static str) -> MF,
    MF: Future<Output = Option<S>>,
    S: Into<Subject>,
    C: FnOnce(Arc<Subject>) -> CF,
    CF: Future<Output = ()>,
{
    super::run(name, async {
        match make(name).await {
            Some(subject) => case(Arc::new(subject.into())).await,
            None => super::skip(name, "the server it needs is missing"),
        }
    });
}

/// Makes one test of each case of the limiters' contract.
///
/// It takes a closure (or the name of a function) that is given the name of the case, and whose future gives `Option<S>`,
/// where `S` is an `Arc` of a [`Limiter`], or a [`Subject`] of two. It is called once for each test, on that test's own
/// runtime. What the limiter counted under other names must not matter: put the name into the keys.
///
/// ```ignore
/// mod memory {
///     lyceum_testkit::limiter_contract!(|_| async { Some(Arc::new(MemoryLimiter::new())) });
/// }
/// ```
#[macro_export]
macro_rules! limiter_contract {
    ($make:expr) => {
        $crate::limiter_contract! { @all $make;
            no_more_than_a_burst_is_let_through_at_once
            no_more_than_the_rate_is_let_through_in_the_long_run
            a_refused_demand_takes_nothing
            who_waits_as_long_as_told_is_let_through
            a_verdict_says_what_is_left
            what_is_empty_is_full_when_it_was_said_to_be
            classes_and_people_are_counted_apart
            two_hundred_at_once_get_exactly_a_burst
            what_one_server_lets_through_the_other_knows
            what_is_given_back_can_be_taken_again_by_anybody
            nothing_is_given_back_to_what_is_full
            a_faster_rate_holds_at_once
            a_slower_rate_holds_at_once
            extreme_rates_are_counted
            a_check_says_that_all_is_well
        }
    };
    (@all $make:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::contract::limiter::run(stringify!($case), $make, |subject| async move {
                    $crate::contract::limiter::$case(&subject).await;
                });
            }
        )*
    };
}

fn rate(per_minute: u32, burst: u32) -> Rate {
    let number = |n| NonZeroU32::new(n).expect("not zero");
    Rate { per_minute: number(per_minute), burst: number(burst) }
}

/// Demands for signing in from one network.
fn demand(rate: Rate) -> Demand {
    let network = Network::of(Some([203, 0, 113, 7].into()));
    Demand { class: Class::Auth, counted: Counted::Network(network), rate }
}

async fn take(limiter: &dyn Limiter, demand: &Demand) -> Verdict {
    limiter.take(demand).await.expect("a verdict")
}

/// Asks so often, at once; how many were let through.
async fn let_through(limiter: &dyn Limiter, demand: &Demand, times: u32) -> u32 {
    let mut allowed = 0;
    for _ in 0..times {
        allowed += u32::from(take(limiter, demand).await.is_allowed());
    }
    allowed
}

/// After silence a burst is let through, and not one more.
pub async fn no_more_than_a_burst_is_let_through_at_once(subject: &Subject) {
    assert_eq!(let_through(&*subject.one, &demand(rate(1, 10)), 40).await, 10);
}

/// However one asks, what is let through is a burst and what the rate gives in that time; and who is told to wait gets
/// one for each time they do.
pub async fn no_more_than_the_rate_is_let_through_in_the_long_run(subject: &Subject) {
    let demand = demand(rate(6000, 5));
    let began = Instant::now();
    let mut allowed = 0;
    while began.elapsed() < Duration::from_millis(500) {
        match take(&*subject.one, &demand).await.retry_after {
            None => allowed += 1,
            Some(wait) if allowed % 3 == 0 => tokio::time::sleep(wait).await,
            Some(_) => tokio::task::yield_now().await,
        }
    }
    let most = 5 + 1 + began.elapsed().as_millis() / demand.rate.interval().as_millis();
    assert!(allowed > 5, "nothing comes after the burst");
    assert!(allowed <= most, "{allowed} were let through, {most} at most should have been");
}

/// Asking again and again while one is refused makes nobody wait longer.
pub async fn a_refused_demand_takes_nothing(subject: &Subject) {
    let demand = demand(rate(2, 2));
    assert_eq!(let_through(&*subject.one, &demand, 2).await, 2);
    let first = take(&*subject.one, &demand).await;
    assert_eq!(let_through(&*subject.one, &demand, 100).await, 0);
    let last = take(&*subject.one, &demand).await;
    assert!(last.retry_after <= first.retry_after && last.retry_after.is_some(), "{first:?}, then {last:?}");
    assert!(last.reset <= first.reset, "{first:?}, then {last:?}");
}

/// What a refusal says is true: that long, and not a long time less.
pub async fn who_waits_as_long_as_told_is_let_through(subject: &Subject) {
    let demand = demand(rate(300, 2));
    let began = Instant::now();
    assert_eq!(let_through(&*subject.one, &demand, 2).await, 2);
    for turn in 1..=3_u32 {
        let Some(wait) = take(&*subject.one, &demand).await.retry_after else {
            panic!("let through for the {turn}. time after {:?}", began.elapsed());
        };
        assert!(!wait.is_zero() && wait <= demand.rate.interval(), "{wait:?}");
        tokio::time::sleep(wait).await;
        let verdict = take(&*subject.one, &demand).await;
        assert!(verdict.is_allowed(), "told to wait {wait:?}, then {verdict:?}");
        assert!(began.elapsed() >= demand.rate.interval() * turn, "{turn} too early, after {:?}", began.elapsed());
    }
}

/// A verdict says how many more there are, and how long it takes until all are back.
pub async fn a_verdict_says_what_is_left(subject: &Subject) {
    let demand = demand(rate(10, 5));
    let interval = demand.rate.interval();
    let began = Instant::now();
    let mut last = None;
    for taken in 1..=5_u32 {
        let verdict = take(&*subject.one, &demand).await;
        assert_eq!((verdict.limit, verdict.remaining), (5, 5 - taken));
        assert_eq!(verdict.retry_after, None);
        let reset = interval * taken;
        assert!(verdict.reset <= reset, "after {taken}: {verdict:?}");
        assert!(verdict.reset + began.elapsed() >= reset, "after {taken}: {verdict:?}");
        last = Some(verdict);
    }
    let refused = take(&*subject.one, &demand).await;
    assert_eq!((refused.limit, refused.remaining), (5, 0));
    let wait = refused.retry_after.expect("refused");
    assert!(wait <= interval && wait + began.elapsed() >= interval, "{refused:?}");
    assert!(refused.reset <= last.expect("five").reset && refused.reset >= interval * 4, "{refused:?}");
}

/// When the time is over after which a bucket is said to be full, it is.
pub async fn what_is_empty_is_full_when_it_was_said_to_be(subject: &Subject) {
    let demand = demand(rate(1200, 10));
    while take(&*subject.one, &demand).await.is_allowed() {}
    let empty = take(&*subject.one, &demand).await;
    assert!(empty.reset <= demand.rate.full_after(), "{empty:?}");
    // The time that the system has slept away is told in milliseconds.
    tokio::time::sleep(empty.reset + Duration::from_millis(1)).await;
    let full = take(&*subject.one, &demand).await;
    assert_eq!((full.remaining, full.is_allowed()), (9, true));
}

/// What one has used up in one class is there for another, and in other classes.
pub async fn classes_and_people_are_counted_apart(subject: &Subject) {
    let network = |last| Counted::Network(Network::of(Some([203, 0, 113, last].into())));
    let user = |number| Counted::User(UserId::from_uuid(uuid::Uuid::from_u128(number)));
    let unknown = Counted::Network(Network::of(None));
    let sixth = |text: &str| Counted::Network(Network::of(Some(text.parse().expect("an address"))));
    let all = [network(1), network(2), user(1), user(2), unknown, sixth("2001:db8::1"), sixth("2001:db8:0:1::1")];
    for class in Class::ALL {
        for counted in &all {
            let demand = Demand { class, counted: counted.clone(), rate: rate(1, 2) };
            let name = format!("{class} of {counted}");
            assert_eq!(let_through(&*subject.one, &demand, 3).await, 2, "{name}");
        }
    }
}

/// However many ask at once, at two servers, a burst is let through: nobody slips in between.
pub async fn two_hundred_at_once_get_exactly_a_burst(subject: &Subject) {
    let demand = demand(rate(1, 37));
    let takes = (0..200).map(|number| {
        let limiter = if number % 2 == 0 { &subject.one } else { &subject.other };
        take(&**limiter, &demand)
    });
    let verdicts = join_all(takes).await;
    assert_eq!(verdicts.iter().filter(|verdict| verdict.is_allowed()).count(), 37);
    let mut remaining: Vec<_> = verdicts.iter().filter(|v| v.is_allowed()).map(|v| v.remaining).collect();
    remaining.sort_unstable();
    assert_eq!(remaining, (0..37).collect::<Vec<_>>(), "each has a place of its own");
}

/// Two servers have one count.
pub async fn what_one_server_lets_through_the_other_knows(subject: &Subject) {
    let demand = demand(rate(1, 4));
    for (limiter, left) in [(&subject.one, 3), (&subject.other, 2), (&subject.one, 1), (&subject.other, 0)] {
        assert_eq!(take(&**limiter, &demand).await.remaining, left);
    }
    assert!(!take(&*subject.one, &demand).await.is_allowed());
    assert!(!take(&*subject.other, &demand).await.is_allowed());
}

/// What one server has taken for nothing is there for all when it has given it back; once.
pub async fn what_is_given_back_can_be_taken_again_by_anybody(subject: &Subject) {
    let demand = demand(rate(1, 3));
    assert_eq!(let_through(&*subject.one, &demand, 4).await, 3);
    for limiter in [&subject.other, &subject.one] {
        subject.one.give_back(&demand).await.expect("counts");
        assert_eq!(let_through(&**limiter, &demand, 2).await, 1);
    }
    // Others have lost and gained nothing.
    let another = Demand { class: Class::Chat, ..demand };
    assert_eq!(let_through(&*subject.one, &another, 4).await, 3);
}

/// However often is given back, a burst is the most.
pub async fn nothing_is_given_back_to_what_is_full(subject: &Subject) {
    for rate in [rate(1, 3), rate(u32::MAX, 3), rate(1, u32::MAX)] {
        subject.one.give_back(&demand(rate)).await.expect("counts");
    }
    let demand = demand(rate(1, 3));
    assert_eq!(let_through(&*subject.one, &demand, 2).await, 2);
    for _ in 0..5 {
        subject.one.give_back(&demand).await.expect("counts");
    }
    assert_eq!(let_through(&*subject.one, &demand, 9).await, 3);
}

/// A faster rate is not held up by what was used up under a slower one.
pub async fn a_faster_rate_holds_at_once(subject: &Subject) {
    let (slow, fast) = (demand(rate(1, 1)), demand(rate(600, 10)));
    assert_eq!(let_through(&*subject.one, &slow, 2).await, 1);
    let verdict = take(&*subject.one, &fast).await;
    assert_eq!(verdict.limit, 10);
    if let Some(wait) = verdict.retry_after {
        assert!(wait <= fast.rate.interval(), "{verdict:?}");
        tokio::time::sleep(wait).await;
        assert!(take(&*subject.one, &fast).await.is_allowed());
    }
}

/// A slower rate lets no more through than itself, whatever was left under a faster one.
pub async fn a_slower_rate_holds_at_once(subject: &Subject) {
    assert_eq!(take(&*subject.one, &demand(rate(600, 100))).await.remaining, 99);
    let slow = demand(rate(1, 3));
    assert!(let_through(&*subject.one, &slow, 10).await <= 3);
    assert_eq!(take(&*subject.one, &slow).await.limit, 3);
}

/// The least and the most that can be said is counted as well.
pub async fn extreme_rates_are_counted(subject: &Subject) {
    for (number, rate) in (1..).zip([rate(1, 1), rate(1, u32::MAX), rate(u32::MAX, 1), rate(u32::MAX, u32::MAX)]) {
        let user = UserId::from_uuid(uuid::Uuid::from_u128(number));
        let demand = Demand { class: Class::Chat, counted: Counted::User(user), rate };
        let verdict = take(&*subject.one, &demand).await;
        assert!(verdict.is_allowed() && verdict.remaining < rate.burst.get(), "{rate:?}: {verdict:?}");
    }
}

/// A limiter that counts says so.
pub async fn a_check_says_that_all_is_well(subject: &Subject) {
    subject.one.check().await.expect("counts");
    subject.other.check().await.expect("counts");
}
