//! Lessons with their content.

mod rendering;
pub mod writing;

use actix_web::{HttpResponse, get, http::StatusCode, web};
use chrono::{DateTime, Utc};
use lyceum_domain::{
    courses::{Course, CourseKey, Lesson},
    ids::LessonId,
    invalid::Invalid,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    http::{caller::Visitor, page::Query, path::Id, problem::Problem, version::versioned},
    routes::courses::OutlineEntryBody,
};

/// A lesson.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Lesson)]
pub struct LessonBody {
    /// The lesson as it stands in the outline.
    #[serde(flatten)]
    pub entry: OutlineEntryBody,
    /// Its course.
    pub course_id: Uuid,
    /// That course's name in addresses.
    pub course_slug: String,
    /// Markdown. It may come from a stranger's book: clean it before it is shown as HTML.
    pub content: String,
    /// Where relative links in `content` lead from: a path on this server, with a slash at its end.
    pub content_base: String,
    /// `content` as HTML that is safe to show, if it was asked for. A link to another lesson is that lesson's `slug`, as a
    /// relative reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = String)]
    pub html: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// For `If-Match`.
    pub version: u32,
}

impl LessonBody {
    /// A lesson without its HTML.
    fn of((lesson, course): (Lesson, Course)) -> Self {
        Self {
            entry: lesson.entry().into(),
            course_id: course.id.as_uuid(),
            course_slug: course.slug.to_string(),
            content_base: rendering::content_base(&lesson),
            html: None,
            content: lesson.content,
            created_at: lesson.created_at.as_datetime(),
            updated_at: lesson.updated_at.as_datetime(),
            version: lesson.version,
        }
    }
}

/// How the content of a lesson is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LessonQuery {
    /// `html`: beside the Markdown also as HTML, in the member `html`.
    #[param(pattern = "^(markdown|html)$", default = "markdown")]
    pub format: Option<String>,
}

impl LessonQuery {
    fn wants_html(&self) -> Result<bool, Problem> {
        match self.format.as_deref() {
            None | Some("markdown") => Ok(false),
            Some("html") => Ok(true),
            Some(_) => Err(Problem::invalid("/format", Invalid::NotAllowed { allowed: "markdown, html" })),
        }
    }
}

/// A lesson with its content.
#[utoipa::path(tag = "courses", security((), ("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path), LessonQuery),
    responses((status = 200, body = LessonBody, headers(("ETag" = String, description = "the version")))))]
#[get("/lessons/{id}")]
pub async fn read_lesson(
    app: web::Data<App>,
    visitor: Visitor,
    id: Id<LessonId>,
    Query(query): Query<LessonQuery>,
) -> Result<HttpResponse, Problem> {
    let wants_html = query.wants_html()?;
    let found = app.lyceum.lesson(&visitor.0, id.0).await?;
    let (version, html) =
        (found.0.version, if wants_html { Some(html(&app, &visitor, &found.0).await?) } else { None });
    Ok(versioned(StatusCode::OK, version, LessonBody { html, ..LessonBody::of(found) }))
}

/// Rendered away from the worker: a lesson can be long.
async fn html(app: &App, visitor: &Visitor, lesson: &Lesson) -> Result<String, Problem> {
    let chapters = app.lyceum.source_paths(&visitor.0, &CourseKey::Id(lesson.course)).await?;
    let lesson = lesson.clone();
    let rendered = web::block(move || rendering::html(&lesson, &chapters)).await;
    rendered.map_err(|error| lyceum_application::Error::Internal(error.to_string()).into())
}
