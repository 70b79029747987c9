//! What all routes share.

pub mod body;
pub mod caller;
pub mod client;
pub mod cookies;
pub mod edge;
pub mod event_stream;
pub mod idempotency;
pub mod limits;
pub mod page;
pub mod panics;
pub mod path;
pub mod problem;
pub mod ranges;
pub mod upload;
pub mod version;
