//! The audit trail: everything that can happen to an account is written down, with who did it and from where.

use std::{collections::BTreeSet, time::Duration};

use lyceum_application::{
    sessions::Caller,
    users::{AccountChange, PrivacyChange, ProfileChange},
};
use lyceum_domain::{
    audit::{AuditAction, AuditActor, AuditEvent, AuditFilter},
    courses::CourseKey,
    page::{PageRequest, PageSize},
    policy::Actor,
    sessions::Client,
    time::Clock as _,
    users::{ApiKeyName, Identifier, Plan, Role, Scope, Scopes},
};

use crate::house::{House, PASSWORD, at, chapters, code, email, registration, username};

impl House {
    /// All of the trail, newest first.
    async fn trail(&self, filter: &AuditFilter) -> Vec<AuditEvent> {
        let page = PageRequest { size: PageSize::parse(100).unwrap(), after: None };
        self.lyceum.audit(&Actor::System, filter, page).await.unwrap().items
    }

    async fn only(&self, action: AuditAction) -> AuditEvent {
        let mut events = self.trail(&AuditFilter { action: Some(action), ..AuditFilter::default() }).await;
        assert_eq!(events.len(), 1, "{action:?}");
        events.remove(0)
    }
}

/// A life with everything in it, but its end.
async fn live(house: &House, client: &Client) -> Caller {
    let admin = Caller { client: client.clone(), ..house.admin().await };
    house.import(&admin, "Knots", chapters(&["Reef"]), true).await;
    let (actor, course) = (admin.actor(), crate::authoring::new_course("Sails"));
    let key = CourseKey::Id(house.lyceum.create_course(&actor, client, course).await.unwrap().id);
    house.lyceum.publish_course(&actor, client, &key).await.unwrap();
    house.lyceum.archive_course(&actor, client, &key).await.unwrap();
    house.lyceum.remove_course(&actor, client, &key, None).await.unwrap();
    house.lyceum.restore_course(&actor, client, &key).await.unwrap();
    house.lyceum.register(&Actor::Anonymous, registration("ada", "ada")).await.unwrap();
    house.post().await;
    house.lyceum.verify_email(&Actor::Anonymous, &house.mailed_code("ada"), client).await.unwrap();
    assert_eq!(code(house.lyceum.sign_in("ada", "wrong horse 7", client).await), "invalid_credentials");
    let first = house.lyceum.sign_in("ada", PASSWORD, client).await.unwrap();
    let replayed = house.lyceum.sign_in("ada", PASSWORD, client).await.unwrap();
    let ada = house.lyceum.authenticate(&first.access_token, client.clone()).await.unwrap();

    let rename = ProfileChange { username: Some(username("lovelace")), ..ProfileChange::default() };
    house.lyceum.change_profile(&ada, rename, None).await.unwrap();
    let hide = PrivacyChange { show_progress: Some(false), ..PrivacyChange::default() };
    house.lyceum.change_privacy(&ada, hide, None).await.unwrap();
    let (name, scopes) = (ApiKeyName::parse("notebook").unwrap(), Scopes::new([Scope::Ai]).unwrap());
    let (key, _) = house.lyceum.create_api_key(&ada, name, scopes, None).await.unwrap();
    house.lyceum.revoke_api_key(&ada, key.id).await.unwrap();
    house.lyceum.export(&ada).await.unwrap();

    let next = house.lyceum.refresh(replayed.refresh_token.expose(), client).await.unwrap();
    house.lyceum.refresh(next.refresh_token.expose(), client).await.unwrap();
    assert_eq!(code(house.lyceum.refresh(replayed.refresh_token.expose(), client).await), "invalid_token");

    let token = house.providers.issue(house.claims("1", Some("ada"), true));
    house.lyceum.authenticate(&token, client.clone()).await.unwrap();
    house.lyceum.change_password(&ada, PASSWORD, "battery staple 8").await.unwrap();
    house.lyceum.forgot_password(&Actor::Anonymous, &email("ada")).await.unwrap();
    house.post().await;
    // The last mail is the one with the link: that the password was changed was said before.
    let link = house.mailed_code("ada");
    house.lyceum.reset_password(&Actor::Anonymous, &link, PASSWORD, client).await.unwrap();
    for (role, plan, is_active) in [(Role::Mentor, Plan::Premium, false), (Role::Mentor, Plan::Premium, true)] {
        let change =
            AccountChange { role: Some(role), plan: Some(plan), is_active: Some(is_active), unlock: is_active };
        house.lyceum.change_account(&admin, ada.user.id, change, None).await.unwrap();
    }
    let again = house.lyceum.sign_in("ada@example.com", PASSWORD, client).await.unwrap();
    house.lyceum.sign_out_by_refresh_token(again.refresh_token.expose(), client).await.unwrap();
    let again = house.lyceum.sign_in("ada@example.com", PASSWORD, client).await.unwrap();
    let ada = house.lyceum.authenticate(&again.access_token, client.clone()).await.unwrap();
    house.lyceum.sign_out_everywhere(&ada).await.unwrap();

    // Somebody who lives by a provider alone.
    let token = house.providers.issue(house.claims("2", Some("bob"), false));
    let bob = house.lyceum.authenticate(&token, client.clone()).await.unwrap();
    house.lyceum.resend_verification(&Actor::Anonymous, &email("bob")).await.unwrap();
    house.post().await;
    house.lyceum.verify_email(&Actor::Anonymous, &house.mailed_code("bob"), client).await.unwrap();
    house.clock.advance(Duration::from_secs(1));
    let token = house.providers.issue(house.claims("2", Some("robert"), false));
    house.lyceum.authenticate(&token, client.clone()).await.unwrap();
    house.lyceum.delete_account(&bob, None, None).await.unwrap();
    house.lyceum.restore_account(&Actor::System, &Identifier::Email(email("robert"))).await.unwrap();
    ada
}

