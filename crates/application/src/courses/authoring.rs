//! Writing courses by hand: making, changing, publishing, archiving, removing them, and bringing them back.

use lyceum_domain::{
    audit::AuditAction,
    courses::{Course, CourseEdit, CourseKey, CourseStatus, Slug, Title},
    ids::CourseId,
    page::{Page, PageRequest},
    policy::{Action, Actor, allow},
    sessions::Client,
    store::{StoreError, Unique},
};

use crate::{Error, Lyceum, error::denied, retry::retry_on_conflict};

/// A course that somebody begins to write.
#[derive(Debug, Clone)]
pub struct NewCourse {
    /// Its title.
    pub title: Title,
    /// Its name in addresses; made from the title if `None`.
    pub slug: Option<Slug>,
    /// What it is about, Markdown.
    pub description: String,
    /// BCP 47 tag of its language, if known.
    pub language: Option<String>,
}

impl Lyceum {
    /// Whether somebody may make courses; to be asked before anything large is read for it.
    pub fn may_create_course(&self, actor: &Actor) -> Result<(), Error> {
        allow(actor, &Action::CreateCourse).map_err(denied("course"))
    }

    /// Makes a course, as a draft of whoever asks; the operator's belong to the house.
    pub async fn create_course(&self, actor: &Actor, client: &Client, new: NewCourse) -> Result<Course, Error> {
        allow(actor, &Action::CreateCourse).map_err(denied("course"))?;
        retry_on_conflict(|| async {
            let slug = match &new.slug {
                Some(chosen) => self.unused(chosen).await?,
                None => self.free_slug(&Slug::of(new.title.as_str())).await?,
            };
            let now = self.ports.clock.now();
            let course = Course {
                id: CourseId::new(&*self.ports.ids),
                slug,
                title: new.title.clone(),
                description: new.description.clone(),
                language: new.language.clone(),
                status: CourseStatus::Draft,
                author: actor.user(),
                source: None,
                lesson_count: 0,
                outline_revision: 1,
                published_at: None,
                created_at: now,
                updated_at: now,
                deleted_at: None,
                version: 1,
            };
            let mut unit = self.ports.store.begin().await?;
            // A name made from the title was free a moment ago: the next try finds another.
            let inserted = unit.courses().insert(&course).await;
            inserted.map_err(|error| if new.slug.is_some() { slug_taken(error) } else { error.into() })?;
            let event = self.event(AuditAction::CourseCreated, actor, None, client);
            unit.audit().append(&event.with("course", course.id)).await?;
            unit.commit().await?;
            Ok(course)
        })
        .await
    }

    /// Changes what a course says about itself.
    pub async fn edit_course(
        &self,
        actor: &Actor,
        key: &CourseKey,
        edit: CourseEdit,
        expected: Option<u32>,
    ) -> Result<Course, Error> {
        retry_on_conflict(|| async {
            let mut course = self.changeable_course(actor, key).await?;
            if expected.is_some_and(|version| version != course.version) {
                return Err(Error::VersionMismatch);
            }
            if let Some(slug) = edit.slug.as_ref().filter(|slug| **slug != course.slug) {
                self.unused(slug).await?;
            }
            if course.edit(edit.clone(), self.ports.clock.now()) {
                let mut unit = self.ports.store.begin().await?;
                unit.courses().update(&course).await.map_err(slug_taken)?;
                unit.commit().await?;
                course.version += 1;
            }
            Ok(course)
        })
        .await
    }

    /// Shows a course to everybody; one that was archived, again.
    pub async fn publish_course(&self, actor: &Actor, client: &Client, key: &CourseKey) -> Result<Course, Error> {
        retry_on_conflict(|| async {
            let mut course = self.changeable_course(actor, key).await?;
            if course.status == CourseStatus::Published {
                return Ok(course);
            }
            course.publish(self.ports.clock.now());
            self.save_course(course, AuditAction::CoursePublished, actor, client).await
        })
        .await
    }

    /// Takes a course out of the catalogue: who is in it goes on, nobody new comes. A draft is not for archiving, as
    /// what is archived can be read by everybody.
    pub async fn archive_course(&self, actor: &Actor, client: &Client, key: &CourseKey) -> Result<Course, Error> {
        retry_on_conflict(|| async {
            let mut course = self.changeable_course(actor, key).await?;
            if course.status == CourseStatus::Draft {
                return Err(Error::NotPublished);
            }
            if !course.archive(self.ports.clock.now()) {
                return Ok(course);
            }
            self.save_course(course, AuditAction::CourseArchived, actor, client).await
        })
        .await
    }

