//! How the parts are. Each is asked with a time-out and remembered for a while of its own, and asked by one request at a
//! time, so that asking often costs nothing and a part that hangs holds up nobody for long.

mod part;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, convert::Infallible, error::Error, path::PathBuf, time::Duration};

use lyceum_domain::{
    limits::{Counting, LimiterError},
    mail::OutboxCounts,
    mentor::{ChatError, ProviderState},
    time::Timestamp,
};
use serde::Serialize;
use utoipa::ToSchema;

use self::part::Part;
use crate::{app::App, machine};

/// How long a part may take to answer. All are asked at once, so that a whole look takes no longer.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// A mail that waits for so long does not wait for its turn.
const MAIL_IS_LATE: Duration = Duration::from_mins(15);
/// With less room than this uploads, and SQLite, are about to fail.
pub const LITTLE_ROOM: u64 = 100 << 20;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not in use.
    Disabled,
    /// As it should be.
    Ok,
    /// Something is away, the rest goes on.
    Degraded,
    /// Nothing works without it.
    Down,
}

/// How a part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ComponentHealth)]
pub struct ComponentBody {
    /// How it is.
    pub status: Status,
    /// What is in use, or a word about what is wrong; never an address or a key.
    pub detail: String,
}

impl ComponentBody {
    fn new(status: Status, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    /// The worse of two looks at one part.
    fn worse(self, other: Self) -> Self {
        if other.status > self.status { other } else { self }
    }
}

/// How everything is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Health)]
pub struct HealthBody {
    /// `down` without the database, `degraded` without anything else.
    pub status: Status,
    /// The version of Lyceum.
    pub version: &'static str,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// `database`, `llm`, `rate_limiter`, `storage`, `mail`, `disk`.
    pub components: BTreeMap<&'static str, ComponentBody>,
}

/// Remembers the last looks.
#[derive(Debug)]
pub struct Health {
    /// The data folder.
    data: PathBuf,
    database: Part,
    mail: Part,
    outbox: Part,
    rate_limiter: Part,
    storage: Part,
    disk: Part,
}

impl Health {
    /// Nothing is known yet. `data` is the data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        let seconds = Duration::from_secs;
        Self {
            data: data.into(),
            database: Part::new("database", seconds(1), seconds(1)),
            // Each look is a connection, of which mail servers count how many come.
            mail: Part::new("mail", seconds(30), seconds(5)),
            outbox: Part::new("outbox", seconds(5), seconds(5)),
            rate_limiter: Part::new("rate_limiter", seconds(5), seconds(1)),
            // Each look is a write.
            storage: Part::new("storage", seconds(10), seconds(2)),
            disk: Part::new("disk", seconds(10), seconds(2)),
        }
    }

    /// Looks, or remembers.
    pub async fn look(&self, app: &App) -> HealthBody {
        let (database, model, mail, outbox, rate_limiter, storage, disk) = tokio::join!(
            self.database(app),
            self.model(app),
            self.mail.ask(Status::Degraded, "accepts mail", PATIENCE, app.lyceum.ports().mailer.check()),
            self.outbox(app),
            self.rate_limiter(app),
            self.storage.ask(Status::Degraded, "stores files", PATIENCE, app.lyceum.ports().blobs.check()),
            self.room(app),
        );
        let components = BTreeMap::from([
            ("database", database),
            ("disk", disk),
            ("llm", model),
            ("mail", together(mail, outbox)),
            ("rate_limiter", rate_limiter),
            ("storage", storage),
        ]);
        for (name, component) in &components {
            app.metrics.component(name, component.status);
        }
        let worst = components.values().map(|component| component.status).max().unwrap_or(Status::Ok);
        HealthBody {
            status: worst.max(Status::Ok),
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: app.started.elapsed().as_secs(),
            components,
        }
    }

    /// Whether the database answers; what it said a moment ago still holds.
    pub async fn database(&self, app: &App) -> ComponentBody {
        self.database.ask(Status::Down, "answers", PATIENCE, app.lyceum.ports().store.check()).await
    }

    /// What is known of the providers; none is asked for this.
    async fn model(&self, app: &App) -> ComponentBody {
        let states = tokio::time::timeout(PATIENCE, app.lyceum.ports().model.providers()).await;
        states.map_or_else(|_| ComponentBody::new(Status::Degraded, "did not answer in time"), |states| mentor(&states))
    }

