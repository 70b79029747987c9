//! Conversations, messages and usage.

use async_trait::async_trait;
use lyceum_domain::{
    conversations::{Conversation, ConversationFilter, ConversationQueries, Conversations, Message},
    ids::{ConversationId, UserId},
    mentor::UsageRecord,
    page::{Page, PageRequest},
    store::StoreError,
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{Tables, insert_new, newest_first, oldest_first, refer},
};

/// The stored conversation, if it is this owner's.
fn own(tables: &mut Tables, owner: UserId, id: ConversationId) -> Option<&mut Conversation> {
    tables.conversations.get_mut(&id).filter(|conversation| conversation.owner == owner)
}

fn insert_message(tables: &mut Tables, message: &Message) -> Result<(), StoreError> {
    refer(&tables.conversations, &message.conversation, "conversation")?;
    if let Some(lesson) = &message.lesson {
        refer(&tables.lessons, lesson, "lesson")?;
    }
    insert_new(&mut tables.messages, message.id, message.clone())
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

#[async_trait]
impl Conversations for MemoryUnit {
    async fn begin_turn(
        &mut self,
        conversation: &Conversation,
        is_new: bool,
        question: &Message,
        answer: &Message,
        usage: &UsageRecord,
    ) -> Result<(), StoreError> {
        self.run(|tables| {
            if is_new {
                refer(&tables.users, &conversation.owner, "user")?;
                if let Some(course) = &conversation.course {
                    refer(&tables.courses, course, "course")?;
                }
                insert_new(&mut tables.conversations, conversation.id, conversation.clone())?;
            } else {
                let stored = own(tables, conversation.owner, conversation.id).ok_or(StoreError::Conflict)?;
                stored.updated_at = conversation.updated_at;
            }
            insert_message(tables, question)?;
            insert_message(tables, answer)?;
            refer(&tables.users, &usage.user, "user")?;
            insert_new(&mut tables.usage, usage.id, usage.clone())
        })
    }

    async fn end_turn(&mut self, answer: &Message, usage: &UsageRecord) -> Result<(), StoreError> {
        self.run(|tables| {
            if let Some(stored) = tables.messages.get_mut(&answer.id) {
                stored.clone_from(answer);
            }
            tables.usage.insert(usage.id, usage.clone());
            Ok(())
        })
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
            tables.messages.retain(|_, message| message.conversation != id);
            Ok(true)
        })
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
        filter: ConversationFilter,
        page: PageRequest,
    ) -> Result<Page<Conversation>, StoreError> {
        let tables = self.tables()?;
        let listed = tables
            .conversations
            .values()
            .filter(|found| found.owner == owner)
            .filter(|found| filter.is_archived.is_none_or(|is_archived| found.is_archived == is_archived))
            .cloned()
            .collect();
        Ok(newest_first(listed, page, |found| (found.updated_at, found.id.as_uuid())))
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
        limit: u8,
    ) -> Result<Vec<Message>, StoreError> {
        let mut messages = messages(&*self.tables()?, owner, conversation);
        messages.retain(|message| !message.content.is_empty());
        Ok(messages.split_off(messages.len().saturating_sub(usize::from(limit))))
    }

    async fn usage_of(&self, user: UserId) -> Result<Vec<UsageRecord>, StoreError> {
        let mut records: Vec<_> = self.tables()?.usage.values().filter(|record| record.user == user).cloned().collect();
        records.sort_by_key(|record| (record.created_at, record.id));
        Ok(records)
    }
}
