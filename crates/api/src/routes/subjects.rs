//! A learner's own subjects.

use actix_web::{HttpResponse, delete, get, http::StatusCode, patch, post, web};
use chrono::{DateTime, Utc};
use lyceum_application::{
    subjects::{NewSubject, SubjectChange},
    users::Change,
};
use lyceum_domain::{
    courses::Title,
    ids::SubjectId,
    invalid::{Invalid, Violations},
    subjects::{Color, Subject},
    text,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        body::{Json, present},
        caller::Caller,
        page::{PageBody, Query, page_request},
        path::Id,
        problem::Problem,
        version::{IfMatch, versioned},
    },
};

/// A subject.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Subject)]
pub struct SubjectBody {
    /// Its id.
    pub id: Uuid,
    /// What it is called.
    pub title: String,
    /// What it is about, Markdown; may be empty.
    pub description: String,
    /// How it is shown.
    #[schema(pattern = "^#[0-9a-f]{6}$", example = "#1a2b3c")]
    pub color: Option<String>,
    /// Whether it is put away.
    pub is_archived: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// For `If-Match`.
    pub version: u32,
}

impl From<&Subject> for SubjectBody {
    fn from(subject: &Subject) -> Self {
        Self {
            id: subject.id.as_uuid(),
            title: subject.title.to_string(),
            description: subject.description.clone(),
            color: subject.color.as_ref().map(ToString::to_string),
            is_archived: subject.is_archived,
            created_at: subject.created_at.as_datetime(),
            updated_at: subject.updated_at.as_datetime(),
            version: subject.version,
        }
    }
}

/// A subject that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSubjectBody {
    /// 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200, example = "Tides")]
    pub title: String,
    /// Markdown of at most 5000 characters.
    #[schema(max_length = 5000)]
    pub description: Option<String>,
    /// `#rrggbb`.
    #[schema(pattern = "^#[0-9a-fA-F]{6}$")]
    pub color: Option<String>,
    /// Whether it is put away at once.
    pub is_archived: Option<bool>,
}

/// What of a subject is to change; what is left out stays, `null` clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSubjectBody {
    /// 1 to 200 characters.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    pub title: Option<Option<String>>,
    /// Markdown of at most 5000 characters; `null` is an empty one.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 5000)]
    pub description: Option<Option<String>>,
    /// `#rrggbb`, or `null`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, pattern = "^#[0-9a-fA-F]{6}$")]
    pub color: Option<Option<String>>,
    /// Whether it is put away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub is_archived: Option<Option<bool>>,
}

fn description(raw: &str) -> Result<String, Invalid> {
    text::block(raw, 0, Subject::MAX_DESCRIPTION)
}

impl CreateSubjectBody {
    fn parse(self) -> Result<NewSubject, Violations> {
        let mut violations = Violations::new();
        let title = violations.take("/title", Title::parse(&self.title));
        let description = violations.take("/description", description(&self.description.unwrap_or_default()));
        let color = self.color.and_then(|raw| violations.take("/color", Color::parse(&raw)));
        violations.clone().into_result()?;
        match (title, description) {
            (Some(title), Some(description)) => {
                Ok(NewSubject { title, description, color, is_archived: self.is_archived.unwrap_or_default() })
            }
            _ => Err(violations),
        }
    }
}

impl ChangeSubjectBody {
    fn parse(self) -> Result<SubjectChange, Violations> {
        let mut violations = Violations::new();
        let title = self.title.map(|sent| sent.ok_or(Invalid::Missing).and_then(|raw| Title::parse(&raw)));
        let change = SubjectChange {
            title: title.and_then(|parsed| violations.take("/title", parsed)),
            description: self
                .description
                .and_then(|sent| violations.take("/description", description(&sent.unwrap_or_default()))),
            color: match self.color {
                None => Change::Keep,
                Some(None) => Change::Clear,
                Some(Some(raw)) => violations.take("/color", Color::parse(&raw)).map_or(Change::Keep, Change::Set),
            },
            is_archived: self
                .is_archived
                .and_then(|sent| violations.take("/is_archived", sent.ok_or(Invalid::Missing))),
        };
        violations.into_result().map(|()| change)
    }
}

/// Which subjects are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SubjectsQuery {
    /// `true`: those that are put away, instead of those that are not.
    pub archived: Option<bool>,
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u32>)]
    pub limit: Option<String>,
    /// Where to start: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Makes a subject.
