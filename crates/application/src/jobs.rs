//! Doing what one server does for all: waiting for a job, holding it, letting go of it.

use std::{pin::pin, time::Duration};

use lyceum_domain::{
    jobs::{DEAD_AFTER, Job, LOOKED_FOR, Lease, RENEWED, TRUSTED},
    policy::{Action, Actor, allow},
    store::StoreError,
};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::{Error, Lyceum, error::denied};

/// How soon a renewal is tried again that did not work.
const AGAIN: Duration = Duration::from_secs(1);

/// A job that this server holds. Dropping it lets go of nothing: others find out when it is not renewed any more.
pub struct Hold {
    lyceum: Lyceum,
    job: Job,
    lease: Lease,
    trusted_until: Instant,
}

impl Lyceum {
    /// Waits until this server holds a job: it is free, or its holder was not heard of for long. A server waits for each of
    /// its jobs once at a time. A store that is away is waited for.
    pub async fn hold(&self, actor: &Actor, job: &Job) -> Result<Hold, Error> {
        allow(actor, &Action::KeepHouse).map_err(denied("job"))?;
        let mut watched: Option<(Lease, Instant)> = None;
        loop {
            let began = Instant::now();
            match self.try_to_hold(job, &mut watched).await {
                Ok(Some(lease)) => {
                    tracing::info!(job = job.as_str(), "this server does the job now");
                    let trusted_until = began + TRUSTED;
                    return Ok(Hold { lyceum: self.clone(), job: job.clone(), lease, trusted_until });
                }
                Ok(None) => {}
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(error, job = job.as_str(), "who holds the job cannot be seen");
                }
            }
            sleep(LOOKED_FOR).await;
        }
    }

    async fn try_to_hold(
        &self,
        job: &Job,
        watched: &mut Option<(Lease, Instant)>,
    ) -> Result<Option<Lease>, StoreError> {
        let leases = self.ports.store.write().job_leases();
        let (me, now) = (self.ports.answers.instance(), self.ports.clock.now());
        let seen = leases.lease(job).await?;
        let is_free = match seen {
            None => true,
            Some(lease) if lease.holder.is_none_or(|holder| holder == me) => true,
            Some(lease) => {
                let since = watched.filter(|(before, _)| *before == lease).map(|(_, since)| since);
                // From when it was seen, not from when it was asked for: that is later than its last renewal.
                *watched = Some((lease, since.unwrap_or_else(Instant::now)));
                since.is_some_and(|since| since.elapsed() >= DEAD_AFTER)
            }
        };
        if is_free { leases.take(job, seen, me, now).await } else { Ok(None) }
    }
}

impl Hold {
    /// Does this as long as the job is held; `None` if it was lost, and the work dropped where it was.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let is_kept = tokio::select! {
                done = &mut work => return Some(done),
                is_kept = self.renew() => is_kept,
            };
            if !is_kept {
                tracing::warn!(job = self.job.as_str(), "the job was lost to another server");
                return None;
            }
        }
    }

    /// Waits until it is time to, and renews the hold. False once it is over.
    async fn renew(&mut self) -> bool {
        let ports = &self.lyceum.ports;
        let me = ports.answers.instance();
        let mut wait = RENEWED;
        loop {
            sleep_until(self.trusted_until.min(Instant::now() + wait)).await;
            wait = AGAIN;
            let began = Instant::now();
            // A store that is away may say so at once, again and again.
            if began >= self.trusted_until {
                return false;
            }
            let taking = ports.store.write().job_leases().take(&self.job, Some(self.lease), me, ports.clock.now());
            match timeout_at(self.trusted_until, taking).await {
                Ok(Ok(Some(lease))) => {
                    (self.lease, self.trusted_until) = (lease, began + TRUSTED);
                    return true;
                }
                Ok(Ok(None)) | Err(_) => return false,
                // It may have worked all the same: then the next try finds another lease, and the job is taken anew.
                Ok(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(error, job = self.job.as_str(), "the hold of the job was not renewed");
                }
            }
        }
    }

    /// Lets go of the job, so that another server need not wait.
    pub async fn release(self) -> Result<(), Error> {
        let ports = &self.lyceum.ports;
        let leases = ports.store.write().job_leases();
        // A renewal may have been cut off after it worked.
        let held = leases.lease(&self.job).await?.filter(|lease| lease.holder == Some(ports.answers.instance()));
        if let Some(held) = held {
            leases.release(&self.job, held, ports.clock.now()).await?;
        }
        tracing::info!(job = self.job.as_str(), "this server let go of the job");
        Ok(())
    }
}
