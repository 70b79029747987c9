//! The audit trail.

use async_trait::async_trait;
use lyceum_domain::{
    audit::{AuditAction, AuditActor, AuditEvent, AuditFilter, AuditQueries, AuditTrail},
    ids::{AuditEventId, UserId},
    page::{Cursor, Page, PageRequest},
    store::StoreError,
    time::Timestamp,
};

use crate::{
    connect::SeaOrmStore,
    row::{Row, each},
    sql::{Sql, Values},
    unit::SeaOrmUnit,
};

const INSERT: Sql = Sql::same(
    "INSERT INTO audit_events (id, at, action, actor_kind, actor_id, subject_id, ip_address, user_agent, request_id, \
     details, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $2, $2)",
);

const REMOVE_OLD: Sql = Sql::same(
    "DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_events WHERE at < $1 ORDER BY at, id LIMIT $2)",
);

/// `$1` and `$2` where the page starts, `$3` since when, `$4` subject, `$5` actor, `$6` action, `$7` whether sign-ins
/// alone. What stands first leads to the index.
macro_rules! page {
    ($first:literal) => {
        concat!(
            "SELECT e.id, e.at, e.action, e.actor_kind, e.actor_id, e.subject_id, e.ip_address, e.user_agent, \
             e.request_id, e.details FROM audit_events e WHERE ",
            $first,
            "(e.at, e.id) < ($1, $2) AND e.at >= $3 AND ($4 IS NULL OR e.subject_id = $4) \
             AND ($5 IS NULL OR e.actor_id = $5) AND ($6 IS NULL OR e.action = $6) \
             AND (NOT $7 OR e.action IN ('session.signed_in', 'session.sign_in_failed')) \
             ORDER BY e.at DESC, e.id DESC LIMIT $8"
        )
    };
}
const PAGE: Sql = Sql::same(page!(""));
const PAGE_OF_SUBJECT: Sql = Sql::same(page!("e.subject_id = $4 AND "));
const PAGE_OF_ACTOR: Sql = Sql::same(page!("e.actor_id = $5 AND "));
const PAGE_OF_ACTION: Sql = Sql::same(page!("e.action = $6 AND "));

/// Details are kept as a list of pairs, which has an order and may say a name twice.
fn details_as_json(details: &[(String, String)]) -> serde_json::Value {
    details.iter().map(|(name, value)| serde_json::Value::from([&**name, &**value].to_vec())).collect()
}

fn read(row: &mut Row<'_>) -> Result<AuditEvent, StoreError> {
    Ok(AuditEvent {
        id: row.id(AuditEventId::from_uuid)?,
        at: row.time()?,
        action: row.parsed(AuditAction::parse)?,
        actor: {
            let kind = row.text()?;
            let user = row.maybe_id(UserId::from_uuid)?;
            AuditActor::stored(&kind, user)
                .map_err(|reason| StoreError::Corrupt(format!("the actor of an audit event: {reason}")))?
        },
        subject: row.maybe_id(UserId::from_uuid)?,
        ip_address: row.maybe_text()?,
        user_agent: row.maybe_text()?,
        request_id: row.maybe_text()?,
        details: row.json()?,
    })
}

#[async_trait]
impl AuditTrail for SeaOrmUnit {
    async fn append(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let values = Values::new()
            .id(event.id.as_uuid())
            .time(event.at)
            .text(event.action.as_str())
            .text(event.actor.kind())
            .maybe_id(event.actor.user().map(UserId::as_uuid))
            .maybe_id(event.subject.map(UserId::as_uuid))
            .maybe_text(event.ip_address.as_deref())
            .maybe_text(event.user_agent.as_deref())
            .maybe_text(event.request_id.as_deref())
            .json(details_as_json(&event.details));
        step.end(INSERT.run_for_one(step.tx, values).await)
    }

    async fn remove_old(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(REMOVE_OLD.run(step.tx, Values::new().time(at).number(limit)).await)
    }
}

#[async_trait]
impl AuditQueries for SeaOrmStore {
    async fn audit_page(&self, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEvent>, StoreError> {
        // By what leaves the fewest.
        let sql = match filter {
            AuditFilter { subject: Some(_), .. } => PAGE_OF_SUBJECT,
            AuditFilter { actor: Some(_), .. } => PAGE_OF_ACTOR,
            AuditFilter { action: Some(_), .. } => PAGE_OF_ACTION,
            _ => PAGE,
        };
        let values = Values::new()
            .below(page)
            .since(filter.since)
            .maybe_id(filter.subject.map(UserId::as_uuid))
            .maybe_id(filter.actor.map(UserId::as_uuid))
            .maybe_text(filter.action.map(AuditAction::as_str))
            .flag(filter.only_sign_ins)
            .limit(page);
        let events = each(&sql.all(&self.reads, values).await?, read)?;
        Ok(Page::cut(events, page.size, |event| Cursor { at: event.at, id: event.id.as_uuid() }))
    }
}
