//! Users and one-time tokens.

use async_trait::async_trait;
use lyceum_domain::{
    ids::UserId,
    sessions::SecretHash,
    store::{StoreError, Unique},
    time::Timestamp,
    users::{Identifier, OneTimeToken, TokenPurpose, User, UserQueries, Users},
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{Tables, insert_new, refer},
};

fn check_names(tables: &Tables, user: &User) -> Result<(), StoreError> {
    for other in tables.users.values().filter(|other| other.id != user.id) {
        if other.email == user.email {
            return Err(StoreError::Duplicate(Unique::Email));
        }
        if other.username.key() == user.username.key() {
            return Err(StoreError::Duplicate(Unique::Username));
        }
    }
    Ok(())
}

#[async_trait]
impl Users for MemoryUnit {
    async fn insert(&mut self, user: &User) -> Result<(), StoreError> {
        self.run(|tables| {
            check_names(tables, user)?;
            insert_new(&mut tables.users, user.id, user.clone())
        })
    }

    async fn update(&mut self, user: &User) -> Result<(), StoreError> {
        self.run(|tables| {
            let stored = tables.users.get(&user.id).ok_or(StoreError::Conflict)?;
            if stored.version != user.version {
                return Err(StoreError::Conflict);
            }
            check_names(tables, user)?;
            let row = User { version: user.version + 1, last_login_at: stored.last_login_at, ..user.clone() };
            tables.users.insert(user.id, row);
            Ok(())
        })
    }

    async fn find(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        self.run(|tables| Ok(tables.users.get(&id).cloned()))
    }

    async fn touch_login(&mut self, id: UserId, at: Timestamp) -> Result<(), StoreError> {
        self.run(|tables| {
            if let Some(user) = tables.users.get_mut(&id) {
                user.last_login_at = Some(at);
            }
            Ok(())
        })
    }

    async fn insert_token(&mut self, token: &OneTimeToken) -> Result<(), StoreError> {
        self.run(|tables| {
            refer(&tables.users, &token.user, "user")?;
            if tables.one_time_tokens.values().any(|other| other.hash == token.hash) {
                return Err(StoreError::Duplicate(Unique::Key));
            }
            insert_new(&mut tables.one_time_tokens, token.id, token.clone())
        })
    }

    async fn take_token(
        &mut self,
        purpose: TokenPurpose,
        hash: &SecretHash,
        at: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        self.run(|tables| {
            let good = tables
                .one_time_tokens
                .values()
                .find(|token| token.purpose == purpose && token.hash == *hash && at < token.expires_at)
                .map(|token| token.id);
            Ok(good.and_then(|id| tables.one_time_tokens.remove(&id)).map(|token| token.user))
        })
    }
}

#[async_trait]
impl UserQueries for MemoryStore {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.tables()?.users.get(&id).cloned())
    }

    async fn user_by(&self, identifier: &Identifier) -> Result<Option<User>, StoreError> {
        let is_meant = |user: &&User| match identifier {
            Identifier::Email(email) => user.email == *email,
            Identifier::Username(username) => user.username.key() == username.key(),
        };
        Ok(self.tables()?.users.values().find(is_meant).cloned())
    }
}
