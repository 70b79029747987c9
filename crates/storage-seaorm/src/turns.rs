//! Turns as they begin. On PostgreSQL that is one statement: one round trip between a question and its answer, and nobody
//! comes between the look at the allowances and what is taken from them. SQLite changes nothing inside `WITH`, is no round
//! trip away, and has one writer.

use lyceum_domain::{
    conversations::{Conversation, TurnOpening},
    ids::{CourseId, MessageId},
    mentor::Reserved,
    store::StoreError,
};
use sea_orm::{ConnectionTrait, DbBackend};
use serde_json::json;

use crate::{
    calls::{self, TRIES, read_grant, record, recording, reserve, reserving},
    manifests, quotations,
    sealing::{Place, Sealing},
    sql::{Sql, Values},
};

macro_rules! message_columns {
    () => {
        "(conversation_id, id, author, parent_id, lesson_id, created_at, content, sealed_with, status, sources, model, \
         finish_reason, prompt_tokens, completion_tokens, updated_at)"
    };
}

/// `$1` to `$26` the reservation and the call, `$27` to `$29` the conversation, `$30` to `$43` the answer, `$44` and `$45`
/// the manifest, `$46` the quoted texts, `$47` the server; then the question, `$48` to `$61`, and what a new conversation
/// has, `$62` to `$67`.
///
/// Whoever else has to do with the conversation is waited for first and the user's spending comes next, as when a turn
/// ends: so no two wait for each other. The quoted texts, which belong to nobody, have an order of their own; what it has
/// to do with who removes them, `quotations.rs` says: texts are stored after whoever holds one of them was waited for, since
/// only then it is known whether they are there.
macro_rules! begin {
    ($open:expr, $at:literal, $turn:expr, $question:expr) => {
        concat!(
            "WITH ",
            $open,
            "reserved AS (",
            reserving!("LEAST", "GREATEST", $at),
            "), turn AS (",
            $turn,
            "), said AS (INSERT INTO messages ",
            message_columns!(),
            " SELECT turn.id, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43 FROM turn",
            $question,
            "), made AS (INSERT INTO manifests (message_id, manifest, sealed_with, created_at, updated_at) SELECT $30, $44, \
             $45, $34, $34 FROM turn), stale AS (SELECT s.digest FROM turn, jsonb_to_recordset($46) AS q \
             (digest text) JOIN quoted_texts s ON s.digest = q.digest WHERE s.updated_at < $34 - interval '1 day' ORDER BY s.digest FOR NO KEY UPDATE OF s), \
             noted AS (UPDATE quoted_texts t SET updated_at = $34 FROM stale WHERE t.digest = stale.digest), \
             quoted AS (INSERT INTO quoted_texts (digest, text, is_counted, created_at, updated_at) SELECT q.digest, \
             q.text, TRUE, $34, $34 FROM turn, (SELECT count(*) AS n FROM stale) waited, jsonb_to_recordset($46) AS q \
             (digest text, text text) WHERE waited.n >= 0 ORDER BY q.digest ON CONFLICT (digest) DO NOTHING), named AS (INSERT INTO quotations (message_id, digest, created_at, updated_at) \
             SELECT DISTINCT CAST($30 AS uuid), q.digest, CAST($34 AS timestamptz), CAST($34 AS timestamptz) FROM turn, \
             jsonb_to_recordset($46) AS q (digest text)), started AS (INSERT INTO turns_under_way (message_id, usage_id, instance_id, \
             stop_requested, created_at, updated_at) SELECT $30, $11, $47, FALSE, $34, $34 FROM turn), spent AS (",
            recording!("reserved.last_grant", " FROM reserved"),
            ") SELECT last_grant FROM reserved"
        )
    };
}

/// The question comes before its answer.
macro_rules! ask {
    () => {
        " UNION ALL SELECT turn.id, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59, $60, $61 FROM turn"
    };
}

macro_rules! own {
    ($question:literal) => {
        concat!(
            "own AS (SELECT c.id FROM conversations c WHERE c.id = $27 AND c.owner_id = $28",
            $question,
            " FOR NO KEY UPDATE OF c), "
        )
    };
}

macro_rules! touch {
    () => {
        "UPDATE conversations SET updated_at = $29 FROM reserved WHERE conversations.id = $27 RETURNING conversations.id"
    };
}

const BEGIN_FIRST: Sql = Sql::same(begin!(
    "",
    "",
    "INSERT INTO conversations (id, owner_id, updated_at, title, sealed_with, course_id, is_archived, created_at, version) \
     SELECT $27, $28, $29, $62, $63, $64, $65, $66, $67 FROM reserved RETURNING id",
    ask!()
));

const BEGIN_NEXT: Sql = Sql::same(begin!(own!(""), ", own", touch!(), ask!()));

const BEGIN_AGAIN: Sql = Sql::same(begin!(
    own!(" AND EXISTS (SELECT 1 FROM messages q WHERE q.id = $32 AND q.conversation_id = c.id AND q.author = 'user')"),
    ", own",
    touch!(),
    ""
));

/// Whether the owner has the conversation, and it the question unless there is none to look for.
const IS_OWN: Sql = Sql::same(
    "SELECT 1 FROM conversations c WHERE c.id = $1 AND c.owner_id = $2 AND (NOT $3 OR EXISTS (SELECT 1 FROM messages q \
     WHERE q.id = $4 AND q.conversation_id = c.id AND q.author = 'user'))",
);

