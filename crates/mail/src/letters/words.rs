//! What templates are filled in with.

use std::time::SystemTime;

use lyceum_domain::{mail::Letter, sessions::Secret, time::Timestamp, users::Username};
use minijinja::{Value, context};

use super::Site;

/// The code in samples. It needs no escape anywhere.
pub(super) const SAMPLE_CODE: &str = "sample-code_1";

/// What the templates of a letter know.
pub(super) fn of(letter: &Letter, site: &Site, language: &str) -> Value {
    let own = match letter {
        Letter::VerifyEmail { username, link, code, expires_at }
        | Letter::ResetPassword { username, link, code, expires_at } => context! {
            username => username.as_str(),
            link => link.expose(),
            code => code.expose(),
            expires_at => in_english(*expires_at),
            expires_at_iso => in_digits(*expires_at),
        },
        Letter::AlreadyRegistered { username, sign_in_link, reset_link } => context! {
            username => username.as_str(),
            sign_in_link => sign_in_link,
            reset_link => reset_link,
        },
        Letter::PasswordChanged { username, at, reset_link } => context! {
            username => username.as_str(),
            changed_at => in_english(*at),
            changed_at_iso => in_digits(*at),
            reset_link => reset_link,
        },
        Letter::AccountDeleted { username, erased_at } => context! {
            username => username.as_str(),
            erased_at => in_english(*erased_at),
            erased_at_iso => in_digits(*erased_at),
        },
    };
    context! {
        site_name => site.name.as_str(),
        public_url => site.public_url.as_str(),
        language => language,
        ..own
    }
}

/// Cut to the minute, so that nothing lasts shorter than was said.
fn in_english(at: Timestamp) -> String {
    at.as_datetime().format("%-d %B %Y, %H:%M UTC").to_string()
}

fn in_digits(at: Timestamp) -> String {
    at.as_datetime().format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The secret that a letter is all about, if there is one.
pub(super) const fn code(letter: &Letter) -> Option<&Secret> {
    match letter {
        Letter::VerifyEmail { code, .. } | Letter::ResetPassword { code, .. } => Some(code),
        Letter::AlreadyRegistered { .. } | Letter::PasswordChanged { .. } | Letter::AccountDeleted { .. } => None,
    }
}

/// One of each letter.
#[expect(clippy::expect_used, reason = "the name in the samples is a good one, as a test shows")]
pub(super) fn samples() -> [Letter; 5] {
    let username = Username::parse("ada_l").expect("a username");
    let at = Timestamp::new(SystemTime::UNIX_EPOCH.into());
    let (link, code) = (Secret::new(format!("https://example.org/?token={SAMPLE_CODE}")), SAMPLE_CODE.to_owned());
    let code = Secret::new(code);
    let page = "https://example.org/page".to_owned();
    [
        Letter::VerifyEmail { username: username.clone(), link: link.clone(), code: code.clone(), expires_at: at },
        Letter::AlreadyRegistered { username: username.clone(), sign_in_link: page.clone(), reset_link: page.clone() },
        Letter::ResetPassword { username: username.clone(), link, code, expires_at: at },
        Letter::PasswordChanged { username: username.clone(), at, reset_link: page },
        Letter::AccountDeleted { username, erased_at: at },
    ]
}

/// What the letters are called.
pub(super) fn letter_names() -> impl Iterator<Item = &'static str> {
    samples().into_iter().map(|letter| letter.name())
}
