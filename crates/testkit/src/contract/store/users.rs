//! Users.

use lyceum_domain::{
    blobs::BlobKey,
    store::{Store, Unique},
    users::{Bio, DisplayName, Email, Identifier, Plan, ProfileVisibility, Role, User, Username},
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{HOSTILE, at, full_user, user},
        statements::{
            begin, expect_conflict, expect_duplicate, found_user, insert_user, stored_user, touch_login, update_user,
        },
    },
};

async fn comes_back(store: &dyn Store, user: &User) {
    insert_user(store, user).await.expect("a new user");
    let found = found_user(store, user.id).await;
    assert_eq!(&found, user);
    // Names are equal without regard to case; what is shown is not.
    assert_eq!(found.username.as_str(), user.username.as_str());
    let mut unit = begin(store).await;
    assert_eq!(unit.users().find(user.id).await.expect("an answer").as_ref(), Some(user));
}

async fn by(store: &dyn Store, raw: &str) -> Option<User> {
    store.read().user_by(&Identifier::parse(raw).expect("a name")).await.expect("an answer")
}

/// Everything that is known of a user is kept, each time to the microsecond.
pub async fn a_user_comes_back_as_it_was(store: &dyn Store) {
    comes_back(store, &full_user()).await;
}

/// What is not known of a user is not known afterwards either; a user may have no password.
pub async fn a_user_without_optional_fields_comes_back_as_it_was(store: &dyn Store) {
    comes_back(store, &User { password_hash: None, ..user() }).await;
}

/// All words for roles, plans and visibilities are kept.
pub async fn every_role_plan_and_visibility_comes_back(store: &dyn Store) {
    for role in [Role::Learner, Role::Mentor, Role::Admin] {
        comes_back(store, &User { role, ..user() }).await;
    }
    for plan in [Plan::Free, Plan::Premium] {
        comes_back(store, &User { plan, ..user() }).await;
    }
    for visibility in [ProfileVisibility::Public, ProfileVisibility::Members, ProfileVisibility::Private] {
        let mut user = user();
        user.privacy.profile_visibility = visibility;
        comes_back(store, &user).await;
    }
}

/// Any text that the domain allows is kept character by character.
pub async fn hostile_text_comes_back_as_it_was(store: &dyn Store) {
    for text in HOSTILE {
        let one_line = text.replace(['\n', '\t'], " ");
        comes_back(
            store,
            &User {
                display_name: Some(DisplayName::parse(&one_line).expect("a name")),
                bio: Some(Bio::parse(text).expect("a bio")),
                ..user()
            },
        )
        .await;
    }
}

/// A user is found by e-mail and by username, in whatever case either is given.
pub async fn a_user_is_found_by_email_and_by_username_in_any_case(store: &dyn Store) {
    let user = stored_user(store).await;
    let (email, name) = (user.email.to_string(), user.username.to_string());
    for raw in [email.clone(), email.to_uppercase(), name.clone(), name.to_uppercase(), name.to_lowercase()] {
        assert_eq!(by(store, &raw).await.as_ref(), Some(&user), "{raw}");
    }
}

/// Who was never stored is not found, and no pattern stands for a name.
pub async fn an_unknown_user_is_nobody(store: &dyn Store) {
    let unknown = user();
    assert_eq!(store.read().user(unknown.id).await.expect("an answer"), None);
    assert_eq!(by(store, unknown.email.as_str()).await, None);
    assert_eq!(by(store, unknown.username.as_str()).await, None);
    let head = unknown.username.as_str()[..20].to_owned();
    let known = User { username: Username::parse(&format!("{head}ab")).expect("a name"), ..user() };
    insert_user(store, &known).await.expect("a new user");
    assert_eq!(by(store, &format!("{head}__")).await, None, "_ is a plain character");
}

/// A second user of an id that is there is a duplicate.
pub async fn an_id_is_there_once(store: &dyn Store) {
    let first = stored_user(store).await;
    expect_duplicate(insert_user(store, &User { id: first.id, ..user() }).await, Unique::Key);
    assert_eq!(found_user(store, first.id).await, first);
}

/// A second user of an e-mail is a duplicate, and the error says of what.
pub async fn an_email_is_taken_once(store: &dyn Store) {
    let first = stored_user(store).await;
    let raw = first.email.as_str().to_uppercase();
    let second = User { email: Email::parse(&raw).expect("an e-mail"), ..user() };
    expect_duplicate(insert_user(store, &second).await, Unique::Email);
}

/// A second user of a username, in whatever case, is a duplicate, and the error says of what.
pub async fn a_username_is_taken_once_in_any_case(store: &dyn Store) {
    let first = stored_user(store).await;
    for raw in [first.username.as_str().to_uppercase(), first.username.key()] {
        let second = User { username: Username::parse(&raw).expect("a name"), ..user() };
        expect_duplicate(insert_user(store, &second).await, Unique::Username);
    }
}

/// A user cannot be changed to another's e-mail or username.
pub async fn names_of_others_are_taken_for_changes_too(store: &dyn Store) {
    let (one, two) = (stored_user(store).await, stored_user(store).await);
    expect_duplicate(update_user(store, &User { email: one.email.clone(), ..two.clone() }).await, Unique::Email);
    let username = Username::parse(&one.username.key()).expect("a name");
    expect_duplicate(update_user(store, &User { username, ..two.clone() }).await, Unique::Username);
    assert_eq!(found_user(store, two.id).await, two);
}