#[tokio::test]
async fn whatever_happens_to_an_account_is_written_down() {
    let house = House::new();
    let client = Client {
        user_agent: Some("browser".to_owned()),
        request_id: Some("request-7".to_owned()),
        ..at("2001:db8::7")
    };
    let ada = live(&house, &client).await;
    let events = house.trail(&AuditFilter::default()).await;
    let seen: BTreeSet<_> = events.iter().map(|event| event.action).collect();
    let missing: Vec<_> = AuditAction::ALL.iter().filter(|action| !seen.contains(action)).collect();
    // The last is of the server, not of an account.
    assert_eq!(missing, [&AuditAction::Erased, &AuditAction::LogLevelChanged]);

    // What came with a request says so; the operator has no address.
    let of_the_operator = [AuditAction::Created, AuditAction::Restored];
    for event in events.iter().filter(|event| !of_the_operator.contains(&event.action)) {
        let from = (event.ip_address.as_deref(), event.user_agent.as_deref(), event.request_id.as_deref());
        assert_eq!(from, (Some("2001:db8::7"), Some("browser"), Some("request-7")), "{event:?}");
        assert_eq!(event.subject.is_some(), !event.action.as_str().starts_with("course."), "{event:?}");
    }
    // And nothing that opens anything; of a key its first characters are shown.
    let said = format!("{events:?}");
    for secret in [PASSWORD, "battery staple 8", "wrong horse 7", "secret-00", "provider:"] {
        assert!(!said.contains(secret), "{secret}");
    }
    let linked = house.only(AuditAction::IdentityLinked).await;
    assert_eq!((linked.subject, linked.details[0].1.as_str()), (Some(ada.user.id), "neon"));
    let renamed = house.only(AuditAction::Renamed).await;
    assert_eq!([renamed.details[0].1.as_str(), renamed.details[1].1.as_str()], ["ada", "lovelace"]);
    assert_eq!(house.only(AuditAction::TokenReplayed).await.actor, AuditActor::Anonymous);
    assert_eq!(house.only(AuditAction::PasswordReset).await.actor, AuditActor::User(ada.user.id));
}

#[tokio::test]
async fn the_trail_is_read_by_who_did_it_what_it_was_whom_it_met_and_since_when() {
    let house = House::new();
    let (admin, ada) = (house.admin().await, house.learner("ada").await);
    house.sign_in("ada").await.unwrap();
    house.clock.advance(Duration::from_hours(1));
    let later = house.clock.now();
    let premium = AccountChange { plan: Some(Plan::Premium), ..AccountChange::default() };
    house.lyceum.change_account(&admin, ada.user.id, premium, None).await.unwrap();
    house.sign_in("the-admin").await.unwrap();

    let all = AuditFilter::default;
    let of_ada = Some(ada.user.id);
    for (filter, expected) in [
        (all(), 5),
        (AuditFilter { actor: Some(admin.user.id), ..all() }, 2),
        (AuditFilter { actor: Some(admin.user.id), subject: of_ada, ..all() }, 1),
        (AuditFilter { subject: of_ada, ..all() }, 3),
        (AuditFilter { action: Some(AuditAction::SignedIn), ..all() }, 2),
        (AuditFilter { since: Some(later), ..all() }, 2),
        (AuditFilter { since: Some(later), subject: of_ada, only_sign_ins: true, ..all() }, 0),
    ] {
        assert_eq!(house.trail(&filter).await.len(), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn an_address_that_a_provider_changes_or_verifies_is_told() {
    let house = House::new();
    let caller = house.caller(&house.providers.issue(house.claims("1", Some("ada"), false))).await.unwrap();
    let actions = async || {
        let filter = AuditFilter { subject: Some(caller.user.id), ..AuditFilter::default() };
        house.trail(&filter).await.into_iter().map(|event| event.action).collect::<BTreeSet<_>>()
    };
    assert_eq!(actions().await, BTreeSet::from([AuditAction::Provisioned]));
    house.caller(&house.providers.issue(house.claims("1", Some("ada"), true))).await.unwrap();
    assert_eq!(actions().await, BTreeSet::from([AuditAction::Provisioned, AuditAction::EmailVerified]));
    house.caller(&house.providers.issue(house.claims("1", Some("lovelace"), false))).await.unwrap();
    let all = BTreeSet::from([AuditAction::Provisioned, AuditAction::EmailVerified, AuditAction::EmailChanged]);
    assert_eq!(actions().await, all);
    let changed = house.only(AuditAction::EmailChanged).await;
    assert_eq!(changed.details, [("provider".to_owned(), "neon".to_owned())]);
}
