//! The law of the ledger: whatever happens, in whatever order, each call is paid for once, what a provider counted is
//! what stands in the ledger, nothing stays set aside, and no answer stays under way.

mod book;
mod world;

use world::World;

use self::book::Dice;

/// How many worlds each test lets go their way; there are four tests, so that they share the cores.
const WORLDS: u64 = 250;

async fn worlds(first: u64) {
    for seed in first * WORLDS..(first + 1) * WORLDS {
        tokio::task::LocalSet::new().run_until(World::lives(Dice::new(seed))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn in_every_world_each_call_is_paid_for_once() {
    worlds(0).await;
}

#[tokio::test(start_paused = true)]
async fn in_every_second_world_too() {
    worlds(1).await;
}

#[tokio::test(start_paused = true)]
async fn in_every_third_world_too() {
    worlds(2).await;
}

#[tokio::test(start_paused = true)]
async fn in_every_fourth_world_too() {
    worlds(3).await;
}
