//! Personal keys.

use lyceum_domain::{
    audit::AuditAction,
    ids::ApiKeyId,
    invalid::Invalid,
    page::{Page, PageRequest},
    policy::{Action, allow},
    sessions::Secret,
    time::Timestamp,
    users::{ApiKey, ApiKeyName, Scopes},
};

use crate::{Error, Lyceum, error::denied, sessions::Caller};

impl Lyceum {
    /// Makes a key. Its text is known only now.
    pub async fn create_api_key(
        &self,
        caller: &Caller,
        name: ApiKeyName,
        scopes: Scopes,
        expires_at: Option<Timestamp>,
    ) -> Result<(ApiKey, Secret), Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("key"))?;
        let now = self.ports.clock.now();
        if expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("/expires_at", Invalid::Malformed { expected: "a time to come" }));
        }
        let text = ApiKey::text_of(&self.ports.secrets.generate());
        let key = ApiKey {
            id: ApiKeyId::new(&*self.ports.ids),
            user: caller.user.id,
            name,
            prefix: ApiKey::prefix_of(&text),
            hash: self.ports.secrets.hash(text.expose()),
            scopes,
            created_at: now,
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let mut unit = self.ports.store.begin().await?;
        if unit.api_keys().count_live(caller.user.id, now).await? >= self.rules.max_api_keys {
            return Err(Error::TooMany("keys"));
        }
        unit.api_keys().insert(&key).await?;
        let event = self.own_event(AuditAction::ApiKeyCreated, caller);
        unit.audit().append(&event.with("key", key.id).with("prefix", &key.prefix).with("scopes", scopes)).await?;
        unit.commit().await?;
        Ok((key, text))
    }

    /// The keys of whoever asks, newest first; revoked ones are gone.
    pub async fn api_keys(&self, caller: &Caller, page: PageRequest) -> Result<Page<ApiKey>, Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("key"))?;
        Ok(self.ports.store.read().api_keys_page(caller.user.id, page).await?)
    }

    /// Ends a key of whoever asks.
    pub async fn revoke_api_key(&self, caller: &Caller, key: ApiKeyId) -> Result<(), Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("key"))?;
        let mut unit = self.ports.store.begin().await?;
        if !unit.api_keys().revoke(caller.user.id, key, self.ports.clock.now()).await? {
            return Err(Error::NotFound("key"));
        }
        unit.audit().append(&self.own_event(AuditAction::ApiKeyRevoked, caller).with("key", key)).await?;
        unit.commit().await?;
        Ok(())
    }
}
