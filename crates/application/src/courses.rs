//! Courses: browsing, reading, importing.

use lyceum_domain::{
    audit::AuditAction,
    courses::{
        Course, CourseDraft, CourseFilter, CourseKey, CourseStatus, ImportReport, Lesson, Outline, Slug, SourceKey,
        Title, passages, plan,
    },
    ids::{CourseId, LessonId, PassageId, UserId},
    page::{Page, PageRequest},
    policy::{Action, Actor, allow},
    sessions::Client,
    users::Identifier,
};

use crate::{Error, Lyceum, error::denied};

/// What somebody looks for in the catalogue.
#[derive(Debug, Clone, Default)]
pub struct Browse {
    /// Words in title or description.
    pub text: Option<String>,
    /// Of this author, by username.
    pub author: Option<String>,
    /// Only those one is in.
    pub enrolled: bool,
}

/// A course to be imported.
#[derive(Debug, Clone)]
pub struct Import {
    /// What was read from the source.
    pub draft: CourseDraft,
    /// Whose course it will be; the house's if `None`.
    pub author: Option<UserId>,
    /// Whether everybody is to see it at once.
    pub publish: bool,
}

/// What an import did.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The course as it is now.
    pub course: Course,
    /// Whether it is new.
    pub is_new: bool,
    /// What happened to each lesson.
    pub report: ImportReport,
}

impl Lyceum {
    /// The catalogue, newest first: published courses, one's own drafts, for admins all.
    pub async fn courses(&self, actor: &Actor, browse: Browse, page: PageRequest) -> Result<Page<Course>, Error> {
        allow(actor, &Action::ListCourses).map_err(denied("course"))?;
        let author = match &browse.author {
            None => None,
            Some(name) => match self.author_named(name).await? {
                Some(author) => Some(author),
                None => return Ok(Page { items: Vec::new(), next: None }),
            },
        };
        if browse.enrolled && actor.user().is_none() {
            return Err(Error::SignInRequired);
        }
        let filter = CourseFilter {
            text: browse.text,
            author,
            enrolled: actor.user().filter(|_| browse.enrolled),
            drafts_of: actor.user().filter(|_| allow(actor, &Action::CreateCourse).is_ok()),
            all_drafts: allow(actor, &Action::ListAllDrafts).is_ok(),
        };
        Ok(self.ports.store.read().courses_page(&filter, page).await?)
    }

    /// A course with its outline. Lessons that are not written yet are shown to who may change the course.
    pub async fn course(&self, actor: &Actor, key: &CourseKey) -> Result<(Course, Outline), Error> {
        let course = self.readable_course(actor, key).await?;
        let outline = self.ports.store.read().outline(course.id).await?;
        let may_change = allow(actor, &Action::ChangeCourse { author: course.author }).is_ok();
        Ok((course, if may_change { outline } else { outline.written() }))
    }

    /// A lesson with its content.
    pub async fn lesson(&self, actor: &Actor, id: LessonId) -> Result<(Lesson, Course), Error> {
        let found = self.ports.store.read().lesson(id).await?;
        let (lesson, course) = found.ok_or(Error::NotFound("lesson"))?;
        let read = Action::ReadCourse { status: course.status, author: course.author };
        allow(actor, &read).map_err(denied("lesson"))?;
        if lesson.is_draft && allow(actor, &Action::ChangeCourse { author: course.author }).is_err() {
            return Err(Error::NotFound("lesson"));
        }
        Ok((lesson, course))
    }

