//! Mails that wait to be sent.

use async_trait::async_trait;
use lyceum_domain::{
    ids::OutboxMailId,
    mail::{Outbox, OutboxCounts, OutboxMail, OutboxQueries, Settlement},
    store::StoreError,
    time::Timestamp,
    users::Email,
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{OutboxRow, OutboxState, count, insert_new, remove_some},
};

#[async_trait]
impl Outbox for MemoryUnit {
    async fn enqueue(&mut self, mail: &OutboxMail) -> Result<(), StoreError> {
        self.run(|tables| {
            let row =
                OutboxRow { mail: mail.clone(), state: OutboxState::Waiting, leased_until: None, settled_at: None };
            insert_new(&mut tables.outbox, mail.id, row)
        })
    }

    async fn lease(&mut self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<OutboxMail>, StoreError> {
        self.run(|tables| {
            let is_free = |row: &&mut OutboxRow| {
                row.state == OutboxState::Waiting
                    && row.mail.due_at <= now
                    && row.leased_until.is_none_or(|until| until <= now)
            };
            let mut due: Vec<_> = tables.outbox.values_mut().filter(is_free).collect();
            due.sort_by_key(|row| (row.mail.due_at, row.mail.id));
            due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            let take = |row: &mut OutboxRow| {
                row.leased_until = Some(until);
                row.mail.attempts += 1;
                row.mail.clone()
            };
            Ok(due.into_iter().map(take).collect())
        })
    }

    async fn settle(
        &mut self,
        id: OutboxMailId,
        until: Timestamp,
        settlement: &Settlement,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.run(|tables| {
            let is_ours = |row: &&mut OutboxRow| row.leased_until == Some(until) && row.state == OutboxState::Waiting;
            let Some(row) = tables.outbox.get_mut(&id).filter(is_ours) else { return Ok(false) };
            row.leased_until = None;
            let state = match settlement {
                Settlement::Later { due_at, .. } => {
                    row.mail.due_at = *due_at;
                    return Ok(true);
                }
                Settlement::Sent => OutboxState::Sent,
                Settlement::Dropped => OutboxState::Dropped,
                Settlement::Dead { .. } => OutboxState::Dead,
            };
            row.state = state;
            row.settled_at = Some(at);
            Ok(true)
        })
    }

    async fn revive(&mut self, at: Timestamp) -> Result<u64, StoreError> {
        self.run(|tables| {
            let mut revived = 0;
            for row in tables.outbox.values_mut().filter(|row| row.state == OutboxState::Dead) {
                row.state = OutboxState::Waiting;
                row.settled_at = None;
                row.mail.due_at = at;
                row.mail.attempts = 0;
                revived += 1;
            }
            Ok(revived)
        })
    }

    async fn remove_settled(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| {
            let is_over = |row: &OutboxRow| {
                matches!(row.state, OutboxState::Sent | OutboxState::Dropped)
                    && row.settled_at.is_some_and(|settled| settled < at)
            };
            Ok(count(&remove_some(&mut tables.outbox, limit, |_, row| is_over(row))))
        })
    }

    async fn remove_dead(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| {
            let is_over =
                |row: &OutboxRow| row.state == OutboxState::Dead && row.settled_at.is_some_and(|settled| settled < at);
            Ok(count(&remove_some(&mut tables.outbox, limit, |_, row| is_over(row))))
        })
    }
}

#[async_trait]
impl OutboxQueries for MemoryStore {
    async fn outbox_counts(&self) -> Result<OutboxCounts, StoreError> {
        let tables = self.tables()?;
        let of = |state| tables.outbox.values().filter(move |row| row.state == state);
        Ok(OutboxCounts {
            waiting: u64::try_from(of(OutboxState::Waiting).count()).unwrap_or(u64::MAX),
            dead: u64::try_from(of(OutboxState::Dead).count()).unwrap_or(u64::MAX),
            oldest: of(OutboxState::Waiting).map(|row| row.mail.created_at).min(),
        })
    }

    async fn mails_sent(&self, to: &Email, kind: &str, since: Timestamp) -> Result<u32, StoreError> {
        let tables = self.tables()?;
        let is_counted = |row: &&OutboxRow| {
            row.state == OutboxState::Sent
                && row.mail.to == *to
                && row.mail.intent.kind() == kind
                && row.settled_at.is_some_and(|at| at >= since)
        };
        Ok(u32::try_from(tables.outbox.values().filter(is_counted).count()).unwrap_or(u32::MAX))
    }
}
