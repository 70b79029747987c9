//! One-time tokens.

use lyceum_domain::{
    ids::OneTimeTokenId,
    store::{Store, Unique},
    users::{OneTimeToken, TokenOwner, TokenPurpose},
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, hash, in_year, one_time_token},
        statements::{
            begin, expect_duplicate, insert_token, remove_expired_tokens, revoke_tokens, stored_user, take_token,
        },
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
    assert_eq!(owner, Some(token.owner));
    let again = unit.users().take_token(token.purpose, &token.hash, at(1)).await.expect("an answer");
    assert_eq!(again, None);
    unit.commit().await.expect("kept");
    assert_eq!(take_token(store, &token, at(2)).await.expect("an answer"), None);
}

/// A token is good to the microsecond before it expires, and not when it does.
pub async fn a_one_time_token_is_good_until_it_expires(store: &dyn Store) {
    let just_good = stored_token(store).await;
    let before = lyceum_domain::time::Timestamp::from_micros(just_good.expires_at.as_micros() - 1).expect("a time");
    assert_eq!(take_token(store, &just_good, before).await.expect("an answer"), Some(just_good.owner));
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
    assert_eq!(owner, Some(token.owner));
    drop(unit);
    assert_eq!(take_token(store, &token, at(1)).await.expect("an answer"), Some(token.owner));
}

/// A second token of an id or a hash that is there is a duplicate.
pub async fn a_one_time_token_is_there_once(store: &dyn Store) {
    let token = stored_token(store).await;
    let same_hash = OneTimeToken { id: OneTimeTokenId::new(&SequentialIds), ..token.clone() };
    expect_duplicate(insert_token(store, &same_hash).await, Unique::Key);
    let same_id = OneTimeToken { hash: hash(), ..token };
    expect_duplicate(insert_token(store, &same_id).await, Unique::Key);
}

/// A token is good for what it was made for, and for nothing else.
pub async fn a_one_time_token_is_good_for_one_purpose(store: &dyn Store) {
    let verify = stored_token(store).await;
    let reset = OneTimeToken {
        id: OneTimeTokenId::new(&SequentialIds),
        purpose: TokenPurpose::ResetPassword,
        hash: hash(),
        ..verify.clone()
    };
    insert_token(store, &reset).await.expect("a new token");
    for (token, other) in [(&verify, &reset), (&reset, &verify)] {
        let misused = OneTimeToken { purpose: other.purpose, ..token.clone() };
        assert_eq!(take_token(store, &misused, at(1)).await.expect("an answer"), None);
        assert_eq!(owner(store, &misused, 1).await, None);
    }
    assert_eq!(take_token(store, &reset, at(1)).await.expect("an answer"), Some(reset.owner));
    assert_eq!(take_token(store, &verify, at(1)).await.expect("an answer"), Some(verify.owner));
}

async fn owner(store: &dyn Store, token: &OneTimeToken, seconds: u64) -> Option<TokenOwner> {
    store.read().token_owner(token.purpose, &token.hash, at(seconds)).await.expect("an answer")
}

/// Whose a token is can be asked without taking it, as often as one likes, as long as it is good.
pub async fn asking_whose_a_one_time_token_is_takes_it_not(store: &dyn Store) {
    let token = stored_token(store).await;
    for _ in 0..2 {
        assert_eq!(owner(store, &token, 999).await, Some(token.owner));
    }
    assert_eq!(owner(store, &token, 1000).await, None);
    assert_eq!(owner(store, &OneTimeToken { hash: hash(), ..token.clone() }, 1).await, None);
    assert_eq!(take_token(store, &token, at(1)).await.expect("an answer"), Some(token.owner));
    assert_eq!(owner(store, &token, 1).await, None);
}

/// All tokens of an owner that are good for one thing end together; those for another, those that were taken and those
/// of others are not among them.
pub async fn one_time_tokens_of_an_owner_end_together(store: &dyn Store) {
    let first = stored_token(store).await;
    let another =
        |purpose| OneTimeToken { id: OneTimeTokenId::new(&SequentialIds), purpose, hash: hash(), ..first.clone() };
    let second = another(TokenPurpose::VerifyEmail);
    let taken = another(TokenPurpose::VerifyEmail);
    let reset = another(TokenPurpose::ResetPassword);
    for token in [&second, &taken, &reset] {
        insert_token(store, token).await.expect("a new token");
    }
    take_token(store, &taken, at(1)).await.expect("an answer");
    let foreign = stored_token(store).await;
    assert_eq!(revoke_tokens(store, first.owner, TokenPurpose::VerifyEmail).await.expect("ended"), 2);
    assert_eq!(revoke_tokens(store, first.owner, TokenPurpose::VerifyEmail).await.expect("ended"), 0);
    for ended in [first, second] {
        assert_eq!(take_token(store, &ended, at(1)).await.expect("an answer"), None);
    }
    for kept in [reset, foreign] {
        assert_eq!(take_token(store, &kept, at(1)).await.expect("an answer"), Some(kept.owner));
    }
}

/// Tokens that expired are removed, as many at a time as was said; what expires at that very moment, or later, stays.
pub async fn expired_one_time_tokens_are_removed_bit_by_bit(store: &dyn Store) {
    let owner = stored_user(store).await.id;
    for n in 0..6 {
        let token = OneTimeToken { expires_at: in_year(1950, n), ..one_time_token(owner) };
        insert_token(store, &token).await.expect("a new token");
    }
    let mut removed = Vec::new();
    for _ in 0..4 {
        removed.push(remove_expired_tokens(store, in_year(1950, 5), 2).await.expect("removed"));
    }
    assert_eq!(removed, [2, 2, 1, 0]);
    assert_eq!(remove_expired_tokens(store, in_year(1950, 6), 2).await.expect("removed"), 1);
}
