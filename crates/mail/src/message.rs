//! A mail as the internet wants it (RFC 5322).

use lettre::{
    Address, Message,
    message::{
        Body, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
};
use lyceum_domain::mail::{Mail, MailError};

use crate::sender::Sender;

/// The longest line of a text that is sent as it is, in bytes without its end (RFC 5322, section 2.1.1).
const MAX_LINE: usize = 998;

/// Keeps other machines from answering, with a note that the reader is on holiday (RFC 3834, section 5).
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

/// Which bytes the text may consist of on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// Any: it stays as it is, unless a line is too long.
    EightBit,
    /// ASCII alone: other letters are written with it, and lines are broken and marked so.
    SevenBit,
}

/// Whether the mail may be sent at all.
pub(crate) fn check(mail: &Mail) -> Result<(), MailError> {
    if mail.to.is_placeholder() {
        tracing::debug!("a mail to a placeholder address was not sent");
        return Err(MailError::Refused("the address is a placeholder: no real one is known".to_owned()));
    }
    if mail.subject.chars().any(char::is_control) {
        return Err(MailError::Refused("the subject has a control character".to_owned()));
    }
    Ok(())
}

/// Writes the mail: its text and, for whoever can show it, the same as HTML (RFC 2046, section 5.1.4). It has passed
/// [`check`].
pub(crate) fn build(mail: &Mail, from: &Sender, transfer: Transfer) -> Result<Message, MailError> {
    let refused = |what: &str| MailError::Refused(what.to_owned());
    let to: Address = mail.to.as_str().parse().map_err(|_| refused("the address cannot be written in a mail"))?;
    let part = |content_type, text| SinglePart::builder().header(content_type).body(body(text, transfer));
    Message::builder()
        .from(from.mailbox())
        .to(Mailbox::new(None, to))
        .subject(&*mail.subject)
        .date_now()
        // Not lettre's own, which tells the name of the machine and is another at each attempt.
        .message_id(Some(format!("<{}@{}>", mail.id, from.domain())))
        .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()))
        .multipart(
            // The last one is shown where both can be.
            MultiPart::alternative()
                .singlepart(part(ContentType::TEXT_PLAIN, &mail.text))
                .singlepart(part(ContentType::TEXT_HTML, &mail.html)),
        )
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
mod tests;
