//! The threads on which passwords are hashed.

use std::{
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use tokio::sync::oneshot;

/// A piece of work that reports to nobody: whoever waits has the other end of a channel.
type Job = Box<dyn FnOnce() + Send>;

/// How much less than the rest of the process the threads count when processors are short (`nice(2)`).
#[cfg(target_os = "linux")]
pub(super) const NICENESS: i32 = 10;

/// Threads that take jobs, one at a time each, until this is dropped. A job that has begun is still finished then.
///
/// They are not tokio's: those serve files and the database, too, and a storm of logins would be in their way. On
/// Linux they have a lower priority than the threads that serve requests.
pub(super) struct Threads {
    jobs: Sender<Job>,
}

impl Threads {
    /// Starts as many.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let (jobs, taking) = mpsc::channel();
        let taking = Arc::new(Mutex::new(taking));
        for number in 1..=count {
            let taking = Arc::clone(&taking);
            // If one cannot be started, those that were end: nobody will ever send them anything.
            thread::Builder::new().name(format!("password-{number}")).spawn(move || serve(&taking))?;
        }
        Ok(Self { jobs })
    }

    /// Has `work` done by the next thread that is free, and hands `held` back before it answers. If whoever waits has
    /// gone away by then, the work is not begun. No answer comes from work that panics.
    pub(super) fn run<T: Send + 'static>(
        &self,
        held: impl Send + 'static,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, answered) = oneshot::channel();
        // Cannot fail while this holds the sender: the threads outlive it. If it did, the answer would not come.
        let _ = self.jobs.send(Box::new(move || {
            let held = held;
            if answer.is_closed() {
                return;
            }
            let result = work();
            drop(held);
            // Nobody waits any more? Then nobody misses it.
            let _ = answer.send(result);
        }));
        answered
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Threads").finish_non_exhaustive()
    }
}

fn serve(taking: &Mutex<Receiver<Job>>) {
    lower_priority();
    loop {
        // One thread waits for a job, the others for the lock.
        let job = taking.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The panic was printed where it happened, and whoever waits is told by the end of their channel. Nothing that
        // the job has seen is seen again.
        drop(catch_unwind(AssertUnwindSafe(job)));
    }
}

/// On Linux priorities belong to threads, whatever POSIX says of processes (`nice(2)`, "C library/kernel differences").
#[cfg(target_os = "linux")]
fn lower_priority() {
    // To be nicer is always allowed. Where a sandbox forbids it all the same, passwords are hashed as quickly as usual.
    let _ = rustix::process::nice(NICENESS);
}

#[cfg(not(target_os = "linux"))]
const fn lower_priority() {}
