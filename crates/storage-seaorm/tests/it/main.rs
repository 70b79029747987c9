//! The contract of the store on real databases, over the real migrations.
//!
//! SQLite is always there: each test has a file of its own. PostgreSQL is the server at `TEST_DATABASE_URL`, whose role
//! may create databases; without it those tests say that they were skipped, or fail if `LYCEUM_TESTS_SKIP_NOTHING` is
//! set.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod corruption;
mod databases;
mod hung_up;
mod retention;
mod rolled_back;
mod sealing;
mod settings;
mod turns;
mod waiting;

mod sqlite {
    use crate::databases::sqlite;

    lyceum_testkit::store_contract!(sqlite);
}

mod postgres {
    use crate::databases::postgres;

    lyceum_testkit::store_contract!(postgres);
}
