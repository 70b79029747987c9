//! From whom mail is.

use std::{fmt, str::FromStr};

use lettre::message::Mailbox;
use thiserror::Error;

/// From whom mail is: `noreply@example.org` or `Lyceum <noreply@example.org>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl Sender {
    pub(crate) fn mailbox(&self) -> Mailbox {
        self.0.clone()
    }

    /// What stands after the `@`.
    pub(crate) fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

impl FromStr for Sender {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, SenderError> {
        // lettre parses up to where it no longer can and says nothing of the rest.
        let mailbox: Mailbox = text.trim().parse().map_err(|_| SenderError)?;
        // Letters beyond ASCII need a server that knows them (RFC 6531); a domain has an ASCII form (RFC 5890).
        if text.chars().any(char::is_control)
            || !AsRef::<str>::as_ref(&mailbox.email).is_ascii()
            || !text.trim_end().trim_end_matches('>').ends_with(mailbox.email.domain())
        {
            return Err(SenderError);
        }
        Ok(Self(mailbox))
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The text is no sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("mail has to be from somebody: write `noreply@example.org` or `Lyceum <noreply@example.org>`")]
pub struct SenderError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_an_address_and_maybe_a_name() {
        for good in ["noreply@example.org", "Lyceum <noreply@example.org>", "\"Ada, L.\" <ada@example.org>"] {
            assert_eq!(good.parse::<Sender>().map(|sender| sender.domain().to_owned()), Ok("example.org".to_owned()));
        }
        for bad in [
            "",
            "Lyceum",
            "a@example.org b@example.org",
            "a@example.org\r\nBcc: b@example.org",
            "a@example.org>, b",
            "a@bücher.example",
        ] {
            assert_eq!(bad.parse::<Sender>(), Err(SenderError), "{bad:?}");
        }
    }
}
