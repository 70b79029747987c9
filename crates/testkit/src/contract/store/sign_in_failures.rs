//! Failed sign-ins.

use std::time::Duration;

use lyceum_domain::{
    ids::UserId,
    sessions::{AccountFailures, AccountKey, Failures, Network, SecretHash, Session},
    store::Store,
    time::Timestamp,
};

use crate::contract::{
    fixtures::{account, at, in_year, network, refresh_token, session, word},
    statements::{add_failure, begin, insert_session, revoke, stored_user},
};

async fn add(store: &dyn Store, account: &AccountKey, network: &Network, now: Timestamp) {
    add_failure(store, account, network, now, at(0)).await.expect("counted");
}

/// What is counted here and anywhere.
async fn counted(store: &dyn Store, account: &AccountKey, network: &Network) -> (Failures, Failures) {
    let found = store.read().failures(account, None, network).await.expect("an answer");
    (found.here, found.anywhere)
}

fn failures(count: u32, last_at: Timestamp) -> Failures {
    Failures { count, last_at: Some(last_at) }
}

/// Nothing is counted against an account on which nobody failed, and there is nothing to forget.
pub async fn an_account_without_failures_has_none(store: &dyn Store) {
    let account = account();
    assert_eq!(
        store.read().failures(&account, None, &network(1)).await.expect("an answer"),
        AccountFailures::default()
    );
    let mut unit = begin(store).await;
    unit.sign_in_failures().forget(&account, &network(1)).await.expect("forgotten");
    unit.sign_in_failures().forget_all(&account).await.expect("forgotten");
    unit.commit().await.expect("kept");
    assert_eq!(counted(store, &account, &network(1)).await, Default::default());
}

/// Each failure is counted for its network and for anywhere, with the time of the last one; of accounts and of names
/// that have none alike, and of each by itself.
pub async fn failures_are_counted_here_and_anywhere(store: &dyn Store) {
    for account in [account(), AccountKey::of_nobody(&SecretHash::new(word()))] {
        add(store, &account, &network(1), at(1)).await;
        add(store, &account, &network(1), at(2)).await;
        add(store, &account, &network(2), at(3)).await;
        assert_eq!(counted(store, &account, &network(1)).await, (failures(2, at(2)), failures(3, at(3))));
        assert_eq!(counted(store, &account, &network(2)).await, (failures(1, at(3)), failures(3, at(3))));
        assert_eq!(counted(store, &account, &network(3)).await, (Failures::default(), failures(3, at(3))));
    }
}

/// Failures whose last one was before the bound are forgotten when the next one comes, here and anywhere each by its own
/// last one; at the bound they still count.
pub async fn failures_that_are_old_do_not_count(store: &dyn Store) {
    let account = account();
    add(store, &account, &network(1), at(1)).await;
    add(store, &account, &network(2), at(5)).await;
    add_failure(store, &account, &network(1), at(9), at(1)).await.expect("counted");
    assert_eq!(counted(store, &account, &network(1)).await, (failures(2, at(9)), failures(3, at(9))));
    add_failure(store, &account, &network(2), at(10), at(5).plus(Duration::from_micros(1))).await.expect("counted");
    assert_eq!(counted(store, &account, &network(2)).await, (failures(1, at(10)), failures(4, at(10))));
    add_failure(store, &account, &network(2), at(20), at(15)).await.expect("counted");
    assert_eq!(counted(store, &account, &network(2)).await, (failures(1, at(20)), failures(1, at(20))));
}

/// Who gets in from one network has its failures forgotten and taken off those from anywhere; those of other networks
/// and of other accounts stay.
pub async fn failures_from_one_network_are_forgotten_alone(store: &dyn Store) {
    let (account, other) = (account(), account());
    for account in [&account, &other] {
        add(store, account, &network(1), at(1)).await;
        add(store, account, &network(1), at(2)).await;
        add(store, account, &network(2), at(3)).await;
    }
    let mut unit = begin(store).await;
    unit.sign_in_failures().forget(&account, &network(1)).await.expect("forgotten");
    unit.sign_in_failures().forget(&account, &network(3)).await.expect("nothing to forget");
    unit.commit().await.expect("kept");
    assert_eq!(counted(store, &account, &network(1)).await, (Failures::default(), failures(1, at(3))));
    assert_eq!(counted(store, &account, &network(2)).await, (failures(1, at(3)), failures(1, at(3))));
    assert_eq!(counted(store, &other, &network(1)).await, (failures(2, at(2)), failures(3, at(3))));
}

