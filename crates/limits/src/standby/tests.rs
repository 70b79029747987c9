use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

use lyceum_domain::{
    limits::{Class, Counted, Rate, Whose},
    sessions::Network,
};
use tokio::{sync::watch, time::Instant};

use super::{
    absence::{Absence, FIRST_REST},
    *,
};
use crate::tally::Said;

/// A counter far away that the test switches on and off.
#[derive(Debug)]
struct Far {
    state: watch::Receiver<State>,
    asked: Arc<AtomicU32>,
    /// After how many absences its connection was made.
    connected: AtomicU64,
    /// Connections from before so many absences are dead.
    dead_before: Arc<AtomicU64>,
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
        let is_dead = self.connected.load(Relaxed) < self.dead_before.load(Relaxed);
        let state = if is_dead { State::Hangs } else { *self.state.borrow() };
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

    async fn give_back(&self, _: &Demand) -> Result<(), LimiterError> {
        self.answer(()).await
    }

    async fn check(&self) -> Result<Counting, LimiterError> {
        self.answer(Counting::Shared).await
    }
}

impl Remote for Far {
    fn been_away(&self, times: u64) {
        self.connected.fetch_max(times, Relaxed);
    }
}

struct Scene {
    limiter: SharedLimiter<Far>,
    far: watch::Sender<State>,
    asked: Arc<AtomicU32>,
    dead_before: Arc<AtomicU64>,
}

impl Scene {
    fn new(state: State) -> Self {
        let (switch, receiver) = watch::channel(state);
        let (asked, dead_before) = (Arc::<AtomicU32>::default(), Arc::<AtomicU64>::default());
        let far = Far { state: receiver, asked: asked.clone(), connected: 0.into(), dead_before: dead_before.clone() };
        let limiter = SharedLimiter::new(far, Arc::new(Standby::new()));
        Self { limiter, far: switch, asked, dead_before }
    }

    /// Another thread of the same server, with a connection of its own.
    fn worker(&self) -> SharedLimiter<Far> {
        let (state, asked, dead_before) = (self.far.subscribe(), self.asked.clone(), self.dead_before.clone());
        let far = Far { state, asked, connected: 0.into(), dead_before };
        SharedLimiter::new(far, Arc::clone(&self.limiter.standby))
    }

    async fn take(&self, class: Class) -> Verdict {
        take(&self.limiter, class).await
    }

    /// How often the counter was asked since the last time.
    fn asked(&self) -> u32 {
        self.asked.swap(0, Relaxed)
    }

    fn said(&self, class: Class) -> Said {
        self.limiter.standby.tally().of(class, Whose::Network)
    }
}

/// Three at once, all of which are of one network.
fn demand(class: Class) -> Demand {
    let counted = Counted::Network(Network::of(None));
    let rate = Rate { per_minute: NonZeroU32::MIN, burst: NonZeroU32::new(3).unwrap() };
    Demand { class, counted, rate }
}

async fn take(limiter: &SharedLimiter<Far>, class: Class) -> Verdict {
    limiter.take(&demand(class)).await.expect("there is always a verdict")
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
    let of_users = scene.limiter.standby.tally().of(Class::Reads, Whose::User);
    assert_eq!(of_users, Said::default(), "nobody was signed in");
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
async fn what_is_given_back_is_back_with_and_without_it() {
    let scene = Scene::new(State::Answers);
    for _ in 0..3 {
        scene.take(Class::Auth).await;
        scene.limiter.give_back(&demand(Class::Auth)).await.expect("it is there");
    }
    assert_eq!(scene.asked(), 6);
    scene.far.send_replace(State::Fails);
    // What was given back before is not used up here either; nor what is given back without it.
    for _ in 0..3 {
        assert!(scene.take(Class::Auth).await.is_allowed());
    }
    assert!(!scene.take(Class::Auth).await.is_allowed());
    scene.limiter.give_back(&demand(Class::Auth)).await.expect("it is given back here");
    assert!(scene.take(Class::Auth).await.is_allowed());
    assert_eq!(scene.asked(), 1, "it has a rest");
}

#[tokio::test(start_paused = true)]
async fn that_nothing_can_be_given_back_is_noticed_as_well() {
    let scene = Scene::new(State::Answers);
    scene.take(Class::Reads).await;
    scene.far.send_replace(State::Fails);
    scene.limiter.give_back(&demand(Class::Reads)).await.expect("nobody has to know");
    assert!(scene.limiter.standby.is_alone());
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
    scene.asked();
    assert_eq!(scene.take(Class::Reads).await, LET_THROUGH);
    assert_eq!(scene.asked(), 0, "not one after the other without a rest");
    tokio::time::sleep(FIRST_REST).await;
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

#[tokio::test(start_paused = true)]
async fn connections_from_before_an_absence_do_not_make_another() {
    let scene = Scene::new(State::Answers);
    let workers: Vec<_> = (0..3).map(|_| scene.worker()).collect();
    scene.far.send_replace(State::Hangs);
    scene.take(Class::Reads).await;
    assert!(scene.limiter.standby.is_alone());
    scene.dead_before.store(1, Relaxed);
    scene.far.send_replace(State::Answers);
    tokio::time::sleep(FIRST_REST).await;
    for worker in [&scene.limiter].into_iter().chain(&workers) {
        assert_ne!(take(worker, Class::Reads).await, LET_THROUGH);
        assert!(!scene.limiter.standby.is_alone());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_an_absence_and_ends_after_it_is_no_news() {
    let (absence, error) = (Absence::default(), LimiterError("timed out".into()));
    let early = absence.enter().expect("it is there");
    absence.enter().expect("it is there").failed(&error);
    tokio::time::sleep(FIRST_REST).await;
    let (probe, overtaken) = {
        let overtaken = absence.enter().expect("somebody may find out");
        tokio::time::sleep(Duration::from_secs(5)).await;
        (absence.enter().expect("it took too long"), overtaken)
    };
    probe.succeeded();
    early.failed(&error);
    assert!(!absence.is_away());
    // The next absence is not ended by a probe of the last.
    absence.enter().expect("it is there").failed(&error);
    overtaken.succeeded();
    assert!(absence.is_away());
}
