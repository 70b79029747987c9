//! Pictures of users.

use actix_web::{HttpResponse, delete, get, http::StatusCode, http::header, put, web};
use lyceum_domain::{blobs::BlobKey, users::User};

use crate::{
    app::App,
    http::{
        caller::Caller,
        idempotency::{self, Idempotency},
        problem::Problem,
        ranges::{self, Selection, Wanted},
        upload::{Upload, UploadBody},
        version::{IfMatch, versioned},
    },
    routes::users::UserBody,
};

/// Where a user's picture is: an address on this server, without host.
pub fn avatar_url(user: &User) -> Option<String> {
    user.portrait.as_ref().map(|key| format!("/api/v1/{key}"))
}

/// Makes one's picture from a PNG, JPEG, WebP or GIF: a JPEG of at most 500 × 500 pixels, with nothing in it but the
/// picture.
#[utoipa::path(tag = "users", security(("bearer" = []), ("cookie" = [])),
    params(("If-Match" = Option<String>, Header, description = "the ETag that the change is about"),
        ("Idempotency-Key" = Option<String>, Header, description = "a name for the request, so that it is done once")),
    request_body(content = UploadBody, content_type = "multipart/form-data"),
    responses((status = 200, body = UserBody, headers(("ETag" = String, description = "the version"),
        ("Idempotency-Replayed" = String, description = "`true` if it had been done before")))))]
#[put("/users/me/avatar")]
pub async fn set_avatar(
    app: web::Data<App>,
    caller: Caller,
    expected: IfMatch,
    named: Idempotency,
    upload: Upload,
) -> Result<HttpResponse, Problem> {
    let once = named.once(|user| idempotency::kept(StatusCode::OK, &UserBody::from(user)));
    let lyceum = app.lyceum.clone();
    let set = upload.store(&app, app.uploads.picture, move |file| async move {
        lyceum.set_portrait(&caller.0, file.content, expected.0, once).await
    });
    Ok(idempotency::respond(set.await?, |user| versioned(StatusCode::OK, user.version, UserBody::from(&user))))
}

/// Takes one's picture away.
#[utoipa::path(tag = "users", security(("bearer" = []), ("cookie" = [])),
    params(("If-Match" = Option<String>, Header, description = "the ETag that the deletion is about")),
    responses((status = 204)))]
#[delete("/users/me/avatar")]
pub async fn delete_avatar(app: web::Data<App>, caller: Caller, expected: IfMatch) -> Result<HttpResponse, Problem> {
    app.lyceum.remove_portrait(&caller.0, expected.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A picture. Its address is told where its user is shown, and cannot be guessed.
#[utoipa::path(tag = "users",
    params(("user" = String, Path, description = "whose"), ("file" = String, Path, description = "which")),
    responses(
        (status = 200, content_type = "image/jpeg", body = Vec<u8>, description = "a JPEG"),
        (status = 304, description = "it is there already")))]
#[get("/profile-pictures/{user}/{file}")]
pub async fn read_picture(
    app: web::Data<App>,
    address: web::Path<(String, String)>,
    wanted: Wanted,
) -> Result<HttpResponse, Problem> {
    let (user, file) = address.into_inner();
    let key = BlobKey::parse(&format!("profile-pictures/{user}/{file}")).map_err(|_| Problem::not_found())?;
    let etag = format!("\"{file}\"");
    let blob = app.lyceum.portrait(&key).await?;
    // A key is never written twice, so this is for ever what it is.
    let blob = Some(blob).filter(|blob| !matches!(wanted.of(blob.size, &etag), Ok(Selection::NotModified)));
    let mut response = ranges::respond(&etag, blob.as_ref());
    response
        .insert_header((header::CONTENT_TYPE, "image/jpeg"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::ACCEPT_RANGES, "none"));
    Ok(ranges::body(response, blob))
}