const OPEN: Sql = Sql::same(
    "INSERT INTO conversations (id, owner_id, updated_at, title, sealed_with, course_id, is_archived, created_at, version) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);

const TOUCH: Sql = Sql::same("UPDATE conversations SET updated_at = $3 WHERE id = $1 AND owner_id = $2");

const SAY: Sql = Sql::same(concat!(
    "INSERT INTO messages ",
    message_columns!(),
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
));

const MAKE: Sql = Sql::same(
    "INSERT INTO manifests (message_id, manifest, sealed_with, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
);

const START: Sql = Sql::same(
    "INSERT INTO turns_under_way (message_id, usage_id, instance_id, stop_requested, created_at, updated_at) \
     VALUES ($1, $2, $3, FALSE, $4, $4)",
);

/// Stores a turn before the model is asked, or nothing if an allowance is used up.
pub(crate) async fn begin(
    db: &impl ConnectionTrait,
    sealing: &Sealing,
    opening: &TurnOpening,
) -> Result<Reserved, StoreError> {
    if opening.is_new && opening.question.is_none() {
        return Err(StoreError::Conflict);
    }
    let is_postgres = db.get_database_backend() == DbBackend::Postgres;
    let (user, reservation) = (opening.call.user, &opening.reservation);
    for _ in 0..TRIES {
        let granted =
            if is_postgres { whole(db, sealing, opening).await? } else { by_steps(db, sealing, opening).await? };
        if let Some(tokens) = granted {
            return Ok(Reserved::Granted { tokens });
        }
        if is_postgres && !opening.is_new {
            expect_own(db, opening).await?;
        }
        if let Some(window) = calls::used_up(db, user, reservation).await? {
            return Ok(Reserved::UsedUp(window));
        }
    }
    Err(StoreError::Conflict)
}

/// On PostgreSQL. Nothing is kept unless something was granted.
async fn whole(db: &impl ConnectionTrait, sealing: &Sealing, opening: &TurnOpening) -> Result<Option<u32>, StoreError> {
    let quoted =
        opening.quoted.iter().map(|quoted| json!({ "digest": quoted.digest.to_string(), "text": quoted.text }));
    let values = Values::new()
        .reservation(opening.call.user, &opening.reservation)
        .opened(&opening.call)
        .turn(&opening.conversation)
        .message(&opening.answer, sealing)?
        .stored(manifests::stored(opening.answer.id, &opening.manifest, sealing)?)
        .json(quoted.collect())
        .id(opening.instance.as_uuid());
    let (sql, values) = match &opening.question {
        None => (BEGIN_AGAIN, values),
        Some(question) if opening.is_new => {
            (BEGIN_FIRST, values.message(question, sealing)?.begun(&opening.conversation, sealing)?)
        }
        Some(question) => (BEGIN_NEXT, values.message(question, sealing)?),
    };
    read_grant(sql.one(db, values).await?.as_ref())
}

/// On SQLite, inside of a unit.
async fn by_steps(
    db: &impl ConnectionTrait,
    sealing: &Sealing,
    opening: &TurnOpening,
) -> Result<Option<u32>, StoreError> {
    if !opening.is_new {
        expect_own(db, opening).await?;
    }
    let (answer, call) = (&opening.answer, &opening.call);
    let Some(tokens) = reserve(db, call.user, &opening.reservation).await? else { return Ok(None) };
    let turn = Values::new().turn(&opening.conversation);
    if opening.is_new {
        OPEN.run_for_one(db, turn.begun(&opening.conversation, sealing)?).await?;
    } else {
        TOUCH.run_for_one(db, turn).await?;
    }
    for message in opening.question.iter().chain([answer]) {
        let values = Values::new().id(opening.conversation.id.as_uuid()).message(message, sealing)?;
        SAY.run_for_one(db, values).await?;
    }
    let of_answer = || Values::new().id(answer.id.as_uuid());
    let manifest = manifests::stored(answer.id, &opening.manifest, sealing)?;
    MAKE.run_for_one(db, of_answer().stored(manifest).time(answer.created_at)).await?;
    quotations::keep(db, answer.id, &opening.quoted, answer.created_at).await?;
    let started = of_answer().id(call.id.as_uuid()).id(opening.instance.as_uuid()).time(answer.created_at);
    START.run_for_one(db, started).await?;
    record(db, call, tokens).await?;
    Ok(Some(tokens))
}

async fn expect_own(db: &impl ConnectionTrait, opening: &TurnOpening) -> Result<(), StoreError> {
    let values = Values::new()
        .id(opening.conversation.id.as_uuid())
        .id(opening.conversation.owner.as_uuid())
        .flag(opening.question.is_none())
        .maybe_id(opening.answer.parent.map(MessageId::as_uuid));
    IS_OWN.one(db, values).await?.map(drop).ok_or(StoreError::Conflict)
}

impl Values {
    /// The key of a conversation and the time of its last message: three.
    fn turn(self, conversation: &Conversation) -> Self {
        self.id(conversation.id.as_uuid()).id(conversation.owner.as_uuid()).time(conversation.updated_at)
    }

    /// What else there is of a new one: six.
    fn begun(self, conversation: &Conversation, sealing: &Sealing) -> Result<Self, StoreError> {
        Ok(self
            .stored(sealing.seal(Place::title(conversation.id.as_uuid()), conversation.title.as_str())?)
            .maybe_id(conversation.course.map(CourseId::as_uuid))
            .flag(conversation.is_archived)
            .time(conversation.created_at)
            .number(conversation.version))
    }
}
