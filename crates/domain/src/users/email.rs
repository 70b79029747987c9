//! E-mail addresses.

use std::fmt;

use crate::invalid::Invalid;

/// An e-mail address, kept in lower case: people do not expect capital letters to make another mailbox.
///
/// The form is that of the HTML standard's `input type=email`, with a dot in the domain: what mail servers take, not
/// all that RFC 5322 allows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// The largest number of characters (RFC 5321, 4.5.3.1.3, less the brackets).
    pub const MAX: usize = 254;

    /// Trims, checks and lowers.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let text = raw.trim();
        if text.is_empty() {
            return Err(Invalid::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid::ControlCharacter);
        }
        if text.len() > Self::MAX {
            return Err(Invalid::TooLong { max: Self::MAX });
        }
        let bad = Invalid::Malformed { expected: "an e-mail address" };
        let (local, domain) = text.rsplit_once('@').ok_or(bad)?;
        let good_local = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b));
        let good_domain = domain.contains('.')
            && domain.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            });
        if good_local && good_domain { Ok(Self(text.to_ascii_lowercase())) } else { Err(bad) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain of addresses that stand for "none is known". Nobody can ever have it (RFC 2606, section 2).
    pub const PLACEHOLDER_DOMAIN: &str = "placeholder.invalid";

    /// An address for an account that has none: unique as long as `name` is, never mailed.
    pub fn placeholder(name: &str) -> Result<Self, Invalid> {
        Self::parse(&format!("{name}@{}", Self::PLACEHOLDER_DOMAIN))
    }

    /// Whether it stands for "none is known".
    pub fn is_placeholder(&self) -> bool {
        self.0.rsplit_once('@').is_some_and(|(_, domain)| domain == Self::PLACEHOLDER_DOMAIN)
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or(&*self.0, |(local, _)| local)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_lowered_and_trimmed() {
        assert_eq!(Email::parse(" Ada.L+x@Example.COM ").map(|e| e.to_string()), Ok("ada.l+x@example.com".to_owned()));
    }

    #[test]
    fn what_no_mail_server_takes_is_refused() {
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a..b@example.com",
            ".a@example.com",
            "a@-x.com",
            "a@x..com",
            "a b@example.com",
            "a@exam ple.com",
            "a@example.com\nbcc: x@example.com",
            "ä@example.com",
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_parsed_address_parses_to_itself(raw in "\\PC{0,20}@[a-zA-Z0-9.-]{0,20}") {
            if let Ok(email) = Email::parse(&raw) {
                prop_assert_eq!(Email::parse(email.as_str()), Ok(email));
            }
        }
    }
}
