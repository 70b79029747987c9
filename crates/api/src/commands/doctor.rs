//! `lyceum doctor`: is everything there that this server needs?

mod data;
mod report;
mod safety;
mod services;

use clap::Args;

use self::report::Report;
use super::{Failure, Outcome};
use crate::{settings::Settings, wiring};

/// Check everything this server needs, and say what to do.
///
/// Looks at the settings, the data folder and its disk, the database and its schema, clocks, mail, files, the model,
/// the keys of identity providers, and how safe secrets are. Nothing that is there is changed. What is not there yet
/// and the first start would make is made: the data folder, folders in it, an empty SQLite file. So run it as the user
/// that the server runs as. To see that the data folder and the bucket can be written it writes into both, and takes
/// that away again. A line that begins with `ok` needs nothing done; `warn` should be looked at; with `FAIL` the server
/// does not work as it is set up, and the exit code is 1.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Really ask the model a short question; that costs as much as any.
    #[arg(long)]
    ask: bool,
    /// Print JSON: `{"ok": …, "checks": [{"part", "level", "detail", "advice"}]}`.
    #[arg(long)]
    json: bool,
}

/// Prints a line for each check; fails if one of them did.
pub async fn run(command: &Doctor, settings: &Settings) -> Outcome {
    let mut report = Report::new(command.json);
    report.good("settings", format_args!("in order, for {}", settings.environment.as_str()));
    data::folder(settings, &mut report);
    data::room(settings, &mut report);
    data::database(settings, &mut report).await;
    safety::addresses(settings, &mut report);
    safety::files(settings, &mut report);
    safety::open_files(settings, &mut report);
    safety::secret(settings, &mut report);
    services::redis(settings, &mut report).await;
    match wiring::lyceum(settings).await {
        Ok(lyceum) => {
            let ports = lyceum.ports();
            safety::passwords(settings, ports, &mut report).await;
            services::mail(settings, ports, &mut report).await;
            services::storage(settings, ports, &mut report).await;
            services::providers(settings, ports, &mut report).await;
            services::mentor(settings, ports, command.ask, &mut report).await;
        }
        Err(error) => report.bad("start", format_args!("{error:#}"), "see the lines above"),
    }
    match report.finish() {
        0 => Ok(()),
        1 => Err(Failure::Failed(anyhow::anyhow!("1 check failed"))),
        failed => Err(Failure::Failed(anyhow::anyhow!("{failed} checks failed"))),
    }
}
