//! Storage: units of work, the read side, and the one error they answer with.
//!
//! House rules, all checked by the contract suite of `lyceum-testkit`:
//! - Only use cases open a unit of work, and none is held across a model call, a mail or any other network wait.
//! - Dropping a unit rolls it back; [`UnitOfWork::commit`] keeps all of it or nothing.
//! - A unit in which a statement failed refuses to commit with [`StoreError::Aborted`].
//! - Aggregates carry `version`; a stale save is [`StoreError::Conflict`]. Contended use cases try again.
//! - Plain reads don't pay for a transaction: [`Store::read`] lends the query side. Nor do writes of one aggregate:
//!   [`Store::write`].

use async_trait::async_trait;
use thiserror::Error;

use crate::{
    audit::{AuditQueries, AuditTrail},
    backlog::BacklogQueries,
    blobs::BlobRemovals,
    conversations::{ConversationQueries, Conversations, TurnEnding, TurnOpening, TurnsUnderWay},
    courses::{CourseQueries, Courses},
    idempotency::Claims,
    ids::{ApiKeyId, UserId},
    jobs::JobLeases,
    mail::{Outbox, OutboxQueries},
    mentor::{Cause, LedgerQueries, Reservation, Reserved, UsageRecord},
    progress::{CourseProgress, Progress, ProgressChange, ProgressQueries},
    sessions::{SessionQueries, Sessions, SignInFailureQueries, SignInFailures},
    subjects::{SubjectQueries, Subjects},
    time::Timestamp,
    users::{
        ApiKeyQueries, ApiKeys, Identities, IdentityQueries, RegistrationQueries, Registrations, UserQueries, Users,
    },
};

/// Where everything is kept.
#[async_trait]
pub trait Store: Send + Sync {
    /// Opens a unit of work.
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError>;

    /// The query side, without a transaction. Each call sees what was committed before it.
    fn read(&self) -> &dyn Queries;

    /// Writes that are whole in themselves, without a unit around them.
    fn write(&self) -> &dyn SingleWrites;

    /// Whether the store answers now.
    async fn check(&self) -> Result<(), StoreError>;
}

/// Writes that are whole in themselves: each is kept when it answers `Ok`, and leaves nothing if it fails. The requests
/// that come most often change one aggregate; they need no transaction around it, and so don't pay for one.
#[async_trait]
pub trait SingleWrites: Send + Sync {
    /// Notes that a user was active at `at`. Not a change of the account, as [`Users::touch_login`].
    async fn touch_activity(&self, user: UserId, at: Timestamp) -> Result<(), StoreError>;

    /// Notes that a key was used at `at`.
    async fn touch_api_key(&self, key: ApiKeyId, at: Timestamp) -> Result<(), StoreError>;

    /// As [`Progress::save`], in a unit of its own.
    async fn save_progress(&self, progress: &CourseProgress, change: &ProgressChange) -> Result<(), StoreError>;

    /// As [`Conversations::begin_turn`], in a unit of its own.
    async fn begin_turn(&self, opening: &TurnOpening) -> Result<Reserved, StoreError>;

    /// As [`Conversations::end_turn`], in a unit of its own.
    async fn end_turn(&self, ending: &TurnEnding) -> Result<(), StoreError>;

    /// Records a call outside of a conversation before it starts, and sets aside what it may cost; all of it or, if an
    /// allowance is used up, nothing.
    async fn open_call(&self, call: &UsageRecord, reservation: &Reservation) -> Result<Reserved, StoreError>;

    /// Records how such a call ended; what was set aside for it becomes what it took. Written twice, the last one counts,
    /// and nothing is charged twice.
    async fn close_call(&self, call: &UsageRecord) -> Result<(), StoreError>;

    /// Answers under way.
    fn under_way(&self) -> &dyn TurnsUnderWay;

    /// Who holds which job.
    fn job_leases(&self) -> &dyn JobLeases;

    /// Seals anew at most `limit` texts that are not sealed under the key in use, those in clear too, and says how many;
    /// 0 if all are. What somebody changes meanwhile is left to them. A store that seals nothing has nothing to do.
    async fn reseal(&self, limit: u32) -> Result<u64, StoreError> {
        let _ = limit;
        Ok(0)
    }
}

/// Changes that are kept together or not at all. Dropping it rolls back.
#[async_trait]
pub trait UnitOfWork: Send {
    /// Users and their one-time tokens.
    fn users(&mut self) -> &mut dyn Users;

    /// Registrations that wait to be verified.
    fn registrations(&mut self) -> &mut dyn Registrations;

    /// Users of identity providers.
    fn identities(&mut self) -> &mut dyn Identities;

    /// Personal keys.
    fn api_keys(&mut self) -> &mut dyn ApiKeys;

    /// Sessions and their refresh tokens.
    fn sessions(&mut self) -> &mut dyn Sessions;

    /// Failed sign-ins.
    fn sign_in_failures(&mut self) -> &mut dyn SignInFailures;

    /// The audit trail.
    fn audit(&mut self) -> &mut dyn AuditTrail;

    /// Mails that wait to be sent.
    fn outbox(&mut self) -> &mut dyn Outbox;

    /// Courses, lessons and passages.
    fn courses(&mut self) -> &mut dyn Courses;

    /// Progress.
    fn progress(&mut self) -> &mut dyn Progress;

    /// Subjects and their documents.
    fn subjects(&mut self) -> &mut dyn Subjects;

    /// Blobs that are to go.
    fn blob_removals(&mut self) -> &mut dyn BlobRemovals;

    /// Keys of requests that are done once.
    fn claims(&mut self) -> &mut dyn Claims;

    /// Conversations, messages and usage.
    fn conversations(&mut self) -> &mut dyn Conversations;

    /// Keeps all of it. After `Ok` it is there, also if the process is killed.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

macro_rules! queries {
    ($($part:ident)*) => {
        /// The whole query side.
        pub trait Queries: $($part +)* {}

        impl<T> Queries for T where T: $($part +)* {}
    };
}

queries! {
    UserQueries RegistrationQueries IdentityQueries ApiKeyQueries SessionQueries SignInFailureQueries AuditQueries
    OutboxQueries BacklogQueries CourseQueries ProgressQueries SubjectQueries ConversationQueries LedgerQueries
}

/// Why the store did not do what it was asked, as far as a caller acts on it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Somebody else changed the same thing first. Load it again.
    #[error("changed by somebody else meanwhile")]
    Conflict,
    /// Something that must be unique exists already.
    #[error("{0} exists already")]
    Duplicate(Unique),
    /// An earlier statement of the unit failed, so nothing of it is kept.
    #[error("the unit of work is broken")]
    Aborted,
    /// The store is away, full or overloaded. Try again later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Cause),
    /// A row or an answer makes no sense. A fault of ours.
    #[error("the store holds something impossible: {0}")]
    Corrupt(String),
}

/// What must be unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unique {
    /// A user's e-mail.
    Email,
    /// A user's name.
    Username,
    /// A user at an identity provider.
    Identity,
    /// A course's or lesson's slug.
    Slug,
    /// An imported course's source.
    Source,
    /// Anything else: an id, a token.
    Key,
}

impl std::fmt::Display for Unique {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Email => "email",
            Self::Username => "username",
            Self::Identity => "identity",
            Self::Slug => "slug",
            Self::Source => "source",
            Self::Key => "key",
        })
    }
}
