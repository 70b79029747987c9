//! Enrolling, recording lessons, seeing how far one is.

use actix_web::{HttpResponse, delete, get, post, put, web};
use chrono::{DateTime, Utc};
use lyceum_application::progress::{CourseProgressDetail, CourseStand, Recorded};
use lyceum_domain::{
    ids::LessonId,
    progress::{CourseProgressView, LessonProgressView, LessonStatus, ProgressEvent, Step},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        body::Json,
        caller::Caller,
        page::{PageBody, PageQuery, Query},
        path::{CoursePath, Id},
        problem::Problem,
    },
    routes::timeline::{NextLessonBody, utc_offset},
};

/// How far a learner is with a lesson.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordLessonBody {
    /// `not_started`, `in_progress` or `completed`.
    #[schema(pattern = "^(not_started|in_progress|completed)$", example = "completed")]
    pub status: String,
}

/// What was recorded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recorded)]
pub struct RecordedBody {
    /// The lesson.
    pub lesson: LessonStandBody,
    /// Its course.
    pub course: CourseStandBody,
}

/// Where a learner stands with a lesson.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LessonStand)]
pub struct LessonStandBody {
    /// The lesson.
    pub lesson_id: Uuid,
    /// `not_started`, `in_progress` or `completed`.
    #[schema(pattern = "^(not_started|in_progress|completed)$")]
    pub status: &'static str,
    /// When it was recorded.
    pub updated_at: DateTime<Utc>,
}

/// Where a learner stands in a course.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CourseStand)]
pub struct CourseStandBody {
    /// The course.
    pub course_id: Uuid,
    /// Whole percent, 0 to 100; 100 only when all is done.
    #[schema(minimum = 0, maximum = 100)]
    pub completion_percent: u8,
    /// Lessons done.
    pub completed_lessons: u32,
    /// Lessons in all.
    pub total_lessons: u32,
    /// The last activity.
    pub updated_at: DateTime<Utc>,
}

impl From<&CourseStand> for CourseStandBody {
    fn from(stand: &CourseStand) -> Self {
        Self {
            course_id: stand.course.as_uuid(),
            completion_percent: stand.percent().get(),
            completed_lessons: stand.completed_lessons,
            total_lessons: stand.total_lessons,
            updated_at: stand.updated_at.as_datetime(),
        }
    }
}

impl From<Recorded> for RecordedBody {
    fn from(recorded: Recorded) -> Self {
        Self {
            lesson: LessonStandBody {
                lesson_id: recorded.lesson.as_uuid(),
                status: recorded.status.as_str(),
                updated_at: recorded.at.as_datetime(),
            },
            course: CourseStandBody::from(&recorded.course),
        }
    }
}

/// A course in a learner's list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CourseProgress)]
pub struct CourseProgressBody {
    /// The course.
    pub course_id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Whole percent, 0 to 100; 100 only when all is done.
    #[schema(minimum = 0, maximum = 100)]
    pub completion_percent: u8,
    /// Lessons done.
    pub completed_lessons: u32,
    /// Lessons in all.
    pub total_lessons: u32,
    /// The last activity.
    pub updated_at: DateTime<Utc>,
}

impl From<CourseProgressView> for CourseProgressBody {
    fn from(view: CourseProgressView) -> Self {
        Self {
            course_id: view.course.as_uuid(),
            completion_percent: view.percent().get(),
            slug: view.slug,
            title: view.title,
            completed_lessons: view.completed_lessons,
            total_lessons: view.total_lessons,
            updated_at: view.updated_at.as_datetime(),
        }
    }
}

/// A course, lesson by lesson.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CourseProgressDetail)]
pub struct CourseProgressDetailBody {
    /// The course.
    pub course_id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Whole percent, 0 to 100; 100 only when all is done.
    #[schema(minimum = 0, maximum = 100)]
    pub completion_percent: u8,
    /// Lessons done.
    pub completed_lessons: u32,
    /// Lessons in all.
    pub total_lessons: u32,
    /// When one first came; `null` if one was never in it.
    pub started_at: Option<DateTime<Utc>>,
    /// The last activity; `null` if one was never in it.
    pub updated_at: Option<DateTime<Utc>>,
    /// On how many days one did something in it.
    pub days_active: u32,
    /// Where to go on: the first lesson in reading order that is not done.
    pub next_lesson: Option<NextLessonBody>,
    /// The lessons in reading order.
    pub lessons: Vec<LessonProgressBody>,
}

/// A lesson in a learner's view of a course.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LessonProgress)]
pub struct LessonProgressBody {
    /// The lesson.
    pub lesson_id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its number.
    pub number: Option<String>,
    /// Its depth.
    pub depth: u8,
    /// Its place in reading order.
    pub position: u32,
    /// `not_started`, `in_progress` or `completed`.
    #[schema(pattern = "^(not_started|in_progress|completed)$")]
    pub status: &'static str,
    /// When that was recorded.
    pub updated_at: Option<DateTime<Utc>>,
}

