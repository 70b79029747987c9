//! Bringing a course in from an mdBook.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    post, web,
};
use lyceum_application::{
    Error,
    courses::{Import, Imported},
    idempotency::Answer,
};
use lyceum_domain::courses::{LessonChange, LessonReport, PassedOver};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    books::{Book, BookError, BookFiles, Limits, open_archive},
    http::{
        caller::Caller,
        idempotency::{self, Idempotency},
        page::Query,
        problem::{FieldProblem, Problem},
        upload::{Spooled, Upload, UploadBody, finished},
    },
    traces,
};

/// What is to become of the course.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    /// `true`: everybody is to see it at once.
    pub publish: Option<bool>,
}

/// What an import did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportReport)]
pub struct ImportReportBody {
    /// The course.
    pub course_id: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// `draft`, `published` or `archived`.
    #[schema(pattern = "^(draft|published|archived)$")]
    pub status: &'static str,
    /// Whether it is new, or was imported before.
    pub is_new: bool,
    /// How many lessons there are to complete.
    pub total_lessons: u32,
    /// What happened to how many lessons.
    pub counts: ImportCountsBody,
    /// What happened to each lesson, in reading order, removed ones last.
    pub lessons: Vec<LessonReportBody>,
    /// What was left out of the source, and why.
    pub passed_over: Vec<PassedOverBody>,
}

/// What happened to how many lessons.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportCounts)]
pub struct ImportCountsBody {
    /// New ones.
    pub added: usize,
    /// Their text, title or place changed.
    pub changed: usize,
    /// Removed earlier, and back.
    pub restored: usize,
    /// As they were.
    pub unchanged: usize,
    /// No longer in the source.
    pub removed: usize,
}

/// What happened to a lesson.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LessonReport)]
pub struct LessonReportBody {
    /// The lesson.
    pub lesson_id: Uuid,
    /// Its title now.
    pub title: String,
    /// `added`, `changed`, `restored`, `unchanged` or `removed`.
    #[schema(pattern = "^(added|changed|restored|unchanged|removed)$")]
    pub change: &'static str,
    /// What it was called, if it was renamed.
    pub renamed_from: Option<String>,
    /// Where it stood, if it moved.
    pub moved_from: Option<String>,
    /// The lesson that its text was part of, if it was split off.
    pub split_from: Option<String>,
}

/// Something that was not taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PassedOver)]
pub struct PassedOverBody {
    /// Where it stands in the source.
    pub place: String,
    /// Why, as a sentence.
    pub reason: String,
}

impl From<LessonReport> for LessonReportBody {
    fn from(lesson: LessonReport) -> Self {
        Self {
            lesson_id: lesson.lesson.as_uuid(),
            title: lesson.title,
            change: lesson.change.as_str(),
            renamed_from: lesson.renamed_from,
            moved_from: lesson.moved_from,
            split_from: lesson.split_from,
        }
    }
}

impl From<Imported> for ImportReportBody {
    fn from(imported: Imported) -> Self {
        let Imported { course, is_new, report } = imported;
        let passed_over = |PassedOver { place, reason }| PassedOverBody { place, reason };
        Self {
            course_id: course.id.as_uuid(),
            slug: course.slug.to_string(),
            title: course.title.to_string(),
            status: course.status.as_str(),
            is_new,
            total_lessons: course.lesson_count,
            counts: ImportCountsBody {
                added: report.count(LessonChange::Added),
                changed: report.count(LessonChange::Changed),
                restored: report.count(LessonChange::Restored),
                unchanged: report.count(LessonChange::Unchanged),
                removed: report.count(LessonChange::Removed),
            },
            lessons: report.lessons.into_iter().map(Into::into).collect(),
            passed_over: report.passed_over.into_iter().map(passed_over).collect(),
        }
    }
}

