//! Sessions, refresh tokens and what stands behind an access token.

use lyceum_domain::{
    ids::{RefreshTokenId, SessionId},
    sessions::{RefreshToken, Session, Standing},
    store::{Store, Unique},
    time::Timestamp,
    users::{Role, User},
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, hash, refresh_token, session, user},
        statements::{
            begin, expect_duplicate, extend, find_by_token, insert_session, revoke, stored_session, stored_user,
            update_user, use_token,
        },
    },
};

async fn found(store: &dyn Store, token: &RefreshToken) -> (RefreshToken, Session) {
    find_by_token(store, token).await.expect("an answer").expect("a token")
}

async fn is_live(store: &dyn Store, user: &User, session: SessionId, now: Timestamp) -> bool {
    let standing = store.read().standing(user.id, Some(session), now).await.expect("an answer");
    standing.expect("a user").is_session_live
}

/// A session and its first token are kept with all they hold, with and without what is optional; also if they are
/// used or over: judging that is the caller's.
pub async fn a_session_comes_back_with_its_token(store: &dyn Store) {
    let user = stored_user(store).await;
    let (bare, bare_token) = stored_session(store, user.id).await;
    assert_eq!(found(store, &bare_token).await, (bare_token, bare));

    let full = Session {
        user_agent: Some("Mozilla/5.0 ('\"🦀)".to_owned()),
        ip_address: Some("2001:db8::1".to_owned()),
        created_at: at(1),
        last_used_at: at(2),
        expires_at: at(3),
        revoked_at: Some(at(4)),
        ..session(user.id)
    };
    let token = RefreshToken { created_at: at(5), expires_at: at(6), used_at: Some(at(7)), ..refresh_token(full.id) };
    insert_session(store, &full, &token).await.expect("a new session");
    assert_eq!(found(store, &token).await, (token, full));
}

/// A hash that was never stored finds nothing.
pub async fn an_unknown_refresh_token_finds_nothing(store: &dyn Store) {
    let (session, _) = stored_session(store, stored_user(store).await.id).await;
    assert_eq!(find_by_token(store, &refresh_token(session.id)).await.expect("an answer"), None);
}

/// The first who uses a token hears so and the time is kept; the next one hears no and moves nothing.
pub async fn a_refresh_token_is_used_once(store: &dyn Store) {
    let (_, token) = stored_session(store, stored_user(store).await.id).await;
    assert!(use_token(store, &token, at(1)).await.expect("an answer"));
    assert!(!use_token(store, &token, at(2)).await.expect("an answer"));
    assert_eq!(found(store, &token).await.0.used_at, Some(at(1)));
    let unknown = RefreshToken { id: RefreshTokenId::new(&SequentialIds), ..token };
    assert!(!use_token(store, &unknown, at(1)).await.expect("an answer"));
}

/// A second token of a hash or an id that is there is a duplicate; so is a second session of an id.
pub async fn a_refresh_token_is_there_once(store: &dyn Store) {
    let user = stored_user(store).await;
    let (first, token) = stored_session(store, user.id).await;
    let other = session(user.id);
    let same_hash = RefreshToken { hash: token.hash.clone(), ..refresh_token(other.id) };
    expect_duplicate(insert_session(store, &other, &same_hash).await, Unique::Key);
    let same_hash = RefreshToken { hash: token.hash.clone(), ..refresh_token(first.id) };
    expect_duplicate(extend(store, &same_hash).await, Unique::Key);
    expect_duplicate(extend(store, &RefreshToken { hash: hash(), ..token.clone() }).await, Unique::Key);
    expect_duplicate(insert_session(store, &first, &refresh_token(first.id)).await, Unique::Key);
    assert_eq!(found(store, &token).await, (token, first));
}

/// The next token is kept beside the ones before it; the session lasts as long as it, and was last used when it was
/// made.
pub async fn the_next_refresh_token_moves_the_end_of_the_session(store: &dyn Store) {
    let (session, first) = stored_session(store, stored_user(store).await.id).await;
    let next = RefreshToken { created_at: at(500), expires_at: at(1500), ..refresh_token(session.id) };
    extend(store, &next).await.expect("the next token");
    let session = Session { last_used_at: at(500), expires_at: at(1500), ..session };
    assert_eq!(found(store, &next).await, (next, session.clone()));
    assert_eq!(found(store, &first).await, (first, session));
}

