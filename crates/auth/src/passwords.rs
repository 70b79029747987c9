//! Passwords behind bcrypt.

mod threads;

use std::{hint::black_box, io, sync::Arc, thread, time::Duration};

use async_trait::async_trait;
use bcrypt::{BcryptError, HashParts};
use lyceum_domain::users::{Password, PasswordError, PasswordHash, PasswordHasher};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::{sync::Semaphore, time};

use threads::Threads;

/// The most threads that a hasher has, however many are asked for.
const MAX_WORKERS: usize = 256;

/// How dear a hash is, and how many are made at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BcryptSettings {
    /// The logarithm of the rounds, 4 to 31. Each step doubles the time; 12 is about a quarter of a second.
    pub cost: u32,
    /// How many threads hash, each one password at a time; none counts as one, and there are 256 at most.
    pub workers: usize,
    /// How many callers may wait for a worker.
    pub queue: usize,
    /// How long a caller waits for a worker.
    pub queue_timeout: Duration,
}

impl Default for BcryptSettings {
    /// Cost 12; all processors but one, which is left for the rest of the service; 32 waiting, each for 5 seconds.
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self {
            cost: 12,
            workers: processors.saturating_sub(1).max(1),
            queue: 32,
            queue_timeout: Duration::from_secs(5),
        }
    }
}

/// Settings that bcrypt cannot work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BcryptSettingsError {
    /// A cost that bcrypt does not have.
    #[error("the bcrypt cost is {cost}, but must be from 4 to 31")]
    Cost {
        /// The cost that was asked for.
        cost: u32,
    },
    /// The operating system gives no more threads.
    #[error("the threads that hash passwords cannot be started: {0}")]
    Threads(io::ErrorKind),
}

/// Hashes with bcrypt (`$2b$`), on a few threads of its own, which end when it is dropped.
///
/// Make one per process: the limit is the hasher's own. Where nobody's time is up, a login storm costs its callers
/// waiting and at last [`PasswordError::Busy`], and leaves the processors that serve everything else alone. A caller
/// that goes away while it waits gives its place to another; one that goes away later does not end the work.
///
/// [`verify`](PasswordHasher::verify) takes as long for an account that is not there and for a hash of a lower cost as
/// for one of the present cost. Only a hash of a higher cost takes longer: lower the cost and it shows who has not
/// signed in since.
#[derive(Debug)]
pub struct BcryptHasher {
    cost: u32,
    /// Compared with when there is no account, so that its absence cannot be told from the time.
    nobody: PasswordHash,
    threads: Threads,
    /// One for each thread that is free.
    workers: Arc<Semaphore>,
    /// One for each that works or waits.
    places: Arc<Semaphore>,
    queue_timeout: Duration,
    worker_count: usize,
    place_count: usize,
}

/// How busy a hasher is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingStatus {
    /// Passwords that are being hashed.
    pub working: usize,
    /// Callers that wait for a worker.
    pub waiting: usize,
}

impl BcryptHasher {
    /// A hasher with nothing to do yet. Its threads have been started.
    pub fn new(settings: BcryptSettings) -> Result<Self, BcryptSettingsError> {
        let BcryptSettings { cost, workers, queue, queue_timeout } = settings;
        if !(4..=31).contains(&cost) {
            return Err(BcryptSettingsError::Cost { cost });
        }
        let workers = workers.clamp(1, MAX_WORKERS);
        let places = workers.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Ok(Self {
            cost,
            // 22 characters of salt, 31 of digest, all zero. To make it would take as long as a login.
            nobody: PasswordHash::new(format!("$2b${cost:02}${}", ".".repeat(53))),
            threads: Threads::start(workers).map_err(|error| BcryptSettingsError::Threads(error.kind()))?,
            workers: Arc::new(Semaphore::new(workers)),
            places: Arc::new(Semaphore::new(places)),
            queue_timeout,
            worker_count: workers,
            place_count: places,
        })
    }

    /// How busy the workers are now.
    pub fn status(&self) -> HashingStatus {
        let (free, places) = (self.workers.available_permits(), self.places.available_permits());
        let working = self.worker_count.saturating_sub(free);
        HashingStatus { working, waiting: self.place_count.saturating_sub(places).saturating_sub(working) }
    }

    /// Waits for a worker and does `work` on it.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BcryptError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| self.busy())?;
        let worker = time::timeout(self.queue_timeout, Arc::clone(&self.workers).acquire_owned())
            .await
            .map_err(|_| self.busy())?
            .map_err(|closed| PasswordError::Failed(closed.into()))?;
        // The permits go with the work: a caller that no longer waits does not end it, so its thread is not free.
        let answer = self.threads.run((place, worker), work).await;
        answer
            .map_err(|broken| PasswordError::Failed(broken.into()))?
            .map_err(|error| PasswordError::Failed(error.into()))
    }

    fn busy(&self) -> PasswordError {
        PasswordError::Busy { retry_after: self.queue_timeout.max(Duration::from_secs(1)) }
    }
}

#[async_trait]
impl PasswordHasher for BcryptHasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordError> {
        let text = SecretString::from(password.expose());
        let cost = self.cost;
        // The crate's "non-truncating" functions refuse 72 bytes as well, which bcrypt takes whole and we allow. A
        // `Password` is never longer.
        self.work(move || bcrypt::hash(text.expose_secret(), cost)).await.map(PasswordHash::new)
    }

    async fn verify(&self, attempt: &str, hash: Option<&PasswordHash>) -> Result<bool, PasswordError> {
        // bcrypt reads 72 bytes and repeats a shorter text with a NUL between: anything else could match a password
        // that is not the same. It is no password, but is compared all the same, for the time it takes.
        let possible = attempt.len() <= Password::MAX_BYTES && !attempt.contains('\0') && hash.is_some();
        let text = SecretString::from(if possible { attempt } else { "" });
        let hash = hash.unwrap_or(&self.nobody).clone();
        let cost = self.cost;
        let matches = self.work(move || verify_at(cost, text.expose_secret(), hash.expose())).await?;
        Ok(matches && possible)
    }

    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        let hash = hash.expose();
        !hash.starts_with("$2b$") || hash.parse::<HashParts>().map_or(true, |parts| parts.get_cost() != self.cost)
    }
}

/// Verifies in the time that a hash of `cost` takes, if that of `hash` is lower: else the time would tell who has an
/// account, and since when they have not signed in.
fn verify_at(cost: u32, attempt: &str, hash: &str) -> Result<bool, BcryptError> {
    let matches = bcrypt::verify(attempt, hash)?;
    let own_cost = hash.parse::<HashParts>()?.get_cost();
    // Each step doubles the time: 2^c + (2^c + 2^(c+1) + … + 2^(C-1)) = 2^C.
    for missing in own_cost..cost {
        black_box(bcrypt::hash_with_salt(black_box(attempt), missing, [0; 16])?);
    }
    Ok(matches)
}

#[cfg(test)]
mod tests;