/// Imports an mdBook, a zip or tar.gz, as a course of one's own; again, to bring the course up to date with its book:
/// lessons keep their identity and learners their progress.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])), 
    params(ImportQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "a name for the request, so that it is done once")),
    request_body(content = UploadBody, content_type = "multipart/form-data"),
    responses((status = 201, body = ImportReportBody, headers(("Location" = String, description = "the course"),
        ("Idempotency-Replayed" = String, description = "`true` if it had been done before")))))]
#[post("/courses/import")]
pub async fn import_course(
    app: web::Data<App>,
    caller: Caller,
    Query(query): Query<ImportQuery>,
    named: Idempotency,
    upload: Upload,
) -> Result<HttpResponse, Problem> {
    app.lyceum.may_create_course(&caller.actor())?;
    let archive = upload.spool(&app, app.uploads.import).await?;
    let sha256 = archive.sha256;
    let book = Arc::new(opened(archive).await?);
    let (draft, files) = (book.draft().clone(), Arc::new(BookFiles(book)));
    let publish = query.publish.unwrap_or_default();
    let import = Import { draft, files, author: Some(caller.0.user.id), publish };
    // In a task of its own, to its end also if the client leaves: else its name would be taken until the lease is over.
    let (lyceum, once) = (app.lyceum.clone(), named.once(answer));
    let importing = async move { lyceum.import_course_once(&caller.0, import, sha256, once).await };
    let done = finished(app.turns.spawn_local(traces::carried(importing)).await)?;
    Ok(idempotency::respond(done, created))
}

/// What whoever sends the same again is told.
fn answer(imported: &Imported) -> Answer {
    idempotency::kept(StatusCode::CREATED, &ImportReportBody::from(imported.clone()))
}

fn created(imported: Imported) -> HttpResponse {
    let place = format!("/api/v1/courses/{}", imported.course.id);
    HttpResponse::Created().insert_header((header::LOCATION, place)).json(ImportReportBody::from(imported))
}

/// Reads the book away from the worker.
async fn opened(archive: Spooled) -> Result<Book, Problem> {
    let opened = web::block(move || open_archive(archive.file.path(), &archive.name, &Limits::default(), &mut |_| {}));
    opened.await.map_err(|error| Error::Internal(error.to_string()))?.map_err(refused)
}

fn refused(error: BookError) -> Problem {
    let (code, detail, reasons) = match error {
        // The archive is our own file by now.
        BookError::Folder { .. } | BookError::Open { .. } | BookError::Unpacking { .. } => {
            return Error::StorageUnavailable(error.into()).into();
        }
        BookError::Archive { mut reasons, unlisted } => {
            if unlisted > 0 {
                reasons.push(format!("and {unlisted} more faults"));
            }
            ("bad_archive", "The archive is not taken; see `errors`.", reasons)
        }
        error => ("bad_book", "The archive holds no book that can be imported; see `errors`.", vec![error.to_string()]),
    };
    let field = |message| FieldProblem { pointer: "/file".to_owned(), code: code.into(), message };
    let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail);
    problem.errors = reasons.into_iter().map(field).collect();
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_archive_says_why() {
        let reasons = vec!["`a` is a link".to_owned(), "`../b` leads outside".to_owned()];
        let problem = refused(BookError::Archive { reasons, unlisted: 3 });
        assert_eq!((problem.status.as_u16(), problem.code), (422, "bad_archive"));
        let messages: Vec<_> = problem.errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(messages, ["`a` is a link", "`../b` leads outside", "and 3 more faults"]);
        assert!(problem.errors.iter().all(|error| error.pointer == "/file"));

        let problem = refused(BookError::NoSummary { place: "src/SUMMARY.md".to_owned() });
        assert_eq!((problem.status.as_u16(), problem.code, problem.errors.len()), (422, "bad_book", 1));
        let ours = refused(BookError::Unpacking { source: std::io::Error::other("full") });
        assert_eq!((ours.status.as_u16(), ours.code), (503, "storage_unavailable"));
    }
}
