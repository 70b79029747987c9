//! Which server does which job for all.

use lyceum_domain::{
    ids::{IdGenerator as _, InstanceId},
    jobs::{Job, Lease},
    store::Store,
};

use crate::{ambient::SequentialIds, contract::fixtures::at};

/// A job that nobody else does.
pub(super) fn job() -> Job {
    Job::parse(&format!("job_{}", SequentialIds.next().simple())).expect("a name")
}

pub(super) fn server() -> InstanceId {
    InstanceId::new(&SequentialIds)
}

async fn lease(store: &dyn Store, job: &Job) -> Option<Lease> {
    store.write().job_leases().lease(job).await.expect("an answer")
}

async fn take(store: &dyn Store, job: &Job, seen: Option<Lease>, holder: InstanceId) -> Option<Lease> {
    store.write().job_leases().take(job, seen, holder, at(0)).await.expect("an answer")
}

async fn release(store: &dyn Store, job: &Job, held: Lease) {
    store.write().job_leases().release(job, held, at(1)).await.expect("an answer");
}

/// What nobody ever took has no lease, and there is nothing to renew, to take over or to let go of.
pub async fn a_job_that_was_never_taken_is_nobodys(store: &dyn Store) {
    let job = job();
    assert_eq!(lease(store, &job).await, None);
    let imagined = Lease { holder: Some(server()), version: 1 };
    assert_eq!(take(store, &job, Some(imagined), server()).await, None);
    release(store, &job, imagined).await;
    assert_eq!(lease(store, &job).await, None);
}

/// The first takes it; the second is told that it is gone, and sees whose it is.
pub async fn a_job_is_taken_by_one(store: &dyn Store) {
    let (job, first, second) = (job(), server(), server());
    let held = take(store, &job, None, first).await.expect("free");
    assert_eq!(held.holder, Some(first));
    assert_eq!(take(store, &job, None, second).await, None);
    assert_eq!(lease(store, &job).await, Some(held));
}

/// Who holds it renews it again and again, and each time it looks different: so others see that they live.
pub async fn a_hold_is_renewed_and_looks_different_each_time(store: &dyn Store) {
    let (job, holder) = (job(), server());
    let mut held = take(store, &job, None, holder).await.expect("free");
    let mut seen = vec![held];
    for _ in 0..3 {
        held = take(store, &job, Some(held), holder).await.expect("still held");
        assert!(!seen.contains(&held), "{held:?} among {seen:?}");
        assert_eq!(lease(store, &job).await, Some(held));
        seen.push(held);
    }
    // A renewal that comes late, on its way since before, changes nothing.
    assert_eq!(take(store, &job, Some(seen[1]), holder).await, None);
    assert_eq!(lease(store, &job).await, Some(held));
}

/// A lease that stays the same can be taken over; whoever held it hears so when they renew.
pub async fn who_is_gone_is_taken_over_from(store: &dyn Store) {
    let (job, dead, heir) = (job(), server(), server());
    let stale = take(store, &job, None, dead).await.expect("free");
    let held = take(store, &job, Some(stale), heir).await.expect("unchanged");
    assert_eq!(held.holder, Some(heir));
    assert_eq!(take(store, &job, Some(stale), dead).await, None);
    assert_eq!(lease(store, &job).await, Some(held));
}

/// Who was seen alive meanwhile keeps it, and of two heirs one gets it.
pub async fn what_was_renewed_meanwhile_is_not_taken_over(store: &dyn Store) {
    let (job, holder, one, two) = (job(), server(), server(), server());
    let seen = take(store, &job, None, holder).await.expect("free");
    let held = take(store, &job, Some(seen), holder).await.expect("renewed");
    assert_eq!(take(store, &job, Some(seen), one).await, None);
    assert!(take(store, &job, Some(held), one).await.is_some());
    assert_eq!(take(store, &job, Some(held), two).await, None);
    assert_eq!(lease(store, &job).await.and_then(|lease| lease.holder), Some(one));
}

/// Who lets go of it leaves it free for anybody, once; and whoever takes it then has another lease than those before, so
/// that nobody takes a new hold for the old one.
pub async fn a_released_job_is_free_and_never_looks_as_before(store: &dyn Store) {
    let (job, holder) = (job(), server());
    let mut seen = Vec::new();
    let mut free = None;
    for _ in 0..3 {
        let held = take(store, &job, free, holder).await.expect("free");
        release(store, &job, held).await;
        free = lease(store, &job).await;
        assert_eq!(free.expect("known").holder, None);
        for lease in [Some(held), free] {
            assert!(!seen.contains(&lease), "{lease:?} among {seen:?}");
            seen.push(lease);
        }
    }
    assert!(take(store, &job, free, server()).await.is_some());
    assert_eq!(take(store, &job, free, server()).await, None);
}

/// A release that comes late, after somebody else took it over, takes nothing from them.
pub async fn nobody_lets_go_of_what_another_holds(store: &dyn Store) {
    let job = job();
    let stale = take(store, &job, None, server()).await.expect("free");
    let held = take(store, &job, Some(stale), server()).await.expect("unchanged");
    release(store, &job, stale).await;
    assert_eq!(lease(store, &job).await, Some(held));
}

/// Each job has its own holder.
pub async fn jobs_are_held_apart(store: &dyn Store) {
    let (one, two, here, there) = (job(), job(), server(), server());
    let first = take(store, &one, None, here).await.expect("free");
    let second = take(store, &two, None, there).await.expect("free");
    release(store, &one, first).await;
    assert_eq!(lease(store, &two).await, Some(second));
    assert!(take(store, &two, Some(second), there).await.is_some());
}
