//! How long records are kept.

use serde::{Deserialize, Serialize};

/// How long records are kept before they are removed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct RetentionSettings {
    /// The audit trail, in days. Default 365.
    pub audit_days: u32,
    /// Sessions that have ended, in days. Default 30.
    pub sessions_days: u32,
    /// Mails that were sent, in days. Default 7.
    pub mails_days: u32,
    /// Mails that were given up, in days. Default 90.
    pub dead_mails_days: u32,
    /// What calls of the model took and cost, in days. Default 730.
    pub usage_days: u32,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { audit_days: 365, sessions_days: 30, mails_days: 7, dead_mails_days: 90, usage_days: 730 }
    }
}
