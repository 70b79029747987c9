//! One-time tokens.

use lyceum_domain::{
    ids::OneTimeTokenId,
    store::{Store, Unique},
    users::OneTimeToken,
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, hash, one_time_token},
        statements::{begin, expect_duplicate, insert_token, stored_user, take_token},
    },
};

async fn stored_token(store: &dyn Store) -> OneTimeToken {
    let token = one_time_token(stored_user(store).await.id);
    insert_token(store, &token).await.expect("a new token");
    token
}

/// Who takes a token first gets its user; after that it is gone, within a unit and after it.
pub async fn a_one_time_token_is_taken_once(store: &dyn Store) {
    let token = stored_token(store).await;
    let mut unit = begin(store).await;
    let owner = unit.users().take_token(token.purpose, &token.hash, at(1)).await.expect("an answer");
    assert_eq!(owner, Some(token.user));
    let again = unit.users().take_token(token.purpose, &token.hash, at(1)).await.expect("an answer");
    assert_eq!(again, None);
    unit.commit().await.expect("kept");
    assert_eq!(take_token(store, &token, at(2)).await.expect("an answer"), None);
}

/// A token is good to the microsecond before it expires, and not when it does.
pub async fn a_one_time_token_is_good_until_it_expires(store: &dyn Store) {
    let just_good = stored_token(store).await;
    let before = lyceum_domain::time::Timestamp::from_micros(just_good.expires_at.as_micros() - 1).expect("a time");
    assert_eq!(take_token(store, &just_good, before).await.expect("an answer"), Some(just_good.user));
    let expired = stored_token(store).await;
    assert_eq!(take_token(store, &expired, expired.expires_at).await.expect("an answer"), None);
    assert_eq!(take_token(store, &expired, at(5000)).await.expect("an answer"), None);
}

/// A hash that was never stored belongs to nobody.
pub async fn an_unknown_one_time_token_is_nobodys(store: &dyn Store) {
    let token = stored_token(store).await;
    let unknown = OneTimeToken { hash: hash(), ..token };
    assert_eq!(take_token(store, &unknown, at(1)).await.expect("an answer"), None);
}

/// Whoever takes a token and does not come to the commit has not taken it.
pub async fn a_one_time_token_taken_in_a_dropped_unit_is_still_good(store: &dyn Store) {
    let token = stored_token(store).await;
    let mut unit = begin(store).await;
    let owner = unit.users().take_token(token.purpose, &token.hash, at(1)).await.expect("an answer");
    assert_eq!(owner, Some(token.user));
    drop(unit);
    assert_eq!(take_token(store, &token, at(1)).await.expect("an answer"), Some(token.user));
}

/// A second token of an id or a hash that is there is a duplicate.
pub async fn a_one_time_token_is_there_once(store: &dyn Store) {
    let token = stored_token(store).await;
    let same_hash = OneTimeToken { id: OneTimeTokenId::new(&SequentialIds), ..token.clone() };
    expect_duplicate(insert_token(store, &same_hash).await, Unique::Key);
    let same_id = OneTimeToken { hash: hash(), ..token };
    expect_duplicate(insert_token(store, &same_id).await, Unique::Key);
}
