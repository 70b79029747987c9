//! How often anybody may ask.

use std::num::NonZeroU32;

use lyceum_domain::limits::{Class, Rate};
use serde::{Deserialize, Serialize};

/// The request limiter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct RateLimitSettings {
    /// Whether requests are limited; production insists. Default `true`.
    pub enabled: bool,
    /// Signing in and up, mails. Default 300 a minute for a network, 30 for a user.
    pub auth: ClassSettings,
    /// Asking the mentor. Default 300 and 30.
    pub chat: ClassSettings,
    /// Files that come in. Default 120 and 30.
    pub uploads: ClassSettings,
    /// Other changes. Default 3000 and 300.
    pub writes: ClassSettings,
    /// Everything else. Default 12000 and 1200.
    pub reads: ClassSettings,
}

/// How often requests of one class are answered, in the long run; as many at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct ClassSettings {
    /// Requests a minute from one client network: an IPv4 address, or an IPv6 network of 64 bits.
    pub network_per_minute: NonZeroU32,
    /// Requests a minute of one signed-in user.
    pub user_per_minute: NonZeroU32,
}

const fn class(network: u32, user: u32) -> ClassSettings {
    ClassSettings { network_per_minute: at_least_one(network), user_per_minute: at_least_one(user) }
}

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

impl Default for RateLimitSettings {
    /// A school of some hundred learners may sit behind one address, and sign in when the bell rings. Guessing has narrower
    /// bounds: the lock of an account for the network that guesses at it, and the queue of those whose password is tried.
    fn default() -> Self {
        Self {
            enabled: true,
            auth: class(300, 30),
            chat: class(300, 30),
            uploads: class(120, 30),
            writes: class(3000, 300),
            reads: class(12_000, 1200),
        }
    }
}

impl RateLimitSettings {
    /// The settings of one class.
    pub const fn of(&self, class: Class) -> &ClassSettings {
        match class {
            Class::Auth => &self.auth,
            Class::Chat => &self.chat,
            Class::Uploads => &self.uploads,
            Class::Writes => &self.writes,
            Class::Reads => &self.reads,
        }
    }
}

impl ClassSettings {
    /// What one client network may.
    pub const fn network(&self) -> Rate {
        Rate { per_minute: self.network_per_minute, burst: self.network_per_minute }
    }

    /// What one user may.
    pub const fn user(&self) -> Rate {
        Rate { per_minute: self.user_per_minute, burst: self.user_per_minute }
    }
}
