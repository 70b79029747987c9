//! The documents of a subject.

use std::fmt::Write as _;

use actix_web::{HttpResponse, delete, get, http::StatusCode, http::header, post, web};
use chrono::{DateTime, Utc};
use lyceum_application::subjects::NewDocument;
use lyceum_domain::{
    ids::{DocumentId, SubjectId},
    subjects::{Document, FileName, TextState},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    app::App,
    http::{
        caller::Caller,
        idempotency::{self, Idempotency},
        page::{PageBody, PageQuery, Query},
        path::Id,
        problem::Problem,
        ranges::{self, Selection, Wanted},
        upload::{Upload, UploadBody},
    },
};

/// A document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Document)]
pub struct DocumentBody {
    /// Its id.
    pub id: Uuid,
    /// The subject it belongs to.
    pub subject_id: Uuid,
    /// What the file was called.
    pub name: String,
    /// What it is, by its content.
    #[schema(pattern = "^(application/pdf|text/markdown|text/plain)$")]
    pub media_type: &'static str,
    /// How many bytes it has.
    pub size: u64,
    /// Its digest in hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
    /// What became of its text.
    pub text: DocumentTextStateBody,
    /// Where its bytes are.
    #[schema(format = "uri-reference", example = "/api/v1/documents/0199…/content")]
    pub content_url: String,
    /// When it was uploaded.
    pub created_at: DateTime<Utc>,
    /// When it or what is known about it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What became of the text of a document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DocumentTextState)]
pub struct DocumentTextStateBody {
    /// `pending` (it is being read), `ready`, or `unreadable`.
    #[schema(pattern = "^(pending|ready|unreadable)$")]
    pub status: &'static str,
    /// How many characters were kept, if it was read.
    pub characters: Option<u32>,
    /// Whether there were more, if it was read.
    pub is_cut: Option<bool>,
    /// Why there is none, if it cannot be read.
    pub reason: Option<String>,
}

/// The text of a document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DocumentText)]
pub struct DocumentTextBody {
    /// What became of it.
    #[serde(flatten)]
    pub state: DocumentTextStateBody,
    /// The text, if it was read.
    pub text: Option<String>,
}

impl From<&Document> for DocumentBody {
    fn from(document: &Document) -> Self {
        Self {
            id: document.id.as_uuid(),
            subject_id: document.subject.as_uuid(),
            name: document.name.to_string(),
            media_type: document.kind.media_type(),
            size: document.size,
            sha256: document.sha256.to_string(),
            text: (&document.text).into(),
            content_url: format!("/api/v1/documents/{}/content", document.id),
            created_at: document.created_at.as_datetime(),
            updated_at: document.updated_at.as_datetime(),
        }
    }
}

impl From<&TextState> for DocumentTextStateBody {
    fn from(state: &TextState) -> Self {
        let (characters, is_cut, reason) = match state {
            TextState::Pending => (None, None, None),
            TextState::Ready { characters, is_cut } => (Some(*characters), Some(*is_cut), None),
            TextState::Unreadable { reason } => (None, None, Some(reason.clone())),
        };
        Self { status: state.as_str(), characters, is_cut, reason }
    }
}

/// Uploads a document: PDF, Markdown or plain text, by its content.
#[utoipa::path(tag = "subjects", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the subject"),
        ("Idempotency-Key" = Option<String>, Header, description = "a name for the request, so that it is done once")),
    request_body(content = UploadBody, content_type = "multipart/form-data"),
    responses((status = 201, body = DocumentBody, headers(
        ("Idempotency-Replayed" = String, description = "`true` if it had been done before")))))]
#[post("/subjects/{id}/documents")]
pub async fn add_document(
    app: web::Data<App>,
    caller: Caller,
    Id(subject): Id<SubjectId>,
    named: Idempotency,
    upload: Upload,
) -> Result<HttpResponse, Problem> {
    let once = named.once(|document| idempotency::kept(StatusCode::CREATED, &DocumentBody::from(document)));
    let lyceum = app.lyceum.clone();
    let added = upload.store(&app, app.uploads.document, move |file| async move {
        let name = FileName::from_client(&file.name, "document");
        lyceum.add_document(&caller.0, NewDocument { subject, name, content: file.content }, once).await
    });
    let created = |document| HttpResponse::Created().json(DocumentBody::from(&document));
    Ok(idempotency::respond(added.await?, created))
}

/// The documents of a subject, newest first.
#[utoipa::path(tag = "subjects", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the subject"), PageQuery),
    responses((status = 200, body = PageBody<DocumentBody>)))]
#[get("/subjects/{id}/documents")]
pub async fn list_documents(
    app: web::Data<App>,
    caller: Caller,
    Id(subject): Id<SubjectId>,
    Query(query): Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let page = app.lyceum.documents(&caller.0, subject, query.parse()?).await?;
    Ok(HttpResponse::Ok().json(PageBody::of(page, |document| DocumentBody::from(&document))))
}

/// What is known about a document.
#[utoipa::path(tag = "subjects", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the document")), responses((status = 200, body = DocumentBody)))]
#[get("/documents/{id}")]
pub async fn read_document(
    app: web::Data<App>,
    caller: Caller,
    Id(id): Id<DocumentId>,
) -> Result<web::Json<DocumentBody>, Problem> {
    Ok(web::Json(DocumentBody::from(&app.lyceum.document(&caller.0, id).await?)))
}

