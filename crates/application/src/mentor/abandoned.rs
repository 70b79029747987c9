//! Answers whose server is gone: killed, or [silent](super::silence) for long. They end as interrupted, and are paid for.

use std::time::Duration;

use lyceum_domain::{
    conversations::{Abandoned, MessageStatus, TurnEnding},
    ids::InstanceId,
    mentor::{Cost, Counted, TokenUsage, UsageOutcome, UsageRecord, cited_among, estimated_usage},
    policy::{Action, Actor, allow},
    time::Timestamp,
};

use crate::{Error, Lyceum, error::denied, retry::retry_on_conflict};

/// A call outside of a conversation that began so long ago has ended, or nobody is there to say so.
const STALE: Duration = Duration::from_hours(1);
/// Servers are forgotten so long after they fell silent.
const FORGET: Duration = Duration::from_hours(24);
/// How many are closed in one go.
const BATCH: u32 = 200;

impl Lyceum {
    /// Ends the answers of servers that are known to be `gone`, and gives back the names of requests that they were at. How
    /// many answers.
    pub async fn close_abandoned(&self, actor: &Actor, gone: &[InstanceId]) -> Result<u64, Error> {
        allow(actor, &Action::KeepHouse).map_err(denied("message"))?;
        if gone.is_empty() {
            return Ok(0);
        }
        let closed = self.close_turns(gone).await?;
        self.give_names_back(gone).await?;
        Ok(closed)
    }

    /// Lets the requests be done again that such servers were at and that have names, under the same names.
    async fn give_names_back(&self, gone: &[InstanceId]) -> Result<(), Error> {
        loop {
            let given_back = retry_on_conflict(|| async {
                let mut unit = self.ports.store.begin().await?;
                let given_back = unit.claims().release_of(gone, BATCH).await?;
                unit.commit().await?;
                Ok(given_back)
            })
            .await?;
            if given_back < u64::from(BATCH) {
                return Ok(());
            }
        }
    }

    async fn close_turns(&self, gone: &[InstanceId]) -> Result<u64, Error> {
        let mut closed = 0;
        loop {
            let now = self.ports.clock.now();
            let under_way = self.ports.store.write().under_way();
            let abandoned = under_way.abandoned(gone, BATCH).await?;
            let (found, before) = (abandoned.len(), closed);
            for turn in abandoned {
                let id = turn.answer.id;
                match self.close_one(&self.ending(turn, now)).await {
                    Ok(is_closed) => closed += u64::from(is_closed),
                    Err(error @ Error::StoreUnavailable(_)) => return Err(error),
                    // One that cannot be ended is no reason to leave the others.
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, answer = %id, "an answer whose server is gone was not ended");
                    }
                }
            }
            if found < BATCH as usize || closed == before {
                return Ok(closed);
            }
        }
    }

    async fn close_one(&self, ending: &TurnEnding) -> Result<bool, Error> {
        retry_on_conflict(|| async {
            let mut unit = self.ports.store.begin().await?;
            let is_closed = unit.conversations().close_abandoned(ending).await?;
            unit.commit().await?;
            Ok(is_closed)
        })
        .await
    }

    /// Ends the records of calls that nobody will end any more, and forgets servers that are long gone. How many calls.
    pub async fn close_stale_calls(&self, actor: &Actor) -> Result<u64, Error> {
        allow(actor, &Action::KeepHouse).map_err(denied("message"))?;
        let now = self.ports.clock.now();
        let stale = self.ports.store.read().stale_calls(now.minus(STALE), BATCH).await?;
        let mut closed = 0;
        for call in stale {
            self.ports.store.write().close_call(&self.broken_off(call, "", now)).await?;
            closed += 1;
        }
        self.ports.store.write().under_way().forget_instances(now.minus(FORGET)).await?;
        Ok(closed)
    }

    /// Ends an answer of this server that nobody gives. If it says nothing its model was never asked.
    pub(super) async fn close_stray(&self, turn: Abandoned) -> Result<bool, Error> {
        let now = self.ports.clock.now();
        if !turn.answer.content.is_empty() {
            return self.close_one(&self.ending(turn, now)).await;
        }
        let Abandoned { mut answer, mut call } = turn;
        call.cost = Cost { tokens: TokenUsage::default(), is_estimated: false, micros: 0 };
        call.counted = Counted::default();
        call.outcome = UsageOutcome::Failed;
        call.error_code = Some("database_unavailable".to_owned());
        answer.status = MessageStatus::Failed;
        (answer.updated_at, call.updated_at) = (now, now);
        self.close_one(&TurnEnding { answer, call, title: None }).await
    }

    fn ending(&self, turn: Abandoned, now: Timestamp) -> TurnEnding {
        let Abandoned { mut answer, call } = turn;
        let call = self.broken_off(call, &answer.content, now);
        answer.status = MessageStatus::Interrupted;
        answer.sources = cited_among(&answer.content, answer.sources);
        answer.model = Some(call.model.clone());
        answer.usage = Some(call.cost.tokens);
        answer.updated_at = now;
        TurnEnding { answer, call, title: None }
    }

    /// The record of a call that broke off after these words: the provider was asked, and said nothing about the cost.
    fn broken_off(&self, mut call: UsageRecord, said: &str, now: Timestamp) -> UsageRecord {
        let tokens = estimated_usage(call.cost.tokens.prompt_tokens, said);
        let micros = self.rules.prices.of(&call.model, &call.model).of(tokens);
        call.cost = Cost { tokens, is_estimated: true, micros };
        call.counted = Counted::of(tokens);
        call.outcome = UsageOutcome::Interrupted;
        call.error_code = Some("server_gone".to_owned());
        call.updated_at = now;
        call
    }
}
