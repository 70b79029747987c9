//! Keys of requests that are done once.

use async_trait::async_trait;
use lyceum_domain::{
    idempotency::{Claim, Claimed, Claims, SettledAnswer},
    ids::InstanceId,
    store::StoreError,
    time::Timestamp,
};

use super::{
    MemoryUnit,
    tables::{ClaimRow, Tables, count, refer, remove_some},
};

/// The row of a key, if this claim holds it.
fn held<'t>(tables: &'t mut Tables, claim: &Claim) -> Option<&'t mut ClaimRow> {
    tables.claims.get_mut(&(claim.user, claim.key.clone())).filter(|row| row.claim.id == claim.id)
}

#[async_trait]
impl Claims for MemoryUnit {
    async fn claim(&mut self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.run(|tables| {
            refer(&tables.users, &claim.user, "user")?;
            let now = claim.created_at;
            let key = (claim.user, claim.key.clone());
            match tables.claims.get(&key).filter(|row| now < row.claim.expires_at) {
                Some(ClaimRow { answer: Some(answer), .. }) => return Ok(Claimed::Settled(answer.clone())),
                Some(row) if now < row.claim.leased_until => return Ok(Claimed::Running),
                _ => {}
            }
            tables.claims.insert(key, ClaimRow { claim: claim.clone(), answer: None });
            Ok(Claimed::Ours)
        })
    }

    async fn settle(&mut self, claim: &Claim, answer: &SettledAnswer) -> Result<(), StoreError> {
        self.run(|tables| {
            held(tables, claim).ok_or(StoreError::Conflict)?.answer = Some(answer.clone());
            Ok(())
        })
    }

    async fn release(&mut self, claim: &Claim) -> Result<(), StoreError> {
        self.run(|tables| {
            if held(tables, claim).is_some_and(|row| row.answer.is_none()) {
                tables.claims.remove(&(claim.user, claim.key.clone()));
            }
            Ok(())
        })
    }

    async fn release_of(&mut self, gone: &[InstanceId], limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| {
            Ok(count(&remove_some(&mut tables.claims, limit, |_, ClaimRow { claim, answer }| {
                answer.is_none() && gone.contains(&claim.instance)
            })))
        })
    }

    async fn remove_expired(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| Ok(count(&remove_some(&mut tables.claims, limit, |_, row| row.claim.expires_at < at))))
    }
}
