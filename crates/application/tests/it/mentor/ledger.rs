//! The law of the ledger: whatever happens, in whatever order, each call is paid for once, what a provider counted is
//! what stands in the ledger, nothing stays set aside, and no answer stays under way.

mod book;
mod world;

use world::World;

use self::book::Dice;

/// How many worlds each test lets go their way; of ten thousand in all, so that the tests share the cores.
const WORLDS: u64 = 500;

async fn worlds(part: u64) {
    for seed in part * WORLDS..(part + 1) * WORLDS {
        tokio::task::LocalSet::new().run_until(World::lives(Dice::new(seed))).await;
    }
}

mod in_every_world_each_call_is_paid_for_once {
    macro_rules! parts {
        ($($part:literal $name:ident),*) => {
            $(
                #[tokio::test(start_paused = true)]
                async fn $name() {
                    super::worlds($part).await;
                }
            )*
        };
    }

    parts!(
        0 one, 1 two, 2 three, 3 four, 4 five, 5 six, 6 seven, 7 eight, 8 nine, 9 ten,
        10 eleven, 11 twelve, 12 thirteen, 13 fourteen, 14 fifteen, 15 sixteen, 16 seventeen, 17 eighteen, 18 nineteen, 19 twenty
    );
}
