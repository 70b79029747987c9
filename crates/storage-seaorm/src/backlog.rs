//! What waits to be done by the server itself.

use async_trait::async_trait;
use lyceum_domain::{
    backlog::{Backlog, BacklogQueries},
    store::StoreError,
    time::Timestamp,
};

use crate::{
    connect::SeaOrmStore,
    row::maybe,
    sql::{Sql, Values},
};

const COUNTS: Sql = Sql::same(
    "SELECT (SELECT COUNT(*) FROM blob_removals WHERE due_at <= $1), \
     (SELECT COUNT(*) FROM documents WHERE text_state = 'pending' AND text_due_at <= $1)",
);

#[async_trait]
impl BacklogQueries for SeaOrmStore {
    async fn backlog(&self, now: Timestamp) -> Result<Backlog, StoreError> {
        let row = COUNTS.one(&self.reads, Values::new().time(now)).await?;
        let backlog =
            maybe(row.as_ref(), |row| Ok(Backlog { blobs_to_remove: row.number()?, texts_to_read: row.number()? }))?;
        Ok(backlog.unwrap_or_default())
    }
}
