//! Calls as they begin and end: what is set aside for them, and what they took.
//!
//! What a user has used up is one row. Whoever reserves changes it in one statement that looks at the allowances too, and
//! waits for whoever changes it at the same moment: so no two calls get the same tokens, on however many connections.

use lyceum_domain::{
    ids::UserId,
    mentor::{Allowance, Cost, Reservation, Reserved, Spending, UsageRecord, Window},
    store::StoreError,
    time::{Day, Timestamp, UtcOffset},
};
use sea_orm::{ConnectionTrait, DbBackend};

use crate::{
    ledger::{read_counted, spending},
    row::maybe,
    sql::{Sql, Values},
};

/// `$1` to `$10` as [`Values::reservation`] binds them. What was used on an earlier day or in an earlier month counts
/// as nothing; a later one, begun by a clock that is ahead of this one, goes on. `$at` are rows, of which there is none if nothing is to be reserved.
macro_rules! reserving {
    ($least:literal, $most:literal, $at:literal) => {
        concat!(
            "INSERT INTO spending AS s (user_id, day, month, day_requests, day_tokens, month_requests, month_tokens, \
             last_grant, created_at, updated_at) SELECT $1, $3, $4, 1, g.tokens, 1, g.tokens, g.tokens, $2, $2 \
             FROM (SELECT ",
            $least,
            "($5, $8, $10) AS tokens) g",
            $at,
            " WHERE $7 >= 1 AND $9 >= 1 AND $8 >= $6 AND $10 >= $6 ON CONFLICT (user_id) DO UPDATE SET day = ",
            $most,
            "(s.day, $3), month = ",
            $most,
            "(s.month, $4), day_requests = ",
            $crate::calls::counting!("day", "requests"),
            " + 1, day_tokens = ",
            $crate::calls::counting!("day", "tokens"),
            " + ",
            $crate::calls::granted!($least, $most),
            ", month_requests = ",
            $crate::calls::counting!("month", "requests"),
            " + 1, month_tokens = ",
            $crate::calls::counting!("month", "tokens"),
            " + ",
            $crate::calls::granted!($least, $most),
            ", last_grant = ",
            $crate::calls::granted!($least, $most),
            ", updated_at = $2 WHERE ",
            $crate::calls::counting!("day", "requests"),
            " < $7 AND ",
            $crate::calls::counting!("month", "requests"),
            " < $9 AND ",
            $crate::calls::left!($most, "day", "$8"),
            " >= $6 AND ",
            $crate::calls::left!($most, "month", "$10"),
            " >= $6 RETURNING last_grant"
        )
    };
}
pub(crate) use reserving;

macro_rules! counting {
    ("day", $what:literal) => {
        concat!("(CASE WHEN s.day >= $3 THEN s.day_", $what, " ELSE 0 END)")
    };
    ("month", $what:literal) => {
        concat!("(CASE WHEN s.month >= $4 THEN s.month_", $what, " ELSE 0 END)")
    };
}
pub(crate) use counting;

macro_rules! left {
    ($most:literal, $window:tt, $allowance:literal) => {
        concat!($most, "(", $allowance, " - ", $crate::calls::counting!($window, "tokens"), ", 0)")
    };
}
pub(crate) use left;

macro_rules! granted {
    ($least:literal, $most:literal) => {
        concat!(
            $least,
            "($5, ",
            $crate::calls::left!($most, "day", "$8"),
            ", ",
            $crate::calls::left!($most, "month", "$10"),
            ")"
        )
    };
}
pub(crate) use granted;

const RESERVE: Sql = Sql { postgres: reserving!("LEAST", "GREATEST", ""), sqlite: reserving!("min", "max", "") };

/// `$11` to `$26` as [`Values::opened`] binds them.
macro_rules! recording {
    ($tokens:literal, $from:literal) => {
        concat!(
            "INSERT INTO usage_records (user_id, id, conversation_id, message_id, provider, model, outcome, prompt_tokens, \
             completion_tokens, is_estimated, micros, error_code, first_piece_ms, duration_ms, day, created_at, updated_at, \
             counted_requests, counted_tokens) SELECT $1, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, \
             $24, $25, $26, 1, ",
            $tokens,
            $from
        )
    };
}
pub(crate) use recording;

/// For PostgreSQL alone: SQLite changes nothing inside `WITH`.
const OPEN: Sql = Sql::same(concat!(
    "WITH reserved AS (",
    reserving!("LEAST", "GREATEST", ""),
    "), spent AS (",
    recording!("reserved.last_grant", " FROM reserved"),
    ") SELECT last_grant FROM reserved"
));

/// As [`recording!`], for SQLite.
const RECORD: Sql = Sql::same(
    "INSERT INTO usage_records (user_id, counted_tokens, id, conversation_id, message_id, provider, model, outcome, \
     prompt_tokens, completion_tokens, is_estimated, micros, error_code, first_piece_ms, duration_ms, day, created_at, \
     updated_at, counted_requests) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
     $18, 1)",
);