/// The first who ends a session hears so and the time is kept; the next one hears no and moves nothing.
pub async fn a_session_ends_once(store: &dyn Store) {
    let (session, token) = stored_session(store, stored_user(store).await.id).await;
    assert!(revoke(store, session.id, at(1)).await.expect("an answer"));
    assert!(!revoke(store, session.id, at(2)).await.expect("an answer"));
    assert_eq!(found(store, &token).await.1.revoked_at, Some(at(1)));
    assert!(!revoke(store, SessionId::new(&SequentialIds), at(1)).await.expect("an answer"));
}

/// A refresh that was under way while its session was ended does not bring it back.
pub async fn the_next_refresh_token_revives_no_session(store: &dyn Store) {
    let user = stored_user(store).await;
    let (session, _) = stored_session(store, user.id).await;
    revoke(store, session.id, at(1)).await.expect("an answer");
    let next = RefreshToken { created_at: at(2), expires_at: at(2000), ..refresh_token(session.id) };
    // A store may refuse it; it must not make the session live.
    let _ = extend(store, &next).await;
    assert!(!is_live(store, &user, session.id, at(3)).await);
}

/// Ending all sessions of a user ends those that have not ended, says how many, and touches nobody else's.
pub async fn all_sessions_of_a_user_end_together_and_nobody_elses(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (ended, ended_token) = stored_session(store, user.id).await;
    revoke(store, ended.id, at(1)).await.expect("an answer");
    let (one, _) = stored_session(store, user.id).await;
    let (two, _) = stored_session(store, user.id).await;
    let (others, _) = stored_session(store, other.id).await;

    let mut unit = begin(store).await;
    assert_eq!(unit.sessions().revoke_all(user.id, at(2)).await.expect("an answer"), 2);
    assert_eq!(unit.sessions().revoke_all(user.id, at(3)).await.expect("an answer"), 0);
    unit.commit().await.expect("kept");
    assert!(!is_live(store, &user, one.id, at(4)).await);
    assert!(!is_live(store, &user, two.id, at(4)).await);
    assert!(is_live(store, &other, others.id, at(4)).await);
    assert_eq!(found(store, &ended_token).await.1.revoked_at, Some(at(1)));
}

/// Nobody stands behind a token of an account that was never there.
pub async fn an_unknown_user_has_no_standing(store: &dyn Store) {
    let (session, _) = stored_session(store, stored_user(store).await.id).await;
    let unknown = user();
    assert_eq!(store.read().standing(unknown.id, None, at(1)).await.expect("an answer"), None);
    assert_eq!(store.read().standing(unknown.id, Some(session.id), at(1)).await.expect("an answer"), None);
}

/// A token that names no session stands as long as its account.
pub async fn a_token_without_a_session_stands_with_its_account(store: &dyn Store) {
    let user = stored_user(store).await;
    let standing = store.read().standing(user.id, None, at(5000)).await.expect("an answer");
    assert_eq!(standing, Some(Standing { user, is_session_live: true }));
}

/// A session is live until the moment it expires, unless it was ended before; one that is unknown or another's is not.
pub async fn a_session_that_is_over_does_not_stand(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (session, _) = stored_session(store, user.id).await;
    assert!(is_live(store, &user, session.id, at(999)).await);
    assert!(!is_live(store, &user, session.id, session.expires_at).await, "expired");
    assert!(!is_live(store, &user, session.id, at(5000)).await, "expired long ago");
    assert!(!is_live(store, &user, SessionId::new(&SequentialIds), at(1)).await, "unknown");
    assert!(!is_live(store, &other, session.id, at(1)).await, "another's");
    revoke(store, session.id, at(1)).await.expect("an answer");
    assert!(!is_live(store, &user, session.id, at(2)).await, "ended");
}

/// The account is shown as it is now, not as it was at the sign-in, also if it is switched off or deleted: judging
/// that is the caller's.
pub async fn standing_shows_the_account_as_it_is_now(store: &dyn Store) {
    let user = stored_user(store).await;
    let (session, _) = stored_session(store, user.id).await;
    let changed = User {
        role: Role::Admin,
        is_active: false,
        tokens_valid_from: at(3),
        deleted_at: Some(at(4)),
        updated_at: at(4),
        ..user
    };
    update_user(store, &changed).await.expect("saved");
    let standing = store.read().standing(changed.id, Some(session.id), at(5)).await.expect("an answer");
    let user = User { version: changed.version + 1, ..changed };
    assert_eq!(standing, Some(Standing { user, is_session_live: true }));
}
