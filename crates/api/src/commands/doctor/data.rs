//! The data folder, its disk, and the database.

use std::{path::Path, time::Duration};

use lyceum_domain::time::{Clock as _, Timestamp};
use lyceum_storage_seaorm::{DatabaseAbout, SeaOrmStore, StorageSettings};
use secrecy::ExposeSecret as _;

use super::Report;
use crate::{
    ambient::SystemClock,
    health::LITTLE_ROOM,
    machine,
    settings::{DatabaseKind, Settings},
    wiring,
};

/// With less than this an operator should think of room.
const SOME_ROOM: u64 = 1 << 30;
/// Clocks that differ by more are not synchronized.
const CLOCKS_DIFFER: Duration = Duration::from_secs(1);
/// Tokens of one machine are not good on the other.
const CLOCKS_ARE_WRONG: Duration = Duration::from_secs(30);

pub(super) fn folder(settings: &Settings, report: &mut Report) {
    let folder = Path::new(&settings.data_dir);
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, b""))
        .and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => report.good("data", format_args!("{} can be written", folder.display())),
        Err(error) => report.bad(
            "data",
            format_args!("{}: {error}", folder.display()),
            "give this user the folder, or set LYCEUM__DATA_DIR",
        ),
    }
}

/// Of the disk of the data folder, and of the one that files of a moment are on.
pub(super) fn room(settings: &Settings, report: &mut Report) {
    let advice = "make room: old backups, logs, folders before-restore-… in the data folder";
    for (what, folder) in
        [("the data folder", Path::new(&settings.data_dir)), ("temporary files", &std::env::temp_dir())]
    {
        match machine::free_bytes(folder) {
            Ok(None) => {}
            Ok(Some(free)) => {
                let told = format!("{} left for {what}", machine::readable(free));
                match free {
                    free if free < LITTLE_ROOM => report.bad("disk", told, advice),
                    free if free < SOME_ROOM => report.doubtful("disk", told, advice),
                    _ => report.good("disk", told),
                }
            }
            Err(error) => report.doubtful(
                "disk",
                format_args!("{what}: {}: {error}", folder.display()),
                "make the folder, or set LYCEUM__DATA_DIR or TMPDIR to one that is there",
            ),
        }
    }
}

pub(super) async fn database(settings: &Settings, report: &mut Report) {
    let patience = Duration::from_secs(settings.database.acquire_timeout_seconds);
    let advice = "check DATABASE_URL, and that the server runs";
    let status = lyceum_migration::status(settings.database.url.expose_secret());
    let Ok(status) = tokio::time::timeout(patience, status).await else {
        return report.bad("database", format_args!("no answer within {} s", patience.as_secs()), advice);
    };
    let all = match status {
        Ok(all) => all,
        Err(error) => {
            let error = anyhow::Error::new(error);
            return report.bad("database", format_args!("{error:#}"), advice);
        }
    };
    match tokio::time::timeout(patience, about(settings)).await {
        Ok(Ok((about, asked, answered))) => {
            server(settings, &about, report);
            if let Some(its) = about.now {
                clocks(its, asked, answered, report);
            }
        }
        Ok(Err(error)) => report.bad("database", format_args!("{error:#}"), advice),
        Err(_) => report.bad("database", format_args!("no answer within {} s", patience.as_secs()), advice),
    }
    schema(settings, &all, report);
}

/// What the server says of itself, between two looks at our clock.
async fn about(settings: &Settings) -> anyhow::Result<(DatabaseAbout, Timestamp, Timestamp)> {
    let url = settings.database.url.expose_secret();
    let storage = StorageSettings {
        min_connections: 0,
        max_connections: Some(1),
        statement_cache: settings.database.statement_cache,
        ..StorageSettings::at(url)
    };
    let store = SeaOrmStore::connect(&storage).await?;
    // The connection is there.
    lyceum_domain::store::Store::check(&store).await?;
    let asked = SystemClock.now();
    let about = store.about().await?;
    let answered = SystemClock.now();
    store.close().await?;
    Ok((about, asked, answered))
}

fn server(settings: &Settings, about: &DatabaseAbout, report: &mut Report) {
    let kind = wiring::database_name(settings);
    let Some(allowed) = about.max_connections else {
        return report.good("database", format_args!("{kind} {}", about.version));
    };
    let needed = wiring::most_connections(settings);
    let told = format!(
        "{kind} {}; this server opens up to {needed} connections, and {allowed} are allowed, {} open now",
        about.version, about.open_connections
    );
    // Some are kept for the superuser, and for who looks after it.
    if u64::from(needed) + 5 > u64::from(allowed) {
        report.bad(
            "database",
            told,
            "lower database.max_connections or server.workers, or raise max_connections there",
        );
    } else if u64::from(needed) * 2 > u64::from(allowed) {
        report.doubtful(
            "database",
            told,
            "two servers, as while one takes over from another, would not fit: lower database.max_connections",
        );
    } else {
        report.good("database", told);
    }
}

/// The other clock was read at some time between ours.
fn clocks(its: Timestamp, asked: Timestamp, answered: Timestamp, report: &mut Report) {
    let apart = if its < asked { asked.since(its) } else { its.since(answered) };
    let told = format!("{} ms from the database server's", apart.as_millis());
    let advice = "let both machines keep their time by NTP (timedatectl, chrony)";
    if apart > CLOCKS_ARE_WRONG {
        report.bad("clock", told, advice);
    } else if apart > CLOCKS_DIFFER {
        report.doubtful("clock", told, advice);
    } else {
        report.good("clock", told);
    }
}

fn schema(settings: &Settings, all: &[(String, bool)], report: &mut Report) {
    let pending = all.iter().filter(|(_, is_applied)| !is_applied).count();
    if pending == 0 {
        report.good("schema", format_args!("up to date, {} migrations", all.len()));
    } else if settings.database.migrate_on_start {
        report.good("schema", format_args!("{pending} migrations are pending; the next start applies them"));
    } else {
        report.bad("schema", format_args!("{pending} migrations are pending"), "run `lyceum migrate up`");
    }
    if settings.database.kind() == Some(DatabaseKind::Sqlite) && settings.environment.is_deployed() {
        report.good("backup", "`lyceum backup FILE` works while the server runs");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_as_far_away_as_it_must_be() {
        let at = |seconds: u64| {
            Timestamp::from_micros(1_795_000_000_000_000).expect("a time").plus(Duration::from_secs(seconds))
        };
        let exits = |its| {
            let mut report = Report::new(true);
            clocks(its, at(100), at(103), &mut report);
            report.levels()
        };
        // Read at some time between.
        assert_eq!(exits(at(102)), ["ok"]);
        assert_eq!(exits(at(104)), ["ok"]);
        assert_eq!(exits(at(105)), ["warn"]);
        assert_eq!(exits(at(98)), ["warn"]);
        assert_eq!(exits(at(69)), ["fail"]);
        assert_eq!(exits(at(134)), ["fail"]);
    }
}
