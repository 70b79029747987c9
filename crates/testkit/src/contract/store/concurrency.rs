//! Many at once. A store may make them wait or answer [`StoreError::Conflict`]; it may not lose or double anything.

mod jobs;
mod learning;
mod spending;

pub use super::single_writes::parallel_single_saves_lose_none;
pub use jobs::of_many_that_take_a_job_one_gets_it;
pub use learning::{
    a_subject_removed_at_once_forgets_no_blob, of_many_that_claim_a_key_one_gets_it,
    parallel_documents_keep_to_the_limit, parallel_subjects_keep_to_the_limit, recounts_at_once_leave_nobody,
    steps_and_recounts_at_once_stay_right, two_hundred_steps_at_once_are_two_hundred_events,
    workers_that_take_documents_at_once_share_none, workers_that_take_removals_at_once_share_none,
};

pub use spending::{
    a_text_that_is_quoted_as_it_goes_is_there, of_fifty_turns_at_once_ten_begin,
    of_many_that_close_an_abandoned_answer_one_does, pieces_kept_at_once_are_each_there_once,
    turns_at_once_keep_to_the_tokens, turns_that_end_at_once_are_charged_once,
};

use std::{
    future::Future,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use lyceum_domain::{
    courses::{Course, SourceKey},
    ids::ProgressEventId,
    mail::OutboxMail,
    progress::{CourseProgress, LessonStatus},
    sessions::{NextToken, RefreshToken, Rotation, Session},
    store::{Store, StoreError, Unique},
    users::{Identity, PendingRegistration, User},
};
use tokio::{sync::Barrier, task::JoinSet};

use crate::ambient::SequentialIds;
use crate::contract::{
    fixtures::{
        Turn, account, api_key, at, course, enrolment, identity, in_year, network, next_token, one_time_token,
        outbox_mail, progress, registration, user, word,
    },
    statements::{
        add_failure, begin, begin_turn, erase, expect_conflict, expect_duplicate, find_by_token, first_page,
        found_conversation, insert_api_key, insert_course, insert_registration, insert_token, insert_user, lease,
        revoke, revoke_api_key, rotate, save_progress, stored_course, stored_history, stored_progress, stored_session,
        stored_turn, stored_user, take_token,
    },
};

/// For how long a used refresh token may be used again here.
const GRACE: Duration = Duration::from_secs(10);

/// More than anybody tries who is not stuck.
const TRIES: u32 = 1000;

/// Lets `n` tasks start at the same moment and gives back what they answered.
async fn at_once<T, F>(n: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(n));
    let mut tasks = JoinSet::new();
    for i in 0..n {
        let (barrier, task) = (Arc::clone(&barrier), task(i));
        tasks.spawn(async move {
            barrier.wait().await;
            task.await
        });
    }
    tasks.join_all().await
}

/// Tries until it is no conflict, as contended use cases do: those who collide come back at different times. Without that
/// a crowd that queues for few connections is stale each time its turn comes.
async fn until_kept<T, F>(mut attempt: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    for tries in 0..TRIES {
        match attempt().await {
            Err(StoreError::Conflict) => {
                let most = u64::from(tries).clamp(1, 50);
                let pause = RandomState::new().hash_one(tries) % (most * 1_000);
                tokio::time::sleep(Duration::from_micros(pause)).await;
            }
            answer => return answer,
        }
    }
    panic!("{TRIES} conflicts one after the other");
}

/// Of what came out, one is `Ok`; gives back the others.
#[track_caller]
fn one_won<T: std::fmt::Debug>(results: Vec<Result<T, StoreError>>) -> Vec<Result<T, StoreError>> {
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1, "{won:?} {lost:?}");
    lost
}

