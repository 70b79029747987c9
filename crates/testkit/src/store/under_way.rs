//! Answers under way and their pieces.

use std::collections::BTreeSet;

use async_trait::async_trait;
use lyceum_domain::{
    conversations::{Abandoned, Author, Message, Piece, Said, SignOfLife, TurnsUnderWay},
    ids::{InstanceId, MessageId, UserId},
    store::StoreError,
    time::Timestamp,
};

use super::{
    MemoryStore,
    conversations::own_message,
    tables::{Tables, at_most, count, remove_some},
};

impl Tables {
    /// The turn is under way no more.
    pub fn forget_under_way(&mut self, answer: MessageId) {
        self.under_way.remove(&answer);
        self.pieces.retain(|(of, _), _| *of != answer);
    }

    /// What was said so far.
    fn said(&self, answer: &Message) -> Message {
        let pieces = self.pieces.range((answer.id, 0)..=(answer.id, u32::MAX));
        Message { content: pieces.map(|(_, text)| text.as_str()).collect(), ..answer.clone() }
    }
}

#[async_trait]
impl TurnsUnderWay for MemoryStore {
    async fn keep_pieces(&self, pieces: &[Piece]) -> Result<(), StoreError> {
        self.quietly(|tables| {
            for piece in pieces.iter().filter(|piece| tables.under_way.contains_key(&piece.message)) {
                tables.pieces.entry((piece.message, piece.offset)).or_insert_with(|| piece.text.clone());
            }
        })
        .await
    }

    async fn said(&self, owner: UserId, message: MessageId) -> Result<Option<Said>, StoreError> {
        let tables = self.tables()?;
        let answer = own_message(&tables, owner, message).filter(|found| found.author == Author::Assistant);
        let is_under_way = tables.under_way.contains_key(&message);
        Ok(answer.map(|answer| {
            let answer = if is_under_way { tables.said(answer) } else { answer.clone() };
            Said { answer, is_under_way }
        }))
    }

    async fn beat(&self, instance: InstanceId, at: Timestamp) -> Result<Vec<MessageId>, StoreError> {
        self.quietly(|tables| {
            tables.instances.insert(instance, at);
            let stopping = tables.under_way.iter().filter(|(_, row)| row.instance == instance && row.is_to_stop);
            stopping.map(|(answer, _)| *answer).collect()
        })
        .await
    }

    async fn request_stop(&self, owner: UserId, message: MessageId) -> Result<bool, StoreError> {
        self.quietly(|tables| {
            let is_own = own_message(tables, owner, message).is_some();
            let row = tables.under_way.get_mut(&message).filter(|_| is_own);
            row.map(|row| row.is_to_stop = true).is_some()
        })
        .await
    }

    async fn follow(&self, message: MessageId, at: Timestamp) -> Result<(), StoreError> {
        self.quietly(|tables| {
            if let Some(row) = tables.under_way.get_mut(&message) {
                row.followed_at = Some(at);
            }
        })
        .await
    }

    async fn followed_at(&self, message: MessageId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.tables()?.under_way.get(&message).and_then(|row| row.followed_at))
    }

    async fn signs_of_life(&self) -> Result<Vec<SignOfLife>, StoreError> {
        let tables = self.tables()?;
        let answering = tables.under_way.values().map(|row| row.instance);
        let named = tables.claims.values().filter(|row| row.answer.is_none()).map(|row| row.claim.instance);
        let busy: BTreeSet<InstanceId> = answering.chain(named).collect();
        let sign = |instance| SignOfLife { instance, at: tables.instances.get(&instance).copied() };
        Ok(busy.into_iter().map(sign).collect())
    }

    async fn answers_of(&self, instance: InstanceId) -> Result<Vec<MessageId>, StoreError> {
        let tables = self.tables()?;
        let own = tables.under_way.iter().filter(|(_, row)| row.instance == instance);
        Ok(own.map(|(answer, _)| *answer).collect())
    }

    async fn abandoned(&self, gone: &[InstanceId], limit: u32) -> Result<Vec<Abandoned>, StoreError> {
        let tables = self.tables()?;
        let abandoned = tables.under_way.iter().filter_map(|(answer, row)| {
            let answer = tables.messages.get(answer)?;
            let call = tables.usage.values().find(|call| call.message == answer.id)?;
            gone.contains(&row.instance).then(|| Abandoned { answer: tables.said(answer), call: call.clone() })
        });
        Ok(abandoned.take(at_most(limit)).collect())
    }

    async fn forget_instances(&self, silent_since: Timestamp) -> Result<u64, StoreError> {
        self.quietly(|tables| {
            let answering: Vec<_> = tables.under_way.values().map(|row| row.instance).collect();
            let is_meant =
                |instance: &InstanceId, seen: &Timestamp| *seen < silent_since && !answering.contains(instance);
            count(&remove_some(&mut tables.instances, u32::MAX, is_meant))
        })
        .await
    }
}
