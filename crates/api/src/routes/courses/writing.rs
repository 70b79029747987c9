//! Making, changing, publishing, archiving and removing courses.

use actix_web::{HttpResponse, delete, http::StatusCode, patch, post, web};
use lyceum_application::courses::NewCourse;
use lyceum_domain::{
    courses::{CourseEdit, Slug, Title, parse_description},
    invalid::{Invalid, Violations},
    users::Locale,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::CourseBody;
use crate::{
    app::App,
    http::{
        body::{Json, present, settable},
        caller::Caller,
        path::CoursePath,
        problem::Problem,
        version::{IfMatch, versioned},
    },
};

/// A course that somebody begins to write.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCourseBody {
    /// 1 to 200 characters on one line.
    #[schema(min_length = 1, max_length = 200, example = "Knots and bends")]
    pub title: String,
    /// Its name in addresses; made from the title if it is left out.
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 80)]
    pub slug: Option<String>,
    /// What it is about: Markdown of at most 20,000 characters.
    #[schema(max_length = 20_000)]
    pub description: Option<String>,
    /// BCP 47 language tag.
    #[schema(example = "en")]
    pub language: Option<String>,
}

impl CreateCourseBody {
    fn parse(self) -> Result<NewCourse, Violations> {
        let mut violations = Violations::new();
        let title = violations.take("/title", Title::parse(&self.title));
        let slug = self.slug.and_then(|raw| violations.take("/slug", Slug::parse(&raw)));
        let description = self.description.and_then(|raw| violations.take("/description", parse_description(&raw)));
        let language = self.language.and_then(|raw| violations.take("/language", language(&raw)));
        match title {
            Some(title) if violations.iter().next().is_none() => {
                Ok(NewCourse { title, slug, description: description.unwrap_or_default(), language })
            }
            _ => Err(violations),
        }
    }
}

/// What of a course is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeCourseBody {
    /// 1 to 200 characters on one line.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    pub title: Option<Option<String>>,
    /// Its name in addresses.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 80)]
    pub slug: Option<Option<String>>,
    /// Markdown of at most 20,000 characters.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, max_length = 20_000)]
    pub description: Option<Option<String>>,
    /// BCP 47 language tag, or `null`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub language: Option<Option<String>>,
}

impl ChangeCourseBody {
    fn parse(self) -> Result<CourseEdit, Violations> {
        let mut violations = Violations::new();
        let edit = CourseEdit {
            title: settable(&mut violations, "/title", self.title, |raw| Title::parse(&raw)),
            slug: settable(&mut violations, "/slug", self.slug, |raw| Slug::parse(&raw)),
            description: settable(&mut violations, "/description", self.description, |raw| parse_description(&raw)),
            language: match self.language {
                None => None,
                Some(None) => Some(None),
                Some(Some(raw)) => violations.take("/language", language(&raw)).map(Some),
            },
        };
        violations.into_result().map(|()| edit)
    }
}

fn language(raw: &str) -> Result<String, Invalid> {
    Locale::parse(raw).map(|locale| locale.as_str().to_owned())
}

/// Makes a course, as a draft of one's own.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    responses((status = 201, body = CourseBody, headers(("ETag" = String, description = "the version")))))]
#[post("/courses")]
pub async fn create_course(
    app: web::Data<App>,
    caller: Caller,
    Json(body): Json<CreateCourseBody>,
) -> Result<HttpResponse, Problem> {
    let course = app.lyceum.create_course(&caller.actor(), &caller.0.client, body.parse()?).await?;
    Ok(versioned(StatusCode::CREATED, course.version, CourseBody::from(&course)))
}

/// Changes what a course says about itself.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug"),
        ("If-Match" = Option<String>, Header, description = "the ETag that the change is about")),
    responses((status = 200, body = CourseBody, headers(("ETag" = String, description = "the version")))))]
