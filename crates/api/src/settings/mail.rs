//! Outgoing mail.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::masking;

/// Outgoing mail. `Debug` and `Serialize` hide the password.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct MailSettings {
    /// How mails leave. Default `smtp`, in development and test `folder`.
    pub transport: MailTransport,
    /// `smtp://…` or `smtps://…`; it may hold a password. Default empty; the transport `smtp` needs one.
    #[serde(serialize_with = "masking::url")]
    pub smtp_url: SecretString,
    /// The sender. Default `Lyceum <no-reply@localhost>`.
    pub from: String,
    /// The longest time to hand over one mail, in seconds. Default 10.
    pub timeout_seconds: u64,
}

/// How mails leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// As files into `mail/` in the data folder.
    Folder,
    /// To an SMTP server.
    Smtp,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            transport: MailTransport::Smtp,
            smtp_url: SecretString::default(),
            from: "Lyceum <no-reply@localhost>".to_owned(),
            timeout_seconds: 10,
        }
    }
}
