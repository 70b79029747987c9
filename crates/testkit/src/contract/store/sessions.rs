//! Sessions, refresh tokens and what stands behind an access token.

use std::time::Duration;

use lyceum_domain::{
    ids::{RefreshTokenId, SessionId, UserId},
    sessions::{NextToken, RefreshToken, Rotation, Session, Standing},
    store::{Store, Unique},
    time::Timestamp,
    users::{Role, User},
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{at, in_year, network, next_token, refresh_token, session, user},
        statements::{
            begin, expect_duplicate, find_by_token, first_page, insert_session, revoke, rotate, stored_session,
            stored_user, update_user, walk,
        },
    },
};

/// For how long a used refresh token may be used again here.
const GRACE: Duration = Duration::from_secs(10);

async fn found(store: &dyn Store, token: &RefreshToken) -> (RefreshToken, Session) {
    find_by_token(store, token).await.expect("an answer").expect("a token")
}

/// The token that was stored as this one, as a client would show it.
fn shown(next: &NextToken, session: &Session) -> RefreshToken {
    RefreshToken { hash: next.hash.clone(), ..refresh_token(session.id) }
}

async fn traded(store: &dyn Store, token: &RefreshToken, next: &NextToken) -> Rotation {
    rotate(store, token, next, GRACE).await.expect("an answer")
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
        network: network(1),
        created_at: at(1),
        last_used_at: at(2),
        expires_at: at(3),
        revoked_at: Some(at(4)),
        ..session(user.id)
    };
    let token = RefreshToken {
        parent: Some(RefreshTokenId::new(&SequentialIds)),
        created_at: at(5),
        expires_at: at(6),
        used_at: Some(at(7)),
        ..refresh_token(full.id)
    };
    insert_session(store, &full, &token).await.expect("a new session");
    assert_eq!(found(store, &token).await, (token, full));
}

/// A hash that was never stored finds nothing.
pub async fn an_unknown_refresh_token_finds_nothing(store: &dyn Store) {
    let (session, _) = stored_session(store, stored_user(store).await.id).await;
    assert_eq!(find_by_token(store, &refresh_token(session.id)).await.expect("an answer"), None);
}

/// A token is traded for the next one, which says what it followed from; its use is noted, and the session lasts as long
/// as the next one and was last used when that was made.
pub async fn a_refresh_token_is_traded_for_the_next_one(store: &dyn Store) {
    let (session, first) = stored_session(store, stored_user(store).await.id).await;
    let next = next_token(at(500));
    let moved = Session { last_used_at: at(500), expires_at: at(1500), ..session };
    assert_eq!(traded(store, &first, &next).await, Rotation::Rotated(moved.clone()));
    let follower = RefreshToken {
        id: next.id,
        session: moved.id,
        parent: Some(first.id),
        hash: next.hash,
        created_at: at(500),
        expires_at: at(1500),
        used_at: None,
    };
    assert_eq!(found(store, &follower).await, (follower.clone(), moved.clone()));
    let used = RefreshToken { used_at: Some(at(500)), ..first };
    assert_eq!(found(store, &used).await, (used, moved));
}

/// A second token of a hash or an id that is there is a duplicate; so is a second session of an id.
pub async fn a_refresh_token_is_there_once(store: &dyn Store) {
    let user = stored_user(store).await;
    let (first, token) = stored_session(store, user.id).await;
    let other = session(user.id);
    let same_hash = RefreshToken { hash: token.hash.clone(), ..refresh_token(other.id) };
    expect_duplicate(insert_session(store, &other, &same_hash).await, Unique::Key);
    let same_hash = NextToken { hash: token.hash.clone(), ..next_token(at(1)) };
    expect_duplicate(rotate(store, &token, &same_hash, GRACE).await, Unique::Key);
    let same_id = NextToken { id: token.id, ..next_token(at(1)) };
    expect_duplicate(rotate(store, &token, &same_id, GRACE).await, Unique::Key);
    expect_duplicate(insert_session(store, &first, &refresh_token(first.id)).await, Unique::Key);
    assert_eq!(found(store, &token).await, (token, first));
}

