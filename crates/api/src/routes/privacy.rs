//! Privacy, and what others see.

use actix_web::{HttpResponse, get, http::StatusCode, patch, web};
use chrono::{DateTime, Utc};
use lyceum_application::users::{PrivacyChange, Profile};
use lyceum_domain::{
    invalid::Violations,
    users::{Privacy, ProfileVisibility, Username},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    http::{
        body::Json,
        caller::{Caller, Visitor},
        problem::Problem,
        version::{IfMatch, versioned},
    },
    routes::{portraits::avatar_url, progress::CourseProgressBody},
};

/// What others and the mentor may see.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Privacy)]
pub struct PrivacyBody {
    /// Who sees the profile: `public`, `members` (who is signed in) or `private`.
    #[schema(pattern = "^(public|members|private)$")]
    pub profile_visibility: &'static str,
    /// Whether they and mentors see the progress.
    pub show_progress: bool,
    /// Whether prompts may hold progress and material.
    pub ai_personalization: bool,
}

impl From<Privacy> for PrivacyBody {
    fn from(privacy: Privacy) -> Self {
        Self {
            profile_visibility: privacy.profile_visibility.as_str(),
            show_progress: privacy.show_progress,
            ai_personalization: privacy.ai_personalization,
        }
    }
}

/// What of it is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePrivacyBody {
    /// `public`, `members` or `private`.
    #[schema(pattern = "^(public|members|private)$")]
    pub profile_visibility: Option<String>,
    /// Whether others see the progress.
    pub show_progress: Option<bool>,
    /// Whether prompts may hold progress and material.
    pub ai_personalization: Option<bool>,
}

impl ChangePrivacyBody {
    fn parse(self) -> Result<PrivacyChange, Violations> {
        let mut violations = Violations::new();
        let visibility = self.profile_visibility.map(|word| ProfileVisibility::parse(&word));
        let profile_visibility = visibility.and_then(|parsed| violations.take("/profile_visibility", parsed));
        let (show_progress, ai_personalization) = (self.show_progress, self.ai_personalization);
        violations.into_result().map(|()| PrivacyChange { profile_visibility, show_progress, ai_personalization })
    }
}

/// What others see of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Profile)]
pub struct ProfileBody {
    /// The public name.
    pub username: String,
    /// What other people call the user.
    pub display_name: Option<String>,
    /// A few words about the user.
    pub bio: Option<String>,
    /// `learner`, `mentor` or `admin`.
    #[schema(pattern = "^(learner|mentor|admin)$")]
    pub role: &'static str,
    /// Where the picture is: a path on this server.
    #[schema(format = "uri-reference")]
    pub avatar_url: Option<String>,
    /// Since when they are here.
    pub created_at: DateTime<Utc>,
    /// Their published courses, newest activity first; `null` if they do not show their progress.
    pub progress: Option<Vec<CourseProgressBody>>,
}

impl From<Profile> for ProfileBody {
    fn from(Profile { user, progress }: Profile) -> Self {
        Self {
            username: user.username.to_string(),
            display_name: user.display_name.as_ref().map(ToString::to_string),
            bio: user.bio.as_ref().map(ToString::to_string),
            role: user.role.as_str(),
            avatar_url: avatar_url(&user),
            created_at: user.created_at.as_datetime(),
            progress: progress.map(|courses| courses.into_iter().map(Into::into).collect()),
        }
    }
}

/// One's privacy settings.
#[utoipa::path(tag = "users", security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = PrivacyBody, headers(("ETag" = String, description = "the account's version")))))]
#[get("/users/me/privacy")]
pub async fn read_privacy(app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    let user = app.lyceum.own_account(&caller.0)?;
    Ok(versioned(StatusCode::OK, user.version, PrivacyBody::from(user.privacy)))
}

/// Changes one's privacy settings.
#[utoipa::path(tag = "users", security(("bearer" = []), ("cookie" = [])),
    params(("If-Match" = Option<String>, Header, description = "the ETag that the change is about")),
    responses((status = 200, body = PrivacyBody, headers(("ETag" = String, description = "the account's version")))))]
#[patch("/users/me/privacy")]
pub async fn change_privacy(
    app: web::Data<App>,
    caller: Caller,
    expected: IfMatch,
    Json(body): Json<ChangePrivacyBody>,
) -> Result<HttpResponse, Problem> {
    let user = app.lyceum.change_privacy(&caller.0, body.parse()?, expected.0).await?;
    Ok(versioned(StatusCode::OK, user.version, PrivacyBody::from(user.privacy)))
}

/// What a user shows of themselves.
#[utoipa::path(tag = "users", security((), ("bearer" = []), ("cookie" = [])),
    params(("username" = String, Path, description = "the public name")),
    responses((status = 200, body = ProfileBody)))]
#[get("/users/{username}")]
pub async fn read_profile(
    app: web::Data<App>,
    visitor: Visitor,
    username: web::Path<String>,
) -> Result<web::Json<ProfileBody>, Problem> {
    let username = Username::parse_reserved(&username).map_err(|_| Problem::not_found())?;
    Ok(web::Json(app.lyceum.profile(&visitor.0, &username).await?.into()))
}