    async fn outbox(&self, app: &App) -> ComponentBody {
        let ports = app.lyceum.ports();
        let look = async {
            // A database that is away says so for itself.
            let unknown = ComponentBody::new(Status::Ok, "");
            let counts = ports.store.read().outbox_counts().await;
            Ok::<_, Infallible>(counts.map_or(unknown, |counts| waiting(&counts, ports.clock.now())))
        };
        self.outbox.see(Status::Ok, PATIENCE, look).await
    }

    /// While requests cannot be counted for all servers together, each counts for itself.
    async fn rate_limiter(&self, app: &App) -> ComponentBody {
        let Some(limits) = &app.limits else { return ComponentBody::new(Status::Disabled, "not in use") };
        let look = async {
            let counts = match limits.limiter().check().await? {
                Counting::InMemory => "counts for this server alone",
                Counting::Shared => "counts for all servers together",
            };
            Ok::<_, LimiterError>(ComponentBody::new(Status::Ok, counts))
        };
        self.rate_limiter.see(Status::Degraded, PATIENCE, look).await
    }

    async fn room(&self, app: &App) -> ComponentBody {
        let data = self.data.clone();
        let look = async move {
            let free = tokio::task::spawn_blocking(move || machine::free_bytes(&data)).await;
            let free = free.map_err(std::io::Error::other)??;
            if let Some(free) = free {
                app.metrics.room(free);
            }
            Ok::<_, std::io::Error>(room(free))
        };
        self.disk.see(Status::Degraded, PATIENCE, look).await
    }
}

/// One provider that answers is enough, but whoever pays for two wants to hear of one that does not.
fn mentor(states: &[ProviderState]) -> ComponentBody {
    let told = |state: &ProviderState| match &state.trouble {
        None => format!("{} answers", state.name),
        // What stands there is said by a check of ours, not by a provider.
        Some(ChatError::Unavailable { detail, retry_after: Some(left), .. }) => {
            format!("{}: {detail}; again in {} s", state.name, left.as_secs().max(1))
        }
        Some(ChatError::Unavailable { detail, .. } | ChatError::Misconfigured { detail }) => {
            format!("{}: {detail}", state.name)
        }
        Some(other) => format!("{}: {}", state.name, other.code()),
    };
    if states.iter().all(|state| state.trouble.is_none()) {
        let names: Vec<_> = states.iter().map(|state| state.name.as_str()).collect();
        return ComponentBody::new(Status::Ok, names.join(", then "));
    }
    ComponentBody::new(Status::Degraded, states.iter().map(told).collect::<Vec<_>>().join("; "))
}

/// Mail that was given up, or is late, is not well, however the mail server is.
fn waiting(counts: &OutboxCounts, now: Timestamp) -> ComponentBody {
    if counts.dead > 0 {
        return ComponentBody::new(Status::Degraded, format!("{} mails were given up; see `lyceum mail`", counts.dead));
    }
    match counts.oldest.map(|oldest| now.since(oldest)) {
        Some(age) if age > MAIL_IS_LATE => {
            let minutes = age.as_secs() / 60;
            ComponentBody::new(
                Status::Degraded,
                format!("{} wait, the oldest for {minutes} minutes; the log has the cause", counts.waiting),
            )
        }
        _ => ComponentBody::new(Status::Ok, format!("{} wait", counts.waiting)),
    }
}

fn together(server: ComponentBody, outbox: ComponentBody) -> ComponentBody {
    if server.status == Status::Ok && outbox.status == Status::Ok && !outbox.detail.is_empty() {
        return ComponentBody::new(Status::Ok, format!("{}; {}", server.detail, outbox.detail));
    }
    server.worse(outbox)
}

fn room(free: Option<u64>) -> ComponentBody {
    match free {
        None => ComponentBody::new(Status::Disabled, "this system does not say"),
        Some(free) if free < LITTLE_ROOM => {
            ComponentBody::new(Status::Degraded, format!("{} left for the data folder", machine::readable(free)))
        }
        // Not how much exactly: it would be another answer each time.
        Some(_) => ComponentBody::new(Status::Ok, "has room"),
    }
}

/// Something is wrong, and the log says what.
fn broken(worst: Status) -> ComponentBody {
    ComponentBody::new(worst, "does not answer; the log has the cause")
}

/// For the log.
fn cause(error: &(impl Error + 'static)) -> &(dyn Error + 'static) {
    error
}
