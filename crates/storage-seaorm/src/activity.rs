//! What learners did, by day and step by step.

use lyceum_domain::{
    ids::{CourseId, UserId},
    page::{Cursor, Page, PageRequest},
    progress::{DayActivity, ProgressEvent},
    store::StoreError,
    time::{Day, Timestamp, UtcOffset},
};
use sea_orm::ConnectionTrait;

use crate::{
    histories::{event_columns, read_event},
    row::{Row, each},
    sql::{Sql, Values},
};

/// The day of an event `e`, counted from 1970, where clocks are `$3` seconds ahead. SQLite rounds milliseconds, which may
/// end a day too early, and divides towards zero: hence whole seconds, and a million days there and back.
macro_rules! day {
    (postgres) => {
        "CAST(floor((extract(epoch FROM e.created_at) + $3) / 86400) AS bigint)"
    };
    (sqlite) => {
        "(unixepoch(substr(e.created_at, 1, 19)) + $3 + 86400000000) / 86400 - 1000000"
    };
}

macro_rules! activity {
    ($backend:ident) => {
        concat!(
            "SELECT ",
            day!($backend),
            " AS day, count(*), count(DISTINCT CASE WHEN e.to_status = 'completed' AND e.from_status <> 'completed' \
             THEN e.lesson_id END), count(DISTINCT e.course_id) FROM progress_events e \
             WHERE e.user_id = $1 AND e.created_at >= $2 GROUP BY 1 ORDER BY 1"
        )
    };
}
const ACTIVITY: Sql = Sql { postgres: activity!(postgres), sqlite: activity!(sqlite) };

macro_rules! days_active {
    ($backend:ident) => {
        concat!(
            "SELECT count(DISTINCT ",
            day!($backend),
            ") FROM progress_events e WHERE e.user_id = $1 AND e.course_id = $2"
        )
    };
}
const DAYS_ACTIVE: Sql = Sql { postgres: days_active!(postgres), sqlite: days_active!(sqlite) };

const PAGE: Sql = Sql::same(concat!(
    "SELECT e.course_id, ",
    event_columns!(),
    " FROM progress_events e WHERE e.user_id = $1 AND (e.created_at, e.id) < ($2, $3) \
     ORDER BY e.created_at DESC, e.id DESC LIMIT $4"
));

pub(crate) async fn by_day(
    db: &impl ConnectionTrait,
    user: UserId,
    since: Timestamp,
    offset: UtcOffset,
) -> Result<Vec<DayActivity>, StoreError> {
    let values = Values::new().id(user.as_uuid()).since(Some(since)).number(offset.seconds());
    each(&ACTIVITY.all(db, values).await?, read_day)
}

fn read_day(row: &mut Row<'_>) -> Result<DayActivity, StoreError> {
    let day = Day::from_epoch_days(row.number()?);
    Ok(DayActivity {
        day: day.ok_or_else(|| StoreError::Corrupt("a day outside of the calendar".to_owned()))?,
        steps: row.number()?,
        lessons_completed: row.number()?,
        courses: row.number()?,
    })
}

pub(crate) async fn days_active(
    db: &impl ConnectionTrait,
    user: UserId,
    course: CourseId,
    offset: UtcOffset,
) -> Result<u32, StoreError> {
    let values = Values::new().id(user.as_uuid()).id(course.as_uuid()).number(offset.seconds());
    let days = each(&DAYS_ACTIVE.all(db, values).await?, |row| row.number())?;
    Ok(days.first().copied().unwrap_or_default())
}

pub(crate) async fn page(
    db: &impl ConnectionTrait,
    user: UserId,
    page: PageRequest,
) -> Result<Page<ProgressEvent>, StoreError> {
    let rows = PAGE.all(db, Values::new().id(user.as_uuid()).below(page).limit(page)).await?;
    let events = each(&rows, |row| {
        let course = row.id(CourseId::from_uuid)?;
        read_event(row, user, course)
    })?;
    Ok(Page::cut(events, page.size, |event| Cursor { at: event.at, id: event.id.as_uuid() }))
}
