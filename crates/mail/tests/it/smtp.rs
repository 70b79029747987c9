//! Mail to a server.

use std::time::{Duration, Instant};

use lyceum_domain::mail::{MailError, Mailer};
use lyceum_mail::{SmtpMailer, SmtpSettings, SmtpSettingsError};
use tokio::{net::TcpListener, time};

use crate::{
    mail, sender,
    server::{Manners, Server},
};

pub fn mailer(url: &str) -> SmtpMailer {
    mailer_within(url, Duration::from_secs(5))
}

fn mailer_within(url: &str, timeout: Duration) -> SmtpMailer {
    SmtpMailer::new(SmtpSettings { url: url.into(), from: sender(), timeout }).expect("a good URL")
}

fn url(server: &Server) -> String {
    format!("smtp://{}", server.address)
}

/// What becomes of a mail if a command is answered so.
async fn answered(command: &'static str, answer: &'static str) -> Result<(), MailError> {
    let server = Server::start(Manners { answer: Some((command, answer)), ..Manners::default() }).await;
    let url = format!("smtp://ada:secret@{}", server.address);
    let sent = mailer(&url).send(&mail("ada@example.com", "Hello")).await;
    assert!(server.mails().is_empty());
    sent
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let server = Server::start(Manners::default()).await;
    let link = format!("https://example.org/verify?token={}", "x".repeat(200));
    let text = format!("Grüße,\n.\n..dots\n{link}\n");
    mailer(&url(&server)).send(&mail("ada@example.com", &text)).await.expect("sent");
    let [mail] = &server.mails()[..] else { panic!("one mail") };
    assert!(mail.contains("To: ada@example.com\r\n") && mail.contains("Subject: Welcome\r\n"), "{mail}");
    // Dots that begin a line are doubled on the way (RFC 5321, section 4.5.2).
    assert!(mail.contains(&format!("Grüße,\r\n..\r\n...dots\r\n{link}\r\n")), "{mail}");
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(Manners::default()).await;
    let mailer = mailer(&url(&server));
    mailer.check().await.expect("good");
    for _ in 0..5 {
        // The last mail's connection is put back by a task of its own.
        time::sleep(Duration::from_millis(20)).await;
        mailer.send(&mail("ada@example.com", "Hello")).await.expect("sent");
    }
    assert_eq!((server.mails().len(), server.connections()), (5, 1));
}

#[tokio::test]
async fn a_server_that_takes_ascii_alone_gets_that() {
    let server = Server::start(Manners { ascii: true, ..Manners::default() }).await;
    mailer(&url(&server)).send(&mail("ada@example.com", "Grüße aus Köln, und noch mehr.")).await.expect("sent");
    let [mail] = &server.mails()[..] else { panic!("one mail") };
    assert!(mail.is_ascii() && mail.contains("Gr=C3=BC=C3=9Fe"), "{mail}");
}

#[tokio::test]
async fn what_is_refused_for_good_is_refused() {
    for command in ["MAIL", "RCPT", "DATA"] {
        let sent = answered(command, "550 no such mailbox").await;
        assert!(matches!(&sent, Err(MailError::Refused(why)) if why.contains("550")), "{command}: {sent:?}");
    }
}

#[tokio::test]
async fn what_is_put_off_is_unavailable() {
    for command in ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"] {
        let sent = answered(command, "451 later").await;
        assert!(matches!(sent, Err(MailError::Unavailable(_))), "{command}: {sent:?}");
    }
}

#[tokio::test]
async fn our_own_bad_password_is_not_the_fault_of_the_mail() {
    for (command, answer) in [("AUTH", "535 bad password"), ("MAIL", "530 sign in first"), ("AUTH", "534 too weak")] {
        let sent = answered(command, answer).await;
        assert!(matches!(sent, Err(MailError::Unavailable(_))), "{answer}: {sent:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let mailer = mailer(&format!("smtp://{free}"));
    assert!(matches!(mailer.send(&mail("ada@example.com", "Hello")).await, Err(MailError::Unavailable(_))));
    assert!(matches!(mailer.check().await, Err(MailError::Unavailable(_))));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() {
    for verb in ["EHLO", "MAIL", "DATA", "(the end of DATA)"] {
        let server = Server::start(Manners { hang: Some(verb), ..Manners::default() }).await;
        let mailer = mailer_within(&url(&server), Duration::from_millis(200));
        let begin = Instant::now();
        let sent = mailer.send(&mail("ada@example.com", "Hello")).await;
        assert!(matches!(sent, Err(MailError::Unavailable(_))), "{verb}: {sent:?}");
        assert!(begin.elapsed() < Duration::from_secs(2), "{verb}");
    }
}

#[tokio::test]
async fn a_conversation_that_was_left_is_not_taken_up_by_the_next_mail() {
    let server = Server::start(Manners { hang: Some("(the end of DATA)"), ..Manners::default() }).await;
    let mailer = mailer_within(&url(&server), Duration::from_secs(5));
    // Whoever sent it has gone away.
    let hello = mail("ada@example.com", "Hello");
    assert!(time::timeout(Duration::from_millis(200), mailer.send(&hello)).await.is_err());
    time::sleep(Duration::from_millis(50)).await;
    mailer.check().await.expect("a connection of its own");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn nothing_goes_to_a_placeholder() {
    let server = Server::start(Manners::default()).await;
    let sent = mailer(&url(&server)).send(&mail("7f3a@placeholder.invalid", "Hello")).await;
    assert!(matches!(sent, Err(MailError::Refused(why)) if why.contains("placeholder")));
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_url_that_is_not_good_is_refused_and_not_quoted() {
    for url in ["", "mail.example.org", "hunter2:x@example.org", "http://a:hunter2@b", "smtp://a:hunter2@b?tls=yes"] {
        let refused =
            SmtpMailer::new(SmtpSettings { url: url.into(), from: sender(), timeout: Duration::from_secs(1) });
        let error = refused.map(|_| ()).expect_err("refused");
        assert_eq!(error, SmtpSettingsError::Url);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    for url in ["smtps://a:b@c.example", "smtp://c.example:2525?tls=required", "smtp://c.example?tls=opportunistic"] {
        let printed = format!("{:?}", mailer(&url.replace("a:b", "ada:hunter2")));
        assert!(!printed.contains("hunter2") && !printed.contains("ada:"), "{printed}");
    }
}

#[test]
fn a_mailer_may_outlive_its_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mailer = runtime.block_on(async {
        let server = Server::start(Manners::default()).await;
        let mailer = mailer(&url(&server));
        mailer.send(&mail("ada@example.com", "Hello")).await.expect("sent");
        mailer
    });
    drop(runtime);
    drop(mailer);
}