/// A token that was used is good for a grace after its first use, to the microsecond; its followers are all good. After
/// that its use is a replay, which tells the session as it is, stores nothing and ends nothing; without a grace, at once.
pub async fn a_used_refresh_token_is_good_for_a_grace(store: &dyn Store) {
    let user = stored_user(store).await;
    let (session, first) = stored_session(store, user.id).await;
    let (one, two, late) = (next_token(at(1)), next_token(at(11)), next_token(at(11).plus(Duration::from_micros(1))));
    assert!(matches!(traded(store, &first, &one).await, Rotation::Rotated(_)));
    let moved = Session { last_used_at: at(11), expires_at: at(1011), ..session };
    assert_eq!(traded(store, &first, &two).await, Rotation::Rotated(moved.clone()));
    assert_eq!(traded(store, &first, &late).await, Rotation::Replayed(moved.clone()));
    assert_eq!(find_by_token(store, &shown(&late, &moved)).await.expect("an answer"), None);
    assert_eq!(found(store, &first).await.0.used_at, Some(at(1)), "the first use");
    assert_eq!(found(store, &shown(&two, &moved)).await.1, moved);
    for next in [&one, &two] {
        let follower = traded(store, &shown(next, &moved), &next_token(at(20))).await;
        assert!(matches!(follower, Rotation::Rotated(_)), "{follower:?}");
    }
    assert!(is_live(store, &user, moved.id, at(21)).await);

    let (_, strict) = stored_session(store, user.id).await;
    assert!(matches!(traded(store, &strict, &next_token(at(1))).await, Rotation::Rotated(_)));
    let again = rotate(store, &strict, &next_token(at(2)), Duration::ZERO).await.expect("an answer");
    assert!(matches!(again, Rotation::Replayed(_)), "{again:?}");
    let again = rotate(store, &strict, &next_token(at(900)), Duration::MAX).await.expect("an answer");
    assert!(matches!(again, Rotation::Rotated(_)), "{again:?}");
}

/// Once a token that followed from it was used, the use of a token is a replay, within the grace too, and stays one; who
/// holds the follower goes on.
pub async fn a_refresh_token_whose_follower_was_used_is_a_replay(store: &dyn Store) {
    let (session, first) = stored_session(store, stored_user(store).await.id).await;
    let (one, two, three) = (next_token(at(1)), next_token(at(2)), next_token(at(3)));
    assert!(matches!(traded(store, &first, &one).await, Rotation::Rotated(_)));
    assert!(matches!(traded(store, &shown(&one, &session), &two).await, Rotation::Rotated(_)));
    let moved = Session { last_used_at: at(2), expires_at: at(1002), ..session };
    for _ in 0..2 {
        assert_eq!(traded(store, &first, &next_token(at(2))).await, Rotation::Replayed(moved.clone()));
    }
    let moved = Session { last_used_at: at(3), expires_at: at(1003), ..moved };
    assert_eq!(traded(store, &shown(&two, &moved), &three).await, Rotation::Rotated(moved.clone()));
    assert_eq!(traded(store, &shown(&one, &moved), &next_token(at(3))).await, Rotation::Replayed(moved));
}

/// A token is good to the microsecond before it expires and not when it does, used or not; a hash that was never stored
/// is unknown.
pub async fn a_refresh_token_is_good_until_it_expires(store: &dyn Store) {
    let (session, first) = stored_session(store, stored_user(store).await.id).await;
    let just_before = Timestamp::from_micros(first.expires_at.as_micros() - 1).expect("a time");
    assert!(matches!(traded(store, &first, &next_token(just_before)).await, Rotation::Rotated(_)));
    assert_eq!(traded(store, &first, &next_token(first.expires_at)).await, Rotation::Expired);
    assert_eq!(traded(store, &refresh_token(session.id), &next_token(at(1))).await, Rotation::Unknown);

    let short = RefreshToken { expires_at: at(5), ..refresh_token(session.id) };
    let other = Session { id: SessionId::new(&SequentialIds), ..session };
    insert_session(store, &other, &RefreshToken { session: other.id, ..short.clone() }).await.expect("a new session");
    assert_eq!(traded(store, &short, &next_token(at(5))).await, Rotation::Expired);
    assert_eq!(found(store, &short).await.0.used_at, None);
}

