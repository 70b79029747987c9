//! `lyceum encryption`.

use clap::Subcommand;
use lyceum_domain::policy::Actor;

use super::{Failure, Outcome};
use crate::{output::say, settings::Settings};

#[derive(Debug, Subcommand)]
pub enum Encryption {
    /// Seal under the first key of `LYCEUM__ENCRYPTION__KEYS` what is in clear or under another one. Servers may run
    /// meanwhile, if they know all keys; afterwards the other keys are needed no more.
    Rotate,
}

pub async fn run(command: Encryption, settings: &Settings) -> Outcome {
    let Encryption::Rotate = command;
    if !settings.encryption.is_on() {
        return Err(Failure::Usage("LYCEUM__ENCRYPTION__KEYS is not set: there is no key to seal under".to_owned()));
    }
    let lyceum = super::lyceum(settings).await?;
    let mut sealed = 0;
    loop {
        match lyceum.reseal(&Actor::System).await? {
            0 => break,
            more => sealed += more,
        }
    }
    say!("{sealed} texts sealed anew; all are under the key in use");
    Ok(())
}
