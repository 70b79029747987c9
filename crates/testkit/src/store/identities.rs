//! Users of identity providers.

use async_trait::async_trait;
use lyceum_domain::{
    ids::UserId,
    store::{StoreError, Unique},
    users::{Identities, Identity, IdentityQueries, ProviderName, User},
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{Tables, insert_new, refer},
};

fn find<'t>(tables: &'t Tables, provider: &ProviderName, subject: &str) -> Option<&'t Identity> {
    tables.identities.values().find(|identity| identity.provider == *provider && identity.subject == subject)
}

#[async_trait]
impl Identities for MemoryUnit {
    async fn insert(&mut self, identity: &Identity) -> Result<(), StoreError> {
        self.run(|tables| {
            refer(&tables.users, &identity.user, "user")?;
            if find(tables, &identity.provider, &identity.subject).is_some() {
                return Err(StoreError::Duplicate(Unique::Identity));
            }
            insert_new(&mut tables.identities, identity.id, identity.clone())
        })
    }

    async fn update(&mut self, identity: &Identity) -> Result<(), StoreError> {
        self.run(|tables| {
            let stored = tables.identities.get_mut(&identity.id).ok_or(StoreError::Conflict)?;
            stored.email.clone_from(&identity.email);
            stored.is_email_verified = identity.is_email_verified;
            stored.updated_at = identity.updated_at;
            Ok(())
        })
    }
}

#[async_trait]
impl IdentityQueries for MemoryStore {
    async fn user_by_identity(
        &self,
        provider: &ProviderName,
        subject: &str,
    ) -> Result<Option<(User, Identity)>, StoreError> {
        let tables = self.tables()?;
        let identity = find(&tables, provider, subject);
        Ok(identity.and_then(|identity| Some((tables.users.get(&identity.user)?.clone(), identity.clone()))))
    }

    async fn identities_of(&self, user: UserId) -> Result<Vec<Identity>, StoreError> {
        let mut all: Vec<_> =
            self.tables()?.identities.values().filter(|identity| identity.user == user).cloned().collect();
        all.sort_by_key(|identity| (identity.created_at, identity.id));
        Ok(all)
    }
}
