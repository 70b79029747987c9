//! Answers that survive their server, what they were made from, and a ledger that is asked before they begin.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::execute;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dialect = Dialect::of(manager);
        execute(manager, dialect.messages_up).await?;
        execute(manager, UP).await?;
        execute(manager, dialect.pieces_up).await?;
        for statement in BACKFILL {
            execute(manager, &[&dialect.words.put_into(statement)]).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dialect = Dialect::of(manager);
        execute(manager, dialect.pieces_down).await?;
        execute(manager, DOWN).await?;
        execute(manager, dialect.messages_down).await
    }
}

/// What the two databases do differently.
struct Dialect {
    messages_up: &'static [&'static str],
    messages_down: &'static [&'static str],
    pieces_up: &'static [&'static str],
    pieces_down: &'static [&'static str],
    words: Words,
}

impl Dialect {
    fn of(manager: &SchemaManager<'_>) -> Self {
        if manager.get_database_backend() == DbBackend::Postgres {
            return Self {
                messages_up: MESSAGES_UP_POSTGRES,
                messages_down: MESSAGES_DOWN_POSTGRES,
                pieces_up: PIECES_UP_POSTGRES,
                pieces_down: PIECES_DOWN_POSTGRES,
                words: POSTGRES,
            };
        }
        Self {
            messages_up: MESSAGES_UP_SQLITE,
            messages_down: MESSAGES_DOWN_SQLITE,
            pieces_up: PIECES_UP_SQLITE,
            pieces_down: PIECES_DOWN_SQLITE,
            words: SQLITE,
        }
    }
}

/// How a database says what the backfills need.
struct Words {
    /// The id that nothing has.
    nil: &'static str,
    /// The day (UTC) of `created_at`, as days since 1970.
    day: &'static str,
    /// Today.
    today: &'static str,
    /// The first day of this month.
    month: &'static str,
}

const POSTGRES: Words = Words {
    nil: "CAST('00000000-0000-0000-0000-000000000000' AS uuid)",
    day: "CAST(floor(extract(epoch FROM created_at) / 86400) AS bigint)",
    today: "CAST(floor(extract(epoch FROM now()) / 86400) AS bigint)",
    month: "(date_trunc('month', now() AT TIME ZONE 'UTC')::date - DATE '1970-01-01')::bigint",
};

const SQLITE: Words = Words {
    nil: "zeroblob(16)",
    day: "CAST(strftime('%s', created_at) AS integer) / 86400",
    today: "CAST(strftime('%s', 'now') AS integer) / 86400",
    month: "CAST(strftime('%s', 'now', 'start of month') AS integer) / 86400",
};

impl Words {
    fn put_into(&self, statement: &str) -> String {
        statement
            .replace("{nil}", self.nil)
            .replace("{day}", self.day)
            .replace("{today}", self.today)
            .replace("{month}", self.month)
    }
}

// An answer names its question without a foreign key: both go with their conversation. A text that is sealed has the name
// of its key beside it; without a name it lies there in clear.
const MESSAGES_UP_POSTGRES: &[&str] = &[
    "ALTER TABLE messages ADD COLUMN parent_id uuid",
    "ALTER TABLE messages ADD COLUMN feedback_rating text CHECK (feedback_rating IN ('up', 'down'))",
    "ALTER TABLE messages ADD COLUMN feedback_comment text",
    "ALTER TABLE messages ADD COLUMN feedback_sealed_with text",
    "ALTER TABLE messages ADD COLUMN sealed_with text",
    "ALTER TABLE messages DROP CONSTRAINT messages_status_check",
    "ALTER TABLE messages ADD CONSTRAINT messages_status_check
        CHECK (status IN ('complete', 'streaming', 'interrupted', 'stopped', 'failed'))",
];

