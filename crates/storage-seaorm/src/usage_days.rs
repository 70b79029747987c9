//! What was spent by day and user.

use lyceum_domain::{
    ids::UserId,
    mentor::{ModelUsage, UsageDay, UsageFilter},
    page::{Cursor, Page, PageRequest},
    store::StoreError,
    time::{Day, UtcOffset},
};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    ledger::read_day,
    row::Row,
    sql::{Sql, Values},
};

/// The next `$5` days of users below `$3` and `$4`, from `$1` to `$2`, and what was asked of each model on them. That
/// only records between the first and the last of these days matter is said twice: else PostgreSQL may look at all.
macro_rules! days {
    ($user:literal) => {
        concat!(
            "WITH days AS (SELECT r.day, r.user_id FROM usage_records r WHERE r.day >= $1 AND r.day <= $2 \
             AND (r.day, r.user_id) < ($3, $4)",
            $user,
            " GROUP BY r.day, r.user_id ORDER BY r.day DESC, r.user_id DESC LIMIT $5) \
             SELECT d.day, d.user_id, r.provider, r.model, count(*), \
             count(CASE WHEN r.outcome = 'failed' THEN 1 END), CAST(sum(r.prompt_tokens) AS bigint), \
             CAST(sum(r.completion_tokens) AS bigint), CAST(sum(r.micros) AS bigint) FROM days d \
             JOIN usage_records r ON r.day = d.day AND r.user_id = d.user_id \
             WHERE r.day >= (SELECT min(f.day) FROM days f) AND r.day <= (SELECT max(l.day) FROM days l)",
            $user,
            " GROUP BY d.day, d.user_id, r.provider, r.model ORDER BY d.day DESC, d.user_id DESC"
        )
    };
}

const ALL: Sql = Sql::same(days!(""));
const OF_USER: Sql = Sql::same(days!(" AND r.user_id = $6"));

fn read(row: &mut Row<'_>) -> Result<ModelUsage, StoreError> {
    Ok(ModelUsage {
        provider: row.text()?,
        model: row.text()?,
        calls: row.number()?,
        failed: row.number()?,
        prompt_tokens: row.number()?,
        completion_tokens: row.number()?,
        micros: row.number()?,
    })
}

pub(crate) async fn page(
    db: &impl ConnectionTrait,
    filter: UsageFilter,
    page: PageRequest,
) -> Result<Page<UsageDay>, StoreError> {
    let below = |cursor: Cursor| (Day::of(cursor.at, UtcOffset::default()).epoch_days(), cursor.id);
    let (day, user) = page.after.map_or((i64::MAX, Uuid::max()), below);
    let values = Values::new()
        .number(filter.since.epoch_days())
        .number(filter.until.epoch_days())
        .number(day)
        .id(user)
        .limit(page);
    let rows = match filter.user {
        Some(user) => OF_USER.all(db, values.id(user.as_uuid())).await?,
        None => ALL.all(db, values).await?,
    };
    let mut days: Vec<UsageDay> = Vec::new();
    for row in &rows {
        let mut row = Row::new(row);
        let (day, user) = (read_day(&mut row)?, row.id(UserId::from_uuid)?);
        let usage = read(&mut row)?;
        match days.last_mut().filter(|last| (last.day, last.user) == (day, user)) {
            Some(last) => last.models.push(usage),
            None => days.push(UsageDay { day, user, models: vec![usage] }),
        }
    }
    for day in &mut days {
        day.models.sort_by(|a, b| (&a.provider, &a.model).cmp(&(&b.provider, &b.model)));
    }
    Ok(Page::cut(days, page.size, |of| Cursor { at: of.day.begins(UtcOffset::default()), id: of.user.as_uuid() }))
}
