//! The time and the ids of the real world: the one home of both.

use lyceum_domain::{
    ids::IdGenerator,
    time::{Clock, Timestamp},
};
use uuid::Uuid;

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the home of the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::new(chrono::Utc::now())
    }
}

/// UUIDv7: sorted by time, random within a millisecond's counter.
#[derive(Debug, Clone, Copy, Default)]
pub struct UuidV7Ids;

impl IdGenerator for UuidV7Ids {
    #[expect(clippy::disallowed_methods, reason = "the home of ids")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