// SQLite changes no constraint of a table, so the table is made anew, with its rows.
const MESSAGES_UP_SQLITE: &[&str] = &[
    "CREATE TABLE moved_messages AS SELECT * FROM messages",
    "DROP TABLE messages",
    "CREATE TABLE messages (
        id uuid NOT NULL PRIMARY KEY,
        conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        author text NOT NULL CHECK (author IN ('user', 'assistant')),
        parent_id uuid,
        content text NOT NULL,
        sealed_with text,
        status text NOT NULL CHECK (status IN ('complete', 'streaming', 'interrupted', 'stopped', 'failed')),
        lesson_id uuid REFERENCES lessons (id) ON DELETE SET NULL,
        sources jsonb NOT NULL,
        model text,
        finish_reason text CHECK (finish_reason IN ('stop', 'length', 'content_filter')),
        prompt_tokens bigint CHECK (prompt_tokens >= 0),
        completion_tokens bigint CHECK (completion_tokens >= 0),
        feedback_rating text CHECK (feedback_rating IN ('up', 'down')),
        feedback_comment text,
        feedback_sealed_with text,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "INSERT INTO messages (id, conversation_id, author, content, status, lesson_id, sources, model, finish_reason,
            prompt_tokens, completion_tokens, created_at, updated_at)
        SELECT id, conversation_id, author, content, status, lesson_id, sources, model, finish_reason, prompt_tokens,
            completion_tokens, created_at, updated_at FROM moved_messages",
    "DROP TABLE moved_messages",
    "CREATE INDEX ix_messages_conversation ON messages (conversation_id, created_at, id)",
    "CREATE INDEX ix_messages_lesson ON messages (lesson_id)",
];

// What the ledger holds outlives what it is about, so it points to the user alone. `day` and `month` are days since 1970,
// a month its first one: what a user has used up is one row, so that one lock decides who may still ask, and it knows the
// record's day without asking how the database writes times.
//
// A turn is under way as long as it has a row here. The servers have none to begin with: one that was never seen is gone.
const UP: &[&str] = &[
    "CREATE INDEX ix_messages_parent ON messages (parent_id, created_at, id)",
    "CREATE INDEX ix_messages_sealed ON messages (sealed_with)",
    "CREATE INDEX ix_messages_feedback_sealed ON messages (feedback_sealed_with) WHERE feedback_comment IS NOT NULL",
    "ALTER TABLE conversations ADD COLUMN sealed_with text",
    "CREATE INDEX ix_conversations_sealed ON conversations (sealed_with)",
    "CREATE TABLE manifests (
        message_id uuid NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
        manifest text NOT NULL,
        sealed_with text,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE INDEX ix_manifests_sealed ON manifests (sealed_with)",
    "CREATE TABLE quoted_texts (
        digest text NOT NULL PRIMARY KEY,
        text text NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE TABLE turns_under_way (
        message_id uuid NOT NULL PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
        usage_id uuid NOT NULL,
        instance_id uuid NOT NULL,
        stop_requested boolean NOT NULL,
        followed_until timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "CREATE INDEX ix_turns_under_way_instance ON turns_under_way (instance_id)",
    "CREATE INDEX ix_turns_under_way_stop ON turns_under_way (instance_id) WHERE stop_requested",
    "CREATE TABLE instances (
        id uuid NOT NULL PRIMARY KEY,
        seen_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "ALTER TABLE usage_records ADD COLUMN counted_requests bigint NOT NULL DEFAULT 0 CHECK (counted_requests >= 0)",
    "ALTER TABLE usage_records ADD COLUMN counted_tokens bigint NOT NULL DEFAULT 0 CHECK (counted_tokens >= 0)",
    "ALTER TABLE usage_records ADD COLUMN micros bigint NOT NULL DEFAULT 0 CHECK (micros >= 0)",
    "ALTER TABLE usage_records ADD COLUMN day bigint NOT NULL DEFAULT 0",
    "CREATE TABLE spending (
        user_id uuid NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
        day bigint NOT NULL,
        month bigint NOT NULL,
        day_requests bigint NOT NULL CHECK (day_requests >= 0),
        day_tokens bigint NOT NULL CHECK (day_tokens >= 0),
        month_requests bigint NOT NULL CHECK (month_requests >= 0),
        month_tokens bigint NOT NULL CHECK (month_tokens >= 0),
        last_grant bigint NOT NULL CHECK (last_grant >= 0),
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
];

// Pieces go with the turn that they are of. They come by the thousand, and to look for the turn of each costs PostgreSQL
// more than all the rest: whoever keeps pieces holds the turns once, and what a foreign key would do when a turn goes, a
// trigger does. SQLite looks for nothing.
const PIECES_UP_POSTGRES: &[&str] = &[
    "CREATE TABLE answer_pieces (
        message_id uuid NOT NULL,
        bytes_before bigint NOT NULL CHECK (bytes_before >= 0),
        text text NOT NULL,
        sealed_with text,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (message_id, bytes_before)
    )",
    "CREATE FUNCTION forget_answer_pieces() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        DELETE FROM answer_pieces WHERE message_id = OLD.message_id;
        RETURN NULL;
    END $$",
    "CREATE TRIGGER turns_under_way_ended AFTER DELETE ON turns_under_way
        FOR EACH ROW EXECUTE FUNCTION forget_answer_pieces()",
];

