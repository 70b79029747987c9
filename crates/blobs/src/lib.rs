//! [`Blobs`](lyceum_domain::blobs::Blobs) in a local folder, or in any S3-compatible store.
