//! Importing courses with their files.

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use lyceum_domain::{
    audit::AuditAction,
    blobs::{BlobKey, Sha256},
    courses::{
        Course, CourseDraft, CourseFile, CourseStatus, DraftFiles, FilePath, ImportReport, Slug, SourceKey, Title, plan,
    },
    ids::{CourseId, UserId},
    mentor::Cause,
    policy::{Action, Actor, allow},
    sessions::Client,
    store::{StoreError, UnitOfWork},
    time::Timestamp,
};
use sha2::Digest as _;

use crate::{
    Error, Lyceum,
    error::denied,
    idempotency::{Begun, Done, Once, Ticket},
    retry::retry_on_conflict,
    sessions::Caller,
};

/// A course to be imported.
#[derive(Clone)]
pub struct Import {
    /// What was read from the source.
    pub draft: CourseDraft,
    /// The bytes of the files that the draft names.
    pub files: Arc<dyn DraftFiles>,
    /// Whose course it will be; the house's if `None`.
    pub author: Option<UserId>,
    /// Whether everybody is to see it at once.
    pub publish: bool,
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Import");
        shown.field("draft", &self.draft).field("author", &self.author).field("publish", &self.publish);
        shown.finish_non_exhaustive()
    }
}

/// What a draft without files has.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

#[async_trait]
impl DraftFiles for NoFiles {
    async fn read(&self, path: &FilePath) -> Result<Vec<u8>, Cause> {
        Err(format!("there is no file {path}").into())
    }
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

/// A file that is new or changed, stored under a key that no row names yet.
struct StoredFile {
    path: FilePath,
    blob: BlobKey,
    size: u64,
    sha256: Sha256,
}

impl Lyceum {
    /// Imports a course, or, if this author imported it before, makes ours what the source is now: lessons keep their
    /// identity and learners their progress. An import that fails leaves nothing: files that were stored for it are
    /// removed again.
    pub async fn import_course(&self, actor: &Actor, client: &Client, import: Import) -> Result<Imported, Error> {
        let nameless = (Ticket::nameless(), Sha256::new([0; 32]));
        self.import_with(actor, client, &import, &nameless).await
    }

    /// The same for a request that its client may have named; `archive` is the digest of what was sent.
    pub async fn import_course_once(
        &self,
        caller: &Caller,
        import: Import,
        archive: Sha256,
        once: Option<Once<Imported>>,
    ) -> Result<Done<Imported>, Error> {
        let actor = caller.actor();
        self.may_create_course(&actor)?;
        let ticket = match self.begin_once(caller.user.id, once).await? {
            Begun::Ours(ticket) => (ticket, archive),
            Begun::Before(kept) => return kept.for_the_same(&sent(&import, &archive)),
        };
        let imported = self.import_with(&actor, &caller.client, &import, &ticket).await;
        self.or_release(&ticket.0, imported).await.map(Done::Now)
    }

    async fn import_with(
        &self,
        actor: &Actor,
        client: &Client,
        import: &Import,
        ticket: &(Ticket<Imported>, Sha256),
    ) -> Result<Imported, Error> {
        allow(actor, &Action::CreateCourse).map_err(denied("course"))?;
        // Also for a new course: nobody writes in another's name.
        allow(actor, &Action::ChangeCourse { author: import.author }).map_err(denied("course"))?;
        let source = SourceKey::mdbook(&import.draft.title);
        let new = self.new_files(import, &source).await?;
        let keys: Vec<_> = new.iter().map(|(_, key)| key.clone()).collect();
        if !keys.is_empty() {
            self.note_blobs(&keys).await?;
        }
        let imported = async {
            let stored = self.store_files(import, new).await?;
            let unit = || self.import_in_a_unit(actor, client, import, &source, &stored, ticket);
            // None: somebody else changed the files of the same course meanwhile.
            retry_on_conflict(unit).await?.ok_or(Error::Conflict)
        };
        let imported = imported.await;
        match &imported {
            // For what was replaced.
            Ok(_) => self.ports.blob_bell.ring(),
            Err(error) if !keys.is_empty() => self.give_up_blobs(&keys, error).await,
            Err(_) => {}
        }
        imported
    }

    /// `None` if other files would have had to be stored.
    async fn import_in_a_unit(
        &self,
        actor: &Actor,
        client: &Client,
        import: &Import,
        source: &SourceKey,
        stored: &[StoredFile],
        (ticket, archive): &(Ticket<Imported>, Sha256),
    ) -> Result<Option<Imported>, Error> {
        let free_slug = self.free_slug(&Slug::of(&import.draft.title)).await?;
        let now = self.ports.clock.now();
        let mut unit = self.ports.store.begin().await?;
        let known = unit.courses().find_by_source(import.author, source).await?;
        let is_new = known.is_none();
        let mut course = if let Some(course) = known {
            course
        } else {
            let course = new_course(CourseId::new(&*self.ports.ids), import, source.clone(), free_slug, now);
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
            self.cut_passages(&mut *unit, lesson).await?;
        }
        let taken = take_files(&mut *unit, course.id, &import.draft, stored, now).await?;
        let Some(files_changed) = taken else { return Ok(None) };
        let before = course.clone();
        course.count_lessons(changes.lesson_count, changes.needs_recount);
        course.title = Title::from_source(&import.draft.title, "Untitled");
        course.description.clone_from(&import.draft.description);
        course.language.clone_from(&import.draft.language);
        if import.publish && course.status != CourseStatus::Published {
            course.publish(now);
        }
        let lessons_changed = !changes.updated.is_empty() || !changes.inserted.is_empty();
        if course != before || (!is_new && (lessons_changed || files_changed)) {
            course.updated_at = now;
            unit.courses().update(&course).await?;
            course.version += 1;
        }
        let event = self.event(AuditAction::CourseImported, actor, None, client);
        unit.audit().append(&event.with("course", course.id)).await?;
        let imported = Imported { course, is_new, report: changes.report };
        ticket.settle(&mut *unit, &sent(import, archive), &imported).await?;
        unit.commit().await?;
        Ok(Some(imported))
    }

