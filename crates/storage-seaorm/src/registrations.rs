//! Registrations that wait to be verified.

use async_trait::async_trait;
use lyceum_domain::{
    ids::RegistrationId,
    store::StoreError,
    time::Timestamp,
    users::{
        DisplayName, Email, Identifier, PasswordHash, PendingRegistration, RegistrationQueries, Registrations, Username,
    },
};
use sea_orm::ConnectionTrait;

use crate::{
    connect::SeaOrmStore,
    row::{Row, maybe},
    sql::{Sql, Values, remove_before},
    unit::SeaOrmUnit,
};

/// The columns that [`read`] reads.
macro_rules! registration_columns {
    () => {
        "id, email, username, display_name, password_hash, created_at, expires_at"
    };
}

const INSERT: Sql = Sql::same(
    "INSERT INTO registrations (id, email, username, username_key, display_name, password_hash, expires_at, \
     created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
);

const BY_ID: Sql = Sql::same(concat!("SELECT ", registration_columns!(), " FROM registrations WHERE id = $1"));

/// The newest one that still counts.
macro_rules! newest {
    ($column:literal) => {
        Sql::same(concat!(
            "SELECT ",
            registration_columns!(),
            " FROM registrations WHERE ",
            $column,
            " = $1 AND expires_at > $2 ORDER BY created_at DESC, id DESC LIMIT 1"
        ))
    };
}
const BY_EMAIL: Sql = newest!("email");
const BY_USERNAME: Sql = newest!("username_key");

const IS_USERNAME_TAKEN: Sql = Sql::same(
    "SELECT CASE WHEN EXISTS (SELECT 1 FROM users WHERE username_key = $1) OR EXISTS (SELECT 1 FROM registrations \
     WHERE username_key = $1 AND email <> $2 AND expires_at > $3) THEN TRUE ELSE FALSE END",
);

// Their tokens go with them, by foreign key.
const REMOVE_ALL_OF: Sql = Sql::same("DELETE FROM registrations WHERE email = $1");

const REMOVE_EXPIRED: Sql = remove_before!("registrations", "expires_at");

/// Reads [`registration_columns`].
fn read(row: &mut Row<'_>) -> Result<PendingRegistration, StoreError> {
    Ok(PendingRegistration {
        id: row.id(RegistrationId::from_uuid)?,
        email: row.parsed(Email::parse)?,
        username: row.parsed(Username::parse_reserved)?,
        display_name: row.maybe_parsed(DisplayName::parse)?,
        password_hash: row.text().map(PasswordHash::new)?,
        created_at: row.time()?,
        expires_at: row.time()?,
    })
}

pub(crate) async fn remove_all_of(db: &impl ConnectionTrait, email: &Email) -> Result<u64, StoreError> {
    REMOVE_ALL_OF.run(db, Values::new().text(email.as_str())).await
}

#[async_trait]
impl Registrations for SeaOrmUnit {
    async fn insert(&mut self, registration: &PendingRegistration) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let values = Values::new()
            .id(registration.id.as_uuid())
            .text(registration.email.as_str())
            .text(registration.username.as_str())
            .text(registration.username.key())
            .maybe_text(registration.display_name.as_ref().map(DisplayName::as_str))
            .text(registration.password_hash.expose())
            .time(registration.expires_at)
            .time(registration.created_at);
        step.end(INSERT.run_for_one(step.tx, values).await)
    }

    async fn find(&mut self, id: RegistrationId) -> Result<Option<PendingRegistration>, StoreError> {
        let mut step = self.step()?;
        let row = BY_ID.one(step.tx, Values::new().id(id.as_uuid())).await;
        step.end(row.and_then(|row| maybe(row.as_ref(), read)))
    }

    async fn remove_all_of(&mut self, email: &Email) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(remove_all_of(step.tx, email).await)
    }

    async fn remove_expired(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(REMOVE_EXPIRED.run(step.tx, Values::new().time(at).number(limit)).await)
    }
}

#[async_trait]
impl RegistrationQueries for SeaOrmStore {
    async fn registration_by(
        &self,
        identifier: &Identifier,
        now: Timestamp,
    ) -> Result<Option<PendingRegistration>, StoreError> {
        let (sql, key) = match identifier {
            Identifier::Email(email) => (BY_EMAIL, email.as_str().to_owned()),
            Identifier::Username(name) => (BY_USERNAME, name.key()),
        };
        maybe(sql.one(&self.reads, Values::new().text(key).time(now)).await?.as_ref(), read)
    }

    async fn is_username_taken(&self, username: &Username, email: &Email, now: Timestamp) -> Result<bool, StoreError> {
        let values = Values::new().text(username.key()).text(email.as_str()).time(now);
        let row = IS_USERNAME_TAKEN.one(&self.reads, values).await?;
        Ok(maybe(row.as_ref(), |row| row.flag())?.unwrap_or(false))
    }
}
