//! Structured logs, for people, or one JSON object a line: those of the server on standard output, those of the other
//! commands on standard error, since what these print may be read by a program.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt::writer::BoxMakeWriter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{LogFormat, Settings};

/// Starts logging. Does nothing if something logs already (tests).
pub fn start(settings: &Settings, is_server: bool) {
    // What libraries say at each start; whoever wants to hear it names them in the setting.
    let quiet = "actix_server=warn,sea_orm_migration=warn,sqlx::postgres::notice=warn";
    let filter =
        EnvFilter::try_new(format!("{quiet},{}", settings.log.level)).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let (writer, is_terminal) = if is_server {
        (BoxMakeWriter::new(std::io::stdout), std::io::stdout().is_terminal())
    } else {
        (BoxMakeWriter::new(std::io::stderr), std::io::stderr().is_terminal())
    };
    let started = if settings.log.format == LogFormat::Json {
        let layer =
            tracing_subscriber::fmt::layer().json().with_span_list(false).flatten_event(true).with_writer(writer);
        registry.with(layer).try_init()
    } else {
        let layer = tracing_subscriber::fmt::layer().with_ansi(is_terminal).with_target(false).with_writer(writer);
        registry.with(layer).try_init()
    };
    drop(started);
}
