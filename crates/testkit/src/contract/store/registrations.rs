//! Registrations that wait to be verified.

use lyceum_domain::{
    ids::OneTimeTokenId,
    store::{Store, Unique},
    users::{
        DisplayName, Email, Identifier, OneTimeToken, PendingRegistration, TokenOwner, TokenPurpose, User, Username,
    },
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{HOSTILE, at, hash, in_year, one_time_token, registration, user},
        statements::{
            expect_duplicate, find_registration, insert_registration, insert_token, insert_user,
            remove_expired_registrations, remove_registrations, revoke_tokens, stored_user, take_token,
        },
    },
};

async fn stored(store: &dyn Store, registration: PendingRegistration) -> PendingRegistration {
    insert_registration(store, &registration).await.expect("a new registration");
    registration
}

async fn stored_token(store: &dyn Store, registration: &PendingRegistration) -> OneTimeToken {
    let owner = TokenOwner::Registration(registration.id);
    let token =
        OneTimeToken { id: OneTimeTokenId::new(&SequentialIds), owner, hash: hash(), ..one_time_token(user().id) };
    insert_token(store, &token).await.expect("a new token");
    token
}

async fn found(store: &dyn Store, of: &PendingRegistration) -> Option<PendingRegistration> {
    find_registration(store, of).await.expect("an answer")
}

async fn by(store: &dyn Store, raw: &str) -> Option<PendingRegistration> {
    let identifier = Identifier::parse(raw).expect("a name");
    store.read().registration_by(&identifier, at(1)).await.expect("an answer")
}

async fn is_taken(store: &dyn Store, name: &str, email: &Email) -> bool {
    let name = Username::parse(name).expect("a name");
    store.read().is_username_taken(&name, email, at(1)).await.expect("an answer")
}

/// Everything that somebody registered with is kept, each time to the microsecond, with a name and without.
pub async fn a_registration_comes_back_as_it_was(store: &dyn Store) {
    let nameless = stored(store, registration()).await;
    assert_eq!(found(store, &nameless).await, Some(nameless));
    for text in HOSTILE {
        let name = DisplayName::parse(&text.replace(['\n', '\t'], " ")).expect("a name");
        let named = PendingRegistration { display_name: Some(name), created_at: at(3), ..registration() };
        let named = stored(store, named).await;
        assert_eq!(found(store, &named).await.as_ref(), Some(&named));
        assert_eq!(by(store, named.email.as_str()).await, Some(named));
    }
}

/// What was never stored is not there.
pub async fn an_unknown_registration_is_none(store: &dyn Store) {
    let unknown = registration();
    assert_eq!(found(store, &unknown).await, None);
    assert_eq!(by(store, unknown.email.as_str()).await, None);
    assert_eq!(by(store, unknown.username.as_str()).await, None);
}

/// A second registration of an id that is there is a duplicate.
pub async fn a_registration_is_there_once(store: &dyn Store) {
    let first = stored(store, registration()).await;
    let again = PendingRegistration { id: first.id, ..registration() };
    expect_duplicate(insert_registration(store, &again).await, Unique::Key);
    assert_eq!(found(store, &first).await, Some(first));
}

/// A registration is found by e-mail and by username, in whatever case either is given; what is shown keeps its case.
pub async fn a_registration_is_found_by_email_and_by_username_in_any_case(store: &dyn Store) {
    let waiting = stored(store, registration()).await;
    let (email, name) = (waiting.email.to_string(), waiting.username.to_string());
    for raw in [email.clone(), email.to_uppercase(), name.clone(), name.to_uppercase(), name.to_lowercase()] {
        let found = by(store, &raw).await.expect("a registration");
        assert_eq!(found, waiting, "{raw}");
        assert_eq!(found.username.as_str(), waiting.username.as_str());
    }
}

/// Several registrations wait for one e-mail and one username, also for those of an account, and the newest is found.
pub async fn of_several_registrations_the_newest_is_found(store: &dyn Store) {
    let account = stored_user(store).await;
    let made = |seconds| PendingRegistration {
        email: account.email.clone(),
        username: account.username.clone(),
        created_at: at(seconds),
        ..registration()
    };
    let old = stored(store, made(1)).await;
    let newest = stored(store, made(3)).await;
    let middle = stored(store, made(2)).await;
    assert_eq!(by(store, account.email.as_str()).await.as_ref(), Some(&newest));
    assert_eq!(by(store, account.username.as_str()).await.as_ref(), Some(&newest));
    for registration in [old, newest, middle] {
        assert_eq!(found(store, &registration).await, Some(registration));
    }
}

