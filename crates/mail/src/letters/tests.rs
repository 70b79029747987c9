use std::fs;

use lyceum_domain::{sessions::Secret, time::Timestamp, users::Username};
use tempfile::TempDir;

use super::*;

fn site() -> Site {
    Site { name: "Lyceum".to_owned(), public_url: "https://lyceum.example".to_owned() }
}

/// 25 November 2026, 10:43:59 UTC.
fn time() -> Timestamp {
    Timestamp::from_micros(1_795_603_439_000_000).expect("a time")
}

fn ada() -> Username {
    Username::parse("ada_l").expect("a name")
}

fn verify_email(link: &str, code: &str) -> Letter {
    Letter::VerifyEmail {
        username: ada(),
        link: Secret::new(link.to_owned()),
        code: Secret::new(code.to_owned()),
        expires_at: time(),
    }
}

fn good_verify_email() -> Letter {
    verify_email("https://lyceum.example/verify-email?token=Ab-_9", "Ab-_9")
}

fn locale(tag: &str) -> Locale {
    Locale::parse(tag).expect("a tag")
}

fn write(letters: &TemplateLetters, letter: &Letter, tag: &str) -> WrittenLetter {
    letters.write(letter, &locale(tag)).expect("written")
}

fn built_in(letter: &Letter) -> String {
    let WrittenLetter { subject, text, .. } = write(&TemplateLetters::new(site()).expect("letters"), letter, "en");
    format!("{subject}\n\n{text}")
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    folder
}

