//! Registrations that wait to be verified.

use async_trait::async_trait;
use lyceum_domain::{
    ids::RegistrationId,
    store::StoreError,
    time::Timestamp,
    users::{Email, Identifier, PendingRegistration, RegistrationQueries, Registrations, TokenOwner, Username},
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{Tables, count, insert_new, remove_some},
};

/// Tokens go with what they are for.
fn remove(tables: &mut Tables, limit: u32, is_meant: impl Fn(&PendingRegistration) -> bool) -> u64 {
    let removed = remove_some(&mut tables.registrations, limit, |_, registration| is_meant(registration));
    let is_orphan = |owner| matches!(owner, TokenOwner::Registration(id) if removed.contains(&id));
    tables.one_time_tokens.retain(|_, token| !is_orphan(token.owner));
    count(&removed)
}

pub(super) fn remove_all_of(tables: &mut Tables, email: &Email) -> u64 {
    remove(tables, u32::MAX, |registration| registration.email == *email)
}

#[async_trait]
impl Registrations for MemoryUnit {
    async fn insert(&mut self, registration: &PendingRegistration) -> Result<(), StoreError> {
        self.run(|tables| insert_new(&mut tables.registrations, registration.id, registration.clone()))
    }

    async fn find(&mut self, id: RegistrationId) -> Result<Option<PendingRegistration>, StoreError> {
        self.run(|tables| Ok(tables.registrations.get(&id).cloned()))
    }

    async fn remove_all_of(&mut self, email: &Email) -> Result<u64, StoreError> {
        self.run(|tables| Ok(remove_all_of(tables, email)))
    }

    async fn remove_expired(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| Ok(remove(tables, limit, |registration| registration.expires_at < at)))
    }
}

#[async_trait]
impl RegistrationQueries for MemoryStore {
    async fn registration_by(
        &self,
        identifier: &Identifier,
        now: Timestamp,
    ) -> Result<Option<PendingRegistration>, StoreError> {
        let is_meant = |registration: &&PendingRegistration| match identifier {
            Identifier::Email(email) => registration.email == *email,
            Identifier::Username(username) => registration.username.key() == username.key(),
        };
        let tables = self.tables()?;
        let live = tables.registrations.values().filter(|registration| now < registration.expires_at);
        Ok(live.filter(is_meant).max_by_key(|registration| (registration.created_at, registration.id)).cloned())
    }

    async fn is_username_taken(&self, username: &Username, email: &Email, now: Timestamp) -> Result<bool, StoreError> {
        let tables = self.tables()?;
        let key = username.key();
        let waits = |registration: &PendingRegistration| {
            registration.username.key() == key && registration.email != *email && now < registration.expires_at
        };
        Ok(tables.users.values().any(|user| user.username.key() == key) || tables.registrations.values().any(waits))
    }
}
