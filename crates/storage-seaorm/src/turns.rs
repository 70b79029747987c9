//! Turns of a conversation. On PostgreSQL each is one statement: one round trip between a question and its answer. SQLite
//! changes nothing inside `WITH`, and is no round trip away.

use lyceum_domain::{
    conversations::{Conversation, Message},
    ids::CourseId,
    mentor::UsageRecord,
    store::StoreError,
};
use sea_orm::{ConnectionTrait, DbBackend};

use crate::sql::{Sql, Values};

macro_rules! open {
    () => {
        "INSERT INTO conversations (id, owner_id, updated_at, title, course_id, is_archived, created_at, version) "
    };
}

/// `$1` to `$12` the question, `$13` to `$24` the answer, `$25` to `$39` the usage; then the conversation.
macro_rules! say {
    () => {
        "said AS (INSERT INTO messages (conversation_id, id, author, lesson_id, created_at, content, status, \
         sources, model, finish_reason, prompt_tokens, completion_tokens, updated_at) SELECT turn.id, $1, $2, \
         $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM turn UNION ALL SELECT turn.id, $13, $14, $15, $16, \
         $17, $18, $19, $20, $21, $22, $23, $24 FROM turn) INSERT INTO usage_records (id, user_id, \
         conversation_id, message_id, provider, model, outcome, prompt_tokens, completion_tokens, \
         is_estimated, error_code, first_piece_ms, duration_ms, created_at, updated_at) SELECT $25, $26, $27, \
         $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39 FROM turn"
    };
}

const BEGIN_FIRST: Sql = Sql::same(concat!(
    "WITH turn AS (",
    open!(),
    "VALUES ($40, $41, $42, $43, $44, $45, $46, $47) RETURNING id), ",
    say!()
));

const BEGIN_NEXT: Sql = Sql::same(concat!(
    "WITH turn AS (UPDATE conversations SET updated_at = $42 WHERE id = $40 AND owner_id = $41 RETURNING id), ",
    say!()
));

const OPEN: Sql = Sql::same(concat!(open!(), "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"));

const TOUCH: Sql = Sql::same("UPDATE conversations SET updated_at = $3 WHERE id = $1 AND owner_id = $2");

const SAY: Sql = Sql::same(
    "INSERT INTO messages (id, author, lesson_id, created_at, content, status, sources, model, \
     finish_reason, prompt_tokens, completion_tokens, updated_at, conversation_id) VALUES ($1, $2, $3, \
     $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
);

macro_rules! answer {
    () => {
        "UPDATE messages SET content = $2, status = $3, sources = $4, model = $5, finish_reason = $6, \
         prompt_tokens = $7, completion_tokens = $8, updated_at = $9 WHERE id = $1"
    };
}

/// The record may be new to the store: what was spent is written down in any case.
macro_rules! spend {
    ($placeholders:literal) => {
        concat!(
            "INSERT INTO usage_records (id, user_id, conversation_id, message_id, provider, model, outcome, prompt_tokens, \
             completion_tokens, is_estimated, error_code, first_piece_ms, duration_ms, created_at, updated_at) VALUES (",
            $placeholders,
            ") ON CONFLICT (id) DO UPDATE SET provider = excluded.provider, model = excluded.model, \
             outcome = excluded.outcome, prompt_tokens = excluded.prompt_tokens, \
             completion_tokens = excluded.completion_tokens, is_estimated = excluded.is_estimated, \
             error_code = excluded.error_code, first_piece_ms = excluded.first_piece_ms, \
             duration_ms = excluded.duration_ms, updated_at = excluded.updated_at"
        )
    };
}

const END: Sql = Sql::same(concat!(
    "WITH said AS (",
    answer!(),
    ") ",
    spend!("$10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24")
));

const ANSWER: Sql = Sql::same(answer!());

const SPEND: Sql = Sql::same(spend!("$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15"));

/// Stores a question, the answer without a word, and what it may cost.
pub(crate) async fn begin(
    db: &impl ConnectionTrait,
    conversation: &Conversation,
    is_new: bool,
    messages: [&Message; 2],
    usage: &UsageRecord,
) -> Result<(), StoreError> {
    if db.get_database_backend() == DbBackend::Postgres {
        let [question, answer] = messages;
        let values = Values::new().message(question).message(answer).usage(usage).conversation(conversation, is_new);
        let sql = if is_new { BEGIN_FIRST } else { BEGIN_NEXT };
        return sql.run_for_one(db, values).await;
    }
    let sql = if is_new { OPEN } else { TOUCH };
    sql.run_for_one(db, Values::new().conversation(conversation, is_new)).await?;
    for message in messages {
        SAY.run_for_one(db, Values::new().message(message).id(message.conversation.as_uuid())).await?;
    }
    SPEND.run_for_one(db, Values::new().usage(usage)).await
}

/// Writes down how a turn ended. The answer may have gone with its conversation; what it cost is kept all the same.
pub(crate) async fn end(db: &impl ConnectionTrait, answer: &Message, usage: &UsageRecord) -> Result<(), StoreError> {
    let said = Values::new().id(answer.id.as_uuid()).answer(answer);
    if db.get_database_backend() == DbBackend::Postgres {
        return END.run_for_one(db, said.usage(usage)).await;
    }
    ANSWER.run(db, said).await?;
    SPEND.run_for_one(db, Values::new().usage(usage)).await
}

impl Values {
    /// The key and the time of the last message, and the rest if it is new.
    fn conversation(self, conversation: &Conversation, is_new: bool) -> Self {
        let values = self.id(conversation.id.as_uuid()).id(conversation.owner.as_uuid()).time(conversation.updated_at);
        if !is_new {
            return values;
        }
        values
            .text(conversation.title.as_str())
            .maybe_id(conversation.course.map(CourseId::as_uuid))
            .flag(conversation.is_archived)
            .time(conversation.created_at)
            .number(conversation.version)
    }
}