/// Removes a document.
#[utoipa::path(tag = "subjects", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the document")), responses((status = 204)))]
#[delete("/documents/{id}")]
pub async fn delete_document(
    app: web::Data<App>,
    caller: Caller,
    Id(id): Id<DocumentId>,
) -> Result<HttpResponse, Problem> {
    app.lyceum.delete_document(&caller.0, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The bytes of a document, or a part of them.
#[utoipa::path(tag = "subjects", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the document"),
        ("Range" = Option<String>, Header, description = "a single range of bytes"),
        ("If-None-Match" = Option<String>, Header, description = "the ETag of what is there already")),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>, description = "the document, as what it is",
            headers(("ETag" = String, description = "the digest"),
                ("Content-Disposition" = String, description = "the name of the file"))),
        (status = 206, content_type = "application/octet-stream", body = Vec<u8>, description = "the part that was asked for",
            headers(("Content-Range" = String, description = "which part"))),
        (status = 304, description = "it is there already")))]
#[get("/documents/{id}/content")]
pub async fn read_content(
    app: web::Data<App>,
    caller: Caller,
    Id(id): Id<DocumentId>,
    wanted: Wanted,
) -> Result<HttpResponse, Problem> {
    let document = app.lyceum.document(&caller.0, id).await?;
    let etag = format!("\"{}\"", document.sha256);
    let blob = match wanted.of(document.size, &etag)? {
        Selection::NotModified => None,
        Selection::Whole => Some(app.lyceum.document_content(&caller.0, &document, None).await?),
        Selection::Part(range) => Some(app.lyceum.document_content(&caller.0, &document, Some(range)).await?),
    };
    let mut response = ranges::respond(&etag, blob.as_ref());
    response
        .insert_header((header::CONTENT_TYPE, content_type(&document)))
        .insert_header((header::CONTENT_DISPOSITION, attachment(&document.name)))
        // Whatever it is, it runs nothing in anybody's browser.
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"));
    Ok(ranges::body(response, blob))
}

/// The text of a document, as far as it was read.
#[utoipa::path(tag = "subjects", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "the document")), responses((status = 200, body = DocumentTextBody)))]
#[get("/documents/{id}/text")]
pub async fn read_text(
    app: web::Data<App>,
    caller: Caller,
    Id(id): Id<DocumentId>,
) -> Result<web::Json<DocumentTextBody>, Problem> {
    let (document, text) = app.lyceum.document_text(&caller.0, id).await?;
    Ok(web::Json(DocumentTextBody { state: (&document.text).into(), text }))
}

/// Text is UTF-8: it was looked at when it came in.
fn content_type(document: &Document) -> String {
    let kind = document.kind.media_type();
    if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.to_owned() }
}

/// To be saved under its name (RFC 6266, 8187).
fn attachment(name: &FileName) -> String {
    let mut text = "attachment; filename*=UTF-8''".to_owned();
    for byte in name.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use lyceum_domain::{
        blobs::{BlobKey, Sha256},
        ids::UserId,
        subjects::DocumentKind,
        time::Timestamp,
    };

    fn document(text: TextState) -> Document {
        let at = Timestamp::from_micros(1_790_000_000_000_000).expect("a time");
        Document {
            id: DocumentId::from_uuid(Uuid::from_u128(1)),
            subject: SubjectId::from_uuid(Uuid::from_u128(2)),
            owner: UserId::from_uuid(Uuid::from_u128(3)),
            name: FileName::from_client("Gezeiten \"1\".md", "file"),
            kind: DocumentKind::Markdown,
            size: 14,
            sha256: Sha256::new([0xab; 32]),
            blob: BlobKey::parse("documents/secret").expect("a key"),
            text,
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn the_shape_of_a_document() {
        let ready = document(TextState::Ready { characters: 14, is_cut: false });
        insta::assert_json_snapshot!(DocumentBody::from(&ready), @r#"
        {
          "id": "00000000-0000-0000-0000-000000000001",
          "subject_id": "00000000-0000-0000-0000-000000000002",
          "name": "Gezeiten \"1\".md",
          "media_type": "text/markdown",
          "size": 14,
          "sha256": "abababababababababababababababababababababababababababababababab",
          "text": {
            "status": "ready",
            "characters": 14,
            "is_cut": false,
            "reason": null
          },
          "content_url": "/api/v1/documents/00000000-0000-0000-0000-000000000001/content",
          "created_at": "2026-09-21T14:13:20Z",
          "updated_at": "2026-09-21T14:13:20Z"
        }
        "#);
    }

    #[test]
    fn the_shape_of_a_text() {
        let unreadable = document(TextState::Unreadable { reason: "it is encrypted".to_owned() });
        let body = DocumentTextBody { state: (&unreadable.text).into(), text: None };
        insta::assert_json_snapshot!(body, @r#"
        {
          "status": "unreadable",
          "characters": null,
          "is_cut": null,
          "reason": "it is encrypted",
          "text": null
        }
        "#);
    }

    #[test]
    fn a_name_cannot_end_its_header() {
        let name = FileName::from_client("Grüße\r\n\"; filename=\"x.html", "file");
        let expected = "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%22%3B%20filename%3D%22x.html";
        assert_eq!(attachment(&name), expected);
    }
}
