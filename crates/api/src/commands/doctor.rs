//! `lyceum doctor`: is everything there that this server needs?

use std::{fmt::Display, path::Path, time::Duration};

use secrecy::ExposeSecret as _;

use super::{Failure, Outcome};
use crate::{
    settings::{LlmProvider, MailTransport, Settings},
    wiring,
};

/// Prints a line for each check; fails if one of them did.
pub async fn run(settings: &Settings) -> Outcome {
    let mut report = Report::default();
    report.good("settings", format_args!("in order, for {}", settings.environment.as_str()));
    folder(settings, &mut report);
    database(settings, &mut report).await;
    match wiring::lyceum(settings).await {
        Ok(lyceum) => {
            let ports = lyceum.ports();
            let patience = Duration::from_secs(settings.mail.timeout_seconds.max(1));
            match tokio::time::timeout(patience, ports.mailer.check()).await {
                Ok(Ok(())) => report.good("mail", transport(settings)),
                Ok(Err(error)) => report.bad("mail", error, "check mail.transport and SMTP_URL"),
                Err(_) => report.bad("mail", "no answer in time", "check that the mail server can be reached"),
            }
            let patience = Duration::from_secs(settings.storage.s3_timeout_seconds);
            match tokio::time::timeout(patience, ports.blobs.check()).await {
                Ok(Ok(())) => report.good("storage", place(settings)),
                Ok(Err(error)) => {
                    report.bad("storage", format_args!("{:#}", anyhow::Error::new(error)), storage_advice(settings));
                }
                Err(_) => report.bad("storage", "no answer in time", storage_advice(settings)),
            }
            match settings.llm.provider {
                LlmProvider::Offline => report.good("mentor", "offline: answers from progress and course passages"),
                LlmProvider::Qubrid => report.good(
                    "mentor",
                    format_args!(
                        "{} at {} (not asked: a question costs)",
                        ports.model.model(),
                        settings.llm.qubrid.base_url
                    ),
                ),
            }
        }
        Err(error) => report.bad("start", format_args!("{error:#}"), "see the lines above"),
    }
    if report.failed == 0 { Ok(()) } else { Err(Failure::Failed(anyhow::anyhow!("{} checks failed", report.failed))) }
}

#[derive(Default)]
struct Report {
    failed: usize,
}

impl Report {
    #[expect(clippy::unused_self, reason = "beside `bad`")]
    fn good(&self, part: &str, what: impl Display) {
        println!("ok    {part:10} {what}");
    }

    fn bad(&mut self, part: &str, what: impl Display, advice: &str) {
        self.failed += 1;
        println!("FAIL  {part:10} {what}\n                 {advice}");
    }
}

fn folder(settings: &Settings, report: &mut Report) {
    let folder = Path::new(&settings.data_dir);
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, b""))
        .and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => report.good("data", format_args!("{} can be written", folder.display())),
        Err(error) => report.bad(
            "data",
            format_args!("{}: {error}", folder.display()),
            "give this user the folder, or set LYCEUM__DATA_DIR",
        ),
    }
}

async fn database(settings: &Settings, report: &mut Report) {
    let patience = Duration::from_secs(settings.database.acquire_timeout_seconds);
    let advice = "check DATABASE_URL, and that the server runs";
    let status = lyceum_migration::status(settings.database.url.expose_secret());
    let Ok(status) = tokio::time::timeout(patience, status).await else {
        return report.bad("database", format_args!("no answer within {} s", patience.as_secs()), advice);
    };
    match status {
        Ok(all) => {
            let pending = all.iter().filter(|(_, is_applied)| !is_applied).count();
            report.good("database", wiring::database_name(settings));
            if pending == 0 {
                report.good("schema", format_args!("up to date, {} migrations", all.len()));
            } else if settings.database.migrate_on_start {
                report.good("schema", format_args!("{pending} migrations are pending; the next start applies them"));
            } else {
                report.bad("schema", format_args!("{pending} migrations are pending"), "run `lyceum migrate up`");
            }
        }
        Err(error) => {
            let error = anyhow::Error::new(error);
            report.bad("database", format_args!("{error:#}"), advice);
        }
    }
}

fn transport(settings: &Settings) -> &'static str {
    match settings.mail.transport {
        MailTransport::Folder => "mails land in the data folder",
        MailTransport::Smtp => "the server answers",
    }
}

fn place(settings: &Settings) -> String {
    if settings.storage.is_s3() {
        format!("the bucket {} can be written", settings.storage.s3_bucket)
    } else {
        format!("{} can be written", Path::new(&settings.data_dir).join("blobs").display())
    }
}

fn storage_advice(settings: &Settings) -> &'static str {
    if settings.storage.is_s3() {
        "check the S3_ settings, and that the key pair may read, write, list and delete in the bucket"
    } else {
        "give this user the folder blobs/ in the data folder, and room on its disk"
    }
}
