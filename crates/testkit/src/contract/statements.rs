//! One statement in a unit of its own, kept at once; and what cases ask of its result.

use std::{fmt::Debug, time::Duration};

use lyceum_domain::{
    audit::AuditEvent,
    blobs::{BlobKey, BlobRemoval},
    conversations::{Conversation, Feedback, Piece, Said},
    courses::{Course, CourseFile, CourseKey, FilePath, Lesson, PassageDraft},
    idempotency::{Claim, Claimed, SettledAnswer},
    ids::{
        ApiKeyId, ConversationId, CourseId, DocumentId, MessageId, PassageId, ProgressEventId, SessionId, SubjectId,
        UserId,
    },
    mail::OutboxMail,
    mentor::{Reserved, Spending, Used},
    page::{Cursor, Page, PageRequest, PageSize},
    progress::{CourseProgress, LessonStatus, ProgressChange, ProgressHistory},
    sessions::{AccountKey, Network, NextToken, RefreshToken, Rotation, Session},
    store::{Store, StoreError, Unique, UnitOfWork},
    subjects::{Document, ExtractedText, Subject, TextState, UnreadDocument},
    time::Timestamp,
    users::{ApiKey, Email, Identity, OneTimeToken, PendingRegistration, TokenOwner, TokenPurpose, User},
};

use uuid::Uuid;

use super::fixtures::{
    SET_ASIDE, Turn, course, document, enrolment, lesson, progress, refresh_token, session, subject, user,
};
use crate::ambient::SequentialIds;

type Done<T = ()> = Result<T, StoreError>;

/// Opens a unit. No case holds two at once: a store may have one writer.
pub async fn begin(store: &dyn Store) -> Box<dyn UnitOfWork> {
    store.begin().await.expect("a unit")
}

macro_rules! alone {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $of:ty),*) $(-> $answer:ty)? = $noun:ident.$method:ident($($given:expr),*);)*) => {$(
        $(#[$doc])*
        pub async fn $name(store: &dyn Store, $($arg: $of),*) -> Done$(<$answer>)? {
            let mut unit = store.begin().await?;
            // Others get their turn in the middle of a unit, as they do while a database is asked.
            tokio::task::yield_now().await;
            let answer = unit.$noun().$method($($given),*).await?;
            tokio::task::yield_now().await;
            unit.commit().await?;
            Ok(answer)
        }
    )*};
}

