//! Adding, changing, removing, restoring and ordering lessons.

use actix_web::{HttpResponse, delete, get, http::StatusCode, patch, post, put, web};
use lyceum_application::courses::NewLesson;
use lyceum_domain::{
    courses::{LessonEdit, Slug, Title, parse_content, parse_depth, parse_minutes, parse_part},
    ids::LessonId,
    invalid::Violations,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::LessonBody;
use crate::{
    app::App,
    http::{
        body::{Json, LongJson, present, present_whole, settable, whole},
        caller::Caller,
        path::{CoursePath, Id},
        problem::Problem,
        version::{IfMatch, versioned},
    },
    routes::courses::{CourseWithOutlineBody, OutlineEntryBody},
};

/// A lesson that is added to a course.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddLessonBody {
    /// 1 to 200 characters on one line.
    #[schema(min_length = 1, max_length = 200, example = "The bowline")]
    pub title: String,
    /// Markdown of at most 1,000,000 characters.
    #[schema(max_length = 1_000_000)]
    pub content: String,
    /// Its name in addresses, once in its course; made from the title if it is left out.
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 80)]
    pub slug: Option<String>,
    /// How long reading it takes; counted from the text if it is left out.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 10_080)]
    pub estimated_minutes: Option<u32>,
    /// 0 for a chapter, 1 for one below it, and so on, to 9.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 9, default = 0)]
    pub depth: Option<u32>,
    /// The part of the course that it stands under.
    #[schema(min_length = 1, max_length = 200)]
    pub part: Option<String>,
    /// Whether it has a number; the numbers follow from order and depth.
    #[schema(default = true)]
    pub is_numbered: Option<bool>,
    /// Announced but not written.
    #[schema(default = false)]
    pub is_draft: Option<bool>,
    /// Its place in reading order, from 0; the last one if it is left out.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 4_294_967_295_u32)]
    pub position: Option<u32>,
}

impl AddLessonBody {
    fn parse(self) -> Result<NewLesson, Violations> {
        let mut violations = Violations::new();
        let title = violations.take("/title", Title::parse(&self.title));
        let content = violations.take("/content", parse_content(&self.content));
        let slug = self.slug.and_then(|raw| violations.take("/slug", Slug::parse(&raw)));
        let minutes = self.estimated_minutes.and_then(|raw| violations.take("/estimated_minutes", parse_minutes(raw)));
        let depth = violations.take("/depth", parse_depth(self.depth.unwrap_or_default()));
        let part = self.part.and_then(|raw| violations.take("/part", parse_part(&raw)));
        match (title, content, depth) {
            (Some(title), Some(content), Some(depth)) if violations.iter().next().is_none() => Ok(NewLesson {
                title,
                slug,
                content,
                estimated_minutes: minutes,
                depth,
                part,
                is_numbered: self.is_numbered.unwrap_or(true),
                is_draft: self.is_draft.unwrap_or_default(),
                position: self.position,
            }),
            _ => Err(violations),
        }
    }
}

/// What of a lesson is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLessonBody {
    /// 1 to 200 characters on one line.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, min_length = 1, max_length = 200)]
    pub title: Option<Option<String>>,
    /// Markdown of at most 1,000,000 characters.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, max_length = 1_000_000)]
    pub content: Option<Option<String>>,
    /// Its name in addresses.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false, pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 80)]
    pub slug: Option<Option<String>>,
    /// How long reading it takes. A time that was counted from the text follows the text.
    #[serde(default, deserialize_with = "present_whole")]
    #[schema(value_type = u32, required = false, maximum = 10_080)]
    pub estimated_minutes: Option<Option<u32>>,
    /// 0 to 9.
    #[serde(default, deserialize_with = "present_whole")]
    #[schema(value_type = u32, required = false, maximum = 9)]
    pub depth: Option<Option<u32>>,
    /// The part of the course that it stands under, or `null`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub part: Option<Option<String>>,
    /// Whether it has a number.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub is_numbered: Option<Option<bool>>,
    /// Announced but not written.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub is_draft: Option<Option<bool>>,
}

impl ChangeLessonBody {
    fn parse(self) -> Result<LessonEdit, Violations> {
        let mut violations = Violations::new();
        let all = &mut violations;
        let edit = LessonEdit {
            title: settable(all, "/title", self.title, |raw| Title::parse(&raw)),
            content: settable(all, "/content", self.content, |raw| parse_content(&raw)),
            slug: settable(all, "/slug", self.slug, |raw| Slug::parse(&raw)),
            estimated_minutes: settable(all, "/estimated_minutes", self.estimated_minutes, parse_minutes),
            depth: settable(all, "/depth", self.depth, parse_depth),
            part: match self.part {
                None => None,
                Some(None) => Some(None),
                Some(Some(raw)) => all.take("/part", parse_part(&raw)).map(Some),
            },
            is_numbered: settable(all, "/is_numbered", self.is_numbered, Ok),
            is_draft: settable(all, "/is_draft", self.is_draft, Ok),
        };
        violations.into_result().map(|()| edit)
    }
}

/// The lessons of a course in the order that they are to have.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LessonOrderBody {
    /// All lessons of the course that are there, announced ones too, each once.
    pub lesson_ids: Vec<Uuid>,
}

/// The lessons that were removed from a course.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RemovedLessons)]
pub struct RemovedLessonsBody {
    /// In the order in which they stood.
    pub items: Vec<OutlineEntryBody>,
}

