//! Structured logs, for people, or one JSON object a line: those of the server on standard output, those of the other
//! commands on standard error, since what these print may be read by a program.
//!
//! Each line within a request carries the request's id and its trace. What is logged can be changed while the server runs:
//! by [`set_level`], or by SIGHUP after the setting was changed in a file.

mod counts;

use std::{
    io::{self, IsTerminal},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use tokio_util::sync::CancellationToken;
use tracing::{Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, filter_fn},
    fmt::writer::BoxMakeWriter,
    layer::{self, SubscriberExt},
    reload,
    util::SubscriberInitExt,
};

pub use self::counts::Counts;
use crate::{
    settings::{LoadOptions, LogFormat, LogSettings, Settings},
    traces,
};

/// What libraries say at each start; whoever wants to hear it names them in the setting.
const QUIET: &str = "actix_server=warn,sea_orm_migration=warn,sqlx::postgres::notice=warn";

/// What this process logs with. There is one log for each process, so this is one too.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    level: Mutex<String>,
    counts: Counts,
}

/// Why another level was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LevelError {
    /// It is none.
    #[error("the log level must be {}", LogSettings::LEVELS)]
    Malformed,
    /// Nothing logs here.
    #[error("the log cannot be changed")]
    NoLog,
}

/// Starts logging. Does nothing if something logs already (tests).
pub fn start(settings: &Settings, is_server: bool) {
    let level = settings.log.level.clone();
    let (filter, handle) = reload::Layer::new(filter(&level).unwrap_or_else(|| EnvFilter::new("info")));
    let (writer, is_terminal) = if is_server {
        (BoxMakeWriter::new(std::io::stdout), std::io::stdout().is_terminal())
    } else {
        (BoxMakeWriter::new(std::io::stderr), std::io::stderr().is_terminal())
    };
    let lines = lines(settings.log.format, writer, is_terminal, filter);
    let counts = Counts::default();
    let mut layers = vec![lines, counts.layer().with_filter(LevelFilter::WARN).boxed()];
    if is_server {
        layers.extend(traces::layer(settings));
    }
    if tracing_subscriber::registry().with(layers).try_init().is_ok() {
        let _ = LOG.set(Log { filter: handle, level: Mutex::new(level), counts });
    }
}

/// Writes the lines that `filter` lets through.
fn lines<F>(
    format: LogFormat,
    writer: BoxMakeWriter,
    is_terminal: bool,
    filter: F,
) -> Box<dyn Layer<Registry> + Send + Sync>
where
    F: layer::Filter<Registry> + Send + Sync + 'static,
{
    // Without the hint everything would be looked at, whatever the level.
    let for_people = filter_fn(is_for_people).with_max_level_hint(LevelFilter::TRACE);
    let filter = filter.and(for_people);
    if format == LogFormat::Json {
        let layer =
            tracing_subscriber::fmt::layer().json().with_span_list(false).flatten_event(true).with_writer(writer);
        layer.with_filter(filter).boxed()
    } else {
        let layer = tracing_subscriber::fmt::layer().with_ansi(is_terminal).with_target(false).with_writer(writer);
        layer.with_filter(filter).boxed()
    }
}

/// Spans in the log are those of requests, which have its ids; libraries' would stand in their place.
fn is_for_people(metadata: &Metadata<'_>) -> bool {
    !metadata.is_span() || (metadata.target().starts_with("lyceum") && metadata.target() != traces::TARGET)
}

fn filter(level: &str) -> Option<EnvFilter> {
    let settings = LogSettings { level: level.to_owned(), ..LogSettings::default() };
    if !settings.is_filter() {
        return None;
    }
    EnvFilter::builder().with_regex(false).parse(format!("{QUIET},{level}")).ok()
}

/// What is logged; `None` if nothing is by us.
pub fn level() -> Option<String> {
    LOG.get().map(|log| log.level().clone())
}

/// Checks a level without changing anything.
pub fn check_level(level: &str) -> Result<(), LevelError> {
    filter(level).map(drop).ok_or(LevelError::Malformed)
}

/// From now on this is logged, until the next start or change.
pub fn set_level(level: &str) -> Result<(), LevelError> {
    let log = LOG.get().ok_or(LevelError::NoLog)?;
    let filter = filter(level).ok_or(LevelError::Malformed)?;
    let mut current = log.level();
    // The last line, if nothing is logged from now on.
    tracing::warn!(log_level = level, "the log level changes");
    log.filter.reload(filter).map_err(|_| LevelError::NoLog)?;
    // Those who log by the crate `log` ask here first.
    log::set_max_level(match LevelFilter::current() {
        LevelFilter::OFF => log::LevelFilter::Off,
        LevelFilter::ERROR => log::LevelFilter::Error,
        LevelFilter::WARN => log::LevelFilter::Warn,
        LevelFilter::INFO => log::LevelFilter::Info,
        LevelFilter::DEBUG => log::LevelFilter::Debug,
        LevelFilter::TRACE => log::LevelFilter::Trace,
    });
    level.clone_into(&mut current);
    drop(current);
    tracing::warn!(log_level = level, "the log level was changed");
    Ok(())
}

/// How often something worth counting was logged; `None` if nothing logs here.
pub fn counts() -> Option<&'static Counts> {
    LOG.get().map(|log| &log.counts)
}

/// Hears SIGHUP, from the moment it is made: unheard, it would end the process.
pub struct Hangups {
    #[cfg(unix)]
    signals: tokio::signal::unix::Signal,
}

impl Hangups {
    /// Begins to hear.
    pub fn heard() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    /// Reads the setting again at each of them, from the files and variables it was read from at the start.
    pub async fn follow(self, stopping: CancellationToken) {
        #[cfg(unix)]
        {
            let mut signals = self.signals;
            while let Some(Some(())) = stopping.run_until_cancelled(signals.recv()).await {
                read_again();
            }
        }
        #[cfg(not(unix))]
        stopping.cancelled().await;
    }
}

#[cfg(unix)]
fn read_again() {
    match Settings::load(&LoadOptions::from_process()) {
        Ok(loaded) => {
            if let Err(error) = set_level(&loaded.settings.log.level) {
                tracing::error!(error = &error as &dyn std::error::Error, "the log level stays as it was");
            }
        }
        Err(errors) => tracing::error!(%errors, "the settings are at fault, so the log level stays as it was"),
    }
}

impl Log {
    /// A panic while it was held left the text whole.
    fn level(&self) -> MutexGuard<'_, String> {
        self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod overheard;
