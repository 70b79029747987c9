//! Blobs that are to go.
//!
//! Who takes removals takes all that are due, whoever's they are. So the cases here work in a year that no other has to
//! do with, in one unit that is dropped.

use lyceum_domain::{
    blobs::{BlobKey, BlobRemoval},
    store::{Store, UnitOfWork},
    time::Timestamp,
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::in_year,
        statements::{begin, cancel_removals, expect_conflict, schedule_removals},
    },
};

/// A number of seconds after the time at which these cases begin.
fn then(seconds: i64) -> Timestamp {
    in_year(1830, seconds)
}

fn keys<const N: usize>() -> [BlobKey; N] {
    std::array::from_fn(|_| BlobKey::document(&SequentialIds))
}

async fn schedule(unit: &mut Box<dyn UnitOfWork>, keys: &[BlobKey], due_at: i64) {
    unit.blob_removals().schedule(keys, then(due_at)).await.expect("noted");
}

/// Takes what is due at a time, for ten seconds.
async fn taken(unit: &mut Box<dyn UnitOfWork>, now: i64, limit: u32) -> Vec<BlobRemoval> {
    unit.blob_removals().take_due(then(now), then(now + 10), limit).await.expect("an answer")
}

fn removal(key: &BlobKey, attempts: u32) -> BlobRemoval {
    BlobRemoval { key: key.clone(), attempts }
}

/// What is due the longest is taken first, no more than asked for, and not again before the lease is over; then it is,
/// and whoever had it is taken to have tried in vain.
pub async fn the_longest_due_removals_are_taken_first(store: &dyn Store) {
    let [third, first, later, second] = keys();
    let mut unit = begin(store).await;
    for (key, due) in [(&third, 3), (&first, 1), (&later, 9), (&second, 2)] {
        schedule(&mut unit, std::slice::from_ref(key), due).await;
    }
    let just_before = Timestamp::from_micros(then(1).as_micros() - 1).expect("a time");
    assert_eq!(unit.blob_removals().take_due(just_before, then(5), 9).await.expect("an answer"), []);
    assert_eq!(taken(&mut unit, 5, 0).await, []);
    assert_eq!(taken(&mut unit, 5, 2).await, [removal(&first, 0), removal(&second, 0)]);
    assert_eq!(taken(&mut unit, 6, 9).await, [removal(&third, 0)]);
    assert_eq!(taken(&mut unit, 14, 9).await, [removal(&later, 0)]);
    let mut again = taken(&mut unit, 15, 9).await;
    again.sort_by_key(|removal| removal.key.clone());
    let mut expected = [removal(&first, 1), removal(&second, 1)];
    expected.sort_by_key(|removal| removal.key.clone());
    assert_eq!(again, expected);
}

/// What could not be removed is tried again at its time, and says how often it was tried in vain; what is gone is not.
pub async fn a_removal_is_tried_until_it_is_settled(store: &dyn Store) {
    let [tried, settled, unknown] = keys();
    let mut unit = begin(store).await;
    schedule(&mut unit, &[tried.clone(), settled.clone()], 1).await;
    assert_eq!(taken(&mut unit, 5, 9).await.len(), 2);
    unit.blob_removals().settle(&settled).await.expect("settled");
    for (attempts, now) in [(1, 30), (2, 60), (3, 90)] {
        unit.blob_removals().postpone(&tried, then(now)).await.expect("put off");
        assert_eq!(taken(&mut unit, now - 1, 9).await, []);
        assert_eq!(taken(&mut unit, now, 9).await, [removal(&tried, attempts)]);
    }
    unit.blob_removals().settle(&tried).await.expect("settled");
    for key in [&tried, &unknown] {
        unit.blob_removals().settle(key).await.expect("as good as settled");
        unit.blob_removals().postpone(key, then(91)).await.expect("nothing happens");
    }
    assert_eq!(taken(&mut unit, 1_000, 9).await, []);
}

/// A removal that is noted again gets the later word, earlier or later; nothing is noted twice. Many are noted at once,
/// and so is none.
pub async fn a_removal_is_noted_once(store: &dyn Store) {
    let [one, two] = keys();
    let mut unit = begin(store).await;
    schedule(&mut unit, &[one.clone(), two.clone()], 50).await;
    schedule(&mut unit, &[], 1).await;
    schedule(&mut unit, std::slice::from_ref(&one), 5).await;
    schedule(&mut unit, std::slice::from_ref(&two), 90).await;
    assert_eq!(taken(&mut unit, 60, 9).await, [removal(&one, 0)]);
    assert_eq!(taken(&mut unit, 90, 1).await.len(), 1);
    assert_eq!(taken(&mut unit, 95, 9).await.len(), 1);
    let many: Vec<BlobKey> = (0..2_000).map(|_| BlobKey::course_file(&SequentialIds)).collect();
    schedule(&mut unit, &many, 200).await;
    assert_eq!(taken(&mut unit, 200, 5_000).await.len(), 2_002);
}

/// A note that is taken back is not due. What is not noted, or was taken to be removed, cannot be taken back: the blob may
/// be gone.
pub async fn a_removal_is_taken_back_once(store: &dyn Store) {
    let [used, left, unknown] = keys();
    let mut unit = begin(store).await;
    schedule(&mut unit, &[used.clone(), left.clone()], 1).await;
    unit.blob_removals().cancel(&[]).await.expect("nothing to take back");
    unit.blob_removals().cancel(std::slice::from_ref(&used)).await.expect("taken back");
    assert_eq!(taken(&mut unit, 5, 9).await, [removal(&left, 0)]);
    expect_conflict(unit.blob_removals().cancel(std::slice::from_ref(&left)).await);
    drop(unit);

    let mut unit = begin(store).await;
    schedule(&mut unit, std::slice::from_ref(&left), 1).await;
    assert_eq!(taken(&mut unit, 5, 9).await, [removal(&left, 0)]);
    unit.blob_removals().postpone(&left, then(500)).await.expect("put off");
    expect_conflict(unit.blob_removals().cancel(std::slice::from_ref(&left)).await);
    drop(unit);

    let far = in_year(2900, 0);
    schedule_removals(store, std::slice::from_ref(&left), far).await.expect("noted");
    expect_conflict(cancel_removals(store, &[left.clone(), unknown]).await);
    cancel_removals(store, std::slice::from_ref(&left)).await.expect("all of it or nothing: it was still noted");
    expect_conflict(cancel_removals(store, std::slice::from_ref(&left)).await);
}
