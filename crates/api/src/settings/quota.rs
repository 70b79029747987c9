//! What a plan may ask of the mentor.

use lyceum_domain::mentor::{Allowance, Quota, Quotas};
use serde::{Deserialize, Serialize};

/// What the users of each plan may ask. Days and months are those of UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct QuotaSettings {
    /// Without a subscription.
    pub free: PlanQuotaSettings,
    /// With one.
    pub premium: PlanQuotaSettings,
}

/// What a user of one plan may ask; 0 is nothing, `none` in a file or variable is without limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct PlanQuotaSettings {
    /// Answers in a day. Default none.
    pub requests_per_day: Option<u32>,
    /// Tokens of questions and answers in a day. Default none.
    pub tokens_per_day: Option<u64>,
    /// Answers in a month. Default none.
    pub requests_per_month: Option<u32>,
    /// Tokens of questions and answers in a month. Default none.
    pub tokens_per_month: Option<u64>,
}

impl QuotaSettings {
    /// As the domain counts.
    pub const fn quotas(&self) -> Quotas {
        Quotas { free: self.free.quota(), premium: self.premium.quota() }
    }
}

impl PlanQuotaSettings {
    const fn quota(&self) -> Quota {
        Quota {
            day: Allowance { requests: self.requests_per_day, tokens: self.tokens_per_day },
            month: Allowance { requests: self.requests_per_month, tokens: self.tokens_per_month },
        }
    }
}