/// Fifty lessons of one learner that are completed at the same moment, each loading anew after a conflict, are fifty
/// completed lessons: no count is lost and none is doubled.
pub async fn parallel_updates_of_one_learner_lose_none(store: Arc<dyn Store>) {
    let learner = stored_user(&*store).await.id;
    let (course, lessons) = stored_course(&*store, 50).await;
    let lessons = Arc::new(lessons);
    let results = at_once(lessons.len(), |i| {
        let (store, lesson, course) = (Arc::clone(&store), lessons[i].id, course.id);
        until_kept(move || {
            let store = Arc::clone(&store);
            async move {
                let standing = store.read().lesson_standing(learner, lesson).await?.expect("a lesson");
                let mut mine = standing.progress.unwrap_or_else(|| progress(learner, course));
                let id = ProgressEventId::new(&SequentialIds);
                let change = mine.record(id, lesson, standing.status, LessonStatus::Completed, at(2));
                save_progress(&*store, &mine, &change).await
            }
        })
    });
    for result in results.await {
        result.expect("saved");
    }
    let progress = stored_progress(&*store, learner, course.id).await;
    assert_eq!((progress.completed_lessons, progress.version), (50, 50));
    let views = store.read().lessons_progress(learner, course.id).await.expect("an answer");
    assert!(views.iter().all(|view| view.status == LessonStatus::Completed));
}

/// Units that have nothing to do with each other are all kept, however many there are at the same moment: they wait
/// for each other if they must, and fail only by a conflict that goes away.
pub async fn parallel_units_of_many_are_all_kept(store: Arc<dyn Store>) {
    let users: Vec<User> = (0..40).map(|_| user()).collect();
    let results = at_once(users.len(), |i| {
        let (store, user) = (Arc::clone(&store), users[i].clone());
        until_kept(move || {
            let (store, user) = (Arc::clone(&store), user.clone());
            async move { insert_user(&*store, &user).await }
        })
    });
    for result in results.await {
        result.expect("kept");
    }
    for user in users {
        assert_eq!(store.read().user(user.id).await.expect("an answer"), Some(user));
    }
}

/// Of many that take one mailed token at the same moment, one gets it and the others get nothing.
pub async fn of_two_that_take_a_token_one_gets_it(store: Arc<dyn Store>) {
    let token = one_time_token(stored_user(&*store).await.id);
    insert_token(&*store, &token).await.expect("a new token");
    let results = at_once(8, |_| {
        let (store, token) = (Arc::clone(&store), token.clone());
        until_kept(move || {
            let (store, token) = (Arc::clone(&store), token.clone());
            async move { take_token(&*store, &token, at(1)).await }
        })
    });
    let owners: Vec<_> = results.await.into_iter().filter_map(|result| result.expect("an answer")).collect();
    assert_eq!(owners, [token.owner]);
}

/// However many use one refresh token at the same moment, from as many windows, each gets a token of its own, all of one
/// family, which lives.
pub async fn many_that_use_a_refresh_token_at_once_stay_one_family(store: Arc<dyn Store>) {
    let user = stored_user(&*store).await.id;
    let (session, token) = stored_session(&*store, user).await;
    let nexts: Vec<NextToken> = (0..50).map(|_| next_token(at(1))).collect();
    let results = at_once(nexts.len(), |i| {
        let (store, token, next) = (Arc::clone(&store), token.clone(), nexts[i].clone());
        until_kept(move || {
            let (store, token, next) = (Arc::clone(&store), token.clone(), next.clone());
            async move { rotate(&*store, &token, &next, GRACE).await }
        })
    });
    let moved = Session { last_used_at: at(1), expires_at: at(1001), ..session };
    for result in results.await {
        assert_eq!(result.expect("an answer"), Rotation::Rotated(moved.clone()));
    }
    for next in nexts {
        let follower = RefreshToken { hash: next.hash, ..token.clone() };
        let (follower, of) = find_by_token(&*store, &follower).await.expect("an answer").expect("a token");
        assert_eq!((follower.id, follower.parent, follower.used_at), (next.id, Some(token.id), None));
        assert_eq!(of, moved);
    }
    let standing = store.read().standing(user, Some(moved.id), at(2)).await.expect("an answer");
    assert!(standing.expect("a user").is_session_live);
}