/// `$1` to `$15` as [`Values::closed`] binds them.
macro_rules! closing {
    ($from:literal) => {
        concat!(
            "UPDATE usage_records SET provider = $3, model = $4, outcome = $5, prompt_tokens = $6, \
             completion_tokens = $7, is_estimated = $8, micros = $9, error_code = $10, first_piece_ms = $11, \
             duration_ms = $12, updated_at = $13, counted_requests = $14, counted_tokens = $15",
            $from
        )
    };
}
pub(crate) use closing;

/// Replaces what a call counted for before by what it counts for now, in the day and the month that it was made in if
/// these are the ones that are counted.
macro_rules! settling {
    ($most:literal, $day:literal, $requests:literal, $tokens:literal, $at:literal, $rest:literal) => {
        concat!(
            "UPDATE spending SET day_requests = CASE WHEN spending.day = ",
            $day,
            " THEN ",
            $most,
            "(spending.day_requests + ",
            $requests,
            ", 0) ELSE spending.day_requests END, day_tokens = CASE WHEN spending.day = ",
            $day,
            " THEN ",
            $most,
            "(spending.day_tokens + ",
            $tokens,
            ", 0) ELSE spending.day_tokens END, month_requests = ",
            $most,
            "(spending.month_requests + ",
            $requests,
            ", 0), month_tokens = ",
            $most,
            "(spending.month_tokens + ",
            $tokens,
            ", 0), updated_at = ",
            $at,
            $rest
        )
    };
}
pub(crate) use settling;

/// The record is held before it is read, so that of two that end one call the second sees what the first counted.
/// `$16` and `$17` are the day and the month of the call; `$from` decides whether it is closed at all.
macro_rules! settled {
    ($from:literal) => {
        concat!(
            "before AS (SELECT r.user_id, r.counted_requests, r.counted_tokens FROM usage_records r",
            $from,
            " WHERE r.id = $1 AND r.user_id = $2 FOR NO KEY UPDATE OF r), spent AS (",
            $crate::calls::closing!(" FROM before WHERE usage_records.id = $1"),
            "), settled AS (",
            $crate::calls::settling!(
                "GREATEST",
                "$16",
                "$14 - before.counted_requests",
                "$15 - before.counted_tokens",
                "$13",
                " FROM before WHERE spending.user_id = before.user_id AND spending.month = $17"
            ),
            ")"
        )
    };
}
pub(crate) use settled;

const CLOSE_AND_SETTLE: Sql = Sql::same(concat!("WITH ", settled!(""), " SELECT count(*) FROM before"));

const BEFORE: Sql =
    Sql::same("SELECT r.counted_requests, r.counted_tokens FROM usage_records r WHERE r.id = $1 AND r.user_id = $2");

const CLOSE: Sql = Sql::same(closing!(" WHERE id = $1 AND user_id = $2"));

const SETTLE: Sql = Sql::same(settling!("max", "$2", "$4", "$5", "$6", " WHERE user_id = $1 AND month = $3"));

const REMOVE: Sql = Sql {
    postgres: "DELETE FROM usage_records WHERE id = ANY (ARRAY(SELECT id FROM usage_records WHERE day < $1 ORDER BY day \
               LIMIT $2 FOR UPDATE SKIP LOCKED))",
    sqlite: "DELETE FROM usage_records WHERE id IN (SELECT id FROM usage_records WHERE day < $1 ORDER BY day LIMIT $2)",
};

/// A number that no column holds more than.
fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The day of UTC.
fn day_of(at: Timestamp) -> Day {
    Day::of(at, UtcOffset::default())
}

impl Values {
    /// Whose, when, how many tokens and within which allowances: `$1` to `$10`.
    pub(crate) fn reservation(self, user: UserId, reservation: &Reservation) -> Self {
        let day = day_of(reservation.at);
        let allowance = |values: Self, Allowance { requests, tokens }: Allowance| {
            values.number(requests.map_or(i64::MAX, i64::from)).number(tokens.map_or(i64::MAX, bounded))
        };
        let values = self
            .id(user.as_uuid())
            .time(reservation.at)
            .number(day.epoch_days())
            .number(day.first_of_month().epoch_days())
            .number(reservation.most)
            .number(reservation.least);
        allowance(allowance(values, reservation.quota.day), reservation.quota.month)
    }

    /// All columns of a new call but the user and what it counts for: sixteen.
    pub(crate) fn opened(self, call: &UsageRecord) -> Self {
        self.id(call.id.as_uuid())
            .id(call.conversation.as_uuid())
            .id(call.message.as_uuid())
            .text(&*call.provider)
            .text(&*call.model)
            .text(call.outcome.as_str())
            .cost(&call.cost)
            .maybe_text(call.error_code.as_deref())
            .maybe_number(call.first_piece_ms)
            .maybe_number(call.duration_ms)
            .number(day_of(call.created_at).epoch_days())
            .time(call.created_at)
            .time(call.updated_at)
    }

