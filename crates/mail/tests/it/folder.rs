//! Mail into files.

use std::{fs, path::Path};

use lyceum_domain::{
    mail::{Letter, LetterWriter, Mail, MailError, Mailer, WrittenLetter},
    sessions::Secret,
    time::Timestamp,
    users::{Locale, Username},
};
use lyceum_mail::{FolderMailer, Site, TemplateLetters};
use tempfile::TempDir;

use crate::{mail, sender};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[tokio::test]
async fn each_mail_is_a_file_and_they_sort_by_time() {
    let temp = TempDir::new().expect("a folder");
    let folder = temp.path().join("some").join("mails");
    let mailer = FolderMailer::new(&folder, sender());
    assert!(!folder.exists());
    for n in 0..20 {
        mailer.send(&mail("ada@example.com", &format!("No. {n}"))).await.expect("sent");
    }
    let names = names(&folder);
    assert_eq!(names.len(), 20);
    for (n, name) in names.iter().enumerate() {
        assert_eq!(Path::new(name).extension().and_then(|end| end.to_str()), Some("eml"), "{name}");
        let text = fs::read_to_string(folder.join(name)).expect("a mail");
        assert!(text.lines().any(|line| line == format!("No. {n}")), "{text}");
    }
}

/// What the guides tell people to do: `grep -ho 'token=[A-Za-z0-9_-]*' *.eml`.
fn tokens(text: &str) -> Vec<&str> {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.split("token=").skip(1).map(|rest| rest.split(|c| !is_of_token(c)).next().unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_token_can_be_found_in_the_file() {
    let temp = TempDir::new().expect("a folder");
    let token = "Ab-_9".repeat(40);
    let link = format!("https://example.org/verify-email?token={token}&locale=de");
    let mailer = FolderMailer::new(temp.path(), sender());
    mailer.send(&mail("ada@example.com", &format!("Grüß Gott!\n\n{link}\n"))).await.expect("sent");
    let text = fs::read_to_string(temp.path().join(&names(temp.path())[0])).expect("a mail");
    assert!(text.lines().any(|line| line == link), "{text}");
    assert_eq!(tokens(&text), [&*token, &*token], "in both parts");
    assert!(text.contains("To: ada@example.com") && text.contains("From: Lyceum <noreply@example.org>"));
}

#[tokio::test]
async fn the_token_of_each_letter_with_one_can_be_found_in_the_file() {
    let temp = TempDir::new().expect("a folder");
    let mailer = FolderMailer::new(temp.path(), sender());
    let site = Site { name: "Lyceum".to_owned(), public_url: "https://lyceum.example".to_owned() };
    let letters = TemplateLetters::new(site).expect("letters");
    let token = "-dQw4w9WgXcQ_dQw4w9WgXcQdQw4w9WgXcQdQw4w9-_";
    let (code, username) = (Secret::new(token.to_owned()), Username::parse("ada_l").expect("a name"));
    let link = |page: &str| Secret::new(format!("https://lyceum.example/{page}?token={token}"));
    let expires_at = Timestamp::from_micros(1_795_603_439_000_000).expect("a time");
    for letter in [
        Letter::VerifyEmail { username: username.clone(), link: link("verify-email"), code: code.clone(), expires_at },
        Letter::ResetPassword { username, link: link("reset-password"), code, expires_at },
    ] {
        let written = letters.write(&letter, &Locale::parse("en").expect("a tag")).expect("written");
        let WrittenLetter { subject, text, html } = written;
        mailer.send(&Mail { subject, text, html, ..mail("ada@example.com", "") }).await.expect("sent");
        let newest = names(temp.path()).pop().expect("a mail");
        let text = fs::read_to_string(temp.path().join(newest)).expect("a mail");
        assert_eq!(tokens(&text), [token, token], "{text}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_them() {
    use std::os::unix::fs::PermissionsExt;
    let temp = TempDir::new().expect("a folder");
    let folder = temp.path().join("mails");
    FolderMailer::new(&folder, sender()).send(&mail("ada@example.com", "Hello")).await.expect("sent");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join(&names(&folder)[0])), 0o600);
}

#[tokio::test]
async fn many_at_once_are_as_many_files() {
    let temp = TempDir::new().expect("a folder");
    let mailer = FolderMailer::new(temp.path(), sender());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let mailer = mailer.clone();
        tasks.spawn(async move { mailer.send(&mail("ada@example.com", "Hello")).await });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!(names(temp.path()).len(), 50);
}

#[tokio::test]
async fn a_check_leaves_nothing_behind() {
    let temp = TempDir::new().expect("a folder");
    FolderMailer::new(temp.path().join("mails"), sender()).check().await.expect("good");
    assert_eq!(names(&temp.path().join("mails")), Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_not_available() {
    let temp = TempDir::new().expect("a folder");
    let file = temp.path().join("file");
    fs::write(&file, "").expect("written");
    let mailer = FolderMailer::new(file.join("mails"), sender());
    assert!(matches!(mailer.check().await, Err(MailError::Unavailable(_))));
    assert!(matches!(mailer.send(&mail("ada@example.com", "")).await, Err(MailError::Unavailable(_))));
}

#[tokio::test]
async fn nothing_goes_to_a_placeholder_nor_with_a_second_header() {
    let temp = TempDir::new().expect("a folder");
    let mailer = FolderMailer::new(temp.path().join("mails"), sender());
    let placeholder = mail("7f3a@placeholder.invalid", "Hello");
    assert!(matches!(mailer.send(&placeholder).await, Err(MailError::Refused(why)) if why.contains("placeholder")));
    let mut two_headers = mail("ada@example.com", "Hello");
    two_headers.subject = "Welcome\r\nBcc: eve@example.com".to_owned();
    assert!(matches!(mailer.send(&two_headers).await, Err(MailError::Refused(why)) if why.contains("subject")));
    assert!(!temp.path().join("mails").exists());
}
