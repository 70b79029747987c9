//! Failed sign-ins.

use serde::{Deserialize, Serialize};

/// When failed sign-ins lock, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct LockoutSettings {
    /// So many failures in a row from one network lock an account for that network. Default 5.
    pub after: u32,
    /// How long the first such lock lasts, in seconds; each further failure doubles it. Default 30.
    pub first_seconds: u64,
    /// The longest such lock, in seconds. Default 900 (15 minutes).
    pub longest_seconds: u64,
    /// So many failures from anywhere lock an account for networks that its owner never used. Default 100.
    pub overall_after: u32,
    /// How long that lasts, in seconds. Default 900 (15 minutes).
    pub overall_seconds: u64,
    /// Failures are forgotten when none came for so long, in seconds. Default `86_400` (one day).
    pub forget_after_seconds: u64,
}

impl Default for LockoutSettings {
    fn default() -> Self {
        Self {
            after: 5,
            first_seconds: 30,
            longest_seconds: 900,
            overall_after: 100,
            overall_seconds: 900,
            forget_after_seconds: 86_400,
        }
    }
}
