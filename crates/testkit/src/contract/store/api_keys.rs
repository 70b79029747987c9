//! Personal keys.

use lyceum_domain::{
    ids::ApiKeyId,
    store::{Store, Unique},
    users::{ApiKey, ApiKeyName, Scope, Scopes, User},
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{HOSTILE, api_key, at, full_user, hash, user},
        statements::{
            count_live_api_keys, expect_duplicate, first_page, insert_api_key, insert_user, revoke_api_key,
            revoke_api_keys, stored_user, walk,
        },
    },
};

async fn stored(store: &dyn Store, key: ApiKey) -> ApiKey {
    insert_api_key(store, &key).await.expect("a new key");
    key
}

async fn found(store: &dyn Store, key: &ApiKey) -> Option<(User, ApiKey)> {
    store.read().user_by_api_key(&key.hash).await.expect("an answer")
}

async fn found_key(store: &dyn Store, key: &ApiKey) -> ApiKey {
    found(store, key).await.expect("a key").1
}

async fn listed(store: &dyn Store, user: &User) -> Vec<ApiKey> {
    store.read().api_keys_page(user.id, first_page()).await.expect("a page").items
}

/// All that is known of a key is kept, each time to the microsecond, and it is found by its hash with the whole account,
/// also if the account is deleted or the key has ended.
pub async fn a_key_comes_back_with_its_account(store: &dyn Store) {
    let account = full_user();
    insert_user(store, &account).await.expect("a new user");
    let bare = stored(store, api_key(account.id)).await;
    assert_eq!(found(store, &bare).await, Some((account.clone(), bare)));
    let full = ApiKey {
        scopes: Scopes::new(Scope::ALL).expect("some"),
        created_at: at(1),
        expires_at: Some(at(2)),
        last_used_at: Some(at(3)),
        revoked_at: Some(at(4)),
        ..api_key(account.id)
    };
    let full = stored(store, full).await;
    assert_eq!(found(store, &full).await, Some((account, full)));
}

/// Every set of scopes and every name is kept.
pub async fn every_scope_and_name_of_a_key_comes_back(store: &dyn Store) {
    let account = stored_user(store).await;
    for (one, two) in Scope::ALL.into_iter().flat_map(|one| Scope::ALL.map(|two| (one, two))) {
        let key = ApiKey { scopes: Scopes::new([one, two]).expect("some"), ..api_key(account.id) };
        let key = stored(store, key).await;
        assert_eq!(found_key(store, &key).await, key);
    }
    for text in HOSTILE {
        let name = ApiKeyName::parse(&text.replace(['\n', '\t'], " ")).expect("a name");
        let key = stored(store, ApiKey { name, ..api_key(account.id) }).await;
        assert_eq!(found_key(store, &key).await, key);
    }
}

/// A hash that was never stored is nobody's.
pub async fn an_unknown_key_is_nobodys(store: &dyn Store) {
    stored(store, api_key(stored_user(store).await.id)).await;
    assert_eq!(found(store, &api_key(user().id)).await, None);
}

/// A second key of an id or a hash that is there is a duplicate.
pub async fn a_key_is_there_once(store: &dyn Store) {
    let account = stored_user(store).await;
    let first = stored(store, api_key(account.id)).await;
    let same_hash = ApiKey { id: ApiKeyId::new(&SequentialIds), ..first.clone() };
    expect_duplicate(insert_api_key(store, &same_hash).await, Unique::Key);
    expect_duplicate(insert_api_key(store, &ApiKey { hash: hash(), ..first.clone() }).await, Unique::Key);
    assert_eq!(listed(store, &account).await, [first]);
}

/// Keys are counted as long as they are neither revoked nor expired: to the microsecond before, and not when they
/// expire. Nobody else's are.
pub async fn live_keys_are_counted(store: &dyn Store) {
    let (account, other) = (stored_user(store).await, stored_user(store).await);
    let count = async |now| count_live_api_keys(store, account.id, now).await.expect("an answer");
    assert_eq!(count(at(1)).await, 0);
    stored(store, api_key(account.id)).await;
    stored(store, ApiKey { expires_at: Some(at(10)), ..api_key(account.id) }).await;
    stored(store, ApiKey { revoked_at: Some(at(1)), ..api_key(account.id) }).await;
    stored(store, api_key(other.id)).await;
    assert_eq!(count(at(1)).await, 2);
    let before = lyceum_domain::time::Timestamp::from_micros(at(10).as_micros() - 1).expect("a time");
    assert_eq!(count(before).await, 2);
    assert_eq!(count(at(10)).await, 1);
}

