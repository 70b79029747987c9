//! Keys of requests that are done once.

use std::time::Duration;

use lyceum_domain::{
    idempotency::{Claim, Claimed},
    ids::{ClaimId, InstanceId},
    store::Store,
    time::Timestamp,
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, claim, in_year, settled_answer},
        statements::{begin, expect_conflict, release_claim, settle_claim, stored_user},
    },
};

use crate::contract::statements::claim as take;

/// Another attempt at the same key, at that time.
fn again(first: &Claim, at: Timestamp) -> Claim {
    Claim {
        id: ClaimId::new(&SequentialIds),
        created_at: at,
        leased_until: at.plus(Duration::from_mins(1)),
        expires_at: at.plus(Duration::from_hours(24)),
        ..first.clone()
    }
}

async fn taken(store: &dyn Store, of: &Claim) -> Claimed {
    take(store, of).await.expect("an answer")
}

/// A key is claimed once; while the first request runs, others are told so. A key is one user's: another user's request of
/// that key is another request, and so is one of another key.
pub async fn a_key_is_claimed_once(store: &dyn Store) {
    let (user, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let first = claim(user, at(0));
    assert_eq!(taken(store, &first).await, Claimed::Ours);
    for second in [0, 1, 59] {
        assert_eq!(taken(store, &again(&first, at(second))).await, Claimed::Running, "{second}");
    }
    let foreign = Claim { user: other, ..again(&first, at(1)) };
    assert_eq!(taken(store, &foreign).await, Claimed::Ours);
    assert_eq!(taken(store, &claim(user, at(1))).await, Claimed::Ours);
    settle_claim(store, &first, &settled_answer()).await.expect("still ours");
}

/// Once it is answered, every further request of that key gets the very answer, also when the lease is over, and however
/// often it asks; the answers of two users don't meet.
pub async fn an_answer_is_given_again(store: &dyn Store) {
    let (user, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let first = claim(user, at(0));
    let foreign = Claim { user: other, ..again(&first, at(0)) };
    for mine in [&first, &foreign] {
        assert_eq!(taken(store, mine).await, Claimed::Ours);
        let answer = settled_answer();
        settle_claim(store, mine, &answer).await.expect("kept");
        for second in [1, 59, 61, 86_399] {
            assert_eq!(taken(store, &again(mine, at(second))).await, Claimed::Settled(answer.clone()), "{second}");
        }
    }
}

/// An answer is kept in the unit of what was asked: if that is dropped, so is the answer, and the request still runs.
pub async fn an_answer_of_a_dropped_unit_is_none(store: &dyn Store) {
    let first = claim(stored_user(store).await.id, at(0));
    assert_eq!(taken(store, &first).await, Claimed::Ours);
    let mut unit = begin(store).await;
    unit.claims().settle(&first, &settled_answer()).await.expect("kept");
    drop(unit);
    assert_eq!(taken(store, &again(&first, at(1))).await, Claimed::Running);
    let mut unit = begin(store).await;
    let dropped = claim(first.user, at(0));
    assert_eq!(unit.claims().claim(&dropped).await.expect("an answer"), Claimed::Ours);
    drop(unit);
    assert_eq!(taken(store, &again(&dropped, at(1))).await, Claimed::Ours);
}

/// A claim whose lease ended without an answer is taken over; who lost it can neither settle nor release it, and the one
/// who has it can.
pub async fn a_claim_that_died_is_taken_over(store: &dyn Store) {
    let first = claim(stored_user(store).await.id, at(0));
    assert_eq!(taken(store, &first).await, Claimed::Ours);
    let second = again(&first, at(61));
    assert_eq!(taken(store, &second).await, Claimed::Ours);
    assert_eq!(taken(store, &again(&first, at(62))).await, Claimed::Running, "a lease of its own");
    expect_conflict(settle_claim(store, &first, &settled_answer()).await);
    release_claim(store, &first).await.expect("nothing happens");
    assert_eq!(taken(store, &again(&first, at(63))).await, Claimed::Running);
    let answer = settled_answer();
    settle_claim(store, &second, &answer).await.expect("kept");
    expect_conflict(settle_claim(store, &first, &settled_answer()).await);
    assert_eq!(taken(store, &again(&first, at(64))).await, Claimed::Settled(answer));
}

/// A key that was given back can be claimed again at once; one that was answered is not given back, and one that nobody
/// claimed is no error.
pub async fn a_released_key_is_free(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let first = claim(user, at(0));
    assert_eq!(taken(store, &first).await, Claimed::Ours);
    release_claim(store, &first).await.expect("given back");
    release_claim(store, &first).await.expect("nothing happens");
    expect_conflict(settle_claim(store, &first, &settled_answer()).await);
    let second = again(&first, at(1));
    assert_eq!(taken(store, &second).await, Claimed::Ours);
    let answer = settled_answer();
    settle_claim(store, &second, &answer).await.expect("kept");
    release_claim(store, &second).await.expect("nothing happens");
    assert_eq!(taken(store, &again(&first, at(2))).await, Claimed::Settled(answer));
    expect_conflict(settle_claim(store, &claim(user, at(0)), &settled_answer()).await);
}

async fn give_back(store: &dyn Store, gone: &[InstanceId]) -> u64 {
    let mut unit = begin(store).await;
    let mut all = 0;
    loop {
        match unit.claims().release_of(gone, 2).await.expect("an answer") {
            0 => break,
            some => all += some,
        }
    }
    unit.commit().await.expect("kept");
    all
}

/// The requests of a server that is gone can be done again at once, under the same keys; what it answered stays answered,
/// and what it still does after all is not kept. Those of other servers go on.
pub async fn keys_of_gone_servers_are_given_back(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let gone = InstanceId::new(&SequentialIds);
    let of_gone = || Claim { instance: gone, ..claim(user, at(0)) };
    let (running, answered, elsewhere) = ([of_gone(), of_gone(), of_gone()], of_gone(), claim(user, at(0)));
    for first in running.iter().chain([&answered, &elsewhere]) {
        assert_eq!(taken(store, first).await, Claimed::Ours);
    }
    let answer = settled_answer();
    settle_claim(store, &answered, &answer).await.expect("kept");
    assert_eq!(give_back(store, &[]).await, 0);
    assert_eq!(give_back(store, &[gone, InstanceId::new(&SequentialIds)]).await, 3);
    assert_eq!(give_back(store, &[gone]).await, 0);
    for first in &running {
        expect_conflict(settle_claim(store, first, &answer).await);
        assert_eq!(taken(store, &Claim { instance: elsewhere.instance, ..again(first, at(1)) }).await, Claimed::Ours);
        // Whoever has it now keeps it.
        assert_eq!(give_back(store, &[gone]).await, 0);
    }
    assert_eq!(taken(store, &again(&answered, at(1))).await, Claimed::Settled(answer));
    assert_eq!(taken(store, &again(&elsewhere, at(1))).await, Claimed::Running);
}

/// A key that expired is as good as new, answered or not; what was answered before is not given again.
pub async fn an_expired_key_is_claimed_anew(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let (answered, running) = (claim(user, at(0)), claim(user, at(0)));
    let running = Claim { leased_until: at(200_000), ..running };
    for first in [&answered, &running] {
        assert_eq!(taken(store, first).await, Claimed::Ours);
    }
    settle_claim(store, &answered, &settled_answer()).await.expect("kept");
    for first in [&answered, &running] {
        let second = again(first, at(86_401));
        assert_eq!(taken(store, &second).await, Claimed::Ours);
        expect_conflict(settle_claim(store, first, &settled_answer()).await);
        assert_eq!(taken(store, &again(first, at(86_402))).await, Claimed::Running);
        let answer = settled_answer();
        settle_claim(store, &second, &answer).await.expect("kept");
        assert_eq!(taken(store, &again(first, at(86_403))).await, Claimed::Settled(answer));
    }
}

/// Keys that expired before a time are forgotten, no more at once than asked for; the others are kept. (A year that
/// nobody else has to do with, and a unit that is dropped.)
pub async fn expired_keys_are_forgotten(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let mut unit = begin(store).await;
    let begun = in_year(1840, 0);
    let bound = in_year(1840, 500_000);
    let claims: Vec<Claim> = (0..5).map(|_| claim(user, begun)).collect();
    let kept = Claim { expires_at: bound, ..claim(user, begun) };
    for claim in claims.iter().chain([&kept]) {
        assert_eq!(unit.claims().claim(claim).await.expect("an answer"), Claimed::Ours);
    }
    unit.claims().settle(&claims[0], &settled_answer()).await.expect("kept");
    for removed in [2, 2, 1, 0] {
        assert_eq!(unit.claims().remove_expired(bound, 2).await.expect("removed"), removed);
    }
    unit.claims().settle(&kept, &settled_answer()).await.expect("still there");
    for claim in &claims {
        assert_eq!(unit.claims().claim(&again(claim, begun)).await.expect("an answer"), Claimed::Ours, "forgotten");
    }
}