fn refused(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let error = TemplateLetters::with_folder(site(), folder.path()).map(|_| ()).expect_err("refused").to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn verify_email_says() {
    insta::assert_snapshot!(built_in(&good_verify_email()), @r##"
    Confirm your address for Lyceum

    Hello ada_l,

    somebody, most likely you, gave this address for an account at Lyceum.
    To confirm that the address is yours, open this link:

    https://lyceum.example/verify-email?token=Ab-_9

    It works once, until 25 November 2026, 10:43 UTC.

    Where the link leads nowhere, this is the code: Ab-_9

    If it was not you, leave the link closed and do nothing: without it the address
    is not used.

    Lyceum, https://lyceum.example
    "##);
}

#[test]
fn already_registered_says() {
    let letter = Letter::AlreadyRegistered {
        username: ada(),
        sign_in_link: "https://lyceum.example/login".to_owned(),
        reset_link: "https://lyceum.example/forgot-password".to_owned(),
    };
    insta::assert_snapshot!(built_in(&letter), @r##"
    You have an account at Lyceum already

    Hello ada_l,

    somebody, perhaps you, wanted to open an account at Lyceum with this
    address. You have one already, and nothing about it was changed.

    Sign in here:

    https://lyceum.example/login

    If you no longer know the password, set another one here:

    https://lyceum.example/forgot-password

    If it was not you, there is nothing to do. Whoever it was did not learn that you
    have an account.

    Lyceum, https://lyceum.example
    "##);
}

#[test]
fn reset_password_says() {
    let letter = Letter::ResetPassword {
        username: ada(),
        link: Secret::new("https://lyceum.example/reset-password?token=Ab-_9".to_owned()),
        code: Secret::new("Ab-_9".to_owned()),
        expires_at: time(),
    };
    insta::assert_snapshot!(built_in(&letter), @r##"
    Set another password for Lyceum

    Hello ada_l,

    somebody, most likely you, asked to set another password for your account at
    Lyceum. Open this link to do so:

    https://lyceum.example/reset-password?token=Ab-_9

    It works once, until 25 November 2026, 10:43 UTC.

    Where the link leads nowhere, this is the code: Ab-_9

    If it was not you, leave the link closed and do nothing: your password stays as
    it is.

    Lyceum, https://lyceum.example
    "##);
}

#[test]
fn password_changed_says() {
    let letter = Letter::PasswordChanged {
        username: ada(),
        at: time(),
        reset_link: "https://lyceum.example/forgot-password".to_owned(),
    };
    insta::assert_snapshot!(built_in(&letter), @r##"
    Your password for Lyceum was changed

    Hello ada_l,

    the password of your account at Lyceum was changed on
    25 November 2026, 10:43 UTC.

    If it was you, there is nothing to do.

    If it was not you, set another password now. That also signs out everybody who
    is signed in to your account:

    https://lyceum.example/forgot-password

    Lyceum, https://lyceum.example
    "##);
}

#[test]
fn account_deleted_says() {
    insta::assert_snapshot!(built_in(&Letter::AccountDeleted { username: ada(), erased_at: time() }), @r##"
    Your account at Lyceum was deleted

    Hello ada_l,

    your account at Lyceum was deleted. Nobody can sign in to it, and after
    25 November 2026, 10:43 UTC nothing is left of it.

    If it was you, there is nothing to do.

    If it was not you, write to those who run Lyceum before that time:
    until then it can be brought back.

    Lyceum, https://lyceum.example
    "##);
}

#[test]
fn the_html_says_the_same() {
    let letters = TemplateLetters::new(site()).expect("letters");
    insta::assert_snapshot!(write(&letters, &good_verify_email(), "en").html, @r##"
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="supported-color-schemes" content="light dark">
    <title>Lyceum</title>
    </head>
    <body style="margin: 0; padding: 0;">
    <div style="max-width: 36em; margin: 0 auto; padding: 24px 16px; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere;">

    <p>Hello ada_l,</p>
    <p>somebody, most likely you, gave this address for an account at Lyceum.</p>
    <p style="margin: 24px 0;">
    <a href="https:&#x2f;&#x2f;lyceum.example&#x2f;verify-email?token=Ab-_9"
    style="display: inline-block; padding: 12px 20px; border-radius: 6px; background: #1d4ed8; color: #ffffff; text-decoration: none;">Confirm this address</a></p>
    <p>The link works once, until 25 November 2026, 10:43 UTC.</p>
    <p>Where the link leads nowhere, this is the code:<br>
    <code style="font-size: 14px;">Ab-_9</code></p>
    <p>If it was not you, leave the link closed and do nothing: without it the address is not used.</p>

    <hr style="margin: 24px 0 16px; border: 0; border-top: 1px solid #8888;">
    <p style="font-size: 14px;">Lyceum,
    <a href="https:&#x2f;&#x2f;lyceum.example">https:&#x2f;&#x2f;lyceum.example</a></p>
    </div>
    </body>
    </html>
    "##);
}

#[test]
fn letters_go_on_their_way_unencoded_and_load_nothing() {
    let letters = TemplateLetters::new(site()).expect("letters");
    for letter in words::samples() {
        let WrittenLetter { text, html, .. } = write(&letters, &letter, "en");
        for part in [&text, &html] {
            assert!(part.is_ascii() && part.lines().all(|line| line.len() <= 200), "{part}");
        }
        for loading in ["<img", "<link", "<script", "url(", "src=", "@import"] {
            assert!(!html.contains(loading), "{loading}: {html}");
        }
    }
}

#[test]
fn hostile_values_are_text_and_nothing_else() {
    let hostile = "\"'><script>alert(1)</script>\r\n\r\n<img src=x>&{{ code }}{% include \"layout.html\" %}";
    let site = Site { name: "<script>'\"&".to_owned(), public_url: hostile.to_owned() };
    let letters = TemplateLetters::new(site).expect("letters");
    let letter =
        Letter::AlreadyRegistered { username: ada(), sign_in_link: hostile.to_owned(), reset_link: hostile.to_owned() };
    for letter in [letter, verify_email(hostile, hostile)] {
        let WrittenLetter { subject, html, .. } = write(&letters, &letter, "en");
        assert!(!subject.contains(char::is_control), "{subject:?}");
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("\"'>"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(1)") && html.contains("{{ code }}"), "{html}");
    }
}

#[test]
fn a_site_name_that_would_break_a_header_is_refused() {
    for name in ["", " ", "Lyceum\r\nBcc: eve@example.com", "Lyceum\n"] {
        let refused = TemplateLetters::new(Site { name: name.to_owned(), ..site() }).map(|_| ());
        assert!(matches!(refused, Err(LettersError::SiteName)), "{name:?}");
    }
}

#[test]
fn a_file_of_the_operator_stands_for_the_one_built_in() {
    let folder = folder(&[
        ("verify_email.subject.txt", "Welcome to {{ site_name }}\n"),
        ("layout.html", "<p>{% block letter %}{% endblock %}</p>{% include '_imprint.html' %}"),
        ("_imprint.html", "<p>Ours & yours: {{ public_url }}</p>"),
        ("README.md", "no template {{"),
        (".draft.txt", "{{"),
    ]);
    let letters = TemplateLetters::with_folder(site(), folder.path()).expect("letters");
    let written = write(&letters, &good_verify_email(), "en");
    assert_eq!(written.subject, "Welcome to Lyceum");
    assert!(written.text.starts_with("Hello ada_l,"));
    assert!(written.html.ends_with("</p><p>Ours & yours: https:&#x2f;&#x2f;lyceum.example</p>\n"), "{}", written.html);
}

#[test]
fn the_most_specific_language_that_has_the_letter_writes_it() {
    let text = "{{ language }}: {{ link }} {{ expires_at_iso }}";
    let html = "{% extends 'layout.html' %}{% block letter %}{{ link }}{% endblock %}";
    let folder = folder(&[
        ("de/layout.html", "<p lang=\"{{ language }}\">{% block letter %}{% endblock %}</p>"),
        ("de/verify_email.subject.txt", "Hallo"),
        ("de/verify_email.txt", text),
        ("de/verify_email.html", html),
        ("de/account_deleted.subject.txt", "Fort"),
        ("de/account_deleted.txt", "Fort"),
        ("de/account_deleted.html", "Fort"),
        ("de-AT/verify_email.subject.txt", "Servus"),
        ("de-AT/verify_email.txt", text),
        ("de-AT/verify_email.html", html),
    ]);
    let letters = TemplateLetters::with_folder(site(), folder.path()).expect("letters");
    let subject = |tag| write(&letters, &good_verify_email(), tag).subject;
    for (tag, expected) in [
        ("de", "Hallo"),
        ("DE-ch", "Hallo"),
        ("de-at", "Servus"),
        ("de-AT-1996", "Servus"),
        ("en", "Confirm your address for Lyceum"),
        ("fr", "Confirm your address for Lyceum"),
        ("den", "Confirm your address for Lyceum"),
    ] {
        assert_eq!(subject(tag), expected, "{tag}");
    }
    let austrian = write(&letters, &good_verify_email(), "de-AT");
    assert!(austrian.text.starts_with("de-AT: https://") && austrian.text.ends_with(" 2026-11-25 10:43 UTC\n"));
    assert!(austrian.html.starts_with("<p lang=\"de-AT\">"), "the layout of the language: {}", austrian.html);
    // A letter that the language lacks comes from the next one, layout and all.
    let deleted = Letter::AccountDeleted { username: ada(), erased_at: time() };
    assert_eq!(write(&letters, &deleted, "de-AT").subject, "Fort");
    let changed = Letter::PasswordChanged { username: ada(), at: time(), reset_link: String::new() };
    assert!(write(&letters, &changed, "de").html.contains("<html lang=\"en\">"));
}

#[test]
fn what_is_broken_is_found_when_it_is_read() {
    for (file, text, place) in [
        ("verify_email.txt", "{{ link }}\n\n{% if %}", "verify_email.txt:3: "),
        ("verify_email.html", "{{ link }}\n{{ lnik }}", "verify_email.html:2: undefined value"),
        ("verify_email.html", "{{ link }}\n{% include 'x.html' %}", "verify_email.html:2: template not found"),
        ("password_changed.txt", "{{ code }}", "password_changed.txt:1: undefined value"),
        ("layout.html", "\n\n\n{{ colour }}", "layout.html:4: undefined value"),
        ("_code.html", "\n{{ cod }}", "_code.html:2: undefined value"),
        ("verify_email.subject.txt", "One\nTwo", "verify_email.subject.txt: the subject has to be one line"),
        ("verify_email.subject.txt", " \n", "verify_email.subject.txt: the subject has to be one line"),
        ("reset_password.txt", "Hello", "reset_password.txt: the link is not in it"),
        ("reset_password.html", "Hello", "reset_password.html: the link is not in it"),
        ("verify-email.txt", "{{ link }}", "verify-email.txt is neither"),
        ("not_a_tag/verify_email.txt", "{{ link }}", "not_a_tag is neither"),
        ("de/at/verify_email.txt", "{{ link }}", "de/at is neither"),
        ("de/verify_email.txt", "{{ link }}", "de/verify_email.subject.txt is missing"),
    ] {
        let error = refused(&[(file, text)]);
        assert!(error.starts_with(place), "{file}: {error}");
    }
}

#[test]
fn a_folder_that_cannot_be_read_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let missing = folder.path().join("missing");
    let refused = TemplateLetters::with_folder(site(), &missing).map(|_| ());
    assert!(matches!(refused, Err(LettersError::Read { path, .. }) if path == missing));
}

#[test]
fn a_template_that_fails_later_tells_no_secret() {
    // Good with the sample, which is longer.
    let text = "{{ link }}\n{% if code|length < 9 %}{{ link + 1 }}{% endif %}";
    let folder = folder(&[("verify_email.txt", text)]);
    let letters = TemplateLetters::with_folder(site(), folder.path()).expect("letters");
    let Err(MailError::Unavailable(cause)) = letters.write(&good_verify_email(), &locale("en")) else {
        panic!("unavailable");
    };
    assert_eq!(cause.to_string(), format!("a template failed: {}:2", folder.path().join("verify_email.txt").display()));
}

#[test]
fn the_samples_are_good_and_of_each_letter() {
    let names: Vec<_> = words::letter_names().collect();
    let expected = ["verify_email", "already_registered", "reset_password", "password_changed", "account_deleted"];
    assert_eq!(names, expected);
}
