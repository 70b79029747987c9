//! What calls cost, and how much of the quotas is used up.

use std::collections::BTreeMap;

use async_trait::async_trait;
use lyceum_domain::{
    ids::UserId,
    mentor::{
        Counted, LedgerQueries, ModelUsage, Reservation, Reserved, Spending, UsageDay, UsageFilter, UsageOutcome,
        UsageRecord,
    },
    page::{Page, PageRequest},
    store::StoreError,
    time::{Day, Timestamp, UtcOffset},
};

use super::{
    MemoryStore,
    tables::{Tables, at_most, count, insert_new, newest_first, refer, remove_some},
};

/// Sets aside what a call may cost; nothing is changed if an allowance is used up.
pub(super) fn reserve(tables: &mut Tables, user: UserId, reservation: &Reservation) -> Reserved {
    let stored = tables.spending.get(&user).copied();
    let mut spending = stored.unwrap_or_else(|| Spending::nothing(reservation.at));
    let reserved = spending.reserve(reservation);
    if matches!(reserved, Reserved::Granted { .. }) {
        tables.spending.insert(user, spending);
    }
    reserved
}

/// Records a call for which so much was set aside.
pub(super) fn open(tables: &mut Tables, call: &UsageRecord, counted: Counted) -> Result<(), StoreError> {
    refer(&tables.users, &call.user, "user")?;
    insert_new(&mut tables.usage, call.id, UsageRecord { counted, ..call.clone() })
}

/// Records how a call ended. What it counted for is replaced by what it counts for now. One that is not recorded was
/// an erased user's.
pub(super) fn close(tables: &mut Tables, call: &UsageRecord) {
    let Some(stored) = tables.usage.get_mut(&call.id) else { return };
    if let Some(spending) = tables.spending.get_mut(&stored.user) {
        spending.settle(stored.created_at, stored.counted, call.counted);
    }
    stored.clone_from(call);
}

/// Removes the records of calls from before a day.
pub(super) fn remove_before(tables: &mut Tables, before: Timestamp, limit: u32) -> u64 {
    let day = Day::of(before, UtcOffset::default());
    count(&remove_some(&mut tables.usage, limit, |_, record| day_of(record) < day))
}

/// Sets aside and records, for a call outside of a conversation.
pub(super) fn open_call(
    tables: &mut Tables,
    call: &UsageRecord,
    reservation: &Reservation,
) -> Result<Reserved, StoreError> {
    let reserved = reserve(tables, call.user, reservation);
    if let Reserved::Granted { tokens } = reserved {
        open(tables, call, Counted { requests: 1, tokens })?;
    }
    Ok(reserved)
}

fn day_of(record: &UsageRecord) -> Day {
    Day::of(record.created_at, UtcOffset::default())
}

/// The records of one user and day, by model.
fn by_model(records: &[&UsageRecord]) -> Vec<ModelUsage> {
    let mut models = BTreeMap::new();
    for record in records {
        let key = (record.provider.clone(), record.model.clone());
        let usage = models.entry(key).or_insert_with(|| ModelUsage {
            provider: record.provider.clone(),
            model: record.model.clone(),
            calls: 0,
            failed: 0,
            prompt_tokens: 0,
            completion_tokens: 0,
            micros: 0,
        });
        usage.calls += 1;
        usage.failed += u32::from(record.outcome == UsageOutcome::Failed);
        usage.prompt_tokens += u64::from(record.cost.tokens.prompt_tokens);
        usage.completion_tokens += u64::from(record.cost.tokens.completion_tokens);
        usage.micros += record.cost.micros;
    }
    models.into_values().collect()
}

#[async_trait]
impl LedgerQueries for MemoryStore {
    async fn spending(&self, user: UserId) -> Result<Option<Spending>, StoreError> {
        Ok(self.tables()?.spending.get(&user).copied())
    }

    async fn usage_of(&self, user: UserId) -> Result<Vec<UsageRecord>, StoreError> {
        let mut records: Vec<_> = self.tables()?.usage.values().filter(|record| record.user == user).cloned().collect();
        records.sort_by_key(|record| (record.created_at, record.id));
        Ok(records)
    }

    async fn stale_calls(&self, before: Timestamp, limit: u32) -> Result<Vec<UsageRecord>, StoreError> {
        let tables = self.tables()?;
        let is_stale = |record: &&UsageRecord| {
            record.outcome == UsageOutcome::Open
                && record.created_at < before
                && !tables.messages.contains_key(&record.message)
        };
        let mut stale: Vec<_> = tables.usage.values().filter(is_stale).cloned().collect();
        stale.sort_by_key(|record| (record.created_at, record.id));
        stale.truncate(at_most(limit));
        Ok(stale)
    }

    async fn usage_days(&self, filter: UsageFilter, page: PageRequest) -> Result<Page<UsageDay>, StoreError> {
        let tables = self.tables()?;
        let mut days: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for record in tables.usage.values() {
            let day = day_of(record);
            if (filter.since..=filter.until).contains(&day) && filter.user.is_none_or(|user| user == record.user) {
                days.entry((day, record.user)).or_default().push(record);
            }
        }
        let listed = days.into_iter().map(|((day, user), records)| UsageDay { day, user, models: by_model(&records) });
        Ok(newest_first(listed.collect(), page, |of| (of.day.begins(UtcOffset::default()), of.user.as_uuid())))
    }
}
