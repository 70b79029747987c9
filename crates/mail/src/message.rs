//! A mail as the internet wants it (RFC 5322).

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use lettre::{
    Address, Message,
    message::{Body, Mailbox, SinglePart, header::ContentTransferEncoding, header::ContentType},
};
use lyceum_domain::mail::{Mail, MailError};

use crate::sender::Sender;

/// The domain of addresses that stand for "none is known". Nobody can ever have it (RFC 2606, section 2).
const PLACEHOLDER: &str = "placeholder.invalid";

/// The longest line of a text that is sent as it is, in bytes without its end (RFC 5322, section 2.1.1).
const MAX_LINE: usize = 998;

/// Which bytes the text may consist of on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// Any: it stays as it is, unless a line is too long.
    EightBit,
    /// ASCII alone: other letters are written with it, and lines are broken and marked so.
    SevenBit,
}

/// Names a mail: by its time, and by chance, so that no two are alike. One process never gives the same or an earlier
/// time twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MailId {
    micros: u64,
    random: u64,
}

impl MailId {
    pub(crate) fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX);
        let later = |last: u64| now.max(last.saturating_add(1));
        let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(later(last)));
        let micros = later(last.unwrap_or_else(|last| last));
        // The standard library's only source of chance: the keys of a hasher. Enough to differ, not for a secret.
        Self { micros, random: RandomState::new().hash_one(micros) }
    }

    /// Sorts by time.
    pub(crate) fn file_name(self) -> String {
        format!("{:016}-{:016x}.eml", self.micros, self.random)
    }
}

/// Whether the mail may be sent at all.
pub(crate) fn check(mail: &Mail) -> Result<(), MailError> {
    let domain = mail.to.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
    if domain == PLACEHOLDER {
        tracing::debug!("a mail to a placeholder address was not sent");
        return Err(MailError::Refused("the address is a placeholder: no real one is known".to_owned()));
    }
    if mail.subject.chars().any(char::is_control) {
        return Err(MailError::Refused("the subject has a control character".to_owned()));
    }
    Ok(())
}

/// Writes the mail. It has passed [`check`].
pub(crate) fn build(mail: &Mail, from: &Sender, id: MailId, transfer: Transfer) -> Result<Message, MailError> {
    let refused = |what: &str| MailError::Refused(what.to_owned());
    let to: Address = mail.to.as_str().parse().map_err(|_| refused("the address cannot be written in a mail"))?;
    let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(body(&mail.text, transfer));
    Message::builder()
        .from(from.mailbox())
        .to(Mailbox::new(None, to))
        .subject(&*mail.subject)
        .date_now()
        // Not lettre's own, which tells the name of the machine.
        .message_id(Some(format!("<{:x}.{:016x}@{}>", id.micros, id.random, from.domain())))
        .singlepart(text)
        .map_err(|_| refused("the mail cannot be written"))
}

/// Keeps the text as it is, if that can be: lettre would break each line after 76 characters, and with it the links
/// that a person or a test looks for in the file.
fn body(text: &str, transfer: Transfer) -> Body {
    let lines = || text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let plain = lines().all(|line| line.len() <= MAX_LINE && !line.contains(['\r', '\0']));
    let encoding = match transfer {
        _ if plain && text.is_ascii() => ContentTransferEncoding::SevenBit,
        Transfer::EightBit if plain => ContentTransferEncoding::EightBit,
        _ => {
            return Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable)
                .unwrap_or_else(Body::new);
        }
    };
    Body::dangerous_pre_encoded(lines().collect::<Vec<_>>().join("\r\n").into_bytes(), encoding)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lyceum_domain::users::Email;

    use super::*;

    fn mail(subject: &str, text: &str) -> Mail {
        let to = Email::parse("ada@example.com").expect("an address");
        Mail { to, subject: subject.to_owned(), text: text.to_owned() }
    }

    fn written(mail: &Mail, transfer: Transfer) -> String {
        let from = "Lyceum <noreply@example.org>".parse().expect("a sender");
        let message = build(mail, &from, MailId::next(), transfer).expect("built");
        String::from_utf8(message.formatted()).expect("UTF-8")
    }

    #[test]
    fn a_mail_has_all_its_headers() {
        let written = written(&mail("Welcome", "Hello.\nBye.\n"), Transfer::EightBit);
        let (head, text) = written.split_once("\r\n\r\n").expect("head and text");
        for line in [
            "From: Lyceum <noreply@example.org>",
            "To: ada@example.com",
            "Subject: Welcome",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 7bit",
        ] {
            assert!(head.split("\r\n").any(|header| header == line), "{line}: {head}");
        }
        assert!(head.contains("\r\nDate: ") && head.contains("\r\nMessage-ID: <") && head.contains("@example.org>"));
        assert_eq!(text.trim_end(), "Hello.\r\nBye.");
    }

    #[test]
    fn links_stay_on_one_line() {
        let link = format!("https://example.org/verify?token={}", "x=".repeat(300));
        let written = written(&mail("s", &format!("Grüße\r\n\n{link}\n")), Transfer::EightBit);
        assert!(written.contains("Content-Transfer-Encoding: 8bit"));
        assert!(written.contains(&format!("Grüße\r\n\r\n{link}\r\n")), "{written}");
    }

    #[test]
    fn what_cannot_stay_is_encoded() {
        assert!(written(&mail("s", "Grüße"), Transfer::SevenBit).is_ascii());
        let long = "x".repeat(2_000);
        for text in [&*long, "a\rb", "a\0b"] {
            let written = written(&mail("s", text), Transfer::EightBit);
            assert!(written.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\0'])), "{written}");
        }
    }

    #[test]
    fn no_subject_makes_a_header() {
        for subject in ["a\r\nBcc: eve@example.com", "a\nb", "a\rb", "a\0b", "a\u{85}b", "\u{7f}"] {
            assert!(matches!(check(&mail(subject, "")), Err(MailError::Refused(_))), "{subject:?}");
        }
        let long = "ü,: ".repeat(200);
        let written = written(&mail(&long, ""), Transfer::EightBit);
        let (head, _) = written.split_once("\r\n\r\n").expect("head and text");
        assert!(head.is_ascii() && head.split("\r\n").all(|line| line.len() <= 78), "{head}");
    }

    #[test]
    fn ids_go_up() {
        let ids: Vec<_> = (0..1000).map(|_| MailId::next()).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids.iter().map(|id| id.file_name()).collect::<BTreeSet<_>>().len(), 1000);
        assert!(ids.iter().map(|id| id.file_name()).is_sorted());
    }
}
