//! `lyceum config`.

use clap::Subcommand;

use super::{Failure, Outcome};
use crate::settings::{LoadOptions, Settings, show};

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Say whether the settings are in order; each fault on its own line.
    Check,
    /// Print the settings as they are used, secrets masked.
    Show,
}

pub fn run(command: &Config) -> Outcome {
    let loaded = Settings::load(&LoadOptions::from_process()).map_err(|errors| {
        for warning in &errors.warnings {
            eprintln!("warning: {warning}");
        }
        Failure::Usage(errors.to_string())
    })?;
    for warning in &loaded.warnings {
        eprintln!("warning: {warning}");
    }
    match command {
        Config::Check => println!("The settings are in order."),
        Config::Show => print!("{}", show(&loaded)),
    }
    Ok(())
}
