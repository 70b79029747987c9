//! Structured logs on standard output: for people, or one JSON object a line.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{LogFormat, Settings};

/// Starts logging. Does nothing if something logs already (tests).
pub fn start(settings: &Settings) {
    // What libraries say at each start; whoever wants to hear it names them in the setting.
    let quiet = "actix_server=warn,sea_orm_migration=warn";
    let filter =
        EnvFilter::try_new(format!("{quiet},{}", settings.log.level)).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let started = if settings.log.format == LogFormat::Json {
        let layer = tracing_subscriber::fmt::layer().json().with_span_list(false).flatten_event(true);
        registry.with(layer).try_init()
    } else {
        let layer = tracing_subscriber::fmt::layer().with_ansi(std::io::stdout().is_terminal()).with_target(false);
        registry.with(layer).try_init()
    };
    drop(started);
}
