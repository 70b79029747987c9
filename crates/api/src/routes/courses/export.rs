//! Taking a course along as an mdBook.

use actix_web::{HttpResponse, body::SizedStream, get, http::header, web};
use futures_util::TryStreamExt as _;

use crate::{
    app::App,
    books,
    http::{caller::Caller, path::CoursePath, problem::Problem},
};

/// A course as an mdBook in a zip: what an import takes.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug")),
    responses((status = 200, content_type = "application/zip", description = "the book",
        headers(("Content-Disposition" = String, description = "a name for the file")))))]
#[get("/courses/{course}/export")]
pub async fn export_course(app: web::Data<App>, caller: Caller, course: CoursePath) -> Result<HttpResponse, Problem> {
    let export = app.lyceum.export_course(&caller.actor(), &course.0).await?;
    let name = format!("attachment; filename=\"{}.zip\"", export.course.slug);
    let (size, content) = books::zipped(&app.lyceum, export, app.uploads.folder.clone()).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/zip"))
        .insert_header((header::CONTENT_DISPOSITION, name))
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .body(SizedStream::new(size, content.map_err(std::io::Error::other))))
}
