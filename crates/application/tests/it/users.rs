//! Accounts: registering, verifying, the profile, and what the operator does.

use std::time::Duration;

use lyceum_application::users::{Change, NewAccount, ProfileChange};
use lyceum_domain::{
    policy::Actor,
    users::{Bio, DisplayName, Identifier, Locale, Role},
};
use tokio::join;

use crate::house::{House, PASSWORD, code, email, password, registration, username};

#[tokio::test]
async fn who_registers_verifies_the_address_and_signs_in_by_either_name() {
    let house = House::new();
    house.register("ada").await.unwrap();
    let user = house.user("ada").await.unwrap();
    assert_eq!((user.role, user.email_verified_at), (Role::Learner, None));
    assert_eq!(code(house.sign_in("ada").await), "email_not_verified");

    let link = house.mailed_code("ada");
    assert!(house.mailer.sent()[0].text.contains(&format!("http://127.0.0.1:8080/verify-email?token={link}")));
    house.verify(&link).await.unwrap();

    for identifier in ["ada@example.com", "ADA@Example.COM", "ada", "Ada"] {
        let signed_in = house.sign_in(identifier).await.unwrap();
        assert_eq!(signed_in.user.id, user.id);
        let caller = house.lyceum.authenticate(&signed_in.access_token).await.unwrap();
        assert_eq!((caller.user.id, caller.session), (user.id, Some(signed_in.session)));
    }
}

#[tokio::test]
async fn registering_a_known_address_looks_the_same_and_is_told_to_its_owner_alone() {
    let house = House::new();
    house.register("ada").await.unwrap();
    house.verify(&house.mailed_code("ada")).await.unwrap();
    let before = house.user("ada").await;

    house.lyceum.register(&Actor::Anonymous, registration("ada", "somebody-else")).await.unwrap();

    let mails = house.mailer.sent();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].to, email("ada"));
    assert!(mails[1].subject.contains("already") && !mails[1].text.contains("token="));
    assert_eq!(house.user("ada").await, before);
    let other = Identifier::Username(username("somebody-else"));
    assert!(house.lyceum.find_user(&Actor::System, &other).await.unwrap().is_none());
}

#[tokio::test]
async fn who_registers_again_before_verifying_gets_another_link() {
    let house = House::new();
    house.register("ada").await.unwrap();
    house.lyceum.register(&Actor::Anonymous, registration("ada", "ada-again")).await.unwrap();
    assert_eq!(house.mailer.sent().len(), 2);
    house.verify(&house.mailed_code("ada")).await.unwrap();
    house.sign_in("ada").await.unwrap();
}

#[tokio::test]
async fn a_taken_username_is_told_whatever_its_case() {
    let house = House::new();
    house.register("ada").await.unwrap();
    let second = house.lyceum.register(&Actor::Anonymous, registration("bob", "ADA")).await;
    assert_eq!(code(second), "username_taken");
    assert!(house.user("bob").await.is_none());
    assert_eq!(house.mailer.sent().len(), 1);
}

#[tokio::test]
async fn two_who_register_one_address_at_once_make_one_account() {
    let house = House::new();
    // Both look before either writes.
    let unit = house.begin().await;
    let register = |name| house.lyceum.register(&Actor::Anonymous, registration("ada", name));
    let (first, second, ()) = join!(register("ada"), register("lovelace"), async { drop(unit) });
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(house.user("ada").await.unwrap().username.as_str(), "ada");
    let with_link = house.mailer.sent().into_iter().map(|mail| mail.text.contains("token=")).collect::<Vec<_>>();
    assert_eq!(with_link, [true, false]);
}

