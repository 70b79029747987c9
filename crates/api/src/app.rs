//! What every handler can reach.

use std::{ops::Deref, sync::Arc, time::Instant};

use actix_web::cookie::SameSite;
use lyceum_application::Lyceum;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    health::Health,
    http::{client::Proxies, limits::Limits, upload::UploadLimits},
    metrics::Metrics,
    settings::{SameSite as Chosen, Settings},
};

/// The application, for the handlers of one worker.
pub struct App {
    /// What Lyceum does, over connections of this worker's own.
    pub lyceum: Lyceum,
    /// How often anybody may ask; `None` if that is not limited.
    pub limits: Option<Limits>,
    /// What all workers share.
    pub shared: Arc<Shared>,
}

/// What all workers share.
pub struct Shared {
    /// How cookies are set.
    pub cookies: CookieRules,
    /// Origins whose pages may act with a user's cookies.
    pub origins: Vec<String>,
    /// The proxies that stand before this server.
    pub proxies: Proxies,
    /// The limits of files that come in.
    pub uploads: UploadLimits,
    /// What is counted and measured.
    pub metrics: Arc<Metrics>,
    /// Health of the parts, remembered for a moment.
    pub health: Health,
    /// Running turns, and files that are being stored; shutting down waits for them.
    pub turns: TaskTracker,
    /// Set when all workers are at work: ready from now on.
    pub up: CancellationToken,
    /// Set when the server is told to stop: not ready any more, but whoever comes is served.
    pub leaving: CancellationToken,
    /// Set when nobody new is let in.
    pub stopping: CancellationToken,
    /// Set when the time to finish is over: running turns end.
    pub stop_turns: CancellationToken,
    /// When the server started.
    pub started: Instant,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

/// How cookies are set.
#[derive(Debug, Clone)]
pub struct CookieRules {
    /// Only over HTTPS.
    pub secure: bool,
    /// `SameSite`.
    pub same_site: SameSite,
    /// `Domain`; the host alone if `None`.
    pub domain: Option<String>,
}

impl CookieRules {
    /// From the settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            secure: settings.auth.cookie_secure,
            same_site: match settings.auth.cookie_same_site {
                Chosen::Lax => SameSite::Lax,
                Chosen::Strict => SameSite::Strict,
                Chosen::None => SameSite::None,
            },
            domain: settings.auth.cookie_domain().map(str::to_owned),
        }
    }
}
