//! Which server does which job for all.

use async_trait::async_trait;
use lyceum_domain::{
    ids::InstanceId,
    jobs::{Job, JobLeases, Lease},
    store::StoreError,
    time::Timestamp,
};

use crate::{
    connect::SeaOrmStore,
    row::maybe,
    sql::{Sql, Values},
};

const LEASE: Sql = Sql::same("SELECT holder_id, version FROM job_leases WHERE job = $1");

const FIRST: Sql = Sql::same(
    "INSERT INTO job_leases (job, holder_id, version, created_at, updated_at) VALUES ($1, $2, 1, $3, $3) \
     ON CONFLICT (job) DO NOTHING",
);

/// The version says who held it: no two leases have the same.
const NEXT: Sql = Sql::same(
    "UPDATE job_leases SET holder_id = $2, version = version + 1, updated_at = $3 WHERE job = $1 AND version = $4",
);

fn version(lease: Lease) -> Result<i64, StoreError> {
    i64::try_from(lease.version).map_err(|_| StoreError::Corrupt("a lease of a job has no such version".to_owned()))
}

#[async_trait]
impl JobLeases for SeaOrmStore {
    async fn lease(&self, job: &Job) -> Result<Option<Lease>, StoreError> {
        let row = LEASE.one(&self.reads, Values::new().text(job.as_str())).await?;
        maybe(row.as_ref(), |row| Ok(Lease { holder: row.maybe_id(InstanceId::from_uuid)?, version: row.number()? }))
    }

    async fn take(
        &self,
        job: &Job,
        seen: Option<Lease>,
        holder: InstanceId,
        at: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        let values = Values::new().text(job.as_str()).id(holder.as_uuid()).time(at);
        let taken = match seen {
            None => FIRST.run(&self.writes, values).await?,
            Some(seen) => NEXT.run(&self.writes, values.number(version(seen)?)).await?,
        };
        let version = seen.map_or(1, |seen| seen.version + 1);
        Ok((taken > 0).then_some(Lease { holder: Some(holder), version }))
    }

    async fn release(&self, job: &Job, held: Lease, at: Timestamp) -> Result<(), StoreError> {
        let values = Values::new().text(job.as_str()).maybe_id(None).time(at).number(version(held)?);
        NEXT.run(&self.writes, values).await.map(drop)
    }
}
