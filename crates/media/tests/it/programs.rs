//! The program that reads a PDF: how it is started, judged and ended.
#![cfg(unix)]

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use lyceum_domain::subjects::{DocumentKind, ExtractError, ExtractedText, TextExtractor as _};
use lyceum_media::{BoundedTexts, PdfTool};

use crate::texts::{SOON, content};

/// A program in the place of the one that reads PDFs.
fn shell(script: &str) -> PdfTool {
    PdfTool { program: PathBuf::from("/bin/sh"), args: vec!["-c".into(), script.into()] }
}

async fn by_shell(script: &str, timeout: Duration) -> Result<ExtractedText, ExtractError> {
    BoundedTexts::new(shell(script), timeout).text(DocumentKind::Pdf, content(b"%PDF")).await
}

#[tokio::test]
async fn a_program_says_how_it_ended_by_its_code() {
    let why = |outcome: Result<ExtractedText, ExtractError>| match outcome {
        Err(ExtractError::Unreadable(why)) => why,
        other => panic!("{other:?}"),
    };
    let read = by_shell("cat >/dev/null; printf 'some text'", SOON).await.expect("read");
    assert_eq!(read.text, "some text");
    assert_eq!(why(by_shell("cat >/dev/null; echo torn >&2; echo more >&2; exit 3", SOON).await), "torn");
    assert_eq!(why(by_shell("exit 3", SOON).await), "it gives no reason");
    for script in ["kill -KILL $$", "kill -SEGV $$", "kill -XCPU $$", "kill -ABRT $$"] {
        let why = why(by_shell(script, SOON).await);
        assert!(why.contains("beyond the bounds"), "{script}: {why}");
    }
    for script in ["kill -TERM $$", "kill -INT $$", "exit 1", "exit 2", "exit 127", "no-such-command"] {
        let outcome = by_shell(script, SOON).await;
        assert!(matches!(outcome, Err(ExtractError::Failed(_))), "{script}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_fault_of_ours() {
    let tool = PdfTool { program: PathBuf::from("/nowhere/at/all"), args: Vec::new() };
    let outcome = BoundedTexts::new(tool, SOON).text(DocumentKind::Pdf, content(b"%PDF")).await;
    assert!(matches!(outcome, Err(ExtractError::Failed(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_program_inherits_no_secrets() {
    // Of what every test has, nothing is there.
    let found = by_shell("cat >/dev/null; /usr/bin/env", SOON).await.expect("read");
    assert!(found.text.contains("MIMALLOC"), "{}", found.text);
    for name in ["CARGO", "HOME=", "USER="] {
        assert!(!found.text.contains(name), "{}", found.text);
    }
}

/// Whether a process is there and not merely waiting to be collected.
#[cfg(target_os = "linux")]
fn is_alive(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[cfg(target_os = "linux")]
async fn pid_in(folder: &Path) -> String {
    for _ in 0..1000 {
        if let Ok(pid) = fs::read_to_string(folder.join("pid"))
            && pid.ends_with('\n')
        {
            return pid.trim().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the program never began");
}

#[cfg(target_os = "linux")]
async fn ends(pid: &str) {
    for _ in 0..500 {
        if !is_alive(pid) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the program goes on");
}

#[cfg(target_os = "linux")]
fn endless(folder: &Path) -> String {
    format!("cat >/dev/null; echo $$ >{}; while :; do :; done", folder.join("pid").display())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_program_that_never_ends_is_killed_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let began = Instant::now();
    let outcome = by_shell(&endless(folder.path()), Duration::from_secs(1)).await;
    assert!(
        matches!(&outcome, Err(ExtractError::Unreadable(why)) if why.contains("longer than 1 second")),
        "{outcome:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(!is_alive(&pid_in(folder.path()).await));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_dropped_reading_kills_its_program_and_gives_its_turn_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let texts = BoundedTexts::new(shell(&endless(folder.path())), SOON);
    let reading = texts.text(DocumentKind::Pdf, content(b"%PDF"));
    let pid = tokio::select! {
        ended = reading => panic!("ended: {ended:?}"),
        pid = pid_in(folder.path()) => pid,
    };
    ends(&pid).await;
    fs::remove_file(folder.path().join("pid")).expect("removed");
    let reading = texts.text(DocumentKind::Pdf, content(b"%PDF"));
    tokio::select! {
        ended = reading => panic!("ended: {ended:?}"),
        _ = pid_in(folder.path()) => {}
    }
}

#[tokio::test]
async fn a_program_that_reads_nothing_is_not_waited_for() {
    let texts = BoundedTexts::new(shell("exec <&-; echo torn >&2; exit 3"), SOON);
    let outcome = texts.text(DocumentKind::Pdf, content(&vec![0; 1_000_000])).await;
    assert!(matches!(&outcome, Err(ExtractError::Unreadable(why)) if why == "torn"), "{outcome:?}");
}

#[tokio::test]
async fn a_program_that_never_stops_writing_is_stopped() {
    let found = by_shell("cat >/dev/null; while :; do echo 'text without an end, line by line'; done", SOON).await;
    let found = found.expect("read");
    assert_eq!((found.text.chars().count(), found.is_cut), (ExtractedText::MAX, true));
}
