//! Copies of a SQLite database that is in use, and what a backup asks of such a copy.

use std::path::{Path, PathBuf};

use lyceum_domain::{blobs::BlobKey, store::StoreError};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, TransactionTrait};

use crate::{
    connect::SeaOrmStore,
    errors::store_error,
    row::{Row, each},
    sql::{Sql, Values},
};

/// Where the keys of blobs stand. Each is read in the order of its keys, and all of one come before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobSource {
    /// Files of courses.
    CourseFiles,
    /// Documents of learners.
    Documents,
    /// Portraits.
    Portraits,
}

impl BlobSource {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::CourseFiles, Self::Documents, Self::Portraits];

    /// `$1` the key before, `$2` how many.
    const fn keys(self) -> Sql {
        Sql::same(match self {
            Self::CourseFiles => "SELECT blob_key FROM course_files WHERE blob_key > $1 ORDER BY blob_key LIMIT $2",
            Self::Documents => "SELECT blob_key FROM documents WHERE blob_key > $1 ORDER BY blob_key LIMIT $2",
            Self::Portraits => "SELECT portrait_key FROM users WHERE portrait_key > $1 ORDER BY portrait_key LIMIT $2",
        })
    }

    const fn is_named(self) -> Sql {
        Sql::same(match self {
            Self::CourseFiles => "SELECT 1 FROM course_files WHERE blob_key = $1",
            Self::Documents => "SELECT 1 FROM documents WHERE blob_key = $1",
            Self::Portraits => "SELECT 1 FROM users WHERE portrait_key = $1",
        })
    }

    const fn forget(self) -> Sql {
        Sql::same(match self {
            Self::CourseFiles => "DELETE FROM course_files WHERE blob_key = $1",
            Self::Documents => "DELETE FROM documents WHERE blob_key = $1",
            Self::Portraits => "UPDATE users SET portrait_key = NULL WHERE portrait_key = $1",
        })
    }
}

impl SeaOrmStore {
    /// Writes all that is committed when this is called into a new SQLite file, compacted. Those who write to the
    /// database are not held up, and what they do meanwhile is not in the copy. [`StoreError::Unavailable`] if the
    /// database is not SQLite, the file is there already, or there is no room for it; then there may be a part of it.
    pub async fn snapshot(&self, into: &Path) -> Result<(), StoreError> {
        if self.reads.get_database_backend() != DbBackend::Sqlite {
            return Err(impossible("only a SQLite database is copied this way"));
        }
        let into = into.to_str().ok_or_else(|| impossible("the name of the copy is no Unicode text"))?;
        // One statement on a connection for reading, and so one state of the database.
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO $1", [into.into()]);
        self.reads.execute_raw(statement).await.map(drop).map_err(store_error)
    }

    /// The keys of blobs that rows name: at most `limit`, after a key or from the first one.
    pub async fn named_blobs(
        &self,
        source: BlobSource,
        after: Option<&BlobKey>,
        limit: u32,
    ) -> Result<Vec<BlobKey>, StoreError> {
        // Every key is greater than nothing at all.
        let after = after.map_or("", BlobKey::as_str);
        let rows = source.keys().all(&self.reads, Values::new().text(after).number(limit)).await?;
        each(&rows, |row: &mut Row<'_>| row.parsed(BlobKey::parse))
    }

    /// Whether a row names the blob now.
    pub async fn is_blob_named(&self, source: BlobSource, key: &BlobKey) -> Result<bool, StoreError> {
        Ok(source.is_named().one(&self.reads, Values::new().text(key.as_str())).await?.is_some())
    }

    /// Takes out of a copy what named these blobs: whoever removed them meanwhile removed the rows before.
    pub async fn forget_blobs(&self, blobs: &[(BlobSource, BlobKey)]) -> Result<(), StoreError> {
        let tx = self.writes.inner.begin().await.map_err(store_error)?;
        for (source, key) in blobs {
            source.forget().run(&tx, Values::new().text(key.as_str())).await?;
        }
        tx.commit().await.map_err(store_error)
    }

    /// How many rows each table of a SQLite database has, by name; without the database's own tables and those behind
    /// word indexes.
    pub async fn row_counts(&self) -> Result<Vec<(String, u64)>, StoreError> {
        const TABLES: Sql = Sql::same(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
             AND name NOT LIKE '%words%' ORDER BY name",
        );
        let names = each(&TABLES.all(&self.reads, Values::new()).await?, |row| row.text())?;
        let mut counts = Vec::with_capacity(names.len());
        for name in names {
            let count = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
            let row = self.reads.query_one_raw(Statement::from_string(DbBackend::Sqlite, count)).await;
            let row = row.map_err(store_error)?.ok_or_else(|| StoreError::Corrupt(format!("{name} has no count")))?;
            counts.push((name, Row::new(&row).number()?));
        }
        Ok(counts)
    }
}

/// The file of a `sqlite://` address; nothing for any other.
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let options: sqlx::sqlite::SqliteConnectOptions = url.starts_with("sqlite:").then(|| url.parse().ok()).flatten()?;
    Some(options.get_filename().to_owned())
}

fn impossible(reason: &str) -> StoreError {
    StoreError::Unavailable(Box::new(DbErr::Custom(reason.to_owned())))
}
