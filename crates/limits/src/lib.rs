//! [`Limiter`](lyceum_domain::limits::Limiter): how often anybody may ask, counted.
//!
//! [`MemoryLimiter`] counts in this process.

mod memory;

pub use memory::{KEYS_PER_CLASS, MemoryLimiter};
