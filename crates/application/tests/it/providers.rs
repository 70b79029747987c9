//! People who sign in at an identity provider.

use std::time::Duration;

use futures_util::future::join_all;
use lyceum_domain::{
    policy::Actor,
    sessions::{Client, ExternalClaims},
    store::Store as _,
    users::{ProviderName, Role},
};

use crate::house::{House, code, email, registration};

#[tokio::test]
async fn an_account_is_made_at_first_sight_once() {
    let house = House::new();
    let token = house.providers.issue(house.claims("1", Some("ada"), true));
    // All look before any writes.
    let unit = house.begin().await;
    let requests = join_all((0..50).map(|_| house.caller(&token)));
    let (callers, ()) = tokio::join!(requests, async { drop(unit) });
    let callers: Vec<_> = callers.into_iter().map(Result::unwrap).collect();
    assert!(callers.iter().all(|caller| caller.user.id == callers[0].user.id));
    let user = house.user("ada").await.unwrap();
    assert_eq!((user.id, user.role, user.password_hash), (callers[0].user.id, Role::Learner, None));
    assert_eq!((user.username.as_str(), user.email_verified_at.is_some()), ("ada", true));
    assert_eq!(house.store.read().identities_of(user.id).await.unwrap().len(), 1);
    assert_eq!(code(house.sign_in("ada").await), "invalid_credentials");
}

#[tokio::test]
async fn accounts_are_joined_only_if_both_sides_verified_the_address() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let claimed = house.caller(&house.providers.issue(house.claims("thief", Some("ada"), false))).await.unwrap();
    assert_ne!(claimed.user.id, ada.user.id);
    assert_eq!(claimed.user.email.as_str(), "thief@placeholder.invalid");
    let verified = house.caller(&house.providers.issue(house.claims("1", Some("ada"), true))).await.unwrap();
    assert_eq!(verified.user.id, ada.user.id);
    // One that was deleted comes back by no other way.
    house.change_user(ada.user.id, |user| user.deleted_at = Some(user.created_at)).await;
    let other =
        ExternalClaims { provider: ProviderName::parse("other").unwrap(), ..house.claims("2", Some("ada"), true) };
    let other = house.caller(&house.providers.issue(other)).await.unwrap();
    assert!(other.user.id != ada.user.id && other.user.email.is_placeholder());
    let token = house.providers.issue(house.claims("1", Some("ada"), true));
    assert_eq!(code(house.caller(&token).await), "invalid_token");
}

#[tokio::test]
async fn a_claim_gives_way_to_who_shows_that_the_address_is_theirs() {
    let house = House::new();
    let claim = house.providers.issue(house.claims("1", Some("ada"), false));
    let claimer = house.caller(&claim).await.unwrap().user.id;
    house.lyceum.register(&Actor::Anonymous, registration("ada", "ada-herself")).await.unwrap();
    house.post().await;
    house.verify(&house.mailed_code("ada")).await.unwrap();
    let ada = house.user("ada").await.unwrap();
    assert_ne!(ada.id, claimer);
    let left = house.caller(&claim).await.unwrap().user;
    assert_eq!((left.id, left.email.is_placeholder()), (claimer, true));

    // The same by a provider that has verified it.
    let claim = house.providers.issue(house.claims("2", Some("bob"), false));
    let claimer = house.caller(&claim).await.unwrap().user.id;
    let shown = house.caller(&house.providers.issue(house.claims("3", Some("bob"), true))).await.unwrap().user;
    assert!(shown.id != claimer && shown.email == email("bob"));
    assert!(house.caller(&claim).await.unwrap().user.email.is_placeholder());
}

#[tokio::test]
async fn who_has_no_address_gets_one_that_is_never_mailed() {
    let house = House::new();
    for subject in ["42", "no address: @ all", &"x".repeat(255)] {
        let caller = house.caller(&house.providers.issue(house.claims(subject, None, false))).await.unwrap();
        assert!(caller.user.email.is_placeholder() && caller.user.email_verified_at.is_none(), "{subject}");
    }
    let other = ExternalClaims { provider: ProviderName::parse("other").unwrap(), ..house.claims("42", None, false) };
    let (one, two) = (house.claims("42", None, false), other);
    let one = house.caller(&house.providers.issue(one)).await.unwrap().user;
    let two = house.caller(&house.providers.issue(two)).await.unwrap().user;
    assert_eq!(one.email.as_str(), "42@placeholder.invalid");
    assert!(two.id != one.id && two.email.as_str() != one.email.as_str());
}

#[tokio::test]
async fn a_changed_address_is_taken_over_by_who_lives_by_the_provider_alone() {
    let house = House::new();
    let first = house.caller(&house.providers.issue(house.claims("1", None, false))).await.unwrap().user;
    let told = house.caller(&house.providers.issue(house.claims("1", Some("ada"), false))).await.unwrap().user;
    assert_eq!((told.id, told.email, told.email_verified_at), (first.id, email("ada"), None));
    let verified = house.caller(&house.providers.issue(house.claims("1", Some("ada"), true))).await.unwrap().user;
    assert!(verified.email_verified_at.is_some());
    house.learner("bob").await;
    let taken = house.caller(&house.providers.issue(house.claims("1", Some("bob"), true))).await.unwrap().user;
    assert_eq!((taken.id, taken.email), (first.id, email("ada")));
}

