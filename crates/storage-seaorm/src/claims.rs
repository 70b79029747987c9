//! Keys of requests that are done once.

use async_trait::async_trait;
use lyceum_domain::{
    blobs::Sha256,
    idempotency::{Claim, Claimed, Claims, SettledAnswer},
    ids::InstanceId,
    store::StoreError,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{
    row::{Row, maybe},
    sql::{Sql, Values, hex},
    unit::SeaOrmUnit,
};

/// Of two that come at once the second waits for the first, and looks at what it left. `$6` is now.
const CLAIM: Sql = Sql::same(
    "INSERT INTO idempotency_keys (user_id, key, claim_id, leased_until, expires_at, created_at, updated_at, instance_id) \
     VALUES ($1, $2, $3, $4, $5, $6, $6, $7) ON CONFLICT (user_id, key) DO UPDATE SET claim_id = excluded.claim_id, \
     instance_id = excluded.instance_id, \
     fingerprint = NULL, status = NULL, body = NULL, leased_until = excluded.leased_until, \
     expires_at = excluded.expires_at, created_at = excluded.created_at, updated_at = excluded.updated_at \
     WHERE idempotency_keys.expires_at <= excluded.created_at \
     OR (idempotency_keys.status IS NULL AND idempotency_keys.leased_until <= excluded.created_at)",
);

const ANSWER: Sql = Sql::same("SELECT fingerprint, status, body FROM idempotency_keys WHERE user_id = $1 AND key = $2");

const SETTLE: Sql = Sql::same(
    "UPDATE idempotency_keys SET fingerprint = $4, status = $5, body = $6 \
     WHERE user_id = $1 AND key = $2 AND claim_id = $3",
);

const RELEASE: Sql =
    Sql::same("DELETE FROM idempotency_keys WHERE user_id = $1 AND key = $2 AND claim_id = $3 AND status IS NULL");

/// Longest ago first. On PostgreSQL two that do so at once take different keys instead of waiting for each other.
macro_rules! remove_expired {
    ($lock:literal) => {
        concat!(
            "WITH expired AS (SELECT user_id, key FROM idempotency_keys WHERE expires_at < $1 ORDER BY expires_at LIMIT $2",
            $lock,
            ") DELETE FROM idempotency_keys WHERE (user_id, key) IN (SELECT user_id, key FROM expired)"
        )
    };
}
const REMOVE_EXPIRED: Sql = Sql { postgres: remove_expired!(" FOR UPDATE SKIP LOCKED"), sqlite: remove_expired!("") };

/// On PostgreSQL a key that somebody is at, to settle it perhaps, is left for the next time.
macro_rules! release_of {
    ($gone:literal, $lock:literal) => {
        concat!(
            "WITH left_over AS (SELECT k.user_id, k.key, k.claim_id FROM idempotency_keys k \
             WHERE k.status IS NULL AND k.instance_id IN (",
            $gone,
            ") LIMIT $2",
            $lock,
            ") DELETE FROM idempotency_keys WHERE (user_id, key, claim_id) IN \
             (SELECT user_id, key, claim_id FROM left_over) AND status IS NULL"
        )
    };
}
const RELEASE_OF: Sql = Sql {
    postgres: release_of!(
        "SELECT CAST(g.value AS uuid) FROM jsonb_array_elements_text($1) g (value)",
        " FOR UPDATE OF k SKIP LOCKED"
    ),
    sqlite: release_of!("SELECT unhex(g.value) FROM json_each($1) g", ""),
};

/// The key: `$1` and `$2`.
fn key(claim: &Claim) -> Values {
    Values::new().id(claim.user.as_uuid()).text(claim.key.as_str())
}

/// The key and the claim: `$1` to `$3`.
fn held(claim: &Claim) -> Values {
    key(claim).id(claim.id.as_uuid())
}

/// What a claim that is not ours has come to.
fn read(row: &mut Row<'_>) -> Result<Claimed, StoreError> {
    let fingerprint = row.maybe_parsed(Sha256::parse)?;
    let status = row.maybe_number()?;
    let body = row.maybe_text()?;
    match (fingerprint, status, body) {
        (None, None, None) => Ok(Claimed::Running),
        (Some(fingerprint), Some(status), Some(body)) => {
            Ok(Claimed::Settled(SettledAnswer { fingerprint, status, body }))
        }
        _ => Err(StoreError::Corrupt("half an answer is kept for a key".to_owned())),
    }
}

async fn claim(db: &impl ConnectionTrait, claim: &Claim) -> Result<Claimed, StoreError> {
    let values = held(claim).time(claim.leased_until).time(claim.expires_at).time(claim.created_at);
    let values = values.id(claim.instance.as_uuid());
    if CLAIM.run(db, values).await? > 0 {
        return Ok(Claimed::Ours);
    }
    // The statement locked the row that it left alone, so it is still there.
    let row = ANSWER.one(db, key(claim)).await?;
    maybe(row.as_ref(), read)?.ok_or(StoreError::Conflict)
}

#[async_trait]
impl Claims for SeaOrmUnit {
    async fn claim(&mut self, new: &Claim) -> Result<Claimed, StoreError> {
        let mut step = self.step()?;
        step.end(claim(step.tx, new).await)
    }

    async fn settle(&mut self, claim: &Claim, answer: &SettledAnswer) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let values = held(claim).text(answer.fingerprint.to_string()).number(answer.status).text(&*answer.body);
        step.end(SETTLE.run_for_one(step.tx, values).await)
    }

    async fn release(&mut self, claim: &Claim) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(RELEASE.run(step.tx, held(claim)).await.map(drop))
    }

    async fn release_of(&mut self, gone: &[InstanceId], limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        let gone = gone.iter().map(|instance| hex(instance.as_uuid())).collect();
        step.end(RELEASE_OF.run(step.tx, Values::new().json(gone).number(limit)).await)
    }

    async fn remove_expired(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(REMOVE_EXPIRED.run(step.tx, Values::new().time(at).number(limit)).await)
    }
}
