//! Turns as they end. On PostgreSQL that is one statement, as when they begin; written twice, it comes to the same.

use lyceum_domain::{conversations::TurnEnding, store::StoreError};
use sea_orm::{ConnectionTrait, DbBackend};

use crate::{
    calls::{self, settled},
    row::maybe,
    sealing::{Place, Sealing},
    sql::{Sql, Values},
};

/// `$1` to `$17` the call, `$18` the answer, `$19` to `$27` what changes of it, `$28` the conversation, `$29` and `$30` its
/// title, and `$31` whether the turn may have ended already.
///
/// First all is held that others hold as well, in the order in which they do: a conversation that is deleted holds its
/// messages next and what is under way after them. A count that is never below zero makes one wait for the other.
const END: Sql = Sql::same(concat!(
    "WITH titled AS (SELECT c.id FROM conversations c WHERE $29 IS NOT NULL AND c.id = $28 AND c.version = 1 \
     FOR NO KEY UPDATE), held AS (SELECT m.id FROM messages m WHERE m.id = $18 AND (SELECT count(*) FROM titled) >= 0 \
     FOR NO KEY UPDATE), gone AS (DELETE FROM turns_under_way WHERE message_id = $18 \
     AND (SELECT count(*) FROM held) >= 0 RETURNING 1), may AS (SELECT g.n FROM (SELECT count(*) AS n FROM gone) g \
     WHERE g.n > 0 OR $31), said AS (UPDATE messages SET content = $19, sealed_with = $20, status = $21, sources = $22, \
     model = $23, finish_reason = $24, prompt_tokens = $25, completion_tokens = $26, updated_at = $27 FROM may \
     WHERE messages.id = $18 RETURNING 1), named AS (UPDATE conversations SET title = $29, sealed_with = $30, \
     version = version + 1 FROM said, titled WHERE conversations.id = titled.id), ",
    settled!(", may"),
    " SELECT count(*) FROM may"
));

const STOP: Sql = Sql::same("DELETE FROM turns_under_way WHERE message_id = $1");

const ANSWER: Sql = Sql::same(
    "UPDATE messages SET content = $2, sealed_with = $3, status = $4, sources = $5, model = $6, finish_reason = $7, \
     prompt_tokens = $8, completion_tokens = $9, updated_at = $10 WHERE id = $1",
);

const NAME: Sql = Sql::same(
    "UPDATE conversations SET title = $2, sealed_with = $3, version = version + 1 WHERE id = $1 AND version = 1",
);

/// When a turn ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum If {
    /// In any case.
    Ever,
    /// Only if it has not ended.
    UnderWay,
}

/// Writes down how a turn ended; whether it did.
pub(crate) async fn end(
    db: &impl ConnectionTrait,
    sealing: &Sealing,
    ending: &TurnEnding,
    when: If,
) -> Result<bool, StoreError> {
    let TurnEnding { answer, call, title } = ending;
    let conversation = answer.conversation.as_uuid();
    let place = Place::title(conversation);
    let title = title.as_ref().map(|title| sealing.seal(place, title.as_str())).transpose()?;
    let of_answer = || Values::new().id(answer.id.as_uuid());
    if db.get_database_backend() == DbBackend::Postgres {
        let values = Values::new()
            .closed(call)
            .made_on(call)
            .id(answer.id.as_uuid())
            .answer(answer, sealing)?
            .id(conversation)
            .maybe_stored(title)
            .flag(when == If::Ever);
        let row = END.one(db, values).await?;
        let ended: Option<i64> = maybe(row.as_ref(), |row| row.number())?;
        return Ok(ended.is_some_and(|ended| ended > 0));
    }
    if STOP.run(db, of_answer()).await? == 0 && when == If::UnderWay {
        return Ok(false);
    }
    let is_there = ANSWER.run(db, of_answer().answer(answer, sealing)?).await? > 0;
    if let Some(title) = title.filter(|_| is_there) {
        NAME.run(db, Values::new().id(conversation).stored(title)).await?;
    }
    calls::close(db, call).await?;
    Ok(true)
}
