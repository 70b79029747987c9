//! Usernames.

use std::fmt;

use crate::invalid::Invalid;

/// The public name of a user in addresses: 3 to 32 ASCII letters, digits, `_` and `-`, a letter or digit first. Case is
/// kept for show and does not count.
#[derive(Debug, Clone)]
pub struct Username(String);

/// Names that would look like the service itself, or like a route.
const RESERVED: [&str; 14] = [
    "admin",
    "administrator",
    "api",
    "auth",
    "help",
    "lyceum",
    "mentor",
    "me",
    "moderator",
    "root",
    "security",
    "support",
    "system",
    "webmaster",
];

impl Username {
    /// The fewest characters.
    pub const MIN: usize = 3;
    /// The largest number of characters.
    pub const MAX: usize = 32;

    /// Trims and checks a name that somebody chose.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let name = Self::parse_reserved(raw)?;
        if RESERVED.contains(&name.key().as_str()) { Err(Invalid::Reserved) } else { Ok(name) }
    }

    /// As [`parse`](Self::parse), but the operator may also take the names kept for the service.
    pub fn parse_reserved(raw: &str) -> Result<Self, Invalid> {
        let text = raw.trim();
        if text.is_empty() {
            return Err(Invalid::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid::ControlCharacter);
        }
        match text.chars().count() {
            ..Self::MIN => return Err(Invalid::TooShort { min: Self::MIN }),
            n if n > Self::MAX => return Err(Invalid::TooLong { max: Self::MAX }),
            _ => {}
        }
        let good = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
            && text.as_bytes()[0].is_ascii_alphanumeric();
        if good { Ok(Self(text.to_owned())) } else { Err(Invalid::Malformed { expected: "letters, digits, _ and -" }) }
    }

    /// As the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What must be unique: the name in lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for Username {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Username {}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_username_keeps_its_case_but_is_compared_without() {
        let name = Username::parse("Ada_L").expect("good");
        assert_eq!(name.as_str(), "Ada_L");
        assert_eq!(name, Username::parse("ada_l").expect("good"));
    }

    #[test]
    fn an_address_or_a_route_is_no_username() {
        for bad in ["", "ab", "_ab", "a b", "ada@example.com", "ada.l", "ädä", "a\0b"] {
            assert!(Username::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Username::parse("Admin"), Err(Invalid::Reserved));
        assert!(Username::parse_reserved("admin").is_ok());
        assert_eq!(Username::parse(&"a".repeat(33)), Err(Invalid::TooLong { max: 32 }));
    }
}
