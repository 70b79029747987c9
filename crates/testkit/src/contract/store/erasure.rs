//! The erasing of an account.

use lyceum_domain::{
    audit::{AuditAction, AuditActor, AuditEvent, AuditFilter},
    blobs::BlobKey,
    courses::{Course, SourceKey},
    idempotency::{Claim, Claimed},
    ids::{AuditEventId, OneTimeTokenId, OutboxMailId, UserId},
    mail::{Intent, OutboxMail, Settlement},
    sessions::{AccountFailures, AccountKey, Client, Failures, Network},
    store::Store,
    subjects::{Document, ExtractedText, Subject, TextState},
    time::Timestamp,
    users::{Identifier, OneTimeToken, PendingRegistration, TokenOwner, User},
};

use crate::{
    ambient::SequentialIds,
    contract::{
        fixtures::{
            Turn, api_key, at, claim, course, full_course, hash, identity, in_year, one_time_token, registration,
            settled_answer, word,
        },
        statements::{
            begin, begin_turn, end_turn, enrolled, erase, expect_conflict, find_by_token, find_course,
            find_registration, first_page, found_user, insert_api_key, insert_course, insert_identity,
            insert_registration, insert_token, insert_user, keep_piece, said, settle_text, stored_course,
            stored_document, stored_session, stored_subject, stored_user, take_token, update_course,
        },
    },
};

use crate::contract::statements::claim as take;

/// An event about the second, caused by the first.
fn event(actor: AuditActor, subject: Option<UserId>) -> AuditEvent {
    let id = AuditEventId::new(&SequentialIds);
    AuditEvent::new(id, at(1), AuditAction::RoleChanged, actor, subject, &Client::default())
}

async fn append(store: &dyn Store, events: &[AuditEvent]) {
    let mut unit = begin(store).await;
    for event in events {
        unit.audit().append(event).await.expect("a new event");
    }
    unit.commit().await.expect("kept");
}

async fn events(store: &dyn Store, filter: AuditFilter) -> Vec<AuditEvent> {
    store.read().audit_page(&filter, first_page()).await.expect("a page").items
}

/// A mail that was sent. All in one unit, so that nobody else leases it; and due before anybody else's, so that none of
/// theirs is leased.
async fn sent_mail(store: &dyn Store, to: &User) {
    let mail = OutboxMail {
        id: OutboxMailId::new(&SequentialIds),
        to: to.email.clone(),
        intent: Intent::PasswordChanged(to.id),
        attempts: 0,
        due_at: in_year(1800, 0),
        created_at: at(1),
    };
    let mut unit = begin(store).await;
    unit.outbox().enqueue(&mail).await.expect("a new mail");
    let leased = unit.outbox().lease(in_year(1800, 0), at(1), 100).await.expect("due mails");
    assert!(leased.iter().any(|leased| leased.id == mail.id));
    assert!(unit.outbox().settle(mail.id, at(1), &Settlement::Sent, at(2)).await.expect("settled"));
    unit.commit().await.expect("kept");
}

async fn mails(store: &dyn Store, to: &User) -> u32 {
    let kind = Intent::PasswordChanged(to.id).kind();
    store.read().mails_sent(&to.email, kind, at(0)).await.expect("an answer")
}

async fn failures(store: &dyn Store, of: &User) -> AccountFailures {
    let account = AccountKey::of_user(of.id);
    store.read().failures(&account, Some(of.id), &Network::of(None)).await.expect("an answer")
}

/// Stores one of everything that is a user's alone.
struct Belongings {
    token: OneTimeToken,
    registration: PendingRegistration,
    registration_token: OneTimeToken,
    identity: lyceum_domain::users::Identity,
    key: lyceum_domain::users::ApiKey,
    refresh_token: lyceum_domain::sessions::RefreshToken,
    course: Course,
    turn: Turn,
    under_way: Turn,
    subject: Subject,
    document: Document,
    claim: Claim,
}

