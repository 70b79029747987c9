//! Personal keys.

use async_trait::async_trait;
use lyceum_domain::{
    ids::{ApiKeyId, UserId},
    page::{Page, PageRequest},
    sessions::SecretHash,
    store::{StoreError, Unique},
    time::Timestamp,
    users::{ApiKey, ApiKeyQueries, ApiKeys, User},
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{insert_new, newest_first, refer},
};

#[async_trait]
impl ApiKeys for MemoryUnit {
    async fn insert(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        self.run(|tables| {
            refer(&tables.users, &key.user, "user")?;
            if tables.api_keys.values().any(|other| other.hash == key.hash) {
                return Err(StoreError::Duplicate(Unique::Key));
            }
            insert_new(&mut tables.api_keys, key.id, key.clone())
        })
    }

    async fn count_live(&mut self, user: UserId, now: Timestamp) -> Result<u32, StoreError> {
        self.run(|tables| {
            let live = tables.api_keys.values().filter(|key| key.user == user && key.is_live(now)).count();
            Ok(u32::try_from(live).unwrap_or(u32::MAX))
        })
    }

    async fn revoke(&mut self, user: UserId, key: ApiKeyId, at: Timestamp) -> Result<bool, StoreError> {
        self.run(|tables| {
            let listed = tables.api_keys.get_mut(&key).filter(|key| key.user == user && key.revoked_at.is_none());
            Ok(listed.map(|key| key.revoked_at = Some(at)).is_some())
        })
    }

    async fn revoke_all(&mut self, user: UserId, at: Timestamp) -> Result<u64, StoreError> {
        self.run(|tables| {
            let mut ended = 0;
            for key in tables.api_keys.values_mut().filter(|key| key.user == user && key.is_live(at)) {
                key.revoked_at = Some(at);
                ended += 1;
            }
            Ok(ended)
        })
    }
}

#[async_trait]
impl ApiKeyQueries for MemoryStore {
    async fn user_by_api_key(&self, hash: &SecretHash) -> Result<Option<(User, ApiKey)>, StoreError> {
        let tables = self.tables()?;
        let key = tables.api_keys.values().find(|key| key.hash == *hash);
        Ok(key.and_then(|key| Some((tables.users.get(&key.user)?.clone(), key.clone()))))
    }

    async fn api_keys_page(&self, user: UserId, page: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        let tables = self.tables()?;
        let listed = |key: &&ApiKey| key.user == user && key.revoked_at.is_none();
        let keys = tables.api_keys.values().filter(listed).cloned().collect();
        Ok(newest_first(keys, page, |key| (key.created_at, key.id.as_uuid())))
    }
}
