//! What the server does without being asked: sending mail, removing what is over, reading the texts of documents,
//! fetching providers' keys, saying that it lives, ending the answers of servers that don't.

use std::{sync::Arc, time::Duration};

use lyceum_application::{Lyceum, mentor::Watch};
use lyceum_domain::{jobs::Job, policy::Actor};
use tokio::time::sleep;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{instance::Instance, wiring::House};

/// How often the outbox is looked into if nobody rings: for mails that are due again, and for those of instances that
/// died.
const LOOK_FOR_MAIL: Duration = Duration::from_secs(1);
/// How often learners are counted anew whose course has other lessons now.
const RECOUNT: Duration = Duration::from_mins(1);
/// How often files are looked for that are to go, and documents whose text was not read, if nobody rings.
const LOOK_FOR_FILES: Duration = Duration::from_secs(5);
/// How often this server says that it lives: with answers under way, of which one may be stopped elsewhere, and without.
const BEAT: Duration = Duration::from_secs(1);
const IDLE_BEAT: Duration = Duration::from_secs(5);
/// How often answers are looked for whose server is gone.
const SWEEP: Duration = Duration::from_secs(5);
/// How often what is over is removed.
const TIDY: Duration = Duration::from_mins(10);
/// How long to wait after something did not work.
const RECOVER: Duration = Duration::from_secs(5);
/// How long the last mail may take when the server stops.
const LAST_MAIL: Duration = Duration::from_secs(5);

/// Tasks beside the requests. What rows lease out is done by every instance, and so is what only it can know; what one
/// does for all is a [`Job`].
pub struct Chores {
    lyceum: Lyceum,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Chores {
    /// Starts them, on connections of their own.
    pub async fn start(house: &Arc<House>, instance: &Arc<Instance>) -> anyhow::Result<Self> {
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        let lyceum = house.lyceum(1).await?;
        tasks.spawn(send_mail(lyceum.clone(), stopping.clone()));
        tasks.spawn(alone(lyceum.clone(), Job::recount(), stopping.clone(), recount));
        tasks.spawn(remove_blobs(lyceum.clone(), stopping.clone()));
        tasks.spawn(read_texts(lyceum.clone(), stopping.clone()));
        tasks.spawn(beat(lyceum.clone(), stopping.clone()));
        tasks.spawn(sweep(lyceum.clone(), Arc::clone(instance), stopping.clone()));
        tasks.spawn(alone(lyceum.clone(), Job::tidy(), stopping.clone(), tidy));
        let warmed = Arc::clone(house);
        tasks.spawn(stopping.clone().run_until_cancelled_owned(async move { warmed.warm().await }));
        tasks.close();
        Ok(Self { lyceum, tasks, stopping })
    }

    /// The application over the connections that they share.
    pub fn lyceum(&self) -> Lyceum {
        self.lyceum.clone()
    }

    /// Does something else beside the requests, until it is told that the server stops.
    pub fn also<F: Future<Output = ()> + Send + 'static>(&self, work: impl FnOnce(CancellationToken) -> F) {
        self.tasks.spawn(work(self.stopping.clone()));
    }

    /// Lets each finish what it is at, for a moment. A mail that is cut off is sent by the next instance, or after the
    /// next start; so is a text read, and a blob removed.
    pub async fn stop(self) {
        self.stopping.cancel();
        if tokio::time::timeout(LAST_MAIL, self.tasks.wait()).await.is_err() {
            tracing::warn!("a chore was still under way; it will be tried again");
        }
    }
}

/// Does a chore while this instance is the one that does it for all. It ends when the server stops, and the job is free
/// then.
async fn alone<C: Future<Output = ()>>(
    lyceum: Lyceum,
    job: Job,
    stopping: CancellationToken,
    chore: impl Fn(Lyceum, CancellationToken) -> C,
) {
    while let Some(waited) = stopping.run_until_cancelled(lyceum.hold(&Actor::System, &job)).await {
        let done = match waited {
            Ok(mut hold) => hold.during(chore(lyceum.clone(), stopping.clone())).await.map(|()| hold),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, job = job.as_str(), "the job is not done");
                return;
            }
        };
        if let Some(hold) = done
            && let Err(error) = hold.release().await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, job = job.as_str(), "the job was not let go of");
        }
    }
}

