//! Mails that wait to be sent.

use async_trait::async_trait;
use lyceum_domain::{
    ids::OutboxMailId,
    mail::{Intent, Outbox, OutboxCounts, OutboxMail, OutboxQueries, Settlement},
    store::StoreError,
    time::Timestamp,
    users::Email,
};
use sea_orm::ConnectionTrait;

use crate::{
    connect::SeaOrmStore,
    row::{Row, each, maybe},
    sql::{Sql, Values},
    unit::SeaOrmUnit,
};

const INSERT: Sql = Sql::same(
    "INSERT INTO outbox_mails (id, to_email, kind, about, state, attempts, due_at, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, 'waiting', $5, $6, $7, $7)",
);

/// On PostgreSQL a worker passes over the mails that another one is taking; on SQLite a unit is alone.
macro_rules! lease {
    ($lock:literal) => {
        concat!(
            "WITH due AS (SELECT id FROM outbox_mails WHERE state = 'waiting' AND due_at <= $1 \
             AND (leased_until IS NULL OR leased_until <= $1) ORDER BY due_at, id LIMIT $3",
            $lock,
            ") UPDATE outbox_mails SET leased_until = $2, attempts = attempts + 1, updated_at = $1 \
             WHERE id IN (SELECT id FROM due) RETURNING id, to_email, kind, about, attempts, due_at, created_at"
        )
    };
}
const LEASE: Sql = Sql { postgres: lease!(" FOR UPDATE SKIP LOCKED"), sqlite: lease!("") };

const SETTLE: Sql = Sql::same(
    "UPDATE outbox_mails SET state = $3, due_at = COALESCE($4, due_at), last_error = $5, settled_at = $6, \
     leased_until = NULL, updated_at = $7 WHERE id = $1 AND leased_until = $2 AND state = 'waiting'",
);

const REVIVE: Sql = Sql::same(
    "UPDATE outbox_mails SET state = 'waiting', attempts = 0, due_at = $1, settled_at = NULL, updated_at = $1 \
     WHERE state = 'dead'",
);

const REMOVE_SETTLED: Sql = Sql::same(
    "DELETE FROM outbox_mails WHERE id IN (SELECT id FROM outbox_mails WHERE state IN ('sent', 'dropped') \
     AND settled_at < $1 ORDER BY settled_at LIMIT $2)",
);

const REMOVE_DEAD: Sql = Sql::same(
    "DELETE FROM outbox_mails WHERE id IN (SELECT id FROM outbox_mails WHERE state = 'dead' AND settled_at < $1 \
     ORDER BY settled_at LIMIT $2) AND state = 'dead'",
);

const COUNTS: Sql = Sql::same(
    "SELECT (SELECT COUNT(*) FROM outbox_mails WHERE state = 'waiting'), \
     (SELECT COUNT(*) FROM outbox_mails WHERE state = 'dead'), \
     (SELECT MIN(created_at) FROM outbox_mails WHERE state = 'waiting')",
);

const SENT: Sql = Sql::same(
    "SELECT COUNT(*) FROM outbox_mails WHERE to_email = $1 AND kind = $2 AND settled_at >= $3 AND state = 'sent'",
);

fn read(row: &mut Row<'_>) -> Result<OutboxMail, StoreError> {
    Ok(OutboxMail {
        id: row.id(OutboxMailId::from_uuid)?,
        to: row.parsed(Email::parse)?,
        intent: {
            let kind = row.text()?;
            let about = row.maybe_id(|id| id)?;
            Intent::stored(&kind, about)
                .map_err(|reason| StoreError::Corrupt(format!("what a mail is for: {reason}")))?
        },
        attempts: row.number()?,
        due_at: row.time()?,
        created_at: row.time()?,
    })
}

async fn lease(
    db: &impl ConnectionTrait,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<OutboxMail>, StoreError> {
    let rows = LEASE.all(db, Values::new().time(now).time(until).number(limit)).await?;
    let mut mails = each(&rows, read)?;
    // What an update returns has no order.
    mails.sort_by_key(|mail| (mail.due_at, mail.id));
    Ok(mails)
}

/// The state that follows, when it is due again, and what was in the way.
fn outcome(settlement: &Settlement) -> (&'static str, Option<Timestamp>, Option<&str>) {
    match settlement {
        Settlement::Sent => ("sent", None, None),
        Settlement::Dropped => ("dropped", None, None),
        Settlement::Later { due_at, error } => ("waiting", Some(*due_at), Some(error)),
        Settlement::Dead { error } => ("dead", None, Some(error)),
    }
}

#[async_trait]
impl Outbox for SeaOrmUnit {
    async fn enqueue(&mut self, mail: &OutboxMail) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let values = Values::new()
            .id(mail.id.as_uuid())
            .text(mail.to.as_str())
            .text(mail.intent.kind())
            .maybe_id(mail.intent.about())
            .number(mail.attempts)
            .time(mail.due_at)
            .time(mail.created_at);
        step.end(INSERT.run_for_one(step.tx, values).await)
    }

    async fn lease(&mut self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<OutboxMail>, StoreError> {
        let mut step = self.step()?;
        step.end(lease(step.tx, now, until, limit).await)
    }

    async fn settle(
        &mut self,
        id: OutboxMailId,
        until: Timestamp,
        settlement: &Settlement,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut step = self.step()?;
        let (state, due_at, error) = outcome(settlement);
        let values = Values::new()
            .id(id.as_uuid())
            .time(until)
            .text(state)
            .maybe_time(due_at)
            .maybe_text(error)
            .maybe_time(due_at.is_none().then_some(at))
            .time(at);
        step.end(SETTLE.run(step.tx, values).await.map(|settled| settled > 0))
    }

    async fn revive(&mut self, at: Timestamp) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(REVIVE.run(step.tx, Values::new().time(at)).await)
    }

    async fn remove_settled(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(REMOVE_SETTLED.run(step.tx, Values::new().time(at).number(limit)).await)
    }

    async fn remove_dead(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(REMOVE_DEAD.run(step.tx, Values::new().time(at).number(limit)).await)
    }
}

#[async_trait]
impl OutboxQueries for SeaOrmStore {
    async fn outbox_counts(&self) -> Result<OutboxCounts, StoreError> {
        let row = COUNTS.one(&self.reads, Values::new()).await?;
        let counts = maybe(row.as_ref(), |row| {
            Ok(OutboxCounts { waiting: row.number()?, dead: row.number()?, oldest: row.maybe_time()? })
        })?;
        Ok(counts.unwrap_or_default())
    }

    async fn mails_sent(&self, to: &Email, kind: &str, since: Timestamp) -> Result<u32, StoreError> {
        let values = Values::new().text(to.as_str()).text(kind).since(Some(since));
        let row = SENT.one(&self.reads, values).await?;
        Ok(maybe(row.as_ref(), |row| row.number())?.unwrap_or_default())
    }
}