#[tokio::test]
async fn a_link_to_an_address_that_changed_shows_nothing_about_the_next_one() {
    let house = House::new();
    let claim = house.caller(&house.providers.issue(house.claims("1", Some("mallory"), false))).await.unwrap().user;
    house.lyceum.resend_verification(&Actor::Anonymous, &email("mallory")).await.unwrap();
    house.post().await;
    let link = house.mailed_code("mallory");
    // The provider lets anybody say anything, as long as it is not verified.
    let moved = house.caller(&house.providers.issue(house.claims("1", Some("victim"), false))).await.unwrap().user;
    assert_eq!((moved.id, moved.email), (claim.id, email("victim")));
    assert_eq!(code(house.verify(&link).await), "validation_failed");
    assert_eq!(house.user("victim").await.unwrap().email_verified_at, None);

    // Nor does a link that sets a password, asked for while the address before was verified.
    house.caller(&house.providers.issue(house.claims("1", Some("mallory"), true))).await.unwrap();
    house.lyceum.forgot_password(&Actor::Anonymous, &email("mallory")).await.unwrap();
    house.post().await;
    let link = house.mailed_code("mallory");
    house.caller(&house.providers.issue(house.claims("1", Some("victim"), false))).await.unwrap();
    let reset = house.lyceum.reset_password(&Actor::Anonymous, &link, "battery staple 8", &Client::default()).await;
    assert_eq!(code(reset), "validation_failed");
    assert_eq!(house.user("victim").await.unwrap().email_verified_at, None);
}

#[tokio::test]
async fn a_link_of_a_claim_that_gave_way_shows_nothing() {
    let house = House::new();
    let claim = house.providers.issue(house.claims("1", Some("ada"), false));
    house.caller(&claim).await.unwrap();
    house.lyceum.resend_verification(&Actor::Anonymous, &email("ada")).await.unwrap();
    house.post().await;
    let link = house.mailed_code("ada");
    house.caller(&house.providers.issue(house.claims("2", Some("ada"), true))).await.unwrap();
    assert_eq!(code(house.verify(&link).await), "validation_failed");
    let left = house.caller(&claim).await.unwrap().user;
    assert!(left.email.is_placeholder() && left.email_verified_at.is_none());
}

#[tokio::test]
async fn a_token_from_before_does_not_bring_the_old_address_back() {
    let house = House::new();
    let before = house.providers.issue(house.claims("1", Some("ada"), true));
    house.caller(&before).await.unwrap();
    house.clock.advance(Duration::from_mins(1));
    let after = house.providers.issue(house.claims("1", Some("lovelace"), true));
    // Seen at another device a while after it was issued.
    house.clock.advance(Duration::from_mins(1));
    for token in [&after, &before, &after] {
        assert_eq!(house.caller(token).await.unwrap().user.email, email("lovelace"));
    }
    assert_eq!(house.user("ada").await, None);
}

#[tokio::test]
async fn a_token_that_lets_nobody_in_changes_nothing() {
    let house = House::new();
    let caller = house.caller(&house.providers.issue(house.claims("1", Some("ada"), true))).await.unwrap();
    let stale = house.providers.issue(house.claims("1", Some("stale"), true));
    house.clock.advance(Duration::from_secs(1));
    house.lyceum.sign_out_everywhere(&caller).await.unwrap();
    assert_eq!(code(house.caller(&stale).await), "invalid_token");
    house.change_user(caller.user.id, |user| user.is_active = false).await;
    let switched_off = house.providers.issue(house.claims("1", Some("off"), true));
    assert_eq!(code(house.caller(&switched_off).await), "account_disabled");
    assert_eq!(house.user("ada").await.unwrap().id, caller.user.id);
}

#[tokio::test]
async fn a_providers_token_ends_with_the_account_and_with_signing_out_everywhere() {
    let house = House::new();
    let token = house.providers.issue(house.claims("1", Some("ada"), true));
    let caller = house.caller(&token).await.unwrap();
    house.clock.advance(Duration::from_secs(1));
    house.lyceum.sign_out_everywhere(&caller).await.unwrap();
    assert_eq!(code(house.caller(&token).await), "invalid_token");
    let token = house.providers.issue(house.claims("1", Some("ada"), true));
    assert_eq!(code(house.caller(&token).await), "ok");
    house.change_user(caller.user.id, |user| user.is_active = false).await;
    assert_eq!(code(house.caller(&token).await), "account_disabled");
    house.clock.advance(Duration::from_mins(15));
    assert_eq!(code(house.caller(&token).await), "token_expired");
    house.providers.set_away(true);
    assert_eq!(code(house.caller(&token).await), "identity_provider_unavailable");
    assert_eq!(code(house.caller("provider:99").await), "identity_provider_unavailable");
}
