//! [`Blobs`](lyceum_domain::blobs::Blobs) in a local folder, or in any S3-compatible store.
//!
//! Both are [`ObjectBlobs`]; [`ObjectBlobs::local`] and [`ObjectBlobs::s3`] make them. A content that fits into one part
//! ([`PART`]) is written with one request, a longer one part by part, of which a few are in memory. In a folder that is
//! a file under another name that is renamed at the end; in S3 a multipart upload that is completed at the end. Either
//! way nobody reads what is not whole.
//!
//! What a killed process leaves: in a folder a file whose name ends with `#` and a number, which no key has, and which is
//! swept away a day later; in S3 an upload that nobody completes. S3 keeps its parts, unseen and paid for, until a
//! lifecycle rule of the bucket (`AbortIncompleteMultipartUpload`) removes them.

mod health;
mod local;
mod objects;
mod s3;
mod upload;

pub use objects::ObjectBlobs;
pub use s3::{S3Settings, S3SettingsError};
pub use upload::PART;
