//! `lyceum config`.

use clap::Subcommand;

use super::{Failure, Outcome};
use crate::{
    output::{self, complain},
    settings::{LoadOptions, Loaded, Settings, reference, show},
};

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Say whether the settings are in order; each fault on its own line.
    Check,
    /// Print the settings as they are used, secrets masked.
    Show,
    /// Print what every setting is: names, range, default for each environment, what it does (Markdown).
    Reference,
}

pub fn run(command: &Config) -> Outcome {
    let tell: fn(&Loaded) -> String = match command {
        Config::Check => |_| "The settings are in order.\n".to_owned(),
        Config::Show => show,
        // About all settings, so it needs none.
        Config::Reference => {
            output::text(&reference());
            return Ok(());
        }
    };
    let loaded = Settings::load(&LoadOptions::from_process()).map_err(|errors| {
        for warning in &errors.warnings {
            complain!("warning: {warning}");
        }
        Failure::Usage(errors.to_string())
    })?;
    for warning in &loaded.warnings {
        complain!("warning: {warning}");
    }
    output::text(&tell(&loaded));
    Ok(())
}
