//! What is kept, and the rules that hold between tables.

use std::collections::BTreeMap;

use lyceum_domain::{
    audit::AuditEvent,
    conversations::{Conversation, Message},
    courses::{Course, Lesson, PassageDraft},
    ids::{
        ApiKeyId, AuditEventId, ConversationId, CourseId, IdentityId, LessonId, MessageId, OneTimeTokenId,
        OutboxMailId, PassageId, RefreshTokenId, RegistrationId, SessionId, UsageId, UserId,
    },
    mail::OutboxMail,
    mentor::UsageRecord,
    page::{Cursor, Page, PageRequest},
    progress::{CourseProgress, LessonStatus},
    sessions::{AccountKey, Failures, Network, RefreshToken, Session},
    store::{StoreError, Unique},
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
    pub lessons: BTreeMap<LessonId, Lesson>,
    pub passages: BTreeMap<PassageId, PassageRow>,
    pub course_progress: BTreeMap<(UserId, CourseId), CourseProgress>,
    pub lesson_progress: BTreeMap<(UserId, LessonId), (LessonStatus, Timestamp)>,
    pub conversations: BTreeMap<ConversationId, Conversation>,
    pub messages: BTreeMap<MessageId, Message>,
    pub usage: BTreeMap<UsageId, UsageRecord>,
}

/// A passage with where it belongs.
#[derive(Clone)]
pub(super) struct PassageRow {
    pub course: CourseId,
    pub lesson: LessonId,
    pub draft: PassageDraft,
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
