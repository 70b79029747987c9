//! Searching courses and lessons by their words.

use actix_web::{HttpResponse, get, web};
use lyceum_application::courses::{Found, Search, SearchKind};
use lyceum_domain::{
    courses::{CourseHit, CourseKey, Excerpt, LessonHit, Slug},
    invalid::Invalid,
    text,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        caller::Visitor,
        page::{Query, page_request},
        problem::Problem,
    },
};

/// What somebody searches.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SearchQuery {
    /// Plain words, all of which have to be there; the last one also as the beginning of a word.
    #[param(min_length = 1, max_length = 200)]
    pub q: String,
    /// `course` or `lesson`; without it a few courses and then lessons.
    #[param(pattern = "^(course|lesson)$")]
    pub kind: Option<String>,
    /// Only in this course: id or slug.
    pub course: Option<String>,
    /// How many hits at most, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u32>)]
    pub limit: Option<String>,
}

impl SearchQuery {
    fn parse(&self) -> Result<Search, Problem> {
        let words = text::line(&self.q, 1, 200).map_err(|invalid| Problem::invalid("/q", invalid))?;
        let kind = match self.kind.as_deref() {
            None => None,
            Some("course") => Some(SearchKind::Courses),
            Some("lesson") => Some(SearchKind::Lessons),
            Some(_) => return Err(Problem::invalid("/kind", Invalid::NotAllowed { allowed: "course, lesson" })),
        };
        let course = self
            .course
            .as_deref()
            .map(|raw| raw.parse().map(CourseKey::Id).or_else(|_| Slug::parse(raw).map(CourseKey::Slug)));
        let course = course.transpose().map_err(|invalid| Problem::invalid("/course", invalid))?;
        let limit = page_request(self.limit.as_deref(), None)?.size.get();
        Ok(Search { words, kind, course, limit: u8::try_from(limit).unwrap_or(u8::MAX) })
    }
}

/// What was found: courses first, and of each kind what fits best.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SearchResults)]
pub struct SearchResultsBody {
    /// The hits.
    pub items: Vec<HitBody>,
}

/// A course or a lesson that has the words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SearchHit)]
pub struct HitBody {
    /// `course` or `lesson`.
    #[schema(pattern = "^(course|lesson)$")]
    pub kind: &'static str,
    /// The course.
    pub course_id: Uuid,
    /// Its name in addresses.
    pub course_slug: String,
    /// Its title.
    pub course_title: String,
    /// The lesson, if it is one.
    pub lesson_id: Option<Uuid>,
    /// Its name in addresses.
    pub lesson_slug: Option<String>,
    /// The title of the course or the lesson.
    pub title: String,
    /// The lesson's number, if it has one.
    pub number: Option<String>,
    /// The heading that the excerpt stands under.
    pub heading: Option<String>,
    /// A few words around what was found, in pieces.
    pub excerpt: Vec<ExcerptPartBody>,
}

/// A piece of an excerpt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExcerptPart)]
pub struct ExcerptPartBody {
    /// Plain text.
    pub text: String,
    /// Whether it is one of the words that were looked for.
    pub is_match: bool,
}

fn excerpt(excerpt: Excerpt) -> Vec<ExcerptPartBody> {
    excerpt.0.into_iter().map(|part| ExcerptPartBody { text: part.text, is_match: part.is_match }).collect()
}

impl From<CourseHit> for HitBody {
    fn from(hit: CourseHit) -> Self {
        Self {
            kind: "course",
            course_id: hit.course.as_uuid(),
            course_slug: hit.slug.to_string(),
            course_title: hit.title.to_string(),
            lesson_id: None,
            lesson_slug: None,
            title: hit.title.to_string(),
            number: None,
            heading: None,
            excerpt: excerpt(hit.excerpt),
        }
    }
}

impl From<LessonHit> for HitBody {
    fn from(hit: LessonHit) -> Self {
        Self {
            kind: "lesson",
            course_id: hit.course.as_uuid(),
            course_slug: hit.course_slug.to_string(),
            course_title: hit.course_title.to_string(),
            lesson_id: Some(hit.lesson.as_uuid()),
            lesson_slug: Some(hit.slug.to_string()),
            title: hit.title.to_string(),
            number: hit.number.map(|number| number.to_string()),
            heading: Some(hit.heading),
            excerpt: excerpt(hit.excerpt),
        }
    }
}

impl From<Found> for SearchResultsBody {
    fn from(found: Found) -> Self {
        let courses = found.courses.into_iter().map(HitBody::from);
        Self { items: courses.chain(found.lessons.into_iter().map(HitBody::from)).collect() }
    }
}

/// Searches what the catalogue shows to whoever asks, and the archived courses that they are in.
#[utoipa::path(tag = "courses", security((), ("bearer" = []), ("cookie" = [])), params(SearchQuery),
    responses((status = 200, body = SearchResultsBody), (status = 404)))]
#[get("/search")]
pub async fn search(
    app: web::Data<App>,
    visitor: Visitor,
    Query(query): Query<SearchQuery>,
) -> Result<HttpResponse, Problem> {
    let found = app.lyceum.search(&visitor.0, &query.parse()?).await?;
    Ok(HttpResponse::Ok().json(SearchResultsBody::from(found)))
}
