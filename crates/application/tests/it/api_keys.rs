//! Personal keys.

use std::time::Duration;

use lyceum_application::{Rules, sessions::Caller, users::ProfileChange};
use lyceum_domain::{
    page::PageRequest,
    time::{Clock as _, Timestamp},
    users::{ApiKey, ApiKeyName, Scope, Scopes},
};

use crate::house::{House, PASSWORD, code, question};

impl House {
    async fn key(&self, owner: &Caller, scope: Scope, expires_at: Option<Timestamp>) -> (ApiKey, String) {
        let name = ApiKeyName::parse("notebook").unwrap();
        let scopes = Scopes::new([scope]).unwrap();
        let (key, text) = self.lyceum.create_api_key(owner, name, scopes, expires_at).await.unwrap();
        (key, text.expose().to_owned())
    }
}

#[tokio::test]
async fn a_key_speaks_for_its_owner_within_its_scope() {
    let house = House::new();
    let ada = house.admin().await;
    for scope in Scope::ALL {
        let (_, text) = house.key(&ada, scope, None).await;
        let script = house.caller(&text).await.unwrap();
        assert_eq!((script.user.id, script.session), (ada.user.id, None));
        let expect = |reached: bool| if reached { "ok" } else { "insufficient_scope" };
        let page = PageRequest::default;
        assert_eq!(code(house.lyceum.own_account(&script)), expect(scope == Scope::Profile));
        let change = house.lyceum.change_profile(&script, ProfileChange::default(), None).await;
        assert_eq!(code(change), expect(scope == Scope::Profile));
        assert_eq!(code(house.lyceum.ask(&script, question("Why?")).await), expect(scope == Scope::Ai));
        let progress = house.lyceum.progress(&script.actor(), page()).await;
        assert_eq!(code(progress), expect(scope == Scope::Learning));
        // What a stolen key must not do, whatever its scope and its owner's role.
        assert_eq!(code(house.lyceum.sessions(&script, page()).await), "insufficient_scope");
        assert_eq!(code(house.lyceum.sign_out_everywhere(&script).await), "insufficient_scope");
        assert_eq!(code(house.lyceum.api_keys(&script, page()).await), "insufficient_scope");
        assert_eq!(
            code(house.lyceum.change_password(&script, PASSWORD, "battery staple 8").await),
            "insufficient_scope"
        );
        assert_eq!(code(house.lyceum.export(&script).await), "insufficient_scope");
        assert_eq!(code(house.lyceum.delete_account(&script, Some(PASSWORD), None).await), "insufficient_scope");
        let users = house.lyceum.users(&script.actor(), &<_>::default(), page()).await;
        assert_eq!(code(users), "insufficient_scope");
        assert_eq!(code(house.lyceum.audit(&script.actor(), &<_>::default(), page()).await), "insufficient_scope");
    }
}

#[tokio::test]
async fn a_key_ends_when_it_expires_is_revoked_or_its_owner_is_switched_off() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let bob = house.learner("bob").await;
    let soon = house.clock.now().plus(Duration::from_hours(1));
    let (_, short) = house.key(&ada, Scope::Ai, Some(soon)).await;
    let (key, long) = house.key(&ada, Scope::Ai, None).await;
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(code(house.caller(&short).await), "token_expired");
    assert_eq!(code(house.lyceum.revoke_api_key(&bob, key.id).await), "not_found");
    assert_eq!(code(house.caller(&long).await), "ok");
    house.lyceum.revoke_api_key(&ada, key.id).await.unwrap();
    assert_eq!(code(house.caller(&long).await), "invalid_token");
    assert_eq!(code(house.caller("lyc_made-up").await), "invalid_token");

    let (_, text) = house.key(&ada, Scope::Ai, None).await;
    house.change_user(ada.user.id, |user| user.is_active = false).await;
    assert_eq!(code(house.caller(&text).await), "account_disabled");
    let past = house.lyceum.create_api_key(
        &bob,
        ApiKeyName::parse("late").unwrap(),
        Scopes::new([Scope::Ai]).unwrap(),
        Some(house.clock.now()),
    );
    assert_eq!(code(past.await), "validation_failed");
}

#[tokio::test]
async fn there_are_so_many_keys_and_no_more() {
    let house = House::with_rules(Rules { max_api_keys: 2, ..Rules::default() });
    let ada = house.learner("ada").await;
    let (first, _) = house.key(&ada, Scope::Ai, None).await;
    house.key(&ada, Scope::Ai, None).await;
    let third =
        || house.lyceum.create_api_key(&ada, ApiKeyName::parse("x").unwrap(), Scopes::new([Scope::Ai]).unwrap(), None);
    assert_eq!(code(third().await), "too_many");
    house.lyceum.revoke_api_key(&ada, first.id).await.unwrap();
    assert_eq!(code(third().await), "ok");
}

#[tokio::test]
async fn its_use_is_noted_to_the_minute_and_its_text_is_known_once() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let (_, text) = house.key(&ada, Scope::Ai, None).await;
    let listed = async || house.lyceum.api_keys(&ada, PageRequest::default()).await.unwrap().items.remove(0);
    assert_eq!(listed().await.last_used_at, None);
    let begun = house.clock.now();
    house.caller(&text).await.unwrap();
    house.clock.advance(Duration::from_secs(59));
    house.caller(&text).await.unwrap();
    assert_eq!(listed().await.last_used_at, Some(begun));
    house.clock.advance(Duration::from_secs(1));
    house.caller(&text).await.unwrap();
    let key = listed().await;
    assert_eq!(key.last_used_at, Some(house.clock.now()));
    assert!(text.starts_with(&key.prefix) && !format!("{key:?}").contains(&text));
}
