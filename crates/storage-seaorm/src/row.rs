//! Reading rows back into the nouns of the domain.

use lyceum_domain::{invalid::Invalid, store::StoreError, time::Timestamp};
use sea_orm::{
    QueryResult, TryGetable,
    sqlx::types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

/// The columns of a row, read from left to right.
pub(crate) struct Row<'r> {
    row: &'r QueryResult,
    at: usize,
}

impl<'r> Row<'r> {
    pub(crate) fn new(row: &'r QueryResult) -> Self {
        Self { row, at: 0 }
    }

    pub(crate) fn id<T>(&mut self, make: fn(Uuid) -> T) -> Result<T, StoreError> {
        self.next().map(make)
    }

    pub(crate) fn maybe_id<T>(&mut self, make: fn(Uuid) -> T) -> Result<Option<T>, StoreError> {
        Ok(self.next::<Option<Uuid>>()?.map(make))
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.next()
    }

    pub(crate) fn maybe_text(&mut self) -> Result<Option<String>, StoreError> {
        self.next()
    }

    /// Text that only its noun knows to be good.
    pub(crate) fn parsed<T>(&mut self, parse: fn(&str) -> Result<T, Invalid>) -> Result<T, StoreError> {
        let text: String = self.next()?;
        parse(&text).map_err(|reason| self.bad(&reason))
    }

    pub(crate) fn maybe_parsed<T>(&mut self, parse: fn(&str) -> Result<T, Invalid>) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.next()?;
        text.map(|text| parse(&text).map_err(|reason| self.bad(&reason))).transpose()
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.next::<DateTime<Utc>>().map(Timestamp::new)
    }

    pub(crate) fn maybe_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.next::<Option<DateTime<Utc>>>()?.map(Timestamp::new))
    }

    pub(crate) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        let number: i64 = self.next()?;
        T::try_from(number).map_err(|_| self.bad(&number))
    }

    pub(crate) fn maybe_number<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, StoreError> {
        let number: Option<i64> = self.next()?;
        number.map(|number| T::try_from(number).map_err(|_| self.bad(&number))).transpose()
    }

    pub(crate) fn flag(&mut self) -> Result<bool, StoreError> {
        self.next()
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        let json: serde_json::Value = self.next()?;
        serde_json::from_value(json).map_err(|reason| self.bad(&reason))
    }

    /// Passes over columns that say nothing in this row.
    pub(crate) fn skip(&mut self, columns: usize) {
        self.at += columns;
    }

    fn next<T: TryGetable>(&mut self) -> Result<T, StoreError> {
        let value = self.row.try_get_by_index(self.at);
        self.at += 1;
        value.map_err(|reason| self.bad(&reason))
    }

    /// Says which column of the statement it was; the value may be nobody's business.
    fn bad(&self, reason: &dyn std::fmt::Display) -> StoreError {
        StoreError::Corrupt(format!("column {} of a row: {reason}", self.at))
    }
}

/// Reads each row.
pub(crate) fn each<T>(
    rows: &[QueryResult],
    read: impl Fn(&mut Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(|row| read(&mut Row::new(row))).collect()
}

/// Reads the row, if there is one.
pub(crate) fn maybe<T>(
    row: Option<&QueryResult>,
    read: impl Fn(&mut Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    row.map(|row| read(&mut Row::new(row))).transpose()
}
