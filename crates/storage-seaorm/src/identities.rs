//! Users of identity providers.

use async_trait::async_trait;
use lyceum_domain::{
    ids::{IdentityId, UserId},
    store::StoreError,
    users::{Email, Identities, Identity, IdentityQueries, ProviderName, User},
};

use crate::{
    connect::SeaOrmStore,
    row::{Row, each, maybe},
    sql::{Sql, Values},
    unit::SeaOrmUnit,
    users::{self, user_columns},
};

/// The columns that [`read`] reads, of the table `i`.
macro_rules! identity_columns {
    () => {
        "i.id, i.user_id, i.provider, i.subject, i.email, i.is_email_verified, i.created_at, i.updated_at"
    };
}

const INSERT: Sql = Sql::same(
    "INSERT INTO identities (id, user_id, provider, subject, email, is_email_verified, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);

const UPDATE: Sql =
    Sql::same("UPDATE identities SET email = $2, is_email_verified = $3, updated_at = $4 WHERE id = $1");

const USER_BY_SUBJECT: Sql = Sql::same(concat!(
    "SELECT ",
    user_columns!(),
    ", ",
    identity_columns!(),
    " FROM identities i JOIN users u ON u.id = i.user_id WHERE i.provider = $1 AND i.subject = $2"
));

const OF_USER: Sql = Sql::same(concat!(
    "SELECT ",
    identity_columns!(),
    " FROM identities i WHERE i.user_id = $1 ORDER BY i.created_at, i.id"
));

/// Reads [`identity_columns`].
fn read(row: &mut Row<'_>) -> Result<Identity, StoreError> {
    Ok(Identity {
        id: row.id(IdentityId::from_uuid)?,
        user: row.id(UserId::from_uuid)?,
        provider: row.parsed(ProviderName::parse)?,
        subject: row.text()?,
        email: row.maybe_parsed(Email::parse)?,
        is_email_verified: row.flag()?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}

#[async_trait]
impl Identities for SeaOrmUnit {
    async fn insert(&mut self, identity: &Identity) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let values = Values::new()
            .id(identity.id.as_uuid())
            .id(identity.user.as_uuid())
            .text(identity.provider.as_str())
            .text(identity.subject.as_str())
            .maybe_text(identity.email.as_ref().map(Email::as_str))
            .flag(identity.is_email_verified)
            .time(identity.created_at)
            .time(identity.updated_at);
        step.end(INSERT.run_for_one(step.tx, values).await)
    }

    async fn update(&mut self, identity: &Identity) -> Result<(), StoreError> {
        let mut step = self.step()?;
        let values = Values::new()
            .id(identity.id.as_uuid())
            .maybe_text(identity.email.as_ref().map(Email::as_str))
            .flag(identity.is_email_verified)
            .time(identity.updated_at);
        step.end(UPDATE.run_for_one(step.tx, values).await)
    }
}

#[async_trait]
impl IdentityQueries for SeaOrmStore {
    async fn user_by_identity(
        &self,
        provider: &ProviderName,
        subject: &str,
    ) -> Result<Option<(User, Identity)>, StoreError> {
        // PostgreSQL takes no such text, so nobody has it.
        if subject.contains('\0') {
            return Ok(None);
        }
        let values = Values::new().text(provider.as_str()).text(subject);
        let row = USER_BY_SUBJECT.one(&self.reads, values).await?;
        maybe(row.as_ref(), |row| Ok((users::read(row)?, read(row)?)))
    }

    async fn identities_of(&self, user: UserId) -> Result<Vec<Identity>, StoreError> {
        each(&OF_USER.all(&self.reads, Values::new().id(user.as_uuid())).await?, read)
    }
}
