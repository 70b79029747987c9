//! Where a page starts, as values that a statement always binds: one text for the first page and for the others, and
//! no `OR` that keeps the planner from the index.

use lyceum_domain::{
    page::{Cursor, PageRequest},
    time::Timestamp,
};
use uuid::Uuid;

use crate::sql::Values;

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z. Beyond, PostgreSQL refuses the value or SQLite's text does not
/// sort as the time does, and a cursor is whatever somebody sent.
const FIRST: i64 = -62_135_596_800_000_000;
const LAST: i64 = 253_402_300_799_999_999;

impl Values {
    /// The key that the items of a newest-first page are below.
    pub(crate) fn below(self, page: PageRequest) -> Self {
        self.cursor(page.after.map_or((LAST, Uuid::max()), key))
    }

    /// The key that the items of an oldest-first page are above.
    pub(crate) fn above(self, page: PageRequest) -> Self {
        self.cursor(page.after.map_or((FIRST, Uuid::nil()), key))
    }

    /// The time that nothing asked for is before; the beginning if there is none.
    pub(crate) fn since(self, at: Option<Timestamp>) -> Self {
        self.maybe_time(Timestamp::from_micros(at.map_or(FIRST, |at| at.as_micros().clamp(FIRST, LAST))))
    }

    /// One more than the page holds, to see whether another follows.
    pub(crate) fn limit(self, page: PageRequest) -> Self {
        self.number(i64::try_from(page.size.get() + 1).unwrap_or(i64::MAX))
    }

    fn cursor(self, (at, id): (i64, Uuid)) -> Self {
        self.maybe_time(Timestamp::from_micros(at)).id(id)
    }
}

fn key(cursor: Cursor) -> (i64, Uuid) {
    (cursor.at.as_micros().clamp(FIRST, LAST), cursor.id)
}
