//! What can go wrong in a use case, as far as the one who asked can tell.

use std::time::Duration;

use lyceum_domain::{
    blobs::BlobError,
    conversations::MessageStatus,
    invalid::{Invalid, Violation, Violations},
    mentor::{Cause, ChatError, Window},
    policy::Denied,
    sessions::TokenError,
    store::{StoreError, Unique},
    subjects::NotADocument,
    users::{PasswordError, PictureError},
};
use thiserror::Error;

/// Why a use case did not do what it was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// Some of what was sent is not acceptable.
    #[error("not acceptable: {0}")]
    Invalid(Violations),
    /// Only for people who are signed in.
    #[error("sign in first")]
    SignInRequired,
    /// The token is no good: made up, revoked, of another kind.
    #[error("the token is not valid")]
    InvalidToken,
    /// The token was good once.
    #[error("the token has expired")]
    TokenExpired,
    /// Nobody of that name with that password.
    #[error("wrong name or password")]
    InvalidCredentials,
    /// The password is right, but the e-mail was never verified.
    #[error("the e-mail address is not verified yet")]
    EmailNotVerified,
    /// The account was switched off.
    #[error("the account is switched off")]
    AccountDisabled,
    /// The password is right, but too many were not; told only to who knows it.
    #[error("the account is locked for a while")]
    AccountLocked {
        /// When to ask again.
        retry_after: Duration,
    },
    /// Nobody signs in with a password here.
    #[error("passwords are switched off")]
    PasswordsOff,
    /// Not for this personal key.
    #[error("the key does not reach so far")]
    InsufficientScope,
    /// An admin cannot take the admin's rights from themselves.
    #[error("not to one's own account")]
    OwnAccount,
    /// There are as many as there may be.
    #[error("there are too many {0} already")]
    TooMany(&'static str),
    /// The keys of an identity provider cannot be had, so nobody knows whether its token is good.
    #[error("the identity provider cannot be reached")]
    ProviderUnavailable {
        /// When to ask again.
        retry_after: Duration,
    },
    /// Not for them.
    #[error("not allowed")]
    Forbidden,
    /// Not there, or not for them to know.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Somebody has that name.
    #[error("the username is taken")]
    UsernameTaken,
    /// Another course, or another lesson of the course, has that name in addresses.
    #[error("the slug is taken")]
    SlugTaken,
    /// A draft has nobody in it who could go on when it is archived.
    #[error("the course was never published")]
    NotPublished,
    /// Somebody has that address; told only to operators.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// Somebody else changed the same thing at the same time, again and again.
    #[error("changed by somebody else meanwhile")]
    Conflict,
    /// It is no longer the version that the request is about.
    #[error("it is another version now")]
    VersionMismatch,
    /// More bytes than may be stored.
    #[error("more than {max} bytes")]
    TooLarge {
        /// How many may be.
        max: u64,
    },
    /// Not of a kind that is taken, by its content.
    #[error("not taken: {0}")]
    UnsupportedMediaType(String),
    /// A picture that no portrait is made of.
    #[error("the picture {0}")]
    BadPicture(String),
    /// What was sent did not come to its end.
    #[error("the upload broke off")]
    UploadInterrupted(#[source] Cause),
    /// The part that was asked for begins after the end.
    #[error("the range is outside of the {size} bytes")]
    RangeNotSatisfiable {
        /// How many bytes there are.
        size: u64,
    },
    /// The same key came with another request before.
    #[error("the key was used for another request")]
    IdempotencyKeyReused,
    /// The request of this key is still being done.
    #[error("the request of this key still runs")]
    RequestInProgress,
    /// The blob store is away.
    #[error("the blob store is unavailable")]
    StorageUnavailable(#[source] Cause),
    /// Too much to do right now.
    #[error("too busy")]
    Busy {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The model did not answer.
    #[error("the mentor did not answer")]
    Mentor(#[source] ChatError),
    /// What the learner's plan allows is used up.
    #[error("the allowance of the {} is used up", window.as_str())]
    QuotaExceeded {
        /// The span whose allowance it is.
        window: Window,
        /// How long until the next one begins.
        retry_after: Duration,
    },
    /// Something that only answers have was asked of a question.
    #[error("the message is not an answer")]
    NotAnAnswer,
    /// The answer did not come to its end, and what broke it off is no longer known.
    #[error("the answer is {}", _0.as_str())]
    AnswerBroken(MessageStatus),
    /// The learner left before the answer was there.
    #[error("nobody waits for the answer any more")]
    Abandoned,
    /// The server stops.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// The store is away.
    #[error("the store is unavailable")]
    StoreUnavailable(#[source] StoreError),
    /// A fault of ours.
    #[error("internal fault: {0}")]
    Internal(String),
}

impl Error {
    /// A stable word for programs; never renamed.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "validation_failed",
            Self::SignInRequired => "unauthenticated",
            Self::InvalidToken => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::InvalidCredentials => "invalid_credentials",
            Self::EmailNotVerified => "email_not_verified",
            Self::AccountDisabled => "account_disabled",
            Self::AccountLocked { .. } => "account_locked",
            Self::PasswordsOff => "passwords_off",
            Self::InsufficientScope => "insufficient_scope",
            Self::OwnAccount => "own_account",
            Self::TooMany(_) => "too_many",
            Self::ProviderUnavailable { .. } => "identity_provider_unavailable",
            Self::Forbidden => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::UsernameTaken => "username_taken",
            Self::SlugTaken => "slug_taken",
            Self::NotPublished => "not_published",
            Self::EmailTaken => "email_taken",
            Self::Conflict => "conflict",
            Self::VersionMismatch => "version_mismatch",
            Self::TooLarge { .. } => "too_large",
            Self::UnsupportedMediaType(_) => "unsupported_media_type",
            Self::BadPicture(_) => "bad_picture",
            Self::UploadInterrupted(_) => "upload_interrupted",
            Self::RangeNotSatisfiable { .. } => "range_not_satisfiable",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::RequestInProgress => "request_in_progress",
            Self::StorageUnavailable(_) => "storage_unavailable",
            Self::Busy { .. } => "busy",
            Self::Mentor(error) => match error {
                ChatError::Timeout { .. } => "llm_timeout",
                ChatError::BadResponse { .. } => "llm_bad_response",
                ChatError::Refused { .. } => "llm_refused",
                ChatError::RateLimited { .. } | ChatError::Unavailable { .. } | ChatError::Misconfigured { .. } => {
                    "llm_unavailable"
                }
            },
            Self::QuotaExceeded { .. } => "quota_exceeded",
            Self::NotAnAnswer => "not_an_answer",
            Self::AnswerBroken(MessageStatus::Interrupted) => "answer_interrupted",
            Self::AnswerBroken(_) => "answer_failed",
            Self::Abandoned => "abandoned",
            Self::ShuttingDown => "shutting_down",
            Self::StoreUnavailable(_) => "database_unavailable",
            Self::Internal(_) => "internal_error",
        }
    }

    /// A refusal of one member.
    pub(crate) fn invalid(pointer: &'static str, invalid: Invalid) -> Self {
        Self::Invalid(Violation { pointer, invalid }.into())
    }
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Duplicate(Unique::Username) => Self::UsernameTaken,
            StoreError::Duplicate(Unique::Email) => Self::EmailTaken,
            // A slug or source that was free a moment ago: somebody was faster.
            StoreError::Conflict
            | StoreError::Duplicate(Unique::Identity | Unique::Slug | Unique::Source | Unique::Key) => Self::Conflict,
            StoreError::Unavailable(_) => Self::StoreUnavailable(error),
            StoreError::Aborted | StoreError::Corrupt(_) => Self::Internal(error.to_string()),
        }
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            // Its row says that it is there.
            BlobError::Missing => Self::Internal(error.to_string()),
            BlobError::OutOfRange { size } => Self::RangeNotSatisfiable { size },
            BlobError::Interrupted(cause) => Self::UploadInterrupted(cause),
            BlobError::Unavailable(cause) => Self::StorageUnavailable(cause),
        }
    }
}

