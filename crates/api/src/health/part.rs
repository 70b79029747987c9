//! One part: asked by one request at a time, and remembered.

use std::{
    error::Error,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{ComponentBody, Status, broken, cause};

/// What is known of a part.
#[derive(Debug)]
pub(super) struct Part {
    name: &'static str,
    /// How long it is remembered that all is well.
    keep_fine: Duration,
    /// How long it is remembered that it is not.
    keep_else: Duration,
    last: Mutex<Option<(Instant, ComponentBody)>>,
    /// Whoever looks holds it; the others wait for what is found.
    looking: tokio::sync::Mutex<()>,
}

impl Part {
    pub(super) fn new(name: &'static str, keep_fine: Duration, keep_else: Duration) -> Self {
        Self { name, keep_fine, keep_else, last: Mutex::default(), looking: tokio::sync::Mutex::default() }
    }

    /// As [`see`](Self::see), for a look that only knows good and bad.
    pub(super) async fn ask<E: Error + 'static>(
        &self,
        worst: Status,
        fine: &str,
        patience: Duration,
        check: impl Future<Output = Result<(), E>>,
    ) -> ComponentBody {
        let look = async { check.await.map(|()| ComponentBody::new(Status::Ok, fine)) };
        self.see(worst, patience, look).await
    }

    /// What is remembered, or else what `look` finds within `patience`. `worst` is how the part is if it fails. Never
    /// takes longer than twice `patience`: whoever waits for another one's look takes what that one found.
    pub(super) async fn see<E: Error + 'static>(
        &self,
        worst: Status,
        patience: Duration,
        look: impl Future<Output = Result<ComponentBody, E>>,
    ) -> ComponentBody {
        if let Some(known) = self.known() {
            return known;
        }
        let _one = self.looking.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        let found = match tokio::time::timeout(patience, look).await {
            Ok(Ok(found)) => {
                if self.is_new(found.status) {
                    tracing::info!(part = self.name, status = ?found.status, "{}", found.detail);
                }
                found
            }
            Ok(Err(error)) => {
                if self.is_new(worst) {
                    tracing::warn!(part = self.name, error = cause(&error), "a part is not well");
                }
                broken(worst)
            }
            Err(_) => {
                if self.is_new(worst) {
                    tracing::warn!(part = self.name, "a part did not answer in time");
                }
                ComponentBody::new(worst, "did not answer in time")
            }
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), found.clone()));
        found
    }

    fn known(&self) -> Option<ComponentBody> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, body) = last.as_ref()?;
        let keep = if body.status <= Status::Ok { self.keep_fine } else { self.keep_else };
        (at.elapsed() < keep).then(|| body.clone())
    }

    /// Whether the part was otherwise when it was last looked at; at first all is taken to be well. So the log tells of
    /// a part once, and not with each look.
    fn is_new(&self, status: Status) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.as_ref().map_or(Status::Ok, |(_, body)| body.status);
        before.max(Status::Ok) != status.max(Status::Ok)
    }
}
