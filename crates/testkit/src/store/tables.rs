//! What is kept, and the rules that hold between tables.

use std::collections::{BTreeMap, BTreeSet};

use lyceum_domain::{
    audit::AuditEvent,
    blobs::{BlobKey, Sha256},
    conversations::{Conversation, Message},
    courses::{Course, CourseFile, FilePath, Lesson, PassageDraft},
    idempotency::{Claim, IdempotencyKey, SettledAnswer},
    ids::{
        ApiKeyId, AuditEventId, ConversationId, CourseId, DocumentId, IdentityId, InstanceId, LessonId, MessageId,
        OneTimeTokenId, OutboxMailId, PassageId, RefreshTokenId, RegistrationId, SessionId, SubjectId, UsageId, UserId,
    },
    jobs::{Job, Lease},
    mail::OutboxMail,
    mentor::{Manifest, Spending, UsageRecord},
    page::{Cursor, Page, PageRequest},
    progress::{CourseProgress, LessonStatus, ProgressEvent},
    sessions::{AccountKey, Failures, Network, RefreshToken, Session},
    store::{StoreError, Unique},
    subjects::{Document, Subject},
    time::Timestamp,
    users::{ApiKey, Identity, OneTimeToken, PendingRegistration, User},
};
use uuid::Uuid;

/// All rows.
#[derive(Clone, Default)]
pub(super) struct Tables {
    pub users: BTreeMap<UserId, User>,
    pub registrations: BTreeMap<RegistrationId, PendingRegistration>,
    pub one_time_tokens: BTreeMap<OneTimeTokenId, OneTimeToken>,
    pub identities: BTreeMap<IdentityId, Identity>,
    pub api_keys: BTreeMap<ApiKeyId, ApiKey>,
    pub sessions: BTreeMap<SessionId, Session>,
    pub refresh_tokens: BTreeMap<RefreshTokenId, RefreshToken>,
    /// By network; those from anywhere under `None`.
    pub sign_in_failures: BTreeMap<(AccountKey, Option<Network>), Failures>,
    pub audit_events: BTreeMap<AuditEventId, AuditEvent>,
    pub outbox: BTreeMap<OutboxMailId, OutboxRow>,
    pub courses: BTreeMap<CourseId, Course>,
    /// The revision of the outline under which all learners were counted; the first one where nothing is said.
    pub counted_revisions: BTreeMap<CourseId, u32>,
    pub lessons: BTreeMap<LessonId, Lesson>,
    pub course_files: BTreeMap<(CourseId, FilePath), CourseFile>,
    pub passages: BTreeMap<PassageId, PassageRow>,
    pub progress_events: BTreeMap<(UserId, CourseId, i64), ProgressEvent>,
    pub course_progress: BTreeMap<(UserId, CourseId), CourseProgress>,
    pub lesson_progress: BTreeMap<(UserId, LessonId), (LessonStatus, Timestamp)>,
    pub subjects: BTreeMap<SubjectId, Subject>,
    pub documents: BTreeMap<DocumentId, DocumentRow>,
    pub blob_removals: BTreeMap<BlobKey, RemovalRow>,
    pub claims: BTreeMap<(UserId, IdempotencyKey), ClaimRow>,
    pub conversations: BTreeMap<ConversationId, Conversation>,
    pub messages: BTreeMap<MessageId, Message>,
    pub manifests: BTreeMap<MessageId, Manifest>,
    /// With the time when each was last quoted.
    pub quoted_texts: BTreeMap<Sha256, (String, Timestamp)>,
    pub quotations: BTreeSet<(MessageId, Sha256)>,
    pub under_way: BTreeMap<MessageId, UnderWayRow>,
    /// By the answer, and by how much of it comes before.
    pub pieces: BTreeMap<(MessageId, u32), String>,
    /// When servers were last seen.
    pub instances: BTreeMap<InstanceId, Timestamp>,
    pub job_leases: BTreeMap<Job, Lease>,
    pub usage: BTreeMap<UsageId, UsageRecord>,
    pub spending: BTreeMap<UserId, Spending>,
}

/// An answer that is being given: by whom, and who looks on.
#[derive(Clone, Copy)]
pub(super) struct UnderWayRow {
    pub instance: InstanceId,
    pub is_to_stop: bool,
    pub followed_at: Option<Timestamp>,
}

/// A passage with where it belongs.
#[derive(Clone)]
pub(super) struct PassageRow {
    pub course: CourseId,
    pub lesson: LessonId,
    pub draft: PassageDraft,
}

/// A document with its text, if it was read, and when and how often that is to be tried.
#[derive(Clone)]
pub(super) struct DocumentRow {
    pub document: Document,
    pub text: Option<String>,
    pub due_at: Timestamp,
    pub attempts: u32,
}

/// When a blob is to go, and how often that was begun.
#[derive(Clone, Copy)]
pub(super) struct RemovalRow {
    pub due_at: Timestamp,
    pub attempts: u32,
}

/// A claim with its answer, if there is one.
#[derive(Clone)]
pub(super) struct ClaimRow {
    pub claim: Claim,
    pub answer: Option<SettledAnswer>,
}

