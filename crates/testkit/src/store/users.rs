//! Users and one-time tokens.

use async_trait::async_trait;
use lyceum_domain::{
    audit::AuditActor,
    ids::UserId,
    page::{Page, PageRequest},
    sessions::{AccountKey, SecretHash},
    store::{StoreError, Unique},
    time::Timestamp,
    users::{DisplayName, Identifier, OneTimeToken, TokenOwner, TokenPurpose, User, UserFilter, UserQueries, Users},
};

use super::{
    MemoryStore, MemoryUnit, registrations, subjects,
    tables::{Tables, count, insert_new, newest_first, refer, remove_some},
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
            let row = User {
                version: user.version + 1,
                last_login_at: stored.last_login_at,
                last_active_at: stored.last_active_at,
                ..user.clone()
            };
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
                user.last_active_at = Some(at);
            }
            Ok(())
        })
    }

    async fn insert_token(&mut self, token: &OneTimeToken) -> Result<(), StoreError> {
        self.run(|tables| {
            match &token.owner {
                TokenOwner::User(id) => refer(&tables.users, id, "user")?,
                TokenOwner::Registration(id) => refer(&tables.registrations, id, "registration")?,
            }
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
    ) -> Result<Option<TokenOwner>, StoreError> {
        self.run(|tables| {
            let good = good_token(tables, purpose, hash, at).map(|token| token.id);
            Ok(good.and_then(|id| tables.one_time_tokens.remove(&id)).map(|token| token.owner))
        })
    }

    async fn revoke_tokens(&mut self, owner: TokenOwner, purpose: TokenPurpose) -> Result<u64, StoreError> {
        self.run(|tables| {
            let is_meant = |token: &OneTimeToken| token.owner == owner && token.purpose == purpose;
            Ok(count(&remove_some(&mut tables.one_time_tokens, u32::MAX, |_, token| is_meant(token))))
        })
    }

    async fn remove_expired_tokens(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| Ok(count(&remove_some(&mut tables.one_time_tokens, limit, |_, token| token.expires_at < at))))
    }

    async fn erase(&mut self, id: UserId, at: Timestamp) -> Result<bool, StoreError> {
        self.run(|tables| {
            let Some(user) = tables.users.remove(&id) else { return Ok(false) };
            let documents = subjects::remove_documents(tables, |document| document.owner == id);
            tables.subjects.retain(|_, subject| subject.owner != id);
            tables.note_removals(user.portrait.into_iter().chain(documents), at);
            tables.claims.retain(|(of, _), _| *of != id);
            registrations::remove_all_of(tables, &user.email);
            tables.one_time_tokens.retain(|_, token| token.owner != TokenOwner::User(id));
            tables.identities.retain(|_, identity| identity.user != id);
            tables.api_keys.retain(|_, key| key.user != id);
            tables.sessions.retain(|_, session| session.user != id);
            let sessions = &tables.sessions;
            tables.refresh_tokens.retain(|_, token| sessions.contains_key(&token.session));
            let account = AccountKey::of_user(id);
            tables.sign_in_failures.retain(|(of, _), _| *of != account);
            tables.outbox.retain(|_, row| row.mail.to != user.email);
            tables.audit_events.retain(|_, event| event.subject != Some(id));
            for event in tables.audit_events.values_mut().filter(|event| event.actor == AuditActor::User(id)) {
                event.actor = AuditActor::Anonymous;
                (event.ip_address, event.user_agent, event.request_id) = (None, None, None);
            }
            for course in tables.courses.values_mut().filter(|course| course.author == Some(id)) {
                course.author = None;
                // The house may have imported the same book.
                course.source = None;
                course.version += 1;
            }
            tables.progress_events.retain(|(of, _, _), _| *of != id);
            tables.course_progress.retain(|(of, _), _| *of != id);
            tables.lesson_progress.retain(|(of, _), _| *of != id);
            tables.conversations.retain(|_, conversation| conversation.owner != id);
            tables.remove_messages_without_conversation();
            tables.usage.retain(|_, usage| usage.user != id);
            tables.spending.remove(&id);
            Ok(true)
        })
    }
}

fn good_token<'t>(
    tables: &'t Tables,
    purpose: TokenPurpose,
    hash: &SecretHash,
    at: Timestamp,
) -> Option<&'t OneTimeToken> {
    let is_good = |token: &&OneTimeToken| token.purpose == purpose && token.hash == *hash && at < token.expires_at;
    tables.one_time_tokens.values().find(is_good)
}

fn is_listed(filter: &UserFilter, user: &User) -> bool {
    let has_text = filter.text.as_ref().is_none_or(|text| {
        let text = text.to_lowercase();
        let names = [user.email.as_str(), user.username.as_str()];
        let shown = user.display_name.as_ref().map(DisplayName::as_str);
        names.into_iter().chain(shown).any(|name| name.to_lowercase().contains(&text))
    });
    has_text
        && user.deleted_at.is_none()
        && filter.role.is_none_or(|role| user.role == role)
        && filter.plan.is_none_or(|plan| user.plan == plan)
        && filter.is_active.is_none_or(|is_active| user.is_active == is_active)
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

    async fn token_owner(
        &self,
        purpose: TokenPurpose,
        hash: &SecretHash,
        at: Timestamp,
    ) -> Result<Option<TokenOwner>, StoreError> {
        Ok(good_token(&*self.tables()?, purpose, hash, at).map(|token| token.owner))
    }

    async fn users_page(&self, filter: &UserFilter, page: PageRequest) -> Result<Page<User>, StoreError> {
        let tables = self.tables()?;
        let listed = tables.users.values().filter(|user| is_listed(filter, user)).cloned().collect();
        Ok(newest_first(listed, page, |user| (user.created_at, user.id.as_uuid())))
    }

    async fn users_deleted_before(&self, at: Timestamp, limit: u32) -> Result<Vec<UserId>, StoreError> {
        let tables = self.tables()?;
        let deleted = tables.users.values().filter_map(|user| Some((user.deleted_at?, user.id)));
        let mut deleted: Vec<_> = deleted.filter(|(deleted, _)| *deleted < at).collect();
        deleted.sort_unstable();
        deleted.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(deleted.into_iter().map(|(_, id)| id).collect())
    }
}
