//! Taking one's data along, deleting one's account, and what follows on it.

use lyceum_domain::{
    audit::{AuditAction, AuditEvent, AuditFilter},
    conversations::{Conversation, ConversationFilter, Message},
    ids::UserId,
    mail::Intent,
    mentor::UsageRecord,
    policy::{Action, Actor, allow},
    progress::{CourseProgressView, LessonProgressView, ProgressEvent},
    sessions::{Client, Session},
    subjects::{Document, Subject, TextState},
    users::{ApiKey, Identifier, Identity, User},
};

use super::end_links;
use crate::{Error, Lyceum, error::denied, sessions::Caller, walk::all};

/// Everything that is held about a user.
#[derive(Debug, Clone)]
pub struct Export {
    /// The account.
    pub user: User,
    /// Who they are at identity providers.
    pub identities: Vec<Identity>,
    /// Where they are signed in.
    pub sessions: Vec<Session>,
    /// Their keys, as far as they are known here.
    pub api_keys: Vec<ApiKey>,
    /// What happened to the account.
    pub events: Vec<AuditEvent>,
    /// Their courses, lesson by lesson.
    pub courses: Vec<(CourseProgressView, Vec<LessonProgressView>)>,
    /// Every step they took in a course, newest first.
    pub progress_events: Vec<ProgressEvent>,
    /// What they asked and heard.
    pub conversations: Vec<(Conversation, Vec<Message>)>,
    /// What it cost.
    pub usage: Vec<UsageRecord>,
    /// Their subjects.
    pub subjects: Vec<Subject>,
    /// Their documents, newest first, with the texts of as many as fit; the others are to be had one by one.
    pub documents: Vec<(Document, Option<String>)>,
}

/// How many characters of documents are handed out at once: they are in memory together.
const EXPORTED_TEXT: u32 = 5_000_000;

/// How many accounts are looked for at a time.
const BATCH: u32 = 50;

