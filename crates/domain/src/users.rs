//! Accounts: who somebody is, and the rules their data keeps.

mod api_key;
mod email;
mod identity;
mod one_time_token;
mod password;
mod portrait;
mod profile;
mod registration;
mod repository;
mod username;

pub use api_key::{ApiKey, ApiKeyName, ApiKeyQueries, ApiKeys, Scope, Scopes};
pub use email::Email;
pub use identity::{Identities, Identity, IdentityQueries, ProviderName};
pub use one_time_token::{OneTimeToken, TokenOwner, TokenPurpose};
pub use password::{Password, PasswordError, PasswordHash, PasswordHasher};
pub use portrait::{PictureError, Portraits};
pub use profile::{Bio, DisplayName, Locale, Privacy, ProfileVisibility, TimeZone};
pub use registration::{PendingRegistration, RegistrationQueries, Registrations};
pub use repository::{Identifier, UserFilter, UserQueries, Users};
pub use username::Username;

use std::{fmt, time::Duration};

use crate::{blobs::BlobKey, ids::UserId, invalid::Invalid, time::Timestamp};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Where mail goes; unique.
    pub email: Email,
    /// When the user showed that the e-mail is theirs.
    pub email_verified_at: Option<Timestamp>,
    /// The public name in addresses; unique without regard to case.
    pub username: Username,
    /// What other people call the user.
    pub display_name: Option<DisplayName>,
    /// What the user says about themselves.
    pub bio: Option<Bio>,
    /// The user's picture.
    pub portrait: Option<BlobKey>,
    /// How the user reads dates and words.
    pub locale: Locale,
    /// Where the user's days begin.
    pub time_zone: TimeZone,
    /// What the user may do.
    pub role: Role,
    /// What the user paid for.
    pub plan: Plan,
    /// What others and the mentor may see.
    pub privacy: Privacy,
    /// The hash of the password; none if the user signs in elsewhere.
    pub password_hash: Option<PasswordHash>,
    /// Whether an admin left the account on.
    pub is_active: bool,
    /// Access tokens issued before no longer count.
    pub tokens_valid_from: Timestamp,
    /// The last sign-in.
    pub last_login_at: Option<Timestamp>,
    /// The last request, to a quarter of an hour.
    pub last_active_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Set when the user deleted it.
    pub deleted_at: Option<Timestamp>,
    /// For optimistic locking; a stale save is a conflict.
    pub version: u32,
}

impl User {
    /// How exactly [`last_active_at`](Self::last_active_at) is kept: a write at each request would cost more than it
    /// tells.
    pub const ACTIVITY_GRAIN: Duration = Duration::from_mins(15);

    /// A new learner, not yet verified; without a password if they sign in elsewhere.
    pub fn register(
        id: UserId,
        email: Email,
        username: Username,
        display_name: Option<DisplayName>,
        password_hash: Option<PasswordHash>,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            email,
            email_verified_at: None,
            username,
            display_name,
            bio: None,
            portrait: None,
            locale: Locale::default(),
            time_zone: TimeZone::default(),
            role: Role::Learner,
            plan: Plan::Free,
            privacy: Privacy::default(),
            password_hash,
            is_active: true,
            tokens_valid_from: at,
            last_login_at: None,
            last_active_at: None,
            created_at: at,
            updated_at: at,
            deleted_at: None,
            version: 1,
        }
    }

    /// Whether the account can be used at all.
    pub fn is_usable(&self) -> bool {
        self.is_active && self.deleted_at.is_none()
    }

    /// Whether it is time to note that the user was active at `now`.
    pub fn is_activity_news(&self, now: Timestamp) -> bool {
        self.last_active_at.is_none_or(|last| now.since(last) >= Self::ACTIVITY_GRAIN)
    }

    /// When a deleted account is to be erased.
    pub fn erased_at(&self, grace: Duration) -> Option<Timestamp> {
        self.deleted_at.map(|deleted| deleted.plus(grace))
    }

    /// Notes that the e-mail belongs to the user; false if that was known.
    pub fn verify_email(&mut self, at: Timestamp) -> bool {
        let changed = self.email_verified_at.is_none();
        if changed {
            self.email_verified_at = Some(at);
            self.updated_at = at;
        }
        changed
    }
}

/// What a user may do; each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Role {
    /// Learns.
    #[default]
    Learner,
    /// Writes courses and follows a cohort.
    Mentor,
    /// Runs the place.
    Admin,
}

impl Role {
    /// The word used in rows, tokens and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Learner => "learner",
            Self::Mentor => "mentor",
            Self::Admin => "admin",
        }
    }

    /// Reads the word as somebody typed it.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "learner" => Ok(Self::Learner),
            "mentor" | "teacher" => Ok(Self::Mentor),
            "admin" => Ok(Self::Admin),
            _ => Err(Invalid::NotAllowed { allowed: "learner, mentor, admin" }),
        }
    }

    /// Reads a stored or foreign word: `teacher` is a mentor; what is absent or unknown is a learner.
    pub fn lenient(word: Option<&str>) -> Self {
        word.and_then(|word| Self::parse(word).ok()).unwrap_or_default()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a user paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Plan {
    /// Nothing.
    #[default]
    Free,
    /// More.
    Premium,
}

impl Plan {
    /// The word used in rows and bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Premium => "premium",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Result<Self, Invalid> {
        match word {
            "free" => Ok(Self::Free),
            "premium" => Ok(Self::Premium),
            _ => Err(Invalid::NotAllowed { allowed: "free, premium" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_role_is_a_learner() {
        assert_eq!(Role::lenient(None), Role::Learner);
        assert_eq!(Role::lenient(Some("authenticated")), Role::Learner);
        assert_eq!(Role::lenient(Some("teacher")), Role::Mentor);
        assert!(Role::parse("root").is_err());
    }
}
