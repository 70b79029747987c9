//! The erasing of an account. What belongs to it by a foreign key goes with its row; here is the rest.

use lyceum_domain::{ids::UserId, sessions::AccountKey, store::StoreError, time::Timestamp, users::Email};
use sea_orm::ConnectionTrait;

use crate::{
    blob_removals, registrations,
    row::maybe,
    sql::{Sql, Values},
};

// Who loaded such a course before must not save it with the author. The source goes with the author: the house may have
// a course from the same one, and it may have only one; nor shall its next import change what it did not import.
const LEAVE_COURSES: Sql =
    Sql::same("UPDATE courses SET author_id = NULL, source_key = NULL, version = version + 1 WHERE author_id = $1");

// Who adds a file for the user is waited for, and its blob noted; who comes later finds no user.
const HOLD: Sql =
    Sql { postgres: "SELECT 1 FROM users WHERE id = $1 FOR UPDATE", sqlite: "SELECT 1 FROM users WHERE id = $1" };

const USER: Sql = Sql::same("DELETE FROM users WHERE id = $1 RETURNING email");

const MAILS: Sql = Sql::same("DELETE FROM outbox_mails WHERE to_email = $1");
const SIGN_IN_FAILURES: Sql = Sql::same("DELETE FROM sign_in_failures WHERE account = $1");
const EVENTS_ABOUT: Sql = Sql::same("DELETE FROM audit_events WHERE subject_id = $1");

// That it was a user stays; not who, and not from where.
const EVENTS_CAUSED: Sql = Sql::same(
    "UPDATE audit_events SET actor_id = NULL, ip_address = NULL, user_agent = NULL, request_id = NULL \
     WHERE actor_id = $1",
);

pub(crate) async fn erase(db: &impl ConnectionTrait, id: UserId, at: Timestamp) -> Result<bool, StoreError> {
    let of_user = || Values::new().id(id.as_uuid());
    LEAVE_COURSES.run(db, of_user()).await?;
    HOLD.one(db, of_user()).await?;
    blob_removals::schedule_all_of(db, id, at).await?;
    let user = USER.one(db, of_user()).await?;
    let Some(email) = maybe(user.as_ref(), |row| row.parsed(Email::parse))? else { return Ok(false) };
    registrations::remove_all_of(db, &email).await?;
    MAILS.run(db, Values::new().text(email.as_str())).await?;
    SIGN_IN_FAILURES.run(db, Values::new().text(AccountKey::of_user(id).as_str())).await?;
    EVENTS_ABOUT.run(db, of_user()).await?;
    EVENTS_CAUSED.run(db, of_user()).await?;
    Ok(true)
}