impl Lyceum {
    /// Hands out everything that is held about whoever asks.
    pub async fn export(&self, caller: &Caller) -> Result<Export, Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("account"))?;
        let mut unit = self.ports.store.begin().await?;
        unit.audit().append(&self.own_event(AuditAction::Exported, caller)).await?;
        unit.commit().await?;

        let (read, id, now) = (self.ports.store.read(), caller.user.id, self.ports.clock.now());
        let about_me = AuditFilter { subject: Some(id), ..AuditFilter::default() };
        let mut courses = Vec::new();
        for course in all(|page| read.progress_page(id, page)).await? {
            let lessons = read.lessons_progress(id, course.course).await?;
            courses.push((course, lessons));
        }
        let (mut conversations, everything) = (Vec::new(), ConversationFilter::default());
        for conversation in all(|page| read.conversations_page(id, &everything, page)).await? {
            let messages = all(|page| read.messages_page(id, conversation.id, page)).await?;
            conversations.push((conversation, messages));
        }
        Ok(Export {
            user: caller.user.clone(),
            identities: read.identities_of(id).await?,
            sessions: all(|page| read.sessions_page(id, now, page)).await?,
            api_keys: all(|page| read.api_keys_page(id, page)).await?,
            events: all(|page| read.audit_page(&about_me, page)).await?,
            courses,
            progress_events: all(|page| read.progress_events_page(id, page)).await?,
            conversations,
            usage: read.usage_of(id).await?,
            subjects: self.all_subjects(id).await?,
            documents: self.all_documents(id).await?,
        })
    }

    async fn all_subjects(&self, owner: UserId) -> Result<Vec<Subject>, Error> {
        let read = self.ports.store.read();
        let mut subjects = all(|page| read.subjects_page(owner, false, page)).await?;
        subjects.extend(all(|page| read.subjects_page(owner, true, page)).await?);
        Ok(subjects)
    }

    async fn all_documents(&self, owner: UserId) -> Result<Vec<(Document, Option<String>)>, Error> {
        let read = self.ports.store.read();
        let (mut documents, mut room) = (Vec::new(), EXPORTED_TEXT);
        for document in all(|page| read.documents_of(owner, page)).await? {
            let text = match document.text {
                TextState::Ready { characters, .. } if characters <= room => {
                    room -= characters;
                    read.document_text(owner, document.id).await?
                }
                _ => None,
            };
            documents.push((document, text));
        }
        Ok(documents)
    }

    /// Deletes the account of whoever asks: nobody gets in any more, and after a time of grace it is erased. Who has a
    /// password has to show it.
    pub async fn delete_account(
        &self,
        caller: &Caller,
        password: Option<&str>,
        expected: Option<u32>,
    ) -> Result<(), Error> {
        allow(&caller.actor(), &Action::SecureOwnAccount).map_err(denied("account"))?;
        if caller.user.password_hash.is_some() {
            self.confirm_password(caller, password.unwrap_or_default()).await?;
        }
        crate::retry::retry_on_conflict(|| async {
            let now = self.ports.clock.now();
            let mut unit = self.ports.store.begin().await?;
            let id = caller.user.id;
            let mut user = unit.users().find(id).await?.filter(User::is_usable).ok_or(Error::NotFound("account"))?;
            if expected.is_some_and(|version| version != user.version) {
                return Err(Error::VersionMismatch);
            }
            user.deleted_at = Some(now);
            user.tokens_valid_from = now;
            user.updated_at = now;
            unit.users().update(&user).await?;
            end_links(&mut *unit, id).await?;
            unit.sessions().revoke_all(id, None, now).await?;
            unit.api_keys().revoke_all(id, now).await?;
            unit.audit().append(&self.own_event(AuditAction::Deleted, caller)).await?;
            self.enqueue(&mut *unit, &user.email, Intent::AccountDeleted(id)).await?;
            unit.commit().await?;
            self.ports.mail_bell.ring();
            Ok(())
        })
        .await
    }

    /// Brings a deleted account back, as long as it was not erased. Who was signed in has to sign in again.
    pub async fn restore_account(&self, actor: &Actor, identifier: &Identifier) -> Result<User, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        crate::retry::retry_on_conflict(|| async {
            let user = self.ports.store.read().user_by(identifier).await?.filter(|user| user.deleted_at.is_some());
            let mut user = user.ok_or(Error::NotFound("deleted account"))?;
            user.deleted_at = None;
            user.updated_at = self.ports.clock.now();
            let mut unit = self.ports.store.begin().await?;
            unit.users().update(&user).await?;
            unit.audit().append(&self.event(AuditAction::Restored, actor, user.id, &Client::default())).await?;
            unit.commit().await?;
            user.version += 1;
            Ok(user)
        })
        .await
    }

    /// Erases some of the accounts whose time of grace is over, each by itself, and says how many; call it again until
    /// it says none.
    ///
    /// One that cannot be erased is no reason to keep the others.
    pub async fn purge_accounts(&self, actor: &Actor) -> Result<u64, Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        let due = self.ports.clock.now().minus(self.rules.deletion_grace);
        let mut purged = 0;
        for user in self.ports.store.read().users_deleted_before(due, BATCH).await? {
            match self.erase(actor, user).await {
                // False: somebody else was quicker.
                Ok(is_erased) => purged += u64::from(is_erased),
                Err(error) => self.pass_over(error, "a deleted account was not erased").await?,
            }
        }
        Ok(purged)
    }

    /// Erases an account at once and for good, deleted or not.
    pub async fn erase_account(&self, actor: &Actor, identifier: &Identifier) -> Result<(), Error> {
        allow(actor, &Action::ManageUsers).map_err(denied("account"))?;
        let user = self.ports.store.read().user_by(identifier).await?.ok_or(Error::NotFound("account"))?;
        if self.erase(actor, user.id).await? { Ok(()) } else { Err(Error::NotFound("account")) }
    }

    async fn erase(&self, actor: &Actor, id: UserId) -> Result<bool, Error> {
        let mut unit = self.ports.store.begin().await?;
        if !unit.users().erase(id, self.ports.clock.now()).await? {
            return Ok(false);
        }
        unit.audit().append(&self.event(AuditAction::Erased, actor, None, &Client::default())).await?;
        unit.commit().await?;
        // Their portrait and documents are to go.
        self.ports.blob_bell.ring();
        Ok(true)
    }
}
