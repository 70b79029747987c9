use super::*;
use futures_util::FutureExt as _;
use proptest::prelude::*;
use std::{future::Future, pin::Pin};
use tokio::time::{Instant, advance};
use uuid::Uuid;

const SETTINGS: LaneSettings =
    LaneSettings { at_once: 1, waiting: 100, waiting_per_user: 50, patience: Duration::from_secs(10) };

type Entering = Pin<Box<dyn Future<Output = Result<Lane, Busy>> + Send>>;

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

/// Comes, and is in the queue or inside when this returns.
fn entering(lanes: &Lanes, of: u128) -> Entering {
    let lanes = lanes.clone();
    Box::pin(async move { lanes.enter(user(of)).await })
}

fn waits(lanes: &Lanes, of: u128) -> Entering {
    let mut entering = entering(lanes, of);
    assert!(entering.as_mut().now_or_never().is_none(), "it waits");
    entering
}

fn enters(lanes: &Lanes, of: u128) -> Lane {
    entering(lanes, of).now_or_never().expect("at once").expect("a place")
}

fn arrives(entering: &mut Entering) -> Option<Lane> {
    entering.as_mut().now_or_never().map(|outcome| outcome.expect("a place"))
}

/// Taken and waiting, after looking whether the books agree.
fn load(lanes: &Lanes) -> (usize, usize) {
    let state = lanes.shared.state();
    assert_eq!(state.queues.values().map(VecDeque::len).sum::<usize>(), state.waiting);
    assert_eq!(state.turns.len(), state.queues.len());
    assert!(state.turns.iter().all(|user| state.queues.contains_key(user)));
    assert!(state.queues.values().all(|queue| !queue.is_empty()));
    assert!(state.waiting == 0 || state.taken == lanes.shared.settings.at_once);
    (state.taken, state.waiting)
}