alone! {
    /// `Users::insert`
    insert_user(user: &User) = users.insert(user);
    /// `Users::update`
    update_user(user: &User) = users.update(user);
    /// `Users::insert_token`
    insert_token(token: &OneTimeToken) = users.insert_token(token);
    /// `Users::take_token`
    take_token(token: &OneTimeToken, at: Timestamp) -> Option<TokenOwner>
        = users.take_token(token.purpose, &token.hash, at);
    /// `Users::revoke_tokens`
    revoke_tokens(owner: TokenOwner, purpose: TokenPurpose) -> u64 = users.revoke_tokens(owner, purpose);
    /// `Users::remove_expired_tokens`
    remove_expired_tokens(at: Timestamp, limit: u32) -> u64 = users.remove_expired_tokens(at, limit);
    /// `Users::touch_login`
    touch_login(user: UserId, at: Timestamp) = users.touch_login(user, at);
    /// `Users::erase`
    erase(user: UserId, at: Timestamp) -> bool = users.erase(user, at);
    /// `Registrations::insert`
    insert_registration(registration: &PendingRegistration) = registrations.insert(registration);
    /// `Registrations::find`
    find_registration(of: &PendingRegistration) -> Option<PendingRegistration> = registrations.find(of.id);
    /// `Registrations::remove_all_of`
    remove_registrations(email: &Email) -> u64 = registrations.remove_all_of(email);
    /// `Registrations::remove_expired`
    remove_expired_registrations(at: Timestamp, limit: u32) -> u64 = registrations.remove_expired(at, limit);
    /// `Identities::insert`
    insert_identity(identity: &Identity) = identities.insert(identity);
    /// `Identities::update`
    update_identity(identity: &Identity) = identities.update(identity);
    /// `ApiKeys::insert`
    insert_api_key(key: &ApiKey) = api_keys.insert(key);
    /// `ApiKeys::count_live`
    count_live_api_keys(user: UserId, now: Timestamp) -> u32 = api_keys.count_live(user, now);
    /// `ApiKeys::revoke`
    revoke_api_key(user: UserId, key: ApiKeyId, at: Timestamp) -> bool = api_keys.revoke(user, key, at);
    /// `ApiKeys::revoke_all`
    revoke_api_keys(user: UserId, at: Timestamp) -> u64 = api_keys.revoke_all(user, at);
    /// `Sessions::insert`
    insert_session(session: &Session, first: &RefreshToken) = sessions.insert(session, first);
    /// `Sessions::find_by_token`
    find_by_token(token: &RefreshToken) -> Option<(RefreshToken, Session)> = sessions.find_by_token(&token.hash);
    /// `Sessions::rotate`
    rotate(token: &RefreshToken, next: &NextToken, grace: Duration) -> Rotation
        = sessions.rotate(&token.hash, next, grace);
    /// `Sessions::revoke`
    revoke(session: SessionId, at: Timestamp) -> bool = sessions.revoke(session, at);
    /// `SignInFailures::add`
    add_failure(account: &AccountKey, network: &Network, at: Timestamp, forget_before: Timestamp)
        = sign_in_failures.add(account, network, at, forget_before);
    /// `AuditTrail::append`
    append_event(event: &AuditEvent) = audit.append(event);
    /// `Outbox::lease`
    lease(now: Timestamp, until: Timestamp, limit: u32) -> Vec<OutboxMail> = outbox.lease(now, until, limit);
    /// `Courses::insert`
    insert_course(course: &Course) = courses.insert(course);
    /// `Courses::update`
    update_course(course: &Course) = courses.update(course);
    /// `Courses::lessons`
    lessons(course: CourseId) -> Vec<Lesson> = courses.lessons(course);
    /// `Courses::insert_lessons`
    insert_lessons(lessons: &[Lesson]) = courses.insert_lessons(lessons);
    /// `Courses::update_lesson`
    update_lesson(lesson: &Lesson) = courses.update_lesson(lesson);
    /// `Progress::save`
    save_progress(progress: &CourseProgress, change: &ProgressChange) = progress.save(progress, change);
    /// `Progress::recount`
    recount(course: CourseId, limit: u32) -> u64 = progress.recount(course, limit);
    /// `Courses::mark_counted`
    mark_counted(course: CourseId, outline_revision: u32) = courses.mark_counted(course, outline_revision);
    /// `Courses::put_file`
    put_file(file: &CourseFile) = courses.put_file(file);
    /// `Courses::remove_file`
    remove_file(course: CourseId, path: &FilePath) -> bool = courses.remove_file(course, path);
    /// `Subjects::insert`
    insert_subject(subject: &Subject, max: u32) = subjects.insert(subject, max);
    /// `Subjects::update`
    update_subject(subject: &Subject) = subjects.update(subject);
    /// `Subjects::remove`
    remove_subject(owner: UserId, subject: SubjectId, version: Option<u32>) -> Option<Vec<BlobKey>>
        = subjects.remove(owner, subject, version);
    /// `Subjects::insert_document`
    insert_document(document: &Document, max: u32) = subjects.insert_document(document, max);
    /// `Subjects::remove_document`
    remove_document(owner: UserId, document: DocumentId) -> Option<BlobKey> = subjects.remove_document(owner, document);
    /// `Subjects::take_unread`
    take_unread(now: Timestamp, until: Timestamp, limit: u32) -> Vec<UnreadDocument>
        = subjects.take_unread(now, until, limit);
    /// `Subjects::settle_text`
    settle_text(document: DocumentId, state: &TextState, text: Option<&ExtractedText>, at: Timestamp)
        = subjects.settle_text(document, state, text, at);
    /// `BlobRemovals::schedule`
    schedule_removals(keys: &[BlobKey], due_at: Timestamp) = blob_removals.schedule(keys, due_at);
    /// `BlobRemovals::cancel`
    cancel_removals(keys: &[BlobKey]) = blob_removals.cancel(keys);
    /// `BlobRemovals::take_due`
    take_due(now: Timestamp, until: Timestamp, limit: u32) -> Vec<BlobRemoval>
        = blob_removals.take_due(now, until, limit);
    /// `Claims::claim`
    claim(of: &Claim) -> Claimed = claims.claim(of);
    /// `Claims::settle`
    settle_claim(of: &Claim, answer: &SettledAnswer) = claims.settle(of, answer);
    /// `Claims::release`
    release_claim(of: &Claim) = claims.release(of);
    /// `Conversations::begin_turn`
    begin_turn(turn: &Turn, is_new: bool) -> Reserved = conversations.begin_turn(&turn.opening(is_new));
    /// `Conversations::end_turn`
    end_turn(turn: &Turn) = conversations.end_turn(&turn.ending());
    /// `Conversations::close_abandoned`
    close_abandoned(turn: &Turn) -> bool = conversations.close_abandoned(&turn.ending());
    /// `Conversations::set_feedback`
    set_feedback(owner: UserId, message: MessageId, feedback: Option<&Feedback>, at: Timestamp) -> bool
        = conversations.set_feedback(owner, message, feedback, at);
    /// `Conversations::update`
    update_conversation(conversation: &Conversation) = conversations.update(conversation);
    /// `Conversations::delete`
    delete_conversation(owner: UserId, id: ConversationId) -> bool = conversations.delete(owner, id);
}

