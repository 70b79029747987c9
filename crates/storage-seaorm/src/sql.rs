//! Statements and the values bound to them.

use lyceum_domain::{store::StoreError, time::Timestamp};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::errors::store_error;

/// The span of a statement. It is for collectors of traces, and not for the log.
pub(crate) fn span(backend: DbBackend, text: &'static str) -> Span {
    let verb = text.split_ascii_whitespace().next().unwrap_or(text);
    tracing::info_span!(
        target: "lyceum_traces",
        "statement",
        otel.name = verb,
        otel.kind = "client",
        db.system.name = if backend == DbBackend::Postgres { "postgresql" } else { "sqlite" },
        db.operation.name = verb,
        db.query.text = text,
    )
}

/// A statement in both dialects.
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}

impl Sql {
    /// A statement that both databases take as it is.
    pub(crate) const fn same(text: &'static str) -> Self {
        Self { postgres: text, sqlite: text }
    }

    fn text(self, backend: DbBackend) -> &'static str {
        if backend == DbBackend::Postgres { self.postgres } else { self.sqlite }
    }

    fn bind(self, backend: DbBackend, values: Values) -> Statement {
        Statement::from_sql_and_values(backend, self.text(backend), values.0)
    }

    /// What whoever looks at traces sees: the text, which is constant, and none of the values.
    fn span(self, backend: DbBackend) -> Span {
        span(backend, self.text(backend))
    }

    /// At most one row.
    pub(crate) async fn one(
        self,
        db: &impl ConnectionTrait,
        values: Values,
    ) -> Result<Option<QueryResult>, StoreError> {
        let backend = db.get_database_backend();
        let asked = db.query_one_raw(self.bind(backend, values)).instrument(self.span(backend));
        asked.await.map_err(store_error)
    }

    /// All rows.
    pub(crate) async fn all(self, db: &impl ConnectionTrait, values: Values) -> Result<Vec<QueryResult>, StoreError> {
        let backend = db.get_database_backend();
        let asked = db.query_all_raw(self.bind(backend, values)).instrument(self.span(backend));
        asked.await.map_err(store_error)
    }

    /// How many rows were changed.
    pub(crate) async fn run(self, db: &impl ConnectionTrait, values: Values) -> Result<u64, StoreError> {
        let backend = db.get_database_backend();
        let asked = db.execute_raw(self.bind(backend, values)).instrument(self.span(backend));
        let done = asked.await.map_err(store_error)?;
        Ok(done.rows_affected())
    }

    /// Changes one row, which somebody else changed first if there is none.
    pub(crate) async fn run_for_one(self, db: &impl ConnectionTrait, values: Values) -> Result<(), StoreError> {
        if self.run(db, values).await? == 0 { Err(StoreError::Conflict) } else { Ok(()) }
    }
}

/// Removes at most `$2` rows of a table whose time in a column is before `$1`, longest ago first. On PostgreSQL two that
/// do so at once take different rows instead of waiting for each other.
macro_rules! remove_before {
    ($table:literal, $column:literal) => {
        $crate::sql::Sql {
            postgres: concat!(
                "DELETE FROM ",
                $table,
                " WHERE id = ANY (ARRAY(SELECT id FROM ",
                $table,
                " WHERE ",
                $column,
                " < $1 ORDER BY ",
                $column,
                " LIMIT $2 FOR UPDATE SKIP LOCKED))"
            ),
            sqlite: concat!(
                "DELETE FROM ",
                $table,
                " WHERE id IN (SELECT id FROM ",
                $table,
                " WHERE ",
                $column,
                " < $1 ORDER BY ",
                $column,
                " LIMIT $2)"
            ),
        }
    };
}
pub(crate) use remove_before;

/// An id within JSON, as both databases read it: hexadecimal digits.
pub(crate) fn hex(id: Uuid) -> serde_json::Value {
    serde_json::Value::String(id.as_simple().to_string())
}

/// Values in the order of their placeholders, `$1` first.
pub(crate) struct Values(Vec<Value>);

impl Values {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(16))
    }

    pub(crate) fn id(self, id: Uuid) -> Self {
        self.with(Value::Uuid(Some(id)))
    }

    pub(crate) fn maybe_id(self, id: Option<Uuid>) -> Self {
        self.with(Value::Uuid(id))
    }

    pub(crate) fn text(self, text: impl Into<String>) -> Self {
        self.with(Value::String(Some(text.into())))
    }

    pub(crate) fn maybe_text(self, text: Option<impl Into<String>>) -> Self {
        self.with(Value::String(text.map(Into::into)))
    }

    pub(crate) fn time(self, at: Timestamp) -> Self {
        self.with(Value::ChronoDateTimeUtc(Some(at.as_datetime())))
    }

    pub(crate) fn maybe_time(self, at: Option<Timestamp>) -> Self {
        self.with(Value::ChronoDateTimeUtc(at.map(Timestamp::as_datetime)))
    }

    pub(crate) fn number(self, number: impl Into<i64>) -> Self {
        self.with(Value::BigInt(Some(number.into())))
    }

    pub(crate) fn maybe_number(self, number: Option<impl Into<i64>>) -> Self {
        self.with(Value::BigInt(number.map(Into::into)))
    }

    pub(crate) fn flag(self, flag: bool) -> Self {
        self.with(Value::Bool(Some(flag)))
    }

    pub(crate) fn maybe_flag(self, flag: Option<bool>) -> Self {
        self.with(Value::Bool(flag))
    }

    pub(crate) fn json(self, json: serde_json::Value) -> Self {
        self.with(Value::Json(Some(Box::new(json))))
    }

    fn with(mut self, value: Value) -> Self {
        self.0.push(value);
        self
    }
}
