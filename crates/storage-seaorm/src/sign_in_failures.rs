//! Failed sign-ins.

use async_trait::async_trait;
use lyceum_domain::{
    ids::UserId,
    sessions::{AccountFailures, AccountKey, Failures, Network, SignInFailureQueries, SignInFailures},
    store::StoreError,
    time::Timestamp,
};
use sea_orm::ConnectionTrait;

use crate::{
    connect::SeaOrmStore,
    row::{Row, maybe},
    sql::{Sql, Values},
    unit::SeaOrmUnit,
};

// All statements come to the row of the network first and to that of anywhere, '*', after it, so that two units on one
// account wait for each other and do not lock each other out.

const ADD: Sql = Sql::same(
    "INSERT INTO sign_in_failures (account, network, count, last_at, created_at, updated_at) \
     VALUES ($1, $2, 1, $3, $3, $3), ($1, '*', 1, $3, $3, $3) ON CONFLICT (account, network) DO UPDATE SET \
     count = CASE WHEN sign_in_failures.last_at < $4 THEN 1 ELSE sign_in_failures.count + 1 END, \
     last_at = excluded.last_at, updated_at = excluded.updated_at",
);

const FORGET: Sql = Sql::same("DELETE FROM sign_in_failures WHERE account = $1 AND network = $2 RETURNING count");

const TAKE_OFF: Sql = Sql::same(
    "UPDATE sign_in_failures SET count = CASE WHEN count > $2 THEN count - $2 ELSE 0 END \
     WHERE account = $1 AND network = '*'",
);

const FORGET_NETWORKS: Sql = Sql::same("DELETE FROM sign_in_failures WHERE account = $1 AND network <> '*'");

const FORGET_ANYWHERE: Sql = Sql::same("DELETE FROM sign_in_failures WHERE account = $1 AND network = '*'");

// Twice, because PostgreSQL looks again only at the outer one when a failure was added meanwhile.
const REMOVE_OLD: Sql = Sql::same(
    "DELETE FROM sign_in_failures WHERE (account, network) IN (SELECT account, network FROM sign_in_failures \
     WHERE last_at < $1 ORDER BY last_at LIMIT $2) AND last_at < $1",
);

const FAILURES: Sql = Sql::same(
    "SELECT here.count, here.last_at, anywhere.count, anywhere.last_at, \
     EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = $3 AND s.network = $2) FROM (SELECT 1) AS always \
     LEFT JOIN sign_in_failures here ON here.account = $1 AND here.network = $2 \
     LEFT JOIN sign_in_failures anywhere ON anywhere.account = $1 AND anywhere.network = '*'",
);

fn key(account: &AccountKey, network: &Network) -> Values {
    Values::new().text(account.as_str()).text(network.as_str())
}

async fn forget(db: &impl ConnectionTrait, account: &AccountKey, network: &Network) -> Result<(), StoreError> {
    let row = FORGET.one(db, key(account, network)).await?;
    let Some(count) = maybe(row.as_ref(), |row| row.number::<u32>())? else { return Ok(()) };
    TAKE_OFF.run(db, Values::new().text(account.as_str()).number(count)).await.map(drop)
}

async fn forget_all(db: &impl ConnectionTrait, account: &AccountKey) -> Result<(), StoreError> {
    FORGET_NETWORKS.run(db, Values::new().text(account.as_str())).await?;
    FORGET_ANYWHERE.run(db, Values::new().text(account.as_str())).await.map(drop)
}

fn read_failures(row: &mut Row<'_>) -> Result<Failures, StoreError> {
    Ok(Failures { count: row.maybe_number()?.unwrap_or_default(), last_at: row.maybe_time()? })
}

fn read(row: &mut Row<'_>) -> Result<AccountFailures, StoreError> {
    Ok(AccountFailures { here: read_failures(row)?, anywhere: read_failures(row)?, is_known_network: row.flag()? })
}

#[async_trait]
impl SignInFailures for SeaOrmUnit {
    async fn add(
        &mut self,
        account: &AccountKey,
        network: &Network,
        at: Timestamp,
        forget_before: Timestamp,
    ) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(ADD.run_for_one(step.tx, key(account, network).time(at).time(forget_before)).await)
    }

    async fn forget(&mut self, account: &AccountKey, network: &Network) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(forget(step.tx, account, network).await)
    }

    async fn forget_all(&mut self, account: &AccountKey) -> Result<(), StoreError> {
        let mut step = self.step()?;
        step.end(forget_all(step.tx, account).await)
    }

    async fn remove_old(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut step = self.step()?;
        step.end(REMOVE_OLD.run(step.tx, Values::new().time(at).number(limit)).await)
    }
}

#[async_trait]
impl SignInFailureQueries for SeaOrmStore {
    async fn failures(
        &self,
        account: &AccountKey,
        user: Option<UserId>,
        network: &Network,
    ) -> Result<AccountFailures, StoreError> {
        let values = key(account, network).maybe_id(user.map(UserId::as_uuid));
        let row = FAILURES.one(&self.reads, values).await?;
        Ok(maybe(row.as_ref(), read)?.unwrap_or_default())
    }
}
