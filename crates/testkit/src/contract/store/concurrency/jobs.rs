//! Many servers at once that want a job.

use std::sync::Arc;

use lyceum_domain::{ids::InstanceId, jobs::Lease, store::Store};

use super::{
    super::job_leases::{job, server},
    at_once,
};
use crate::contract::fixtures::at;

/// Of many servers that want a free job at the same moment one gets it, and again when all of them see it let go of or want
/// to take it over; the lease is that one's.
pub async fn of_many_that_take_a_job_one_gets_it(store: Arc<dyn Store>) {
    let job = job();
    let mut seen: Option<Lease> = None;
    for _ in 0..3 {
        let taken = at_once(20, |_| {
            let (store, job) = (Arc::clone(&store), job.clone());
            async move {
                let server: InstanceId = server();
                store.write().job_leases().take(&job, seen, server, at(0)).await.expect("an answer")
            }
        });
        let taken: Vec<_> = taken.await.into_iter().flatten().collect();
        assert_eq!(taken.len(), 1, "{taken:?}");
        seen = store.write().job_leases().lease(&job).await.expect("an answer");
        assert_eq!(seen, taken.first().copied());
    }
}
