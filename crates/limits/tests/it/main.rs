//! The contract of limiters in memory, over a real Redis, and over one that comes and goes.
//!
//! Redis is the server at `TEST_REDIS_URL`, and the program in the folder `TEST_REDIS_BIN` (else on `PATH`) for tests that
//! start one of their own; without it they say that they were skipped, or fail if `LYCEUM_TESTS_SKIP_NOTHING` is set.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod faults;
mod law;
mod redis;
mod relay;
mod rights;
mod server;
mod workers;

mod memory {
    use std::sync::Arc;

    use lyceum_limits::MemoryLimiter;

    lyceum_testkit::limiter_contract!(|_| async { Some(Arc::new(MemoryLimiter::new())) });
}
