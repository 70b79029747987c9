//! What admins see of accounts, and what they change about them.

use std::time::Duration;

use lyceum_application::{
    sessions::Caller,
    users::{AccountChange, ProfileChange},
};
use lyceum_domain::{
    audit::{AuditAction, AuditActor, AuditEvent, AuditFilter},
    page::{PageRequest, PageSize},
    users::{DisplayName, Plan, Role, UserFilter},
};

use crate::house::{House, at, code, username};

impl House {
    /// The usernames of a list, newest account first.
    async fn listed(&self, admin: &Caller, filter: UserFilter) -> Vec<String> {
        let page = self.lyceum.users(&admin.actor(), &filter, PageRequest::default()).await.unwrap();
        page.items.into_iter().map(|user| user.username.to_string()).collect()
    }

    /// What was written down about an account, oldest first.
    async fn told_of(&self, admin: &Caller, subject: &Caller) -> Vec<AuditEvent> {
        let filter = AuditFilter { subject: Some(subject.user.id), ..AuditFilter::default() };
        let mut events = self.lyceum.audit(&admin.actor(), &filter, PageRequest::default()).await.unwrap().items;
        events.reverse();
        events
    }
}

fn to_role(role: Role) -> AccountChange {
    AccountChange { role: Some(role), ..AccountChange::default() }
}

fn to_active(is_active: bool) -> AccountChange {
    AccountChange { is_active: Some(is_active), ..AccountChange::default() }
}

