//! Files that come in: `multipart/form-data` (RFC 7578), the file in the part `file`.
//!
//! Nothing of a file is in memory but a few pieces of it. What the handler's request reads a task beside it stores: a
//! client that leaves takes the request along, but not the task, which sees that the file breaks off and ends well.

use std::{
    future::{Ready, ready},
    io::Write as _,
    path::PathBuf,
    time::Duration,
};

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header},
    web,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use lyceum_application::Error;
use lyceum_domain::{
    blobs::{BlobStream, Sha256},
    invalid::Invalid,
};
use sha2::Digest as _;
use tempfile::NamedTempFile;
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    time::Instant,
};
use utoipa::ToSchema;

use crate::{app::App, http::problem::Problem, traces};

/// The part that holds the file.
const PART: &str = "file";
/// How many bytes of a body may be something other than its file.
const OTHER_BYTES: u64 = 64 << 10;
/// How many parts a body may have.
const MAX_PARTS: usize = 16;
/// How many pieces wait to be stored before the client has to.
const BACKLOG: usize = 4;
/// How many bytes are gathered before they are written to a file.
const GATHERED: usize = 1 << 20;

/// What the names of spooled files begin with.
const SPOOLED: &str = "upload-";
/// A spooled file that was not written to for so long belongs to a process that is gone.
const STALE: Duration = Duration::from_hours(24);

/// The limits of files that come in.
#[derive(Debug, Clone)]
pub struct UploadLimits {
    /// The largest document, in bytes.
    pub document: u64,
    /// The largest picture, in bytes.
    pub picture: u64,
    /// The largest archive of a course, in bytes.
    pub import: u64,
    /// How long a client may take, piece by piece and in all.
    pub patience: Patience,
    /// Where files lie that are needed as a whole.
    pub folder: PathBuf,
}

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From one piece of a body to the next.
    pub silence: Duration,
    /// For the whole body.
    pub total: Duration,
}

impl UploadLimits {
    /// Removes spooled files that killed processes left. What cannot be looked at or removed stays.
    pub fn sweep(&self) {
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let is_spooled = entry.file_name().to_string_lossy().starts_with(SPOOLED);
            let age = entry.metadata().and_then(|found| found.modified()).map(|written| written.elapsed());
            if is_spooled && matches!(age, Ok(Ok(age)) if age > STALE) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// A form with a file in it, for the OpenAPI document.
#[derive(Debug, ToSchema)]
#[schema(as = Upload)]
pub struct UploadBody {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
}

/// A file as it comes in.
pub struct IncomingFile {
    /// What the client calls it; may be empty.
    pub name: String,
    /// Its bytes. It ends with an error if the rest does not come, or is more than may be.
    pub content: BlobStream,
}

/// A file that came in, as a file that goes when this is dropped.
#[derive(Debug)]
pub struct Spooled {
    /// The file.
    pub file: NamedTempFile,
    /// What the client calls it; may be empty.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256,
}

/// A body with a file in it, of which nothing was read yet.
pub struct Upload {
    multipart: Multipart,
    /// What the client says that the whole body has.
    declared: Option<u64>,
}

impl FromRequest for Upload {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let mime = text(header::CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        let is_plain = text(header::CONTENT_ENCODING).is_none_or(|coding| coding.eq_ignore_ascii_case("identity"));
        ready(if mime.eq_ignore_ascii_case("multipart/form-data") && is_plain {
            let declared = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
            Ok(Self { multipart: Multipart::new(request.headers(), payload.take()), declared })
        } else {
            Err(Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE))
        })
    }
}

impl Upload {
    /// Has the file, of at most `max` bytes, stored by `work`, to which it comes as it is read. `work` runs in a task of
    /// its own. It sees the end of the file only when the whole body was read and found good.
    pub async fn store<T, W, F>(self, app: &App, max: u64, work: W) -> Result<T, Problem>
    where
        W: FnOnce(IncomingFile) -> F,
        F: Future<Output = Result<T, Error>> + 'static,
        T: 'static,
    {
        let (mut reader, name) = self.open(app.uploads.patience, max).await?;
        let (sender, receiver) = mpsc::channel(BACKLOG);
        let mut task = app.turns.spawn_local(traces::carried(work(IncomingFile { name, content: content(receiver) })));
        let read = tokio::select! {
            biased;
            // It needs no more of it: most often because it does not take it.
            done = &mut task => return finished(done),
            read = reader.pump(sender) => read,
            () = app.stop_turns.cancelled() => Err(Error::ShuttingDown.into()),
        };
        let done = task.await;
        read?;
        finished(done)
    }

    /// Writes the file, of at most `max` bytes, where it can be read as a whole.
    pub async fn spool(self, app: &App, max: u64) -> Result<Spooled, Problem> {
        let folder = app.uploads.folder.clone();
        let (mut reader, name) = self.open(app.uploads.patience, max).await?;
        let mut file = web::block(move || {
            std::fs::create_dir_all(&folder)?;
            tempfile::Builder::new().prefix(SPOOLED).tempfile_in(folder)
        })
        .await
        .map_err(broken)?
        .map_err(full)?;
        let (mut digest, mut gathered, mut size) = (sha2::Sha256::new(), Vec::new(), 0);
        loop {
            let piece = reader.piece().await?;
            let is_last = piece.is_none();
            let piece = piece.unwrap_or_default();
            digest.update(&piece);
            size += piece.len() as u64;
            gathered.extend_from_slice(&piece);
            if gathered.len() >= GATHERED || is_last {
                let bytes = std::mem::take(&mut gathered);
                let written = web::block(move || file.write_all(&bytes).map(|()| file));
                file = written.await.map_err(broken)?.map_err(full)?;
            }
            if is_last {
                return Ok(Spooled { file, name, size, sha256: Sha256::new(digest.finalize().into()) });
            }
        }
    }