impl From<CourseProgressDetail> for CourseProgressDetailBody {
    fn from(detail: CourseProgressDetail) -> Self {
        let next_lesson = detail.next_lesson().map(NextLessonBody::from);
        let CourseProgressDetail { course, stand, started_at, days_active, lessons } = detail;
        Self {
            course_id: course.id.as_uuid(),
            slug: course.slug.to_string(),
            title: course.title.to_string(),
            completion_percent: stand.as_ref().map_or(0, |stand| stand.percent().get()),
            completed_lessons: stand.as_ref().map_or(0, |stand| stand.completed_lessons),
            total_lessons: course.lesson_count,
            started_at: started_at.map(Timestamp::as_datetime),
            updated_at: stand.map(|stand| stand.updated_at.as_datetime()),
            days_active,
            next_lesson,
            lessons: lessons.into_iter().map(Into::into).collect(),
        }
    }
}

/// A step that a learner took in a course.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProgressEvent)]
pub struct ProgressEventBody {
    /// The course.
    pub course_id: Uuid,
    /// Its place among the learner's steps in the course.
    pub sequence: i64,
    /// `enrolled`, `left` or `recorded`.
    #[schema(pattern = "^(enrolled|left|recorded)$")]
    pub kind: &'static str,
    /// The lesson, if one was recorded.
    pub lesson_id: Option<Uuid>,
    /// What it was before.
    pub from_status: Option<&'static str>,
    /// What it was after.
    pub to_status: Option<&'static str>,
    /// When.
    pub at: DateTime<Utc>,
}

impl From<ProgressEvent> for ProgressEventBody {
    fn from(event: ProgressEvent) -> Self {
        let recorded = match event.step {
            Step::Recorded { lesson, from, to } => Some((lesson.as_uuid(), from.as_str(), to.as_str())),
            Step::Enrolled | Step::Left => None,
        };
        Self {
            course_id: event.course.as_uuid(),
            sequence: event.sequence,
            kind: event.step.kind(),
            lesson_id: recorded.map(|(lesson, ..)| lesson),
            from_status: recorded.map(|(_, from, _)| from),
            to_status: recorded.map(|(.., to)| to),
            at: event.at.as_datetime(),
        }
    }
}

impl From<LessonProgressView> for LessonProgressBody {
    fn from(view: LessonProgressView) -> Self {
        Self {
            lesson_id: view.lesson.as_uuid(),
            slug: view.slug,
            title: view.title.to_string(),
            number: view.number.map(|number| number.to_string()),
            depth: view.depth,
            position: view.position,
            status: view.status.as_str(),
            updated_at: view.updated_at.map(Timestamp::as_datetime),
        }
    }
}

/// Comes to a course; also when one is there already.
#[utoipa::path(tag = "progress", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug")),
    responses((status = 201, body = CourseStandBody)))]
#[post("/courses/{course}/enrollment")]
pub async fn enrol(app: web::Data<App>, caller: Caller, course: CoursePath) -> Result<HttpResponse, Problem> {
    let (stand, _) = app.lyceum.enrol(&caller.actor(), &course.0).await?;
    Ok(HttpResponse::Created().json(CourseStandBody::from(&stand)))
}

/// Leaves a course; the progress is kept.
#[utoipa::path(tag = "progress", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug")), responses((status = 204)))]
#[delete("/courses/{course}/enrollment")]
pub async fn leave(app: web::Data<App>, caller: Caller, course: CoursePath) -> Result<HttpResponse, Problem> {
    app.lyceum.leave(&caller.actor(), &course.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Which days one means.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CourseProgressQuery {
    /// How far the learner's clock is ahead of UTC, in minutes, positive to the east.
    #[param(minimum = -840, maximum = 840, default = 0, value_type = Option<i32>)]
    pub utc_offset_minutes: Option<String>,
}

/// One's progress in a course, lesson by lesson.
#[utoipa::path(tag = "progress", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug"), CourseProgressQuery),
    responses((status = 200, body = CourseProgressDetailBody)))]
#[get("/courses/{course}/progress")]
pub async fn course_progress(
    app: web::Data<App>,
    caller: Caller,
    course: CoursePath,
    Query(query): Query<CourseProgressQuery>,
) -> Result<HttpResponse, Problem> {
    let offset = utc_offset(query.utc_offset_minutes.as_deref())?;
    let detail = app.lyceum.course_progress(&caller.actor(), &course.0, offset).await?;
    Ok(HttpResponse::Ok().json(CourseProgressDetailBody::from(detail)))
}

/// Records how far one is with a lesson, coming to its course if need be.
#[utoipa::path(tag = "progress", security(("bearer" = []), ("cookie" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = RecordedBody)))]
#[put("/lessons/{id}/progress")]
pub async fn record_lesson(
    app: web::Data<App>,
    caller: Caller,
    id: Id<LessonId>,
    Json(body): Json<RecordLessonBody>,
) -> Result<HttpResponse, Problem> {
    let status = LessonStatus::parse(&body.status).map_err(|invalid| Problem::invalid("/status", invalid))?;
    let recorded = app.lyceum.record_lesson(&caller.actor(), id.0, status).await?;
    Ok(HttpResponse::Ok().json(RecordedBody::from(recorded)))
}

/// The courses one is in, newest activity first.
#[utoipa::path(tag = "progress", security(("bearer" = []), ("cookie" = [])), params(PageQuery),
    responses((status = 200, body = PageBody<CourseProgressBody>)))]
#[get("/progress")]
pub async fn list_progress(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = app.lyceum.progress(&caller.actor(), query.parse()?).await?;
    Ok(HttpResponse::Ok().json(PageBody::of(page, CourseProgressBody::from)))
}
