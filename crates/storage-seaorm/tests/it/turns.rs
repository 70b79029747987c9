//! Turns of one user on several servers at once, each with connections of its own: what shows only there.

use std::sync::Arc;

use futures_util::future::join_all;
use lyceum_domain::{
    conversations::{Feedback, Piece, Rating},
    ids::UserId,
    mentor::{Allowance, Quota, Reserved, Window},
    store::{Store as _, StoreError},
};
use lyceum_storage_seaorm::{SeaOrmStore, StorageSettings};
use lyceum_testkit::contract::{
    self,
    fixtures::{SET_ASIDE, Turn, at, ended, reservation},
    statements::{close_abandoned, delete_conversation, set_feedback, stored_turn, stored_user},
};

use crate::{
    databases::{postgres_database, sqlite_file},
    sealing::by_hand,
};

async fn servers(settings: &StorageSettings) -> [Arc<SeaOrmStore>; 3] {
    let connect = async || Arc::new(SeaOrmStore::connect(settings).await.expect("connects"));
    [connect().await, connect().await, connect().await]
}

/// What is counted for a user, and what all their records say.
async fn sums(store: &SeaOrmStore, user: UserId) -> [(u32, u64); 2] {
    let today = store.read().spending(user).await.expect("an answer").expect("something").today;
    let records = store.read().usage_of(user).await.expect("an answer");
    let (mut requests, mut tokens) = (0, 0);
    for record in records {
        requests += record.counted.requests;
        tokens += u64::from(record.counted.tokens);
    }
    [(today.requests, today.tokens), (requests, tokens)]
}

/// Pieces whose turn is over.
const ORPHANS: &str = "SELECT count(*) FROM answer_pieces p WHERE NOT EXISTS (SELECT 1 FROM turns_under_way u \
                       WHERE u.message_id = p.message_id)";

async fn two_hundred(settings: &StorageSettings) {
    let servers = servers(settings).await;
    let user = stored_user(&*servers[0]).await.id;
    let day = Allowance { requests: Some(10), tokens: None };
    let reservation = reservation(Quota { day, month: Allowance::default() }, at(0));
    let turn = || Turn { reservation, ..Turn::first(user) };
    let asks = (0..200).map(async |n: usize| servers[n % 3].write().begin_turn(&turn().opening(true)).await);
    let answers: Vec<Reserved> = join_all(asks).await.into_iter().map(|asked| asked.expect("an answer")).collect();
    let granted = Reserved::Granted { tokens: SET_ASIDE };
    assert_eq!(answers.iter().filter(|answer| **answer == granted).count(), 10);
    assert_eq!(answers.iter().filter(|answer| **answer == Reserved::UsedUp(Window::Day)).count(), 190);
    assert_eq!(sums(&servers[0], user).await, [(10, 10 * u64::from(SET_ASIDE)); 2]);
}

/// Who ends a turn, closes it as abandoned, deletes its conversation, says what they think of it or still keeps its pieces,
/// all at once: nobody is in anybody's way, and what it cost is counted as it was written down.
async fn everything_at_once(settings: &StorageSettings) {
    let servers = servers(settings).await;
    let user = stored_user(&*servers[0]).await.id;
    for round in 0..20_u32 {
        let mut turn = stored_turn(&*servers[0], user).await;
        turn.usage = ended(&turn.usage, 100 + round);
        "Said.".clone_into(&mut turn.answer.content);
        turn.title = (round % 2 == 0).then(|| turn.conversation.title.clone());
        let step = async |n: usize| -> Result<(), StoreError> {
            let store = &*servers[n % 3];
            let message = turn.answer.id;
            match n {
                0 => store.write().end_turn(&turn.ending()).await,
                1 | 2 => close_abandoned(store, &turn).await.map(drop),
                3 if round % 4 < 2 => delete_conversation(store, user, turn.conversation.id).await.map(drop),
                4 => {
                    let feedback = Feedback { rating: Rating::Up, comment: None };
                    set_feedback(store, user, message, Some(&feedback), at(2)).await.map(drop)
                }
                5 => store.write().begin_turn(&Turn::next(&turn.conversation, at(1)).opening(false)).await.map(drop),
                _ => {
                    let piece = Piece { message, offset: u32::try_from(n).expect("few"), text: "Said.".to_owned() };
                    store.write().under_way().keep_pieces(&[piece]).await
                }
            }
        };
        for (n, done) in join_all((0..10).map(step)).await.into_iter().enumerate() {
            // Only who goes on in a conversation that is gone has a conflict.
            assert!(done.is_ok() || (n == 5 && matches!(done, Err(StoreError::Conflict))), "{round} {n}: {done:?}");
        }
        let [counted, recorded] = sums(&servers[0], user).await;
        assert_eq!(counted, recorded, "{round}");
    }
    assert_eq!(by_hand(settings, ORPHANS.to_owned()).await, 0, "pieces are left behind");
}

#[test]
fn of_two_hundred_on_three_servers_ten_begin_on_sqlite() {
    contract::run("turns::of_two_hundred_on_sqlite", async {
        let (settings, _folder) = sqlite_file().await;
        two_hundred(&settings).await;
    });
}

#[test]
fn of_two_hundred_on_three_servers_ten_begin_on_postgres() {
    let name = "turns::of_two_hundred_on_postgres";
    contract::run(name, async {
        let Some(settings) = postgres_database().await else {
            return contract::skip(name, "TEST_DATABASE_URL is not set");
        };
        two_hundred(&settings).await;
    });
}

#[test]
fn nobody_is_in_the_way_of_a_turn_that_ends_on_sqlite() {
    contract::run("turns::nobody_is_in_the_way_on_sqlite", async {
        let (settings, _folder) = sqlite_file().await;
        everything_at_once(&settings).await;
    });
}

#[test]
fn nobody_is_in_the_way_of_a_turn_that_ends_on_postgres() {
    let name = "turns::nobody_is_in_the_way_on_postgres";
    contract::run(name, async {
        let Some(settings) = postgres_database().await else {
            return contract::skip(name, "TEST_DATABASE_URL is not set");
        };
        everything_at_once(&settings).await;
    });
}
