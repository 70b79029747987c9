//! [`Limiter`](lyceum_domain::limits::Limiter): how often anybody may ask, counted.
//!
//! [`MemoryLimiter`] counts in this process, [`RedisLimiter`] for several servers together. [`SharedLimiter`] asks the
//! second, and goes on with the first while the second is away.

mod memory;
mod redis_limiter;
mod standby;
mod tally;

pub use memory::{KEYS_PER_CLASS, MemoryLimiter};
pub use redis_limiter::{RedisLimiter, RedisSettings, RedisSettingsError};
pub use standby::{Remote, SharedLimiter, Standby};
pub use tally::{Said, Tally};
