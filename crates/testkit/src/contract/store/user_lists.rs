//! Lists of users.

use lyceum_domain::{
    ids::UserId,
    store::Store,
    users::{DisplayName, Email, Plan, Role, User, UserFilter, Username},
};

use crate::contract::{
    fixtures::{HOSTILE, at, in_year, user, word},
    statements::{first_page, insert_user, update_user, walk},
};

async fn stored(store: &dyn Store, change: impl FnOnce(&mut User)) -> User {
    let mut user = user();
    change(&mut user);
    insert_user(store, &user).await.expect("a new user");
    user
}

fn about(text: &str) -> UserFilter {
    UserFilter { text: Some(text.to_owned()), ..UserFilter::default() }
}

async fn listed(store: &dyn Store, filter: &UserFilter) -> Vec<UserId> {
    let page = store.read().users_page(filter, first_page()).await.expect("a page");
    page.items.into_iter().map(|user| user.id).collect()
}

fn sorted(mut ids: Vec<UserId>) -> Vec<UserId> {
    ids.sort_unstable();
    ids
}

fn shown(name: &str) -> DisplayName {
    DisplayName::parse(name).expect("a name")
}

/// A search finds its text anywhere in e-mail, username or display name, without regard to case, also of letters beyond
/// ASCII; and the users as they are.
pub async fn a_search_looks_at_the_names_of_a_user_in_any_case(store: &dyn Store) {
    let word = word();
    let email = Email::parse(&format!("x.{word}@a.b.example")).expect("an e-mail");
    let by_email = stored(store, |user| user.email = email).await;
    let by_username =
        stored(store, |user| user.username = Username::parse(&format!("Y{word}z")).expect("a name")).await;
    let by_name = stored(store, |user| user.display_name = Some(shown(&format!("Ärztin {word} Ödön")))).await;
    let all = sorted(vec![by_email.id, by_username.id, by_name.id]);
    for text in [word.clone(), word.to_uppercase(), word[2..22].to_owned()] {
        assert_eq!(sorted(listed(store, &about(&text)).await), all, "{text}");
    }
    for (text, id) in [
        (format!("X.{word}@A"), by_email.id),
        (format!("y{word}Z"), by_username.id),
        (format!("äRZTIN {word} öDÖN"), by_name.id),
    ] {
        assert_eq!(listed(store, &about(&text)).await, [id], "{text}");
    }
    let found = store.read().users_page(&about(&format!("{word} ö")), first_page()).await.expect("a page");
    assert_eq!(found.items, [by_name]);
    assert_eq!(listed(store, &about(&format!("{word}{word}"))).await, []);
}

/// The search sees what a user is called now.
pub async fn a_search_follows_a_change_of_names(store: &dyn Store) {
    let (old, new) = (word(), word());
    let user = stored(store, |user| user.display_name = Some(shown(&old))).await;
    let renamed = User { display_name: Some(shown(&new.to_uppercase())), ..user };
    update_user(store, &renamed).await.expect("saved");
    assert_eq!(listed(store, &about(&old)).await, []);
    assert_eq!(listed(store, &about(&new)).await, [renamed.id]);
    update_user(store, &User { display_name: None, version: 2, ..renamed }).await.expect("saved");
    assert_eq!(listed(store, &about(&new)).await, []);
}

/// `%`, `_` and `\` stand for themselves in a search, and whatever else somebody types is looked for as it stands.
pub async fn searched_names_are_plain_characters(store: &dyn Store) {
    let word = word();
    let plain = stored(store, |user| user.display_name = Some(shown(&format!("{word} 100% a_b c\\d")))).await;
    stored(store, |user| user.display_name = Some(shown(&format!("{word} 100x a-b c:d")))).await;
    for text in ["100%", "100% A", "100% a_b", "100% a_b c\\", "100% a_b C\\D"] {
        assert_eq!(listed(store, &about(&format!("{word} {text}"))).await, [plain.id], "{text}");
    }
    for text in ["100_", "%a", "1%0", "100% a%b", "100% a__", "\\"] {
        assert_eq!(listed(store, &about(&format!("{word} {text}"))).await, [], "{text}");
    }
    for text in [format!("{}%{}", &word[..4], &word[8..]), format!("{}_{}", &word[..4], &word[5..])] {
        assert_eq!(listed(store, &about(&text)).await, [], "{text}");
    }
    for text in HOSTILE {
        let name = format!("{word} {}", text.replace(['\n', '\t'], " "));
        let user = stored(store, |user| user.display_name = Some(shown(&name))).await;
        assert_eq!(listed(store, &about(&name)).await, [user.id], "{text}");
    }
    assert_eq!(listed(store, &about(&format!("{word}\0"))).await, [], "a NUL is in no name");
}

