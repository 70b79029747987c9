//! What calls of the model cost: reading it, and what all statements that write it bind.

use lyceum_domain::{
    ids::{ConversationId, MessageId, UsageId, UserId},
    mentor::{Cost, TokenUsage, UsageOutcome, UsageRecord},
    page::{Cursor, PageRequest, PageSize},
    store::StoreError,
};
use sea_orm::ConnectionTrait;

use crate::{
    row::{Row, each},
    sql::{Sql, Values},
};

const PAGE: Sql = Sql::same(
    "SELECT r.id, r.user_id, r.conversation_id, r.message_id, r.provider, r.model, r.outcome, r.prompt_tokens, \
     r.completion_tokens, r.is_estimated, r.error_code, r.first_piece_ms, r.duration_ms, r.created_at, r.updated_at \
     FROM usage_records r WHERE r.user_id = $1 AND (r.created_at, r.id) > ($2, $3) ORDER BY r.created_at, r.id LIMIT $4",
);

impl Values {
    /// All columns, in the order of [`crate::turns`]: fifteen.
    pub(crate) fn usage(self, record: &UsageRecord) -> Self {
        self.id(record.id.as_uuid())
            .id(record.user.as_uuid())
            .id(record.conversation.as_uuid())
            .id(record.message.as_uuid())
            .text(&*record.provider)
            .text(&*record.model)
            .text(record.outcome.as_str())
            .number(record.cost.tokens.prompt_tokens)
            .number(record.cost.tokens.completion_tokens)
            .flag(record.cost.is_estimated)
            .maybe_text(record.error_code.as_deref())
            .maybe_number(record.first_piece_ms)
            .maybe_number(record.duration_ms)
            .time(record.created_at)
            .time(record.updated_at)
    }
}

fn read(row: &mut Row<'_>) -> Result<UsageRecord, StoreError> {
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
        },
        error_code: row.maybe_text()?,
        first_piece_ms: row.maybe_number()?,
        duration_ms: row.maybe_number()?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}

/// All of them, which may be many: page by page, so that no single statement holds the connection for long.
pub(crate) async fn of(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<UsageRecord>, StoreError> {
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
