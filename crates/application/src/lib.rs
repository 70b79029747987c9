//! One function for each thing a person can do. A use case reads as the sentence it implements: who asks, may they,
//! load, decide, save, commit. Rules live in `lyceum-domain`, storage and network behind its ports.
//!
//! | module | what people do |
//! | --- | --- |
//! | [`users`] | register, verify an e-mail, change a profile, make and promote accounts |
//! | [`sessions`] | sign in, refresh, sign out; who is behind a token |
//! | [`courses`] | browse, read, import |
//! | [`progress`] | enrol, record lessons, see how far one is |
//! | [`conversations`] | find, rename, archive, delete conversations |
//! | [`mentor`] | ask, and have the answer relayed |

pub mod conversations;
pub mod courses;
mod error;
pub mod mentor;
pub mod progress;
mod retry;
pub mod sessions;
pub mod users;

use std::{sync::Arc, time::Duration};

use lyceum_domain::{
    ids::IdGenerator,
    mail::Mailer,
    mentor::ChatModel,
    sessions::{AccessTokens, Secrets},
    store::Store,
    time::Clock,
    users::PasswordHasher,
};

pub use error::Error;

/// Everything that stands outside and is asked through a port.
#[derive(Clone)]
pub struct Ports {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// What makes ids.
    pub ids: Arc<dyn IdGenerator>,
    /// What hashes passwords.
    pub passwords: Arc<dyn PasswordHasher>,
    /// What signs and verifies access tokens.
    pub access_tokens: Arc<dyn AccessTokens>,
    /// What makes and hashes secrets.
    pub secrets: Arc<dyn Secrets>,
    /// What sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// What answers questions.
    pub model: Arc<dyn ChatModel>,
}

/// Numbers and addresses that the operator chose.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long an access token is good.
    pub access_ttl: Duration,
    /// How long a refresh token is good.
    pub refresh_ttl: Duration,
    /// How long after its use a refresh token still works once more, for two tabs that refresh at once.
    pub refresh_grace: Duration,
    /// How long a verification link is good.
    pub verification_ttl: Duration,
    /// Where the front end is; links in mails begin with it. No slash at its end.
    pub public_url: String,
    /// The longest answer of the model, in tokens.
    pub max_answer_tokens: Option<u32>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(14 * 24),
            refresh_grace: Duration::from_secs(10),
            verification_ttl: Duration::from_hours(24),
            public_url: "http://127.0.0.1:8080".to_owned(),
            max_answer_tokens: None,
        }
    }
}

/// The whole of what Lyceum does, for whoever opens a door to it.
#[derive(Clone)]
pub struct Lyceum {
    ports: Ports,
    rules: Rules,
}

impl Lyceum {
    /// Puts the house together.
    pub fn new(ports: Ports, rules: Rules) -> Self {
        Self { ports, rules }
    }

    /// What stands outside; for health checks.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }
}
