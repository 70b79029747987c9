//! `lyceum migrate`.

use clap::Subcommand;
use secrecy::ExposeSecret as _;

use super::{Failure, Outcome};
use crate::{
    output::{self, say},
    settings::{Environment, Settings},
};

#[derive(Debug, Subcommand)]
pub enum Migrate {
    /// Apply what is missing.
    Up,
    /// Take back the newest migration.
    Down {
        /// How many to take back.
        #[arg(long, default_value_t = 1)]
        steps: u32,
    },
    /// List the migrations and whether each is applied.
    Status,
    /// Delete all data and start anew; never in production.
    Reset {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

pub async fn run(command: &Migrate, settings: &Settings) -> Outcome {
    let url = settings.database.url.expose_secret();
    match command {
        Migrate::Up => told("applied", &lyceum_migration::up(url).await?),
        Migrate::Down { steps } => told("taken back", &lyceum_migration::down(url, *steps).await?),
        Migrate::Status => {
            for (name, is_applied) in lyceum_migration::status(url).await? {
                say!("{} {name}", if is_applied { "applied" } else { "pending" });
            }
        }
        Migrate::Reset { yes } => {
            if settings.environment == Environment::Production {
                return Err(Failure::Usage("The schema is never reset in production.".to_owned()));
            }
            if !yes && !confirmed()? {
                return Err(Failure::Usage("Nothing was changed.".to_owned()));
            }
            lyceum_migration::reset(url).await?;
            say!("All data is deleted; the schema is new.");
        }
    }
    Ok(())
}

fn told(what: &str, names: &[String]) {
    for name in names {
        say!("{what} {name}");
    }
    if names.is_empty() {
        say!("nothing to do");
    }
}

fn confirmed() -> std::io::Result<bool> {
    output::text("This deletes all data. Write \"reset\" to go on: ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "reset")
}
