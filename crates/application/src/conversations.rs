//! Finding, renaming, archiving and deleting one's conversations.

use lyceum_domain::{
    conversations::{Author, Conversation, ConversationFilter, Feedback, Message, MessageStatus},
    courses::Title,
    ids::{ConversationId, MessageId, UserId},
    page::{Page, PageRequest},
    policy::{Action, Actor, allow},
};

use crate::{Error, Lyceum, error::denied, retry::retry_on_conflict, walk::all};

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

    /// A message of one's own; of an answer under way what was said so far.
    pub async fn message(&self, actor: &Actor, id: MessageId) -> Result<Message, Error> {
        let owner = reader(actor)?;
        let store = &self.ports.store;
        let message = store.read().message(owner, id).await?.ok_or(Error::NotFound("message"))?;
        if message.status != MessageStatus::Streaming {
            return Ok(message);
        }
        let said = store.write().under_way().said(owner, id).await?.ok_or(Error::NotFound("message"))?;
        Ok(said.answer)
    }

    /// A conversation with all its messages, oldest first.
    pub async fn export_conversation(
        &self,
        actor: &Actor,
        id: ConversationId,
    ) -> Result<(Conversation, Vec<Message>), Error> {
        let conversation = self.conversation(actor, id).await?;
        let owner = conversation.owner;
        let messages = all(|page| self.ports.store.read().messages_page(owner, id, page)).await?;
        Ok((conversation, messages))
    }

    /// Notes what somebody thinks of an answer they got, or that they take it back.
    pub async fn rate_answer(
        &self,
        actor: &Actor,
        id: MessageId,
        feedback: Option<Feedback>,
    ) -> Result<Message, Error> {
        let owner = reader(actor)?;
        let mut message = self.message(actor, id).await?;
        if message.author != Author::Assistant {
            return Err(Error::NotAnAnswer);
        }
        let now = self.ports.clock.now();
        let mut unit = self.ports.store.begin().await?;
        if !unit.conversations().set_feedback(owner, id, feedback.as_ref(), now).await? {
            return Err(Error::NotFound("message"));
        }
        unit.commit().await?;
        (message.feedback, message.updated_at) = (feedback, now);
        Ok(message)
    }
}

/// Whoever may have conversations at all.
fn reader(actor: &Actor) -> Result<UserId, Error> {
    allow(actor, &Action::AskMentor).map_err(denied("message"))?;
    actor.user().ok_or(Error::SignInRequired)
}