/// A learner who is stored.
pub async fn stored_user(store: &dyn Store) -> User {
    let user = user();
    insert_user(store, &user).await.expect("a new user");
    user
}

/// A session that is stored, with its first token.
pub async fn stored_session(store: &dyn Store, user: UserId) -> (Session, RefreshToken) {
    let session = session(user);
    let token = refresh_token(session.id);
    insert_session(store, &session, &token).await.expect("a new session");
    (session, token)
}

/// A published course of the house with so many written lessons, stored.
pub async fn stored_course(store: &dyn Store, lessons: u32) -> (Course, Vec<Lesson>) {
    stored_course_with(store, lessons, |_| {}).await
}

/// The same, changed before it is stored.
pub async fn stored_course_with(
    store: &dyn Store,
    lessons: u32,
    change: impl FnOnce(&mut Course),
) -> (Course, Vec<Lesson>) {
    let mut course = Course { lesson_count: lessons, ..course(None) };
    change(&mut course);
    insert_course(store, &course).await.expect("a new course");
    let lessons: Vec<Lesson> = (0..lessons).map(|position| lesson(course.id, position)).collect();
    insert_lessons(store, &lessons).await.expect("new lessons");
    (course, lessons)
}

/// A subject that is stored.
pub async fn stored_subject(store: &dyn Store, owner: UserId) -> Subject {
    let subject = subject(owner);
    insert_subject(store, &subject, 1_000).await.expect("a new subject");
    subject
}

/// A document of the subject that is stored.
pub async fn stored_document(store: &dyn Store, subject: &Subject) -> Document {
    let document = document(subject);
    insert_document(store, &document, 1_000).await.expect("a new document");
    document
}

/// A lesson's passages, replaced.
pub async fn store_passages(store: &dyn Store, lesson: &Lesson, passages: &[(&str, &str)]) -> Vec<PassageId> {
    let draft = |(heading, text): &(&str, &str)| {
        let draft = PassageDraft { heading: (*heading).to_owned(), text: (*text).to_owned() };
        (PassageId::new(&SequentialIds), draft)
    };
    let drafts: Vec<_> = passages.iter().map(draft).collect();
    let mut unit = begin(store).await;
    unit.courses().replace_passages(lesson.course, lesson.id, &drafts).await.expect("new passages");
    unit.commit().await.expect("kept");
    drafts.into_iter().map(|(id, _)| id).collect()
}

/// A learner enters a course at that time. Answers what is stored.
pub async fn enrolled(store: &dyn Store, user: UserId, course: CourseId, at: Timestamp) -> CourseProgress {
    let outline_revision = outline_revision(store, course).await;
    let first = CourseProgress { outline_revision, created_at: at, updated_at: at, ..progress(user, course) };
    save_progress(store, &first, &enrolment(at)).await.expect("a first save");
    stored_progress(store, user, course).await
}

/// A learner does something with a lesson. Answers what is stored.
pub async fn recorded(
    store: &dyn Store,
    user: UserId,
    lesson: &Lesson,
    to: LessonStatus,
    at: Timestamp,
) -> CourseProgress {
    let standing = store.read().lesson_standing(user, lesson.id).await.expect("an answer").expect("a lesson");
    let first = || CourseProgress::begin(user, lesson.course, standing.outline_revision, at);
    let mut progress = standing.progress.unwrap_or_else(first);
    let change = progress.record(ProgressEventId::new(&SequentialIds), lesson.id, standing.status, to, at);
    save_progress(store, &progress, &change).await.expect("saved");
    stored_progress(store, user, lesson.course).await
}

/// A learner leaves a course at that time. Answers what is stored.
pub async fn left(store: &dyn Store, progress: &CourseProgress, at: Timestamp) -> CourseProgress {
    let mut progress = progress.clone();
    let change = progress.leave(ProgressEventId::new(&SequentialIds), at).expect("a learner who is there");
    save_progress(store, &progress, &change).await.expect("saved");
    stored_progress(store, progress.user, progress.course).await
}