/// A mail with what became of it so far.
#[derive(Clone)]
pub(super) struct OutboxRow {
    pub mail: OutboxMail,
    pub state: OutboxState,
    pub leased_until: Option<Timestamp>,
    pub settled_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutboxState {
    Waiting,
    Sent,
    Dropped,
    Dead,
}

impl Tables {
    /// A course that was not removed.
    pub fn live_course(&self, id: CourseId) -> Option<&Course> {
        self.courses.get(&id).filter(|course| course.deleted_at.is_none())
    }

    /// Whether the learner is in the course now.
    pub fn is_enrolled(&self, user: UserId, course: CourseId) -> bool {
        self.course_progress.get(&(user, course)).is_some_and(|progress| progress.is_enrolled)
    }

    /// The learner's status of a lesson.
    pub fn lesson_status(&self, user: UserId, lesson: LessonId) -> LessonStatus {
        self.lesson_progress.get(&(user, lesson)).map(|(status, _)| *status).unwrap_or_default()
    }

    /// The lessons of a course in reading order, removed ones too.
    pub fn lessons_of(&self, course: CourseId) -> Vec<&Lesson> {
        let mut lessons: Vec<_> = self.lessons.values().filter(|lesson| lesson.course == course).collect();
        lessons.sort_by_key(|lesson| (lesson.position, lesson.id));
        lessons
    }

    /// How many lessons that count the learner has completed, counted now.
    pub fn count_completed(&self, user: UserId, course: CourseId) -> u32 {
        let counting = self.lessons.values().filter(|lesson| lesson.course == course && lesson.counts());
        let done = counting.filter(|lesson| self.lesson_status(user, lesson.id) == LessonStatus::Completed);
        u32::try_from(done.count()).unwrap_or(u32::MAX)
    }

    /// The learner's progress in a course, right under the revision that its outline has now.
    pub fn progress(&self, user: UserId, course: CourseId) -> Option<CourseProgress> {
        let stored = self.course_progress.get(&(user, course))?;
        let outline_revision = self.courses.get(&course)?.outline_revision;
        let is_behind = stored.outline_revision < outline_revision;
        let completed_lessons = if is_behind { self.count_completed(user, course) } else { stored.completed_lessons };
        Some(CourseProgress { completed_lessons, outline_revision, ..stored.clone() })
    }

    /// Notes that blobs are to go; a note that is there already gets this time.
    pub fn note_removals(&mut self, keys: impl IntoIterator<Item = BlobKey>, due_at: Timestamp) {
        for key in keys {
            self.blob_removals.entry(key).or_insert(RemovalRow { due_at, attempts: 0 }).due_at = due_at;
        }
    }
}

/// At most `limit` rows of these.
pub(super) fn at_most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Stores a row under a key that must be new.
pub(super) fn insert_new<K: Ord, V>(table: &mut BTreeMap<K, V>, key: K, row: V) -> Result<(), StoreError> {
    if table.contains_key(&key) {
        return Err(StoreError::Duplicate(Unique::Key));
    }
    table.insert(key, row);
    Ok(())
}

/// Refuses a row that names another one that is not there. Use cases look before they write, so that is a fault.
pub(super) fn refer<K: Ord, V>(table: &BTreeMap<K, V>, key: &K, what: &str) -> Result<(), StoreError> {
    if table.contains_key(key) {
        return Ok(());
    }
    Err(StoreError::Corrupt(format!("a row names a {what} that is not there")))
}

/// Removes at most `limit` rows that are meant, and says how many there were.
pub(super) fn remove_some<K: Ord + Clone, V>(
    table: &mut BTreeMap<K, V>,
    limit: u32,
    is_meant: impl Fn(&K, &V) -> bool,
) -> Vec<K> {
    let meant = table.iter().filter(|(key, row)| is_meant(key, row)).map(|(key, _)| key.clone());
    let meant: Vec<K> = meant.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    for key in &meant {
        table.remove(key);
    }
    meant
}

/// How many there are.
pub(super) fn count<T>(rows: &[T]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

/// One page of rows that are sorted by `key`, newest first.
pub(super) fn newest_first<T>(mut rows: Vec<T>, page: PageRequest, key: impl Fn(&T) -> (Timestamp, Uuid)) -> Page<T> {
    rows.sort_by_key(|row| std::cmp::Reverse(key(row)));
    rows.retain(|row| page.after.is_none_or(|after| key(row) < (after.at, after.id)));
    cut(rows, page, key)
}

/// One page of rows that are sorted by `key`, oldest first.
pub(super) fn oldest_first<T>(mut rows: Vec<T>, page: PageRequest, key: impl Fn(&T) -> (Timestamp, Uuid)) -> Page<T> {
    rows.sort_by_key(&key);
    rows.retain(|row| page.after.is_none_or(|after| key(row) > (after.at, after.id)));
    cut(rows, page, key)
}

fn cut<T>(mut rows: Vec<T>, page: PageRequest, key: impl Fn(&T) -> (Timestamp, Uuid)) -> Page<T> {
    rows.truncate(page.size.get() + 1);
    Page::cut(rows, page.size, |row| {
        let (at, id) = key(row);
        Cursor { at, id }
    })
}