#[tokio::test]
async fn accounts_are_found_by_name_role_plan_and_whether_they_are_on() {
    let house = House::new();
    let admin = house.admin().await;
    house.learner("ada").await;
    house.clock.advance(Duration::from_secs(1));
    let bob = house.mentor("bob").await;
    let name = DisplayName::parse("Robert Adamson").unwrap();
    house
        .change_user(bob.user.id, |user| {
            user.display_name = Some(name);
            user.plan = Plan::Premium;
        })
        .await;
    house.clock.advance(Duration::from_secs(1));
    let cy = house.learner("cy-off").await;
    house.change_user(cy.user.id, |user| user.is_active = false).await;
    let dee = house.learner("dee").await;
    house.change_user(dee.user.id, |user| user.deleted_at = Some(user.created_at)).await;

    let by_text = |text: &str| UserFilter { text: Some(text.to_owned()), ..UserFilter::default() };
    let cases: [(UserFilter, &[&str]); 8] = [
        (UserFilter::default(), &["cy-off", "bob", "ada", "the-admin"]),
        (by_text("ADA"), &["bob", "ada"]),
        (by_text("off@example"), &["cy-off"]),
        (UserFilter { role: Some(Role::Learner), ..by_text("ada") }, &["ada"]),
        (UserFilter { role: Some(Role::Admin), ..UserFilter::default() }, &["the-admin"]),
        (UserFilter { plan: Some(Plan::Premium), ..UserFilter::default() }, &["bob"]),
        (UserFilter { is_active: Some(false), ..UserFilter::default() }, &["cy-off"]),
        (UserFilter { is_active: Some(false), ..by_text("ada") }, &[]),
    ];
    for (filter, expected) in cases {
        let shown = format!("{filter:?}");
        let mut listed = house.listed(&admin, filter).await;
        // Those of one moment stand in the order of their ids.
        if listed.len() == 4 {
            listed[2..].sort_unstable();
        }
        assert_eq!(listed, expected, "{shown}");
    }
    // One by id: also one that waits to be erased.
    let deleted = house.lyceum.account(&admin.actor(), dee.user.id).await.unwrap();
    assert!(deleted.deleted_at.is_some());

    let first = PageRequest { size: PageSize::parse(3).unwrap(), after: None };
    let page = house.lyceum.users(&admin.actor(), &UserFilter::default(), first).await.unwrap();
    let rest = PageRequest { after: page.next, ..first };
    assert_eq!(page.items.len(), 3);
    assert_eq!(house.lyceum.users(&admin.actor(), &UserFilter::default(), rest).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_change_holds_from_the_very_next_request_on_and_is_written_down() {
    let house = House::new();
    let admin = Caller { client: at("198.51.100.7"), ..house.admin().await };
    let ada = house.learner("ada").await;
    let signed_in = house.sign_in("ada").await.unwrap();
    let change =
        AccountChange { role: Some(Role::Mentor), plan: Some(Plan::Premium), is_active: Some(true), unlock: false };
    let changed = house.lyceum.change_account(&admin, ada.user.id, change, Some(ada.user.version)).await.unwrap();
    let now = house.caller(&signed_in.access_token).await.unwrap();
    assert_eq!((now.user.role, now.user.plan, now.user.version), (Role::Mentor, Plan::Premium, changed.version));
    assert_eq!(
        code(house.lyceum.create_user(&now.actor(), crate::house::registration("x", "xxx"), Role::Admin).await),
        "forbidden"
    );

    let events = house.told_of(&admin, &ada).await;
    let told: Vec<_> = events.iter().map(|event| (event.action.as_str(), event.details.clone())).collect();
    let from_to = |from: &str, to: &str| vec![("from".to_owned(), from.to_owned()), ("to".to_owned(), to.to_owned())];
    // Being active is not news, so it is not told.
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[2], ("account.role_changed", from_to("learner", "mentor")));
    assert_eq!(told[3], ("account.plan_changed", from_to("free", "premium")));
    for event in &events[2..] {
        assert_eq!((event.actor, event.ip_address.as_deref()), (AuditActor::User(admin.user.id), Some("198.51.100.7")));
    }

    let stale = house.lyceum.change_account(&admin, ada.user.id, to_role(Role::Admin), Some(ada.user.version)).await;
    assert_eq!(code(stale), "version_mismatch");
    // What changes nothing is neither a new version nor an event.
    let same = house.lyceum.change_account(&admin, ada.user.id, to_role(Role::Mentor), None).await.unwrap();
    assert_eq!((same.version, house.told_of(&admin, &ada).await.len()), (changed.version, 4));
}

#[tokio::test]
async fn who_is_switched_off_is_out_at_once_and_signs_in_anew_when_switched_on() {
    let house = House::new();
    let (admin, ada) = (house.admin().await, house.learner("ada").await);
    let signed_in = house.sign_in("ada").await.unwrap();
    house.clock.advance(Duration::from_secs(1));
    house.lyceum.change_account(&admin, ada.user.id, to_active(false), None).await.unwrap();
    let refresh = async || code(house.lyceum.refresh(signed_in.refresh_token.expose(), &at("192.0.2.1")).await);
    assert_eq!(code(house.caller(&signed_in.access_token).await), "invalid_token");
    assert_eq!(refresh().await, "invalid_token");
    assert_eq!(code(house.sign_in("ada").await), "account_disabled");

    house.lyceum.change_account(&admin, ada.user.id, to_active(true), None).await.unwrap();
    assert_eq!(code(house.caller(&signed_in.access_token).await), "invalid_token");
    assert_eq!(refresh().await, "invalid_token");
    assert_eq!(code(house.sign_in("ada").await), "ok");
    let actions: Vec<_> = house.told_of(&admin, &ada).await.into_iter().map(|event| event.action).collect();
    let switched = [AuditAction::Deactivated, AuditAction::Activated];
    assert_eq!(actions.into_iter().filter(|action| switched.contains(action)).collect::<Vec<_>>(), switched);
}

#[tokio::test]
async fn no_admin_takes_the_admins_rights_from_themselves() {
    let house = House::new();
    let admin = house.admin().await;
    for change in [to_role(Role::Mentor), to_role(Role::Learner), to_active(false)] {
        assert_eq!(code(house.lyceum.change_account(&admin, admin.user.id, change, None).await), "own_account");
    }
    let premium = AccountChange { plan: Some(Plan::Premium), unlock: true, ..to_role(Role::Admin) };
    assert_eq!(house.lyceum.change_account(&admin, admin.user.id, premium, None).await.unwrap().plan, Plan::Premium);
    // Another admin may.
    let second = house.person("second", Role::Admin).await;
    let demoted = house.lyceum.change_account(&second, admin.user.id, to_role(Role::Learner), None).await.unwrap();
    assert_eq!(demoted.role, Role::Learner);
}

#[tokio::test]
async fn learners_and_mentors_see_and_change_no_accounts() {
    let house = House::new();
    let ada = house.learner("ada").await;
    for caller in [ada.clone(), house.mentor("max").await] {
        let (actor, page) = (caller.actor(), PageRequest::default());
        assert_eq!(code(house.lyceum.users(&actor, &UserFilter::default(), page).await), "forbidden");
        assert_eq!(code(house.lyceum.account(&actor, ada.user.id).await), "forbidden");
        assert_eq!(code(house.lyceum.audit(&actor, &AuditFilter::default(), page).await), "forbidden");
        let change = house.lyceum.change_account(&caller, ada.user.id, to_role(Role::Admin), None).await;
        assert_eq!(code(change), "forbidden");
        assert_eq!(code(house.lyceum.purge_accounts(&actor).await), "forbidden");
        let ada = lyceum_domain::users::Identifier::Username(username("ada"));
        assert_eq!(code(house.lyceum.restore_account(&actor, &ada).await), "forbidden");
    }
    assert_eq!(house.user("ada").await.unwrap().role, Role::Learner);
}

#[tokio::test]
async fn nobody_changes_an_account_that_is_not_there() {
    let house = House::new();
    let (admin, ada) = (house.admin().await, house.learner("ada").await);
    house.change_user(ada.user.id, |user| user.deleted_at = Some(user.created_at)).await;
    let change = house.lyceum.change_account(&admin, ada.user.id, to_role(Role::Admin), None).await;
    assert_eq!(code(change), "not_found");
    house.change_user(ada.user.id, |user| user.deleted_at = None).await;
    let rename = ProfileChange { username: Some(username("lovelace")), ..ProfileChange::default() };
    let renamed = house.lyceum.change_profile(&ada, rename, None).await.unwrap();
    // Two at once: both hold.
    house.store.conflict_at_next_commits(2);
    let changed = house.lyceum.change_account(&admin, ada.user.id, to_role(Role::Mentor), None).await.unwrap();
    assert_eq!((changed.username, changed.role), (renamed.username, Role::Mentor));
}

#[tokio::test]
async fn what_is_logged_is_for_admins_to_decide_and_leaves_a_trail() {
    let house = House::new();
    let learner = house.learner("mira").await;
    assert_eq!(code(house.lyceum.note_log_level(&learner, "trace").await), "forbidden");
    let admin = house.admin().await;
    house.lyceum.note_log_level(&admin, "info,sqlx=debug").await.unwrap();
    let filter = AuditFilter { action: Some(AuditAction::LogLevelChanged), ..AuditFilter::default() };
    let events = house.lyceum.audit(&admin.actor(), &filter, PageRequest::default()).await.unwrap().items;
    assert_eq!(events.len(), 1, "what is refused changes nothing");
    assert_eq!(events[0].actor, AuditActor::User(admin.user.id));
    assert_eq!(events[0].details, [("level".to_owned(), "info,sqlx=debug".to_owned())]);
}
