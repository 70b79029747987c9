//! Access tokens, ours and those of providers, from outside: what a good one is, and what is refused.
#![allow(clippy::expect_used, clippy::panic, missing_docs)]

mod access_tokens;
mod better_auth;
mod contract;
mod doors;
mod forge;
mod forged_access_tokens;
mod forged_signatures;
mod forged_signed_tokens;
mod key_cache;
mod key_server;
mod keys;
mod mutated_access_tokens;
mod provider;
mod provider_tokens;
mod signed_tokens;