impl Belongings {
    async fn of(store: &dyn Store, user: &User) -> Self {
        let token = one_time_token(user.id);
        insert_token(store, &token).await.expect("a new token");
        let registration = PendingRegistration { email: user.email.clone(), ..registration() };
        insert_registration(store, &registration).await.expect("a new registration");
        let registration_token = OneTimeToken {
            id: OneTimeTokenId::new(&SequentialIds),
            owner: TokenOwner::Registration(registration.id),
            hash: hash(),
            ..token.clone()
        };
        insert_token(store, &registration_token).await.expect("a new token");
        let identity = identity(user.id);
        insert_identity(store, &identity).await.expect("a new identity");
        let key = api_key(user.id);
        insert_api_key(store, &key).await.expect("a new key");
        let (_, refresh_token) = stored_session(store, user.id).await;
        let (course, _) = stored_course(store, 1).await;
        enrolled(store, user.id, course.id, at(1)).await;
        let subject = stored_subject(store, user.id).await;
        let document = stored_document(store, &subject).await;
        let (state, text) = (TextState::Ready { characters: 5, is_cut: false }, "Text.".to_owned());
        let text = ExtractedText { text, is_cut: false };
        settle_text(store, document.id, &state, Some(&text), at(1)).await.expect("kept");
        let claim = claim(user.id, at(1));
        assert_eq!(take(store, &claim).await.expect("an answer"), Claimed::Ours);
        let mut turn = Turn::first(user.id);
        begin_turn(store, &turn, true).await.expect("a first turn");
        "Said.".clone_into(&mut turn.answer.content);
        end_turn(store, &turn).await.expect("ended");
        let under_way = turn.again(at(1));
        begin_turn(store, &under_way, false).await.expect("begun");
        keep_piece(store, under_way.answer.id, 0, "Half of it").await;
        let mut unit = begin(store).await;
        let account = AccountKey::of_user(user.id);
        unit.sign_in_failures().add(&account, &Network::of(None), at(1), at(0)).await.expect("counted");
        unit.commit().await.expect("kept");
        sent_mail(store, user).await;
        Self {
            token,
            registration,
            registration_token,
            identity,
            key,
            refresh_token,
            course,
            turn,
            under_way,
            subject,
            document,
            claim,
        }
    }

    /// What can still be found, by name.
    async fn found(&self, store: &dyn Store, user: &User) -> Vec<&'static str> {
        let read = store.read();
        let (identity, conversation) = (&self.identity, &self.turn.conversation);
        let answers = [
            ("user", read.user(user.id).await.expect("an answer").is_some()),
            ("email", read.user_by(&Identifier::Email(user.email.clone())).await.expect("an answer").is_some()),
            ("token", token_is_good(store, &self.token).await),
            ("registration", find_registration(store, &self.registration).await.expect("an answer").is_some()),
            ("its token", token_is_good(store, &self.registration_token).await),
            (
                "identity",
                read.user_by_identity(&identity.provider, &identity.subject).await.expect("an answer").is_some(),
            ),
            ("key", read.user_by_api_key(&self.key.hash).await.expect("an answer").is_some()),
            ("session", find_by_token(store, &self.refresh_token).await.expect("an answer").is_some()),
            ("progress", read.course_progress(user.id, self.course.id).await.expect("an answer").is_some()),
            ("event", !read.progress_events_page(user.id, first_page()).await.expect("an answer").items.is_empty()),
            ("subject", read.subject(user.id, self.subject.id).await.expect("an answer").is_some()),
            ("document", read.document(user.id, self.document.id).await.expect("an answer").is_some()),
            ("text", read.document_text(user.id, self.document.id).await.expect("an answer").is_some()),
            ("claim", is_claimed(store, &self.claim).await),
            ("conversation", read.conversation(user.id, conversation.id).await.expect("an answer").is_some()),
            ("message", read.message(user.id, self.turn.answer.id).await.expect("an answer").is_some()),
            ("manifest", read.manifest(self.turn.answer.id).await.expect("an answer").is_some()),
            ("answer under way", said(store, user.id, self.under_way.answer.id).await.is_some()),
            ("its server's", is_under_way(store, &self.under_way).await),
            ("spending", read.spending(user.id).await.expect("an answer").is_some()),
            ("usage", !read.usage_of(user.id).await.expect("an answer").is_empty()),
            ("failures", failures(store, user).await.anywhere != Failures::default()),
            ("mail", mails(store, user).await > 0),
        ];
        answers.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
    }
}

/// Whether the claim is still there to be settled. Nothing is kept of the attempt.
async fn is_claimed(store: &dyn Store, claim: &Claim) -> bool {
    begin(store).await.claims().settle(claim, &settled_answer()).await.is_ok()
}

/// Whether its server's other answers would be closed with it.
async fn is_under_way(store: &dyn Store, turn: &Turn) -> bool {
    let under_way = store.write().under_way();
    !under_way.abandoned(&[turn.instance], 9).await.expect("an answer").is_empty()
}

async fn token_is_good(store: &dyn Store, token: &OneTimeToken) -> bool {
    store.read().token_owner(token.purpose, &token.hash, at(1)).await.expect("an answer").is_some()
}

/// Nothing of an erased account is left, and everything of anybody else is.
pub async fn nothing_of_an_erased_account_is_left(store: &dyn Store) {
    let (user, other) = (stored_user(store).await, stored_user(store).await);
    let (mine, theirs) = (Belongings::of(store, &user).await, Belongings::of(store, &other).await);
    let everything = theirs.found(store, &other).await;
    assert_eq!(everything.len(), 23, "{everything:?}");
    assert_eq!(mine.found(store, &user).await, everything);
    assert!(erase(store, user.id, at(900)).await.expect("erased"));
    assert_eq!(mine.found(store, &user).await, Vec::<&str>::new());
    assert_eq!(theirs.found(store, &other).await, everything);
    assert_eq!(take_token(store, &mine.token, at(1)).await.expect("an answer"), None);
}