/// Of those who use a token while its follower is used for the first time, each comes before or after that: before, it
/// is good, and after, a replay. From then on it is one for everybody, however short the time.
pub async fn a_replay_stays_one_whoever_comes_first(store: Arc<dyn Store>) {
    let (_, token) = stored_session(&*store, stored_user(&*store).await.id).await;
    let next = next_token(at(1));
    rotate(&*store, &token, &next, GRACE).await.expect("an answer");
    let follower = RefreshToken { hash: next.hash, ..token.clone() };
    let results = at_once(9, |i| {
        let (store, used) = (Arc::clone(&store), if i == 4 { follower.clone() } else { token.clone() });
        until_kept(move || {
            let (store, used) = (Arc::clone(&store), used.clone());
            async move {
                let answer = rotate(&*store, &used, &next_token(at(2)), GRACE).await?;
                // Whoever hears of a replay hears of it again.
                if matches!(answer, Rotation::Replayed(_)) {
                    let again = rotate(&*store, &used, &next_token(at(2)), GRACE).await?;
                    assert!(matches!(again, Rotation::Replayed(_)), "{again:?}");
                }
                Ok((i, answer))
            }
        })
    });
    for result in results.await {
        match result.expect("an answer") {
            (4, answer) => assert!(matches!(answer, Rotation::Rotated(_)), "{answer:?}"),
            (_, answer) => assert!(matches!(answer, Rotation::Rotated(_) | Rotation::Replayed(_)), "{answer:?}"),
        }
    }
    let results = at_once(8, |_| {
        let (store, token) = (Arc::clone(&store), token.clone());
        until_kept(move || {
            let (store, token) = (Arc::clone(&store), token.clone());
            async move { rotate(&*store, &token, &next_token(at(2)), GRACE).await }
        })
    });
    for result in results.await {
        let answer = result.expect("an answer");
        assert!(matches!(answer, Rotation::Replayed(_)), "{answer:?}");
    }
}

/// Failures on one account that come at the same moment, from two networks, are all counted.
pub async fn parallel_failures_lose_none(store: Arc<dyn Store>) {
    let account = account();
    let results = at_once(40, |i| {
        let (store, account, network) = (Arc::clone(&store), account.clone(), network(u8::from(i % 2 == 0)));
        until_kept(move || {
            let (store, account, network) = (Arc::clone(&store), account.clone(), network.clone());
            async move { add_failure(&*store, &account, &network, at(1), at(0)).await }
        })
    });
    for result in results.await {
        result.expect("counted");
    }
    let found = store.read().failures(&account, None, &network(0)).await.expect("an answer");
    assert_eq!((found.here.count, found.anywhere.count), (20, 40));
}

/// Workers that take mails at the same moment until there are no more share none, and leave none.
pub async fn workers_that_take_mails_at_once_share_none(store: Arc<dyn Store>) {
    let now = in_year(1970, 0);
    let mails: Vec<OutboxMail> = (0..20).map(|_| outbox_mail(now)).collect();
    let mut unit = begin(&*store).await;
    for mail in &mails {
        unit.outbox().enqueue(mail).await.expect("a new mail");
    }
    unit.commit().await.expect("kept");
    let until = now.plus(Duration::from_mins(1));
    let results = at_once(4, |_| {
        let store = Arc::clone(&store);
        async move {
            let mut taken = Vec::new();
            loop {
                let more = until_kept(|| lease(&*store, now, until, 3)).await?;
                if more.is_empty() {
                    return Ok::<_, StoreError>(taken);
                }
                taken.extend(more);
            }
        }
    });
    let mut taken: Vec<OutboxMail> = results.await.into_iter().flat_map(|result| result.expect("an answer")).collect();
    taken.sort_by_key(|mail| mail.id);
    let once = |mail: OutboxMail| OutboxMail { attempts: 1, ..mail };
    assert_eq!(taken, mails.into_iter().map(once).collect::<Vec<_>>());
}

