//! The audit trail.

use async_trait::async_trait;
use lyceum_domain::{
    audit::{AuditAction, AuditEvent, AuditFilter, AuditQueries, AuditTrail},
    page::{Page, PageRequest},
    store::StoreError,
    time::Timestamp,
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{count, insert_new, newest_first, remove_some},
};

fn is_listed(filter: &AuditFilter, event: &AuditEvent) -> bool {
    let is_sign_in = matches!(event.action, AuditAction::SignedIn | AuditAction::SignInFailed);
    filter.actor.is_none_or(|actor| event.actor.user() == Some(actor))
        && filter.action.is_none_or(|action| event.action == action)
        && filter.subject.is_none_or(|subject| event.subject == Some(subject))
        && filter.since.is_none_or(|since| event.at >= since)
        && (is_sign_in || !filter.only_sign_ins)
}

#[async_trait]
impl AuditTrail for MemoryUnit {
    async fn append(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        self.run(|tables| insert_new(&mut tables.audit_events, event.id, event.clone()))
    }

    async fn remove_old(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| Ok(count(&remove_some(&mut tables.audit_events, limit, |_, event| event.at < at))))
    }
}

#[async_trait]
impl AuditQueries for MemoryStore {
    async fn audit_page(&self, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEvent>, StoreError> {
        let tables = self.tables()?;
        let listed = tables.audit_events.values().filter(|event| is_listed(filter, event)).cloned().collect();
        Ok(newest_first(listed, page, |event| (event.at, event.id.as_uuid())))
    }
}
