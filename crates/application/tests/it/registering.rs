//! Registering and verifying.

use std::time::Duration;

use lyceum_application::{Rules, users::ProfileChange};
use lyceum_domain::{
    policy::Actor,
    sessions::Client,
    users::{Identifier, Password, Role},
};

use crate::house::{House, PASSWORD, code, email, registration, username};

/// What somebody else chose.
const OTHER: &str = "somebody else's 1";

#[tokio::test]
async fn who_registers_verifies_the_address_and_signs_in_by_either_name() {
    let house = House::new();
    house.register("ada").await.unwrap();
    assert_eq!(house.user("ada").await, None, "no account before the address is verified");
    assert_eq!(code(house.sign_in("ada").await), "email_not_verified");

    let link = house.mailed_code("ada");
    assert!(house.mailer.sent()[0].text.contains(&format!("http://127.0.0.1:8080/verify-email?token={link}")));
    house.verify(&link).await.unwrap();
    let user = house.user("ada").await.unwrap();
    assert_eq!((user.role, user.email_verified_at.is_some()), (Role::Learner, true));

    for identifier in ["ada@example.com", "ADA@Example.COM", "ada", "Ada"] {
        let signed_in = house.sign_in(identifier).await.unwrap();
        assert_eq!(signed_in.user.id, user.id);
        let caller = house.caller(&signed_in.access_token).await.unwrap();
        assert_eq!((caller.user.id, caller.session), (user.id, Some(signed_in.session)));
    }
}

#[tokio::test]
async fn registering_a_known_address_looks_the_same_and_is_told_to_its_owner_alone() {
    let house = House::new();
    house.learner("ada").await;
    let before = house.user("ada").await;
    let register = async |address: &str, name: &str| {
        let mut mine = registration(address, name);
        mine.password = Password::parse(OTHER, &[]).unwrap();
        let registered = house.lyceum.register(&Actor::Anonymous, mine).await;
        house.post().await;
        code(registered)
    };
    // With a known address and an unknown one: the same, now, again, and for whoever wants the name next.
    for (address, name) in [("ada", "somebody-else"), ("bob", "somebody-new")] {
        assert_eq!((register(address, name).await, register(address, name).await), ("ok", "ok"));
        assert_eq!(register("cy", name).await, "username_taken");
    }
    // Nor does signing in with what one registered tell.
    for (address, name) in [("ada", "somebody-else"), ("bob", "somebody-new")] {
        for identifier in [&*format!("{address}@example.com"), name] {
            let mine = house.sign_in_with(identifier, OTHER, "203.0.113.9").await;
            assert_eq!(code(mine), "email_not_verified", "{identifier}");
        }
    }
    let to_ada: Vec<_> = house.mailer.sent().into_iter().filter(|mail| mail.to == email("ada")).collect();
    assert!(to_ada.len() == 2 && to_ada.iter().all(|mail| mail.subject == "already_registered"), "{to_ada:?}");
    assert_eq!(house.user("ada").await, before);
    assert_eq!(house.mailer.last_to(&email("bob")).unwrap().subject, "verify_email");
}

#[tokio::test]
async fn of_two_registrations_of_one_address_the_one_whose_link_is_followed_wins() {
    let house = House::new();
    let mut prepared = registration("ada", "prepared");
    prepared.password = Password::parse("somebody else's 1", &[]).unwrap();
    house.lyceum.register(&Actor::Anonymous, prepared).await.unwrap();
    house.post().await;
    let others_link = house.mailed_code("ada");
    house.register("ada").await.unwrap();
    house.verify(&house.mailed_code("ada")).await.unwrap();

    assert_eq!(house.user("ada").await.unwrap().username.as_str(), "ada");
    assert_eq!(code(house.sign_in("ada").await), "ok");
    assert_eq!(code(house.sign_in_with("ada", "somebody else's 1", "192.0.2.9").await), "invalid_credentials");
    assert_eq!(code(house.verify(&others_link).await), "validation_failed");
    assert_eq!(code(house.sign_in_with("prepared", "somebody else's 1", "192.0.2.9").await), "invalid_credentials");
}

#[tokio::test]
async fn a_taken_username_is_told_whatever_its_case() {
    let house = House::new();
    house.learner("ada").await;
    house.register("bob").await.unwrap();
    for name in ["ADA", "Bob"] {
        let second = house.lyceum.register(&Actor::Anonymous, registration("cy", name)).await;
        assert_eq!(code(second), "username_taken", "{name}");
    }
    assert_eq!(house.mailer.sent().len(), 1);
    // Nor does anybody rename themselves to a name that waits.
    let ada = house.caller(&house.sign_in("ada").await.unwrap().access_token).await.unwrap();
    let rename = ProfileChange { username: Some(username("bob")), ..ProfileChange::default() };
    assert_eq!(code(house.lyceum.change_profile(&ada, rename, None).await), "username_taken");
}

