//! Texts that answers quote: which answers do, and how a text goes that none does any more.
//!
//! A turn that begins notes that it quotes its texts; it writes the time into a text only if that is a day old, so that
//! those who ask at once don't wait for each other at the passages of their lesson. Whoever removes texts looks only at
//! those whose time is older than that. So a text that is about to go is one whose row the turn would change: one of the
//! two is first, and the other finds that out.

use lyceum_domain::{ids::MessageId, mentor::QuotedText, store::StoreError, time::Timestamp};
use sea_orm::ConnectionTrait;

use crate::{
    row::each,
    sql::{Sql, Values},
};

/// After so long it is noted again that a text is quoted.
pub(crate) const NOTED_FOR: std::time::Duration = std::time::Duration::from_hours(24);

// For SQLite, where a unit is alone. On PostgreSQL the statement that begins a turn does this (`turns.rs`).
const KEEP: Sql = Sql::same(
    "INSERT INTO quoted_texts (digest, text, is_counted, created_at, updated_at) VALUES ($1, $2, TRUE, $3, $3) \
     ON CONFLICT (digest) DO UPDATE SET updated_at = excluded.updated_at WHERE quoted_texts.updated_at < $4",
);

const QUOTE: Sql = Sql::same(
    "INSERT INTO quotations (message_id, digest, created_at, updated_at) VALUES ($1, $2, $3, $3) \
     ON CONFLICT (message_id, digest) DO NOTHING",
);

/// Whoever has one of them now quotes it, or removes it.
const DUE: Sql = Sql {
    postgres: "SELECT digest FROM quoted_texts WHERE is_counted AND updated_at < $1 ORDER BY updated_at, digest LIMIT $2 \
               FOR UPDATE SKIP LOCKED",
    sqlite: "SELECT digest FROM quoted_texts WHERE is_counted AND updated_at < $1 ORDER BY updated_at, digest LIMIT $2",
};

/// The digests as a JSON array, `$1`.
macro_rules! of_these {
    ($start:literal, $digests:literal, $rest:literal) => {
        concat!($start, " WHERE digest IN (SELECT d.value FROM ", $digests, ")", $rest)
    };
}
macro_rules! forget {
    ($digests:literal) => {
        of_these!(
            "DELETE FROM quoted_texts",
            $digests,
            " AND NOT EXISTS (SELECT 1 FROM quotations n WHERE n.digest = quoted_texts.digest)"
        )
    };
}
const FORGET: Sql =
    Sql { postgres: forget!("jsonb_array_elements_text($1) d (value)"), sqlite: forget!("json_each($1) d") };

macro_rules! renew {
    ($digests:literal) => {
        of_these!("UPDATE quoted_texts SET updated_at = $2", $digests, "")
    };
}
const RENEW: Sql =
    Sql { postgres: renew!("jsonb_array_elements_text($1) d (value)"), sqlite: renew!("json_each($1) d") };

/// Keeps what an answer quotes. For SQLite.
pub(crate) async fn keep(
    db: &impl ConnectionTrait,
    answer: MessageId,
    quoted: &[QuotedText],
    at: Timestamp,
) -> Result<(), StoreError> {
    for text in quoted {
        let digest = text.digest.to_string();
        KEEP.run(db, Values::new().text(&*digest).text(&*text.text).time(at).time(at.minus(NOTED_FOR))).await?;
        QUOTE.run(db, Values::new().id(answer.as_uuid()).text(digest).time(at)).await?;
    }
    Ok(())
}

/// What [`Conversations::forget_texts`](lyceum_domain::conversations::Conversations::forget_texts) does. Each statement
/// sees what was committed before it, so the second sees who quoted a text before it was locked.
pub(crate) async fn forget(
    db: &impl ConnectionTrait,
    quoted_before: Timestamp,
    now: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let due = each(&DUE.all(db, Values::new().time(quoted_before).number(limit)).await?, |row| row.text())?;
    if due.is_empty() {
        return Ok(0);
    }
    let due: serde_json::Value = due.into_iter().collect();
    let forgotten = FORGET.run(db, Values::new().json(due.clone())).await?;
    RENEW.run(db, Values::new().json(due).time(now)).await?;
    Ok(forgotten)
}
