//! Portraits and texts from outside.
#![allow(clippy::expect_used, clippy::panic, missing_docs)]

mod hostile_pictures;
mod pictures;
mod portraits;