#[tokio::test]
async fn a_name_that_was_taken_after_all_is_told_when_the_link_is_followed() {
    let house = House::new();
    house.register("ada").await.unwrap();
    // The operator takes any name that no account has.
    let person = registration("grace", "ada");
    house.lyceum.create_user(&Actor::System, person, Role::Learner).await.unwrap();
    let link = house.mailed_code("ada");
    assert_eq!(code(house.verify(&link).await), "username_taken");
    assert_eq!(house.user("ada").await, None);
}

#[tokio::test]
async fn a_link_is_good_once() {
    let house = House::new();
    house.register("ada").await.unwrap();
    let link = house.mailed_code("ada");
    house.verify(&link).await.unwrap();
    assert_eq!(code(house.verify(&link).await), "validation_failed");
    assert_eq!(code(house.verify("made-up").await), "validation_failed");
    assert!(house.sign_in("ada").await.is_ok());
}

#[tokio::test]
async fn a_link_that_meets_others_is_tried_again() {
    let house = House::new();
    house.register("ada").await.unwrap();
    house.store.conflict_at_next_commits(2);
    house.verify(&house.mailed_code("ada")).await.unwrap();
    assert!(house.user("ada").await.is_some());
}

#[tokio::test]
async fn of_two_who_follow_one_link_at_once_one_makes_the_account() {
    let house = House::new();
    house.register("ada").await.unwrap();
    let link = house.mailed_code("ada");
    let unit = house.begin().await;
    let (first, second, ()) = tokio::join!(house.verify(&link), house.verify(&link), async { drop(unit) });
    assert_eq!((code(first), code(second)), ("ok", "validation_failed"));
}

#[tokio::test]
async fn an_expired_link_is_replaced_by_another() {
    let house = House::new();
    house.register("ada").await.unwrap();
    let first = house.mailed_code("ada");
    house.clock.advance(Duration::from_hours(24));
    assert_eq!(code(house.verify(&first).await), "validation_failed");

    house.lyceum.resend_verification(&Actor::Anonymous, &email("ada")).await.unwrap();
    house.post().await;
    let second = house.mailed_code("ada");
    assert_ne!(first, second);
    house.clock.advance(Duration::from_hours(24) - Duration::from_micros(1));
    house.verify(&second).await.unwrap();
    assert!(house.sign_in("ada").await.is_ok());
}

#[tokio::test]
async fn a_registration_that_nobody_verifies_ends_and_frees_its_name() {
    let house = House::new();
    house.register("ada").await.unwrap();
    house.clock.advance(Rules::default().verification_ttl * 7);
    assert_eq!(code(house.sign_in("ada").await), "invalid_credentials");
    house.lyceum.resend_verification(&Actor::Anonymous, &email("ada")).await.unwrap();
    assert_eq!(house.post().await.dropped, 1);
    assert_eq!(code(house.lyceum.register(&Actor::Anonymous, registration("bob", "ada")).await), "ok");
}

#[tokio::test]
async fn another_link_goes_only_to_addresses_that_wait_for_one() {
    let house = House::new();
    house.learner("verified").await;
    for name in ["verified", "nobody"] {
        assert!(house.lyceum.resend_verification(&Actor::Anonymous, &email(name)).await.is_ok(), "{name}");
    }
    let delivered = house.post().await;
    assert_eq!((delivered.sent, delivered.dropped), (0, 2));
}

#[tokio::test]
async fn who_registers_while_too_many_wait_is_told_and_nothing_is_made() {
    let house = House::new();
    house.passwords.set_busy(true);
    assert_eq!(code(house.register("ada").await), "busy");
    house.passwords.set_busy(false);
    assert_eq!(code(house.sign_in("ada").await), "invalid_credentials");
    house.store.set_away(true);
    let away = house.lyceum.register(&Actor::Anonymous, registration("ada", "ada")).await;
    assert_eq!(code(away), "database_unavailable");
    house.store.set_away(false);
    assert_eq!(house.post().await.total(), 0);
    assert!(house.register("ada").await.is_ok());
}

#[tokio::test]
async fn a_mailed_code_is_kept_as_its_hash_alone() {
    let house = House::new();
    house.register("ada").await.unwrap();
    let link = house.mailed_code("ada");
    // As somebody who read the database would: what is stored does not open anything.
    let stored = lyceum_domain::sessions::Secrets::hash(&lyceum_testkit::tokens::SequentialSecrets::new(), &link);
    assert_eq!(code(house.verify(stored.as_str()).await), "validation_failed");
    assert_eq!(code(house.verify(&link).await), "ok");
}

#[tokio::test]
async fn a_house_without_passwords_says_so() {
    let house = House::with_rules(Rules { has_passwords: false, ..Rules::default() });
    house.learner("ada").await;
    assert_eq!(code(house.register("bob").await), "passwords_off");
    assert_eq!(code(house.sign_in("ada").await), "passwords_off");
    assert_eq!(code(house.lyceum.forgot_password(&Actor::Anonymous, &email("ada")).await), "passwords_off");
    let reset = house.lyceum.reset_password(&Actor::Anonymous, "x", PASSWORD, &Client::default()).await;
    assert_eq!(code(reset), "passwords_off");
    assert!(house.lyceum.find_user(&Actor::System, &Identifier::Email(email("ada"))).await.unwrap().is_some());
}
