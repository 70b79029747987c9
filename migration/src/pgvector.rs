//! Embeddings in PostgreSQL: an addition that is switched on by hand.
//!
//! Not one of the [`Migrator`](crate::Migrator)'s migrations, because not every PostgreSQL has the extension, SQLite
//! never does, and nothing of the house reads the column yet: passages are found by their words. Whoever adds an
//! embedding model calls [`enable_pgvector`] once with the length of that model's vectors, and fills `embedding`.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::run::{MigrateError, connect};

/// Adds `passages.embedding vector(dimensions)` with an HNSW index on cosine distance. Done already, it changes nothing.
///
/// The role must be allowed to create the extension `vector`, or find it there.
pub async fn enable_pgvector(url: &str, dimensions: u16) -> Result<(), MigrateError> {
    run(
        url,
        &[
            "CREATE EXTENSION IF NOT EXISTS vector",
            &format!("ALTER TABLE passages ADD COLUMN IF NOT EXISTS embedding vector({dimensions})"),
            "CREATE INDEX IF NOT EXISTS ix_passages_embedding ON passages USING hnsw (embedding vector_cosine_ops)",
        ],
    )
    .await
}

/// Takes the column away again; the extension stays, others may use it.
pub async fn disable_pgvector(url: &str) -> Result<(), MigrateError> {
    run(url, &["ALTER TABLE passages DROP COLUMN IF EXISTS embedding"]).await
}

async fn run(url: &str, statements: &[&str]) -> Result<(), MigrateError> {
    let db = connect(url, true).await?;
    if db.get_database_backend() != DbBackend::Postgres {
        return Err(MigrateError::NeedsPostgres);
    }
    for statement in statements {
        db.execute_unprepared(statement).await.map_err(MigrateError::database)?;
    }
    db.close().await.map_err(MigrateError::database)
}
