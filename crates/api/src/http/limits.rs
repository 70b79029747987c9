//! How often anybody may ask. Each request is counted twice: for the network it comes from, before anything is done for
//! it, and for its user, once it is known who that is. [`classes`] says as what.
//!
//! What is refused for the user is not counted for the network: one learner's client that asks again and again must not
//! stop their school. Such a request costs finding out whose it is, and nothing more.

pub mod classes;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    web,
};
use lyceum_domain::{
    ids::UserId,
    limits::{Class, Counted, Demand, Limiter, LimiterError, Verdict},
    sessions::Network,
};

use crate::{
    app::App,
    http::{client, problem::Problem},
    settings::RateLimitSettings,
};

/// The most that are let through at once.
pub const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
/// How many more would be let through now.
pub const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// Seconds until as many are let through at once again as [`LIMIT`] says.
pub const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// What counts requests, and what it lets through.
pub struct Limits {
    limiter: Arc<dyn Limiter>,
    rates: RateLimitSettings,
}

/// What is known of a request that is counted; one of its extensions.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    class: Class,
    network: Network,
    /// The tightest so far; `None` while nobody could count.
    verdict: Option<Verdict>,
    is_counted_for_user: bool,
}

impl Limits {
    /// Counts with `limiter` against these rates.
    pub fn new(limiter: Arc<dyn Limiter>, rates: RateLimitSettings) -> Self {
        Self { limiter, rates }
    }

    /// What counts.
    pub fn limiter(&self) -> &dyn Limiter {
        &*self.limiter
    }

    /// Counts one request. While nobody can count, some go on uncounted. (With the limiters of this server somebody always
    /// can; see [`Problem::limiter_unavailable`].)
    async fn take(&self, class: Class, counted: Counted) -> Result<Option<Verdict>, Problem> {
        match self.limiter.take(&self.demand(class, counted)).await {
            Ok(verdict) => Ok(Some(verdict)),
            Err(LimiterError(cause)) if class.fails_open() => {
                // A line for each request would fill disks. A limiter that may be away says itself when it goes and comes.
                tracing::debug!(class = class.as_str(), cause = &*cause, "a request could not be counted");
                Ok(None)
            }
            Err(LimiterError(cause)) => Err(Problem::limiter_unavailable(cause)),
        }
    }

    /// Gives back what a request took that is not answered after all. It would come back by itself, so nobody has to hear
    /// of it if that fails.
    async fn give_back(&self, class: Class, counted: Counted) {
        if let Err(LimiterError(cause)) = self.limiter.give_back(&self.demand(class, counted)).await {
            tracing::debug!(class = class.as_str(), cause = &*cause, "a request could not be given back");
        }
    }

    fn demand(&self, class: Class, counted: Counted) -> Demand {
        let rates = self.rates.of(class);
        let rate = match counted {
            Counted::Network(_) => rates.network(),
            Counted::User(_) => rates.user(),
        };
        Demand { class, counted, rate }
    }

    /// Counts a request for its network, and does what follows if that is not one too many.
    async fn pass<B: MessageBody + 'static>(
        &self,
        request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<EitherBody<B>>, Error> {
        let Some(class) = classes::class(&request) else {
            return Ok(next.call(request).await?.map_into_left_body());
        };
        let network = Network::of(client::address(request.request()));
        let verdict = match self.take(class, Counted::Network(network.clone())).await {
            Ok(verdict) => verdict,
            Err(problem) => return Ok(request.error_response(problem).map_into_right_body()),
        };
        request.extensions_mut().insert(Standing { class, network, verdict, is_counted_for_user: false });
        let mut response = if let Some(wait) = verdict.and_then(|verdict| verdict.retry_after) {
            request.error_response(Problem::rate_limited(wait)).map_into_right_body()
        } else {
            next.call(request).await?.map_into_left_body()
        };
        let verdict = response.request().extensions().get::<Standing>().and_then(|standing| standing.verdict);
        if let Some(verdict) = verdict {
            tell(response.headers_mut(), verdict);
        }
        Ok(response)
    }

    /// Counts a request for its user, once.
    async fn pass_user(&self, request: &HttpRequest, user: UserId) -> Result<(), Problem> {
        let before = match request.extensions_mut().get_mut::<Standing>() {
            Some(standing) if !standing.is_counted_for_user => {
                standing.is_counted_for_user = true;
                standing.clone()
            }
            _ => return Ok(()),
        };
        let Some(verdict) = self.take(before.class, Counted::User(user)).await? else { return Ok(()) };
        if let Some(standing) = request.extensions_mut().get_mut::<Standing>() {
            standing.verdict = Some(standing.verdict.map_or(verdict, |before| before.tighter(verdict)));
        }
        let Some(wait) = verdict.retry_after else { return Ok(()) };
        if before.verdict.is_some() {
            self.give_back(before.class, Counted::Network(before.network)).await;
        }
        Err(Problem::rate_limited(wait))
    }
}

/// The middleware. It stands inside of the edge and of CORS, so that a refusal is a problem that a browser's page can read.
pub async fn limits<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let app = request.app_data::<web::Data<App>>().cloned();
    match app.as_deref().and_then(|app| app.limits.as_ref()) {
        Some(limits) => limits.pass(request, next).await,
        None => Ok(next.call(request).await?.map_into_left_body()),
    }
}

/// Counts a request for the user that it turned out to be of.
pub async fn count_user(app: &App, request: &HttpRequest, user: UserId) -> Result<(), Problem> {
    match &app.limits {
        Some(limits) => limits.pass_user(request, user).await,
        None => Ok(()),
    }
}

fn tell(headers: &mut HeaderMap, verdict: Verdict) {
    headers.insert(LIMIT, HeaderValue::from(verdict.limit));
    headers.insert(REMAINING, HeaderValue::from(verdict.remaining));
    headers.insert(RESET, HeaderValue::from(whole_seconds(verdict.reset)));
}

/// Never sooner than said.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}
