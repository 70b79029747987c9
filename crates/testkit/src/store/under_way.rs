//! Answers under way and their pieces.

use async_trait::async_trait;
use lyceum_domain::{
    conversations::{Abandoned, Author, Message, Piece, Said, TurnsUnderWay},
    ids::{InstanceId, MessageId, UserId},
    store::StoreError,
    time::Timestamp,
};

use super::{
    MemoryStore,
    conversations::own_message,
    tables::{Tables, UnderWayRow, at_most, count, remove_some},
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

    /// When the server that gives an answer was last seen.
    fn seen_at(&self, answer: &Message, row: &UnderWayRow) -> Timestamp {
        self.instances.get(&row.instance).copied().unwrap_or(answer.created_at)
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
        Ok(answer.map(|answer| match tables.under_way.get(&message) {
            Some(row) => Said { answer: tables.said(answer), seen_at: Some(tables.seen_at(answer, row)) },
            None => Said { answer: answer.clone(), seen_at: None },
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

    async fn follow(&self, message: MessageId, until: Timestamp) -> Result<(), StoreError> {
        self.quietly(|tables| {
            if let Some(row) = tables.under_way.get_mut(&message) {
                row.followed_until = row.followed_until.max(Some(until));
            }
        })
        .await
    }

    async fn followed_until(&self, message: MessageId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.tables()?.under_way.get(&message).and_then(|row| row.followed_until))
    }

    async fn abandoned(
        &self,
        gone: &[InstanceId],
        silent_since: Timestamp,
        limit: u32,
    ) -> Result<Vec<Abandoned>, StoreError> {
        let tables = self.tables()?;
        let abandoned = tables.under_way.iter().filter_map(|(answer, row)| {
            let answer = tables.messages.get(answer)?;
            let is_abandoned = gone.contains(&row.instance) || tables.seen_at(answer, row) < silent_since;
            let call = tables.usage.values().find(|call| call.message == answer.id)?;
            is_abandoned.then(|| Abandoned { answer: tables.said(answer), call: call.clone() })
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