/// Adds a lesson to a course. Every learner's percentage follows at once.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug")), request_body = AddLessonBody,
    responses((status = 201, body = LessonBody, headers(("ETag" = String, description = "the version")))))]
#[post("/courses/{course}/lessons")]
pub async fn add_lesson(
    app: web::Data<App>,
    caller: Caller,
    course: CoursePath,
    LongJson(body): LongJson<AddLessonBody>,
) -> Result<HttpResponse, Problem> {
    let added = app.lyceum.add_lesson(&caller.actor(), &course.0, body.parse()?).await?;
    Ok(versioned(StatusCode::CREATED, added.0.version, LessonBody::of(added)))
}

/// Changes a lesson.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "the ETag that the change is about")),
    request_body = ChangeLessonBody,
    responses((status = 200, body = LessonBody, headers(("ETag" = String, description = "the version")))))]
#[patch("/lessons/{id}")]
pub async fn change_lesson(
    app: web::Data<App>,
    caller: Caller,
    id: Id<LessonId>,
    expected: IfMatch,
    LongJson(body): LongJson<ChangeLessonBody>,
) -> Result<HttpResponse, Problem> {
    let changed = app.lyceum.edit_lesson(&caller.actor(), id.0, body.parse()?, expected.0).await?;
    Ok(versioned(StatusCode::OK, changed.0.version, LessonBody::of(changed)))
}

/// Removes a lesson. What learners did with it is kept for the day it comes back.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "the ETag that the removal is about")),
    responses((status = 204)))]
#[delete("/lessons/{id}")]
pub async fn remove_lesson(
    app: web::Data<App>,
    caller: Caller,
    id: Id<LessonId>,
    expected: IfMatch,
) -> Result<HttpResponse, Problem> {
    app.lyceum.remove_lesson(&caller.actor(), id.0, expected.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Brings a removed lesson back, to where it stood as far as there is such a place. Also when it is there.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])), params(("id" = Uuid, Path)),
    responses((status = 200, body = LessonBody, headers(("ETag" = String, description = "the version")))))]
#[post("/lessons/{id}/restore")]
pub async fn restore_lesson(app: web::Data<App>, caller: Caller, id: Id<LessonId>) -> Result<HttpResponse, Problem> {
    let restored = app.lyceum.restore_lesson(&caller.actor(), id.0).await?;
    Ok(versioned(StatusCode::OK, restored.0.version, LessonBody::of(restored)))
}

/// The lessons that were removed from a course.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug")),
    responses((status = 200, body = RemovedLessonsBody)))]
#[get("/courses/{course}/removed-lessons")]
pub async fn list_removed_lessons(
    app: web::Data<App>,
    caller: Caller,
    course: CoursePath,
) -> Result<HttpResponse, Problem> {
    let removed = app.lyceum.removed_lessons(&caller.actor(), &course.0).await?;
    Ok(HttpResponse::Ok().json(RemovedLessonsBody { items: removed.into_iter().map(Into::into).collect() }))
}

/// Puts the lessons of a course in order.
#[utoipa::path(tag = "courses", security(("bearer" = []), ("cookie" = [])),
    params(("course" = String, Path, description = "id or slug"),
        ("If-Match" = Option<String>, Header, description = "the ETag of the course")),
    responses((status = 200, body = CourseWithOutlineBody, headers(("ETag" = String, description = "the version of the course")))))]
#[put("/courses/{course}/lessons/order")]
pub async fn order_lessons(
    app: web::Data<App>,
    caller: Caller,
    course: CoursePath,
    expected: IfMatch,
    Json(body): Json<LessonOrderBody>,
) -> Result<HttpResponse, Problem> {
    let order: Vec<_> = body.lesson_ids.into_iter().map(LessonId::from_uuid).collect();
    let ordered = app.lyceum.order_lessons(&caller.actor(), &course.0, &order, expected.0).await?;
    Ok(versioned(StatusCode::OK, ordered.0.version, CourseWithOutlineBody::of(ordered)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_lesson_needs_a_title_and_a_text_and_the_rest_follows() {
        let new = |body| serde_json::from_value::<AddLessonBody>(body).unwrap().parse();
        let plain = new(json!({"title": "Reef", "content": ""})).unwrap();
        assert!(plain.is_numbered && !plain.is_draft);
        assert_eq!((plain.depth, plain.position, plain.estimated_minutes), (0, None, None));
        let refused = new(
            json!({"title": "", "content": "\r", "slug": "-", "depth": 10, "part": "", "estimated_minutes": 100_001}),
        )
        .unwrap_err();
        let pointers: Vec<_> = refused.iter().map(|violation| violation.pointer).collect();
        assert_eq!(pointers, ["/title", "/content", "/slug", "/estimated_minutes", "/depth", "/part"]);
    }

    #[test]
    fn only_a_part_can_be_taken_away() {
        let edit = |body| serde_json::from_value::<ChangeLessonBody>(body).unwrap().parse();
        assert_eq!(edit(json!({})).unwrap(), LessonEdit::default());
        assert_eq!(edit(json!({"part": null})).unwrap().part, Some(None));
        for member in ["title", "content", "slug", "estimated_minutes", "depth", "is_numbered", "is_draft"] {
            let refused = edit(json!({member: null})).unwrap_err();
            assert_eq!(refused.iter().map(|violation| violation.pointer).collect::<Vec<_>>(), [format!("/{member}")]);
        }
    }
}