#[tokio::test]
async fn two_who_register_one_username_at_once_make_one_account() {
    let house = House::new();
    let unit = house.begin().await;
    let register = |address| house.lyceum.register(&Actor::Anonymous, registration(address, "ada"));
    let (first, second, ()) = join!(register("ada"), register("bob"), async { drop(unit) });
    assert!(first.is_ok());
    assert_eq!(code(second), "username_taken");
    assert!(house.user("bob").await.is_none());
    assert_eq!(house.mailer.sent().len(), 1);
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
async fn an_expired_link_is_replaced_by_another() {
    let house = House::new();
    house.register("ada").await.unwrap();
    let first = house.mailed_code("ada");
    house.clock.advance(Duration::from_hours(24));
    assert_eq!(code(house.verify(&first).await), "validation_failed");

    house.lyceum.resend_verification(&Actor::Anonymous, &email("ada")).await.unwrap();
    let second = house.mailed_code("ada");
    assert_ne!(first, second);
    house.clock.advance(Duration::from_hours(24) - Duration::from_micros(1));
    assert_eq!(code(house.verify(&first).await), "validation_failed");
    house.verify(&second).await.unwrap();
    assert!(house.sign_in("ada").await.is_ok());
}

#[tokio::test]
async fn another_link_goes_only_to_accounts_that_wait_for_one() {
    let house = House::new();
    house.learner("verified").await;
    for (name, is_active, is_deleted) in [("disabled", false, false), ("deleted", true, true)] {
        house.register(name).await.unwrap();
        let id = house.user(name).await.unwrap().id;
        house
            .change_user(id, |user| {
                user.is_active = is_active;
                user.deleted_at = is_deleted.then_some(user.created_at);
            })
            .await;
        assert_eq!(code(house.verify(&house.mailed_code(name)).await), "validation_failed", "{name}");
    }
    let before = house.mailer.sent().len();
    for name in ["verified", "disabled", "deleted", "nobody"] {
        let resent = house.lyceum.resend_verification(&Actor::Anonymous, &email(name)).await;
        assert!(resent.is_ok(), "{name}");
    }
    assert_eq!(house.mailer.sent().len(), before);
}

#[tokio::test]
async fn a_mail_that_cannot_be_sent_undoes_nothing() {
    let house = House::new();
    house.mailer.go_away();
    house.register("ada").await.unwrap();
    house.mailer.recover();
    house.lyceum.resend_verification(&Actor::Anonymous, &email("ada")).await.unwrap();
    house.verify(&house.mailed_code("ada")).await.unwrap();
}

#[tokio::test]
async fn who_registers_while_too_many_wait_is_told_and_nothing_is_made() {
    let house = House::new();
    house.passwords.set_busy(true);
    assert_eq!(code(house.register("ada").await), "busy");
    house.passwords.set_busy(false);
    assert!(house.user("ada").await.is_none());
    house.store.set_away(true);
    assert_eq!(code(house.register("ada").await), "database_unavailable");
    house.store.set_away(false);
    assert!(house.mailer.sent().is_empty());
    assert!(house.register("ada").await.is_ok());
}

#[tokio::test]
async fn a_profile_is_changed_where_the_request_says_so() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let (name, bio) = (DisplayName::parse("Ada").unwrap(), Bio::parse("Wrote programs.").unwrap());
    let change = ProfileChange {
        display_name: Change::Set(name.clone()),
        bio: Change::Set(bio.clone()),
        locale: Some(Locale::parse("pt-BR").unwrap()),
        ..ProfileChange::default()
    };
    let changed = house.lyceum.change_profile(&ada.actor(), change, Some(ada.user.version)).await.unwrap();
    assert_eq!((changed.display_name, changed.bio), (Some(name), Some(bio.clone())));
    assert_eq!(changed.version, ada.user.version + 1);

    let change = ProfileChange { display_name: Change::Clear, ..ProfileChange::default() };
    let changed = house.lyceum.change_profile(&ada.actor(), change, None).await.unwrap();
    assert_eq!((&changed.display_name, &changed.bio), (&None, &Some(bio)));
    assert_eq!(changed.locale.as_str(), "pt-BR");
    assert_eq!(house.user("ada").await, Some(changed));
}

#[tokio::test]
async fn a_change_of_another_version_is_refused() {
    let house = House::new();
    let ada = house.learner("ada").await;
    let rename = |name: &str| ProfileChange { username: Some(username(name)), ..ProfileChange::default() };
    let seen = Some(ada.user.version);
    house.lyceum.change_profile(&ada.actor(), rename("lovelace"), seen).await.unwrap();
    let stale = house.lyceum.change_profile(&ada.actor(), rename("byron"), seen).await;
    assert_eq!(code(stale), "version_mismatch");
    assert_eq!(house.user("ada").await.unwrap().username.as_str(), "lovelace");
}

