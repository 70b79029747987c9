//! The words that stories about files are told in.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lyceum_application::{
    Error,
    idempotency::{Answer, Done, Once},
    sessions::Caller,
    subjects::{NewDocument, NewSubject},
};
use lyceum_domain::{
    blobs::{Blob, BlobStream},
    courses::Title,
    idempotency::IdempotencyKey,
    ids::SubjectId,
    mentor::Cause,
    policy::Actor,
    subjects::{Document, FileName},
};
use tokio::sync::mpsc;

use crate::house::House;

/// Longer than a blob may lie around that no row names.
pub const LONG: Duration = Duration::from_hours(2);

/// A file that comes at once.
pub fn content(bytes: &[u8]) -> BlobStream {
    Box::pin(stream::iter([Ok(Bytes::copy_from_slice(bytes))]))
}

/// A file whose rest never comes. Whoever waits for it waits for ever.
pub fn endless(bytes: &[u8]) -> BlobStream {
    Box::pin(content(bytes).chain(stream::pending()))
}

/// A file that breaks off.
pub fn broken(bytes: &[u8]) -> BlobStream {
    Box::pin(content(bytes).chain(stream::iter([Err("the client left".into())])))
}

/// A file that comes as the story goes on.
pub fn coming() -> (mpsc::Sender<Result<Bytes, Cause>>, BlobStream) {
    let (sender, receiver) = mpsc::channel(1);
    let pieces = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    (sender, Box::pin(pieces))
}

/// All bytes of what was read.
pub async fn bytes(blob: Blob) -> Vec<u8> {
    let whole = blob.content.try_fold(Vec::new(), |whole, piece| async move { Ok([whole, piece.to_vec()].concat()) });
    whole.await.unwrap()
}

/// A name that a client gives to a request.
#[expect(clippy::unnecessary_wraps, reason = "as use cases take it")]
pub fn once<T>(key: &str, operation: &str, answer: fn(&T) -> Answer) -> Option<Once<T>> {
    Some(Once { key: IdempotencyKey::parse(key).unwrap(), operation: operation.to_owned(), answer })
}

/// What was done, if it was done now.
pub fn now<T>(done: Result<Done<T>, Error>) -> T {
    match done.unwrap() {
        Done::Now(done) => done,
        Done::Before(answer) => panic!("it had been done before: {answer:?}"),
    }
}

impl House {
    pub async fn subject(&self, caller: &Caller, title: &str) -> SubjectId {
        let title = Title::parse(title).unwrap();
        let new = NewSubject { title, description: String::new(), color: None, is_archived: false };
        self.lyceum.create_subject(caller, new).await.unwrap().id
    }

    pub async fn add(
        &self,
        caller: &Caller,
        subject: SubjectId,
        name: &str,
        content: BlobStream,
    ) -> Result<Document, Error> {
        let new = NewDocument { subject, name: FileName::from_client(name, "file"), content };
        self.lyceum.add_document(caller, new, None).await.map(|done| now(Ok(done)))
    }

    /// Removes all blobs that are due.
    pub async fn sweep(&self) {
        while self.lyceum.remove_due_blobs(&Actor::System).await.unwrap().gone > 0 {}
    }

    /// Asserts that so many blobs are there, also after everything that nobody needs has gone.
    pub async fn keeps_blobs(&self, count: usize) {
        self.clock.advance(LONG);
        self.sweep().await;
        assert_eq!(self.blobs.keys().len(), count, "{:?}", self.blobs.keys());
    }
}
