//! Blobs that are to go.

use std::collections::BTreeSet;

use async_trait::async_trait;
use lyceum_domain::{
    blobs::{BlobKey, BlobRemoval, BlobRemovals},
    ids::UserId,
    store::StoreError,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{
    row::{Row, each},
    sql::{Sql, Values},
    unit::SeaOrmUnit,
};

// When a note was made its port does not say; what matters is when it falls due.

/// `$1` the keys, each once, as a JSON array; `$2` when they are to go.
macro_rules! schedule {
    ($keys:literal) => {
        concat!(
            "INSERT INTO blob_removals (key, due_at, attempts, created_at, updated_at) SELECT k.value, $2, 0, $2, $2 FROM ",
            $keys,
            " AS k WHERE TRUE ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at"
        )
    };
}
const SCHEDULE: Sql = Sql { postgres: schedule!("jsonb_array_elements_text($1)"), sqlite: schedule!("json_each($1)") };

// One that was taken may be gone already, however the attempt ended.
macro_rules! cancel {
    ($keys:literal) => {
        concat!("DELETE FROM blob_removals WHERE key IN (SELECT k.value FROM ", $keys, " AS k) AND attempts = 0")
    };
}
const CANCEL: Sql = Sql { postgres: cancel!("jsonb_array_elements_text($1)"), sqlite: cancel!("json_each($1)") };

/// What belongs to a user, `$1`, to go at `$2`. The user's row is locked, so nothing is added to it meanwhile.
const SCHEDULE_ALL_OF: Sql = Sql::same(
    "INSERT INTO blob_removals (key, due_at, attempts, created_at, updated_at) \
     SELECT d.blob_key, $2, 0, $2, $2 FROM documents d WHERE d.owner_id = $1 \
     UNION ALL SELECT u.portrait_key, $2, 0, $2, $2 FROM users u WHERE u.id = $1 AND u.portrait_key IS NOT NULL \
     ON CONFLICT (key) DO UPDATE SET due_at = excluded.due_at",
);

/// An attempt counts when it begins: the process may not live to say how it ended. On PostgreSQL a worker passes over
/// what another one is taking; on SQLite a unit is alone.
macro_rules! take_due {
    ($lock:literal) => {
        concat!(
            "WITH due AS (SELECT key FROM blob_removals WHERE due_at <= $1 ORDER BY due_at, key LIMIT $3",
            $lock,
            ") UPDATE blob_removals SET due_at = $2, attempts = attempts + 1, updated_at = $1 \
             WHERE key IN (SELECT key FROM due) RETURNING key, attempts - 1"
        )
    };
}
const TAKE_DUE: Sql = Sql { postgres: take_due!(" FOR UPDATE SKIP LOCKED"), sqlite: take_due!("") };

const SETTLE: Sql = Sql::same("DELETE FROM blob_removals WHERE key = $1");

const POSTPONE: Sql = Sql::same("UPDATE blob_removals SET due_at = $2 WHERE key = $1");

fn read(row: &mut Row<'_>) -> Result<BlobRemoval, StoreError> {
    Ok(BlobRemoval { key: row.parsed(BlobKey::parse)?, attempts: row.number()? })
}

/// Each key once, in an order that two units have in common.
fn distinct(keys: &[BlobKey]) -> BTreeSet<&str> {
    keys.iter().map(BlobKey::as_str).collect()
}

async fn schedule(db: &impl ConnectionTrait, keys: &[BlobKey], due_at: Timestamp) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    SCHEDULE.run(db, Values::new().json(distinct(keys).into_iter().collect()).time(due_at)).await.map(drop)
}

async fn cancel(db: &impl ConnectionTrait, keys: &[BlobKey]) -> Result<(), StoreError> {
    let keys = distinct(keys);
    let count = keys.len();
    if count == 0 {
        return Ok(());
    }
    let cancelled = CANCEL.run(db, Values::new().json(keys.into_iter().collect())).await?;
    if usize::try_from(cancelled) == Ok(count) { Ok(()) } else { Err(StoreError::Conflict) }
}

/// Notes the portrait and all documents of a user.
pub(crate) async fn schedule_all_of(
    db: &impl ConnectionTrait,
    user: UserId,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    SCHEDULE_ALL_OF.run(db, Values::new().id(user.as_uuid()).time(due_at)).await.map(drop)
}

#[async_trait]
impl BlobRemovals for SeaOrmUnit {
    async fn schedule(&mut self, keys: &[BlobKey], due_at: Timestamp) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(schedule(step.tx, keys, due_at).await)
    }

    async fn cancel(&mut self, keys: &[BlobKey]) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(cancel(step.tx, keys).await)
    }

    async fn take_due(
        &mut self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<BlobRemoval>, StoreError> {
        let mut step = self.step()?;
        let rows = TAKE_DUE.all(step.tx, Values::new().time(now).time(lease_until).number(limit)).await;
        step.end(rows.and_then(|rows| each(&rows, read)))
    }

    async fn settle(&mut self, key: &BlobKey) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(SETTLE.run(step.tx, Values::new().text(key.as_str())).await.map(drop))
    }

    async fn postpone(&mut self, key: &BlobKey, due_at: Timestamp) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(POSTPONE.run(step.tx, Values::new().text(key.as_str()).time(due_at)).await.map(drop))
    }
}
