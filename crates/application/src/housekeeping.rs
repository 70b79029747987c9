//! Removing what nobody needs any more, a little at a time.

use std::time::Duration;

use lyceum_domain::policy::{Action, Actor, allow};

use crate::{Error, Lyceum, error::denied};

/// How long things are kept that are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events of the audit trail.
    pub audit: Duration,
    /// Sessions that ended.
    pub sessions: Duration,
    /// The record that a mail was sent.
    pub mails: Duration,
    /// Mails that were given up, which the operator may want to send after all.
    pub dead_mails: Duration,
    /// What calls of the model took and cost.
    pub usage: Duration,
}

const DAY: Duration = Duration::from_hours(24);

impl Default for Retention {
    /// A year, 30 days, a week, 90 days, two years.
    fn default() -> Self {
        Self { audit: DAY * 365, sessions: DAY * 30, mails: DAY * 7, dead_mails: DAY * 90, usage: DAY * 730 }
    }
}

/// How long a text that no answer quotes any more is kept at least; more than the day within which a turn need not note
/// that it quotes it.
const QUOTED: Duration = Duration::from_hours(7 * 24);

/// The most rows of one kind that one unit of work removes: others have to get their turn.
const BATCH: u32 = 500;

impl Lyceum {
    /// Seals one batch of texts anew that are not sealed under the key in use, those in clear too, and says how many; call
    /// it again until it says none. Servers may run meanwhile.
    pub async fn reseal(&self, actor: &Actor) -> Result<u64, Error> {
        allow(actor, &Action::KeepHouse).map_err(denied("message"))?;
        Ok(self.ports.store.write().reseal(BATCH).await?)
    }

    /// Removes one batch of each kind of what is over, and says how many rows that were; call it again until it says
    /// none. A kind that cannot be removed is no reason to keep the others.
    pub async fn tidy(&self, actor: &Actor) -> Result<u64, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        let now = self.ports.clock.now();
        let Retention { audit, sessions, mails, dead_mails, usage } = self.rules.retention;
        let failures = now.minus(self.rules.lockout.forget_after);
        let mut removed = 0;
        macro_rules! remove {
            ($($repository:ident.$removal:ident($($before:expr),+);)+) => {$(
                let removing = async {
                    let mut unit = self.ports.store.begin().await?;
                    let rows = unit.$repository().$removal($($before,)+ BATCH).await?;
                    unit.commit().await?;
                    Ok::<_, Error>(rows)
                };
                match removing.await {
                    Ok(rows) => removed += rows,
                    Err(error) => self.pass_over(error, concat!(stringify!($repository), " that are over were not removed")).await?,
                }
            )+};
        }
        remove! {
            registrations.remove_expired(now);
            users.remove_expired_tokens(now);
            sign_in_failures.remove_old(failures);
            sessions.remove_ended(now.minus(sessions));
            sessions.remove_expired_tokens(now.minus(sessions));
            outbox.remove_settled(now.minus(mails));
            outbox.remove_dead(now.minus(dead_mails));
            conversations.remove_usage(now.minus(usage));
            conversations.forget_texts(now.minus(QUOTED), now);
            audit.remove_old(now.minus(audit));
            claims.remove_expired(now);
        }
        Ok(removed)
    }

    /// Notes that one of many things was not done, so that the others are. If the store is away that is no matter of this
    /// one thing, and the error comes back.
    pub(crate) async fn pass_over(&self, error: Error, what: &'static str) -> Result<(), Error> {
        if matches!(error, Error::StoreUnavailable(_)) && self.ports.store.check().await.is_err() {
            return Err(error);
        }
        tracing::error!(error = &error as &dyn std::error::Error, "{what}");
        Ok(())
    }
}
