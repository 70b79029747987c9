//! The learners of a course as a table (RFC 4180), page by page as it is read.

use actix_web::{
    HttpResponse,
    http::header::{self, HeaderValue},
    web,
};
use bytes::Bytes;
use futures_util::stream;
use lyceum_application::{
    Error,
    progress::{Cohort, CohortQuery},
};
use lyceum_domain::{
    courses::CourseKey,
    page::{Page, PageRequest, PageSize},
    progress::LearnerView,
    time::Timestamp,
};

use crate::{
    app::App,
    http::{caller::Caller, problem::Problem},
};

const HEADINGS: [&str; 12] = [
    "username",
    "display_name",
    "user_id",
    "is_enrolled",
    "is_stuck",
    "completion_percent",
    "completed_lessons",
    "total_lessons",
    "started_at",
    "updated_at",
    "next_lesson_number",
    "next_lesson_title",
];

/// The whole cohort. The first page is there before the first byte is sent, so that a refusal is a status.
pub async fn respond(
    app: web::Data<App>,
    caller: Caller,
    course: CourseKey,
    query: CohortQuery,
) -> Result<HttpResponse, Problem> {
    let size = PageSize::parse(u32::from(PageSize::MAX)).unwrap_or_default();
    let page = move |after| PageRequest { size, after };
    let Cohort { course: found, learners, idle_since } =
        app.lyceum.learners(&caller.actor(), &course, query, page(None)).await?;
    let name = format!("attachment; filename=\"{}-learners.csv\"", found.slug);
    let rows = stream::try_unfold((Some(learners), true), move |(learners, is_first)| {
        let (app, caller, course) = (app.clone(), caller.clone(), course.clone());
        async move {
            let Some(Page { items, next }) = learners else { return Ok::<_, Error>(None) };
            let text = rows(&items, idle_since, is_first).map_err(broken)?;
            let rest = match next {
                None => None,
                after => Some(app.lyceum.learners(&caller.actor(), &course, query, page(after)).await?.learners),
            };
            Ok(Some((Bytes::from(text), (rest, false))))
        }
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present")))
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::VARY, "Accept"))
        .streaming(rows))
}

fn broken(error: csv::Error) -> Error {
    Error::Internal(error.to_string())
}

fn rows(learners: &[LearnerView], idle_since: Timestamp, with_headings: bool) -> Result<Vec<u8>, csv::Error> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    if with_headings {
        table.write_record(HEADINGS)?;
    }
    for learner in learners {
        let next = learner.next_lesson.as_ref();
        table.write_record([
            defused(learner.username.as_str()),
            defused(learner.display_name.as_ref().map_or("", |name| name.as_str())),
            learner.user.to_string(),
            learner.is_enrolled.to_string(),
            learner.is_stuck(idle_since).to_string(),
            learner.percent().get().to_string(),
            learner.completed_lessons.to_string(),
            learner.total_lessons.to_string(),
            learner.started_at.to_string(),
            learner.updated_at.to_string(),
            next.and_then(|next| next.number.as_ref()).map(ToString::to_string).unwrap_or_default(),
            defused(next.map_or("", |next| next.title.as_str())),
        ])?;
    }
    Ok(table.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

/// A spreadsheet takes what begins with one of these for a formula, and names are chosen by strangers.
fn defused(text: &str) -> String {
    if text.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::{
        courses::{LessonNumber, Slug, Title},
        ids::{LessonId, UserId},
        mentor::NextLesson,
        users::{DisplayName, Username},
    };
    use uuid::Uuid;

    fn learner(username: &str, name: &str) -> LearnerView {
        let at = Timestamp::from_micros(1_767_258_000_000_000).unwrap();
        LearnerView {
            user: UserId::from_uuid(Uuid::from_u128(7)),
            username: Username::parse(username).unwrap(),
            display_name: DisplayName::parse(name).ok(),
            portrait: None,
            is_enrolled: true,
            completed_lessons: 1,
            total_lessons: 3,
            started_at: at,
            updated_at: at,
            next_lesson: Some(NextLesson {
                lesson: LessonId::from_uuid(Uuid::from_u128(8)),
                slug: Slug::parse("hitches").unwrap(),
                title: Title::parse("Hitches, \"half\" and whole").unwrap(),
                number: LessonNumber::parse("1.2").ok(),
            }),
        }
    }

    #[test]
    fn a_table_has_a_row_for_each_learner() {
        let since = Timestamp::from_micros(1_767_258_000_000_001).unwrap();
        let text = rows(&[learner("ada", "Ada L.")], since, true).unwrap();
        let expected = "username,display_name,user_id,is_enrolled,is_stuck,completion_percent,completed_lessons,\
                        total_lessons,started_at,updated_at,next_lesson_number,next_lesson_title\r\n\
                        ada,Ada L.,00000000-0000-0000-0000-000000000007,true,true,33,1,3,2026-01-01T09:00:00Z,\
                        2026-01-01T09:00:00Z,1.2,\"Hitches, \"\"half\"\" and whole\"\r\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
        assert!(!String::from_utf8(rows(&[], since, false).unwrap()).unwrap().contains("username"));
    }

    #[test]
    fn no_cell_is_a_formula() {
        for name in ["=1+2", "+1", "-1", "@SUM(A1)", "  =cmd|' /C calc'!A0", "＝1"] {
            let text = rows(&[learner("bob", name)], Timestamp::from_micros(0).unwrap(), false).unwrap();
            let text = String::from_utf8(text).unwrap();
            let mut table = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let row = table.records().next().unwrap().unwrap();
            assert!(row[1].starts_with('\''), "{text}");
        }
        assert_eq!(defused("a-b=c"), "a-b=c");
    }
}
