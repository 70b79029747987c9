use std::sync::mpsc;

use tokio::sync::oneshot;

use super::*;

fn hasher() -> BcryptHasher {
    limited(1, 32, Duration::from_secs(5))
}

fn limited(workers: usize, queue: usize, queue_timeout: Duration) -> BcryptHasher {
    BcryptHasher::new(BcryptSettings { cost: 4, workers, queue, queue_timeout }).expect("good settings")
}

fn password(text: &str) -> Password {
    Password::parse(text, &[]).expect("a good password")
}

/// Work that lasts until something is sent or the sender is dropped.
fn held() -> (mpsc::Sender<()>, impl FnOnce() -> Result<(), BcryptError> + Send + 'static) {
    let (end, wait) = mpsc::channel::<()>();
    (end, move || {
        let _ = wait.recv();
        Ok(())
    })
}

/// Lets `work` begin and goes away.
async fn begin_and_leave(hasher: &BcryptHasher, work: impl FnOnce() + Send + 'static) {
    let (begun, begins) = oneshot::channel();
    let working = hasher.work(move || {
        begun.send(()).expect("the test waits");
        work();
        Ok(())
    });
    tokio::select! {
        biased;
        _ = working => panic!("it was done before anybody left"),
        begun = begins => begun.expect("begun"),
    }
}

#[tokio::test]
async fn the_longest_password_is_read_to_its_last_byte() {
    let longest = format!("1{}", "a".repeat(71));
    let hash = hasher().hash(&password(&longest)).await.expect("hashed");
    assert!(hasher().verify(&longest, Some(&hash)).await.expect("verified"));
    assert!(!hasher().verify(&longest[..71], Some(&hash)).await.expect("verified"));
    assert!(!hasher().verify(&format!("{longest}b"), Some(&hash)).await.expect("verified"));
}

#[tokio::test]
async fn what_bcrypt_would_take_for_the_password_is_not_it() {
    // bcrypt repeats key and NUL until 72 bytes are full, so these would match.
    let hash = hasher().hash(&password("correct horse 7")).await.expect("hashed");
    for attempt in ["correct horse 7\0correct horse 7", "correct horse 7\0"] {
        assert!(!hasher().verify(attempt, Some(&hash)).await.expect("verified"), "{attempt:?}");
    }
    // Nor does the stand-in for an impossible attempt match a hash of nothing.
    let nothing = PasswordHash::new(bcrypt::hash("", 4).expect("hashed"));
    assert!(!hasher().verify("\0", Some(&nothing)).await.expect("verified"));
    assert!(!hasher().verify(&"a".repeat(73), Some(&nothing)).await.expect("verified"));
}

#[tokio::test]
async fn nobody_has_no_password() {
    for attempt in ["", "correct horse 7", "\0"] {
        assert!(!hasher().verify(attempt, None).await.expect("verified"));
    }
}

#[test]
fn the_hash_of_nobody_is_one_that_bcrypt_works_on() {
    for cost in [4, 9, 12, 31] {
        let hasher = BcryptHasher::new(BcryptSettings { cost, ..BcryptSettings::default() }).expect("good settings");
        assert!(!hasher.is_outdated(&hasher.nobody), "cost {cost}");
    }
    assert!(matches!(bcrypt::verify("x", hasher().nobody.expose()), Ok(false)));
}

#[tokio::test]
async fn hashes_of_other_makers_are_read_and_are_outdated() {
    let hasher = hasher();
    let parts = bcrypt::hash_with_salt("correct horse 7", 4, [7; 16]).expect("hashed");
    for (version, outdated) in [
        (bcrypt::Version::TwoA, true),
        (bcrypt::Version::TwoX, true),
        (bcrypt::Version::TwoY, true),
        (bcrypt::Version::TwoB, false),
    ] {
        let hash = PasswordHash::new(parts.format_for_version(version));
        assert!(hasher.verify("correct horse 7", Some(&hash)).await.expect("verified"));
        assert_eq!(hasher.is_outdated(&hash), outdated);
    }
}

#[tokio::test]
async fn a_change_of_cost_makes_hashes_outdated() {
    let hash = hasher().hash(&password("correct horse 7")).await.expect("hashed");
    assert!(!hasher().is_outdated(&hash));
    let dearer = BcryptHasher::new(BcryptSettings { cost: 5, ..BcryptSettings::default() }).expect("good settings");
    assert!(dearer.is_outdated(&hash));
    assert!(dearer.is_outdated(&PasswordHash::new("$argon2id$v=19$…".into())));
}

#[tokio::test]
async fn what_is_no_hash_is_a_failure_and_not_a_no() {
    let hash = PasswordHash::new("plain text".into());
    assert!(matches!(hasher().verify("plain text", Some(&hash)).await, Err(PasswordError::Failed(_))));
}

#[test]
fn a_cost_that_bcrypt_lacks_is_refused() {
    for cost in [0, 3, 32, u32::MAX] {
        let refused = BcryptHasher::new(BcryptSettings { cost, ..BcryptSettings::default() }).map(|_| ());
        assert_eq!(refused, Err(BcryptSettingsError::Cost { cost }));
    }
}