    /// The files that are new or changed, each with the key that it will have.
    async fn new_files(&self, import: &Import, source: &SourceKey) -> Result<Vec<(FilePath, BlobKey)>, Error> {
        if import.draft.files.is_empty() {
            return Ok(Vec::new());
        }
        let mut unit = self.ports.store.begin().await?;
        let known = match unit.courses().find_by_source(import.author, source).await? {
            Some(course) => by_path(unit.courses().files(course.id).await?),
            None => BTreeMap::new(),
        };
        let is_new = |path, sha256| known.get(path).is_none_or(|file: &CourseFile| file.sha256 != sha256);
        let new = import.draft.files.iter().filter(|file| is_new(&file.path, file.sha256));
        Ok(new.map(|file| (file.path.clone(), BlobKey::course_file(&*self.ports.ids))).collect())
    }

    /// Stores files whose keys are noted: until a row names one, it is on its way out.
    async fn store_files(&self, import: &Import, new: Vec<(FilePath, BlobKey)>) -> Result<Vec<StoredFile>, Error> {
        let mut stored = Vec::with_capacity(new.len());
        for (path, blob) in new {
            let bytes = import.files.read(&path).await;
            let bytes = bytes.map_err(|cause| Error::Internal(format!("{path} cannot be read: {cause}")))?;
            // Of what was read now: a folder may have changed since it was looked through.
            let sha256 = Sha256::new(sha2::Sha256::digest(&bytes).into());
            let content = stream::once(async move { Ok(Bytes::from(bytes)) });
            let size = self.put_blob(&blob, Box::pin(content)).await?;
            stored.push(StoredFile { path, blob, size, sha256 });
        }
        Ok(stored)
    }
}

/// What a request said, as far as it makes it another one.
fn sent<'a>(import: &Import, archive: &'a Sha256) -> [&'a [u8]; 2] {
    [archive.as_bytes(), if import.publish { b"publish" } else { b"" }]
}

/// Makes the files of a course those of the draft, and says whether that changed any; `None` if a file that was not stored,
/// because it was there already, is another one by now. What is replaced or gone is removed from the blob store after
/// the unit.
async fn take_files(
    unit: &mut dyn UnitOfWork,
    course: CourseId,
    draft: &CourseDraft,
    stored: &[StoredFile],
    now: Timestamp,
) -> Result<Option<bool>, Error> {
    let mut known = by_path(unit.courses().files(course).await?);
    let stored: BTreeMap<&FilePath, &StoredFile> = stored.iter().map(|file| (&file.path, file)).collect();
    let (mut used, mut unused) = (Vec::with_capacity(stored.len()), Vec::new());
    for file in &draft.files {
        let before = known.remove(&file.path);
        let Some(StoredFile { path, blob, size, sha256 }) = stored.get(&file.path) else {
            if before.is_none_or(|before| before.sha256 != file.sha256) {
                return Ok(None);
            }
            continue;
        };
        let created_at = before.as_ref().map_or(now, |before| before.created_at);
        let (path, blob, size, sha256) = (path.clone(), blob.clone(), *size, *sha256);
        unused.extend(before.map(|before| before.blob));
        used.push(blob.clone());
        unit.courses().put_file(&CourseFile { course, path, size, sha256, blob, created_at, updated_at: now }).await?;
    }
    for (path, file) in known {
        unit.courses().remove_file(course, &path).await?;
        unused.push(file.blob);
    }
    if !used.is_empty() {
        unit.blob_removals().cancel(&used).await.map_err(|error| match error {
            // The import took so long that its files were given up.
            StoreError::Conflict => Error::UploadInterrupted("the files were removed again meanwhile".into()),
            other => other.into(),
        })?;
    }
    if !unused.is_empty() {
        unit.blob_removals().schedule(&unused, now).await?;
    }
    Ok(Some(!used.is_empty() || !unused.is_empty()))
}

fn by_path(files: Vec<CourseFile>) -> BTreeMap<FilePath, CourseFile> {
    files.into_iter().map(|file| (file.path.clone(), file)).collect()
}

fn new_course(id: CourseId, import: &Import, source: SourceKey, slug: Slug, now: Timestamp) -> Course {
    Course {
        id,
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
