//! Mail: the adapters behind the domain's ports [`Mailer`](lyceum_domain::mail::Mailer), which sends it, and
//! [`LetterWriter`](lyceum_domain::mail::LetterWriter), which puts it into words.
//!
//! [`FolderMailer`] puts each mail into a file, for development and tests; [`SmtpMailer`] hands it to a mail server
//! (RFC 5321). Both write the same (RFC 5322): the text and the HTML as alternatives, in UTF-8, neither of them encoded
//! where that can be avoided; a `Message-ID` from the mail's id and the sender's domain, the same at each attempt; and
//! `Auto-Submitted: auto-generated` (RFC 3834), so that no machine answers. Both refuse
//! * an address at `placeholder.invalid`, which stands for "none is known";
//! * a subject with a control character, which could end the line and begin another header.
//!
//! [`TemplateLetters`] writes the letters from templates. Those in `templates/` are built in; an operator's folder may
//! hold others, and other languages.
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
