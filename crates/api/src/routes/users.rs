//! The account of whoever asks.

use actix_web::{HttpResponse, get, http::StatusCode, patch, web};
use chrono::{DateTime, Utc};
use lyceum_application::users::{Change, ProfileChange};
use lyceum_domain::{
    invalid::{Invalid, Violations},
    users::{Bio, DisplayName, Locale, TimeZone, User, Username},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        body::{Json, present},
        caller::Caller,
        problem::Problem,
        version::{IfMatch, versioned},
    },
    routes::{portraits::avatar_url, privacy::PrivacyBody},
};

/// An account as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserBody {
    /// Its id.
    pub id: Uuid,
    /// Where mail goes.
    #[schema(format = Email)]
    pub email: String,
    /// Whether the address was shown to be the user's.
    pub email_verified: bool,
    /// The public name.
    pub username: String,
    /// What other people call the user.
    pub display_name: Option<String>,
    /// A few words about the user.
    pub bio: Option<String>,
    /// `learner`, `mentor` or `admin`.
    #[schema(pattern = "^(learner|mentor|admin)$")]
    pub role: &'static str,
    /// `free` or `premium`.
    #[schema(pattern = "^(free|premium)$")]
    pub plan: &'static str,
    /// BCP 47 language tag.
    pub locale: String,
    /// IANA time zone.
    pub time_zone: String,
    /// Where the picture is: a path on this server.
    #[schema(format = "uri-reference")]
    pub avatar_url: Option<String>,
    /// What others and the mentor may see.
    pub privacy: PrivacyBody,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// For `If-Match`.
    pub version: u32,
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.as_uuid(),
            email: user.email.to_string(),
            email_verified: user.email_verified_at.is_some(),
            username: user.username.to_string(),
            display_name: user.display_name.as_ref().map(ToString::to_string),
            bio: user.bio.as_ref().map(ToString::to_string),
            role: user.role.as_str(),
            plan: user.plan.as_str(),
            locale: user.locale.to_string(),
            time_zone: user.time_zone.to_string(),
            avatar_url: avatar_url(user),
            privacy: user.privacy.into(),
            created_at: user.created_at.as_datetime(),
            updated_at: user.updated_at.as_datetime(),
            version: user.version,
        }
    }
}

/// What of an account is to change; what is left out stays, `null` clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeUserBody {
    /// 1 to 80 characters, or `null`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 80)]
    pub display_name: Option<Option<String>>,
    /// 1 to 2000 characters, or `null`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 2000)]
    pub bio: Option<Option<String>>,
    /// BCP 47 language tag.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, example = "en")]
    pub locale: Option<Option<String>>,
    /// IANA time zone.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, example = "Europe/Vienna")]
    pub time_zone: Option<Option<String>>,
    /// 3 to 32 letters, digits, `_` and `-`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 3, max_length = 32)]
    pub username: Option<Option<String>>,
}

impl ChangeUserBody {
    fn parse(self) -> Result<ProfileChange, Violations> {
        let mut violations = Violations::new();
        let change = ProfileChange {
            display_name: clearable(&mut violations, "/display_name", self.display_name, DisplayName::parse),
            bio: clearable(&mut violations, "/bio", self.bio, Bio::parse),
            locale: settable(&mut violations, "/locale", self.locale, Locale::parse),
            time_zone: settable(&mut violations, "/time_zone", self.time_zone, TimeZone::parse),
            username: settable(&mut violations, "/username", self.username, Username::parse),
        };
        violations.into_result().map(|()| change)
    }
}

type Sent = Option<Option<String>>;

fn clearable<T>(
    violations: &mut Violations,
    pointer: &'static str,
    sent: Sent,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Change<T> {
    match sent {
        None => Change::Keep,
        Some(None) => Change::Clear,
        Some(Some(raw)) => violations.take(pointer, parse(&raw)).map_or(Change::Keep, Change::Set),
    }
}

/// A member that can be set but not cleared.
fn settable<T>(
    violations: &mut Violations,
    pointer: &'static str,
    sent: Sent,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Option<T> {
    let sent = sent?;
    violations.take(pointer, sent.ok_or(Invalid::Missing).and_then(|raw| parse(&raw)))
}

/// The account of whoever asks.
#[utoipa::path(tag = "users", security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = UserBody, headers(("ETag" = String, description = "the version")))))]
#[get("/users/me")]
pub async fn me(app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    let user = app.lyceum.own_account(&caller.0)?;
    Ok(versioned(StatusCode::OK, user.version, UserBody::from(user)))
}

/// Changes the account of whoever asks.
#[utoipa::path(tag = "users", security(("bearer" = []), ("cookie" = [])),
    params(("If-Match" = Option<String>, Header, description = "the ETag that the change is about")),
    responses((status = 200, body = UserBody, headers(("ETag" = String, description = "the version")))))]
#[patch("/users/me")]
pub async fn change_me(
    app: web::Data<App>,
    caller: Caller,
    expected: IfMatch,
    Json(body): Json<ChangeUserBody>,
) -> Result<HttpResponse, Problem> {
    let user = app.lyceum.change_profile(&caller.0, body.parse()?, expected.0).await?;
    Ok(versioned(StatusCode::OK, user.version, UserBody::from(&user)))
}