#[tokio::test]
async fn a_full_queue_turns_callers_away_at_once() {
    let hasher = limited(1, 0, Duration::from_secs(3));
    let (end, work) = held();
    let working = hasher.work(work);
    let asking = async {
        // In order: `join!` polls the work first.
        let refused = hasher.verify("x", None).await;
        assert!(matches!(refused, Err(PasswordError::Busy { retry_after }) if retry_after == Duration::from_secs(3)));
        drop(end);
    };
    tokio::join!(working, asking).0.expect("worked");
    assert!(!hasher.verify("x", None).await.expect("there is room again"));
}

#[tokio::test]
async fn waiting_ends_and_gives_its_place_back() {
    let hasher = limited(1, 1, Duration::from_millis(20));
    let (end, work) = held();
    let asking = async {
        for _ in 0..3 {
            assert!(matches!(hasher.verify("x", None).await, Err(PasswordError::Busy { .. })));
        }
        drop(end);
    };
    tokio::join!(hasher.work(work), asking).0.expect("worked");
    assert_eq!(hasher.places.available_permits(), 2);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_free_the_worker() {
    let hasher = limited(1, 1, Duration::from_secs(5));
    let (end, work) = held();
    begin_and_leave(&hasher, || work().expect("worked")).await;
    assert_eq!((hasher.workers.available_permits(), hasher.places.available_permits()), (0, 1));
    assert_eq!(hasher.status(), HashingStatus { working: 1, waiting: 0 });
    drop(end);
    assert!(!hasher.verify("x", None).await.expect("the worker comes back when the work is done"));
}

#[tokio::test]
async fn a_caller_that_leaves_the_queue_frees_its_place() {
    let hasher = limited(1, 1, Duration::from_secs(5));
    let (end, work) = held();
    begin_and_leave(&hasher, || work().expect("worked")).await;
    for _ in 0..3 {
        // Polled once, so that it waits, and dropped.
        let waiting = time::timeout(Duration::ZERO, hasher.work(|| -> Result<(), _> { panic!("nobody waits for it") }));
        assert!(waiting.await.is_err());
        assert_eq!(hasher.places.available_permits(), 1);
    }
    drop(end);
    assert!(!hasher.verify("x", None).await.expect("verified"));
}

#[tokio::test]
async fn work_that_nobody_waits_for_is_not_begun() {
    let threads = Threads::start(1).expect("a thread");
    let (end, work) = held();
    let first = threads.run((), work);
    let (begun, begins) = mpsc::channel();
    drop(threads.run((), move || begun.send(()).expect("the test waits")));
    drop(end);
    first.await.expect("an answer").expect("worked");
    threads.run((), || ()).await.expect("an answer");
    assert_eq!(begins.try_recv(), Err(mpsc::TryRecvError::Disconnected));
}

#[tokio::test]
async fn the_threads_end_with_the_hasher_and_finish_what_they_do() {
    /// Tells when the thread that it belongs to ends.
    struct End(mpsc::Sender<()>);
    impl Drop for End {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    thread_local!(static END: std::cell::RefCell<Option<End>> = const { std::cell::RefCell::new(None) });

    let hasher = limited(1, 0, Duration::from_secs(5));
    let (end, work) = held();
    let (ended, ends) = mpsc::channel();
    begin_and_leave(&hasher, move || {
        END.set(Some(End(ended)));
        work().expect("worked");
    })
    .await;
    drop(hasher);
    assert_eq!(ends.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(end);
    assert_eq!(ends.recv_timeout(Duration::from_secs(10)), Ok(()));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_threads_have_a_name_and_a_lower_priority_than_others() {
    let priority = || rustix::process::getpriority_process(None).expect("a priority");
    let work = move || Ok((thread::current().name().map(str::to_owned), priority()));
    let (name, of_worker) = hasher().work(work).await.expect("worked");
    assert_eq!(name.as_deref(), Some("password-1"));
    assert_eq!(of_worker, (priority() + threads::NICENESS).min(19));
}

#[tokio::test]
async fn each_worker_is_a_thread() {
    let hasher = limited(3, 0, Duration::from_secs(5));
    let all = Arc::new(std::sync::Barrier::new(3));
    let together = || {
        let all = Arc::clone(&all);
        // Ends only when all three are there.
        hasher.work(move || {
            all.wait();
            Ok(thread::current().id())
        })
    };
    let (one, two, three) = tokio::join!(together(), together(), together());
    let ids: std::collections::HashSet<_> = [one, two, three].map(|id| id.expect("worked")).into();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_hash_of_a_lower_cost_is_still_read() {
    let hash = hasher().hash(&password("correct horse 7")).await.expect("hashed");
    let dearer = BcryptHasher::new(BcryptSettings { cost: 7, ..BcryptSettings::default() }).expect("good settings");
    assert!(dearer.verify("correct horse 7", Some(&hash)).await.expect("verified"));
    assert!(!dearer.verify("correct horse 8", Some(&hash)).await.expect("verified"));
}

#[tokio::test]
async fn a_broken_worker_comes_back() {
    let hasher = limited(1, 0, Duration::from_secs(5));
    let broken = hasher.work(|| -> Result<(), _> { panic!("on purpose") }).await;
    assert!(matches!(broken, Err(PasswordError::Failed(_))));
    assert!(!hasher.verify("x", None).await.expect("verified"));
}
