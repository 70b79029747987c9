//! Mails that wait to be sent. They are stored with what made them necessary, in one unit of work, and sent after it.
//!
//! What waits is the intent, not the text: who is meant, whether there is anything to tell them, and the secret in the
//! link are found out when the mail is sent. So no secret rests in the outbox, and asking for a mail is the same work
//! whether or not anybody will get one.

use async_trait::async_trait;

use crate::{
    ids::{OutboxMailId, RegistrationId, UserId},
    invalid::Invalid,
    store::StoreError,
    time::Timestamp,
    users::Email,
};

/// A mail that waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMail {
    /// Its id.
    pub id: OutboxMailId,
    /// To whom.
    pub to: Email,
    /// What for.
    pub intent: Intent,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is to be tried next.
    pub due_at: Timestamp,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// What a mail is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// Somebody registered: a link, or word that there is an account already.
    Register(RegistrationId),
    /// Somebody asked for another verification link.
    VerifyEmail,
    /// Somebody asked for a link that resets the password.
    ResetPassword,
    /// The password of this account was changed.
    PasswordChanged(UserId),
    /// This account was deleted.
    AccountDeleted(UserId),
}

impl Intent {
    /// The word used in rows.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::PasswordChanged(_) => "password_changed",
            Self::AccountDeleted(_) => "account_deleted",
        }
    }

    /// What it is about, as it is kept in rows.
    pub fn about(&self) -> Option<uuid::Uuid> {
        match self {
            Self::Register(id) => Some(id.as_uuid()),
            Self::PasswordChanged(user) | Self::AccountDeleted(user) => Some(user.as_uuid()),
            Self::VerifyEmail | Self::ResetPassword => None,
        }
    }

    /// From a row.
    pub fn stored(kind: &str, about: Option<uuid::Uuid>) -> Result<Self, Invalid> {
        match (kind, about) {
            ("register", Some(id)) => Ok(Self::Register(RegistrationId::from_uuid(id))),
            ("verify_email", None) => Ok(Self::VerifyEmail),
            ("reset_password", None) => Ok(Self::ResetPassword),
            ("password_changed", Some(id)) => Ok(Self::PasswordChanged(UserId::from_uuid(id))),
            ("account_deleted", Some(id)) => Ok(Self::AccountDeleted(UserId::from_uuid(id))),
            _ => Err(Invalid::NotAllowed {
                allowed: "register, verify_email, reset_password, password_changed, account_deleted",
            }),
        }
    }
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The next station has it.
    Sent,
    /// There was nothing to tell anybody.
    Dropped,
    /// To be tried again.
    Later {
        /// When.
        due_at: Timestamp,
        /// What was in the way.
        error: String,
    },
    /// Given up; it stays for the operator to see.
    Dead {
        /// What was in the way.
        error: String,
    },
}

/// Writes the outbox inside a unit of work.
#[async_trait]
pub trait Outbox: Send {
    /// Adds a mail.
    async fn enqueue(&mut self, mail: &OutboxMail) -> Result<(), StoreError>;

    /// Takes at most `limit` mails that are due at `now` and that nobody has, oldest due first, and counts an attempt
    /// of each. Until `until` nobody else takes them; should the taker die, somebody does after that.
    async fn lease(&mut self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<OutboxMail>, StoreError>;

    /// Notes what became of a mail that was leased until `until`; false if somebody else has it by now.
    async fn settle(
        &mut self,
        id: OutboxMailId,
        until: Timestamp,
        settlement: &Settlement,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Lets all dead mails be tried again from `at` on, and says how many there were.
    async fn revive(&mut self, at: Timestamp) -> Result<u64, StoreError>;

    /// Removes at most `limit` mails that were sent or dropped before `at`, and says how many.
    async fn remove_settled(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// Removes at most `limit` mails that were given up before `at`, and says how many.
    async fn remove_dead(&mut self, at: Timestamp, limit: u32) -> Result<u64, StoreError>;
}

/// How full the outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxCounts {
    /// Mails that wait.
    pub waiting: u64,
    /// Mails that were given up.
    pub dead: u64,
    /// Since when the oldest one waits.
    pub oldest: Option<Timestamp>,
}

/// Reads the outbox without a transaction.
#[async_trait]
pub trait OutboxQueries: Send + Sync {
    /// How full it is.
    async fn outbox_counts(&self) -> Result<OutboxCounts, StoreError>;

    /// How many mails of a kind were sent to an address since then.
    async fn mails_sent(&self, to: &Email, kind: &str, since: Timestamp) -> Result<u32, StoreError>;
}