    /// Removes a course with all that is in it, until it is restored.
    pub async fn remove_course(
        &self,
        actor: &Actor,
        client: &Client,
        key: &CourseKey,
        expected: Option<u32>,
    ) -> Result<(), Error> {
        retry_on_conflict(|| async {
            let mut course = self.changeable_course(actor, key).await?;
            if expected.is_some_and(|version| version != course.version) {
                return Err(Error::VersionMismatch);
            }
            course.remove(self.ports.clock.now());
            self.save_course(course, AuditAction::CourseRemoved, actor, client).await.map(drop)
        })
        .await
    }

    /// Brings a removed course back as it was. If its book was imported anew meanwhile, it is no longer that book's
    /// course.
    pub async fn restore_course(&self, actor: &Actor, client: &Client, key: &CourseKey) -> Result<Course, Error> {
        allow(actor, &Action::CreateCourse).map_err(denied("course"))?;
        retry_on_conflict(|| async {
            let removed = self.ports.store.read().removed_course(key).await?;
            // A removed course is there for nobody but those who may bring it back.
            let may_change = |course: &Course| allow(actor, &Action::ChangeCourse { author: course.author }).is_ok();
            let mut course = removed.filter(may_change).ok_or(Error::NotFound("removed course"))?;
            course.restore(self.ports.clock.now());
            if let Some(source) = course.source.clone() {
                let mut unit = self.ports.store.begin().await?;
                if unit.courses().find_by_source(course.author, &source).await?.is_some() {
                    course.source = None;
                }
            }
            self.save_course(course, AuditAction::CourseRestored, actor, client).await
        })
        .await
    }

    /// The courses that were removed, newest first: one's own, for admins all.
    pub async fn removed_courses(&self, actor: &Actor, page: PageRequest) -> Result<Page<Course>, Error> {
        allow(actor, &Action::CreateCourse).map_err(denied("course"))?;
        let author = actor.user().filter(|_| allow(actor, &Action::ListAllDrafts).is_err());
        Ok(self.ports.store.read().removed_courses_page(author, page).await?)
    }

    /// A course that `actor` may change. Who may not even see it hears that there is none.
    pub(super) async fn changeable_course(&self, actor: &Actor, key: &CourseKey) -> Result<Course, Error> {
        let course = self.readable_course(actor, key).await?;
        allow(actor, &Action::ChangeCourse { author: course.author }).map_err(denied("course"))?;
        Ok(course)
    }

    /// A name in addresses that no course has yet, made from `wanted`. Removed courses keep theirs.
    pub(super) async fn free_slug(&self, wanted: &Slug) -> Result<Slug, Error> {
        // A title can read as an id, an address must not.
        let start = if wanted.as_str().parse::<CourseId>().is_ok() { 2 } else { 1 };
        for n in start..1_000 {
            let slug = if n == 1 { wanted.clone() } else { wanted.numbered(n) };
            if !self.ports.store.read().is_slug_taken(&slug).await? {
                return Ok(slug);
            }
        }
        Err(Error::SlugTaken)
    }

    async fn unused(&self, chosen: &Slug) -> Result<Slug, Error> {
        if self.ports.store.read().is_slug_taken(chosen).await? {
            return Err(Error::SlugTaken);
        }
        Ok(chosen.clone())
    }

    async fn save_course(
        &self,
        mut course: Course,
        action: AuditAction,
        actor: &Actor,
        client: &Client,
    ) -> Result<Course, Error> {
        let mut unit = self.ports.store.begin().await?;
        unit.courses().update(&course).await?;
        unit.audit().append(&self.event(action, actor, None, client).with("course", course.id)).await?;
        unit.commit().await?;
        course.version += 1;
        Ok(course)
    }
}

/// Somebody was faster with a name that was chosen.
pub(super) fn slug_taken(error: StoreError) -> Error {
    match error {
        StoreError::Duplicate(Unique::Slug) => Error::SlugTaken,
        other => other.into(),
    }
}
