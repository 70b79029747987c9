//! Access tokens from outside: what a good one is, and what is refused.
#![allow(clippy::expect_used, clippy::panic, missing_docs)]

mod access_tokens;
mod contract;
mod forge;
mod forged_access_tokens;
mod mutated_access_tokens;