/// A registration counts to the microsecond before it expires, and not when it does; by id it is found all the same.
/// One that expired does not stand before one that did not.
pub async fn a_registration_counts_until_it_expires(store: &dyn Store) {
    let older = stored(store, PendingRegistration { expires_at: at(2000), ..registration() }).await;
    let newer = PendingRegistration {
        email: older.email.clone(),
        username: older.username.clone(),
        created_at: at(1),
        expires_at: at(1000),
        ..registration()
    };
    let newer = stored(store, newer).await;
    let before = lyceum_domain::time::Timestamp::from_micros(newer.expires_at.as_micros() - 1).expect("a time");
    let stranger = user().email;
    for identifier in [Identifier::Email(older.email.clone()), Identifier::Username(older.username.clone())] {
        for (now, expected) in
            [(before, Some(&newer)), (newer.expires_at, Some(&older)), (older.expires_at, None), (at(5000), None)]
        {
            let found = store.read().registration_by(&identifier, now).await.expect("an answer");
            assert_eq!(found.as_ref(), expected, "{identifier:?} at {now}");
            let taken = store.read().is_username_taken(&older.username, &stranger, now).await.expect("an answer");
            assert_eq!(taken, expected.is_some(), "{now}");
        }
    }
    assert_eq!(found(store, &newer).await, Some(newer));
}

/// A username is taken if an account has it, a deleted one too, whoever asks; and if somebody else's registration waits
/// for it. One's own registration is in nobody's way.
pub async fn a_username_is_taken_by_accounts_and_by_registrations_of_others(store: &dyn Store) {
    let (mine, stranger) = (stored_user(store).await, user().email);
    let deleted = User { deleted_at: Some(at(1)), ..user() };
    insert_user(store, &deleted).await.expect("a new user");
    for account in [&mine, &deleted] {
        for name in [account.username.to_string(), account.username.as_str().to_uppercase()] {
            assert!(is_taken(store, &name, &stranger).await, "{name}");
            assert!(is_taken(store, &name, &account.email).await, "{name}");
        }
    }
    let waiting = stored(store, registration()).await;
    for name in [waiting.username.to_string(), waiting.username.as_str().to_uppercase()] {
        assert!(is_taken(store, &name, &stranger).await, "{name}");
        assert!(!is_taken(store, &name, &waiting.email).await, "{name}");
    }
    assert!(!is_taken(store, user().username.as_str(), &stranger).await);
}

/// All registrations of an e-mail go at once, expired ones too, with their tokens; and nobody else's.
pub async fn the_registrations_of_an_email_go_with_their_tokens(store: &dyn Store) {
    let one = stored(store, registration()).await;
    let two = PendingRegistration { email: one.email.clone(), expires_at: at(0), ..registration() };
    let two = stored(store, two).await;
    let other = stored(store, registration()).await;
    let (token, kept) = (stored_token(store, &one).await, stored_token(store, &other).await);
    assert_eq!(remove_registrations(store, &one.email).await.expect("removed"), 2);
    assert_eq!(remove_registrations(store, &one.email).await.expect("removed"), 0);
    assert_eq!(found(store, &one).await, None);
    assert_eq!(found(store, &two).await, None);
    assert_eq!(take_token(store, &token, at(1)).await.expect("an answer"), None);
    assert_eq!(found(store, &other).await.as_ref(), Some(&other));
    assert_eq!(take_token(store, &kept, at(1)).await.expect("an answer"), Some(TokenOwner::Registration(other.id)));
}

/// Registrations that expired are removed, as many at a time as was said, with their tokens; what expires at that very
/// moment, or later, stays.
pub async fn expired_registrations_are_removed_bit_by_bit(store: &dyn Store) {
    let mut expired = Vec::new();
    for n in 0..5 {
        expired.push(stored(store, PendingRegistration { expires_at: in_year(1950, n), ..registration() }).await);
    }
    let kept = stored(store, PendingRegistration { expires_at: in_year(1950, 5), ..registration() }).await;
    let token = stored_token(store, &expired[0]).await;
    let mut removed = Vec::new();
    for _ in 0..4 {
        removed.push(remove_expired_registrations(store, in_year(1950, 5), 2).await.expect("removed"));
    }
    assert_eq!(removed, [2, 2, 1, 0]);
    for registration in expired {
        assert_eq!(found(store, &registration).await, None);
    }
    assert_eq!(take_token(store, &token, at(1)).await.expect("an answer"), None);
    assert_eq!(found(store, &kept).await, Some(kept));
}

/// A token of a registration is taken by it alone, and ended with its others.
pub async fn a_registration_has_tokens_of_its_own(store: &dyn Store) {
    let (one, other) = (stored(store, registration()).await, stored(store, registration()).await);
    let (first, second) = (stored_token(store, &one).await, stored_token(store, &one).await);
    let foreign = stored_token(store, &other).await;
    assert_eq!(take_token(store, &first, at(1)).await.expect("an answer"), Some(first.owner));
    assert_eq!(revoke_tokens(store, second.owner, TokenPurpose::VerifyEmail).await.expect("ended"), 1);
    assert_eq!(take_token(store, &second, at(1)).await.expect("an answer"), None);
    assert_eq!(take_token(store, &foreign, at(1)).await.expect("an answer"), Some(foreign.owner));
}
