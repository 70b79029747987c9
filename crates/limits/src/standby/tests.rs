use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use lyceum_domain::{
    limits::{Class, Counted, Rate},
    sessions::Network,
};
use tokio::{sync::watch, time::Instant};

use super::{absence::FIRST_REST, *};
use crate::tally::Said;

/// A counter far away that the test switches on and off.
#[derive(Debug)]
struct Far {
    state: watch::Receiver<State>,
    asked: Arc<AtomicU32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Answers,
    Fails,
    Hangs,
}

const TIME_OUT: Duration = Duration::from_millis(250);

impl Far {
    async fn answer<T>(&self, answer: T) -> Result<T, LimiterError> {
        self.asked.fetch_add(1, Relaxed);
        let state = *self.state.borrow();
        match state {
            State::Answers => Ok(answer),
            State::Fails => Err(LimiterError("refused".into())),
            State::Hangs => {
                tokio::time::sleep(TIME_OUT).await;
                Err(LimiterError("timed out".into()))
            }
        }
    }
}

#[async_trait]
impl Limiter for Far {
    async fn take(&self, demand: &Demand) -> Result<Verdict, LimiterError> {
        let limit = demand.rate.burst.get();
        self.answer(Verdict { limit, remaining: 0, reset: Duration::from_secs(7), retry_after: None }).await
    }

    async fn check(&self) -> Result<Counting, LimiterError> {
        self.answer(Counting::Shared).await
    }
}

struct Scene {
    limiter: SharedLimiter<Far>,
    far: watch::Sender<State>,
    asked: Arc<AtomicU32>,
}

impl Scene {
    fn new(state: State) -> Self {
        let (far, receiver) = watch::channel(state);
        let asked = Arc::new(AtomicU32::new(0));
        let limiter = SharedLimiter::new(Far { state: receiver, asked: asked.clone() }, Arc::new(Standby::new()));
        Self { limiter, far, asked }
    }

    async fn take(&self, class: Class) -> Verdict {
        let counted = Counted::Network(Network::of(None));
        let three = NonZeroU32::new(3).unwrap();
        let rate = Rate { per_minute: NonZeroU32::MIN, burst: three };
        self.limiter.take(&Demand { class, counted, rate }).await.expect("there is always a verdict")
    }

    /// How often the counter was asked since the last time.
    fn asked(&self) -> u32 {
        self.asked.swap(0, Relaxed)
    }

    fn said(&self, class: Class) -> Said {
        self.limiter.standby.tally().of(class)
    }
}

const LET_THROUGH: Verdict = Verdict { limit: 3, remaining: 3, reset: Duration::ZERO, retry_after: None };

#[tokio::test(start_paused = true)]
async fn while_it_answers_its_word_counts() {
    let scene = Scene::new(State::Answers);
    for class in Class::ALL {
        assert_eq!(scene.take(class).await.reset, Duration::from_secs(7), "{class}");
    }
    assert!(matches!(scene.limiter.check().await, Ok(Counting::Shared)));
    assert!(!scene.limiter.standby.is_alone());
    assert_eq!(scene.said(Class::Reads), Said { allowed: 1, ..Said::default() });
}

#[tokio::test(start_paused = true)]
async fn while_it_is_away_what_can_do_harm_is_counted_here_and_the_rest_let_through() {
    let scene = Scene::new(State::Fails);
    for class in Class::ALL {
        let mut allowed = 0;
        for _ in 0..10 {
            let verdict = scene.take(class).await;
            allowed += u32::from(verdict.is_allowed());
            assert!(!class.fails_open() || verdict == LET_THROUGH, "{class}: {verdict:?}");
        }
        assert_eq!(allowed, if class.fails_open() { 10 } else { 3 }, "{class}");
    }
    assert!(scene.limiter.check().await.is_err());
    assert!(scene.limiter.standby.is_alone());
    assert_eq!(scene.asked(), 1, "one failure is enough");
    assert_eq!(scene.said(Class::Auth), Said { allowed: 3, refused: 7, alone: 10, uncounted: 0 });
    assert_eq!(scene.said(Class::Reads), Said { allowed: 10, refused: 0, alone: 0, uncounted: 10 });
}

