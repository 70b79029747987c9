//! What was asked of the mentor, and what may be.

use lyceum_domain::{
    ids::UserId,
    mentor::{Quota, Spending, UsageDay, UsageFilter},
    page::{Page, PageRequest},
    policy::{Action, Actor, allow},
    time::{Day, Timestamp, UtcOffset},
    users::Plan,
};

use crate::{Error, Lyceum, error::denied, sessions::Caller};

/// How many days are looked at if nobody says since when.
const DAYS: i64 = 30;

/// What somebody used up, and what their plan allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// The plan.
    pub plan: Plan,
    /// What it allows.
    pub quota: Quota,
    /// What is used up.
    pub spending: Spending,
    /// When.
    pub at: Timestamp,
}

impl Lyceum {
    /// What the caller used up today and this month, and what their plan allows.
    pub async fn balance(&self, caller: &Caller) -> Result<Balance, Error> {
        allow(&caller.actor(), &Action::AskMentor).map_err(denied("account"))?;
        let at = self.ports.clock.now();
        let spending = self.ports.store.read().spending(caller.user.id).await?;
        Ok(Balance {
            plan: caller.user.plan,
            quota: self.rules.quotas.of(caller.user.plan),
            spending: spending.map_or_else(|| Spending::nothing(at), |spending| spending.at(at)),
            at,
        })
    }

    /// What was asked and what it cost, by day, user and model, from `since` (30 days before the last) to `until` (today).
    pub async fn usage_days(
        &self,
        actor: &Actor,
        since: Option<Day>,
        until: Option<Day>,
        user: Option<UserId>,
        page: PageRequest,
    ) -> Result<Page<UsageDay>, Error> {
        allow(actor, &Action::SeeUsage).map_err(denied("usage"))?;
        let until = until.unwrap_or_else(|| Day::of(self.ports.clock.now(), UtcOffset::default()));
        let since = since.or_else(|| Day::from_epoch_days(until.epoch_days() - DAYS)).unwrap_or(until);
        Ok(self.ports.store.read().usage_days(UsageFilter { since, until, user }, page).await?)
    }
}