/// The outline of a course gets its next revision, as when lessons that counted went or came back.
pub async fn revise_outline(store: &dyn Store, course: CourseId) -> u32 {
    let mut unit = begin(store).await;
    let course = unit.courses().find(course).await.expect("an answer").expect("a course");
    let outline_revision = course.outline_revision + 1;
    unit.courses().update(&Course { outline_revision, ..course }).await.expect("saved");
    unit.commit().await.expect("kept");
    outline_revision
}

async fn outline_revision(store: &dyn Store, course: CourseId) -> u32 {
    store.read().counting_lessons(course).await.expect("an answer").expect("a course").0
}

/// The progress that is there.
pub async fn stored_progress(store: &dyn Store, user: UserId, course: CourseId) -> CourseProgress {
    store.read().course_progress(user, course).await.expect("an answer").expect("progress")
}

/// All that is kept about a learner in a course, as it stands in the rows.
pub async fn stored_history(store: &dyn Store, user: UserId, course: CourseId) -> ProgressHistory {
    let before = CourseId::from_uuid(Uuid::from_u128(course.as_uuid().as_u128() - 1));
    let next = store.read().histories(Some((user, before)), 1).await.expect("an answer").pop().expect("a history");
    assert_eq!((next.user, next.course), (user, course), "nothing is kept about that learner in that course");
    next
}

/// The user who is there.
pub async fn found_user(store: &dyn Store, id: UserId) -> User {
    store.read().user(id).await.expect("an answer").expect("a user")
}

/// The course of this id, if it is there.
pub async fn find_course(store: &dyn Store, id: CourseId) -> Option<Course> {
    store.read().course(&CourseKey::Id(id)).await.expect("an answer")
}

/// The conversation that is there.
pub async fn found_conversation(store: &dyn Store, of: &Conversation) -> Conversation {
    store.read().conversation(of.owner, of.id).await.expect("an answer").expect("a conversation")
}

/// A first turn that is stored.
pub async fn stored_turn(store: &dyn Store, owner: UserId) -> Turn {
    let turn = Turn::first(owner);
    let reserved = begin_turn(store, &turn, true).await.expect("a first turn");
    assert_eq!(reserved, Reserved::Granted { tokens: SET_ASIDE });
    turn
}

/// What a user has used up, as it counts at this time.
pub async fn spending_at(store: &dyn Store, user: UserId, at: Timestamp) -> Spending {
    let stored = store.read().spending(user).await.expect("an answer");
    stored.map_or_else(|| Spending::nothing(at), |spending| spending.at(at))
}

/// So many tokens of so many calls.
pub const fn used(requests: u32, tokens: u64) -> Used {
    Used { requests, tokens }
}

/// Keeps a piece of an answer.
pub async fn keep_piece(store: &dyn Store, message: MessageId, offset: u32, text: &str) {
    let piece = Piece { message, offset, text: text.to_owned() };
    store.write().under_way().keep_pieces(&[piece]).await.expect("kept");
}

/// The answer as far as it came, if it is this owner's.
pub async fn said(store: &dyn Store, owner: UserId, message: MessageId) -> Option<Said> {
    store.write().under_way().said(owner, message).await.expect("an answer")
}

/// Fails unless it is a conflict.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "it stands around the call whose result it takes")]
pub fn expect_conflict<T: Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Conflict)), "no conflict: {result:?}");
}

/// Fails unless this exists already.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "it stands around the call whose result it takes")]
pub fn expect_duplicate<T: Debug>(result: Result<T, StoreError>, of: Unique) {
    assert!(matches!(result, Err(StoreError::Duplicate(found)) if found == of), "no duplicate {of}: {result:?}");
}

/// The first page of the largest size.
pub fn first_page() -> PageRequest {
    PageRequest { size: PageSize::parse(u32::from(PageSize::MAX)).expect("a size"), after: None }
}

/// Walks a list page by page, each cursor through its text as a client would, and checks that only the last page is
/// short and says so.
pub async fn walk<T>(size: u32, mut page: impl AsyncFnMut(PageRequest) -> Result<Page<T>, StoreError>) -> Vec<T> {
    let size = PageSize::parse(size).expect("a size");
    let mut all = Vec::new();
    let mut after = None;
    for _ in 0..1000 {
        let Page { items, next } = page(PageRequest { size, after }).await.expect("a page");
        assert!(items.len() <= size.get(), "more than were asked for");
        assert!(!(items.is_empty() && after.is_some()), "an empty page behind a cursor");
        let is_full = items.len() == size.get();
        all.extend(items);
        let Some(next) = next else {
            return all;
        };
        assert!(is_full, "a short page that is not the last");
        after = Some(Cursor::decode(&next.encode()).expect("the cursor that was written"));
    }
    panic!("the list does not end");
}
