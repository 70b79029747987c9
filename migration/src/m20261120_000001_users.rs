//! Accounts and the links that are mailed to them.

use sea_orm_migration::prelude::*;

use crate::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        execute(manager, DOWN).await
    }
}

const UP: &[&str] = &[
    "CREATE TABLE users (
        id uuid NOT NULL PRIMARY KEY,
        email text NOT NULL,
        email_verified_at timestamptz,
        username text NOT NULL,
        username_key text NOT NULL,
        display_name text,
        bio text,
        locale text NOT NULL,
        time_zone text NOT NULL,
        role text NOT NULL CHECK (role IN ('learner', 'mentor', 'admin')),
        plan text NOT NULL CHECK (plan IN ('free', 'premium')),
        profile_visibility text NOT NULL CHECK (profile_visibility IN ('public', 'members', 'private')),
        show_progress boolean NOT NULL,
        ai_personalization boolean NOT NULL,
        password_hash text,
        is_active boolean NOT NULL,
        tokens_valid_from timestamptz NOT NULL,
        last_login_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        deleted_at timestamptz,
        version bigint NOT NULL CHECK (version >= 1)
    )",
    // A deleted account keeps its names until it is erased, so these are not partial.
    "CREATE UNIQUE INDEX uq_users_email ON users (email)",
    "CREATE UNIQUE INDEX uq_users_username_key ON users (username_key)",
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
    "CREATE UNIQUE INDEX uq_one_time_tokens_hash ON one_time_tokens (hash)",
    "CREATE INDEX ix_one_time_tokens_user ON one_time_tokens (user_id)",
];

const DOWN: &[&str] = &["DROP TABLE one_time_tokens", "DROP TABLE users"];
