//! What all routes share.

pub mod body;
pub mod caller;
pub mod client;
pub mod cookies;
pub mod edge;
pub mod page;
pub mod path;
pub mod problem;
pub mod upload;
pub mod version;
