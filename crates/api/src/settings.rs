//! What an operator chooses: typed, read once, checked before anything starts.
//!
//! Built-in values < `config/default.toml` < `config/{environment}.toml` < `.env` < environment variables. Every fault
//! is found in one go, and names the setting as the operator wrote it. The built-in values are those of production;
//! `development` and `test` relax some of them, so that a setting that was forgotten is never the unsafe one.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `server`, `database`, `auth`, `cors`, `llm`, `mentor`, `quota`, `encryption`, `mail`, `storage`, `retention`, `log`,
//! `telemetry`, `rate_limit`, `redis` | the groups |
//! | `lockout`, `providers` | groups within `auth` |
//! | `known` | the table of all settings: name, plain name, what is allowed |
//! | `sources`, `files`, `variables`, `parts` | reading the layers |
//! | `faults`, `checks` | what is wrong, and finding it |
//! | `masking`, `show` | printing settings without their secrets |
//! | `reference` | what each setting is, for people |

use figment::{Figment, providers::Serialized};
use serde::{Deserialize, Serialize};

mod auth;
mod checks;
mod cors;
mod database;
mod encryption;
mod environment;
mod faults;
mod files;
mod known;
mod llm;
mod lockout;
mod log;
mod mail;
mod masking;
mod mentor;
mod parts;
mod providers;
mod quota;
mod rate_limit;
mod redis;
mod reference;
mod retention;
mod server;
mod show;
mod sources;
mod storage;
mod telemetry;
#[cfg(test)]
mod tests;
mod variables;

pub use auth::{AuthMode, AuthSettings, JwtAlgorithm, SameSite};
pub use cors::CorsSettings;
pub(crate) use database::sqlite_url;
pub use database::{DatabaseKind, DatabaseSettings};
pub use encryption::EncryptionSettings;
pub use environment::Environment;
pub use faults::{Fault, SettingsErrors};
pub use llm::{BreakerSettings, LlmProvider, LlmSettings, QubridSettings, SecondProvider, SecondSettings};
pub use lockout::LockoutSettings;
pub use log::{LogFormat, LogSettings};
pub use mail::{MailSettings, MailTransport};
pub use mentor::{MentorSettings, PriceSettings};
pub use providers::{ProviderAlgorithm, ProviderSettings};
pub use quota::{PlanQuotaSettings, QuotaSettings};
pub use rate_limit::{ClassSettings, RateLimitSettings};
pub use redis::RedisSettings;
pub use reference::reference;
pub use retention::RetentionSettings;
pub use server::ServerSettings;
pub use show::show;
pub use sources::{LoadOptions, Loaded, Origin};
pub use storage::StorageSettings;
pub use telemetry::TelemetrySettings;

use faults::Report;
use sources::{Layers, Origins};

/// All settings. `Debug` and `Serialize` show no secret.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Settings {
    /// Where this runs: `LYCEUM_ENV`, not part of any file. Default `development`.
    #[serde(skip)]
    pub environment: Environment,
    /// The folder of the SQLite file, blobs and mails; from the working directory. Default `data`.
    pub data_dir: String,
    /// Whether to make the demo course and accounts. Default `false`, in development `true`.
    pub seed_demo: bool,
    /// The HTTP server.
    pub server: ServerSettings,
    /// The database and its pool.
    pub database: DatabaseSettings,
    /// Accounts, tokens, cookies and passwords.
    pub auth: AuthSettings,
    /// Which other origins may call.
    pub cors: CorsSettings,
    /// The language model.
    pub llm: LlmSettings,
    /// What answers cost, and how many are given at once.
    pub mentor: MentorSettings,
    /// What a plan may ask of the mentor.
    pub quota: QuotaSettings,
    /// Messages at rest.
    pub encryption: EncryptionSettings,
    /// Outgoing mail.
    pub mail: MailSettings,
    /// Files: where they are kept, and how large they may be.
    pub storage: StorageSettings,
    /// How long records are kept.
    pub retention: RetentionSettings,
    /// Logging.
    pub log: LogSettings,
    /// Metrics and traces.
    pub telemetry: TelemetrySettings,
    /// The request limiter.
    pub rate_limit: RateLimitSettings,
    /// What several servers share beside the database.
    pub redis: RedisSettings,
}