/// A token of a session that was ended is unknown, whether it was used or not; one that ran out together with its
/// session has expired. The use of neither makes anything live again: not if the refresh was under way while the
/// session was ended either.
pub async fn a_refresh_token_of_a_session_that_is_over_is_no_longer_good(store: &dyn Store) {
    let user = stored_user(store).await;
    let (ended, first) = stored_session(store, user.id).await;
    let one = next_token(at(1));
    assert!(matches!(traded(store, &first, &one).await, Rotation::Rotated(_)));
    revoke(store, ended.id, at(2)).await.expect("an answer");
    for token in [first, shown(&one, &ended)] {
        assert_eq!(traded(store, &token, &next_token(at(3))).await, Rotation::Unknown);
    }
    assert!(!is_live(store, &user, ended.id, at(3)).await);

    let (over, token) = stored_session(store, user.id).await;
    assert_eq!(traded(store, &token, &next_token(over.expires_at)).await, Rotation::Expired);
    assert!(!is_live(store, &user, over.id, over.expires_at).await);
    assert_eq!(found(store, &token).await, (token, over));
}

/// The first who ends a session hears so and the time is kept; the next one hears no and moves nothing.
pub async fn a_session_ends_once(store: &dyn Store) {
    let (session, token) = stored_session(store, stored_user(store).await.id).await;
    assert!(revoke(store, session.id, at(1)).await.expect("an answer"));
    assert!(!revoke(store, session.id, at(2)).await.expect("an answer"));
    assert_eq!(found(store, &token).await.1.revoked_at, Some(at(1)));
    assert!(!revoke(store, SessionId::new(&SequentialIds), at(1)).await.expect("an answer"));
}

/// A session is ended in a user's name only if it is theirs, and only once.
pub async fn a_user_ends_no_session_of_others(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (session, token) = stored_session(store, user.id).await;
    let mut unit = begin(store).await;
    assert!(!unit.sessions().revoke_of(other.id, session.id, at(1)).await.expect("an answer"));
    let unknown = SessionId::new(&SequentialIds);
    assert!(!unit.sessions().revoke_of(user.id, unknown, at(1)).await.expect("an answer"));
    assert!(unit.sessions().revoke_of(user.id, session.id, at(2)).await.expect("an answer"));
    assert!(!unit.sessions().revoke_of(user.id, session.id, at(3)).await.expect("an answer"));
    unit.commit().await.expect("kept");
    assert_eq!(found(store, &token).await.1.revoked_at, Some(at(2)));
}

/// Ending all sessions of a user ends those that are live, but the one that is to stay, says how many, and touches
/// nobody else's.
pub async fn all_sessions_of_a_user_end_together_and_nobody_elses(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (ended, ended_token) = stored_session(store, user.id).await;
    revoke(store, ended.id, at(1)).await.expect("an answer");
    let over = Session { expires_at: at(2), ..session(user.id) };
    insert_session(store, &over, &refresh_token(over.id)).await.expect("a new session");
    let (one, _) = stored_session(store, user.id).await;
    let (two, _) = stored_session(store, user.id).await;
    let (kept, _) = stored_session(store, user.id).await;
    let (others, _) = stored_session(store, other.id).await;

    let mut unit = begin(store).await;
    assert_eq!(unit.sessions().revoke_all(user.id, Some(kept.id), at(2)).await.expect("an answer"), 2);
    assert_eq!(unit.sessions().revoke_all(user.id, Some(kept.id), at(3)).await.expect("an answer"), 0);
    unit.commit().await.expect("kept");
    assert!(!is_live(store, &user, one.id, at(4)).await);
    assert!(!is_live(store, &user, two.id, at(4)).await);
    assert!(is_live(store, &user, kept.id, at(4)).await);
    assert!(is_live(store, &other, others.id, at(4)).await);
    assert_eq!(found(store, &ended_token).await.1.revoked_at, Some(at(1)));

    let mut unit = begin(store).await;
    assert_eq!(unit.sessions().revoke_all(user.id, None, at(5)).await.expect("an answer"), 1);
    unit.commit().await.expect("kept");
    assert!(!is_live(store, &user, kept.id, at(6)).await);
    assert!(is_live(store, &other, others.id, at(6)).await);
}