    /// Reads as far as to the file.
    async fn open(self, patience: Patience, max: u64) -> Result<(Reader, String), Problem> {
        if self.declared.is_some_and(|declared| declared > max.saturating_add(OTHER_BYTES)) {
            return Err(Error::TooLarge { max }.into());
        }
        let clock = Clock { silence: patience.silence, deadline: Instant::now() + patience.total };
        let mut reader = Reader { multipart: self.multipart, file: None, clock, max, size: 0, others: 0, parts: 0 };
        let Some(field) = reader.next_file().await? else {
            return Err(Problem::invalid("/file", Invalid::Missing));
        };
        let name = field.content_disposition().and_then(|disposition| disposition.get_filename()).unwrap_or_default();
        let name = name.to_owned();
        reader.file = Some(field);
        Ok((reader, name))
    }
}

/// What comes through the channel: pieces, then an end. A channel that is closed before is a file that broke off.
enum Piece {
    Bytes(Bytes),
    End,
}

fn content(receiver: Receiver<Piece>) -> BlobStream {
    Box::pin(stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Piece::End) => None,
            None => Some((Err("the body broke off".into()), None)),
        }
    }))
}

/// Reads the body, and counts.
struct Reader {
    multipart: Multipart,
    /// The part with the file, as long as there is more of it.
    file: Option<Field>,
    clock: Clock,
    max: u64,
    /// Bytes of the file so far.
    size: u64,
    /// Bytes of other parts so far.
    others: u64,
    parts: usize,
}

impl Reader {
    /// Hands on the file as long as somebody takes it.
    async fn pump(&mut self, sender: Sender<Piece>) -> Result<(), Problem> {
        while let Some(bytes) = self.piece().await? {
            if sender.send(Piece::Bytes(bytes)).await.is_err() {
                return Ok(());
            }
        }
        // Nobody takes it any more if this fails.
        let _ = sender.send(Piece::End).await;
        Ok(())
    }

    /// The next piece of the file; none when all of the body was read.
    async fn piece(&mut self) -> Result<Option<Bytes>, Problem> {
        let Some(field) = &mut self.file else { return Ok(None) };
        if let Some(bytes) = self.clock.in_time(field.next()).await? {
            self.size += bytes.len() as u64;
            if self.size > self.max {
                return Err(Error::TooLarge { max: self.max }.into());
            }
            return Ok(Some(bytes));
        }
        self.file = None;
        match self.next_file().await? {
            None => Ok(None),
            Some(_) => Err(Problem::invalid("/file", Invalid::Malformed { expected: "one file" })),
        }
    }

    /// The next part that is a file; those before it are passed over.
    async fn next_file(&mut self) -> Result<Option<Field>, Problem> {
        while let Some(mut field) = self.clock.in_time(self.multipart.next()).await? {
            self.parts += 1;
            if self.parts > MAX_PARTS {
                return Err(malformed("The body has too many parts."));
            }
            if field.name() == Some(PART) {
                return Ok(Some(field));
            }
            while let Some(bytes) = self.clock.in_time(field.next()).await? {
                self.others += bytes.len() as u64;
                if self.others > OTHER_BYTES {
                    return Err(Error::TooLarge { max: OTHER_BYTES }.into());
                }
            }
        }
        Ok(None)
    }
}

/// How long the client may still take.
#[derive(Clone, Copy)]
struct Clock {
    silence: Duration,
    deadline: Instant,
}

impl Clock {
    /// The next of something, unless the client takes too long.
    async fn in_time<T>(
        self,
        next: impl Future<Output = Option<Result<T, MultipartError>>>,
    ) -> Result<Option<T>, Problem> {
        let until = self.deadline.min(Instant::now() + self.silence);
        match tokio::time::timeout_at(until, next).await {
            Ok(next) => next.transpose().map_err(|error| {
                let mut problem = malformed("The body is no multipart form, or broke off.");
                problem.cause = Some(Box::new(error));
                problem
            }),
            Err(_) => Err(Problem::of_status(StatusCode::REQUEST_TIMEOUT)),
        }
    }
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed_multipart", detail)
}

/// What a task of its own came to.
pub fn finished<T>(done: Result<Result<T, Error>, tokio::task::JoinError>) -> Result<T, Problem> {
    match done {
        Ok(done) => Ok(done?),
        Err(error) => Err(Error::Internal(error.to_string()).into()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn broken(error: actix_web::error::BlockingError) -> Problem {
    Error::Internal(error.to_string()).into()
}

/// No room for the file, or no right to write there.
fn full(error: std::io::Error) -> Problem {
    Error::StorageUnavailable(error.into()).into()
}

#[cfg(test)]
mod tests;