/// Those from anywhere may have been forgotten before those of a network; taking more off them leaves none.
pub async fn what_is_taken_off_is_never_more_than_there_is(store: &dyn Store) {
    let account = account();
    for second in 1..4 {
        add(store, &account, &network(1), at(second)).await;
    }
    add_failure(store, &account, &network(2), at(10), at(9)).await.expect("counted");
    let mut unit = begin(store).await;
    unit.sign_in_failures().forget(&account, &network(1)).await.expect("forgotten");
    unit.commit().await.expect("kept");
    assert_eq!(counted(store, &account, &network(2)).await, (failures(1, at(10)), failures(0, at(10))));
}

/// The operator forgets everything that is counted against an account, and nothing of others.
pub async fn all_failures_of_an_account_are_forgotten(store: &dyn Store) {
    let (account, other) = (account(), account());
    for account in [&account, &other] {
        add(store, account, &network(1), at(1)).await;
        add(store, account, &network(2), at(2)).await;
    }
    let mut unit = begin(store).await;
    unit.sign_in_failures().forget_all(&account).await.expect("forgotten");
    unit.commit().await.expect("kept");
    assert_eq!(counted(store, &account, &network(1)).await, Default::default());
    assert_eq!(counted(store, &account, &network(2)).await, Default::default());
    assert_eq!(counted(store, &other, &network(1)).await, (failures(1, at(1)), failures(2, at(2))));
}

/// A network is known to an account if a session of its user began there, also one that has ended; not by another's
/// session, and not to a name without a user.
pub async fn a_network_is_known_where_a_session_of_the_user_began(store: &dyn Store) {
    let (user, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let begun = Session { network: network(1), ..session(user) };
    insert_session(store, &begun, &refresh_token(begun.id)).await.expect("a new session");
    let account = AccountKey::of_user(user);
    let is_known = async |user: Option<UserId>, network: Network| {
        store.read().failures(&account, user, &network).await.expect("an answer").is_known_network
    };
    assert!(is_known(Some(user), network(1)).await);
    revoke(store, begun.id, at(1)).await.expect("an answer");
    assert!(is_known(Some(user), network(1)).await);
    assert!(!is_known(Some(user), network(2)).await);
    assert!(!is_known(Some(other), network(1)).await);
    assert!(!is_known(None, network(1)).await);
    add(store, &account, &network(1), at(1)).await;
    let expected = AccountFailures { here: failures(1, at(1)), anywhere: failures(1, at(1)), is_known_network: true };
    assert_eq!(store.read().failures(&account, Some(user), &network(1)).await.expect("an answer"), expected);
}

/// Rows whose last failure was before a time are removed, no more than that many; the others stay.
pub async fn old_failures_are_removed(store: &dyn Store) {
    let (one, two) = (account(), account());
    let (old, bound) = (in_year(1950, 1), in_year(1950, 10));
    for account in [&one, &two] {
        add_failure(store, account, &network(1), old, old).await.expect("counted");
    }
    add_failure(store, &two, &network(2), bound, old).await.expect("counted");
    let mut unit = begin(store).await;
    assert_eq!(unit.sign_in_failures().remove_old(bound, 2).await.expect("an answer"), 2);
    assert_eq!(unit.sign_in_failures().remove_old(bound, 2).await.expect("an answer"), 1);
    assert_eq!(unit.sign_in_failures().remove_old(bound, 2).await.expect("an answer"), 0);
    unit.commit().await.expect("kept");
    assert_eq!(counted(store, &one, &network(1)).await, Default::default());
    assert_eq!(counted(store, &two, &network(1)).await, (Failures::default(), failures(2, bound)));
    assert_eq!(counted(store, &two, &network(2)).await, (failures(1, bound), failures(2, bound)));
}
