//! Users of identity providers.

use lyceum_domain::{
    ids::IdentityId,
    store::{Store, Unique},
    users::{Email, Identity, ProviderName, User},
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{HOSTILE, at, full_user, identity, user},
        statements::{expect_conflict, expect_duplicate, insert_identity, insert_user, stored_user, update_identity},
    },
};

async fn stored(store: &dyn Store, identity: Identity) -> Identity {
    insert_identity(store, &identity).await.expect("a new identity");
    identity
}

async fn by(store: &dyn Store, provider: &ProviderName, subject: &str) -> Option<(User, Identity)> {
    store.read().user_by_identity(provider, subject).await.expect("an answer")
}

fn provider(name: &str) -> ProviderName {
    ProviderName::parse(name).expect("a name")
}

/// All that is known of a provider's user is kept, and they are found with the whole account that they stand for.
pub async fn an_identity_comes_back_with_its_account(store: &dyn Store) {
    let account = full_user();
    insert_user(store, &account).await.expect("a new user");
    let bare = stored(store, identity(account.id)).await;
    assert_eq!(by(store, &bare.provider, &bare.subject).await, Some((account.clone(), bare)));
    let full = Identity {
        email: Some(Email::parse("ada@example.com").expect("an e-mail")),
        is_email_verified: true,
        created_at: at(2),
        updated_at: at(3),
        ..identity(account.id)
    };
    let full = stored(store, full).await;
    assert_eq!(by(store, &full.provider, &full.subject).await, Some((account, full)));
}

/// A subject is whatever the provider says: it is kept, and found, character by character and in its own case.
pub async fn a_subject_is_taken_as_it_stands(store: &dyn Store) {
    let account = stored_user(store).await;
    let long = Identity { subject: format!("Ab{}", identity(account.id).subject.repeat(10)), ..identity(account.id) };
    let long = stored(store, long).await;
    assert_eq!(by(store, &long.provider, &long.subject).await.map(|(_, found)| found.id), Some(long.id));
    assert_eq!(by(store, &long.provider, &long.subject.to_uppercase()).await, None);
    for text in HOSTILE {
        let hostile = Identity { subject: format!("{text}{}", long.id), ..identity(account.id) };
        let hostile = stored(store, hostile).await;
        assert_eq!(by(store, &hostile.provider, &hostile.subject).await, Some((account.clone(), hostile)));
    }
    assert_eq!(by(store, &long.provider, &format!("{}\0", long.subject)).await, None, "a NUL is in no subject");
}

/// Whoever was never stored is nobody; a subject at another provider is somebody else.
pub async fn an_unknown_identity_is_nobody(store: &dyn Store) {
    let known = stored(store, identity(stored_user(store).await.id)).await;
    let unknown = identity(known.user);
    assert_eq!(by(store, &unknown.provider, &unknown.subject).await, None);
    assert_eq!(by(store, &provider("other"), &known.subject).await, None);
}

/// A provider's user stands for one account: a second time is a duplicate, for the same account too, and the error says
/// of what. The same subject at another provider is somebody else.
pub async fn an_identity_is_there_once(store: &dyn Store) {
    let (account, other) = (stored_user(store).await, stored_user(store).await);
    let first = stored(store, identity(account.id)).await;
    for user in [account.id, other.id] {
        let again = Identity { id: IdentityId::new(&SequentialIds), user, ..first.clone() };
        expect_duplicate(insert_identity(store, &again).await, Unique::Identity);
    }
    expect_duplicate(insert_identity(store, &Identity { id: first.id, ..identity(other.id) }).await, Unique::Key);
    let elsewhere = Identity { provider: provider("other"), ..first.clone() };
    let elsewhere = stored(store, Identity { id: IdentityId::new(&SequentialIds), user: other.id, ..elsewhere }).await;
    assert_eq!(by(store, &elsewhere.provider, &elsewhere.subject).await.map(|(user, _)| user.id), Some(other.id));
    assert_eq!(by(store, &first.provider, &first.subject).await, Some((account, first)));
}

/// What the provider tells now takes the place of what it told before; whose it is does not change.
pub async fn what_a_provider_tells_is_kept_anew(store: &dyn Store) {
    let (account, other) = (stored_user(store).await, stored_user(store).await);
    let first = stored(store, identity(account.id)).await;
    let told = Identity {
        email: Some(Email::parse("ada@example.com").expect("an e-mail")),
        is_email_verified: true,
        updated_at: at(9),
        ..first.clone()
    };
    update_identity(store, &Identity { user: other.id, created_at: at(5), ..told.clone() }).await.expect("kept");
    assert_eq!(by(store, &first.provider, &first.subject).await, Some((account.clone(), told.clone())));
    let less = Identity { email: None, is_email_verified: false, updated_at: at(10), ..told };
    update_identity(store, &less).await.expect("kept");
    assert_eq!(by(store, &first.provider, &first.subject).await, Some((account, less)));
}

/// An identity that is not there, or no longer, is a conflict and stores nothing.
pub async fn an_identity_that_was_never_stored_is_a_conflict(store: &dyn Store) {
    let unknown = identity(stored_user(store).await.id);
    expect_conflict(update_identity(store, &unknown).await);
    assert_eq!(by(store, &unknown.provider, &unknown.subject).await, None);
}

/// The identities of an account are listed oldest first, and nobody else's.
pub async fn identities_are_listed_oldest_first(store: &dyn Store) {
    let account = stored_user(store).await;
    stored(store, identity(stored_user(store).await.id)).await;
    let mut expected = Vec::new();
    for made in [2, 1, 3, 1] {
        expected.push(stored(store, Identity { created_at: at(made), ..identity(account.id) }).await);
    }
    expected.sort_by_key(|identity| (identity.created_at, identity.id));
    assert_eq!(store.read().identities_of(account.id).await.expect("an answer"), expected);
    assert_eq!(store.read().identities_of(user().id).await.expect("an answer"), []);
}
