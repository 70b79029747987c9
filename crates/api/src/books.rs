//! Books that become courses, and courses that become books. Reading and writing them is blocking, and done beside the
//! workers.

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write},
    path::PathBuf,
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use lyceum_application::{Error, Lyceum, courses::CourseExport};
use lyceum_course_mdbook::{ExportError, write_book, write_book_folder};
use lyceum_domain::{
    blobs::BlobStream,
    courses::{CourseFile, DraftFiles, FilePath, PassedOver},
    mentor::Cause,
};
use tokio::{runtime::Handle, task::spawn_blocking};

pub use lyceum_course_mdbook::{Book, BookError, Limits, open_archive};

/// How many bytes of a file are read at a time.
const PIECE: usize = 256 << 10;

/// The files of a book that was opened.
pub struct BookFiles(pub Arc<Book>);

#[async_trait]
impl DraftFiles for BookFiles {
    async fn read(&self, path: &FilePath) -> Result<Vec<u8>, Cause> {
        let (book, path) = (Arc::clone(&self.0), path.clone());
        Ok(spawn_blocking(move || book.read_file(&path)).await??)
    }
}

/// A course as a book in a zip: how many bytes it has, and those. It lies in a file without a name in `folder` until it
/// is sent.
pub async fn zipped(lyceum: &Lyceum, export: CourseExport, folder: PathBuf) -> Result<(u64, BlobStream), Error> {
    let written = write(lyceum, export, move |export, paths, read| {
        let mut file = temporary(&folder)?;
        write_book(&export.course, &export.lessons, paths, read, &mut file)?;
        file.rewind()?;
        Ok((file.metadata()?.len(), file))
    });
    let (size, file) = written.await?;
    Ok((size, pieces(file)))
}

/// Writes a course as a book in a zip into a file that must not be there yet.
pub async fn zip_into(lyceum: &Lyceum, export: CourseExport, path: PathBuf) -> Result<Vec<PassedOver>, Error> {
    write(lyceum, export, move |export, paths, read| {
        let mut file = File::create_new(&path)?;
        let passed_over = write_book(&export.course, &export.lessons, paths, read, &mut file)?;
        file.flush()?;
        Ok(passed_over)
    })
    .await
}

/// Writes a course as a book into a folder, which is made if need be and must be empty.
pub async fn folder_into(lyceum: &Lyceum, export: CourseExport, path: PathBuf) -> Result<Vec<PassedOver>, Error> {
    write(lyceum, export, move |export, paths, read| {
        write_book_folder(&export.course, &export.lessons, paths, read, &path)
    })
    .await
}

type ReadFile<'a> = dyn FnMut(&FilePath) -> Result<Vec<u8>, Cause> + 'a;

/// Has `work` write a course on a thread made for that; it reads the files one by one.
async fn write<T: Send + 'static>(
    lyceum: &Lyceum,
    export: CourseExport,
    work: impl FnOnce(&CourseExport, &[FilePath], &mut ReadFile<'_>) -> Result<T, ExportError> + Send + 'static,
) -> Result<T, Error> {
    let (lyceum, runtime) = (lyceum.clone(), Handle::current());
    let written = spawn_blocking(move || {
        let paths: Vec<_> = export.files.iter().map(|file| file.path.clone()).collect();
        let mut read = |path: &FilePath| {
            let file = export.files.iter().find(|file| file.path == *path).ok_or("it is not the course's")?;
            runtime.block_on(bytes_of(&lyceum, file))
        };
        work(&export, &paths, &mut read)
    });
    written.await.map_err(|error| Error::Internal(error.to_string()))?.map_err(|error| match error {
        ExportError::File { .. } | ExportError::Write { .. } => Error::StorageUnavailable(error.into()),
        error => Error::Internal(error.to_string()),
    })
}

async fn bytes_of(lyceum: &Lyceum, file: &CourseFile) -> Result<Vec<u8>, Cause> {
    let mut content = lyceum.course_file_content(file, None).await?.content;
    let mut bytes = Vec::with_capacity(usize::try_from(file.size)?);
    while let Some(piece) = content.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

fn temporary(folder: &std::path::Path) -> std::io::Result<File> {
    std::fs::create_dir_all(folder)?;
    tempfile::tempfile_in(folder)
}

/// The bytes of a file from where it stands, read as they are wanted.
fn pieces(file: File) -> BlobStream {
    Box::pin(stream::try_unfold(file, |mut file| async move {
        let read = spawn_blocking(move || {
            let mut piece = Vec::with_capacity(PIECE);
            (&mut file).take(PIECE as u64).read_to_end(&mut piece).map(|_| (piece, file))
        });
        let (piece, file) = read.await??;
        Ok::<_, Cause>((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    }))
}