/// Sessions that were ended or ran out before a time are removed, no more than that many, with their tokens; those that
/// did so later, and those that are live, stay.
pub async fn sessions_that_ended_are_removed_with_their_tokens(store: &dyn Store) {
    let user = stored_user(store).await;
    let bound = in_year(1950, 10);
    let over = |expires_at, revoked_at| Session { expires_at, revoked_at, ..session(user.id) };
    let gone = [over(in_year(1950, 1), None), over(at(0), Some(in_year(1950, 2))), over(in_year(1950, 9), None)];
    let kept = [over(bound, None), over(in_year(1950, 1), Some(bound)), over(at(1000), None)];
    let token = |session: &Session| refresh_token(session.id);
    let (gone_tokens, kept_tokens) = (gone.each_ref().map(token), kept.each_ref().map(token));
    for (session, token) in gone.iter().zip(&gone_tokens).chain(kept.iter().zip(&kept_tokens)) {
        insert_session(store, session, token).await.expect("a new session");
    }

    let mut unit = begin(store).await;
    assert_eq!(unit.sessions().remove_ended(bound, 2).await.expect("an answer"), 2);
    assert_eq!(unit.sessions().remove_ended(bound, 2).await.expect("an answer"), 1);
    assert_eq!(unit.sessions().remove_ended(bound, 2).await.expect("an answer"), 0);
    unit.commit().await.expect("kept");
    for token in gone_tokens {
        assert_eq!(find_by_token(store, &token).await.expect("an answer"), None);
    }
    for (session, token) in kept.into_iter().zip(kept_tokens) {
        assert_eq!(found(store, &token).await, (token, session));
    }
}

/// Refresh tokens that ran out before a time are removed, no more than so many, though their session goes on.
pub async fn tokens_that_ran_out_are_removed_while_their_session_lives(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let bound = in_year(1952, 10);
    let ending = |expires_at| {
        let session = session(user);
        (RefreshToken { expires_at, ..refresh_token(session.id) }, session)
    };
    let gone = [1, 2, 9].map(|second| ending(in_year(1952, second)));
    let kept = [ending(bound), ending(at(1000))];
    for (token, session) in gone.iter().chain(&kept) {
        insert_session(store, session, token).await.expect("a new session");
    }
    let mut unit = begin(store).await;
    for removed in [2, 1, 0] {
        assert_eq!(unit.sessions().remove_expired_tokens(bound, 2).await.expect("an answer"), removed);
    }
    unit.commit().await.expect("kept");
    for (token, session) in gone {
        assert_eq!(find_by_token(store, &token).await.expect("an answer"), None);
        assert!(revoke(store, session.id, at(1)).await.expect("an answer"), "it lives");
    }
    for (token, session) in kept {
        assert_eq!(found(store, &token).await, (token, session));
    }
}

async fn begun(store: &dyn Store, user: UserId, at: Timestamp) -> Session {
    let session = Session { created_at: at, network: network(9), ..session(user) };
    insert_session(store, &session, &refresh_token(session.id)).await.expect("a new session");
    session
}

/// A user's sessions that are live are listed, newest sign-in first; not those that were ended or ran out, nor others'.
pub async fn the_live_sessions_of_a_user_are_listed_newest_first(store: &dyn Store) {
    let (user, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let (two, one, three) =
        (begun(store, user, at(2)).await, begun(store, user, at(1)).await, begun(store, user, at(3)).await);
    let ended = begun(store, user, at(4)).await;
    revoke(store, ended.id, at(5)).await.expect("an answer");
    begun(store, other, at(6)).await;
    let listed = store.read().sessions_page(user, at(999), first_page()).await.expect("a page");
    assert_eq!((listed.items, listed.next), (vec![three, two, one], None));
    assert_eq!(store.read().sessions_page(user, at(1000), first_page()).await.expect("a page").items, []);
}

/// Page by page, each session comes once, also if many began at the same moment.
pub async fn a_cursor_walks_each_session_once(store: &dyn Store) {
    let user = stored_user(store).await.id;
    let mut sessions = Vec::new();
    for n in 0..7 {
        sessions.push(begun(store, user, at(n / 3)).await);
    }
    sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
    for size in [1, 2, 7, 100] {
        let walked = walk(size, async |page| store.read().sessions_page(user, at(9), page).await).await;
        assert_eq!(walked, sessions);
    }
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
