//! The ledger, read: what users have used up, and what calls of the model cost.

use async_trait::async_trait;
use lyceum_domain::{
    ids::{ConversationId, MessageId, UsageId, UserId},
    mentor::{
        Cost, Counted, LedgerQueries, Spending, TokenUsage, UsageDay, UsageFilter, UsageOutcome, UsageRecord, Used,
    },
    page::{Cursor, Page, PageRequest, PageSize},
    store::StoreError,
    time::{Day, Timestamp},
};
use sea_orm::ConnectionTrait;

use crate::{
    connect::SeaOrmStore,
    row::{Row, each, maybe},
    sql::{Sql, Values},
    usage_days,
};

macro_rules! usage_columns {
    () => {
        "r.id, r.user_id, r.conversation_id, r.message_id, r.provider, r.model, r.outcome, r.prompt_tokens, \
         r.completion_tokens, r.is_estimated, r.micros, r.counted_requests, r.counted_tokens, r.error_code, \
         r.first_piece_ms, r.duration_ms, r.created_at, r.updated_at"
    };
}
pub(crate) use usage_columns;

const SPENDING: Sql = Sql::same(
    "SELECT s.day, s.day_requests, s.day_tokens, s.month_requests, s.month_tokens FROM spending s WHERE s.user_id = $1",
);

const PAGE: Sql = Sql::same(concat!(
    "SELECT ",
    usage_columns!(),
    " FROM usage_records r WHERE r.user_id = $1 AND (r.created_at, r.id) > ($2, $3) ORDER BY r.created_at, r.id LIMIT $4"
));

const STALE: Sql = Sql::same(concat!(
    "SELECT ",
    usage_columns!(),
    " FROM usage_records r WHERE r.outcome = 'open' AND r.created_at < $1 \
     AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = r.message_id) ORDER BY r.created_at, r.id LIMIT $2"
));

/// Reads [`usage_columns`].
pub(crate) fn read(row: &mut Row<'_>) -> Result<UsageRecord, StoreError> {
    Ok(UsageRecord {
        id: row.id(UsageId::from_uuid)?,
        user: row.id(UserId::from_uuid)?,
        conversation: row.id(ConversationId::from_uuid)?,
        message: row.id(MessageId::from_uuid)?,
        provider: row.text()?,
        model: row.text()?,
        outcome: row.parsed(UsageOutcome::parse)?,
        cost: Cost {
            tokens: TokenUsage { prompt_tokens: row.number()?, completion_tokens: row.number()? },
            is_estimated: row.flag()?,
            micros: row.number()?,
        },
        counted: read_counted(row)?,
        error_code: row.maybe_text()?,
        first_piece_ms: row.maybe_number()?,
        duration_ms: row.maybe_number()?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}

pub(crate) fn read_counted(row: &mut Row<'_>) -> Result<Counted, StoreError> {
    Ok(Counted { requests: row.number()?, tokens: row.number()? })
}

pub(crate) async fn spending(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Spending>, StoreError> {
    let row = SPENDING.one(db, Values::new().id(user.as_uuid())).await?;
    maybe(row.as_ref(), |row| {
        Ok(Spending {
            day: read_day(row)?,
            today: Used { requests: row.number()?, tokens: row.number()? },
            this_month: Used { requests: row.number()?, tokens: row.number()? },
        })
    })
}

pub(crate) fn read_day(row: &mut Row<'_>) -> Result<Day, StoreError> {
    let days: i64 = row.number()?;
    Day::from_epoch_days(days).ok_or_else(|| StoreError::Corrupt(format!("{days} is a day of no calendar")))
}

/// All of them, which may be many: page by page, so that no single statement holds the connection for long.
async fn of(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<UsageRecord>, StoreError> {
    let size = PageSize::parse(PageSize::MAX.into()).unwrap_or_default();
    let mut page = PageRequest { size, after: None };
    let mut records: Vec<UsageRecord> = Vec::new();
    loop {
        let values = Values::new().id(user.as_uuid()).above(page).limit(page);
        let more = each(&PAGE.all(db, values).await?, read)?;
        let is_last = more.len() <= size.get();
        records.extend(more);
        page.after = records.last().map(|last| Cursor { at: last.created_at, id: last.id.as_uuid() });
        if is_last {
            return Ok(records);
        }
    }
}

#[async_trait]
impl LedgerQueries for SeaOrmStore {
    async fn spending(&self, user: UserId) -> Result<Option<Spending>, StoreError> {
        spending(&self.reads, user).await
    }

    async fn usage_of(&self, user: UserId) -> Result<Vec<UsageRecord>, StoreError> {
        of(&self.reads, user).await
    }

    async fn stale_calls(&self, before: Timestamp, limit: u32) -> Result<Vec<UsageRecord>, StoreError> {
        each(&STALE.all(&self.reads, Values::new().time(before).number(limit)).await?, read)
    }

    async fn usage_days(&self, filter: UsageFilter, page: PageRequest) -> Result<Page<UsageDay>, StoreError> {
        usage_days::page(&self.reads, filter, page).await
    }
}
