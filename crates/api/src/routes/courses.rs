//! The catalogue and the courses in it.

pub mod export;
pub mod files;
pub mod import;
pub mod writing;

use actix_web::{HttpResponse, get, http::StatusCode, web};
use chrono::{DateTime, Utc};
use lyceum_application::courses::Browse;
use lyceum_domain::courses::{Course, Outline, OutlineEntry};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        caller::Visitor,
        page::{PageBody, Query, page_request},
        path::CoursePath,
        problem::Problem,
        version::versioned,
    },
};

/// A course.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Course)]
pub struct CourseBody {
    /// Its id.
    pub id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// What it is about, Markdown.
    pub description: String,
    /// BCP 47 language tag, if known.
    pub language: Option<String>,
    /// `draft`, `published` or `archived`.
    #[schema(pattern = "^(draft|published|archived)$")]
    pub status: &'static str,
    /// Who wrote it; `null` for a course of the house.
    pub author_id: Option<Uuid>,
    /// How many lessons there are to complete.
    pub total_lessons: u32,
    /// When it was first published.
    pub published_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it or one of its lessons last changed.
    pub updated_at: DateTime<Utc>,
    /// For `If-Match`.
    pub version: u32,
}

impl From<&Course> for CourseBody {
    fn from(course: &Course) -> Self {
        Self {
            id: course.id.as_uuid(),
            slug: course.slug.to_string(),
            title: course.title.to_string(),
            description: course.description.clone(),
            language: course.language.clone(),
            status: course.status.as_str(),
            author_id: course.author.map(lyceum_domain::ids::UserId::as_uuid),
            total_lessons: course.lesson_count,
            published_at: course.published_at.map(lyceum_domain::time::Timestamp::as_datetime),
            created_at: course.created_at.as_datetime(),
            updated_at: course.updated_at.as_datetime(),
            version: course.version,
        }
    }
}

/// A course with its lessons in order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CourseWithOutline)]
pub struct CourseWithOutlineBody {
    /// The course.
    #[serde(flatten)]
    pub course: CourseBody,
    /// Its lessons in reading order.
    pub outline: Vec<OutlineEntryBody>,
}

/// A lesson in an outline.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OutlineEntry)]
pub struct OutlineEntryBody {
    /// Its id.
    pub id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// `4.1`, or `null` for what stands outside the numbering.
    #[schema(example = "4.1")]
    pub number: Option<String>,
    /// 0 for a chapter, 1 for one below it, and so on.
    pub depth: u8,
    /// Its place in reading order, from 0.
    pub position: u32,
    /// The part of the course that it stands under.
    pub part: Option<String>,
    /// How long reading it takes, about.
    pub estimated_minutes: u32,
    /// Announced but not written; only who may change the course sees those.
    pub is_draft: bool,
}

impl From<OutlineEntry> for OutlineEntryBody {
    fn from(entry: OutlineEntry) -> Self {
        Self {
            id: entry.id.as_uuid(),
            slug: entry.slug.to_string(),
            title: entry.title.to_string(),
            number: entry.number.map(|number| number.to_string()),
            depth: entry.depth,
            position: entry.position,
            part: entry.part,
            estimated_minutes: entry.estimated_minutes,
            is_draft: entry.is_draft,
        }
    }
}

impl CourseWithOutlineBody {
    /// A course with the lessons in this order.
    pub fn of((course, outline): (Course, Outline)) -> Self {
        Self { course: CourseBody::from(&course), outline: outline.0.into_iter().map(Into::into).collect() }
    }
}

/// What somebody looks for in the catalogue.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BrowseQuery {
    /// Words in title or description.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// Of this author, by username.
    pub author: Option<String>,
    /// `true`: only those one is in.
    pub enrolled: Option<bool>,
    /// `true`: instead those of one's own that were removed, for admins all; nothing else narrows them.
    pub removed: Option<bool>,
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u32>)]
    pub limit: Option<String>,
    /// Where to start: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl BrowseQuery {
    fn browse(&self) -> Result<Browse, Problem> {
        let text = self.q.as_deref().filter(|text| !text.trim().is_empty());
        let text = text.map(|raw| lyceum_domain::text::line(raw, 1, 200)).transpose();
        Ok(Browse {
            text: text.map_err(|invalid| Problem::invalid("/q", invalid))?,
            author: self.author.clone(),
            enrolled: self.enrolled.unwrap_or_default(),
        })
    }
}

/// The catalogue, newest first: published courses, and one's own drafts.
#[utoipa::path(tag = "courses", security((), ("bearer" = []), ("cookie" = [])), params(BrowseQuery),
    responses((status = 200, body = PageBody<CourseBody>)))]
#[get("/courses")]
pub async fn list_courses(
    app: web::Data<App>,
    visitor: Visitor,
    Query(query): Query<BrowseQuery>,
) -> Result<HttpResponse, Problem> {
    let page = page_request(query.limit.as_deref(), query.cursor.as_deref())?;
    let page = if query.removed.unwrap_or_default() {
        app.lyceum.removed_courses(&visitor.0, page).await?
    } else {
        app.lyceum.courses(&visitor.0, query.browse()?, page).await?
    };
    Ok(HttpResponse::Ok().json(PageBody::of(page, |course| CourseBody::from(&course))))
}

/// A course with its outline.
#[utoipa::path(tag = "courses", security((), ("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug")),
    responses((status = 200, body = CourseWithOutlineBody, headers(("ETag" = String, description = "the version")))))]
#[get("/courses/{course}")]
pub async fn read_course(app: web::Data<App>, visitor: Visitor, course: CoursePath) -> Result<HttpResponse, Problem> {
    let found = app.lyceum.course(&visitor.0, &course.0).await?;
    Ok(versioned(StatusCode::OK, found.0.version, CourseWithOutlineBody::of(found)))
}
