//! Blob stores from outside.
#![allow(clippy::expect_used, clippy::panic, missing_docs)]

mod local;
mod s3;
mod unreachable;
