//! The files of a course: the images of a book and whatever else its lessons point to.

use actix_web::{HttpRequest, HttpResponse, get, http::header, web};
use lyceum_domain::courses::{Course, CourseFile, CourseStatus, FilePath};

use crate::{
    app::App,
    http::{
        caller::Visitor,
        path::CoursePath,
        problem::Problem,
        ranges::{self, Selection, Wanted},
    },
};

/// Nothing in a file runs, whoever wrote it; a picture may have its own style.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'";

/// A file of a course, or a part of it.
#[utoipa::path(tag = "courses", security((), ("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug"),
        ("path" = String, Path, description = "its path in the course, with slashes"),
        ("Range" = Option<String>, Header, description = "a part of it"),
        ("If-None-Match" = Option<String>, Header, description = "the ETag that the client has")),
    responses((status = 200, content_type = "application/octet-stream", description = "the file",
            headers(("ETag" = String, description = "the digest of the file"))),
        (status = 206, description = "the part that was asked for"),
        (status = 304, description = "the client has it")))]
#[get("/courses/{course}/files/{path:.+}")]
pub async fn read_file(
    app: web::Data<App>,
    visitor: Visitor,
    course: CoursePath,
    request: HttpRequest,
    wanted: Wanted,
) -> Result<HttpResponse, Problem> {
    let path = FilePath::parse(request.match_info().query("path")).map_err(|_| Problem::not_found())?;
    let (file, course) = app.lyceum.course_file(&visitor.0, &course.0, &path).await?;
    let etag = format!("\"{}\"", file.sha256);
    let blob = match wanted.of(file.size, &etag)? {
        Selection::NotModified => None,
        Selection::Whole => Some(app.lyceum.course_file_content(&file, None).await?),
        Selection::Part(range) => Some(app.lyceum.course_file_content(&file, Some(range)).await?),
    };
    let mut response = ranges::respond(&etag, blob.as_ref());
    let Shown { media_type, is_attachment } = shown(&file);
    response
        .insert_header((header::CONTENT_TYPE, media_type))
        .insert_header((header::CACHE_CONTROL, caching(&course)))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
    if is_attachment {
        response.insert_header((header::CONTENT_DISPOSITION, "attachment"));
    }
    Ok(ranges::body(response, blob))
}

/// How a browser is to take a file.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    media_type: &'static str,
    is_attachment: bool,
}

/// What browsers show without running anything is shown; everything else, a page above all, is to be saved.
fn shown(file: &CourseFile) -> Shown {
    let inline = |media_type| Shown { media_type, is_attachment: false };
    match file.path.extension().as_deref() {
        Some("png") => inline("image/png"),
        Some("jpg" | "jpeg") => inline("image/jpeg"),
        Some("gif") => inline("image/gif"),
        Some("webp") => inline("image/webp"),
        Some("avif") => inline("image/avif"),
        Some("svg") => inline("image/svg+xml"),
        Some("txt") => inline("text/plain; charset=utf-8"),
        Some("mp3") => inline("audio/mpeg"),
        Some("mp4") => inline("video/mp4"),
        Some("webm") => inline("video/webm"),
        // Browsers don't open their viewer in a sandbox.
        Some("pdf") => Shown { media_type: "application/pdf", is_attachment: true },
        _ => Shown { media_type: "application/octet-stream", is_attachment: true },
    }
}

/// What everybody may read anybody may keep for a while.
fn caching(course: &Course) -> &'static str {
    match course.status {
        CourseStatus::Published | CourseStatus::Archived => "public, max-age=300",
        CourseStatus::Draft => "private, no-cache",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::{
        blobs::{BlobKey, Sha256},
        ids::CourseId,
        time::Timestamp,
    };
    use uuid::Uuid;

    fn file(path: &str) -> CourseFile {
        let at = Timestamp::from_micros(0).unwrap();
        CourseFile {
            course: CourseId::from_uuid(Uuid::nil()),
            path: FilePath::parse(path).unwrap(),
            size: 1,
            sha256: Sha256::new([0; 32]),
            blob: BlobKey::parse("course-files/a").unwrap(),
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn only_what_cannot_run_is_shown() {
        for (path, media_type) in
            [("src/a.PNG", "image/png"), ("b.jpeg", "image/jpeg"), ("c.svg", "image/svg+xml"), ("d.mp4", "video/mp4")]
        {
            assert_eq!(shown(&file(path)), Shown { media_type, is_attachment: false });
        }
        for path in ["a.html", "a.htm", "a.xhtml", "a.js", "a.css", "a.xml", "a", "png", "a.png.html", "a.pdf"] {
            assert!(shown(&file(path)).is_attachment, "{path}");
        }
        assert!(POLICY.contains("sandbox") && !POLICY.contains("allow-scripts"));
    }
}
