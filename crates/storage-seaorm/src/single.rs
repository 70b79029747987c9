//! Writes without a unit around them. On PostgreSQL each is one statement, which keeps all of itself or nothing: no
//! `BEGIN`, no `COMMIT`, one round trip. Where SQLite needs several, there it is a unit all the same.

use async_trait::async_trait;
use lyceum_domain::{
    conversations::{TurnEnding, TurnOpening, TurnsUnderWay},
    ids::{ApiKeyId, UserId},
    jobs::JobLeases,
    mentor::{Reservation, Reserved, UsageRecord},
    progress::{CourseProgress, ProgressChange},
    store::{SingleWrites, Store, StoreError, UnitOfWork as _},
    time::Timestamp,
};
use sea_orm::{ConnectionTrait as _, DbBackend};

use crate::{
    api_keys, calls,
    connect::SeaOrmStore,
    endings::{self, If},
    progress, resealing, turns,
    unit::SeaOrmUnit,
    users,
};

impl SeaOrmStore {
    pub(crate) fn is_one_statement(&self) -> bool {
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

    async fn begin_turn(&self, opening: &TurnOpening) -> Result<Reserved, StoreError> {
        if self.is_one_statement() {
            return turns::begin(&self.writes, &self.sealing, opening).await;
        }
        let mut unit = self.begin().await?;
        let reserved = unit.conversations().begin_turn(opening).await?;
        unit.commit().await?;
        Ok(reserved)
    }

    async fn end_turn(&self, ending: &TurnEnding) -> Result<(), StoreError> {
        if self.is_one_statement() {
            return endings::end(&self.writes, &self.sealing, ending, If::Ever).await.map(drop);
        }
        let mut unit = self.begin().await?;
        unit.conversations().end_turn(ending).await?;
        unit.commit().await
    }

    async fn open_call(&self, call: &UsageRecord, reservation: &Reservation) -> Result<Reserved, StoreError> {
        if self.is_one_statement() {
            return calls::open(&self.writes, call, reservation).await;
        }
        let mut unit = Box::new(SeaOrmUnit::begin(&self.writes, &self.sealing).await?);
        let mut step = unit.step()?;
        let opened = calls::open(step.tx, call, reservation).await;
        let reserved = step.end(opened)?;
        unit.commit().await?;
        Ok(reserved)
    }

    async fn close_call(&self, call: &UsageRecord) -> Result<(), StoreError> {
        if self.is_one_statement() {
            return calls::close(&self.writes, call).await;
        }
        let mut unit = Box::new(SeaOrmUnit::begin(&self.writes, &self.sealing).await?);
        let mut step = unit.step()?;
        let closed = calls::close(step.tx, call).await;
        step.end(closed)?;
        unit.commit().await
    }

    fn under_way(&self) -> &dyn TurnsUnderWay {
        self
    }

    fn job_leases(&self) -> &dyn JobLeases {
        self
    }

    async fn reseal(&self, limit: u32) -> Result<u64, StoreError> {
        resealing::reseal(&self.writes, &self.sealing, limit).await
    }
}