impl From<PasswordError> for Error {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy { retry_after } => Self::Busy { retry_after },
            PasswordError::Failed(cause) => Self::Internal(cause.to_string()),
        }
    }
}

impl From<PictureError> for Error {
    fn from(error: PictureError) -> Self {
        match error {
            PictureError::WrongKind => Self::UnsupportedMediaType(format!("the file {error}")),
            PictureError::TooManyPixels { .. } | PictureError::Damaged(_) | PictureError::Polyglot(_) => {
                Self::BadPicture(error.to_string())
            }
            PictureError::Busy { retry_after } => Self::Busy { retry_after },
            PictureError::Failed(cause) => Self::Internal(cause.to_string()),
        }
    }
}

impl From<NotADocument> for Error {
    fn from(reason: NotADocument) -> Self {
        Self::UnsupportedMediaType(reason.to_string())
    }
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::TokenExpired,
            TokenError::Invalid(reason) => {
                tracing::debug!(reason, "token refused");
                Self::InvalidToken
            }
            TokenError::Unavailable { retry_after } => Self::ProviderUnavailable { retry_after },
            TokenError::Signing(cause) => Self::Internal(cause.to_string()),
        }
    }
}

/// A refusal of policy, about a thing of this name.
pub(crate) fn denied(thing: &'static str) -> impl Fn(Denied) -> Error {
    move |denied| match denied {
        Denied::SignIn => Error::SignInRequired,
        Denied::Hidden => Error::NotFound(thing),
        Denied::Forbidden => Error::Forbidden,
        Denied::Scope => Error::InsufficientScope,
    }
}
