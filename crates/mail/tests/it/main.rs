//! Both mailers from outside.
#![allow(clippy::expect_used, clippy::panic, missing_docs)]

mod folder;
mod server;
mod smtp;
mod tls;

use lyceum_domain::{mail::Mail, users::Email};
use lyceum_mail::Sender;

fn mail(to: &str, text: &str) -> Mail {
    Mail {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("an id"),
        to: Email::parse(to).expect("an address"),
        subject: "Welcome".to_owned(),
        text: text.to_owned(),
        html: format!("<p>{text}</p>"),
    }
}

fn sender() -> Sender {
    "Lyceum <noreply@example.org>".parse().expect("a sender")
}