#[patch("/courses/{course}")]
pub async fn change_course(
    app: web::Data<App>,
    caller: Caller,
    course: CoursePath,
    expected: IfMatch,
    Json(body): Json<ChangeCourseBody>,
) -> Result<HttpResponse, Problem> {
    let course = app.lyceum.edit_course(&caller.actor(), &course.0, body.parse()?, expected.0).await?;
    Ok(versioned(StatusCode::OK, course.version, CourseBody::from(&course)))
}

/// Removes a course with all that is in it, until it is restored.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug"),
        ("If-Match" = Option<String>, Header, description = "the ETag that the removal is about")),
    responses((status = 204)))]
#[delete("/courses/{course}")]
pub async fn remove_course(
    app: web::Data<App>,
    caller: Caller,
    course: CoursePath,
    expected: IfMatch,
) -> Result<HttpResponse, Problem> {
    app.lyceum.remove_course(&caller.actor(), &caller.0.client, &course.0, expected.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Shows a course to everybody; one that was archived, again. Also when it is shown already.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug")),
    responses((status = 200, body = CourseBody, headers(("ETag" = String, description = "the version")))))]
#[post("/courses/{course}/publish")]
pub async fn publish_course(app: web::Data<App>, caller: Caller, course: CoursePath) -> Result<HttpResponse, Problem> {
    let course = app.lyceum.publish_course(&caller.actor(), &caller.0.client, &course.0).await?;
    Ok(versioned(StatusCode::OK, course.version, CourseBody::from(&course)))
}

/// Takes a course out of the catalogue: who is in it goes on, nobody new comes. Also when it is out already. A draft
/// cannot be archived (409 `not_published`).
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug")),
    responses((status = 200, body = CourseBody, headers(("ETag" = String, description = "the version")))))]
#[post("/courses/{course}/archive")]
pub async fn archive_course(app: web::Data<App>, caller: Caller, course: CoursePath) -> Result<HttpResponse, Problem> {
    let course = app.lyceum.archive_course(&caller.actor(), &caller.0.client, &course.0).await?;
    Ok(versioned(StatusCode::OK, course.version, CourseBody::from(&course)))
}

/// Brings a removed course back as it was.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug")),
    responses((status = 200, body = CourseBody, headers(("ETag" = String, description = "the version")))))]
#[post("/courses/{course}/restore")]
pub async fn restore_course(app: web::Data<App>, caller: Caller, course: CoursePath) -> Result<HttpResponse, Problem> {
    let course = app.lyceum.restore_course(&caller.actor(), &caller.0.client, &course.0).await?;
    Ok(versioned(StatusCode::OK, course.version, CourseBody::from(&course)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(violations: &Violations) -> Vec<&'static str> {
        violations.iter().map(|violation| violation.pointer).collect()
    }

    #[test]
    fn all_that_is_not_acceptable_is_told_together() {
        let body = serde_json::json!({"title": " ", "slug": "No Slug", "language": "e", "description": "\u{0}"});
        let refused = serde_json::from_value::<CreateCourseBody>(body).unwrap().parse().unwrap_err();
        assert_eq!(pointers(&refused), ["/title", "/slug", "/description", "/language"]);
        let body = serde_json::json!({"title": null, "slug": "", "description": null, "language": "?"});
        let refused = serde_json::from_value::<ChangeCourseBody>(body).unwrap().parse().unwrap_err();
        assert_eq!(pointers(&refused), ["/title", "/slug", "/description", "/language"]);
    }

    #[test]
    fn what_is_left_out_stays_and_null_takes_the_language_away() {
        let edit = |body| serde_json::from_value::<ChangeCourseBody>(body).unwrap().parse().unwrap();
        assert_eq!(edit(serde_json::json!({})), CourseEdit::default());
        assert_eq!(edit(serde_json::json!({"language": null})).language, Some(None));
        assert_eq!(edit(serde_json::json!({"language": "pt-BR"})).language, Some(Some("pt-BR".to_owned())));
        assert_eq!(edit(serde_json::json!({"description": ""})).description.as_deref(), Some(""));
    }
}