/// A key ends once, by its own user, and is listed no more; one that expired, too.
pub async fn a_key_ends_once(store: &dyn Store) {
    let (account, other) = (stored_user(store).await, stored_user(store).await);
    let key = stored(store, api_key(account.id)).await;
    let kept = stored(store, api_key(account.id)).await;
    let revoke = async |user: &User, key: &ApiKey, seconds| {
        revoke_api_key(store, user.id, key.id, at(seconds)).await.expect("an answer")
    };
    assert!(!revoke(&other, &key, 1).await, "somebody else's key");
    assert!(!revoke(&account, &api_key(account.id), 1).await, "no key at all");
    assert!(revoke(&account, &key, 2).await);
    assert!(!revoke(&account, &key, 3).await, "it had ended");
    let ended = ApiKey { revoked_at: Some(at(2)), ..key };
    assert_eq!(found_key(store, &ended).await, ended);
    assert_eq!(listed(store, &account).await, [kept]);
    let expired = stored(store, ApiKey { expires_at: Some(at(5)), ..api_key(account.id) }).await;
    assert!(revoke(&account, &expired, 5).await);
    assert_eq!(found_key(store, &expired).await, ApiKey { revoked_at: Some(at(5)), ..expired });
}

/// All keys of a user end together, those that had ended are not counted and end no second time, and nobody else's do.
pub async fn all_keys_of_a_user_end_together(store: &dyn Store) {
    let (account, other) = (stored_user(store).await, stored_user(store).await);
    let (one, two) = (stored(store, api_key(account.id)).await, stored(store, api_key(account.id)).await);
    let ended = stored(store, ApiKey { revoked_at: Some(at(1)), ..api_key(account.id) }).await;
    let foreign = stored(store, api_key(other.id)).await;
    assert_eq!(revoke_api_keys(store, account.id, at(2)).await.expect("ended"), 2);
    assert_eq!(revoke_api_keys(store, account.id, at(3)).await.expect("ended"), 0);
    for key in [one, two] {
        assert_eq!(found_key(store, &key).await.revoked_at, Some(at(2)));
    }
    assert_eq!(found_key(store, &ended).await, ended);
    assert_eq!(found_key(store, &foreign).await, foreign);
}

/// That a key was used is noted, without a unit, and nothing else changes. A key that is not there is in nobody's way.
pub async fn the_use_of_a_key_is_noted(store: &dyn Store) {
    let key = stored(store, api_key(stored_user(store).await.id)).await;
    for seconds in [5, 9] {
        store.write().touch_api_key(key.id, at(seconds)).await.expect("noted");
        assert_eq!(found_key(store, &key).await, ApiKey { last_used_at: Some(at(seconds)), ..key.clone() });
    }
    store.write().touch_api_key(ApiKeyId::new(&SequentialIds), at(9)).await.expect("nothing to note");
}

/// Keys are listed newest first, expired ones too; page by page, of whatever size, each is seen once.
pub async fn a_cursor_walks_each_key_once(store: &dyn Store) {
    let (account, other) = (stored_user(store).await, stored_user(store).await);
    stored(store, api_key(other.id)).await;
    stored(store, ApiKey { revoked_at: Some(at(1)), ..api_key(account.id) }).await;
    let mut expected = Vec::new();
    for made in [9, 5, 5, 5, 5, 1, 7] {
        let key = ApiKey { created_at: at(made), expires_at: (made == 1).then(|| at(2)), ..api_key(account.id) };
        expected.push(stored(store, key).await);
    }
    expected.sort_by_key(|key| std::cmp::Reverse((key.created_at, key.id)));
    for size in [1, 2, 3, 7, 8] {
        let walked = walk(size, async |page| store.read().api_keys_page(account.id, page).await).await;
        assert_eq!(walked, expected, "pages of {size}");
    }
}
