//! What accounts begin with and are reached by: registrations, users of identity providers, personal keys.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, Statement, prelude::Uuid},
};

use crate::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, UP).await?;
        lower_display_names(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, DOWN).await
    }
}

/// Fills `display_name_key` as the application does: neither database lowers all of Unicode alike.
async fn lower_display_names(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let backend = db.get_database_backend();
    let named = "SELECT id, display_name FROM users WHERE display_name IS NOT NULL";
    for row in db.query_all_raw(Statement::from_string(backend, named)).await? {
        let (id, name): (Uuid, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let set = "UPDATE users SET display_name_key = $2 WHERE id = $1";
        let values = [id.into(), name.to_lowercase().into()];
        db.execute_raw(Statement::from_sql_and_values(backend, set, values)).await?;
    }
    Ok(())
}

// A one-time token belongs to an account or to a registration. SQLite changes no constraint of a table, so the table is
// made anew, with its rows; it has the old name from the start, as PostgreSQL names the constraints after it.
//
// `display_name_key` is the display name in lower case, made by the application. Several registrations may wait for one
// e-mail, and one for a name that is taken: which becomes an account shows when a link is followed.
const UP: &[&str] = &[
    "ALTER TABLE users ADD COLUMN display_name_key text",
    "ALTER TABLE users ADD COLUMN last_active_at timestamptz",
    "CREATE INDEX ix_users_newest ON users (created_at, id) WHERE deleted_at IS NULL",
    "CREATE INDEX ix_users_deleted ON users (deleted_at, id) WHERE deleted_at IS NOT NULL",
    // The erasing of a user looks for both.
    "CREATE INDEX ix_courses_created_by ON courses (created_by)",
    "CREATE INDEX ix_courses_updated_by ON courses (updated_by)",
    "CREATE TABLE registrations (
        id uuid NOT NULL PRIMARY KEY,
        email text NOT NULL,
        username text NOT NULL,
        username_key text NOT NULL,
        display_name text,
        password_hash text NOT NULL,
        expires_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE INDEX ix_registrations_email ON registrations (email, created_at, id)",
    "CREATE INDEX ix_registrations_username_key ON registrations (username_key, created_at, id)",
    "CREATE INDEX ix_registrations_expiry ON registrations (expires_at)",
    "CREATE TABLE moved_tokens AS SELECT * FROM one_time_tokens",
    "DROP TABLE one_time_tokens",
    "CREATE TABLE one_time_tokens (
        id uuid NOT NULL PRIMARY KEY,
        user_id uuid REFERENCES users (id) ON DELETE CASCADE,
        registration_id uuid REFERENCES registrations (id) ON DELETE CASCADE,
        purpose text NOT NULL CHECK (purpose IN ('verify_email', 'reset_password')),
        hash text NOT NULL,
        expires_at timestamptz NOT NULL,
        taken_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        CHECK ((user_id IS NULL) <> (registration_id IS NULL))
    )",
    "INSERT INTO one_time_tokens (id, user_id, purpose, hash, expires_at, taken_at, created_at, updated_at)
        SELECT id, user_id, purpose, hash, expires_at, taken_at, created_at, updated_at FROM moved_tokens",
    "DROP TABLE moved_tokens",
    "CREATE UNIQUE INDEX uq_one_time_tokens_hash ON one_time_tokens (hash)",
    "CREATE INDEX ix_one_time_tokens_user ON one_time_tokens (user_id)",
    "CREATE INDEX ix_one_time_tokens_registration ON one_time_tokens (registration_id)",
    "CREATE INDEX ix_one_time_tokens_expiry ON one_time_tokens (expires_at)",
    "CREATE TABLE identities (
        id uuid NOT NULL PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        provider text NOT NULL,
        subject text NOT NULL,
        email text,
        is_email_verified boolean NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE UNIQUE INDEX uq_identities_provider_subject ON identities (provider, subject)",
    "CREATE INDEX ix_identities_user ON identities (user_id, created_at, id)",
    "CREATE TABLE api_keys (
        id uuid NOT NULL PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        name text NOT NULL,
        prefix text NOT NULL,
        hash text NOT NULL,
        scopes text NOT NULL,
        expires_at timestamptz,
        last_used_at timestamptz,
        revoked_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE UNIQUE INDEX uq_api_keys_hash ON api_keys (hash)",
    "CREATE INDEX ix_api_keys_user ON api_keys (user_id, created_at, id)",
];

// The tokens that the old table cannot hold are gone.
const DOWN: &[&str] = &[
    "DROP TABLE api_keys",
    "DROP TABLE identities",
    "CREATE TABLE moved_tokens AS SELECT * FROM one_time_tokens WHERE user_id IS NOT NULL AND purpose = 'verify_email'",
    "DROP TABLE one_time_tokens",
    "CREATE TABLE one_time_tokens (
        id uuid NOT NULL PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        purpose text NOT NULL CHECK (purpose IN ('verify_email')),
        hash text NOT NULL,
        expires_at timestamptz NOT NULL,
        taken_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "INSERT INTO one_time_tokens (id, user_id, purpose, hash, expires_at, taken_at, created_at, updated_at)
        SELECT id, user_id, purpose, hash, expires_at, taken_at, created_at, updated_at FROM moved_tokens",
    "DROP TABLE moved_tokens",
    "CREATE UNIQUE INDEX uq_one_time_tokens_hash ON one_time_tokens (hash)",
    "CREATE INDEX ix_one_time_tokens_user ON one_time_tokens (user_id)",
    "DROP TABLE registrations",
    "DROP INDEX ix_courses_updated_by",
    "DROP INDEX ix_courses_created_by",
    "DROP INDEX ix_users_deleted",
    "DROP INDEX ix_users_newest",
    "ALTER TABLE users DROP COLUMN last_active_at",
    "ALTER TABLE users DROP COLUMN display_name_key",
];
