//! A learner's days, and where to go on.

use actix_web::{HttpResponse, get, web};
use lyceum_application::progress::{Timeline, TimelineDays};
use lyceum_domain::{
    invalid::Invalid,
    mentor::{CourseStanding, NextLesson},
    progress::{DayActivity, LessonProgressView},
    time::UtcOffset,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    http::{caller::Caller, page::Query, problem::Problem},
};

/// Which days are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TimelineQuery {
    /// How many days up to today, 1 to 366.
    #[param(minimum = 1, maximum = 366, default = 30, value_type = Option<u32>)]
    pub days: Option<String>,
    /// How far the learner's clock is ahead of UTC, in minutes, positive to the east.
    #[param(minimum = -840, maximum = 840, default = 0, value_type = Option<i32>)]
    pub utc_offset_minutes: Option<String>,
}

impl TimelineQuery {
    fn parse(&self) -> Result<(TimelineDays, UtcOffset), Problem> {
        let days = match self.days.as_deref() {
            None => TimelineDays::default(),
            // What is no number is outside of the range, too.
            Some(raw) => TimelineDays::parse(raw.parse().unwrap_or_default())
                .map_err(|invalid| Problem::invalid("/days", invalid))?,
        };
        Ok((days, utc_offset(self.utc_offset_minutes.as_deref())?))
    }
}

/// Checks `utc_offset_minutes`.
pub fn utc_offset(raw: Option<&str>) -> Result<UtcOffset, Problem> {
    let Some(raw) = raw else { return Ok(UtcOffset::default()) };
    let not_a_number = Invalid::OutOfRange { min: -840, max: 840 };
    let offset = raw.parse().map_err(|_| not_a_number).and_then(UtcOffset::parse);
    offset.map_err(|invalid| Problem::invalid("/utc_offset_minutes", invalid))
}

/// A learner's days, up to today.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Timeline)]
pub struct TimelineBody {
    /// Every day, oldest first, those without activity too.
    pub days: Vec<DayBody>,
    /// On how many of them the learner did something.
    pub days_active: u32,
    /// How many days in a row they did something up to today, or up to yesterday as long as today is not over.
    pub current_streak: u32,
    /// The most days in a row.
    pub longest_streak: u32,
}

/// What a learner did on one day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Day)]
pub struct DayBody {
    /// The day where the learner is.
    #[schema(format = Date)]
    pub date: String,
    /// How many steps they took: came, left, recorded a lesson.
    pub steps: u32,
    /// How many lessons they completed, each counted once.
    pub lessons_completed: u32,
    /// In how many courses.
    pub courses: u32,
}

impl From<DayActivity> for DayBody {
    fn from(day: DayActivity) -> Self {
        Self {
            date: day.day.to_string(),
            steps: day.steps,
            lessons_completed: day.lessons_completed,
            courses: day.courses,
        }
    }
}

impl From<Timeline> for TimelineBody {
    fn from(timeline: Timeline) -> Self {
        Self {
            days: timeline.days.into_iter().map(Into::into).collect(),
            days_active: timeline.days_active,
            current_streak: timeline.current_streak,
            longest_streak: timeline.longest_streak,
        }
    }
}

/// Where to go on in a course.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NextLesson)]
pub struct NextLessonBody {
    /// The lesson.
    pub lesson_id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// Its number.
    pub number: Option<String>,
}

impl From<NextLesson> for NextLessonBody {
    fn from(next: NextLesson) -> Self {
        Self {
            lesson_id: next.lesson.as_uuid(),
            slug: next.slug.to_string(),
            title: next.title.to_string(),
            number: next.number.map(|number| number.to_string()),
        }
    }
}

impl From<&LessonProgressView> for NextLessonBody {
    fn from(lesson: &LessonProgressView) -> Self {
        Self {
            lesson_id: lesson.lesson.as_uuid(),
            slug: lesson.slug.clone(),
            title: lesson.title.to_string(),
            number: lesson.number.as_ref().map(ToString::to_string),
        }
    }
}

/// A course that a learner was active in lately.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecentCourse)]
pub struct RecentCourseBody {
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
    /// The first lesson in reading order that is not done; `null` when all is done.
    pub next_lesson: Option<NextLessonBody>,
}

impl From<CourseStanding> for RecentCourseBody {
    fn from(standing: CourseStanding) -> Self {
        Self {
            course_id: standing.course.as_uuid(),
            slug: standing.slug.to_string(),
            title: standing.title.to_string(),
            completion_percent: standing.percent.get(),
            completed_lessons: standing.completed_lessons,
            total_lessons: standing.total_lessons,
            next_lesson: standing.next_lesson.map(Into::into),
        }
    }
}

/// Where one left off.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NextLessons)]
pub struct NextLessonsBody {
    /// At most five courses, latest activity first.
    pub items: Vec<RecentCourseBody>,
}

/// What one did on each of the last days. Streaks are those within them.
#[utoipa::path(tag = "progress", security(("bearer" = []), ("cookie" = [])), params(TimelineQuery),
    responses((status = 200, body = TimelineBody)))]
#[get("/progress/timeline")]
pub async fn read_timeline(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<TimelineQuery>,
) -> Result<HttpResponse, Problem> {
    let (days, offset) = query.parse()?;
    let timeline = app.lyceum.timeline(&caller.actor(), days, offset).await?;
    Ok(HttpResponse::Ok().json(TimelineBody::from(timeline)))
}

/// Where one left off: the courses one was last active in, each with the lesson to go on with.
#[utoipa::path(tag = "progress", security(("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = NextLessonsBody)))]
#[get("/progress/next")]
pub async fn list_next_lessons(app: web::Data<App>, caller: Caller) -> Result<HttpResponse, Problem> {
    let recent = app.lyceum.next_lessons(&caller.actor()).await?;
    Ok(HttpResponse::Ok().json(NextLessonsBody { items: recent.into_iter().map(Into::into).collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::time::Day;

    #[test]
    fn the_shape_of_a_timeline() {
        let day =
            DayActivity { day: Day::from_epoch_days(20_454).unwrap(), steps: 4, lessons_completed: 2, courses: 1 };
        let timeline = Timeline { days: vec![day], days_active: 1, current_streak: 1, longest_streak: 1 };
        insta::assert_json_snapshot!(TimelineBody::from(timeline), @r#"
        {
          "days": [
            {
              "date": "2026-01-01",
              "steps": 4,
              "lessons_completed": 2,
              "courses": 1
            }
          ],
          "days_active": 1,
          "current_streak": 1,
          "longest_streak": 1
        }
        "#);
    }

    #[test]
    fn what_is_no_number_of_days_or_minutes_is_refused() {
        let parse = |days: Option<&str>, minutes: Option<&str>| {
            let query = TimelineQuery { days: days.map(str::to_owned), utc_offset_minutes: minutes.map(str::to_owned) };
            query.parse().err().map(|problem| problem.errors[0].pointer.clone())
        };
        assert_eq!(parse(None, None), None);
        assert_eq!(parse(Some("366"), Some("-840")), None);
        for days in ["0", "367", "x", "-1", ""] {
            assert_eq!(parse(Some(days), None).as_deref(), Some("/days"), "{days}");
        }
        for minutes in ["841", "-841", "east", ""] {
            assert_eq!(parse(None, Some(minutes)).as_deref(), Some("/utc_offset_minutes"), "{minutes}");
        }
    }
}
