//! Outgoing mail.

use std::path::Path;

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
    /// The folder of templates that replace the built-in ones; from the working directory. Default empty: the built-in
    /// ones. Use [`templates_dir`](Self::templates_dir).
    pub templates_dir: String,
    /// Mails of one kind to one address within an hour; those beyond are dropped. Default 10.
    pub max_per_hour: u32,
    /// What mails call this place. Default `Lyceum`.
    pub site_name: String,
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
            templates_dir: String::new(),
            max_per_hour: 10,
            site_name: "Lyceum".to_owned(),
        }
    }
}

impl MailSettings {
    /// The folder of templates that replace the built-in ones, if there is one.
    pub fn templates_dir(&self) -> Option<&Path> {
        Some(Path::new(&self.templates_dir)).filter(|dir| !dir.as_os_str().is_empty())
    }
}
