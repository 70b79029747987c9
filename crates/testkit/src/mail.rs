//! A mailer that keeps what it is given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lyceum_domain::{
    mail::{Mail, MailError, Mailer},
    users::Email,
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
            Mood::Away => Err(MailError::Unavailable("the mailer was told to be away".into())),
            Mood::Refuses => Err(MailError::Refused("the mailer was told to refuse".to_owned())),
        }
    }

    async fn check(&self) -> Result<(), MailError> {
        match self.post().mood {
            Mood::Works | Mood::Refuses => Ok(()),
            Mood::Away => Err(MailError::Unavailable("the mailer was told to be away".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str, subject: &str) -> Mail {
        Mail { to: Email::parse(to).unwrap(), subject: subject.to_owned(), text: String::new() }
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
