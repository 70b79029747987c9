//! The two cookies of a signed-in browser, and the check that a request with cookies comes from our own pages.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, time::OffsetDateTime},
    http::{StatusCode, header},
};
use lyceum_application::sessions::SignedIn;
use lyceum_domain::time::Timestamp;

use crate::{
    app::{App, CookieRules},
    http::problem::Problem,
};

/// Holds the access token.
pub const ACCESS: &str = "lyceum_access";
/// The same where the browser can promise that no other host and no unencrypted page has set it (RFC 6265bis, 4.1.3).
const HOST_ACCESS: &str = "__Host-lyceum_access";
/// Holds the refresh token.
pub const REFRESH: &str = "lyceum_refresh";
/// The refresh token goes nowhere else.
const REFRESH_PATH: &str = "/api/v1/auth";

impl CookieRules {
    /// What the access cookie is called: with the prefix `__Host-` where it can be. The refresh cookie cannot, since it
    /// goes to one path alone.
    pub fn access_name(&self) -> &'static str {
        if self.secure && self.domain.is_none() { HOST_ACCESS } else { ACCESS }
    }
}

/// The cookies after a sign-in or a refresh.
pub fn signed_in(rules: &CookieRules, signed_in: &SignedIn) -> [Cookie<'static>; 2] {
    [
        cookie(rules, rules.access_name(), "/", signed_in.access_token.clone(), Some(signed_in.access_expires_at)),
        cookie(
            rules,
            REFRESH,
            REFRESH_PATH,
            signed_in.refresh_token.expose().to_owned(),
            Some(signed_in.refresh_expires_at),
        ),
    ]
}

/// The cookies after signing out.
pub fn signed_out(rules: &CookieRules) -> [Cookie<'static>; 2] {
    [
        cookie(rules, rules.access_name(), "/", String::new(), None),
        cookie(rules, REFRESH, REFRESH_PATH, String::new(), None),
    ]
}

fn cookie(
    rules: &CookieRules,
    name: &'static str,
    path: &'static str,
    value: String,
    until: Option<Timestamp>,
) -> Cookie<'static> {
    let until = until.map_or(0, Timestamp::as_unix_seconds);
    let mut cookie = Cookie::build(name, value)
        .path(path)
        .http_only(true)
        .secure(rules.secure)
        .same_site(rules.same_site)
        .expires(OffsetDateTime::from_unix_timestamp(until).unwrap_or(OffsetDateTime::UNIX_EPOCH))
        .finish();
    if let Some(domain) = &rules.domain {
        cookie.set_domain(domain.clone());
    }
    cookie
}

/// An unsafe request that a cookie authenticates must come from a page of ours or of an allowed origin: the browser
/// says so in `Origin` or, where it sends none, in `Sec-Fetch-Site`.
pub fn check_origin(app: &App, request: &HttpRequest) -> Result<(), Problem> {
    if request.method().is_safe() {
        return Ok(());
    }
    let header = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let site = header(header::HeaderName::from_static("sec-fetch-site"));
    let is_ours = match header(header::ORIGIN) {
        Some(origin) => {
            let is_listed = app.origins.iter().any(|allowed| allowed == origin);
            let host = header(header::HOST).unwrap_or_default();
            // Where cookies only travel encrypted, an unencrypted page of the same name may be anybody's.
            let schemes: &[&str] = if app.cookies.secure { &["https://"] } else { &["http://", "https://"] };
            let is_same_host = schemes
                .iter()
                .any(|scheme| origin.strip_prefix(scheme).is_some_and(|rest| rest.eq_ignore_ascii_case(host)));
            is_listed || (is_same_host && site != Some("cross-site"))
        }
        None => site == Some("same-origin"),
    };
    if is_ours {
        Ok(())
    } else {
        let detail = "A request with cookies must come from a page of ours.";
        Err(Problem::new(StatusCode::FORBIDDEN, "csrf_rejected", detail))
    }
}