impl Settings {
    /// The values that hold in an environment if nobody sets anything.
    pub fn built_in(environment: Environment) -> Self {
        let mut settings = Self {
            environment,
            data_dir: "data".to_owned(),
            seed_demo: false,
            server: ServerSettings::default(),
            database: DatabaseSettings::default(),
            auth: AuthSettings::default(),
            cors: CorsSettings::default(),
            llm: LlmSettings::default(),
            mentor: MentorSettings::default(),
            quota: QuotaSettings::default(),
            encryption: EncryptionSettings::default(),
            mail: MailSettings::default(),
            storage: StorageSettings::default(),
            retention: RetentionSettings::default(),
            log: LogSettings::default(),
            telemetry: TelemetrySettings::default(),
            rate_limit: RateLimitSettings::default(),
            redis: RedisSettings::default(),
        };
        match environment {
            Environment::Production => {}
            Environment::Staging => settings.server.hsts = false,
            Environment::Development => {
                settings.relax();
                settings.seed_demo = true;
                settings.cors.origins = vec!["http://localhost:5173".to_owned()];
            }
            Environment::Test => {
                settings.relax();
                settings.auth.bcrypt_cost = 4;
                "off".clone_into(&mut settings.telemetry.metrics_bind);
            }
        }
        settings
    }

    /// What a machine of a developer needs: plain HTTP, mails in a folder, logs to read, nobody to wait for.
    fn relax(&mut self) {
        self.server.shutdown_delay_seconds = 0;
        self.server.hsts = false;
        self.auth.cookie_secure = false;
        self.mail.transport = MailTransport::Folder;
        self.log.format = LogFormat::Pretty;
    }

    /// Reads every layer and checks the result. Nothing is read but what the options name, and nothing is
    /// written; files that settings name are only opened.
    ///
    /// # Errors
    /// Every fault there is, at once, with the warnings.
    pub fn load(options: &LoadOptions) -> Result<Loaded, SettingsErrors> {
        let mut report = Report::default();
        let layers = Layers::read(options, &mut report);
        let mut origins = Origins::default();
        let mut figment = Figment::from(Serialized::defaults(Self::built_in(layers.environment)));
        for assignment in layers.assignments {
            // A file that repeats what holds anyway is not where an operator has to look.
            let is_repeated = || {
                let held = figment.find_value(&assignment.path).ok();
                held.and_then(|held| serde_json::to_value(held).ok()) == serde_json::to_value(&assignment.value).ok()
            };
            if matches!(assignment.origin, Origin::File { .. }) && is_repeated() {
                continue;
            }
            figment = figment.merge(Serialized::default(&assignment.path, assignment.value));
            origins.insert(&assignment.path, assignment.origin);
        }
        // Each value was checked against the table when it was read, so this fails only if table and structs differ.
        let extracted = figment.extract::<Self>().map_err(|errors| report.not_extracted(errors, &origins)).ok();
        let Some(mut settings) = extracted else { return Err(report.into_errors()) };
        settings.environment = layers.environment;
        settings.derive(&mut origins);
        checks::check(&settings, &origins, &options.working_dir, &mut report);
        if report.faults.is_empty() {
            Ok(Loaded { settings, warnings: report.warnings, origins, config_dir: layers.config_dir })
        } else {
            Err(report.into_errors())
        }
    }

    /// Fills in what follows from other settings.
    fn derive(&mut self, origins: &mut Origins) {
        if self.database.url_text().is_empty() {
            self.database.url = database::url_in(&self.data_dir).into();
            origins.insert("database.url", Origin::Derived { from: "data_dir".to_owned() });
        }
        while self.server.public_url.ends_with('/') {
            self.server.public_url.pop();
        }
        for (name, provider) in &mut self.auth.providers {
            for key in provider.derive() {
                let from = format!("auth.providers.{name}.url");
                origins.insert(&format!("auth.providers.{name}.{key}"), Origin::Derived { from });
            }
        }
    }
}
