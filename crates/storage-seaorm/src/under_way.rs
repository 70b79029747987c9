//! Answers under way: their pieces, their servers, and who wants them stopped.

use async_trait::async_trait;
use lyceum_domain::{
    conversations::{Abandoned, Message, Piece, Said, SignOfLife, TurnsUnderWay},
    ids::{InstanceId, MessageId, UserId},
    store::StoreError,
    time::Timestamp,
};
use serde_json::json;

use crate::{
    connect::SeaOrmStore,
    ledger::{self, usage_columns},
    messages::{self, message_columns},
    row::{Row, each, maybe},
    sealing::{Place, Sealing, Stored},
    sql::{Sql, Values, hex},
};

/// On PostgreSQL the turns are held, so that none of them ends before its pieces are kept; those that end meanwhile are
/// passed over, and no other answer suffers.
const KEEP: Sql = Sql {
    postgres: "INSERT INTO answer_pieces (message_id, bytes_before, text, sealed_with, created_at, updated_at) \
               SELECT u.message_id, p.o, p.t, $2, u.created_at, u.created_at \
               FROM jsonb_to_recordset($1) AS p (m uuid, o bigint, t text) \
               JOIN turns_under_way u ON u.message_id = p.m FOR KEY SHARE OF u \
               ON CONFLICT (message_id, bytes_before) DO NOTHING",
    sqlite: "INSERT INTO answer_pieces (message_id, bytes_before, text, sealed_with, created_at, updated_at) \
             SELECT u.message_id, p.value ->> 'o', p.value ->> 't', $2, u.created_at, u.created_at \
             FROM json_each($1) p CROSS JOIN turns_under_way u ON u.message_id = unhex(p.value ->> 'm') WHERE TRUE \
             ON CONFLICT (message_id, bytes_before) DO NOTHING",
};

/// Whether the answer of `u` is under way, and the pieces in their order: two columns.
macro_rules! so_far {
    ($before:literal, $behind:literal) => {
        concat!(
            "u.message_id IS NOT NULL, (SELECT ",
            $before,
            "(p.bytes_before, p.text, p.sealed_with)",
            $behind,
            " FROM (SELECT a.bytes_before, a.text, a.sealed_with \
             FROM answer_pieces a WHERE a.message_id = u.message_id ORDER BY a.bytes_before) p)"
        )
    };
}

macro_rules! said {
    ($so_far:expr) => {
        concat!(
            "SELECT ",
            message_columns!(),
            ", ",
            $so_far,
            " FROM messages m JOIN conversations c ON c.id = m.conversation_id \
             LEFT JOIN turns_under_way u ON u.message_id = m.id \
             WHERE m.id = $1 AND c.owner_id = $2 AND m.author = 'assistant'"
        )
    };
}

const SAID: Sql = Sql {
    postgres: said!(so_far!("CAST(json_agg(json_build_array", ") AS text)")),
    sqlite: said!(so_far!("json_group_array(json_array", ")")),
};

macro_rules! abandoned {
    ($so_far:expr, $gone:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            ", ",
            $so_far,
            ", ",
            usage_columns!(),
            " FROM turns_under_way u JOIN messages m ON m.id = u.message_id JOIN usage_records r ON r.id = u.usage_id \
             WHERE u.instance_id IN (",
            $gone,
            ") ORDER BY u.message_id LIMIT $2"
        )
    };
}

const ABANDONED: Sql = Sql {
    postgres: abandoned!(
        so_far!("CAST(json_agg(json_build_array", ") AS text)"),
        "SELECT CAST(g.value AS uuid) FROM jsonb_array_elements_text($1) g (value)"
    ),
    sqlite: abandoned!(so_far!("json_group_array(json_array", ")"), "SELECT unhex(g.value) FROM json_each($1) g"),
};

macro_rules! see {
    () => {
        "INSERT INTO instances (id, seen_at, created_at, updated_at) VALUES ($1, $2, $2, $2) \
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, updated_at = excluded.updated_at"
    };
}

macro_rules! stopping {
    () => {
        "SELECT u.message_id FROM turns_under_way u WHERE u.instance_id = $1 AND u.stop_requested"
    };
}

/// For PostgreSQL alone.
const BEAT: Sql = Sql::same(concat!("WITH seen AS (", see!(), ") ", stopping!()));
const SEE: Sql = Sql::same(see!());
const STOPPING: Sql = Sql::same(stopping!());

const SIGNS_OF_LIFE: Sql = Sql::same(
    "SELECT b.instance_id, i.seen_at FROM (SELECT instance_id FROM turns_under_way UNION SELECT instance_id \
     FROM idempotency_keys WHERE status IS NULL AND instance_id IS NOT NULL) b \
     LEFT JOIN instances i ON i.id = b.instance_id",
);

const ANSWERS_OF: Sql = Sql::same("SELECT message_id FROM turns_under_way WHERE instance_id = $1");

const REQUEST_STOP: Sql = Sql::same(
    "UPDATE turns_under_way SET stop_requested = TRUE WHERE message_id = $1 AND EXISTS (SELECT 1 FROM messages m \
     JOIN conversations c ON c.id = m.conversation_id WHERE m.id = $1 AND c.owner_id = $2)",
);

/// The column's name is older than what it holds.
const FOLLOW: Sql = Sql::same("UPDATE turns_under_way SET followed_until = $2 WHERE message_id = $1");

