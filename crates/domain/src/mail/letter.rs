//! What mails say, and the port that puts it into words.

use crate::{
    mail::MailError,
    sessions::Secret,
    time::Timestamp,
    users::{Locale, Username},
};

/// What a mail says. Names that a stranger could choose are usernames alone: their few characters carry no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Letter {
    /// A link that shows that the address is the reader's.
    VerifyEmail {
        /// What the account is or will be called.
        username: Username,
        /// The link, with the code in it.
        link: Secret,
        /// The code alone.
        code: Secret,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// Somebody wanted to register with an address that has an account.
    AlreadyRegistered {
        /// What the account is called.
        username: Username,
        /// Where to sign in.
        sign_in_link: String,
        /// Where to ask for another password.
        reset_link: String,
    },
    /// A link that lets the reader set another password.
    ResetPassword {
        /// What the account is called.
        username: Username,
        /// The link, with the code in it.
        link: Secret,
        /// The code alone.
        code: Secret,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// The password was changed.
    PasswordChanged {
        /// What the account is called.
        username: Username,
        /// When.
        at: Timestamp,
        /// Where to ask for another password, if it was not the reader.
        reset_link: String,
    },
    /// The account was deleted, and will be erased.
    AccountDeleted {
        /// What the account is called.
        username: Username,
        /// When nothing is left of it.
        erased_at: Timestamp,
    },
}

impl Letter {
    /// A word for the template.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::VerifyEmail { .. } => "verify_email",
            Self::AlreadyRegistered { .. } => "already_registered",
            Self::ResetPassword { .. } => "reset_password",
            Self::PasswordChanged { .. } => "password_changed",
            Self::AccountDeleted { .. } => "account_deleted",
        }
    }
}

/// A letter in words.
#[derive(Clone, PartialEq, Eq)]
pub struct WrittenLetter {
    /// The subject, one line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Puts letters into words.
pub trait LetterWriter: Send + Sync {
    /// Writes a letter, in the reader's language if there is one that fits.
    fn write(&self, letter: &Letter, locale: &Locale) -> Result<WrittenLetter, MailError>;
}
