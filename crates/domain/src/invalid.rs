//! Why a value was refused, and the collection of all refusals of one request.

use std::fmt;

use thiserror::Error;

/// The rule that a value broke. Never holds the value itself: it may be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Invalid {
    /// Nothing there, or only white space.
    #[error("must not be empty")]
    Empty,
    /// Fewer characters than allowed.
    #[error("must have at least {min} characters")]
    TooShort {
        /// The least number of characters.
        min: usize,
    },
    /// More characters than allowed.
    #[error("must have at most {max} characters")]
    TooLong {
        /// The largest number of characters.
        max: usize,
    },
    /// More bytes than allowed (bcrypt takes 72).
    #[error("must have at most {max} bytes in UTF-8")]
    TooManyBytes {
        /// The largest number of bytes.
        max: usize,
    },
    /// NUL or another control character.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// Not of the form that is asked for.
    #[error("must be {expected}")]
    Malformed {
        /// What would be right, as the end of "must be …".
        expected: &'static str,
    },
    /// Not one of the words that are allowed.
    #[error("must be one of {allowed}")]
    NotAllowed {
        /// The allowed words.
        allowed: &'static str,
    },
    /// A number outside its range.
    #[error("must be from {min} to {max}")]
    OutOfRange {
        /// The least value.
        min: i64,
        /// The largest value.
        max: i64,
    },
    /// A password without a letter or without a digit.
    #[error("must contain letters and digits")]
    NeedsLettersAndDigits,
    /// A password from the list of common ones.
    #[error("is among the most common passwords")]
    CommonPassword,
    /// A password that is near the user's own e-mail or name.
    #[error("is too close to your e-mail or username")]
    NearOwnData,
    /// A name kept for the service itself.
    #[error("is reserved")]
    Reserved,
    /// A member that has to be there is not.
    #[error("is required")]
    Missing,
}

impl Invalid {
    /// A stable word for programs; never renamed.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::TooManyBytes { .. } => "too_many_bytes",
            Self::ControlCharacter => "control_character",
            Self::Malformed { .. } => "malformed",
            Self::NotAllowed { .. } => "not_allowed",
            Self::OutOfRange { .. } => "out_of_range",
            Self::NeedsLettersAndDigits => "needs_letters_and_digits",
            Self::CommonPassword => "common_password",
            Self::NearOwnData => "near_own_data",
            Self::Reserved => "reserved",
            Self::Missing => "missing",
        }
    }
}

/// One refused member of a request: where it stands (RFC 6901 pointer) and why it was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The member, as `/password`.
    pub pointer: &'static str,
    /// The rule that was broken.
    pub invalid: Invalid,
}

/// All refusals of one request, so that a form can show them together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Nothing refused yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the value, or notes why it was refused.
    pub fn take<T>(&mut self, pointer: &'static str, parsed: Result<T, Invalid>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.0.push(Violation { pointer, invalid });
                None
            }
        }
    }

    /// `Ok` if nothing was refused.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// The refusals in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Violation { pointer, invalid }) in self.0.iter().enumerate() {
            write!(f, "{}{pointer} {invalid}", if n == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}
