//! Mail into files.

use std::{fs, path::Path};

use lyceum_domain::mail::{MailError, Mailer};
use lyceum_mail::FolderMailer;
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

#[tokio::test]
async fn a_token_can_be_found_in_the_file() {
    let temp = TempDir::new().expect("a folder");
    let link = format!("https://example.org/verify-email?token={}&locale=de", "Ab-_9".repeat(40));
    let mailer = FolderMailer::new(temp.path(), sender());
    mailer.send(&mail("ada@example.com", &format!("Grüß Gott!\n\n{link}\n"))).await.expect("sent");
    let text = fs::read_to_string(temp.path().join(&names(temp.path())[0])).expect("a mail");
    assert!(text.lines().any(|line| line == link), "{text}");
    assert!(text.contains("To: ada@example.com") && text.contains("From: Lyceum <noreply@example.org>"));
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
