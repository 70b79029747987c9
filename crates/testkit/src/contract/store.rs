//! What every [`Store`] keeps. Each case makes its own data under names nobody else has, and looks only at that, so
//! that all of them can share one database.

pub mod activity;
pub mod api_keys;
pub mod audit;
pub mod backlog;
pub mod blob_removals;
mod cases;
pub mod catalogue;
pub mod claims;
pub mod cohort;
pub mod concurrency;
pub mod conversation_search;
pub mod conversations;
pub mod course_files;
pub mod courses;
pub mod documents;
pub mod erasure;
pub mod feedback;
pub mod histories;
pub mod identities;
pub mod job_leases;
pub mod ledger;
pub mod lessons;
pub mod manifests;
pub mod messages;
pub mod outbox;
pub mod passages;
pub mod progress;
pub mod progress_events;
pub mod progress_lists;
pub mod recounts;
pub mod registrations;
pub mod removed_courses;
pub mod search;
pub mod sessions;
pub mod sign_in_failures;
pub mod single_writes;
pub mod subjects;
pub mod tokens;
pub mod turns;
pub mod under_way;
pub mod units;
pub mod usage_days;
pub mod user_lists;
pub mod users;

use std::{any::Any, future::Future, sync::Arc};

use lyceum_domain::store::Store;

/// A store under test and what has to live as long as it: a directory, a schema, a container.
pub struct Subject {
    store: Arc<dyn Store>,
    _held: Box<dyn Any + Send>,
}

impl Subject {
    /// A store with something that is dropped after it.
    pub fn holding(store: Arc<dyn Store>, held: impl Any + Send) -> Self {
        Self { store, _held: Box::new(held) }
    }
}

impl From<Arc<dyn Store>> for Subject {
    fn from(store: Arc<dyn Store>) -> Self {
        Self::holding(store, ())
    }
}

impl<S: Store + 'static> From<Arc<S>> for Subject {
    fn from(store: Arc<S>) -> Self {
        Self::holding(store, ())
    }
}

/// Makes a store and runs one case on it; skips visibly if there is none. What
/// [`store_contract!`](crate::store_contract) calls.
pub fn run<M, MF, S, C, CF>(name: &str, make: M, case: C)
where
    M: FnOnce() -> MF,
    MF: Future<Output = Option<S>>,
    S: Into<Subject>,
    C: FnOnce(Arc<dyn Store>) -> CF,
    CF: Future<Output = ()>,
{
    super::run(name, async {
        match make().await {
            Some(subject) => {
                let subject = subject.into();
                case(Arc::clone(&subject.store)).await;
            }
            None => super::skip(name, "the server it needs is missing"),
        }
    });
}
