//! Stories of servers that share their work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lyceum_application::Lyceum;
use lyceum_domain::{
    jobs::{DEAD_AFTER, Job, LOOKED_FOR, RENEWED, TRUSTED},
    policy::Actor,
    store::Store as _,
    time::Clock as _,
};
use lyceum_testkit::chat::ScriptedModel;
use proptest::prelude::*;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep, timeout},
};

use crate::house::House;

const MINUTE: Duration = Duration::from_secs(60);

/// Another server over the same store.
fn beside(house: &House) -> Lyceum {
    house.beside(ScriptedModel::always("Aye.")).lyceum
}

async fn hold(lyceum: &Lyceum) -> lyceum_application::jobs::Hold {
    lyceum.hold(&Actor::System, &Job::tidy()).await.expect("the system may")
}

#[tokio::test(start_paused = true)]
async fn only_the_house_itself_does_its_jobs() {
    let house = House::new();
    let refused = house.lyceum.hold(&Actor::Anonymous, &Job::tidy()).await;
    assert_eq!(refused.err().expect("refused").code(), "unauthenticated");
}

#[tokio::test(start_paused = true)]
async fn a_job_is_held_as_long_as_its_work_takes() {
    let house = House::new();
    let other = beside(&house);
    let mut held = hold(&house.lyceum).await;
    let waiting = async { timeout(MINUTE * 9, hold(&other)).await };
    let working = async { held.during(sleep(MINUTE * 10)).await };
    let (waited, done) = tokio::join!(waiting, working);
    assert!(waited.is_err(), "the other one got it meanwhile");
    assert!(done.is_some(), "it was lost");
    let began = Instant::now();
    held.release().await.expect("released");
    hold(&other).await;
    assert!(began.elapsed() <= LOOKED_FOR, "taken {:?} after it was free", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_job_of_a_server_that_died_is_taken_over_within_half_a_minute() {
    let house = House::new();
    let other = beside(&house);
    let mut held = hold(&house.lyceum).await;
    let dying = tokio::spawn(async move { held.during(std::future::pending::<()>()).await });
    let waiting = tokio::spawn(async move { hold(&other).await });
    sleep(MINUTE + Duration::from_millis(1300)).await;
    assert!(!waiting.is_finished(), "it lives");
    dying.abort();
    let died = Instant::now();
    waiting.await.expect("taken over");
    let took = died.elapsed();
    assert!(took >= DEAD_AFTER.saturating_sub(RENEWED) && took < MINUTE / 2, "taken over after {took:?}");
}

/// Whoever cannot reach the store stops before anybody else begins, and drops its work where it is.
#[tokio::test(start_paused = true)]
async fn who_cannot_renew_its_hold_stops_in_time() {
    let house = House::new();
    let mut held = hold(&house.lyceum).await;
    house.store.set_away(true);
    let began = Instant::now();
    assert_eq!(held.during(std::future::pending::<()>()).await, None);
    assert!(began.elapsed() <= TRUSTED, "it went on for {:?}", began.elapsed());
    // When the store is back it goes on: nobody else can have taken what nobody watched.
    house.store.set_away(false);
    let began = Instant::now();
    hold(&house.lyceum).await;
    assert!(began.elapsed() < LOOKED_FOR);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_for_a_moment_costs_nobody_their_job() {
    let house = House::new();
    let mut held = hold(&house.lyceum).await;
    let working = held.during(sleep(MINUTE * 2));
    let trouble = async {
        sleep(Duration::from_secs(4)).await;
        house.store.set_away(true);
        sleep(Duration::from_secs(9)).await;
        house.store.set_away(false);
    };
    let (done, ()) = tokio::join!(working, trouble);
    assert!(done.is_some(), "it was lost");
}

/// What one server after the other says that it is at: never two at once.
#[derive(Clone, Default)]
struct Desk(Arc<[AtomicUsize; 3]>);

impl Desk {
    /// At work until it is dropped.
    fn sit_down(&self) -> Sitting {
        let [now, most, times] = &*self.0;
        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        times.fetch_add(1, Ordering::SeqCst);
        Sitting(self.clone())
    }
}

struct Sitting(Desk);

impl Drop for Sitting {
    fn drop(&mut self) {
        self.0.0[0].fetch_sub(1, Ordering::SeqCst);
    }
}

/// A server that does the job whenever it can.
fn server(lyceum: Lyceum, desk: Desk) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let mut held = hold(&lyceum).await;
            let _ = held
                .during(async {
                    let _sitting = desk.sit_down();
                    std::future::pending::<()>().await;
                })
                .await;
        }
    })
}

#[derive(Debug, Clone, Copy)]
enum Trouble {
    Kill(usize),
    StoreAway(u64),
    /// The clocks of all of them, which nothing should hang on.
    ClockBack(u64),
}

fn trouble() -> impl Strategy<Value = (u64, Trouble)> {
    let what = prop_oneof![
        (0..3_usize).prop_map(Trouble::Kill),
        (1..60_000_u64).prop_map(Trouble::StoreAway),
        (1..600_u64).prop_map(Trouble::ClockBack),
    ];
    (1..40_000_u64, what)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever happens to three servers and their store, never do two of them do the job, and in the end one does.
    #[test]
    fn never_do_two_do_one_job(troubles in prop::collection::vec(trouble(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (most, times, now) = runtime.block_on(async {
            let (house, desk) = (House::new(), Desk::default());
            let mut servers: Vec<_> = (0..3).map(|_| server(beside(&house), desk.clone())).collect();
            for (pause, trouble) in troubles {
                sleep(Duration::from_millis(pause)).await;
                match trouble {
                    Trouble::Kill(which) => {
                        servers[which].abort();
                        servers[which] = server(beside(&house), desk.clone());
                    }
                    Trouble::StoreAway(span) => {
                        house.store.set_away(true);
                        sleep(Duration::from_millis(span)).await;
                        house.store.set_away(false);
                    }
                    Trouble::ClockBack(seconds) => {
                        house.clock.set(house.clock.now().minus(Duration::from_secs(seconds)));
                    }
                }
            }
            sleep(MINUTE / 2 + LOOKED_FOR).await;
            let [now, most, times] = &*desk.0;
            let counts = (most.load(Ordering::SeqCst), times.load(Ordering::SeqCst), now.load(Ordering::SeqCst));
            servers.into_iter().for_each(|server| server.abort());
            counts
        });
        prop_assert_eq!(most, 1, "at once");
        prop_assert_eq!(now, 1, "in the end; {} times in all", times);
    }
}

/// Many that want a free job at the same moment.
#[tokio::test(start_paused = true)]
async fn of_many_servers_one_does_the_job() {
    let (house, desk) = (House::new(), Desk::default());
    let mut servers = JoinSet::new();
    for _ in 0..10 {
        let (lyceum, desk) = (beside(&house), desk.clone());
        servers.spawn(async move { server(lyceum, desk).await });
    }
    sleep(MINUTE * 5).await;
    assert_eq!([0, 1, 2].map(|count| desk.0[count].load(Ordering::SeqCst)), [1, 1, 1]);
    assert!(house.store.write().job_leases().lease(&Job::tidy()).await.expect("an answer").is_some());
}
