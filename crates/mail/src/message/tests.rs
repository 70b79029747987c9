use lyceum_domain::users::Email;

use super::*;

const HTML: &str = "<p>Hello.</p>\n";

fn mail(subject: &str, text: &str, html: &str) -> Mail {
    Mail {
        id: "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("an id"),
        to: Email::parse("ada@example.com").expect("an address"),
        subject: subject.to_owned(),
        text: text.to_owned(),
        html: html.to_owned(),
    }
}

fn written(mail: &Mail, transfer: Transfer) -> String {
    let from = "Lyceum <noreply@example.org>".parse().expect("a sender");
    let message = build(mail, &from, transfer).expect("built");
    String::from_utf8(message.formatted()).expect("UTF-8")
}

/// The mail with its date and its boundary, which are others each time, taken out, and its parts laid on lines.
fn redacted(written: &str) -> String {
    let boundary = written.split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a boundary");
    let lines = written.split("\r\n").map(|line| line.replace(boundary, "BOUNDARY"));
    lines.filter(|line| !line.starts_with("Date: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_mail_has_all_its_headers_and_both_its_parts() {
    let written = written(&mail("Welcome", "Hello.\nBye.\n", HTML), Transfer::EightBit);
    assert!(written.contains("\r\nDate: "), "{written}");
    insta::assert_snapshot!(redacted(&written), @r##"
    From: Lyceum <noreply@example.org>
    To: ada@example.com
    Subject: Welcome
    Message-ID: <01890a5d-ac96-774b-bcce-b302099a8057@example.org>
    Auto-Submitted: auto-generated
    MIME-Version: 1.0
    Content-Type: multipart/alternative;
     boundary="BOUNDARY"

    --BOUNDARY
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: 7bit

    Hello.
    Bye.

    --BOUNDARY
    Content-Type: text/html; charset=utf-8
    Content-Transfer-Encoding: 7bit

    <p>Hello.</p>

    --BOUNDARY--
    "##);
}

#[test]
fn a_repetition_has_the_same_id_and_another_mail_has_another() {
    let id_of = |mail: &Mail| {
        let written = written(mail, Transfer::EightBit);
        written.lines().find(|line| line.starts_with("Message-ID: ")).expect("an id").to_owned()
    };
    let one = mail("Welcome", "Hello.", HTML);
    let mut other = one.clone();
    assert_eq!(id_of(&one), "Message-ID: <01890a5d-ac96-774b-bcce-b302099a8057@example.org>");
    assert_eq!(id_of(&one), id_of(&other));
    other.id = "01890a5d-ac96-774b-bcce-b302099a8058".parse().expect("an id");
    assert_ne!(id_of(&one), id_of(&other));
}

#[test]
fn links_stay_on_one_line_in_both_parts() {
    let link = format!("https://example.org/verify?token={}", "x=".repeat(300));
    let mail = mail("s", &format!("Grüße\r\n\n{link}\n"), &format!("<p>Grüße</p>\n<a href=\"{link}\">"));
    let written = written(&mail, Transfer::EightBit);
    assert_eq!(written.matches("Content-Transfer-Encoding: 8bit").count(), 2);
    assert!(written.contains(&format!("Grüße\r\n\r\n{link}\r\n")), "{written}");
    assert!(written.contains(&format!("<p>Grüße</p>\r\n<a href=\"{link}\">")), "{written}");
}

#[test]
fn what_cannot_stay_is_encoded() {
    assert!(written(&mail("s", "Grüße", "<p>Grüße</p>"), Transfer::SevenBit).is_ascii());
    let long = "x".repeat(2_000);
    for text in [&*long, "a\rb", "a\0b"] {
        for mail in [mail("s", text, HTML), mail("s", "Hello", text)] {
            let written = written(&mail, Transfer::EightBit);
            assert!(written.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\0'])), "{written}");
            assert_eq!(written.matches("quoted-printable").count(), 1);
        }
    }
}

#[test]
fn no_subject_makes_a_header() {
    for subject in ["a\r\nBcc: eve@example.com", "a\nb", "a\rb", "a\0b", "a\u{85}b", "\u{7f}"] {
        assert!(matches!(check(&mail(subject, "", "")), Err(MailError::Refused(_))), "{subject:?}");
    }
    let long = "ü,: ".repeat(200);
    let written = written(&mail(&long, "", ""), Transfer::EightBit);
    let (head, _) = written.split_once("\r\n\r\n").expect("head and parts");
    assert!(head.is_ascii() && head.split("\r\n").all(|line| line.len() <= 78), "{head}");
}