/// Of many that end one session at the same moment, one is told so and the others are told no.
pub async fn of_two_that_end_a_session_one_does(store: Arc<dyn Store>) {
    let (session, _) = stored_session(&*store, stored_user(&*store).await.id).await;
    let results = at_once(8, |_| {
        let store = Arc::clone(&store);
        until_kept(move || {
            let store = Arc::clone(&store);
            async move { revoke(&*store, session.id, at(1)).await }
        })
    });
    let ended = results.await.into_iter().map(|result| result.expect("an answer")).filter(|ended| *ended).count();
    assert_eq!(ended, 1);
}

/// Of many first saves of one learner in one course at the same moment one is kept, and the others are conflicts, so
/// that they load and find it.
pub async fn two_first_enrolments_at_once_are_one(store: Arc<dyn Store>) {
    let learner = stored_user(&*store).await.id;
    let (course, _) = stored_course(&*store, 1).await;
    let results = at_once(8, |_| {
        let (store, first) = (Arc::clone(&store), progress(learner, course.id));
        async move { save_progress(&*store, &first, &enrolment(at(1))).await }
    });
    for lost in one_won(results.await) {
        expect_conflict(lost);
    }
    let expected = CourseProgress { version: 1, ..progress(learner, course.id) };
    assert_eq!(stored_progress(&*store, learner, course.id).await, expected);
    assert_eq!(stored_history(&*store, learner, course.id).await.events.len(), 1);
}

/// Of many that register with one e-mail at the same moment one gets it, and the others are told what is taken.
pub async fn two_registrations_of_one_email_at_once_are_one(store: Arc<dyn Store>) {
    let email = user().email;
    let results = at_once(8, |_| {
        let user = User { email: email.clone(), ..user() };
        let store = Arc::clone(&store);
        until_kept(move || {
            let (store, user) = (Arc::clone(&store), user.clone());
            async move { insert_user(&*store, &user).await }
        })
    });
    for lost in one_won(results.await) {
        expect_duplicate(lost, Unique::Email);
    }
}

/// Of many that register with one username at the same moment one gets it, and the others are told what is taken.
pub async fn two_registrations_of_one_username_at_once_are_one(store: Arc<dyn Store>) {
    let username = user().username;
    let results = at_once(8, |_| {
        let user = User { username: username.clone(), ..user() };
        let store = Arc::clone(&store);
        until_kept(move || {
            let (store, user) = (Arc::clone(&store), user.clone());
            async move { insert_user(&*store, &user).await }
        })
    });
    for lost in one_won(results.await) {
        expect_duplicate(lost, Unique::Username);
    }
}

/// Of fifty that make an account for one user of a provider at the same moment, each in one unit with the account, one
/// gets it; the others are told that the identity is there, and leave no account behind.
pub async fn fifty_first_sign_ins_of_one_identity_at_once_are_one(store: Arc<dyn Store>) {
    let users: Vec<User> = (0..50).map(|_| user()).collect();
    let subject = word();
    let results = at_once(users.len(), |i| {
        let (store, user) = (Arc::clone(&store), users[i].clone());
        let identity = Identity { subject: subject.clone(), ..identity(user.id) };
        until_kept(move || {
            let (store, user, identity) = (Arc::clone(&store), user.clone(), identity.clone());
            async move {
                let mut unit = store.begin().await?;
                unit.users().insert(&user).await?;
                unit.identities().insert(&identity).await?;
                unit.commit().await
            }
        })
    });
    for lost in one_won(results.await) {
        expect_duplicate(lost, Unique::Identity);
    }
    let provider = identity(users[0].id).provider;
    let found = store.read().user_by_identity(&provider, &subject).await.expect("an answer").expect("an account").0;
    for user in users {
        let expected = (user.id == found.id).then(|| found.clone());
        assert_eq!(store.read().user(user.id).await.expect("an answer"), expected);
    }
}