#[tokio::test]
async fn a_username_changes_to_a_free_one_or_to_its_own_in_another_case() {
    let house = House::new();
    let ada = house.learner("ada").await;
    house.learner("bob").await;
    let rename = |name: &str| ProfileChange { username: Some(username(name)), ..ProfileChange::default() };
    assert_eq!(code(house.lyceum.change_profile(&ada.actor(), rename("BOB"), None).await), "username_taken");
    let changed = house.lyceum.change_profile(&ada.actor(), rename("ADA"), None).await.unwrap();
    assert_eq!(changed.username.as_str(), "ADA");
}

#[tokio::test]
async fn a_change_that_meets_others_is_tried_again_and_given_up_at_last() {
    let house = House::new();
    let ada = house.learner("ada").await;
    house.store.conflict_at_next_commits(3);
    let changed = house.lyceum.change_profile(&ada.actor(), ProfileChange::default(), Some(1)).await.unwrap();
    assert_eq!(changed.version, 2);
    house.store.conflict_at_next_commits(3);
    let ada = Identifier::Email(email("ada"));
    assert_eq!(house.lyceum.promote(&Actor::System, &ada, Role::Mentor).await.unwrap().version, 3);
    house.store.conflict_at_next_commits(u32::MAX);
    assert_eq!(code(house.lyceum.promote(&Actor::System, &ada, Role::Admin).await), "conflict");
}

#[tokio::test]
async fn only_somebody_with_an_account_has_a_profile() {
    let house = House::new();
    for (actor, expected) in [(Actor::Anonymous, "unauthenticated"), (Actor::System, "forbidden")] {
        assert_eq!(code(house.lyceum.change_profile(&actor, ProfileChange::default(), None).await), expected);
    }
}

#[tokio::test]
async fn accounts_are_made_and_promoted_by_operator_and_admins_alone() {
    let house = House::new();
    let (learner, mentor, admin) = (house.learner("lea").await, house.mentor("men").await, house.admin().await);
    let lea = Identifier::Username(username("lea"));
    let actors = [
        ("by-nobody", Actor::Anonymous, "unauthenticated"),
        ("by-learner", learner.actor(), "forbidden"),
        ("by-mentor", mentor.actor(), "forbidden"),
        ("by-admin", admin.actor(), "ok"),
        ("by-system", Actor::System, "ok"),
    ];
    for (name, actor, expected) in actors {
        let made = house.lyceum.create_user(&actor, registration(name, name), Role::Mentor).await;
        assert_eq!(code(made), expected, "{name}");
        assert_eq!(house.user(name).await.is_some(), expected == "ok", "{name}");
        assert_eq!(code(house.lyceum.promote(&actor, &lea, Role::Mentor).await), expected, "{name}");
        assert_eq!(code(house.lyceum.find_user(&actor, &lea).await), expected, "{name}");
    }
    let made = house.sign_in("by-system").await.unwrap().user;
    assert_eq!((made.role, made.is_active), (Role::Mentor, true));
    assert!(house.mailer.sent().is_empty());
    assert_eq!(house.user("lea").await.unwrap().role, Role::Mentor);
}

#[tokio::test]
async fn the_operator_is_told_what_is_taken_and_makes_all_or_none() {
    let house = House::new();
    house.learner("ada").await;
    let person = |address: &str, name: &str| NewAccount {
        email: email(address),
        username: username(name),
        display_name: None,
        role: Role::Learner,
    };
    for (people, expected) in [
        (vec![person("bob", "bob"), person("ada", "ada-2")], "email_taken"),
        (vec![person("bob", "bob"), person("cy", "Ada")], "username_taken"),
        (vec![person("bob", "bob"), person("bob", "bob-2")], "email_taken"),
    ] {
        assert_eq!(code(house.lyceum.create_users(&Actor::System, &password(), people).await), expected);
        assert!(house.user("bob").await.is_none());
    }
}

#[tokio::test]
async fn nobody_promotes_who_is_not_there() {
    let house = House::new();
    let ada = house.learner("ada").await;
    house.change_user(ada.user.id, |user| user.deleted_at = Some(user.created_at)).await;
    for name in ["ada", "nobody"] {
        let identifier = Identifier::Username(username(name));
        assert_eq!(code(house.lyceum.promote(&Actor::System, &identifier, Role::Admin).await), "not_found", "{name}");
        assert!(house.lyceum.find_user(&Actor::System, &identifier).await.unwrap().is_none());
    }
}

#[test]
fn a_password_is_printed_by_nothing() {
    assert!(!format!("{:?}", registration("ada", "ada")).contains(PASSWORD));
}
