//! Putting texts under the key in use, while others read and write them.

use lyceum_domain::store::StoreError;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    row::each,
    sealing::{Place, Sealing, Stored},
    sql::{Sql, Values},
};

/// A column of texts that may be sealed.
struct Column {
    place: fn(Uuid) -> Place,
    /// At most `$2` rows that are not sealed under the key `$1`.
    due: Sql,
    /// The row `$1` gets the text `$2` sealed under `$3`, if it still has `$4` sealed under `$5`.
    replace: Sql,
}

macro_rules! due {
    ($table:literal, $id:literal, $text:literal, $key:literal, $more:literal) => {
        concat!(
            "SELECT d.id, d.text, d.key FROM (SELECT * FROM (",
            $crate::resealing::due!(@part $table, $id, $text, $key, " IS NULL", $more),
            ") n UNION ALL SELECT * FROM (",
            $crate::resealing::due!(@part $table, $id, $text, $key, " < $1", $more),
            ") l UNION ALL SELECT * FROM (",
            $crate::resealing::due!(@part $table, $id, $text, $key, " > $1", $more),
            ") g) d LIMIT $2"
        )
    };
    (@part $table:literal, $id:literal, $text:literal, $key:literal, $is:literal, $more:literal) => {
        concat!(
            "SELECT ", $id, " AS id, ", $text, " AS text, ", $key, " AS key FROM ", $table, " WHERE ", $key, $is, $more,
            " LIMIT $2"
        )
    };
}
pub(crate) use due;

macro_rules! replace {
    ($table:literal, $id:literal, $text:literal, $key:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET ",
            $text,
            " = $2, ",
            $key,
            " = $3 WHERE ",
            $id,
            " = $1 AND ",
            $text,
            " = $4 AND ",
            $key,
            " IS NOT DISTINCT FROM $5"
        )
    };
}

const COLUMNS: [Column; 4] = [
    Column {
        place: Place::content,
        due: Sql::same(due!("messages", "id", "content", "sealed_with", " AND content <> ''")),
        replace: Sql::same(replace!("messages", "id", "content", "sealed_with")),
    },
    Column {
        place: Place::comment,
        due: Sql::same(due!(
            "messages",
            "id",
            "feedback_comment",
            "feedback_sealed_with",
            " AND feedback_comment IS NOT NULL"
        )),
        replace: Sql::same(replace!("messages", "id", "feedback_comment", "feedback_sealed_with")),
    },
    Column {
        place: Place::title,
        due: Sql::same(due!("conversations", "id", "title", "sealed_with", "")),
        replace: Sql::same(replace!("conversations", "id", "title", "sealed_with")),
    },
    Column {
        place: Place::manifest,
        due: Sql::same(due!("manifests", "message_id", "manifest", "sealed_with", "")),
        replace: Sql::same(replace!("manifests", "message_id", "manifest", "sealed_with")),
    },
];

/// Seals anew at most `limit` texts; how many there were. Pieces of answers are not among them: they are gone when the
/// answer has ended.
pub(crate) async fn reseal(db: &impl ConnectionTrait, sealing: &Sealing, limit: u32) -> Result<u64, StoreError> {
    let Some(key) = sealing.key() else { return Ok(0) };
    let mut resealed = 0;
    for Column { place, due, replace } in COLUMNS {
        let left = u64::from(limit).saturating_sub(resealed);
        let left = i64::try_from(left).unwrap_or(i64::MAX);
        if left == 0 {
            break;
        }
        let rows = due.all(db, Values::new().text(key).number(left)).await?;
        let rows = each(&rows, |row| Ok((row.id(|id| id)?, row.stored()?)))?;
        for (id, stored) in rows {
            let Stored { text, key } = stored.clone();
            let anew = sealing.seal(place(id), &sealing.open(place(id), stored)?)?;
            let values = Values::new().id(id).stored(anew).text(text).maybe_text(key);
            resealed += replace.run(db, values).await?;
        }
    }
    Ok(resealed)
}