    /// Imports a course, or, if this author imported it before, makes ours what the source is now: lessons keep their
    /// identity and learners their progress.
    pub async fn import_course(&self, actor: &Actor, import: Import) -> Result<Imported, Error> {
        allow(actor, &Action::CreateCourse).map_err(denied("course"))?;
        // Also for a new course: nobody writes in another's name.
        allow(actor, &Action::ChangeCourse { author: import.author }).map_err(denied("course"))?;
        let source = SourceKey::mdbook(&import.draft.title);
        let free_slug = self.free_slug(&Slug::of(&import.draft.title)).await?;
        let now = self.ports.clock.now();
        let mut unit = self.ports.store.begin().await?;
        let known = unit.courses().find_by_source(import.author, &source).await?;
        let is_new = known.is_none();
        let mut course = if let Some(course) = known {
            course
        } else {
            let course = self.new_course(&import, source, free_slug);
            unit.courses().insert(&course).await?;
            course
        };
        let lessons = unit.courses().lessons(course.id).await?;
        let changes = plan(course.id, lessons, &import.draft, &*self.ports.ids, now);
        unit.courses().insert_lessons(&changes.inserted).await?;
        for lesson in &changes.updated {
            unit.courses().update_lesson(lesson).await?;
        }
        for lesson in changes.inserted.iter().chain(&changes.updated).filter(|l| changes.rewritten.contains(&l.id)) {
            // What is gone or not written is not to be found.
            let cut = if lesson.counts() { passages(&lesson.content) } else { Vec::new() };
            let cut: Vec<_> = cut.into_iter().map(|passage| (PassageId::new(&*self.ports.ids), passage)).collect();
            unit.courses().replace_passages(course.id, lesson.id, &cut).await?;
        }
        let before = course.clone();
        course.count_lessons(changes.lesson_count, changes.needs_recount);
        course.title = Title::from_source(&import.draft.title, "Untitled");
        course.description.clone_from(&import.draft.description);
        course.language.clone_from(&import.draft.language);
        if import.publish && course.status != CourseStatus::Published {
            course.publish(now);
        }
        if course != before || !changes.updated.is_empty() || (!is_new && !changes.inserted.is_empty()) {
            course.updated_at = now;
            unit.courses().update(&course).await?;
            course.version += 1;
        }
        let event = self.event(AuditAction::CourseImported, actor, None, &Client::default());
        unit.audit().append(&event.with("course", course.id)).await?;
        unit.commit().await?;
        Ok(Imported { course, is_new, report: changes.report })
    }

    /// A course that `actor` may read.
    pub(crate) async fn readable_course(&self, actor: &Actor, key: &CourseKey) -> Result<Course, Error> {
        let course = self.ports.store.read().course(key).await?.ok_or(Error::NotFound("course"))?;
        let read = Action::ReadCourse { status: course.status, author: course.author };
        allow(actor, &read).map_err(denied("course"))?;
        Ok(course)
    }

    fn new_course(&self, import: &Import, source: SourceKey, slug: Slug) -> Course {
        let now = self.ports.clock.now();
        Course {
            id: CourseId::new(&*self.ports.ids),
            slug,
            title: Title::from_source(&import.draft.title, "Untitled"),
            description: import.draft.description.clone(),
            language: import.draft.language.clone(),
            status: CourseStatus::Draft,
            author: import.author,
            source: Some(source),
            lesson_count: 0,
            outline_revision: 1,
            published_at: None,
            created_at: now,
            updated_at: now,
            deleted_at: None,
            version: 1,
        }
    }

    async fn free_slug(&self, wanted: &Slug) -> Result<Slug, Error> {
        let read = self.ports.store.read();
        for n in 1..100 {
            let slug = if n == 1 { wanted.clone() } else { wanted.numbered(n) };
            if read.course(&CourseKey::Slug(slug.clone())).await?.is_none() {
                return Ok(slug);
            }
        }
        Err(Error::Conflict)
    }

    async fn author_named(&self, name: &str) -> Result<Option<UserId>, Error> {
        let Some(identifier @ Identifier::Username(_)) = Identifier::parse(name) else {
            return Ok(None);
        };
        let user = self.ports.store.read().user_by(&identifier).await?;
        Ok(user.filter(|user| user.deleted_at.is_none()).map(|user| user.id))
    }
}