#[tokio::test(start_paused = true)]
async fn as_many_enter_as_may_and_the_next_when_one_leaves() {
    let lanes = Lanes::new(LaneSettings { at_once: 3, ..SETTINGS });
    let mut inside: Vec<_> = (0..3).map(|of| enters(&lanes, of)).collect();
    let mut next = waits(&lanes, 1);
    assert_eq!(load(&lanes), (3, 1));
    assert_eq!(lanes.status(), LaneStatus { taken: 3, at_once: 3, waiting: 1, refused: 0 });
    inside.pop();
    let lane = arrives(&mut next);
    assert!(lane.is_some());
    assert_eq!(load(&lanes), (3, 0));
    drop((lane, inside));
    assert_eq!(load(&lanes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn users_take_turns_and_the_calls_of_one_come_in_order() {
    let lanes = Lanes::new(SETTINGS);
    let mut inside = enters(&lanes, 1);
    // One asks a lot before the others come.
    let order = [1, 1, 1, 1, 2, 3, 2];
    let mut waiting: Vec<_> = order.iter().map(|of| Some(waits(&lanes, *of))).collect();
    let mut arrived = Vec::new();
    while load(&lanes).1 > 0 {
        drop(inside);
        let next = waiting.iter_mut().enumerate().find_map(|(at, call)| Some((at, arrives(call.as_mut()?)?)));
        let (at, lane) = next.expect("somebody is next");
        waiting[at] = None;
        arrived.push(at);
        inside = lane;
    }
    drop(inside);
    assert_eq!(arrived, [0, 4, 5, 1, 6, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_full_says_so_at_once() {
    let lanes = Lanes::new(LaneSettings { waiting: 3, waiting_per_user: 2, ..SETTINGS });
    let inside = enters(&lanes, 1);
    let one = [waits(&lanes, 1), waits(&lanes, 1)];
    let refused = |of| entering(&lanes, of).now_or_never().expect("at once").expect_err("no place");
    assert_eq!(refused(1).retry_after, SETTINGS.patience);
    let other = waits(&lanes, 2);
    refused(2);
    refused(3);
    drop(other);
    let third = waits(&lanes, 3);
    drop((inside, one, third));
    assert_eq!(load(&lanes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_patience() {
    let lanes = Lanes::new(SETTINGS);
    let inside = enters(&lanes, 1);
    let began = Instant::now();
    assert!(lanes.enter(user(2)).await.is_err());
    assert_eq!(began.elapsed(), SETTINGS.patience);
    assert_eq!(load(&lanes), (1, 0));
    drop(inside);
    assert_eq!(load(&lanes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_queue_is_not_waited_for() {
    let lanes = Lanes::new(SETTINGS);
    let inside = enters(&lanes, 1);
    let (gone, mut first, also_gone, mut second) =
        (waits(&lanes, 2), waits(&lanes, 3), waits(&lanes, 2), waits(&lanes, 2));
    drop((gone, also_gone));
    assert_eq!(load(&lanes), (1, 2));
    drop(inside);
    // User 2 still has the first turn.
    assert!(arrives(&mut first).is_none());
    let lane = arrives(&mut second).expect("a place");
    drop(lane);
    assert!(arrives(&mut first).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_place_on_its_way_to_somebody_who_leaves_goes_to_the_next() {
    let lanes = Lanes::new(SETTINGS);
    let inside = enters(&lanes, 1);
    let (first, second, mut third) = (waits(&lanes, 2), waits(&lanes, 3), waits(&lanes, 4));
    drop(inside);
    assert_eq!(load(&lanes), (1, 2), "the place is on its way");
    drop(first);
    drop(second);
    let lane = arrives(&mut third);
    assert!(lane.is_some());
    drop(lane);
    assert_eq!(load(&lanes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_comes_with_the_end_of_the_patience_is_not_lost() {
    let lanes = Lanes::new(SETTINGS);
    let inside = enters(&lanes, 1);
    let (mut tired, mut next) = (waits(&lanes, 2), waits(&lanes, 3));
    advance(SETTINGS.patience).await;
    drop(inside);
    let lane = arrives(&mut tired);
    assert!(lane.is_some(), "it had come in time");
    drop((lane, tired));
    assert!(arrives(&mut next).is_some());
    assert_eq!(load(&lanes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_who_comes_just_then_gets_in_first() {
    let lanes = Lanes::new(SETTINGS);
    let inside = enters(&lanes, 1);
    let mut first = waits(&lanes, 2);
    drop(inside);
    let mut barging = waits(&lanes, 1);
    let lane = arrives(&mut first).expect("a place");
    drop(lane);
    assert!(arrives(&mut barging).is_some());
}

#[test]
fn threads_that_come_and_go_lose_no_place() {
    let lanes = Lanes::new(LaneSettings { at_once: 3, waiting: 1_000, patience: Duration::from_millis(2), ..SETTINGS });
    let inside = std::sync::atomic::AtomicUsize::new(0);
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        for thread in 0..4_u128 {
            let (lanes, inside) = (&lanes, &inside);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
                runtime.block_on(async {
                    let call = async |round: u64| {
                        // Some leave while they wait, some just when a place comes.
                        let limit = Duration::from_micros(round % 7 * 300);
                        let Ok(Ok(lane)) = timeout(limit, lanes.enter(user(thread))).await else { return };
                        assert!(inside.fetch_add(1, order) < 3);
                        tokio::task::yield_now().await;
                        inside.fetch_sub(1, order);
                        drop(lane);
                    };
                    for round in 0..60 {
                        futures_util::future::join_all((0..8).map(|at| call(round + at))).await;
                    }
                });
            });
        }
    });
    assert_eq!(load(&lanes), (0, 0));
}

#[derive(Debug, Clone)]
enum Step {
    Come(u128),
    Leave(usize),
    GiveUp(usize),
    /// The one who waits notices what has come.
    Look(usize),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0_u128..5).prop_map(Step::Come),
        3 => (0_usize..12).prop_map(Step::Leave),
        1 => (0_usize..12).prop_map(Step::GiveUp),
        3 => (0_usize..12).prop_map(Step::Look),
        1 => (0_u64..6).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #[test]
    fn whatever_happens_places_are_neither_lost_nor_made(steps in steps(), at_once in 1_usize..4) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let lanes = Lanes::new(LaneSettings { at_once, waiting: 12, waiting_per_user: 4, ..SETTINGS });
            let (mut inside, mut outside): (Vec<Lane>, Vec<Entering>) = (Vec::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Come(of) => {
                        let mut entering = entering(&lanes, of);
                        match entering.as_mut().now_or_never() {
                            Some(outcome) => inside.extend(outcome),
                            None => outside.push(entering),
                        }
                    }
                    Step::Leave(at) if at < inside.len() => drop(inside.remove(at)),
                    Step::GiveUp(at) if at < outside.len() => drop(outside.remove(at)),
                    Step::Look(at) if at < outside.len() => {
                        if let Some(outcome) = outside[at].as_mut().now_or_never() {
                            inside.extend(outcome);
                            drop(outside.remove(at));
                        }
                    }
                    Step::Pass(seconds) => advance(Duration::from_secs(seconds)).await,
                    Step::Leave(_) | Step::GiveUp(_) | Step::Look(_) => {}
                }
                let (taken, waiting) = load(&lanes);
                assert!(inside.len() <= taken && taken <= at_once);
                assert!(waiting <= outside.len() && waiting <= 12);
                assert!(outside.len() >= taken - inside.len(), "each place on its way has somebody to come to");
            }
            drop(outside);
            assert_eq!(load(&lanes), (inside.len(), 0));
            drop(inside);
            assert_eq!(load(&lanes), (0, 0));
            assert!((0..at_once).map(|_| entering(&lanes, 1).now_or_never()).all(|entered| entered.is_some()));
        });
    }

    /// Each place that becomes free brings somebody nearer: with `n` calls of their own before them, nobody waits for
    /// more than `n + 1` rounds of all users, however many the others send.
    #[test]
    fn nobody_starves(users in proptest::collection::vec(0_u128..5, 1..60), ahead in 0_usize..4) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let lanes = Lanes::new(LaneSettings { waiting: 1_000, waiting_per_user: 1_000, ..SETTINGS });
            let mut inside = enters(&lanes, 0);
            let mut others: Vec<Entering> = users.iter().map(|of| waits(&lanes, *of)).collect();
            others.extend((0..ahead).map(|_| waits(&lanes, 9)));
            let mut patient = waits(&lanes, 9);
            for served in 0.. {
                assert!(served < (ahead + 1) * 6, "served {served} before");
                drop(inside);
                if let Some(lane) = arrives(&mut patient) {
                    drop(lane);
                    break;
                }
                let at = others.iter_mut().enumerate().find_map(|(at, other)| Some((at, arrives(other)?)));
                let (at, lane) = at.expect("somebody is served");
                inside = lane;
                drop(others.remove(at));
                // And the one who was served comes again at once.
                others.push(waits(&lanes, users[served % users.len()]));
            }
            drop(others);
            assert_eq!(load(&lanes), (0, 0));
        });
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_are_turned_away_are_counted_at_once_and_after_waiting() {
    let lanes = Lanes::new(LaneSettings { waiting: 1, ..SETTINGS });
    let lane = enters(&lanes, 1);
    let waiting = waits(&lanes, 2);
    assert!(entering(&lanes, 3).await.is_err());
    assert_eq!(lanes.status().refused, 1);
    assert!(waiting.await.is_err());
    assert_eq!(lanes.status(), LaneStatus { taken: 1, at_once: 1, waiting: 0, refused: 2 });
    drop(lane);
    assert_eq!(lanes.status().taken, 0);
}
