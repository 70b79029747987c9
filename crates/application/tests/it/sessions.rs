//! Signing in and out, refreshing, and who is behind a token.

use std::time::Duration;

use lyceum_application::{
    Rules,
    sessions::{Caller, SignedIn},
};
use lyceum_domain::{
    audit::{AuditAction, AuditFilter},
    page::PageRequest,
    policy::Actor,
    sessions::{AccessClaims, AccessTokens as _, Client, Secrets as _, Session},
    store::Store as _,
    time::{Clock as _, Timestamp},
    users::{Identifier, PasswordHash, PasswordHasher as _, Role},
};
use lyceum_testkit::tokens::{PlainTokens, SequentialSecrets};

use crate::house::{House, PASSWORD, at, code, email};

impl House {
    /// Somebody who is signed in.
    async fn signed_in(&self, name: &str) -> SignedIn {
        self.learner(name).await;
        self.sign_in(name).await.unwrap()
    }

    /// Whether an access token is good now, or else why not.
    async fn standing(&self, access_token: &str) -> &'static str {
        code(self.caller(access_token).await)
    }

    async fn refresh(&self, signed_in: &SignedIn) -> Result<SignedIn, lyceum_application::Error> {
        self.lyceum.refresh(signed_in.refresh_token.expose(), &Client::default()).await
    }

    /// The session as it is stored.
    async fn session(&self, signed_in: &SignedIn) -> Session {
        let hash = SequentialSecrets::new().hash(signed_in.refresh_token.expose());
        self.begin().await.sessions().find_by_token(&hash).await.unwrap().unwrap().1
    }

    /// A token that another service signed with the house's key, good for a year.
    fn foreign_token(&self, caller: &Caller) -> String {
        let issued_at = self.clock.now();
        let expires_at = issued_at.plus(Duration::from_hours(365 * 24));
        let (user, session, role) = (caller.user.id, caller.session, caller.user.role);
        self.tokens.issue(&AccessClaims { user, session, role, issued_at, expires_at }).unwrap()
    }
}

