//! The server's side of reading a PDF: it starts a program, hands it the PDF, takes the text, and ends it in time.

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use futures_util::TryStreamExt as _;
use lyceum_domain::{
    blobs::BlobStream,
    subjects::{ExtractError, ExtractedText},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, Command},
    time,
};

use super::{BoundedTexts, MAX_BYTES, child::UNREADABLE, decoded};

/// How much of what the program complains about is read, in bytes.
const COMPLAINT: u64 = 1000;

/// A program that reads a PDF from its input and writes its text: one whose `main` is
/// [`pdf_child_main`](super::pdf_child_main).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdfTool {
    /// Its file.
    pub program: PathBuf,
    /// What tells it what to do.
    pub args: Vec<OsString>,
}

impl PdfTool {
    /// It inherits nothing of the environment, where secrets are. What it gets instead keeps mimalloc, where that is the
    /// allocator, from taking a gibibyte before the limits are set; others don't look at it.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .env("MIMALLOC_ARENA_EAGER_COMMIT", "0")
            .env("MIMALLOC_ARENA_RESERVE", "65536")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

pub(super) async fn read(
    tool: &PdfTool,
    content: BlobStream,
    timeout: Duration,
) -> Result<ExtractedText, ExtractError> {
    let mut child = tool.command().spawn().map_err(failed)?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(failed(io::Error::other("the program has no pipes")));
    };
    // The program reads all before it writes anything, so nothing can wait in a circle. How long this takes is a matter
    // of where the content comes from, so the program's time begins afterwards.
    feed(content, stdin).await?;
    let answer = async {
        let (text, complaint) =
            tokio::try_join!(up_to(stdout, MAX_BYTES as u64 + 1), up_to(stderr, COMPLAINT)).map_err(failed)?;
        if text.len() > MAX_BYTES {
            // It would wait for ever for somebody to read the rest.
            end(&mut child).await;
            return Ok(Answer::Cut(text));
        }
        let status = child.wait().await.map_err(failed)?;
        Ok(Answer::Ended { status, text, complaint })
    };
    let Ok(answer) = time::timeout(timeout, answer).await else {
        end(&mut child).await;
        return Err(unreadable(format!("it takes longer than {} seconds to read", timeout.as_secs_f32())));
    };
    judged(answer?)
}

enum Answer {
    /// It wrote more than is wanted.
    Cut(Vec<u8>),
    Ended {
        status: ExitStatus,
        text: Vec<u8>,
        complaint: Vec<u8>,
    },
}

/// Kills the program and waits for its end, so that it leaves no dead process.
async fn end(child: &mut Child) {
    if let Err(error) = child.kill().await {
        tracing::warn!(%error, "a program that reads a PDF could not be killed");
    }
}

async fn feed(mut content: BlobStream, mut stdin: ChildStdin) -> Result<(), ExtractError> {
    let mut size = 0;
    while let Some(piece) = content.try_next().await.map_err(ExtractError::Interrupted)? {
        size += piece.len() as u64;
        if size > BoundedTexts::MAX_PDF {
            return Err(unreadable(format!("it has more than {} bytes", BoundedTexts::MAX_PDF)));
        }
        match stdin.write_all(&piece).await {
            Ok(()) => {}
            // It ended before it had read all: its end tells why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

async fn up_to(pipe: impl AsyncRead + Unpin, limit: u64) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    pipe.take(limit).read_to_end(&mut read).await?;
    Ok(read)
}

fn judged(answer: Answer) -> Result<ExtractedText, ExtractError> {
    let (status, text, complaint) = match answer {
        Answer::Cut(mut text) => {
            text.truncate(MAX_BYTES);
            return decoded(text, true);
        }
        Answer::Ended { status, text, complaint } => (status, text, complaint),
    };
    match status.code() {
        Some(0) => decoded(text, false),
        Some(code) if code == i32::from(UNREADABLE) => Err(unreadable(line(&complaint))),
        Some(_) => Err(failed(io::Error::other(format!("the program ended with {status}: {}", line(&complaint))))),
        None if is_asked_to_end(status) => Err(failed(io::Error::other(format!("the program was ended: {status}")))),
        None => Err(unreadable(format!("it is beyond the bounds of time or memory ({status})"))),
    }
}

/// Whether somebody ended the program, with the server or by hand, rather than the system for what it did.
#[cfg(unix)]
fn is_asked_to_end(status: ExitStatus) -> bool {
    // HUP, INT, QUIT, TERM: the same numbers on every Unix (POSIX, kill).
    matches!(std::os::unix::process::ExitStatusExt::signal(&status), Some(1 | 2 | 3 | 15))
}

#[cfg(not(unix))]
fn is_asked_to_end(_: ExitStatus) -> bool {
    false
}

/// The first line of a complaint, which comes from a program that a stranger's file has been in.
fn line(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let line: String = text.lines().next().unwrap_or("").chars().filter(|c| !c.is_control()).take(200).collect();
    if line.trim().is_empty() { "it gives no reason".to_owned() } else { line.trim().to_owned() }
}

fn unreadable(why: String) -> ExtractError {
    ExtractError::Unreadable(why)
}

fn failed(error: io::Error) -> ExtractError {
    ExtractError::Failed(error.into())
}
