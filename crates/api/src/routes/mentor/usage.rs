//! What was asked of the mentor, and what may be.

use actix_web::{HttpResponse, get, web};
use chrono::{DateTime, Utc};
use lyceum_application::mentor::Balance;
use lyceum_domain::{
    ids::UserId,
    invalid::Violations,
    mentor::{Allowance, ModelUsage, UsageDay, Used, Window},
    time::{Day, Timestamp},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::id;
use crate::{
    app::App,
    http::{
        caller::Caller,
        page::{PageBody, Query, page_request},
        problem::Problem,
    },
};

/// What somebody used up, and what their plan allows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MentorUsage)]
pub struct BalanceBody {
    /// The plan.
    #[schema(pattern = "^(free|premium)$")]
    pub plan: &'static str,
    /// Today, by UTC.
    pub today: WindowBody,
    /// This month, by UTC.
    pub this_month: WindowBody,
}

/// A day or a month.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MentorUsageWindow)]
pub struct WindowBody {
    /// Answers.
    pub requests: AmountBody,
    /// Tokens of questions and answers; what is set aside for answers under way included.
    pub tokens: AmountBody,
    /// When the next one begins.
    pub resets_at: DateTime<Utc>,
}

/// So much of so much.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MentorUsageAmount)]
pub struct AmountBody {
    /// Used up.
    pub used: u64,
    /// Allowed; `null` is without limit.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
}

impl AmountBody {
    fn new(used: u64, limit: Option<u64>) -> Self {
        Self { used, limit, remaining: limit.map(|limit| limit.saturating_sub(used)) }
    }
}

impl WindowBody {
    fn new(used: Used, allowed: Allowance, resets_at: Timestamp) -> Self {
        Self {
            requests: AmountBody::new(used.requests.into(), allowed.requests.map(u64::from)),
            tokens: AmountBody::new(used.tokens, allowed.tokens),
            resets_at: resets_at.as_datetime(),
        }
    }
}

impl From<Balance> for BalanceBody {
    fn from(balance: Balance) -> Self {
        let Balance { plan, quota, spending, at } = balance;
        Self {
            plan: plan.as_str(),
            today: WindowBody::new(spending.today, quota.day, Window::Day.ends(at)),
            this_month: WindowBody::new(spending.this_month, quota.month, Window::Month.ends(at)),
        }
    }
}

/// Which days and whose, and which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UsageQuery {
    /// From this day (UTC); left out: 30 days before the last.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-01")]
    pub since: Option<String>,
    /// To this day (UTC), that included; left out: today.
    #[param(value_type = Option<String>, format = Date, example = "2026-11-30")]
    pub until: Option<String>,
    /// Only this user.
    #[param(value_type = Option<Uuid>)]
    pub user: Option<String>,
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u32>)]
    pub limit: Option<String>,
    /// Where to start: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// What one user asked on one day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageDay)]
pub struct UsageDayBody {
    /// The day (UTC).
    #[schema(format = Date, example = "2026-11-25")]
    pub day: String,
    /// Who.
    pub user_id: Uuid,
    /// Calls of all models, also broken ones.
    pub requests: u64,
    /// Tokens of questions and answers.
    pub tokens: u64,
    /// The price of all, in millionths of the currency.
    pub cost_micros: u64,
    /// By model.
    pub models: Vec<ModelUsageBody>,
}

/// What was asked of one model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelUsage)]
pub struct ModelUsageBody {
    /// Who answered.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Calls, also broken ones.
    pub requests: u32,
    /// Those of them that failed.
    pub failed: u32,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// The price, in millionths of the currency.
    pub cost_micros: u64,
}

impl From<ModelUsage> for ModelUsageBody {
    fn from(usage: ModelUsage) -> Self {
        Self {
            provider: usage.provider,
            model: usage.model,
            requests: usage.calls,
            failed: usage.failed,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            cost_micros: usage.micros,
        }
    }
}

impl From<UsageDay> for UsageDayBody {
    fn from(usage: UsageDay) -> Self {
        Self {
            day: usage.day.to_string(),
            user_id: usage.user.as_uuid(),
            requests: usage.models.iter().map(|model| u64::from(model.calls)).sum(),
            tokens: usage.models.iter().map(|model| model.prompt_tokens + model.completion_tokens).sum(),
            cost_micros: usage.models.iter().map(|model| model.micros).sum(),
            models: usage.models.into_iter().map(Into::into).collect(),
        }
    }
}

/// What whoever asks used up today and this month, and what their plan allows.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = BalanceBody)))]
#[get("/ai/usage")]
pub async fn read_usage(app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(BalanceBody::from(app.lyceum.balance(&caller.0).await?)))
}

/// What was asked and what it cost, by day, user and model; the latest day first.
#[utoipa::path(tag = "admin", security(("bearer" = []), ("cookie" = [])), params(UsageQuery),
    responses((status = 200, body = PageBody<UsageDayBody>)))]
#[get("/admin/usage")]
pub async fn list_usage(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<UsageQuery>,
) -> Result<HttpResponse, Problem> {
    let mut violations = Violations::new();
    let mut day = |pointer, raw: Option<String>| raw.and_then(|raw| violations.take(pointer, Day::parse(&raw)));
    let (since, until) = (day("/since", query.since), day("/until", query.until));
    let user = id::<UserId>(&mut violations, "/user", query.user);
    violations.into_result()?;
    let page = page_request(query.limit.as_deref(), query.cursor.as_deref())?;
    let page = app.lyceum.usage_days(&caller.actor(), since, until, user, page).await?;
    Ok(HttpResponse::Ok().json(PageBody::of(page, UsageDayBody::from)))
}
