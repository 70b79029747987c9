//! What the mentor would be told about whoever asks.

use actix_web::{HttpResponse, get, web};
use lyceum_application::mentor::Told;
use lyceum_domain::{
    ids::{CourseId, LessonId},
    invalid::Violations,
    mentor::CourseStanding,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::id;
use crate::{
    app::App,
    http::{caller::Caller, page::Query, problem::Problem},
};

/// What a question would be about.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ContextQuery {
    /// The course.
    #[param(value_type = Option<Uuid>)]
    pub course_id: Option<String>,
    /// The lesson.
    #[param(value_type = Option<Uuid>)]
    pub lesson_id: Option<String>,
}

/// What the mentor would be told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MentorContext)]
pub struct ContextBody {
    /// The role that it is told.
    #[schema(pattern = "^(learner|mentor|admin)$")]
    pub role: &'static str,
    /// Whether courses and material may be told of at all (`ai_personalization`).
    pub is_personal: bool,
    /// The most recently active courses, at most five.
    pub courses: Vec<StandingBody>,
    /// The lesson in question.
    pub lesson: Option<ContextLessonBody>,
    /// The very words, but for the question, the passages that fit it, and the conversation before it.
    pub messages: Vec<ToldBody>,
}

/// Where the learner stands in a course.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MentorContextCourse)]
pub struct StandingBody {
    /// The course.
    pub course_id: Uuid,
    /// Its title.
    pub title: String,
    /// How much of it is done.
    pub completion_percent: u8,
    /// Lessons done.
    pub completed_lessons: u32,
    /// Lessons in all.
    pub total_lessons: u32,
    /// The title of the first lesson that is not done.
    pub next_lesson: Option<String>,
}

/// A lesson that a question is about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MentorContextLesson)]
pub struct ContextLessonBody {
    /// The lesson.
    pub lesson_id: Uuid,
    /// Its title.
    pub title: String,
    /// The title of its course.
    pub course_title: String,
}

/// One message as the model reads it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MentorContextMessage)]
pub struct ToldBody {
    /// `system`, `user` or `assistant`.
    #[schema(pattern = "^(system|user|assistant)$")]
    pub role: &'static str,
    /// The words.
    pub content: String,
}

impl From<CourseStanding> for StandingBody {
    fn from(standing: CourseStanding) -> Self {
        Self {
            course_id: standing.course.as_uuid(),
            title: standing.title.to_string(),
            completion_percent: standing.percent.get(),
            completed_lessons: standing.completed_lessons,
            total_lessons: standing.total_lessons,
            next_lesson: standing.next_lesson.map(|next| next.title.to_string()),
        }
    }
}

impl From<Told> for ContextBody {
    fn from(told: Told) -> Self {
        let facts = told.grounding;
        Self {
            role: facts.role.as_str(),
            is_personal: facts.is_personal,
            courses: facts.courses.into_iter().map(Into::into).collect(),
            lesson: facts.lesson.map(|lesson| ContextLessonBody {
                lesson_id: lesson.lesson.as_uuid(),
                title: lesson.title.to_string(),
                course_title: lesson.course_title.to_string(),
            }),
            messages: told
                .messages
                .into_iter()
                .map(|message| ToldBody { role: message.role.as_str(), content: message.content })
                .collect(),
        }
    }
}

/// Exactly what the mentor would be told about whoever asks, now.
#[utoipa::path(tag = "mentor", security(("bearer" = []), ("cookie" = [])), params(ContextQuery),
    responses((status = 200, body = ContextBody), (status = 404)))]
#[get("/ai/context")]
pub async fn read_context(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<ContextQuery>,
) -> Result<HttpResponse, Problem> {
    let mut violations = Violations::new();
    let course = id::<CourseId>(&mut violations, "/course_id", query.course_id);
    let lesson = id::<LessonId>(&mut violations, "/lesson_id", query.lesson_id);
    violations.into_result()?;
    Ok(HttpResponse::Ok().json(ContextBody::from(app.lyceum.told(&caller.0, course, lesson).await?)))
}