#[tokio::test(start_paused = true)]
async fn what_was_let_through_before_counts_when_it_goes() {
    let scene = Scene::new(State::Answers);
    for _ in 0..2 {
        scene.take(Class::Auth).await;
    }
    scene.far.send_replace(State::Fails);
    assert!(scene.take(Class::Auth).await.is_allowed());
    assert!(!scene.take(Class::Auth).await.is_allowed(), "two before and one now are three");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_counter_that_hangs_but_one_now_and_then() {
    let scene = Scene::new(State::Hangs);
    let began = Instant::now();
    let mut waited = 0;
    while began.elapsed() < Duration::from_mins(1) {
        let asked_at = Instant::now();
        assert_eq!(scene.take(Class::Reads).await, LET_THROUGH);
        waited += u32::from(asked_at.elapsed() >= TIME_OUT);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!((26..=30).contains(&waited), "{waited} of thousands in a minute waited");
}

#[tokio::test(start_paused = true)]
async fn one_finds_out_and_the_others_go_on_meanwhile() {
    let scene = Scene::new(State::Fails);
    scene.take(Class::Reads).await;
    tokio::time::sleep(FIRST_REST).await;
    scene.far.send_replace(State::Hangs);
    scene.asked();
    tokio::join!(async { scene.take(Class::Reads).await }, async {
        tokio::time::sleep(TIME_OUT / 2).await;
        for _ in 0..20 {
            assert_eq!(scene.take(Class::Reads).await, LET_THROUGH);
        }
        assert_eq!(scene.asked(), 1, "one alone");
    });
}

#[tokio::test(start_paused = true)]
async fn who_was_to_find_out_and_left_makes_way_for_the_next() {
    let scene = Scene::new(State::Hangs);
    scene.take(Class::Reads).await;
    tokio::time::sleep(FIRST_REST).await;
    let left = tokio::time::timeout(TIME_OUT / 2, scene.take(Class::Reads)).await;
    assert!(left.is_err());
    scene.far.send_replace(State::Answers);
    assert_ne!(scene.take(Class::Reads).await, LET_THROUGH);
    assert!(!scene.limiter.standby.is_alone());
}

#[tokio::test(start_paused = true)]
async fn it_is_noticed_within_seconds_that_it_is_back() {
    for away in [1, 10, 600] {
        let scene = Scene::new(State::Hangs);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(away) {
            scene.take(Class::Reads).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        scene.far.send_replace(State::Answers);
        let back = Instant::now();
        while scene.take(Class::Reads).await == LET_THROUGH {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(back.elapsed() <= Duration::from_secs(3), "{:?} after {away} s away", back.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn health_finds_out_as_well_when_there_are_no_requests() {
    let scene = Scene::new(State::Fails);
    assert!(scene.limiter.check().await.is_err());
    scene.far.send_replace(State::Answers);
    assert!(scene.limiter.check().await.is_err(), "it has a rest");
    tokio::time::sleep(FIRST_REST).await;
    assert!(matches!(scene.limiter.check().await, Ok(Counting::Shared)));
}

#[tokio::test(start_paused = true)]
async fn a_late_failure_of_many_is_one() {
    let scene = Scene::new(State::Hangs);
    let together = || async { scene.take(Class::Reads).await };
    tokio::join!(together(), together(), async {
        tokio::time::sleep(TIME_OUT / 2).await;
        // Asked while all seemed well; fails after the others did, and prolongs nothing.
        scene.take(Class::Reads).await;
    });
    scene.far.send_replace(State::Answers);
    tokio::time::sleep(FIRST_REST).await;
    assert_ne!(scene.take(Class::Reads).await, LET_THROUGH);
}
