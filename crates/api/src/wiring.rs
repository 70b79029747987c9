//! The one file that names adapters: from settings to a house that works.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use lyceum_application::{Lyceum, Ports, Rules};
use lyceum_auth::{AccessTokenSettings, BcryptHasher, BcryptSettings, JwtAccessTokens, Sha256Secrets, SigningKey};
use lyceum_domain::{
    ids::IdGenerator,
    mail::Mailer,
    sessions::{AccessTokens, Secrets},
    users::PasswordHasher,
};
use lyceum_llm_offline::OfflineModel;
use lyceum_llm_qubrid::{QubridModel, QubridSettings};
use lyceum_mail::{FolderMailer, SmtpMailer, SmtpSettings};
use lyceum_storage_seaorm::{SeaOrmStore, StorageSettings};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;

use crate::{
    ambient::{SystemClock, UuidV7Ids},
    settings::{DatabaseKind, LlmProvider, MailTransport, Settings},
};

/// Applies the migrations that are missing, unless told not to.
pub async fn migrate(settings: &Settings) -> anyhow::Result<Vec<String>> {
    if !settings.database.migrate_on_start {
        return Ok(Vec::new());
    }
    lyceum_migration::up(settings.database.url.expose_secret()).await.context("the database could not be migrated")
}

/// What all threads of a server share, and what each gets its own of.
///
/// Connections belong to the runtime that opened them: used from another thread, every answer wakes two. So each web
/// worker gets its own connections to PostgreSQL and to the model. SQLite has no sockets but one writer, which all
/// share.
pub struct House {
    settings: Settings,
    rules: Rules,
    ids: Arc<dyn IdGenerator>,
    secrets: Arc<dyn Secrets>,
    passwords: Arc<dyn PasswordHasher>,
    access_tokens: Arc<dyn AccessTokens>,
    mailer: Arc<dyn Mailer>,
    /// None: the offline one.
    remote_model: Option<QubridModel>,
    shared_store: OnceCell<SeaOrmStore>,
}

impl House {
    /// Prepares everything but connections. `public_url` is where links in mails lead.
    pub fn new(settings: &Settings, public_url: String) -> anyhow::Result<Self> {
        let ids: Arc<dyn IdGenerator> = Arc::new(UuidV7Ids);
        let secrets = Arc::new(Sha256Secrets);
        Ok(Self {
            rules: rules(settings, public_url),
            passwords: passwords(settings)?,
            access_tokens: access_tokens(settings, &*secrets, Arc::clone(&ids))?,
            mailer: mailer(settings)?,
            remote_model: remote_model(settings)?,
            settings: settings.clone(),
            secrets,
            ids,
            shared_store: OnceCell::new(),
        })
    }

    /// The application for one of `threads` runtimes, to be called on it.
    pub async fn lyceum(&self, threads: usize) -> anyhow::Result<Lyceum> {
        let store = if self.settings.database.kind() == Some(DatabaseKind::Sqlite) {
            self.shared_store.get_or_try_init(|| store(&self.settings, 1)).await?.clone()
        } else {
            store(&self.settings, threads).await?
        };
        let ports = Ports {
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            ids: Arc::clone(&self.ids),
            passwords: Arc::clone(&self.passwords),
            access_tokens: Arc::clone(&self.access_tokens),
            secrets: Arc::clone(&self.secrets),
            mailer: Arc::clone(&self.mailer),
            model: match &self.remote_model {
                None => Arc::new(OfflineModel),
                Some(model) => Arc::new(model.sibling()?),
            },
        };
        Ok(Lyceum::new(ports, self.rules.clone()))
    }
}

/// The application for a command, which has one thread.
pub async fn lyceum(settings: &Settings) -> anyhow::Result<Lyceum> {
    House::new(settings, settings.server.base_url(settings.server.port))?.lyceum(1).await
}

fn rules(settings: &Settings, public_url: String) -> Rules {
    Rules {
        access_ttl: Duration::from_secs(settings.auth.access_ttl_seconds),
        refresh_ttl: Duration::from_secs(settings.auth.refresh_ttl_seconds),
        verification_ttl: Duration::from_secs(settings.auth.verification_ttl_seconds),
        public_url,
        max_answer_tokens: Some(settings.llm.max_tokens).filter(|tokens| *tokens > 0),
        ..Rules::default()
    }
}

/// A store with its part of the connections that the settings allow, at least one; or of those that proved best: eight
/// in all, two for each thread.
async fn store(settings: &Settings, threads: usize) -> anyhow::Result<SeaOrmStore> {
    let database = &settings.database;
    let part = |all: u32, least: u32| (all / u32::try_from(threads.max(1)).unwrap_or(u32::MAX)).max(least);
    let connections = match (database.kind(), database.max_connections) {
        (Some(DatabaseKind::Sqlite), 0) => None,
        (Some(DatabaseKind::Sqlite), all) => Some(all),
        (_, 0) => Some(part(8, 2)),
        (_, all) => Some(part(all, 1)),
    };
    let some_seconds = |seconds: u64| Some(Duration::from_secs(seconds)).filter(|span| !span.is_zero());
    let storage = StorageSettings {
        url: database.url.expose_secret().to_owned(),
        min_connections: database.min_connections,
        max_connections: connections,
        acquire_timeout: Duration::from_secs(database.acquire_timeout_seconds),
        idle_timeout: some_seconds(database.idle_timeout_seconds),
        max_lifetime: some_seconds(database.max_lifetime_seconds),
        statement_timeout: some_seconds(database.statement_timeout_seconds),
        statement_cache: database.statement_cache,
        slow_query_threshold: Some(Duration::from_millis(database.slow_query_milliseconds))
            .filter(|span| !span.is_zero()),
        ..StorageSettings::default()
    };
    SeaOrmStore::connect(&storage).await.context("the database cannot be reached")
}

