//! What a mentor sees of those who learn in a course.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{self, HeaderValue},
    web,
};
use chrono::{DateTime, Utc};
use lyceum_application::progress::{Cohort, CohortQuery, Completion};
use lyceum_domain::{
    invalid::Invalid,
    progress::{LearnerView, LessonCompletion, Percent},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

mod table;

use crate::{
    app::App,
    http::{
        caller::Caller,
        page::{PageBody, Query, page_request},
        path::CoursePath,
        problem::Problem,
    },
    routes::timeline::NextLessonBody,
};

/// Which learners are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LearnersQuery {
    /// After how many days without activity somebody counts as stuck, 0 to 366.
    #[param(minimum = 0, maximum = 366, default = 7, value_type = Option<u16>)]
    pub idle_days: Option<String>,
    /// `true`: only those who are stuck.
    pub stuck: Option<bool>,
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u32>)]
    pub limit: Option<String>,
    /// Where to start: `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl LearnersQuery {
    fn parse(&self) -> Result<CohortQuery, Problem> {
        let days = self.idle_days.as_deref().map(|raw| raw.parse().ok().filter(|days| *days <= 366));
        let idle_days = match days {
            None => CohortQuery::default().idle_days,
            Some(days) => {
                days.ok_or_else(|| Problem::invalid("/idle_days", Invalid::OutOfRange { min: 0, max: 366 }))?
            }
        };
        Ok(CohortQuery { idle_days, only_stuck: self.stuck.unwrap_or_default() })
    }
}

/// A learner of a course.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Learner)]
pub struct LearnerBody {
    /// The learner.
    pub user_id: Uuid,
    /// Their name in addresses.
    pub username: String,
    /// What others call them.
    pub display_name: Option<String>,
    /// Where their picture is: a path on this server.
    pub avatar_url: Option<String>,
    /// Whether they are in the course now; if not, they show their progress.
    pub is_enrolled: bool,
    /// Whether they stopped on the way.
    pub is_stuck: bool,
    /// Whole percent, 0 to 100; 100 only when all is done.
    #[schema(minimum = 0, maximum = 100)]
    pub completion_percent: u8,
    /// Lessons done.
    pub completed_lessons: u32,
    /// Lessons in all.
    pub total_lessons: u32,
    /// When they first came.
    pub started_at: DateTime<Utc>,
    /// Their last activity in the course.
    pub updated_at: DateTime<Utc>,
    /// Where they are: the first lesson in reading order that is not done.
    pub next_lesson: Option<NextLessonBody>,
}

impl LearnerBody {
    fn of(learner: LearnerView, idle_since: Timestamp) -> Self {
        Self {
            user_id: learner.user.as_uuid(),
            username: learner.username.to_string(),
            is_stuck: learner.is_stuck(idle_since),
            completion_percent: learner.percent().get(),
            display_name: learner.display_name.map(|name| name.to_string()),
            avatar_url: learner.portrait.map(|key| format!("/api/v1/{key}")),
            is_enrolled: learner.is_enrolled,
            completed_lessons: learner.completed_lessons,
            total_lessons: learner.total_lessons,
            started_at: learner.started_at.as_datetime(),
            updated_at: learner.updated_at.as_datetime(),
            next_lesson: learner.next_lesson.map(Into::into),
        }
    }
}

/// How far the learners of a course are with each of its lessons.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Completion)]
pub struct CompletionBody {
    /// The course.
    pub course_id: Uuid,
    /// How many learners are in it.
    pub learners: u32,
    /// Its written lessons in reading order.
    pub lessons: Vec<LessonCompletionBody>,
}

/// How far the learners of a course are with one lesson.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LessonCompletion)]
pub struct LessonCompletionBody {
    /// The lesson.
    pub lesson_id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its number.
    pub number: Option<String>,
    /// Its place in reading order.
    pub position: u32,
    /// How many have opened it and not completed it.
    pub in_progress: u32,
    /// How many have completed it.
    pub completed: u32,
    /// How many that are of all who are in the course: whole percent, 100 only when all have.
    #[schema(minimum = 0, maximum = 100)]
    pub completion_percent: u8,
}

impl LessonCompletionBody {
    fn of(lesson: LessonCompletion, learners: u32) -> Self {
        Self {
            completion_percent: Percent::of(lesson.completed, learners).get(),
            lesson_id: lesson.lesson.as_uuid(),
            slug: lesson.slug.to_string(),
            title: lesson.title.to_string(),
            number: lesson.number.map(|number| number.to_string()),
            position: lesson.position,
            in_progress: lesson.in_progress,
            completed: lesson.completed,
        }
    }
}

impl From<Completion> for CompletionBody {
    fn from(completion: Completion) -> Self {
        let learners = completion.learners;
        Self {
            course_id: completion.course.id.as_uuid(),
            learners,
            lessons: completion.lessons.into_iter().map(|lesson| LessonCompletionBody::of(lesson, learners)).collect(),
        }
    }
}

/// The learners of a course, latest activity first: those who are in it, and of those who left the ones who show their
/// progress. With `Accept: text/csv` all of them as a table, whatever `limit` and `cursor` say.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug"), LearnersQuery),
    responses((status = 200, content((PageBody<LearnerBody> = "application/json"), (String = "text/csv")))))]
#[get("/courses/{course}/learners")]
pub async fn list_learners(
    app: web::Data<App>,
    caller: Caller,
    course: CoursePath,
    Query(query): Query<LearnersQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let wanted = query.parse()?;
    let page = page_request(query.limit.as_deref(), query.cursor.as_deref())?;
    if wants_table(&request) {
        return table::respond(app, caller, course.0, wanted).await;
    }
    let cohort = app.lyceum.learners(&caller.actor(), &course.0, wanted, page).await?;
    let Cohort { learners, idle_since, .. } = cohort;
    let body = PageBody::of(learners, |learner| LearnerBody::of(learner, idle_since));
    Ok(HttpResponse::Ok().insert_header((header::VARY, "Accept")).json(body))
}

/// How far the learners of a course are, lesson by lesson.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug")),
    responses((status = 200, body = CompletionBody)))]
#[get("/courses/{course}/completion")]
pub async fn read_completion(app: web::Data<App>, caller: Caller, course: CoursePath) -> Result<HttpResponse, Problem> {
    let completion = app.lyceum.completion(&caller.actor(), &course.0).await?;
    Ok(HttpResponse::Ok().json(CompletionBody::from(completion)))
}

/// Whether the client names the table, and not JSON before it.
fn wants_table(request: &HttpRequest) -> bool {
    let mut accepted = request.headers().get_all(header::ACCEPT).filter_map(|value: &HeaderValue| value.to_str().ok());
    let mut kinds = accepted
        .by_ref()
        .flat_map(|value| value.split(','))
        .map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    kinds.find(|kind| kind == "text/csv" || kind == "application/json").is_some_and(|kind| kind == "text/csv")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_table_is_for_who_asks_for_one() {
        let wants = |accept: &str| {
            wants_table(&TestRequest::default().insert_header((header::ACCEPT, accept)).to_http_request())
        };
        assert!(wants("text/csv") && wants("Text/CSV; header=present, */*"));
        assert!(!wants("application/json, text/csv") && !wants("*/*") && !wants("text/html"));
        assert!(!wants_table(&TestRequest::default().to_http_request()));
    }
}
