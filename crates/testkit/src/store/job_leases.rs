//! Which server does which job for all.

use async_trait::async_trait;
use lyceum_domain::{
    ids::InstanceId,
    jobs::{Job, JobLeases, Lease},
    store::StoreError,
    time::Timestamp,
};

use super::{MemoryStore, tables::Tables};

/// Puts the next lease in the place of this one, if it still is there.
fn next(tables: &mut Tables, job: &Job, seen: Option<Lease>, holder: Option<InstanceId>) -> Option<Lease> {
    if tables.job_leases.get(job).copied() != seen {
        return None;
    }
    let next = Lease { holder, version: seen.map_or(1, |seen| seen.version + 1) };
    tables.job_leases.insert(job.clone(), next);
    Some(next)
}

#[async_trait]
impl JobLeases for MemoryStore {
    async fn lease(&self, job: &Job) -> Result<Option<Lease>, StoreError> {
        Ok(self.tables()?.job_leases.get(job).copied())
    }

    async fn take(
        &self,
        job: &Job,
        seen: Option<Lease>,
        holder: InstanceId,
        _at: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        self.quietly(|tables| next(tables, job, seen, Some(holder))).await
    }

    async fn release(&self, job: &Job, held: Lease, _at: Timestamp) -> Result<(), StoreError> {
        self.quietly(|tables| next(tables, job, Some(held), None)).await.map(drop)
    }
}
