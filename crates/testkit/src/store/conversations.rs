//! Conversations and messages.

use async_trait::async_trait;
use lyceum_domain::{
    blobs::Sha256,
    conversations::{
        Author, Conversation, ConversationFilter, ConversationQueries, Conversations, Feedback, Message, TurnEnding,
        TurnOpening,
    },
    ids::{ConversationId, MessageId, UserId},
    mentor::{Manifest, QuotedText, Reserved},
    page::{Page, PageRequest},
    store::StoreError,
    time::Timestamp,
};

use super::{
    MemoryStore, MemoryUnit, ledger,
    tables::{Tables, at_most, newest_first, oldest_first},
    turns::{self, own},
};

/// The stored message, if it is this owner's.
pub(super) fn own_message(tables: &Tables, owner: UserId, id: MessageId) -> Option<&Message> {
    let message = tables.messages.get(&id)?;
    tables.conversations.get(&message.conversation).filter(|found| found.owner == owner).map(|_| message)
}

/// The messages of a conversation of this owner, oldest first.
fn messages(tables: &Tables, owner: UserId, conversation: ConversationId) -> Vec<Message> {
    if tables.conversations.get(&conversation).is_none_or(|found| found.owner != owner) {
        return Vec::new();
    }
    let mut messages: Vec<_> =
        tables.messages.values().filter(|message| message.conversation == conversation).cloned().collect();
    messages.sort_by_key(|message| (message.created_at, message.id));
    messages
}

fn is_listed(tables: &Tables, filter: &ConversationFilter, found: &Conversation) -> bool {
    filter.is_archived.is_none_or(|is_archived| found.is_archived == is_archived)
        && filter.words.as_ref().is_none_or(|words| {
            let mut messages = tables.messages.values().filter(|message| message.conversation == found.id);
            words.are_in(found.title.as_str()) || messages.any(|message| words.are_in(&message.content))
        })
}

impl Tables {
    /// Removes what conversations that are not there (any more) left.
    pub fn remove_messages_without_conversation(&mut self) {
        let conversations = &self.conversations;
        self.messages.retain(|_, message| conversations.contains_key(&message.conversation));
        let messages = &self.messages;
        self.manifests.retain(|answer, _| messages.contains_key(answer));
        self.quotations.retain(|(answer, _)| messages.contains_key(answer));
        self.under_way.retain(|answer, _| messages.contains_key(answer));
        self.pieces.retain(|(answer, _), _| messages.contains_key(answer));
    }
}

#[async_trait]
impl Conversations for MemoryUnit {
    async fn begin_turn(&mut self, opening: &TurnOpening) -> Result<Reserved, StoreError> {
        self.run(|tables| turns::begin(tables, opening))
    }

    async fn end_turn(&mut self, ending: &TurnEnding) -> Result<(), StoreError> {
        self.run(|tables| {
            turns::end(tables, ending);
            Ok(())
        })
    }

    async fn close_abandoned(&mut self, ending: &TurnEnding) -> Result<bool, StoreError> {
        self.run(|tables| Ok(turns::close_abandoned(tables, ending)))
    }

    async fn update(&mut self, conversation: &Conversation) -> Result<(), StoreError> {
        self.run(|tables| {
            let stored = own(tables, conversation.owner, conversation.id)
                .filter(|stored| stored.version == conversation.version)
                .ok_or(StoreError::Conflict)?;
            *stored = Conversation { version: conversation.version + 1, ..conversation.clone() };
            Ok(())
        })
    }

    async fn delete(&mut self, owner: UserId, id: ConversationId) -> Result<bool, StoreError> {
        self.run(|tables| {
            if own(tables, owner, id).is_none() {
                return Ok(false);
            }
            tables.conversations.remove(&id);
            tables.remove_messages_without_conversation();
            Ok(true)
        })
    }

