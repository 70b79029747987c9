//! Failed sign-ins.

use async_trait::async_trait;
use lyceum_domain::{
    ids::UserId,
    sessions::{AccountFailures, AccountKey, Failures, Network, SignInFailureQueries, SignInFailures},
    store::StoreError,
    time::Timestamp,
};

use super::{
    MemoryStore, MemoryUnit,
    tables::{count, remove_some},
};

#[async_trait]
impl SignInFailures for MemoryUnit {
    async fn add(
        &mut self,
        account: &AccountKey,
        network: &Network,
        at: Timestamp,
        forget_before: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(|tables| {
            for place in [Some(network.clone()), None] {
                let row = tables.sign_in_failures.entry((account.clone(), place)).or_default();
                let is_forgotten = row.last_at.is_some_and(|last| last < forget_before);
                *row = Failures { count: if is_forgotten { 1 } else { row.count + 1 }, last_at: Some(at) };
            }
            Ok(())
        })
    }

    async fn forget(&mut self, account: &AccountKey, network: &Network) -> Result<(), StoreError> {
        self.run(|tables| {
            let here = tables.sign_in_failures.remove(&(account.clone(), Some(network.clone())));
            if let Some(anywhere) = tables.sign_in_failures.get_mut(&(account.clone(), None)) {
                anywhere.count = anywhere.count.saturating_sub(here.unwrap_or_default().count);
            }
            Ok(())
        })
    }

    async fn forget_all(&mut self, account: &AccountKey) -> Result<(), StoreError> {
        self.run(|tables| {
            tables.sign_in_failures.retain(|(of, _), _| of != account);
            Ok(())
        })
    }

    async fn remove_old(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.run(|tables| {
            let is_old = |row: &Failures| row.last_at.is_some_and(|last| last < at);
            Ok(count(&remove_some(&mut tables.sign_in_failures, limit, |_, row| is_old(row))))
        })
    }
}

#[async_trait]
impl SignInFailureQueries for MemoryStore {
    async fn failures(
        &self,
        account: &AccountKey,
        user: Option<UserId>,
        network: &Network,
    ) -> Result<AccountFailures, StoreError> {
        let tables = self.tables()?;
        let of = |place: Option<Network>| tables.sign_in_failures.get(&(account.clone(), place)).copied();
        Ok(AccountFailures {
            here: of(Some(network.clone())).unwrap_or_default(),
            anywhere: of(None).unwrap_or_default(),
            is_known_network: tables
                .sessions
                .values()
                .any(|session| Some(session.user) == user && session.network == *network),
        })
    }
}