const PIECES_UP_SQLITE: &[&str] = &["CREATE TABLE answer_pieces (
        message_id uuid NOT NULL REFERENCES turns_under_way (message_id) ON DELETE CASCADE,
        bytes_before bigint NOT NULL CHECK (bytes_before >= 0),
        text text NOT NULL,
        sealed_with text,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        PRIMARY KEY (message_id, bytes_before)
    )"];

const PIECES_DOWN_POSTGRES: &[&str] = &[
    "DROP TABLE answer_pieces",
    "DROP TRIGGER turns_under_way_ended ON turns_under_way",
    "DROP FUNCTION forget_answer_pieces()",
];

const PIECES_DOWN_SQLITE: &[&str] = &["DROP TABLE answer_pieces"];

// What was asked before counts for one request and its tokens, and cost nothing. What was being answered is of a server
// that nobody saw, so the next one that looks around ends it.
const BACKFILL: &[&str] = &[
    "UPDATE messages SET parent_id = (SELECT q.id FROM messages q WHERE q.conversation_id = messages.conversation_id
        AND q.author = 'user' AND (q.created_at, q.id) < (messages.created_at, messages.id)
        ORDER BY q.created_at DESC, q.id DESC LIMIT 1) WHERE author = 'assistant'",
    "UPDATE usage_records SET counted_requests = 1, counted_tokens = prompt_tokens + completion_tokens, day = {day}",
    "CREATE INDEX ix_usage_records_day ON usage_records (day, user_id)",
    "CREATE INDEX ix_usage_records_user_day ON usage_records (user_id, day)",
    "CREATE INDEX ix_usage_records_open ON usage_records (created_at, id) WHERE outcome = 'open'",
    "INSERT INTO spending (user_id, day, month, day_requests, day_tokens, month_requests, month_tokens, last_grant,
            created_at, updated_at)
        SELECT r.user_id, {today}, {month},
            sum(CASE WHEN r.day = {today} THEN r.counted_requests ELSE 0 END),
            sum(CASE WHEN r.day = {today} THEN r.counted_tokens ELSE 0 END),
            sum(r.counted_requests), sum(r.counted_tokens), 0, min(r.created_at), max(r.updated_at)
        FROM usage_records r WHERE r.day >= {month} GROUP BY r.user_id",
    "INSERT INTO turns_under_way (message_id, usage_id, instance_id, stop_requested, created_at, updated_at)
        SELECT s.message_id, s.usage_id, {nil}, FALSE, s.created_at, s.created_at FROM (
            SELECT m.id AS message_id, m.created_at, (SELECT r.id FROM usage_records r
                WHERE r.user_id = c.owner_id AND r.message_id = m.id ORDER BY r.created_at, r.id LIMIT 1) AS usage_id
            FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.status = 'streaming'
        ) s WHERE s.usage_id IS NOT NULL",
    "UPDATE messages SET status = 'interrupted' WHERE status = 'streaming'
        AND NOT EXISTS (SELECT 1 FROM turns_under_way u WHERE u.message_id = messages.id)",
];

