//! Where files are kept, and how large they may be.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::masking;

/// Where the bytes of files are kept, and the limits of what comes in. `Debug` and `Serialize` hide the secret.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct StorageSettings {
    /// Where an S3-compatible store is; empty for Amazon's. Default empty.
    pub s3_endpoint: String,
    /// The bucket; empty to keep files in `blobs/` in the data folder. Default empty. Use [`is_s3`](Self::is_s3).
    pub s3_bucket: String,
    /// The region. Default `us-east-1`.
    pub s3_region: String,
    /// The name of the key pair. Default empty; a bucket needs one.
    pub s3_access_key_id: String,
    /// Its secret. Default empty; a bucket needs one.
    #[serde(serialize_with = "masking::secret")]
    pub s3_secret_access_key: SecretString,
    /// How long the store may take to answer one request, in seconds. Default 10.
    pub s3_timeout_seconds: u64,
    /// The largest document in bytes. Default `20_971_520` (20 MiB).
    pub max_document_bytes: u64,
    /// The largest picture in bytes. Default `5_242_880` (5 MiB).
    pub max_picture_bytes: u64,
    /// The largest archive of a course in bytes. Default `52_428_800` (50 MiB).
    pub max_import_bytes: u64,
    /// The most pixels of a picture. Default `20_000_000`.
    pub max_image_pixels: u64,
    /// Documents that one account may have. Default 1000.
    pub max_documents: u32,
    /// Subjects that one account may have. Default 200.
    pub max_subjects: u32,
    /// How long a client may be silent while it sends a file, in seconds. Default 30.
    pub upload_silence_seconds: u64,
    /// The longest time that one file may take to come in, in seconds. Default 900.
    pub upload_timeout_seconds: u64,
    /// The longest time to read the text of one document, in seconds. Default 20.
    pub text_timeout_seconds: u64,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            s3_endpoint: String::new(),
            s3_bucket: String::new(),
            s3_region: "us-east-1".to_owned(),
            s3_access_key_id: String::new(),
            s3_secret_access_key: SecretString::default(),
            s3_timeout_seconds: 10,
            max_document_bytes: 20 << 20,
            max_picture_bytes: 5 << 20,
            max_import_bytes: 50 << 20,
            max_image_pixels: 20_000_000,
            max_documents: 1000,
            max_subjects: 200,
            upload_silence_seconds: 30,
            upload_timeout_seconds: 900,
            text_timeout_seconds: 20,
        }
    }
}

impl StorageSettings {
    /// Whether files are kept in a bucket, not in the data folder.
    pub fn is_s3(&self) -> bool {
        !self.s3_bucket.is_empty()
    }
}
