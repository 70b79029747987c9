//! Mail to a server that proves who it is, or cannot.

use std::{env, process::Command};

use lyceum_domain::mail::{MailError, Mailer};

use crate::{
    mail,
    server::{Manners, Server, Tls},
    smtp::mailer,
};

/// The file of the authority that signed the server's certificate.
const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/certificates/authority.pem");

/// `ada` with the password `secret`.
const ADA: &str = "AGFkYQBzZWNyZXQ=";

/// Runs `test`, whose name is `name`, where the authority is trusted: in a process of its own, for the environment says
/// whom to trust, and it must not be changed once there are threads.
fn trusting(name: &str, test: impl Future<Output = ()>) {
    if env::var_os("SSL_CERT_FILE").is_some_and(|file| file == AUTHORITY) {
        return run(test);
    }
    let myself = env::current_exe().expect("the test's own binary");
    let mut again = Command::new(myself);
    let again = again.args([&format!("tls::{name}"), "--exact", "--nocapture"]).env("SSL_CERT_FILE", AUTHORITY);
    let output = again.env_remove("SSL_CERT_DIR").output().expect("started");
    let (told, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("1 passed"), "{told}\n{why}");
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test);
}

/// Nothing arrived, not even a name, and another attempt may go well.
fn assert_nothing_was_told(sent: &Result<(), MailError>, server: &Server) {
    assert!(matches!(sent, Err(MailError::Unavailable(_))), "{sent:?}");
    assert!(server.mails().is_empty());
    for verb in ["AUTH", "MAIL", "RCPT", "DATA"] {
        assert_eq!(server.commands(verb), Vec::<bool>::new(), "{verb}");
    }
}

#[test]
fn a_server_with_starttls_gets_the_mail_over_it() {
    trusting("a_server_with_starttls_gets_the_mail_over_it", async {
        for tls in ["required", "opportunistic"] {
            let manners = Manners { tls: Some(Tls::StartTls), account: Some(ADA), ..Manners::default() };
            let server = Server::start(manners).await;
            let mailer = mailer(&format!("smtp://ada:secret@{}?tls={tls}", server.named_address()));
            mailer.check().await.expect("good");
            mailer.send(&mail("ada@example.com", "Hello")).await.expect("sent");
            assert_eq!(server.mails().len(), 1);
            // The last connection may be used again, or not yet.
            assert!(server.commands("STARTTLS").contains(&false), "{tls}");
            for verb in ["AUTH", "MAIL", "RCPT", "DATA"] {
                let commands = server.commands(verb);
                assert!(!commands.is_empty() && commands.iter().all(|over_tls| *over_tls), "{tls}: {verb}");
            }
        }
    });
}

#[test]
fn a_server_with_tls_from_the_start_gets_the_mail() {
    trusting("a_server_with_tls_from_the_start_gets_the_mail", async {
        let server = Server::start(Manners { tls: Some(Tls::Always), account: Some(ADA), ..Manners::default() }).await;
        let mailer = mailer(&format!("smtps://ada:secret@{}", server.named_address()));
        mailer.check().await.expect("good");
        mailer.send(&mail("ada@example.com", "Hello")).await.expect("sent");
        assert_eq!(server.mails().len(), 1);
    });
}

#[test]
fn a_wrong_password_or_none_is_unavailable() {
    trusting("a_wrong_password_or_none_is_unavailable", async {
        for user in ["ada:wrong@", "eve:secret@", ""] {
            let manners = Manners { tls: Some(Tls::StartTls), account: Some(ADA), ..Manners::default() };
            let server = Server::start(manners).await;
            let mailer = mailer(&format!("smtp://{user}{}?tls=required", server.named_address()));
            let sent = mailer.send(&mail("ada@example.com", "Hello")).await;
            assert!(matches!(sent, Err(MailError::Unavailable(_))), "{user}: {sent:?}");
            assert!(server.mails().is_empty(), "{user}");
            // Whoever does not sign in is not told before there is a mail.
            assert_eq!(mailer.check().await.is_err(), !user.is_empty(), "{user}");
        }
    });
}

#[test]
fn a_server_that_is_another_is_told_nothing() {
    trusting("a_server_that_is_another_is_told_nothing", async {
        for (tls, url) in [
            (Tls::Always, "smtps://ada:secret@HOST"),
            (Tls::StartTls, "smtp://ada:secret@HOST?tls=required"),
            (Tls::StartTls, "smtp://ada:secret@HOST?tls=opportunistic"),
        ] {
            let server = Server::start(Manners { tls: Some(tls), ..Manners::default() }).await;
            // The certificate is for `localhost`.
            let mailer = mailer(&url.replace("HOST", &server.address));
            assert_nothing_was_told(&mailer.send(&mail("ada@example.com", "Hello")).await, &server);
            assert!(mailer.check().await.is_err(), "{url}");
        }
    });
}

#[test]
fn a_server_that_nobody_vouches_for_is_told_nothing() {
    run(async {
        for (tls, url) in
            [(Tls::Always, "smtps://ada:secret@HOST"), (Tls::StartTls, "smtp://ada:secret@HOST?tls=required")]
        {
            let server = Server::start(Manners { tls: Some(tls), ..Manners::default() }).await;
            let mailer = mailer(&url.replace("HOST", &server.named_address()));
            assert_nothing_was_told(&mailer.send(&mail("ada@example.com", "Hello")).await, &server);
        }
    });
}

#[test]
fn a_server_without_starttls_is_told_nothing_where_it_is_required() {
    run(async {
        let server = Server::start(Manners::default()).await;
        let mailer = mailer(&format!("smtp://ada:secret@{}?tls=required", server.named_address()));
        assert_nothing_was_told(&mailer.send(&mail("ada@example.com", "Hello")).await, &server);
        assert!(mailer.check().await.is_err());
    });
}

#[test]
fn a_server_without_starttls_gets_the_mail_where_it_is_not() {
    run(async {
        let server = Server::start(Manners::default()).await;
        let mailer = mailer(&format!("smtp://{}?tls=opportunistic", server.named_address()));
        mailer.send(&mail("ada@example.com", "Hello")).await.expect("sent");
        assert_eq!((server.mails().len(), server.commands("MAIL")), (1, vec![false]));
    });
}