/// What else is asked for must hold too, all of it; deleted users are never listed.
pub async fn users_are_listed_by_role_plan_and_whether_they_are_on(store: &dyn Store) {
    let word = word();
    let named = async |change: fn(&mut User)| {
        stored(store, |user| {
            user.display_name = Some(shown(&word));
            change(user);
        })
        .await
        .id
    };
    let learner = named(|_| {}).await;
    let mentor = named(|user| user.role = Role::Mentor).await;
    let payer = named(|user| user.plan = Plan::Premium).await;
    let off = named(|user| {
        user.is_active = false;
        user.role = Role::Mentor;
    })
    .await;
    named(|user| user.deleted_at = Some(at(1))).await;
    let all = about(&word);
    for (filter, expected) in [
        (all.clone(), vec![learner, mentor, payer, off]),
        (UserFilter { role: Some(Role::Mentor), ..all.clone() }, vec![mentor, off]),
        (UserFilter { role: Some(Role::Admin), ..all.clone() }, vec![]),
        (UserFilter { plan: Some(Plan::Premium), ..all.clone() }, vec![payer]),
        (UserFilter { plan: Some(Plan::Free), ..all.clone() }, vec![learner, mentor, off]),
        (UserFilter { is_active: Some(false), ..all.clone() }, vec![off]),
        (UserFilter { is_active: Some(true), ..all.clone() }, vec![learner, mentor, payer]),
        (UserFilter { role: Some(Role::Mentor), is_active: Some(true), ..all.clone() }, vec![mentor]),
        (UserFilter { role: Some(Role::Mentor), plan: Some(Plan::Premium), ..all }, vec![]),
    ] {
        assert_eq!(sorted(listed(store, &filter).await), sorted(expected), "{filter:?}");
    }
}

/// Users are listed newest first; page by page, of whatever size, each is seen once, also if many came at one moment.
pub async fn a_cursor_walks_each_user_once(store: &dyn Store) {
    let word = word();
    let mut expected = Vec::new();
    for made in [9, 5, 5, 5, 5, 5, 1, 7] {
        let user = stored(store, |user| {
            user.display_name = Some(shown(&word));
            user.created_at = at(made);
            user.updated_at = at(99 - made);
        });
        expected.push(user.await);
    }
    expected.sort_by_key(|user| std::cmp::Reverse((user.created_at, user.id)));
    for size in [1, 2, 3, 7, 8, 9] {
        let walked = walk(size, async |page| store.read().users_page(&about(&word), page).await).await;
        assert_eq!(walked, expected, "pages of {size}");
    }
}

/// Without any filter everybody is listed.
pub async fn without_a_filter_everybody_is_listed(store: &dyn Store) {
    let user = stored(store, |user| user.created_at = at(0).plus(std::time::Duration::from_hours(1_000_000))).await;
    assert!(listed(store, &UserFilter::default()).await.contains(&user.id));
}

/// Who deleted their account before a time is told, longest ago first, and no more of them than asked for; not who did
/// so at that very moment, or not at all.
pub async fn users_who_deleted_their_account_are_told_longest_ago_first(store: &dyn Store) {
    let mut deleted = Vec::new();
    for seconds in [3, 1, 4, 2] {
        let user = stored(store, |user| user.deleted_at = Some(in_year(1950, seconds))).await;
        deleted.push((seconds, user.id));
    }
    deleted.sort_unstable();
    let ids: Vec<_> = deleted.into_iter().map(|(_, id)| id).collect();
    let told = async |seconds, limit| {
        store.read().users_deleted_before(in_year(1950, seconds), limit).await.expect("an answer")
    };
    assert_eq!(told(5, 10).await, ids);
    assert_eq!(told(4, 10).await, ids[..3]);
    assert_eq!(told(5, 2).await, ids[..2]);
    assert_eq!(told(1, 10).await, []);
}