// What is sealed cannot be read without the name of its key, and is gone.
const DOWN: &[&str] = &[
    "DROP TABLE spending",
    "DROP INDEX ix_usage_records_open",
    "DROP INDEX ix_usage_records_user_day",
    "DROP INDEX ix_usage_records_day",
    "ALTER TABLE usage_records DROP COLUMN day",
    "ALTER TABLE usage_records DROP COLUMN micros",
    "ALTER TABLE usage_records DROP COLUMN counted_tokens",
    "ALTER TABLE usage_records DROP COLUMN counted_requests",
    "DROP TABLE instances",
    "DROP TABLE turns_under_way",
    "DROP TABLE quoted_texts",
    "DROP TABLE manifests",
    "UPDATE conversations SET title = 'Conversation' WHERE sealed_with IS NOT NULL",
    "DROP INDEX ix_conversations_sealed",
    "ALTER TABLE conversations DROP COLUMN sealed_with",
    "UPDATE messages SET content = '' WHERE sealed_with IS NOT NULL",
    "UPDATE messages SET status = 'interrupted' WHERE status = 'stopped'",
    "DROP INDEX ix_messages_feedback_sealed",
    "DROP INDEX ix_messages_sealed",
    "DROP INDEX ix_messages_parent",
];

const MESSAGES_DOWN_POSTGRES: &[&str] = &[
    "ALTER TABLE messages DROP CONSTRAINT messages_status_check",
    "ALTER TABLE messages ADD CONSTRAINT messages_status_check
        CHECK (status IN ('complete', 'streaming', 'interrupted', 'failed'))",
    "ALTER TABLE messages DROP COLUMN sealed_with",
    "ALTER TABLE messages DROP COLUMN feedback_sealed_with",
    "ALTER TABLE messages DROP COLUMN feedback_comment",
    "ALTER TABLE messages DROP COLUMN feedback_rating",
    "ALTER TABLE messages DROP COLUMN parent_id",
];

const MESSAGES_DOWN_SQLITE: &[&str] = &[
    "CREATE TABLE moved_messages AS SELECT * FROM messages",
    "DROP TABLE messages",
    "CREATE TABLE messages (
        id uuid NOT NULL PRIMARY KEY,
        conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        author text NOT NULL CHECK (author IN ('user', 'assistant')),
        content text NOT NULL,
        status text NOT NULL CHECK (status IN ('complete', 'streaming', 'interrupted', 'failed')),
        lesson_id uuid REFERENCES lessons (id) ON DELETE SET NULL,
        sources jsonb NOT NULL,
        model text,
        finish_reason text CHECK (finish_reason IN ('stop', 'length', 'content_filter')),
        prompt_tokens bigint CHECK (prompt_tokens >= 0),
        completion_tokens bigint CHECK (completion_tokens >= 0),
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )",
    "INSERT INTO messages (id, conversation_id, author, content, status, lesson_id, sources, model, finish_reason,
            prompt_tokens, completion_tokens, created_at, updated_at)
        SELECT id, conversation_id, author, content, status, lesson_id, sources, model, finish_reason, prompt_tokens,
            completion_tokens, created_at, updated_at FROM moved_messages",
    "DROP TABLE moved_messages",
    "CREATE INDEX ix_messages_conversation ON messages (conversation_id, created_at, id)",
    "CREATE INDEX ix_messages_lesson ON messages (lesson_id)",
];