const FOLLOWED: Sql = Sql::same("SELECT u.followed_until FROM turns_under_way u WHERE u.message_id = $1");

const FORGET: Sql = Sql::same(
    "DELETE FROM instances WHERE seen_at < $1 \
     AND NOT EXISTS (SELECT 1 FROM turns_under_way u WHERE u.instance_id = instances.id)",
);

/// What becomes of an answer with a piece that does not open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unreadable {
    /// It cannot be read.
    Refused,
    /// It ends before that piece: so that it can be closed.
    Cut,
}

/// Reads what [`so_far!`] gives, and puts it into the answer if it is under way.
fn read_so_far(
    row: &mut Row<'_>,
    mut answer: Message,
    sealing: &Sealing,
    unreadable: Unreadable,
) -> Result<Said, StoreError> {
    let (is_under_way, pieces) = (row.flag()?, row.maybe_text()?);
    if is_under_way {
        let id = answer.id.as_uuid();
        let pieces: Vec<(u32, String, Option<String>)> = serde_json::from_str(pieces.as_deref().unwrap_or("[]"))
            .map_err(|reason| StoreError::Corrupt(format!("the pieces of an answer are none: {reason}")))?;
        answer.content.clear();
        for (bytes_before, text, key) in pieces {
            match sealing.open(Place::piece(id, bytes_before), Stored { text, key }) {
                Ok(text) => answer.content += &text,
                Err(error) if unreadable == Unreadable::Cut => {
                    log::error!("an abandoned answer is cut: {error}");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(Said { answer, is_under_way })
}

#[async_trait]
impl TurnsUnderWay for SeaOrmStore {
    async fn keep_pieces(&self, pieces: &[Piece]) -> Result<(), StoreError> {
        if pieces.is_empty() {
            return Ok(());
        }
        let sealed = |piece: &Piece| {
            let id = piece.message.as_uuid();
            let stored = self.sealing.seal(Place::piece(id, piece.offset), &piece.text)?;
            Ok(json!({ "m": hex(id), "o": piece.offset, "t": stored.text }))
        };
        let pieces = pieces.iter().map(sealed).collect::<Result<serde_json::Value, StoreError>>()?;
        let values = Values::new().json(pieces).maybe_text(self.sealing.key());
        KEEP.run(&self.writes, values).await.map(drop)
    }

    async fn said(&self, owner: UserId, message: MessageId) -> Result<Option<Said>, StoreError> {
        let row = SAID.one(&self.reads, Values::new().id(message.as_uuid()).id(owner.as_uuid())).await?;
        maybe(row.as_ref(), |row| {
            let answer = messages::read(row, &self.sealing)?;
            read_so_far(row, answer, &self.sealing, Unreadable::Refused)
        })
    }

    async fn beat(&self, instance: InstanceId, at: Timestamp) -> Result<Vec<MessageId>, StoreError> {
        let key = || Values::new().id(instance.as_uuid());
        let rows = if self.is_one_statement() {
            BEAT.all(&self.writes, key().time(at)).await?
        } else {
            SEE.run(&self.writes, key().time(at)).await?;
            STOPPING.all(&self.reads, key()).await?
        };
        each(&rows, |row| row.id(MessageId::from_uuid))
    }

    async fn request_stop(&self, owner: UserId, message: MessageId) -> Result<bool, StoreError> {
        let values = Values::new().id(message.as_uuid()).id(owner.as_uuid());
        REQUEST_STOP.run(&self.writes, values).await.map(|asked| asked > 0)
    }

    async fn follow(&self, message: MessageId, at: Timestamp) -> Result<(), StoreError> {
        FOLLOW.run(&self.writes, Values::new().id(message.as_uuid()).time(at)).await.map(drop)
    }

    async fn followed_at(&self, message: MessageId) -> Result<Option<Timestamp>, StoreError> {
        let row = FOLLOWED.one(&self.reads, Values::new().id(message.as_uuid())).await?;
        Ok(maybe(row.as_ref(), |row| row.maybe_time())?.flatten())
    }

    async fn signs_of_life(&self) -> Result<Vec<SignOfLife>, StoreError> {
        let rows = SIGNS_OF_LIFE.all(&self.reads, Values::new()).await?;
        each(&rows, |row| Ok(SignOfLife { instance: row.id(InstanceId::from_uuid)?, at: row.maybe_time()? }))
    }

    async fn answers_of(&self, instance: InstanceId) -> Result<Vec<MessageId>, StoreError> {
        let rows = ANSWERS_OF.all(&self.reads, Values::new().id(instance.as_uuid())).await?;
        each(&rows, |row| row.id(MessageId::from_uuid))
    }

    async fn abandoned(&self, gone: &[InstanceId], limit: u32) -> Result<Vec<Abandoned>, StoreError> {
        let gone = gone.iter().map(|instance| hex(instance.as_uuid())).collect();
        let rows = ABANDONED.all(&self.reads, Values::new().json(gone).number(limit)).await?;
        each(&rows, |row| {
            let answer = messages::read(row, &self.sealing)?;
            let Said { answer, .. } = read_so_far(row, answer, &self.sealing, Unreadable::Cut)?;
            Ok(Abandoned { answer, call: ledger::read(row)? })
        })
    }

    async fn forget_instances(&self, silent_since: Timestamp) -> Result<u64, StoreError> {
        FORGET.run(&self.writes, Values::new().time(silent_since)).await
    }
}
