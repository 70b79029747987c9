use super::*;
use crate::test_model::{bad, misconfigured, rate_limited, refused, secs, timeout, unavailable};
use proptest::prelude::*;
use tokio::time::advance;

fn breaker() -> Arc<Breaker> {
    Arc::new(Breaker::new("test", BreakerSettings { failures: 3, fewest_calls: 20, ..BreakerSettings::default() }))
}

fn fail(breaker: &Arc<Breaker>, error: &ChatError) {
    breaker.enter().expect("let through").failed(error);
}

fn succeed(breaker: &Arc<Breaker>) {
    breaker.enter().expect("let through").succeeded();
}

fn open(breaker: &Arc<Breaker>) {
    for _ in 0..3 {
        fail(breaker, &unavailable(None));
    }
    assert!(breaker.rest().is_some());
}

fn wait(breaker: &Arc<Breaker>) -> Duration {
    breaker.enter().expect_err("kept out")
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_it_whatever_they_are() {
    for error in [unavailable(None), rate_limited(None), timeout(), bad(), misconfigured()] {
        let breaker = breaker();
        fail(&breaker, &error);
        fail(&breaker, &error);
        succeed(&breaker);
        fail(&breaker, &error);
        fail(&breaker, &error);
        assert_eq!(breaker.rest(), None, "{error}");
        fail(&breaker, &error);
        assert_eq!(wait(&breaker), secs(10), "{error}");
        advance(secs(4)).await;
        assert_eq!((wait(&breaker), breaker.rest()), (secs(6), Some(secs(6))), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_and_a_caller_who_leaves_count_for_nothing() {
    let breaker = breaker();
    for _ in 0..50 {
        fail(&breaker, &refused());
        drop(breaker.enter().expect("let through"));
    }
    fail(&breaker, &bad());
    fail(&breaker, &bad());
    fail(&breaker, &refused());
    assert_eq!(breaker.rest(), None);
    fail(&breaker, &bad());
    assert!(breaker.rest().is_some(), "a refusal is no success either");
}

#[tokio::test(start_paused = true)]
async fn failures_that_are_hours_apart_open_nothing() {
    let breaker = breaker();
    for _ in 0..20 {
        fail(&breaker, &timeout());
        advance(secs(61)).await;
    }
    assert_eq!(breaker.rest(), None);
}

#[tokio::test(start_paused = true)]
async fn half_of_many_calls_open_it_without_a_row() {
    let breaker = breaker();
    for _ in 0..9 {
        succeed(&breaker);
        fail(&breaker, &unavailable(None));
    }
    succeed(&breaker);
    assert_eq!(breaker.rest(), None, "19 calls are no share yet");
    fail(&breaker, &unavailable(None));
    assert!(breaker.rest().is_some());
}

#[tokio::test(start_paused = true)]
async fn after_the_rest_one_call_is_a_probe() {
    let breaker = breaker();
    open(&breaker);
    advance(secs(10)).await;
    assert_eq!(breaker.rest(), None);
    let probe = breaker.enter().expect("the probe");
    for _ in 0..100 {
        assert_eq!(wait(&breaker), WHILE_PROBED);
    }
    probe.succeeded();
    let both = [breaker.enter(), breaker.enter()];
    assert!(both.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn each_probe_that_fails_doubles_the_rest_up_to_the_longest() {
    let breaker = breaker();
    open(&breaker);
    for rest in [10, 20, 40, 80, 160, 300, 300] {
        assert_eq!(wait(&breaker), secs(rest));
        advance(secs(rest)).await;
        fail(&breaker, &timeout());
    }
    advance(secs(300)).await;
    succeed(&breaker);
    // It is out again at once: no fresh start.
    open(&breaker);
    assert_eq!(wait(&breaker), secs(300));
    advance(secs(300)).await;
    succeed(&breaker);
    advance(secs(60)).await;
    open(&breaker);
    assert_eq!(wait(&breaker), secs(10), "it was well for a minute");
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_caller_leaves_gives_its_place_to_the_next() {
    let breaker = breaker();
    open(&breaker);
    advance(secs(10)).await;
    for _ in 0..5 {
        let probe = breaker.enter().expect("the probe");
        assert!(breaker.enter().is_err());
        drop(probe);
        fail(&breaker, &refused());
    }
    succeed(&breaker);
    assert!(breaker.enter().is_ok() && breaker.enter().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_never_ends_keeps_nobody_out_for_long() {
    let breaker = breaker();
    open(&breaker);
    advance(secs(10)).await;
    let stuck = breaker.enter().expect("the probe");
    advance(secs(29)).await;
    assert!(breaker.enter().is_err());
    advance(secs(1)).await;
    let second = breaker.enter().expect("another probe");
    assert!(breaker.enter().is_err(), "one more, not all");
    drop(second);
    assert!(breaker.enter().is_err(), "the first is still there");
    // An answer may well take that long: its end counts.
    stuck.succeeded();
    assert!(breaker.enter().is_ok() && breaker.enter().is_ok());
}

#[tokio::test(start_paused = true)]
async fn calls_from_before_the_rest_move_nothing() {
    let breaker = breaker();
    let enter = || breaker.enter().expect("let through");
    let (late, later, latest, last) = (enter(), enter(), enter(), enter());
    open(&breaker);
    late.succeeded();
    later.failed(&unavailable(Some(secs(200))));
    assert_eq!(wait(&breaker), secs(10));
    advance(secs(10)).await;
    let probe = breaker.enter().expect("the probe");
    drop(last);
    assert!(breaker.enter().is_err(), "who left was not the probe");
    latest.failed(&bad());
    assert_eq!(breaker.rest(), None);
    probe.succeeded();
    assert!(breaker.enter().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_asked_too_often_says_how_long_it_rests() {
    let breaker = breaker();
    for _ in 0..2 {
        fail(&breaker, &rate_limited(Some(secs(7))));
        assert_eq!(breaker.rest(), None, "one long prompt silences nobody");
    }
    fail(&breaker, &rate_limited(Some(secs(7))));
    assert_eq!(wait(&breaker), secs(7));
    advance(secs(7)).await;
    fail(&breaker, &rate_limited(Some(secs(3))));
    assert_eq!(wait(&breaker), secs(3));
    advance(secs(3)).await;
    fail(&breaker, &rate_limited(Some(secs(86_400))));
    assert_eq!(wait(&breaker), secs(300), "not a day long");
    advance(secs(300)).await;
    fail(&breaker, &rate_limited(Some(Duration::ZERO)));
    assert_eq!(wait(&breaker), secs(10), "no wait at all is no rest");
    advance(secs(10)).await;
    fail(&breaker, &unavailable(Some(secs(1))));
    assert_eq!(wait(&breaker), secs(20), "at least our own");
    advance(secs(20)).await;
    fail(&breaker, &unavailable(Some(secs(90))));
    assert_eq!(wait(&breaker), secs(90), "at least what it asks for");
}

#[derive(Debug, Clone)]
enum Step {
    Enter,
    Succeed(usize),
    Fail(usize),
    Leave(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Enter),
        1 => (0_usize..8).prop_map(Step::Succeed),
        4 => (0_usize..8).prop_map(Step::Fail),
        1 => (0_usize..8).prop_map(Step::Leave),
        2 => (0_u64..20).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest! {
    /// Whatever happens, no more probes are under way than their patience allows, and once all callers are gone and
    /// the longest rest is over, somebody is let through.
    #[test]
    fn it_never_gets_stuck(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let breaker = breaker();
            let mut calls: Vec<Call> = Vec::new();
            let mut last_probe: Option<Instant> = None;
            for step in steps {
                let take = |calls: &mut Vec<Call>, at: usize| (at < calls.len()).then(|| calls.swap_remove(at));
                match step {
                    Step::Enter => {
                        let others = {
                            let state = breaker.state();
                            match state.mode {
                                Mode::HalfOpen { .. } => calls.iter().filter(|c| c.stretch == state.stretch).count(),
                                _ => 0,
                            }
                        };
                        if let Ok(call) = breaker.enter() {
                            if matches!(breaker.state().mode, Mode::HalfOpen { .. }) {
                                let now = Instant::now();
                                assert!(others == 0 || last_probe.is_some_and(|last| now - last >= secs(30)));
                                last_probe = Some(now);
                            }
                            calls.push(call);
                        }
                    }
                    Step::Succeed(at) => if let Some(call) = take(&mut calls, at) { call.succeeded() },
                    Step::Fail(at) => if let Some(call) = take(&mut calls, at) { call.failed(&bad()) },
                    Step::Leave(at) => drop(take(&mut calls, at)),
                    Step::Pass(seconds) => advance(secs(seconds)).await,
                }
            }
            calls.clear();
            advance(secs(300)).await;
            succeed(&breaker);
            assert!(breaker.enter().is_ok() && breaker.rest().is_none());
        });
    }
}

#[test]
fn many_threads_share_it() {
    let breaker = breaker();
    for _ in 0..3 {
        fail(&breaker, &unavailable(None));
    }
    breaker.state().mode = Mode::Open { until: Instant::now() };
    let entered: usize = std::thread::scope(|scope| {
        let ask = || (0..100).filter_map(|_| breaker.enter().ok()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        let calls: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect();
        calls.len()
    });
    assert_eq!(entered, 1, "one probe, however many ask at once");
}

#[tokio::test(start_paused = true)]
async fn it_says_how_it_stands() {
    let breaker = breaker();
    assert_eq!((breaker.status(), breaker.name()), (BreakerStatus::Closed, "test"));
    open(&breaker);
    assert_eq!(breaker.status(), BreakerStatus::Open);
    advance(secs(10)).await;
    assert_eq!(breaker.status(), BreakerStatus::HalfOpen, "the rest is over, and nobody knows yet");
    let probe = breaker.enter().expect("let through");
    assert_eq!(breaker.status(), BreakerStatus::HalfOpen);
    probe.succeeded();
    assert_eq!(breaker.status(), BreakerStatus::Closed);
}
