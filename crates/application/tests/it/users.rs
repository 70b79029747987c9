//! Accounts: the profile, and what the operator and admins do.

use crate::house::{House, PASSWORD, code, email, password, registration, username};
use lyceum_application::users::{Change, NewAccount, ProfileChange};
use lyceum_domain::{
    policy::Actor,
    users::{Bio, DisplayName, Identifier, Locale, Role},
};

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
    let changed = house.lyceum.change_profile(&ada, change, Some(ada.user.version)).await.unwrap();
    assert_eq!((changed.display_name, changed.bio), (Some(name), Some(bio.clone())));
    assert_eq!(changed.version, ada.user.version + 1);

    let change = ProfileChange { display_name: Change::Clear, ..ProfileChange::default() };
    let changed = house.lyceum.change_profile(&ada, change, None).await.unwrap();
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
    house.lyceum.change_profile(&ada, rename("lovelace"), seen).await.unwrap();
    let stale = house.lyceum.change_profile(&ada, rename("byron"), seen).await;
    assert_eq!(code(stale), "version_mismatch");
    assert_eq!(house.user("ada").await.unwrap().username.as_str(), "lovelace");
}

#[tokio::test]
async fn a_username_changes_to_a_free_one_or_to_its_own_in_another_case() {
    let house = House::new();
    let ada = house.learner("ada").await;
    house.learner("bob").await;
    let rename = |name: &str| ProfileChange { username: Some(username(name)), ..ProfileChange::default() };
    assert_eq!(code(house.lyceum.change_profile(&ada, rename("BOB"), None).await), "username_taken");
    let changed = house.lyceum.change_profile(&ada, rename("ADA"), None).await.unwrap();
    assert_eq!(changed.username.as_str(), "ADA");
}

#[tokio::test]
async fn a_change_that_meets_others_is_tried_again_and_given_up_at_last() {
    let house = House::new();
    let ada = house.learner("ada").await;
    house.store.conflict_at_next_commits(3);
    let changed = house.lyceum.change_profile(&ada, ProfileChange::default(), Some(1)).await.unwrap();
    assert_eq!(changed.version, 2);
    house.store.conflict_at_next_commits(3);
    let ada = Identifier::Email(email("ada"));
    assert_eq!(house.lyceum.promote(&Actor::System, &ada, Role::Mentor).await.unwrap().version, 3);
    house.store.conflict_at_next_commits(u32::MAX);
    assert_eq!(code(house.lyceum.promote(&Actor::System, &ada, Role::Admin).await), "conflict");
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