    /// The key of a call and its user, and what changes when it ends: `$1` to `$15`.
    pub(crate) fn closed(self, call: &UsageRecord) -> Self {
        self.id(call.id.as_uuid())
            .id(call.user.as_uuid())
            .text(&*call.provider)
            .text(&*call.model)
            .text(call.outcome.as_str())
            .cost(&call.cost)
            .maybe_text(call.error_code.as_deref())
            .maybe_number(call.first_piece_ms)
            .maybe_number(call.duration_ms)
            .time(call.updated_at)
            .number(call.counted.requests)
            .number(call.counted.tokens)
    }

    /// The day and the month that a call was made in.
    pub(crate) fn made_on(self, call: &UsageRecord) -> Self {
        let day = day_of(call.created_at);
        self.number(day.epoch_days()).number(day.first_of_month().epoch_days())
    }

    fn cost(self, cost: &Cost) -> Self {
        self.number(cost.tokens.prompt_tokens)
            .number(cost.tokens.completion_tokens)
            .flag(cost.is_estimated)
            .number(bounded(cost.micros))
    }
}

/// Reads what was granted, if anything was.
pub(crate) fn read_grant(row: Option<&sea_orm::QueryResult>) -> Result<Option<u32>, StoreError> {
    maybe(row, |row| row.number())
}

/// Sets aside what a call may cost. For SQLite: on PostgreSQL the statements of [`open`] and of turns do so themselves.
pub(crate) async fn reserve(
    db: &impl ConnectionTrait,
    user: UserId,
    reservation: &Reservation,
) -> Result<Option<u32>, StoreError> {
    read_grant(RESERVE.one(db, Values::new().reservation(user, reservation)).await?.as_ref())
}

/// Records a call for which so many tokens were set aside. For SQLite.
pub(crate) async fn record(db: &impl ConnectionTrait, call: &UsageRecord, tokens: u32) -> Result<(), StoreError> {
    RECORD.run_for_one(db, Values::new().id(call.user.as_uuid()).number(tokens).opened(call)).await
}

/// Which allowance kept a call from being reserved; `None` if there is enough again.
pub(crate) async fn used_up(
    db: &impl ConnectionTrait,
    user: UserId,
    reservation: &Reservation,
) -> Result<Option<Window>, StoreError> {
    let stored = spending(db, user).await?;
    match stored.unwrap_or_else(|| Spending::nothing(reservation.at)).reserve(reservation) {
        Reserved::UsedUp(window) => Ok(Some(window)),
        Reserved::Granted { .. } => Ok(None),
    }
}

/// How often somebody may be quicker to settle between a refusal and the question why.
pub(crate) const TRIES: u32 = 8;

pub(crate) async fn open(
    db: &impl ConnectionTrait,
    call: &UsageRecord,
    reservation: &Reservation,
) -> Result<Reserved, StoreError> {
    let is_postgres = db.get_database_backend() == DbBackend::Postgres;
    for _ in 0..TRIES {
        let granted = if is_postgres {
            read_grant(OPEN.one(db, Values::new().reservation(call.user, reservation).opened(call)).await?.as_ref())?
        } else {
            reserve(db, call.user, reservation).await?
        };
        if let Some(tokens) = granted {
            if !is_postgres {
                record(db, call, tokens).await?;
            }
            return Ok(Reserved::Granted { tokens });
        }
        if let Some(window) = used_up(db, call.user, reservation).await? {
            return Ok(Reserved::UsedUp(window));
        }
    }
    Err(StoreError::Conflict)
}

/// Removes records from before a day.
pub(crate) async fn remove_before(db: &impl ConnectionTrait, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    REMOVE.run(db, Values::new().number(day_of(before).epoch_days()).number(limit)).await
}

/// Records how a call ended. One that is not recorded was an erased user's.
pub(crate) async fn close(db: &impl ConnectionTrait, call: &UsageRecord) -> Result<(), StoreError> {
    if db.get_database_backend() == DbBackend::Postgres {
        return CLOSE_AND_SETTLE.one(db, Values::new().closed(call).made_on(call)).await.map(drop);
    }
    let row = BEFORE.one(db, Values::new().id(call.id.as_uuid()).id(call.user.as_uuid())).await?;
    let Some(before) = maybe(row.as_ref(), read_counted)? else { return Ok(()) };
    let more = |now: u32, before: u32| i64::from(now) - i64::from(before);
    let values = Values::new()
        .id(call.user.as_uuid())
        .made_on(call)
        .number(more(call.counted.requests, before.requests))
        .number(more(call.counted.tokens, before.tokens))
        .time(call.updated_at);
    SETTLE.run(db, values).await?;
    CLOSE.run_for_one(db, Values::new().closed(call)).await
}
