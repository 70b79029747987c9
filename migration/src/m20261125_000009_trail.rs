//! Failed sign-ins, the audit trail and the mails that wait to be sent.

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

// Nothing here points to the users by a foreign key: failures are counted for names that have no account, events
// outlive the accounts of those who caused them, and mails go to addresses.
const UP: &[&str] = &[
    // The network '*' is anywhere.
    "CREATE TABLE sign_in_failures (
        account text NOT NULL,
        network text NOT NULL,
        count bigint NOT NULL CHECK (count >= 0),
        last_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (account, network)
    )",
    "CREATE INDEX ix_sign_in_failures_last ON sign_in_failures (last_at)",
    "CREATE TABLE audit_events (
        id uuid NOT NULL PRIMARY KEY,
        at timestamptz NOT NULL,
        action text NOT NULL,
        actor_kind text NOT NULL CHECK (actor_kind IN ('anonymous', 'user', 'system')),
        actor_id uuid,
        subject_id uuid,
        ip_address text,
        user_agent text,
        request_id text,
        details jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE INDEX ix_audit_events_at ON audit_events (at, id)",
    "CREATE INDEX ix_audit_events_action ON audit_events (action, at, id)",
    "CREATE INDEX ix_audit_events_actor ON audit_events (actor_id, at, id)",
    "CREATE INDEX ix_audit_events_subject ON audit_events (subject_id, at, id)",
    "CREATE TABLE outbox_mails (
        id uuid NOT NULL PRIMARY KEY,
        to_email text NOT NULL,
        kind text NOT NULL,
        about uuid,
        state text NOT NULL CHECK (state IN ('waiting', 'sent', 'dropped', 'dead')),
        attempts bigint NOT NULL CHECK (attempts >= 0),
        due_at timestamptz NOT NULL,
        leased_until timestamptz,
        last_error text,
        settled_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE INDEX ix_outbox_mails_due ON outbox_mails (due_at, id) WHERE state = 'waiting'",
    "CREATE INDEX ix_outbox_mails_waiting ON outbox_mails (created_at) WHERE state = 'waiting'",
    "CREATE INDEX ix_outbox_mails_dead ON outbox_mails (id) WHERE state = 'dead'",
    "CREATE INDEX ix_outbox_mails_settled ON outbox_mails (settled_at) WHERE state IN ('sent', 'dropped')",
    "CREATE INDEX ix_outbox_mails_to ON outbox_mails (to_email, kind, settled_at)",
];

const DOWN: &[&str] = &["DROP TABLE outbox_mails", "DROP TABLE audit_events", "DROP TABLE sign_in_failures"];