    async fn set_feedback(
        &mut self,
        owner: UserId,
        message: MessageId,
        feedback: Option<&Feedback>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.run(|tables| {
            let is_own = own_message(tables, owner, message).is_some_and(|found| found.author == Author::Assistant);
            let Some(stored) = tables.messages.get_mut(&message).filter(|_| is_own) else { return Ok(false) };
            (stored.feedback, stored.updated_at) = (feedback.cloned(), at);
            Ok(true)
        })
    }

    async fn forget_texts(&mut self, quoted_before: Timestamp, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| {
            let mut due: Vec<_> = tables
                .quoted_texts
                .iter()
                .map(|(digest, (_, at))| (*at, *digest))
                .filter(|(at, _)| *at < quoted_before)
                .collect();
            due.sort_unstable();
            due.truncate(at_most(limit));
            let mut removed = 0;
            for (_, digest) in due {
                if tables.quotations.iter().any(|(_, quoted)| *quoted == digest) {
                    if let Some(row) = tables.quoted_texts.get_mut(&digest) {
                        row.1 = now;
                    }
                } else {
                    tables.quoted_texts.remove(&digest);
                    removed += 1;
                }
            }
            Ok(removed)
        })
    }

    async fn remove_usage(&mut self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| Ok(ledger::remove_before(tables, before, limit)))
    }
}

#[async_trait]
impl ConversationQueries for MemoryStore {
    async fn conversation(&self, owner: UserId, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        Ok(self.tables()?.conversations.get(&id).filter(|found| found.owner == owner).cloned())
    }

    async fn conversations_page(
        &self,
        owner: UserId,
        filter: &ConversationFilter,
        page: PageRequest,
    ) -> Result<Page<Conversation>, StoreError> {
        let tables = self.tables()?;
        let listed = tables
            .conversations
            .values()
            .filter(|found| found.owner == owner)
            .filter(|found| is_listed(&tables, filter, found))
            .cloned()
            .collect();
        Ok(newest_first(listed, page, |found| (found.updated_at, found.id.as_uuid())))
    }

    async fn message(&self, owner: UserId, id: MessageId) -> Result<Option<Message>, StoreError> {
        Ok(own_message(&*self.tables()?, owner, id).cloned())
    }

    async fn messages_page(
        &self,
        owner: UserId,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Result<Page<Message>, StoreError> {
        let messages = messages(&*self.tables()?, owner, conversation);
        Ok(oldest_first(messages, page, |message| (message.created_at, message.id.as_uuid())))
    }

    async fn recent_messages(
        &self,
        owner: UserId,
        conversation: ConversationId,
        before: Option<MessageId>,
        limit: u8,
    ) -> Result<Vec<Message>, StoreError> {
        let mut messages = messages(&*self.tables()?, owner, conversation);
        messages.retain(|message| !message.content.is_empty());
        let mut history = Vec::new();
        for question in messages.iter().filter(|message| message.author == Author::User) {
            if before == Some(question.id) {
                break;
            }
            history.push(question.clone());
            history.extend(messages.iter().rfind(|message| message.parent == Some(question.id)).cloned());
        }
        Ok(history.split_off(history.len().saturating_sub(usize::from(limit))))
    }

    async fn manifest(&self, answer: MessageId) -> Result<Option<(UserId, Manifest)>, StoreError> {
        let tables = self.tables()?;
        let owner = tables.messages.get(&answer).and_then(|answer| tables.conversations.get(&answer.conversation));
        Ok(owner.and_then(|of| Some((of.owner, tables.manifests.get(&answer)?.clone()))))
    }

    async fn quoted_texts(&self, digests: &[Sha256]) -> Result<Vec<QuotedText>, StoreError> {
        let tables = self.tables()?;
        let found =
            |digest: &Sha256| Some(QuotedText { digest: *digest, text: tables.quoted_texts.get(digest)?.0.clone() });
        Ok(digests.iter().filter_map(found).collect())
    }
}