/// A user can be changed and keep their names, and can change the case of their own.
pub async fn a_user_keeps_its_own_names_in_a_change(store: &dyn Store) {
    let user = stored_user(store).await;
    let shouted = Username::parse(&user.username.as_str().to_uppercase()).expect("a name");
    update_user(store, &User { username: shouted.clone(), ..user.clone() }).await.expect("saved");
    assert_eq!(found_user(store, user.id).await.username.as_str(), shouted.as_str());
}

/// A save keeps all that changed, back to nothing too, and makes the stored version one higher.
pub async fn a_saved_user_has_the_next_version(store: &dyn Store) {
    let new = stored_user(store).await;
    let filled =
        User { id: new.id, last_login_at: None, last_active_at: None, created_at: new.created_at, ..full_user() };
    update_user(store, &filled).await.expect("saved");
    assert_eq!(found_user(store, new.id).await, User { version: 2, ..filled });
    update_user(store, &User { version: 2, ..new.clone() }).await.expect("saved");
    assert_eq!(found_user(store, new.id).await, User { version: 3, ..new });
}

/// Who loaded a user before somebody else saved it cannot save it; nor can who is ahead of the stored version.
pub async fn a_stale_user_is_a_conflict(store: &dyn Store) {
    let loaded = stored_user(store).await;
    update_user(store, &User { role: Role::Admin, ..loaded.clone() }).await.expect("saved");
    expect_conflict(update_user(store, &User { role: Role::Mentor, ..loaded.clone() }).await);
    expect_conflict(update_user(store, &User { role: Role::Mentor, version: 3, ..loaded.clone() }).await);
    assert_eq!(found_user(store, loaded.id).await, User { role: Role::Admin, version: 2, ..loaded });
}

/// A save stores nobody new.
pub async fn a_user_that_was_never_stored_is_a_conflict(store: &dyn Store) {
    let user = user();
    expect_conflict(update_user(store, &user).await);
    assert_eq!(store.read().user(user.id).await.expect("an answer"), None);
}

/// A deleted user is found by id and by name, marked as deleted, and nobody else can take the names.
pub async fn a_deleted_user_is_still_found_and_keeps_its_names(store: &dyn Store) {
    let user = stored_user(store).await;
    update_user(store, &User { deleted_at: Some(at(9)), ..user.clone() }).await.expect("saved");
    let deleted = User { deleted_at: Some(at(9)), version: 2, ..user };
    assert_eq!(found_user(store, deleted.id).await, deleted);
    assert_eq!(by(store, deleted.email.as_str()).await.as_ref(), Some(&deleted));
    assert_eq!(by(store, deleted.username.as_str()).await.as_ref(), Some(&deleted));
    let other = User { email: deleted.email, ..crate::contract::fixtures::user() };
    expect_duplicate(insert_user(store, &other).await, Unique::Email);
}

/// Noting a sign-in, which is activity too, moves no version, so whoever loaded the account before can save it; and that
/// save does not undo the note.
pub async fn a_sign_in_is_no_change_of_the_account(store: &dyn Store) {
    let loaded = stored_user(store).await;
    touch_login(store, loaded.id, at(9)).await.expect("noted");
    let noted = User { last_login_at: Some(at(9)), last_active_at: Some(at(9)), ..loaded.clone() };
    assert_eq!(found_user(store, loaded.id).await, noted);
    update_user(store, &User { role: Role::Mentor, ..loaded }).await.expect("saved");
    assert_eq!(found_user(store, noted.id).await, User { role: Role::Mentor, version: 2, ..noted });
}

/// Nor is activity, which is noted without a unit; it is no sign-in. Nobody's activity is in nobody's way.
pub async fn activity_is_no_change_of_the_account(store: &dyn Store) {
    let loaded = stored_user(store).await;
    touch_login(store, loaded.id, at(5)).await.expect("noted");
    store.write().touch_activity(loaded.id, at(9)).await.expect("noted");
    let noted = User { last_login_at: Some(at(5)), last_active_at: Some(at(9)), ..loaded.clone() };
    assert_eq!(found_user(store, loaded.id).await, noted);
    update_user(store, &User { role: Role::Mentor, ..loaded }).await.expect("saved");
    assert_eq!(found_user(store, noted.id).await, User { role: Role::Mentor, version: 2, ..noted });
    store.write().touch_activity(user().id, at(9)).await.expect("nothing to note");
}

/// A portrait is named with its user, changes with it and goes with it.
pub async fn a_portrait_comes_and_goes(store: &dyn Store) {
    let without = stored_user(store).await;
    let portrait = || Some(BlobKey::portrait(without.id, &SequentialIds));
    let mut stored = without.clone();
    for portrait in [portrait(), portrait(), None] {
        update_user(store, &User { portrait: portrait.clone(), ..stored.clone() }).await.expect("saved");
        stored = User { portrait, version: stored.version + 1, ..stored };
        assert_eq!(found_user(store, without.id).await, stored);
    }
    let with = User { portrait: portrait(), ..user() };
    comes_back(store, &with).await;
    assert_eq!(by(store, with.email.as_str()).await, Some(with));
}
