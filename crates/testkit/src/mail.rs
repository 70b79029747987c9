//! A mailer that keeps what it is given, and a writer of letters that a test can read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lyceum_domain::{
    mail::{Letter, LetterWriter, Mail, MailError, Mailer, WrittenLetter},
    users::{Email, Locale},
};

/// Keeps mails instead of sending them. Its clones share one box.
#[derive(Debug, Clone, Default)]
pub struct MemoryMailer {
    post: Arc<Mutex<Post>>,
}

#[derive(Debug, Default)]
struct Post {
    sent: Vec<Mail>,
    mood: Mood,
}

#[derive(Debug, Default, Clone, Copy)]
enum Mood {
    #[default]
    Works,
    Away,
    Refuses,
}

impl MemoryMailer {
    /// An empty box.
    pub fn new() -> Self {
        Self::default()
    }

    /// All mails, oldest first.
    pub fn sent(&self) -> Vec<Mail> {
        self.post().sent.clone()
    }

    /// The last mail to this address.
    pub fn last_to(&self, to: &Email) -> Option<Mail> {
        self.post().sent.iter().rev().find(|mail| mail.to == *to).cloned()
    }

    /// From now on the mail server cannot be reached.
    pub fn go_away(&self) {
        self.post().mood = Mood::Away;
    }

    /// From now on the mail server takes nothing.
    pub fn refuse(&self) {
        self.post().mood = Mood::Refuses;
    }

    /// From now on all is well again.
    pub fn recover(&self) {
        self.post().mood = Mood::Works;
    }

    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Mailer for MemoryMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let mut post = self.post();
        match post.mood {
            Mood::Works => {
                post.sent.push(mail.clone());
                Ok(())
            }
            Mood::Away => {
                Err(MailError::Unavailable(format!("451 <{}>: the mailer was told to be away", mail.to).into()))
            }
            // Servers quote whom they refuse, in a spelling of their own.
            Mood::Refuses => {
                let to = mail.to.as_str().to_uppercase();
                Err(MailError::Refused(format!("550 5.1.1 <{to}>: the mailer was told to refuse")))
            }
        }
    }

    async fn check(&self) -> Result<(), MailError> {
        match self.post().mood {
            Mood::Works | Mood::Refuses => Ok(()),
            Mood::Away => Err(MailError::Unavailable("the mailer was told to be away".into())),
        }
    }
}

/// Writes letters as lines of `name: value`, the letter's own name as the subject.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainLetters;

impl LetterWriter for PlainLetters {
    fn write(&self, letter: &Letter, locale: &Locale) -> Result<WrittenLetter, MailError> {
        let lines: Vec<(&str, String)> = match letter {
            Letter::VerifyEmail { username, link, code, expires_at }
            | Letter::ResetPassword { username, link, code, expires_at } => vec![
                ("username", username.to_string()),
                ("link", link.expose().to_owned()),
                ("code", code.expose().to_owned()),
                ("expires_at", expires_at.to_string()),
            ],
            Letter::AlreadyRegistered { username, sign_in_link, reset_link } => vec![
                ("username", username.to_string()),
                ("sign_in_link", sign_in_link.clone()),
                ("reset_link", reset_link.clone()),
            ],
            Letter::PasswordChanged { username, at, reset_link } => {
                vec![("username", username.to_string()), ("at", at.to_string()), ("reset_link", reset_link.clone())]
            }
            Letter::AccountDeleted { username, erased_at } => {
                vec![("username", username.to_string()), ("erased_at", erased_at.to_string())]
            }
        };
        let text = lines.iter().fold(String::new(), |text, (name, value)| text + name + ": " + value + "\n");
        let html = format!("<pre lang=\"{locale}\">{text}</pre>");
        Ok(WrittenLetter { subject: letter.name().to_owned(), text, html })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::SequentialIds;
    use lyceum_domain::ids::OutboxMailId;

    fn mail(to: &str, subject: &str) -> Mail {
        Mail {
            id: OutboxMailId::new(&SequentialIds),
            to: Email::parse(to).unwrap(),
            subject: subject.to_owned(),
            text: String::new(),
            html: String::new(),
        }
    }

    #[tokio::test]
    async fn mails_are_kept_in_order() {
        let mailer = MemoryMailer::new();
        for (to, subject) in [("a@example.com", "1"), ("b@example.com", "2"), ("a@example.com", "3")] {
            mailer.send(&mail(to, subject)).await.unwrap();
        }
        assert_eq!(mailer.sent().len(), 3);
        assert_eq!(mailer.last_to(&Email::parse("A@example.com").unwrap()).unwrap().subject, "3");
        assert_eq!(mailer.last_to(&Email::parse("c@example.com").unwrap()), None);
    }

    #[tokio::test]
    async fn a_mailer_fails_as_it_is_told() {
        let mailer = MemoryMailer::new();
        let mail = mail("a@example.com", "1");
        mailer.go_away();
        assert!(matches!(mailer.send(&mail).await, Err(MailError::Unavailable(_))));
        assert!(mailer.check().await.is_err());
        mailer.refuse();
        assert!(matches!(mailer.send(&mail).await, Err(MailError::Refused(_))));
        mailer.recover();
        assert!(mailer.send(&mail).await.is_ok());
        assert_eq!(mailer.sent(), [mail]);
    }
}