/// The blobs of an erased account, its portrait and those of all its documents, are noted for removal at the time of the
/// erasure, and nobody else's; a note that was there gets that time. (In one unit that is dropped, and a year that no other
/// case has to do with.)
pub async fn blobs_of_an_erased_account_are_noted(store: &dyn Store) {
    let portrait = BlobKey::portrait(UserId::new(&SequentialIds), &SequentialIds);
    let user = User { portrait: Some(portrait.clone()), ..crate::contract::fixtures::user() };
    insert_user(store, &user).await.expect("a new user");
    let mut expected = vec![portrait];
    for _ in 0..2 {
        let subject = stored_subject(store, user.id).await;
        for _ in 0..2 {
            expected.push(stored_document(store, &subject).await.blob);
        }
    }
    let other = stored_user(store).await;
    let kept = stored_document(store, &stored_subject(store, other.id).await).await.blob;
    let erased_at = in_year(1835, 0);
    let mut unit = begin(store).await;
    unit.blob_removals().schedule(&expected[..1], in_year(1836, 0)).await.expect("noted");
    assert!(unit.users().erase(user.id, erased_at).await.expect("erased"));
    let just_before = Timestamp::from_micros(erased_at.as_micros() - 1).expect("a time");
    assert_eq!(unit.blob_removals().take_due(just_before, at(0), 100).await.expect("an answer"), []);
    let due = unit.blob_removals().take_due(erased_at, at(0), 100).await.expect("an answer");
    let mut due: Vec<BlobKey> = due.into_iter().map(|removal| removal.key).collect();
    due.sort();
    expected.sort();
    assert_eq!(due, expected);
    assert!(!due.contains(&kept));
}

/// Erasing who has neither portrait nor documents notes nothing.
pub async fn an_account_without_blobs_notes_none(store: &dyn Store) {
    let user = stored_user(store).await;
    let mut unit = begin(store).await;
    assert!(unit.users().erase(user.id, in_year(1825, 0)).await.expect("erased"));
    assert_eq!(unit.blob_removals().take_due(in_year(1825, 0), at(0), 100).await.expect("an answer"), []);
}

/// Who is not there, or no longer, cannot be erased.
pub async fn an_account_is_erased_once(store: &dyn Store) {
    let user = stored_user(store).await;
    assert!(erase(store, user.id, at(900)).await.expect("erased"));
    assert!(!erase(store, user.id, at(900)).await.expect("an answer"));
    assert!(!erase(store, crate::contract::fixtures::user().id, at(900)).await.expect("an answer"));
}

/// The names of an erased account are free.
pub async fn the_names_of_an_erased_account_are_free(store: &dyn Store) {
    let user = stored_user(store).await;
    erase(store, user.id, at(900)).await.expect("erased");
    let next = User { email: user.email, username: user.username, ..crate::contract::fixtures::user() };
    insert_user(store, &next).await.expect("a new user");
    assert_eq!(found_user(store, next.id).await, next);
}

/// Events about an erased account are gone; those that it caused stay, and nobody has caused them. Other events are as
/// they were.
pub async fn events_lose_an_erased_account(store: &dyn Store) {
    let (user, other) = (stored_user(store).await.id, stored_user(store).await.id);
    let about = event(AuditActor::User(other), Some(user));
    let own = event(AuditActor::User(user), Some(user));
    let caused = event(AuditActor::User(user), Some(other));
    let foreign = event(AuditActor::User(other), Some(other));
    append(store, &[about, own, caused.clone(), foreign.clone()]).await;
    assert!(erase(store, user, at(900)).await.expect("erased"));
    assert_eq!(events(store, AuditFilter { subject: Some(user), ..AuditFilter::default() }).await, []);
    assert_eq!(events(store, AuditFilter { actor: Some(user), ..AuditFilter::default() }).await, []);
    let caused = AuditEvent { actor: AuditActor::Anonymous, ..caused };
    let mut expected = vec![foreign, caused];
    expected.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
    assert_eq!(events(store, AuditFilter { subject: Some(other), ..AuditFilter::default() }).await, expected);
}

/// The courses of an erased author are the house's as they are, but for where they came from: two may have imported one
/// book, and the house may have one course from it. Who loaded such a course before cannot save it.
pub async fn courses_of_an_erased_author_are_the_houses(store: &dyn Store) {
    let source = SourceKey::mdbook(&word());
    let of_house = Course { source: Some(source.clone()), ..course(None) };
    insert_course(store, &of_house).await.expect("a new course");
    for _ in 0..2 {
        let author = stored_user(store).await.id;
        let imported = Course { source: Some(source.clone()), ..full_course(author) };
        insert_course(store, &imported).await.expect("a new course");
        assert!(erase(store, author, at(900)).await.expect("erased"));
        expect_conflict(update_course(store, &imported).await);
        let left = Course { author: None, source: None, version: 2, ..imported };
        assert_eq!(find_course(store, left.id).await, Some(left));
    }
    assert_eq!(find_course(store, of_house.id).await, Some(of_house));
}
