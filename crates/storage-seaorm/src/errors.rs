//! What went wrong, as far as a caller acts on it.

use lyceum_domain::store::{StoreError, Unique};
use sea_orm::{DbErr, RuntimeErr};
use sqlx::error::DatabaseError;

/// The kinds of the port from those of the driver.
pub(crate) fn store_error(error: DbErr) -> StoreError {
    match &error {
        DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause))
        | DbErr::Conn(RuntimeErr::SqlxError(cause)) => match &**cause {
            sqlx::Error::Database(refusal) => refused(&**refusal).unwrap_or_else(|| unavailable(error)),
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::TypeNotFound { .. } => corrupt(&error),
            // No connection, a broken one, none free in time.
            _ => unavailable(error),
        },
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => unavailable(error),
        _ => corrupt(&error),
    }
}

fn unavailable(error: DbErr) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

fn corrupt(error: &DbErr) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

/// What the database itself refused; `None` if it cannot work now.
fn refused(error: &dyn DatabaseError) -> Option<StoreError> {
    let code = error.code().unwrap_or_default();
    if let Some(refusal) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return refused_by_postgres(&code, refusal.constraint(), error.message());
    }
    refused_by_sqlite(code.parse().unwrap_or(0), error.message())
}

/// By SQLSTATE (PostgreSQL, appendix A).
fn refused_by_postgres(code: &str, constraint: Option<&str>, message: &str) -> Option<StoreError> {
    match code {
        "23505" => Some(StoreError::Duplicate(unique_index(constraint.unwrap_or_default()))),
        // Two units in each other's way.
        "40001" | "40P01" => Some(StoreError::Conflict),
        "25P02" => Some(StoreError::Aborted),
        // A standby; an object in use; a lock that took too long.
        "25006" | "55006" | "55P03" => None,
        _ => match code.get(..2) {
            // Connections, credentials, no such database, resources, operator, system.
            Some("08" | "28" | "3D" | "53" | "57" | "58") => None,
            _ => Some(StoreError::Corrupt(format!("PostgreSQL {code}: {message}"))),
        },
    }
}

/// By extended result code (<https://sqlite.org/rescode.html>).
fn refused_by_sqlite(code: u32, message: &str) -> Option<StoreError> {
    match code {
        1555 | 2067 => Some(StoreError::Duplicate(unique_column(message))),
        // A unit that read an older state than it would write; units here begin as writers, so others' doing.
        517 => Some(StoreError::Conflict),
        _ => match code & 0xff {
            // Busy, locked, no memory, read-only, input/output, full, cannot open.
            5 | 6 | 7 | 8 | 10 | 13 | 14 => None,
            _ => Some(StoreError::Corrupt(format!("SQLite {code}: {message}"))),
        },
    }
}

/// The names that the migrations gave.
fn unique_index(name: &str) -> Unique {
    match name {
        "uq_users_email" => Unique::Email,
        "uq_users_username_key" => Unique::Username,
        "uq_identities_provider_subject" => Unique::Identity,
        "uq_courses_slug" | "uq_lessons_course_slug" => Unique::Slug,
        "uq_courses_author_source" | "uq_courses_house_source" => Unique::Source,
        _ => Unique::Key,
    }
}

/// SQLite has no other place for it: `UNIQUE constraint failed: lessons.course_id, lessons.slug`.
fn unique_column(message: &str) -> Unique {
    match message.rsplit('.').next() {
        Some("email") => Unique::Email,
        Some("username_key") => Unique::Username,
        Some("subject") => Unique::Identity,
        Some("slug") => Unique::Slug,
        Some("source_key") => Unique::Source,
        _ => Unique::Key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_names_the_columns() {
        assert_eq!(unique_column("UNIQUE constraint failed: users.email"), Unique::Email);
        assert_eq!(unique_column("UNIQUE constraint failed: lessons.course_id, lessons.slug"), Unique::Slug);
        assert_eq!(unique_column("UNIQUE constraint failed: courses.author_id, courses.source_key"), Unique::Source);
        assert_eq!(
            unique_column("UNIQUE constraint failed: identities.provider, identities.subject"),
            Unique::Identity
        );
        assert_eq!(unique_column("UNIQUE constraint failed: users.id"), Unique::Key);
    }

    #[test]
    fn what_passes_is_unavailable_and_what_stays_is_corrupt() {
        assert!(refused_by_sqlite(5, "database is locked").is_none());
        assert!(refused_by_sqlite(13, "database or disk is full").is_none());
        assert!(matches!(refused_by_sqlite(275, "CHECK constraint failed"), Some(StoreError::Corrupt(_))));
        assert!(refused_by_postgres("57014", None, "canceling statement due to statement timeout").is_none());
        assert!(matches!(refused_by_postgres("40P01", None, "deadlock detected"), Some(StoreError::Conflict)));
        assert!(matches!(refused_by_postgres("42P01", None, "no such relation"), Some(StoreError::Corrupt(_))));
    }
}
