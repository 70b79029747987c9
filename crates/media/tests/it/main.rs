//! Portraits and texts from outside.
#![allow(clippy::expect_used, clippy::panic, missing_docs)]

mod hostile_pictures;
mod pdfs;
mod pictures;
mod portraits;
mod programs;
mod texts;
