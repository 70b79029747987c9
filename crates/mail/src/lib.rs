//! Mail: the adapters behind the domain's port [`Mailer`](lyceum_domain::mail::Mailer).
//!
//! [`FolderMailer`] puts each mail into a file, for development and tests; [`SmtpMailer`] hands it to a mail server
//! (RFC 5321). Both write the same: plain text in UTF-8 (RFC 5322, RFC 2045), and both refuse
//! * an address at `placeholder.invalid`, which stands for "none is known";
//! * a subject with a control character, which could end the line and begin another header.
//!
//! Nothing of a mail but the path of its file is ever logged: its text may hold a token.

mod folder;
mod letters;
mod message;
mod sender;
mod smtp;

pub use folder::FolderMailer;
pub use letters::{Fault, LettersError, Site, TemplateLetters};
pub use sender::{Sender, SenderError};
pub use smtp::{SmtpMailer, SmtpSettings, SmtpSettingsError};
