//! The audit trail: what happened to accounts, who did it, from where. Written once, never changed.

use async_trait::async_trait;

use crate::{
    ids::{AuditEventId, UserId},
    invalid::Invalid,
    page::{Page, PageRequest},
    policy::Actor,
    sessions::Client,
    store::StoreError,
    time::Timestamp,
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its id.
    pub id: AuditEventId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: AuditAction,
    /// Who did it.
    pub actor: AuditActor,
    /// The account that it was done to, if it was an account.
    pub subject: Option<UserId>,
    /// Where the request came from.
    pub ip_address: Option<String>,
    /// What the client called itself, shortened.
    pub user_agent: Option<String>,
    /// What the request is called in the log.
    pub request_id: Option<String>,
    /// What else there is to say, as names and values; never a secret.
    pub details: Vec<(String, String)>,
}

impl AuditEvent {
    /// An event without details.
    pub fn new(
        id: AuditEventId,
        at: Timestamp,
        action: AuditAction,
        actor: AuditActor,
        subject: Option<UserId>,
        client: &Client,
    ) -> Self {
        Self {
            id,
            at,
            action,
            actor,
            subject,
            ip_address: client.address.map(|address| address.to_canonical().to_string()),
            user_agent: client.shown_agent(),
            request_id: client.request_id.clone(),
            details: Vec::new(),
        }
    }

    /// The same with one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.details.push((name.to_owned(), format!("{value}")));
        self
    }
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditActor {
    /// Nobody we know.
    Anonymous,
    /// A user.
    User(UserId),
    /// The operator at the command line, or the server by itself.
    System,
}

impl AuditActor {
    /// The user, if it is one.
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(id),
            Self::Anonymous | Self::System => None,
        }
    }

    /// The word used in rows and bodies.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User(_) => "user",
            Self::System => "system",
        }
    }

    /// From a row. A user who was erased since is nobody we know.
    pub fn stored(kind: &str, user: Option<UserId>) -> Result<Self, Invalid> {
        match (kind, user) {
            ("user", Some(id)) => Ok(Self::User(id)),
            ("user" | "anonymous", None) => Ok(Self::Anonymous),
            ("system", None) => Ok(Self::System),
            _ => Err(Invalid::NotAllowed { allowed: "anonymous, user, system" }),
        }
    }
}

impl From<&Actor> for AuditActor {
    fn from(actor: &Actor) -> Self {
        match actor {
            Actor::Anonymous => Self::Anonymous,
            Actor::User { id, .. } => Self::User(*id),
            Actor::System => Self::System,
        }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident $word:literal)*) => {
        /// What happened. The words are never renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum AuditAction {
            $($(#[$doc])* $name,)*
        }

        impl AuditAction {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word used in rows and bodies.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// Reads the word.
            pub fn parse(word: &str) -> Result<Self, Invalid> {
                match word {
                    $($word => Ok(Self::$name),)*
                    _ => Err(Invalid::NotAllowed { allowed: concat!($($word, " ",)*) }),
                }
            }
        }
    };
}

actions! {
    /// An account was made by following the link of a registration.
    Registered "account.registered"
    /// An account was made by the operator.
    Created "account.created"
    /// An account was made for a user of an identity provider.
    Provisioned "account.provisioned"
    /// A user of an identity provider was joined to an account that was there.
    IdentityLinked "account.identity_linked"
    /// An e-mail was verified.
    EmailVerified "account.email_verified"
    /// The e-mail became another one, as the identity provider said, or gave way to who showed that it is theirs.
    EmailChanged "account.email_changed"
    /// The username was changed.
    Renamed "account.renamed"
    /// The privacy settings were changed.
    PrivacyChanged "account.privacy_changed"
    /// Everything held about the user was handed out.
    Exported "account.exported"
    /// The user deleted the account.
    Deleted "account.deleted"
    /// A deleted account was brought back.
    Restored "account.restored"
    /// An account was erased. It is no longer named.
    Erased "account.erased"
    /// The role was changed.
    RoleChanged "account.role_changed"
    /// The plan was changed.
    PlanChanged "account.plan_changed"
    /// The account was switched on.
    Activated "account.activated"
    /// The account was switched off.
    Deactivated "account.deactivated"
    /// Failed sign-ins were forgotten.
    Unlocked "account.unlocked"
    /// The password was changed by who knew it.
    PasswordChanged "password.changed"
    /// The password was set by a mailed link.
    PasswordReset "password.reset"
    /// Somebody signed in.
    SignedIn "session.signed_in"
    /// Somebody was not let in.
    SignInFailed "session.sign_in_failed"
    /// A session was ended.
    SignedOut "session.signed_out"
    /// Every session was ended.
    SignedOutEverywhere "session.signed_out_everywhere"
    /// A refresh token was shown again after it was used up: the session was ended.
    TokenReplayed "session.token_replayed"
    /// A personal key was made.
    ApiKeyCreated "api_key.created"
    /// A personal key was revoked.
    ApiKeyRevoked "api_key.revoked"
    /// A course was imported.
    CourseImported "course.imported"
    /// A course was made by hand.
    CourseCreated "course.created"
    /// A course was shown to everybody.
    CoursePublished "course.published"
    /// A course was taken out of the catalogue.
    CourseArchived "course.archived"
    /// A course was removed.
    CourseRemoved "course.removed"
    /// A removed course was brought back.
    CourseRestored "course.restored"
    /// What the server logs was changed.
    LogLevelChanged "server.log_level_changed"
}

/// Which events are asked for; all that is said must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Done by this user.
    pub actor: Option<UserId>,
    /// Of this kind.
    pub action: Option<AuditAction>,
    /// Done to this account.
    pub subject: Option<UserId>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Sign-ins alone, good and failed: an account's history.
    pub only_sign_ins: bool,
}

/// Writes the trail inside a unit of work.
#[async_trait]
pub trait AuditTrail: Send {
    /// Adds an event.
    async fn append(&mut self, event: &AuditEvent) -> Result<(), StoreError>;

    /// Removes at most `limit` events from before `at`, and says how many.
    async fn remove_old(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// Reads the trail without a transaction.
#[async_trait]
pub trait AuditQueries: Send + Sync {
    /// Events, newest first.
    async fn audit_page(&self, filter: &AuditFilter, page: PageRequest) -> Result<Page<AuditEvent>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_action_is_read_as_it_is_written() {
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.as_str()), Ok(*action));
        }
        let words: BTreeSet<_> = AuditAction::ALL.iter().map(|action| action.as_str()).collect();
        assert_eq!(words.len(), AuditAction::ALL.len());
    }
}
