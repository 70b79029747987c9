//! The commands of the binary. Exit codes: 0 done, 1 failed, 2 wrong usage or settings.

mod backup;
mod config;
mod course;
mod doctor;
mod encryption;
mod health;
mod mail;
mod manual;
mod mentor;
mod migrate;
mod progress;
mod user;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::{
    backup::finish_placing,
    logs, openapi, output,
    output::{complain, say},
    server::serve,
    settings::{LoadOptions, Loaded, Settings},
    signals::StopSignals,
    traces, wiring,
};

/// The back end of AI-mentored learning.
#[derive(Debug, Parser)]
#[command(name = "lyceum", version, about = "The back end of AI-mentored learning", max_term_width = 100)]
pub struct Cli {
    /// What to do; without one, `serve`.
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve,
    /// Look at or change the database schema.
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    Backup(backup::Backup),
    Restore(backup::Restore),
    /// Make accounts, give roles, bring accounts back, erase them.
    #[command(subcommand)]
    User(user::User),
    /// Look after mails that wait to be sent.
    #[command(subcommand)]
    Mail(mail::Mail),
    /// Bring courses in, take them along.
    #[command(subcommand)]
    Course(course::Course),
    /// Look after what is known of learners.
    #[command(subcommand)]
    Progress(progress::Progress),
    /// Look after the keys that messages are sealed under.
    #[command(subcommand)]
    Encryption(encryption::Encryption),
    /// See what answers of the mentor were made from.
    #[command(subcommand)]
    Mentor(mentor::Mentor),
    /// Check or show the settings.
    #[command(subcommand)]
    Config(config::Config),
    /// Print the OpenAPI document.
    Openapi,
    Doctor(doctor::Doctor),
    /// Ask a running server whether it is ready.
    Health(health::Health),
    /// Print what makes a shell complete these commands.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the manual page, or write one for each command.
    Man {
        /// The folder to write them to; without one, the main page goes to standard output.
        folder: Option<PathBuf>,
    },
    /// Read a PDF from the input and write its text; the server runs this for each PDF.
    #[command(name = wiring::PDF_COMMAND, hide = true)]
    ReadPdf,
}

impl Cli {
    /// What this process was asked for. Wrong usage and `--help` end it here.
    pub fn from_process() -> Self {
        let matches = Self::described().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// The commands with all that help says of them.
    fn described() -> clap::Command {
        manual::with_manual(Self::command())
    }
}

/// Why a command did not do what it was asked.
enum Failure {
    /// Wrong usage or settings: exit code 2.
    Usage(String),
    /// Anything else: exit code 1.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

type Outcome = Result<(), Failure>;

/// How long work that blocks a thread may go on when all else is done.
const LAST_BLOCKED: Duration = Duration::from_secs(1);

/// Runs a command to its exit code.
pub fn run(cli: Cli) -> ExitCode {
    if let Some(Command::ReadPdf) = cli.command {
        // Before anything is started: it bounds the whole process.
        return wiring::read_pdf();
    }
    // One TLS provider for everything that speaks TLS. Fails only if it is set already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let outcome = dispatch(cli.command.unwrap_or(Command::Serve));
    traces::finish();
    match outcome.and_then(|()| said()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            complain!("{message}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(error)) => {
            complain!("lyceum: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all that was said came to where somebody may read it.
fn said() -> Outcome {
    match output::failure() {
        None => Ok(()),
        Some(error) => Err(Failure::Failed(anyhow::anyhow!("standard output cannot be written: {error}"))),
    }
}

fn dispatch(command: Command) -> Outcome {
    match command {
        // These need no settings, or must work with broken ones.
        Command::Openapi => {
            say!("{}", openapi::json()?);
            Ok(())
        }
        Command::Config(command) => config::run(&command),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::described(), "lyceum", &mut text);
            output::text(&String::from_utf8(text)?);
            Ok(())
        }
        Command::Man { folder: None } => {
            let mut text = Vec::new();
            manual::write(Cli::described(), &mut text)?;
            output::text(&String::from_utf8(text)?);
            Ok(())
        }
        Command::Man { folder: Some(folder) } => {
            let written = manual::write_all(Cli::described(), &folder)?;
            say!("{written} pages are in {}", folder.display());
            Ok(())
        }
        Command::Health(command) => block_on(health::run(command)),
        command => {
            let settings = load(matches!(command, Command::Serve))?;
            // Before anything looks into the data folder: a restore may have been interrupted.
            if !matches!(command, Command::Doctor(_)) {
                finish_placing(Path::new(&settings.data_dir))?;
            }
            block_on(async {
                match command {
                    Command::Serve => Ok(serve(settings, StopSignals::listen()?).await?),
                    Command::Migrate(command) => migrate::run(&command, &settings).await,
                    Command::Backup(command) => Box::pin(backup::back_up(command, &settings)).await,
                    Command::Restore(command) => Box::pin(backup::restore(command, &settings)).await,
                    Command::User(command) => Box::pin(user::run(command, &settings)).await,
                    Command::Mail(command) => mail::run(&command, &settings).await,
                    Command::Course(command) => Box::pin(course::run(command, &settings)).await,
                    Command::Progress(command) => progress::run(command, &settings).await,
                    Command::Encryption(command) => encryption::run(command, &settings).await,
                    Command::Mentor(command) => mentor::run(command, &settings).await,
                    Command::Doctor(command) => Box::pin(doctor::run(&command, &settings)).await,
                    Command::Openapi
                    | Command::Config(_)
                    | Command::Completions { .. }
                    | Command::Man { .. }
                    | Command::Health(_)
                    | Command::ReadPdf => Ok(()),
                }
            })
        }
    }
}

/// Settings in order, or every fault on a line of its own; warnings too.
fn load(is_server: bool) -> Result<Settings, Failure> {
    match Settings::load(&LoadOptions::from_process()) {
        Ok(Loaded { settings, warnings, .. }) => {
            logs::start(&settings, is_server);
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            Ok(settings)
        }
        Err(errors) => Err(Failure::Usage(errors.to_string())),
    }
}

fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .thread_name("lyceum")
        .enable_all()
        .build()?;
    let done = runtime.block_on(future);
    // What blocks a thread now, nobody waits for any more.
    runtime.shutdown_timeout(LAST_BLOCKED);
    done
}

/// The house without its HTTP door, over an up-to-date schema.
async fn lyceum(settings: &Settings) -> anyhow::Result<lyceum_application::Lyceum> {
    wiring::migrate(settings).await?;
    wiring::lyceum(settings).await
}