async fn send_mail(lyceum: Lyceum, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let wait = match lyceum.deliver_mails(&Actor::System).await {
            // There may be more.
            Ok(delivered) if delivered.total() > 0 && delivered.postponed == 0 => continue,
            Ok(_) => LOOK_FOR_MAIL,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the outbox cannot be worked on");
                RECOVER
            }
        };
        tokio::select! {
            () = stopping.cancelled() => {}
            () = lyceum.ports().mail_bell.rung() => {}
            () = sleep(wait) => {}
        }
    }
}

async fn recount(lyceum: Lyceum, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        match lyceum.recount_progress(&Actor::System).await {
            Ok(0) => {}
            Ok(learners) => tracing::info!(learners, "progress was counted anew"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "progress could not be counted anew");
            }
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            () = sleep(RECOUNT) => {}
        }
    }
}

async fn remove_blobs(lyceum: Lyceum, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let wait = match lyceum.remove_due_blobs(&Actor::System).await {
            Ok(removed) if removed.gone > 0 && removed.postponed == 0 => continue,
            Ok(_) => LOOK_FOR_FILES,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "files that are to go cannot be removed");
                RECOVER
            }
        };
        tokio::select! {
            () = stopping.cancelled() => {}
            () = lyceum.ports().blob_bell.rung() => {}
            () = sleep(wait) => {}
        }
    }
}

async fn read_texts(lyceum: Lyceum, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let read = stopping.run_until_cancelled(lyceum.read_texts(&Actor::System)).await;
        let wait = match read {
            None => return,
            Some(Ok(read)) if read.total() > 0 && read.postponed == 0 => continue,
            Some(Ok(_)) => LOOK_FOR_FILES,
            Some(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the texts of documents cannot be read");
                RECOVER
            }
        };
        tokio::select! {
            () = stopping.cancelled() => {}
            () = lyceum.ports().text_bell.rung() => {}
            () = sleep(wait) => {}
        }
    }
}

async fn tidy(lyceum: Lyceum, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let wait = match tidy_once(&lyceum).await {
            // There may be more; requests have their turn in between.
            Ok(removed) if removed > 0 => Duration::from_millis(50),
            Ok(_) => TIDY,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "what is over could not be removed");
                TIDY
            }
        };
        tokio::select! {
            () = stopping.cancelled() => {}
            () = sleep(wait) => {}
        }
    }
}

async fn tidy_once(lyceum: &Lyceum) -> Result<u64, lyceum_application::Error> {
    let purged = lyceum.purge_accounts(&Actor::System).await?;
    if purged > 0 {
        tracing::info!(accounts = purged, "deleted accounts were erased");
    }
    let calls = lyceum.close_stale_calls(&Actor::System).await?;
    Ok(purged + calls + lyceum.tidy(&Actor::System).await?)
}

async fn beat(lyceum: Lyceum, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        if let Err(error) = lyceum.beat().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "this server cannot say that it lives");
        }
        let wait = if lyceum.ports().answers.count() > 0 { BEAT } else { IDLE_BEAT };
        tokio::select! {
            () = stopping.cancelled() => {}
            () = sleep(wait) => {}
        }
    }
}

async fn sweep(lyceum: Lyceum, instance: Arc<Instance>, stopping: CancellationToken) {
    let mut watch = Watch::default();
    while !stopping.is_cancelled() {
        if let Err(error) = close_all_abandoned(&lyceum, &instance, &mut watch).await {
            tracing::warn!(error = &*error, "the answers of servers that are gone cannot be ended");
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            () = sleep(SWEEP) => {}
        }
    }
}

/// Those of servers whose process has ended, and of those that are silent.
async fn close_all_abandoned(lyceum: &Lyceum, instance: &Instance, watch: &mut Watch) -> anyhow::Result<()> {
    close_abandoned(lyceum, instance).await?;
    tell_of_closed(lyceum.close_silent(&Actor::System, watch).await?);
    Ok(())
}

/// Ends the answers of servers of this data folder whose process has ended.
pub async fn close_abandoned(lyceum: &Lyceum, instance: &Instance) -> anyhow::Result<()> {
    let gone = instance.gone()?;
    tell_of_closed(lyceum.close_abandoned(&Actor::System, &gone).await?);
    instance.forget(&gone);
    Ok(())
}

fn tell_of_closed(answers: u64) {
    if answers > 0 {
        tracing::warn!(answers, "answers broke off because their server is gone");
    }
}