fn passwords(settings: &Settings) -> anyhow::Result<Arc<dyn PasswordHasher>> {
    let auth = &settings.auth;
    let defaults = BcryptSettings::default();
    let bcrypt = BcryptSettings {
        cost: auth.bcrypt_cost,
        workers: if auth.hash_workers == 0 { defaults.workers } else { auth.hash_workers },
        queue: auth.hash_queue,
        queue_timeout: Duration::from_secs(auth.hash_queue_timeout_seconds),
    };
    Ok(Arc::new(BcryptHasher::new(bcrypt)?))
}

fn access_tokens(
    settings: &Settings,
    secrets: &dyn Secrets,
    ids: Arc<dyn IdGenerator>,
) -> anyhow::Result<Arc<dyn AccessTokens>> {
    let auth = &settings.auth;
    let secret = if auth.jwt_secret.expose_secret().is_empty() {
        kept_secret(Path::new(&settings.data_dir), secrets)?
    } else {
        auth.jwt_secret.clone()
    };
    let mut tokens = AccessTokenSettings::new(SigningKey::Hs256(secret), &auth.jwt_issuer, &auth.jwt_audience);
    tokens.leeway = Duration::from_secs(auth.clock_skew_seconds);
    Ok(Arc::new(JwtAccessTokens::new(&tokens, ids)?))
}

/// The secret of a machine where nobody set one: made at the first start, kept for the next. Two starts at once agree
/// on one.
fn kept_secret(folder: &Path, secrets: &dyn Secrets) -> anyhow::Result<SecretString> {
    use std::io::{ErrorKind, Write as _};
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let file = folder.join("jwt-secret");
    let read = || std::fs::read_to_string(&file).map(|text| text.trim().to_owned());
    match read() {
        Ok(text) if text.len() >= SigningKey::HS256_MIN_BYTES => return Ok(text.into()),
        Ok(_) => anyhow::bail!("{} holds no secret of {} bytes", file.display(), SigningKey::HS256_MIN_BYTES),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
    // Whole under another name first: nobody ever reads half a secret.
    let draft = folder.join(format!("jwt-secret.{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&draft)?.write_all(secrets.generate().expose().as_bytes())?;
    match std::fs::hard_link(&draft, &file) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("{} cannot be written", file.display()));
        }
        _ => std::fs::remove_file(&draft)?,
    }
    Ok(read()?.into())
}

fn mailer(settings: &Settings) -> anyhow::Result<Arc<dyn Mailer>> {
    let mail = &settings.mail;
    let from = mail.from.parse()?;
    Ok(match mail.transport {
        MailTransport::Folder => Arc::new(FolderMailer::new(Path::new(&settings.data_dir).join("mail"), from)),
        MailTransport::Smtp => Arc::new(SmtpMailer::new(SmtpSettings {
            url: mail.smtp_url.clone(),
            from,
            timeout: Duration::from_secs(mail.timeout_seconds),
        })?),
    })
}

fn remote_model(settings: &Settings) -> anyhow::Result<Option<QubridModel>> {
    let llm = &settings.llm;
    if llm.provider == LlmProvider::Offline {
        return Ok(None);
    }
    Ok(Some(QubridModel::new(QubridSettings {
        base_url: llm.qubrid.base_url.clone(),
        api_key: llm.qubrid.api_key.clone(),
        model: llm.qubrid.model.clone(),
        connect_timeout: Duration::from_secs(llm.connect_timeout_seconds),
        first_byte_timeout: Duration::from_secs(llm.first_byte_timeout_seconds),
        read_timeout: Duration::from_secs(llm.read_timeout_seconds),
        total_timeout: Duration::from_secs(llm.total_timeout_seconds),
        max_retries: llm.max_retries,
        retry_delay: Duration::from_millis(llm.retry_delay_milliseconds),
        retry_budget: Duration::from_secs(llm.retry_budget_seconds),
        max_response_bytes: llm.max_response_bytes,
        max_tokens: Some(llm.max_tokens).filter(|tokens| *tokens > 0),
        temperature: llm.temperature,
        stream_usage: llm.qubrid.stream_usage,
        ..QubridSettings::default()
    })?))
}

/// The kind of database, as people call it.
pub fn database_name(settings: &Settings) -> &'static str {
    match settings.database.kind() {
        Some(DatabaseKind::Sqlite) => "SQLite",
        Some(DatabaseKind::Postgres) => "PostgreSQL",
        None => "an unknown database",
    }
}
