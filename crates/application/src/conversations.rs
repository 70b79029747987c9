//! Finding, renaming, archiving and deleting one's conversations.

use lyceum_domain::{
    conversations::{Conversation, ConversationFilter, Message},
    courses::Title,
    ids::ConversationId,
    page::{Page, PageRequest},
    policy::{Action, Actor, allow},
};

use crate::{Error, Lyceum, error::denied, retry::retry_on_conflict};

/// What an owner changes about a conversation.
#[derive(Debug, Clone, Default)]
pub struct ConversationChange {
    /// What it is called.
    pub title: Option<Title>,
    /// Put away, or taken out again.
    pub is_archived: Option<bool>,
}

impl Lyceum {
    /// One's conversations, newest first.
    pub async fn conversations(
        &self,
        actor: &Actor,
        filter: ConversationFilter,
        page: PageRequest,
    ) -> Result<Page<Conversation>, Error> {
        allow(actor, &Action::AskMentor).map_err(denied("conversation"))?;
        let owner = actor.user().ok_or(Error::SignInRequired)?;
        Ok(self.ports.store.read().conversations_page(owner, &filter, page).await?)
    }

    /// One of one's conversations.
    pub async fn conversation(&self, actor: &Actor, id: ConversationId) -> Result<Conversation, Error> {
        allow(actor, &Action::AskMentor).map_err(denied("conversation"))?;
        let owner = actor.user().ok_or(Error::SignInRequired)?;
        self.ports.store.read().conversation(owner, id).await?.ok_or(Error::NotFound("conversation"))
    }

    /// Its messages, oldest first.
    pub async fn messages(&self, actor: &Actor, id: ConversationId, page: PageRequest) -> Result<Page<Message>, Error> {
        let conversation = self.conversation(actor, id).await?;
        Ok(self.ports.store.read().messages_page(conversation.owner, id, page).await?)
    }

    /// Changes a conversation. `expected` is the version that the change is about, if they said.
    pub async fn change_conversation(
        &self,
        actor: &Actor,
        id: ConversationId,
        change: ConversationChange,
        expected: Option<u32>,
    ) -> Result<Conversation, Error> {
        retry_on_conflict(|| async {
            let mut conversation = self.conversation(actor, id).await?;
            if expected.is_some_and(|version| version != conversation.version) {
                return Err(Error::VersionMismatch);
            }
            if let Some(title) = change.title.clone() {
                conversation.title = title;
            }
            conversation.is_archived = change.is_archived.unwrap_or(conversation.is_archived);
            conversation.updated_at = self.ports.clock.now();
            let mut unit = self.ports.store.begin().await?;
            unit.conversations().update(&conversation).await?;
            unit.commit().await?;
            conversation.version += 1;
            Ok(conversation)
        })
        .await
    }

    /// Deletes a conversation with its messages, for good.
    pub async fn delete_conversation(
        &self,
        actor: &Actor,
        id: ConversationId,
        expected: Option<u32>,
    ) -> Result<(), Error> {
        let conversation = self.conversation(actor, id).await?;
        if expected.is_some_and(|version| version != conversation.version) {
            return Err(Error::VersionMismatch);
        }
        let mut unit = self.ports.store.begin().await?;
        unit.conversations().delete(conversation.owner, id).await?;
        unit.commit().await?;
        Ok(())
    }
}
