//! How the parts are, asked with a time-out and remembered for a moment, so that asking often costs nothing.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::app::App;

/// How long an answer is remembered.
const REMEMBER: Duration = Duration::from_secs(1);
/// How long it is remembered that files can be stored: looking costs a write.
const REMEMBER_STORAGE: Duration = Duration::from_secs(10);
/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

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
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ComponentHealth)]
pub struct ComponentBody {
    /// How it is.
    pub status: Status,
    /// What is in use, or a word about what is wrong; never an address or a key.
    pub detail: String,
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
    /// `database`, `llm`, `rate_limiter`, `storage`, `mail`.
    pub components: BTreeMap<&'static str, ComponentBody>,
}

/// Remembers the last look.
#[derive(Debug, Default)]
pub struct Health {
    last: Mutex<Option<(Instant, BTreeMap<&'static str, ComponentBody>)>>,
    /// When files could be stored.
    stored: Mutex<Option<Instant>>,
}

impl Health {
    /// Looks, or remembers. One look at a time: whoever comes meanwhile waits for it.
    pub async fn look(&self, app: &App) -> HealthBody {
        let mut last = self.last.lock().await;
        let components = match &*last {
            Some((at, components)) if at.elapsed() < REMEMBER => components.clone(),
            _ => {
                let components = self.components(app).await;
                components.iter().for_each(|(name, component)| app.metrics.component(name, component.status));
                *last = Some((Instant::now(), components.clone()));
                components
            }
        };
        let worst = components.values().map(|component| component.status).max().unwrap_or(Status::Ok);
        HealthBody {
            status: worst.max(Status::Ok),
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: app.started.elapsed().as_secs(),
            components,
        }
    }

    async fn components(&self, app: &App) -> BTreeMap<&'static str, ComponentBody> {
        let ports = app.lyceum.ports();
        let (database, model, mail, storage) = tokio::join!(
            part(Status::Down, "answers", ports.store.check()),
            part(Status::Degraded, ports.model.provider(), ports.model.check()),
            part(Status::Degraded, "accepts mail", ports.mailer.check()),
            self.storage(app),
        );
        let mail = if mail.status == Status::Ok { outbox(app, mail).await } else { mail };
        let unused = |detail: &str| ComponentBody { status: Status::Disabled, detail: detail.to_owned() };
        BTreeMap::from([
            ("database", database),
            ("llm", model),
            ("mail", mail),
            ("rate_limiter", unused("not in use")),
            ("storage", storage),
        ])
    }

    async fn storage(&self, app: &App) -> ComponentBody {
        const FINE: &str = "stores files";
        let mut stored = self.stored.lock().await;
        if stored.is_some_and(|at| at.elapsed() < REMEMBER_STORAGE) {
            return ComponentBody { status: Status::Ok, detail: FINE.to_owned() };
        }
        let storage = part(Status::Degraded, FINE, app.lyceum.ports().blobs.check()).await;
        *stored = (storage.status == Status::Ok).then(Instant::now);
        storage
    }
}

/// Mail that was given up is not well, however the mail server is.
async fn outbox(app: &App, mail: ComponentBody) -> ComponentBody {
    let counts = tokio::time::timeout(PATIENCE, app.lyceum.ports().store.read().outbox_counts()).await;
    match counts {
        Ok(Ok(counts)) if counts.dead > 0 => ComponentBody {
            status: Status::Degraded,
            detail: format!("{} mails were given up; see `lyceum mail`", counts.dead),
        },
        Ok(Ok(counts)) => ComponentBody { detail: format!("{}; {} wait", mail.detail, counts.waiting), ..mail },
        // The database says so for itself.
        _ => mail,
    }
}

async fn part<E: std::error::Error + 'static>(
    worst: Status,
    fine: &str,
    check: impl Future<Output = Result<(), E>>,
) -> ComponentBody {
    match tokio::time::timeout(PATIENCE, check).await {
        Ok(Ok(())) => ComponentBody { status: Status::Ok, detail: fine.to_owned() },
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a part is not well");
            ComponentBody { status: worst, detail: "does not answer; the log has the cause".to_owned() }
        }
        Err(_) => ComponentBody { status: worst, detail: "did not answer in time".to_owned() },
    }
}