#[utoipa::path(tag = "subjects", security(("bearer" = []), ("cookie" = [])),
    responses((status = 201, body = SubjectBody, headers(("ETag" = String, description = "the version")))))]
#[post("/subjects")]
pub async fn create_subject(
    app: web::Data<App>,
    caller: Caller,
    Json(body): Json<CreateSubjectBody>,
) -> Result<HttpResponse, Problem> {
    let subject = app.lyceum.create_subject(&caller.0, body.parse()?).await?;
    Ok(versioned(StatusCode::CREATED, subject.version, SubjectBody::from(&subject)))
}

/// One's subjects, newest first.
#[utoipa::path(tag = "subjects", security(("bearer" = []), ("cookie" = [])), params(SubjectsQuery),
    responses((status = 200, body = PageBody<SubjectBody>)))]
#[get("/subjects")]
pub async fn list_subjects(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<SubjectsQuery>,
) -> Result<HttpResponse, Problem> {
    let page = page_request(query.limit.as_deref(), query.cursor.as_deref())?;
    let page = app.lyceum.subjects(&caller.0, query.archived.unwrap_or_default(), page).await?;
    Ok(HttpResponse::Ok().json(PageBody::of(page, |subject| SubjectBody::from(&subject))))
}

/// A subject.
#[utoipa::path(tag = "subjects", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the subject")),
    responses((status = 200, body = SubjectBody, headers(("ETag" = String, description = "the version")))))]
#[get("/subjects/{id}")]
pub async fn read_subject(app: web::Data<App>, caller: Caller, Id(id): Id<SubjectId>) -> Result<HttpResponse, Problem> {
    let subject = app.lyceum.own_subject(&caller.0, id).await?;
    Ok(versioned(StatusCode::OK, subject.version, SubjectBody::from(&subject)))
}

/// Changes a subject.
#[utoipa::path(tag = "subjects", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the subject"),
        ("If-Match" = Option<String>, Header, description = "the ETag that the change is about")),
    responses((status = 200, body = SubjectBody, headers(("ETag" = String, description = "the version")))))]
#[patch("/subjects/{id}")]
pub async fn change_subject(
    app: web::Data<App>,
    caller: Caller,
    Id(id): Id<SubjectId>,
    expected: IfMatch,
    Json(body): Json<ChangeSubjectBody>,
) -> Result<HttpResponse, Problem> {
    let subject = app.lyceum.change_subject(&caller.0, id, body.parse()?, expected.0).await?;
    Ok(versioned(StatusCode::OK, subject.version, SubjectBody::from(&subject)))
}

/// Removes a subject with its documents.
#[utoipa::path(tag = "subjects", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the subject"),
        ("If-Match" = Option<String>, Header, description = "the ETag that the deletion is about")),
    responses((status = 204)))]
#[delete("/subjects/{id}")]
pub async fn delete_subject(
    app: web::Data<App>,
    caller: Caller,
    Id(id): Id<SubjectId>,
    expected: IfMatch,
) -> Result<HttpResponse, Problem> {
    app.lyceum.delete_subject(&caller.0, id, expected.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::{ids::UserId, time::Timestamp};

    #[test]
    fn the_shape_of_a_subject() {
        let at = Timestamp::from_micros(1_790_000_000_000_000).expect("a time");
        let subject = Subject {
            id: SubjectId::from_uuid(Uuid::from_u128(1)),
            owner: UserId::from_uuid(Uuid::from_u128(2)),
            title: Title::parse("Tides").expect("a title"),
            description: String::new(),
            color: Color::parse("#1A2B3C").ok(),
            is_archived: false,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        insta::assert_json_snapshot!(SubjectBody::from(&subject), @r##"
        {
          "id": "00000000-0000-0000-0000-000000000001",
          "title": "Tides",
          "description": "",
          "color": "#1a2b3c",
          "is_archived": false,
          "created_at": "2026-09-21T14:13:20Z",
          "updated_at": "2026-09-21T14:13:20Z",
          "version": 1
        }
        "##);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let body = CreateSubjectBody {
            title: " ".to_owned(),
            description: Some("x".repeat(5001)),
            color: Some("red".to_owned()),
            is_archived: None,
        };
        let told = body.parse().expect_err("refused");
        let pointers: Vec<_> = told.iter().map(|violation| violation.pointer).collect();
        assert_eq!(pointers, ["/title", "/description", "/color"]);
    }
}
