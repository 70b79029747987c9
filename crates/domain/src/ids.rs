//! Typed identifiers (UUIDv7, RFC 9562) and the port that makes them.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::invalid::Invalid;

/// Makes new identifiers. Use cases stamp ids; repositories invent nothing.
pub trait IdGenerator: Send + Sync {
    /// A new UUIDv7, later ones sorting after earlier ones.
    fn next(&self) -> Uuid;
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id.
            pub fn new(ids: &dyn IdGenerator) -> Self {
                Self(ids.next())
            }

            /// An id that exists already, from a row or a token.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            /// Takes the hyphenated form only, in either case.
            fn from_str(text: &str) -> Result<Self, Invalid> {
                if text.len() != 36 {
                    return Err(Invalid::Malformed { expected: "a hyphenated UUID" });
                }
                Uuid::try_parse(text).map(Self).map_err(|_| Invalid::Malformed { expected: "a hyphenated UUID" })
            }
        }
    )*};
}

id! {
    /// Names a [`User`](crate::users::User).
    UserId
    /// Names a [`Session`](crate::sessions::Session).
    SessionId
    /// Names a [`RefreshToken`](crate::sessions::RefreshToken).
    RefreshTokenId
    /// Names a [`OneTimeToken`](crate::users::OneTimeToken).
    OneTimeTokenId
    /// Names a [`PendingRegistration`](crate::users::PendingRegistration).
    RegistrationId
    /// Names an [`Identity`](crate::users::Identity).
    IdentityId
    /// Names an [`ApiKey`](crate::users::ApiKey).
    ApiKeyId
    /// Names an [`AuditEvent`](crate::audit::AuditEvent).
    AuditEventId
    /// Names an [`OutboxMail`](crate::mail::OutboxMail).
    OutboxMailId
    /// Names a [`Course`](crate::courses::Course).
    CourseId
    /// Names a [`Lesson`](crate::courses::Lesson).
    LessonId
    /// Names a [`Passage`](crate::courses::Passage).
    PassageId
    /// Names a [`Subject`](crate::subjects::Subject).
    SubjectId
    /// Names a [`Document`](crate::subjects::Document).
    DocumentId
    /// Names a [`ProgressEvent`](crate::progress::ProgressEvent).
    ProgressEventId
    /// Names a [`Claim`](crate::idempotency::Claim).
    ClaimId
    /// Names a [`Conversation`](crate::conversations::Conversation).
    ConversationId
    /// Names a [`Message`](crate::conversations::Message).
    MessageId
    /// Names a [`UsageRecord`](crate::mentor::UsageRecord).
    UsageId
    /// Names a running server, from its start to its end.
    InstanceId
}
