//! `lyceum mail`.

use clap::Subcommand;
use lyceum_domain::policy::Actor;

use super::Outcome;
use crate::{output::say, settings::Settings};

#[derive(Debug, Subcommand)]
pub enum Mail {
    /// Say how many mails wait to be sent, and how many were given up.
    Status,
    /// Let the mails that were given up be tried again.
    Retry,
}

pub async fn run(command: &Mail, settings: &Settings) -> Outcome {
    let lyceum = super::lyceum(settings).await?;
    match command {
        Mail::Status => {
            let counts = lyceum.ports().store.read().outbox_counts().await?;
            let since = counts.oldest.map(|oldest| format!(", the oldest since {oldest}")).unwrap_or_default();
            say!("{} mails wait{since}; {} were given up.", counts.waiting, counts.dead);
        }
        Mail::Retry => {
            let revived = lyceum.revive_mails(&Actor::System).await?;
            say!("{revived} mails will be tried again by the server.");
        }
    }
    Ok(())
}