#[tokio::test]
async fn unknown_and_wrong_are_one_answer_after_the_same_work() {
    let house = House::new();
    house.learner("ada").await;
    let dee = house.learner("dee").await;
    house.change_user(dee.user.id, |user| user.deleted_at = Some(user.created_at)).await;
    let eve = house.learner("eve").await;
    house.change_user(eve.user.id, |user| user.password_hash = None).await;
    let attempts = [
        ("ada", "wrong horse 7"),
        ("nobody", PASSWORD),
        ("nobody@example.com", PASSWORD),
        ("no identity at all", PASSWORD),
        ("", ""),
        ("dee", PASSWORD),
        ("eve", PASSWORD),
    ];
    for (n, (identifier, password)) in (1..).zip(attempts) {
        let refused = house.sign_in_with(identifier, password, "192.0.2.1").await;
        assert_eq!(code(refused), "invalid_credentials", "{identifier}");
        assert_eq!(house.passwords.verified(), n * 2, "{identifier}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_account_is_told_to_who_knows_its_password() {
    let house = House::new();
    house.register("una").await.unwrap();
    let dan = house.learner("dan").await;
    house.change_user(dan.user.id, |user| user.is_active = false).await;
    for (name, expected) in [("una", "email_not_verified"), ("dan", "account_disabled")] {
        assert_eq!(code(house.sign_in(name).await), expected);
        let refused = house.sign_in_with(name, "wrong horse 7", "192.0.2.1").await;
        assert_eq!(code(refused), "invalid_credentials");
    }
}

#[tokio::test]
async fn a_sign_in_is_noted_with_what_the_client_calls_itself() {
    let house = House::new();
    house.learner("ada").await;
    let client = Client { user_agent: Some(format!("A\u{7} {}", "b".repeat(900))), ..at("::1") };
    let signed_in = house.lyceum.sign_in("ada", PASSWORD, &client).await.unwrap();
    let session = house.session(&signed_in).await;
    let name = session.user_agent.unwrap();
    assert!(name.starts_with("A b") && name.chars().count() <= 201, "{name}");
    assert_eq!(session.ip_address.as_deref(), Some("::1"));
    let user = house.user("ada").await.unwrap();
    assert_eq!((user.last_login_at, user.version), (Some(house.clock.now()), 1));
}

#[tokio::test]
async fn an_outdated_hash_is_made_anew_at_the_next_sign_in() {
    let house = House::new();
    house.learner("ada").await;
    house.passwords.raise_cost();
    house.sign_in("ada").await.unwrap();
    let user = house.user("ada").await.unwrap();
    assert!(!house.passwords.is_outdated(user.password_hash.as_ref().unwrap()));
    house.sign_in("ada").await.unwrap();
    assert_eq!(house.user("ada").await.unwrap().version, user.version);
}

#[tokio::test]
async fn a_hash_that_cannot_be_made_anew_turns_nobody_away() {
    let house = House::new();
    let ada = house.learner("ada").await;
    house.passwords.raise_cost();
    house.store.conflict_at_next_commits(1);
    let signed_in = house.sign_in("ada").await.unwrap();
    assert_eq!(house.standing(&signed_in.access_token).await, "ok");

    // A password from before today's rules.
    let old = PasswordHash::new("plain$0$0$short".into());
    house.change_user(ada.user.id, |user| user.password_hash = Some(old.clone())).await;
    assert!(house.sign_in_with("ada", "short", "192.0.2.1").await.is_ok());
    assert_eq!(house.user("ada").await.unwrap().password_hash, Some(old));
}

#[tokio::test]
async fn a_refresh_gives_the_next_pair_of_the_same_session() {
    let house = House::new();
    let first = house.signed_in("ada").await;
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(house.standing(&first.access_token).await, "token_expired");
    let second = house.refresh(&first).await.unwrap();
    assert_eq!(second.session, first.session);
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_eq!(house.standing(&second.access_token).await, "ok");
    let session = house.session(&second).await;
    assert_eq!((session.last_used_at, session.expires_at), (house.clock.now(), second.refresh_expires_at));
    assert!(house.refresh(&second).await.is_ok());
}

#[tokio::test]
async fn two_tabs_that_refresh_at_once_both_go_on() {
    let house = House::new();
    let first = house.signed_in("ada").await;
    let (left, right) = tokio::join!(house.refresh(&first), house.refresh(&first));
    house.clock.advance(Rules::default().refresh_grace);
    let late = house.refresh(&first).await;
    for tab in [left, right, late] {
        let tab = tab.unwrap();
        assert_eq!(house.standing(&tab.access_token).await, "ok");
        assert!(house.refresh(&tab).await.is_ok());
    }
}

#[tokio::test]
async fn once_a_follower_was_used_the_token_before_it_is_a_replay_at_once() {
    let house = House::new();
    let first = house.signed_in("ada").await;
    let elsewhere = house.sign_in("ada").await.unwrap();
    let second = house.refresh(&first).await.unwrap();
    house.refresh(&second).await.unwrap();
    for _ in 0..3 {
        assert_eq!(code(house.refresh(&first).await), "invalid_token");
    }
    assert_eq!(house.standing(&second.access_token).await, "invalid_token");
    assert_eq!(house.standing(&elsewhere.access_token).await, "ok");
    let admin = house.admin().await;
    let filter = AuditFilter { action: Some(AuditAction::TokenReplayed), ..AuditFilter::default() };
    let told = house.lyceum.audit(&admin.actor(), &filter, PageRequest::default()).await.unwrap().items;
    assert_eq!((told.len(), told[0].subject), (1, Some(first.user.id)));
}

#[tokio::test]
async fn fifty_tabs_at_once_are_one_family() {
    let house = House::new();
    let first = house.signed_in("ada").await;
    let tabs = futures_util::future::join_all((0..50).map(|_| house.refresh(&first))).await;
    for tab in tabs {
        let tab = tab.unwrap();
        assert_eq!((tab.session, house.standing(&tab.access_token).await), (first.session, "ok"));
        assert!(house.refresh(&tab).await.is_ok());
    }
    let caller = house.caller(&first.access_token).await.unwrap();
    assert_eq!(house.lyceum.sessions(&caller, PageRequest::default()).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn one_sees_ones_sessions_and_ends_one_of_them() {
    let house = House::new();
    let (here, there) = (house.signed_in("ada").await, house.sign_in("ada").await.unwrap());
    let bob = house.signed_in("bob").await;
    let caller = house.caller(&here.access_token).await.unwrap();
    let listed = house.lyceum.sessions(&caller, PageRequest::default()).await.unwrap().items;
    let mut ids: Vec<_> = listed.iter().map(|session| session.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [here.session, there.session]);
    assert_eq!(listed[0].ip_address.as_deref(), Some("192.0.2.1"));

    assert_eq!(code(house.lyceum.revoke_session(&caller, bob.session).await), "not_found");
    house.lyceum.revoke_session(&caller, there.session).await.unwrap();
    assert_eq!(code(house.lyceum.revoke_session(&caller, there.session).await), "not_found");
    let standing = [&here, &there, &bob].map(|one| one.access_token.clone());
    let mut codes = Vec::new();
    for token in &standing {
        codes.push(house.standing(token).await);
    }
    assert_eq!(codes, ["ok", "invalid_token", "ok"]);
}

/// The account is younger than the clock says by now, and no token from before it counts.
#[tokio::test]
async fn whoever_signs_in_when_the_clock_was_set_back_is_signed_in() {
    let house = House::new();
    house.learner("ada").await;
    house.clock.set(house.clock.now().minus(Duration::from_mins(5)));
    let signed_in = house.sign_in("ada").await.unwrap();
    assert_eq!(house.standing(&signed_in.access_token).await, "ok");
    house.clock.advance(Duration::from_mins(5));
    assert_eq!(house.standing(&signed_in.access_token).await, "ok");
}

#[tokio::test]
async fn activity_is_noted_every_quarter_of_an_hour() {
    let house = House::with_rules(Rules { access_ttl: Duration::from_hours(1), ..Rules::default() });
    let signed_in = house.signed_in("ada").await;
    let seen = async || house.user("ada").await.unwrap().last_active_at.unwrap();
    let begun = seen().await;
    house.clock.advance(Duration::from_mins(14));
    assert_eq!((house.standing(&signed_in.access_token).await, seen().await), ("ok", begun));
    house.clock.advance(Duration::from_mins(1));
    assert_eq!((house.standing(&signed_in.access_token).await, seen().await), ("ok", house.clock.now()));
}

#[tokio::test]
async fn a_refresh_token_that_comes_again_later_ends_the_session() {
    let house = House::new();
    let first = house.signed_in("ada").await;
    let elsewhere = house.sign_in("ada").await.unwrap();
    let second = house.refresh(&first).await.unwrap();
    house.clock.advance(Rules::default().refresh_grace + Duration::from_micros(1));
    assert_eq!(code(house.refresh(&first).await), "invalid_token");

    assert_eq!(code(house.refresh(&second).await), "invalid_token");
    assert_eq!(house.standing(&second.access_token).await, "invalid_token");
    assert_eq!(house.standing(&elsewhere.access_token).await, "ok");
    assert!(house.refresh(&elsewhere).await.is_ok());
}

#[tokio::test]
async fn a_refresh_token_is_good_until_it_expires() {
    let house = House::new();
    let signed_in = house.signed_in("ada").await;
    assert_eq!(code(house.lyceum.refresh("made-up", &Client::default()).await), "invalid_token");
    let expiry = signed_in.refresh_expires_at;
    house.clock.set(Timestamp::from_micros(expiry.as_micros() - 1).unwrap());
    let next = house.refresh(&signed_in).await.unwrap();
    house.clock.advance(Rules::default().refresh_ttl);
    assert_eq!(code(house.refresh(&next).await), "token_expired");
}

#[tokio::test]
async fn a_refresh_looks_at_the_account() {
    let house = House::new();
    let signed_in = house.signed_in("ada").await;
    let id = signed_in.user.id;
    house.change_user(id, |user| user.is_active = false).await;
    assert_eq!(code(house.refresh(&signed_in).await), "account_disabled");
    // What was refused was not used up.
    house.clock.advance(Duration::from_hours(1));
    house.change_user(id, |user| user.is_active = true).await;
    let next = house.refresh(&signed_in).await.unwrap();
    house.change_user(id, |user| user.deleted_at = Some(user.created_at)).await;
    assert_eq!(code(house.refresh(&next).await), "invalid_token");
}

#[tokio::test]
async fn signing_out_ends_this_session_and_no_other() {
    let house = House::new();
    let here = house.signed_in("ada").await;
    let there = house.sign_in("ada").await.unwrap();
    let caller = house.caller(&here.access_token).await.unwrap();
    house.lyceum.sign_out(&caller).await.unwrap();
    assert_eq!(house.standing(&here.access_token).await, "invalid_token");
    assert_eq!(code(house.refresh(&here).await), "invalid_token");
    assert_eq!(house.standing(&there.access_token).await, "ok");
    // Again, and with a token that names no session, is no fault.
    assert!(house.lyceum.sign_out(&caller).await.is_ok());
    assert!(house.lyceum.sign_out(&Caller { session: None, ..caller }).await.is_ok());
    assert_eq!(house.standing(&there.access_token).await, "ok");
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_tokens_also_those_without_a_session() {
    let house = House::new();
    let here = house.signed_in("ada").await;
    let there = house.sign_in("ada").await.unwrap();
    let bob = house.signed_in("bob").await;
    let caller = house.caller(&here.access_token).await.unwrap();
    let foreign = house.foreign_token(&Caller { session: None, ..caller.clone() });
    assert_eq!(house.standing(&foreign).await, "ok");

    house.clock.advance(Duration::from_secs(1));
    house.store.conflict_at_next_commits(2);
    house.lyceum.sign_out_everywhere(&caller).await.unwrap();

    for token in [&here.access_token, &there.access_token, &foreign] {
        assert_eq!(house.standing(token).await, "invalid_token");
    }
    assert_eq!(code(house.refresh(&there).await), "invalid_token");
    assert_eq!(house.standing(&bob.access_token).await, "ok");
    let again = house.sign_in("ada").await.unwrap();
    assert_eq!(house.standing(&again.access_token).await, "ok");
}

#[tokio::test]
async fn a_token_lives_no_longer_than_its_session_and_names_its_own() {
    let house = House::new();
    let ada = house.signed_in("ada").await;
    let bob = house.signed_in("bob").await;
    let caller = |user: &SignedIn, session: &SignedIn| Caller {
        session: Some(session.session),
        ..Caller::of(user.user.clone())
    };
    let own = house.foreign_token(&caller(&ada, &ada));
    let borrowed = house.foreign_token(&caller(&ada, &bob));
    assert_eq!(house.standing(&own).await, "ok");
    assert_eq!(house.standing(&borrowed).await, "invalid_token");
    house.clock.advance(Rules::default().refresh_ttl);
    assert_eq!(house.standing(&own).await, "invalid_token");
}

#[tokio::test]
async fn an_access_token_is_good_until_it_expires_and_only_with_the_houses_key() {
    let house = House::new();
    let signed_in = house.signed_in("ada").await;
    let expiry = signed_in.access_expires_at;
    house.clock.set(Timestamp::from_micros(expiry.as_micros() - 1).unwrap());
    assert_eq!(house.standing(&signed_in.access_token).await, "ok");
    house.clock.set(expiry);
    assert_eq!(house.standing(&signed_in.access_token).await, "token_expired");

    let mut stranger = House::new();
    stranger.tokens = PlainTokens::new("another");
    let caller = Caller::of(signed_in.user);
    assert_eq!(house.standing(&stranger.foreign_token(&caller)).await, "invalid_token");
    assert_eq!(house.standing("nonsense").await, "invalid_token");
}

#[tokio::test]
async fn a_token_stands_for_the_account_as_it_is_now() {
    let house = House::new();
    let signed_in = house.signed_in("ada").await;
    let ada = Identifier::Email(email("ada"));
    house.lyceum.promote(&Actor::System, &ada, Role::Admin).await.unwrap();
    let caller = house.caller(&signed_in.access_token).await.unwrap();
    assert_eq!(caller.actor(), Actor::User { id: signed_in.user.id, role: Role::Admin, key: None });

    house.change_user(signed_in.user.id, |user| user.is_active = false).await;
    assert_eq!(house.standing(&signed_in.access_token).await, "account_disabled");
    house.change_user(signed_in.user.id, |user| user.deleted_at = Some(user.created_at)).await;
    assert_eq!(house.standing(&signed_in.access_token).await, "invalid_token");
    house.store.set_away(true);
    assert_eq!(house.standing(&signed_in.access_token).await, "database_unavailable");
    assert!(house.store.check().await.is_err());
}
