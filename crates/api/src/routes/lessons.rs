//! Lessons with their content.

use actix_web::{HttpResponse, get, http::StatusCode, web};
use chrono::{DateTime, Utc};
use lyceum_domain::{
    courses::{Course, Lesson},
    ids::LessonId,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    http::{caller::Visitor, path::Id, problem::Problem, version::versioned},
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
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// For `If-Match`.
    pub version: u32,
}

impl LessonBody {
    fn of((lesson, course): (Lesson, Course)) -> Self {
        Self {
            entry: lesson.entry().into(),
            course_id: course.id.as_uuid(),
            course_slug: course.slug.to_string(),
            content: lesson.content,
            created_at: lesson.created_at.as_datetime(),
            updated_at: lesson.updated_at.as_datetime(),
            version: lesson.version,
        }
    }
}

/// A lesson with its content.
#[utoipa::path(tag = "courses", security((), ("bearer" = []), ("cookie" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = LessonBody, headers(("ETag" = String, description = "the version")))))]
#[get("/lessons/{id}")]
pub async fn read_lesson(app: web::Data<App>, visitor: Visitor, id: Id<LessonId>) -> Result<HttpResponse, Problem> {
    let found = app.lyceum.lesson(&visitor.0, id.0).await?;
    Ok(versioned(StatusCode::OK, found.0.version, LessonBody::of(found)))
}
