//! Writes without a unit around them. On PostgreSQL each is one statement, which keeps all of itself or nothing: no
//! `BEGIN`, no `COMMIT`, one round trip. Where SQLite needs several, there it is a unit all the same.

use async_trait::async_trait;
use lyceum_domain::{
    conversations::{Conversation, Message},
    ids::{ApiKeyId, UserId},
    mentor::UsageRecord,
    progress::{CourseProgress, ProgressChange},
    store::{SingleWrites, Store, StoreError},
    time::Timestamp,
};
use sea_orm::DbBackend;

use crate::{api_keys, connect::SeaOrmStore, progress, turns, users};

impl SeaOrmStore {
    fn is_one_statement(&self) -> bool {
        self.writes.get_database_backend() == DbBackend::Postgres
    }
}

#[async_trait]
impl SingleWrites for SeaOrmStore {
    async fn touch_activity(&self, user: UserId, at: Timestamp) -> Result<(), StoreError> {
        users::touch_activity(&self.writes, user, at).await
    }

    async fn touch_api_key(&self, key: ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        api_keys::touch(&self.writes, key, at).await
    }

    async fn save_progress(&self, progress: &CourseProgress, change: &ProgressChange) -> Result<(), StoreError> {
        if self.is_one_statement() {
            return progress::save(&self.writes, progress, change).await;
        }
        let mut unit = self.begin().await?;
        unit.progress().save(progress, change).await?;
        unit.commit().await
    }

    async fn begin_turn(
        &self,
        conversation: &Conversation,
        is_new: bool,
        question: &Message,
        answer: &Message,
        usage: &UsageRecord,
    ) -> Result<(), StoreError> {
        if self.is_one_statement() {
            return turns::begin(&self.writes, conversation, is_new, [question, answer], usage).await;
        }
        let mut unit = self.begin().await?;
        unit.conversations().begin_turn(conversation, is_new, question, answer, usage).await?;
        unit.commit().await
    }

    async fn end_turn(&self, answer: &Message, usage: &UsageRecord) -> Result<(), StoreError> {
        if self.is_one_statement() {
            return turns::end(&self.writes, answer, usage).await;
        }
        let mut unit = self.begin().await?;
        unit.conversations().end_turn(answer, usage).await?;
        unit.commit().await
    }
}