/// Of many registrations of one e-mail that become an account at the same moment one does, and the others are told what
/// is taken; none of them waits any longer.
pub async fn of_two_that_verify_one_email_one_gets_the_account(store: Arc<dyn Store>) {
    let email = user().email;
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let registration = PendingRegistration { email: email.clone(), ..registration() };
        insert_registration(&*store, &registration).await.expect("a new registration");
        waiting.push(registration);
    }
    let results = at_once(waiting.len(), |i| {
        let (store, waiting) = (Arc::clone(&store), waiting[i].clone());
        let user = User { email: waiting.email.clone(), username: waiting.username, ..user() };
        until_kept(move || {
            let (store, user) = (Arc::clone(&store), user.clone());
            async move {
                let mut unit = store.begin().await?;
                unit.users().insert(&user).await?;
                let removed = unit.registrations().remove_all_of(&user.email).await?;
                unit.commit().await.map(|()| removed)
            }
        })
    });
    for lost in one_won(results.await) {
        expect_duplicate(lost, Unique::Email);
    }
    let mut unit = store.begin().await.expect("a unit");
    assert_eq!(unit.registrations().remove_all_of(&email).await.expect("an answer"), 0);
}

/// Of many that end one key at the same moment, one is told so and the others are told no.
pub async fn of_two_that_end_a_key_one_does(store: Arc<dyn Store>) {
    let key = api_key(stored_user(&*store).await.id);
    insert_api_key(&*store, &key).await.expect("a new key");
    let results = at_once(8, |_| {
        let (store, user, key) = (Arc::clone(&store), key.user, key.id);
        until_kept(move || {
            let store = Arc::clone(&store);
            async move { revoke_api_key(&*store, user, key, at(1)).await }
        })
    });
    let ended = results.await.into_iter().map(|result| result.expect("an answer")).filter(|ended| *ended).count();
    assert_eq!(ended, 1);
}

/// Of many that erase one account at the same moment, one is told so and the others are told no.
pub async fn of_two_that_erase_an_account_one_does(store: Arc<dyn Store>) {
    let user = stored_user(&*store).await.id;
    let results = at_once(8, |_| {
        let store = Arc::clone(&store);
        until_kept(move || {
            let store = Arc::clone(&store);
            async move { erase(&*store, user, at(900)).await }
        })
    });
    let erased = results.await.into_iter().map(|result| result.expect("an answer")).filter(|erased| *erased).count();
    assert_eq!(erased, 1);
}

/// Of many first imports of one source at the same moment one makes the course, and the others are told that the
/// source is there.
pub async fn two_imports_of_one_source_at_once_are_one(store: Arc<dyn Store>) {
    let author = stored_user(&*store).await.id;
    for author in [Some(author), None] {
        let source = SourceKey::mdbook(&word());
        let results = at_once(4, |_| {
            let course = Course { source: Some(source.clone()), ..course(author) };
            let store = Arc::clone(&store);
            until_kept(move || {
                let (store, course) = (Arc::clone(&store), course.clone());
                async move { insert_course(&*store, &course).await }
            })
        });
        for lost in one_won(results.await) {
            expect_duplicate(lost, Unique::Source);
        }
    }
}

/// Questions that are asked in one conversation at the same moment, from two windows, are all kept, each with its
/// answer and its cost.
pub async fn parallel_turns_in_one_conversation_are_all_kept(store: Arc<dyn Store>) {
    let owner = stored_user(&*store).await.id;
    let first = stored_turn(&*store, owner).await.conversation;
    let results = at_once(10, |_| {
        let (store, turn) = (Arc::clone(&store), Turn::next(&first, at(5)));
        until_kept(move || {
            let (store, turn) = (Arc::clone(&store), turn.clone());
            async move { begin_turn(&*store, &turn, false).await }
        })
    });
    for result in results.await {
        result.expect("kept");
    }
    let messages = store.read().messages_page(owner, first.id, first_page()).await.expect("an answer").items;
    assert_eq!(messages.len(), 22);
    assert_eq!(store.read().usage_of(owner).await.expect("an answer").len(), 11);
    assert_eq!(found_conversation(&*store, &first).await.version, 1);
}
