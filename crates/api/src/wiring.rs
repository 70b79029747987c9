//! The one file that names adapters: from settings to a house that works.

mod chat_model;
mod counter;
mod sign_in;

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use lyceum_application::{
    Bell, Lyceum, Ports, Rules,
    housekeeping::Retention,
    mentor::{LaneSettings, Lanes, LiveAnswers},
};
use lyceum_auth::{Aes256GcmSeal, JwksProviders, Sha256Secrets};
use lyceum_blobs::{ObjectBlobs, S3Settings};
use lyceum_domain::{
    blobs::Blobs,
    conversations::Seal,
    ids::{IdGenerator, InstanceId},
    limits::Limiter,
    mail::{LetterWriter, Mailer},
    sessions::{AccessTokens, Lockout, Secrets},
    subjects::TextExtractor,
    users::{PasswordHasher, Portraits},
};
use lyceum_mail::{FolderMailer, Site, SmtpMailer, SmtpSettings, TemplateLetters};
use lyceum_media::{BoundedTexts, ImagePortraits, PdfTool, PortraitSettings};
use lyceum_storage_seaorm::{SeaOrmStore, StorageSettings};
use secrecy::ExposeSecret as _;
use tokio::sync::OnceCell;

pub use self::sign_in::KEPT_SECRET;
use self::{
    chat_model::Models,
    counter::Counter,
    sign_in::{access_tokens, passwords, providers},
};
use crate::{
    ambient::{SystemClock, UuidV7Ids},
    http::limits::Limits,
    metrics::{Metrics, Pool},
    settings::{AuthMode, DatabaseKind, MailTransport, Settings},
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
    providers: Arc<JwksProviders>,
    letters: Arc<dyn LetterWriter>,
    mailer: Arc<dyn Mailer>,
    mail_bell: Bell,
    blob_bell: Bell,
    text_bell: Bell,
    portraits: Arc<dyn Portraits>,
    texts: Arc<dyn TextExtractor>,
    lanes: Arc<Lanes>,
    answers: Arc<LiveAnswers>,
    counter: Counter,
    models: Models,
    metrics: Arc<Metrics>,
    seal: Option<Arc<dyn Seal>>,
    shared_store: OnceCell<Arc<SeaOrmStore>>,
    /// Of a folder; a bucket has connections, and each thread its own.
    shared_blobs: OnceCell<ObjectBlobs>,
}

impl House {
    /// Prepares everything but connections. `public_url` is where links in mails lead; `instance` is the name of this
    /// process.
    pub fn new(settings: &Settings, public_url: String, instance: InstanceId) -> anyhow::Result<Self> {
        let ids: Arc<dyn IdGenerator> = Arc::new(UuidV7Ids);
        let secrets = Arc::new(Sha256Secrets);
        let metrics = Arc::new(Metrics::new()?);
        let lanes = Arc::new(Lanes::new(lanes(settings)));
        let answers = Arc::new(LiveAnswers::new(instance));
        metrics.house.watch_mentor(Arc::clone(&lanes), Arc::clone(&answers));
        Ok(Self {
            providers: Arc::new(JwksProviders::new(providers(settings)?)?),
            letters: letters(settings, &public_url)?,
            mail_bell: Bell::default(),
            blob_bell: Bell::default(),
            text_bell: Bell::default(),
            rules: rules(settings, public_url),
            passwords: passwords(settings, &metrics)?,
            access_tokens: access_tokens(settings, &*secrets, Arc::clone(&ids))?,
            mailer: mailer(settings)?,
            portraits: portraits(settings),
            texts: texts(settings)?,
            lanes,
            answers,
            counter: Counter::new(settings, &metrics),
            models: Models::new(settings, &metrics)?,
            metrics,
            seal: seal(settings)?,
            settings: settings.clone(),
            secrets,
            ids,
            shared_store: OnceCell::new(),
            shared_blobs: OnceCell::new(),
        })
    }

    /// What is counted and measured of all that is made here.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The answers that this process gives.
    pub fn answers(&self) -> &LiveAnswers {
        &self.answers
    }

    /// The application for one of `threads` runtimes, to be called on it.
    pub async fn lyceum(&self, threads: usize) -> anyhow::Result<Lyceum> {
        let store = if self.settings.database.kind() == Some(DatabaseKind::Sqlite) {
            self.shared_store.get_or_try_init(|| self.store(1)).await?.clone()
        } else {
            self.store(threads).await?
        };
        let ports = Ports {
            store,
            clock: Arc::new(SystemClock),
            ids: Arc::clone(&self.ids),
            passwords: Arc::clone(&self.passwords),
            access_tokens: Arc::clone(&self.access_tokens),
            secrets: Arc::clone(&self.secrets),
            providers: Arc::clone(&self.providers) as _,
            letters: Arc::clone(&self.letters),
            mailer: Arc::clone(&self.mailer),
            mail_bell: self.mail_bell.clone(),
            blobs: self.blobs().await?,
            portraits: Arc::clone(&self.portraits),
            texts: Arc::clone(&self.texts),
            blob_bell: self.blob_bell.clone(),
            text_bell: self.text_bell.clone(),
            model: self.models.siblings()?,
            lanes: Arc::clone(&self.lanes),
            answers: Arc::clone(&self.answers),
        };
        Ok(Lyceum::new(ports, self.rules.clone()))
    }

    /// What counts requests, for one runtime; `None` where they are not limited.
    pub fn limits(&self) -> anyhow::Result<Option<Limits>> {
        let rates = &self.settings.rate_limit;
        if !rates.enabled {
            return Ok(None);
        }
        Ok(Some(Limits::new(self.counter.limiter()?, rates.clone())))
    }

    /// A store whose connections are counted as long as it is there.
    async fn store(&self, threads: usize) -> anyhow::Result<Arc<SeaOrmStore>> {
        let store = Arc::new(store(&self.settings, threads, self.seal.clone(), &self.metrics).await?);
        let watched = Arc::downgrade(&store);
        self.metrics.house.watch_pools(move || {
            let pools = watched.upgrade()?.pools().into_iter().map(|pool| {
                let idle = u32::try_from(pool.idle).unwrap_or(pool.size);
                Pool { name: pool.name, size: pool.size, idle, max: pool.max }
            });
            Some(pools.collect())
        });
        Ok(store)
    }

    async fn blobs(&self) -> anyhow::Result<Arc<dyn Blobs>> {
        let storage = &self.settings.storage;
        if !storage.is_s3() {
            let folder = Path::new(&self.settings.data_dir).join("blobs");
            let blobs = self.shared_blobs.get_or_try_init(|| ObjectBlobs::local(&folder)).await;
            let blobs = blobs.with_context(|| format!("the folder {} cannot be used", folder.display()))?;
            return Ok(Arc::new(blobs.clone()));
        }
        let endpoint = storage.s3_endpoint.as_str();
        Ok(Arc::new(ObjectBlobs::s3(&S3Settings {
            endpoint: Some(endpoint).filter(|endpoint| !endpoint.is_empty()).map(str::to_owned),
            bucket: storage.s3_bucket.clone(),
            region: storage.s3_region.clone(),
            access_key_id: storage.s3_access_key_id.clone(),
            secret_access_key: storage.s3_secret_access_key.clone(),
            // The settings were checked.
            allow_http: true,
            timeout: Duration::from_secs(storage.s3_timeout_seconds),
            max_retries: 3,
        })?))
    }

    /// Fetches the keys of the identity providers, so that the first who comes with a token of theirs need not wait.
    pub async fn warm(&self) {
        self.providers.warm().await;
    }
}

/// The application for a command, which has one thread.
pub async fn lyceum(settings: &Settings) -> anyhow::Result<Lyceum> {
    let public_url = settings.server.base_url(settings.server.port);
    House::new(settings, public_url, InstanceId::new(&UuidV7Ids))?.lyceum(1).await
}

/// What counts requests, for a command.
pub fn limiter(settings: &Settings) -> anyhow::Result<Arc<dyn Limiter>> {
    Counter::of(settings).limiter()
}

/// How many questions are answered at once.
fn lanes(settings: &Settings) -> LaneSettings {
    let mentor = &settings.mentor;
    LaneSettings {
        at_once: mentor.max_concurrent,
        waiting: mentor.max_waiting,
        waiting_per_user: mentor.max_waiting_per_user,
        patience: Duration::from_secs(mentor.queue_timeout_seconds),
    }
}

/// What keeps messages from whoever holds the database, if there are keys.
fn seal(settings: &Settings) -> anyhow::Result<Option<Arc<dyn Seal>>> {
    if !settings.encryption.is_on() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Aes256GcmSeal::from_keys(&settings.encryption.keys).context("LYCEUM__ENCRYPTION__KEYS")?)))
}

fn rules(settings: &Settings, public_url: String) -> Rules {
    let (auth, keep, storage) = (&settings.auth, &settings.retention, &settings.storage);
    let days = |days: u32| Duration::from_hours(u64::from(days) * 24);
    Rules {
        access_ttl: Duration::from_secs(auth.access_ttl_seconds),
        refresh_ttl: Duration::from_secs(auth.refresh_ttl_seconds),
        refresh_grace: Duration::from_secs(auth.refresh_grace_seconds),
        verification_ttl: Duration::from_secs(auth.verification_ttl_seconds),
        reset_ttl: Duration::from_secs(auth.reset_ttl_seconds),
        has_passwords: auth.mode != AuthMode::External,
        lockout: Lockout {
            after: auth.lockout.after,
            first: Duration::from_secs(auth.lockout.first_seconds),
            longest: Duration::from_secs(auth.lockout.longest_seconds),
            overall_after: auth.lockout.overall_after,
            overall: Duration::from_secs(auth.lockout.overall_seconds),
            forget_after: Duration::from_secs(auth.lockout.forget_after_seconds),
        },
        max_api_keys: auth.max_api_keys,
        deletion_grace: days(auth.deletion_grace_days),
        mail_timeout: Duration::from_secs(settings.mail.timeout_seconds),
        mails_per_hour: settings.mail.max_per_hour,
        retention: Retention {
            audit: days(keep.audit_days),
            sessions: days(keep.sessions_days),
            mails: days(keep.mails_days),
            dead_mails: days(keep.dead_mails_days),
            usage: days(keep.usage_days),
        },
        public_url,
        max_lessons: Rules::default().max_lessons,
        max_answer_tokens: Some(settings.llm.max_tokens).filter(|tokens| *tokens > 0),
        history_tokens: settings.mentor.history_tokens,
        linger: Duration::from_millis(settings.mentor.linger_milliseconds),
        quotas: settings.quota.quotas(),
        prices: settings.mentor.prices(),
        max_document_bytes: storage.max_document_bytes,
        max_picture_bytes: storage.max_picture_bytes,
        max_documents: storage.max_documents,
        max_subjects: storage.max_subjects,
        // What came in last still has to be stored.
        upload_timeout: Duration::from_secs(storage.upload_timeout_seconds + 60),
        text_timeout: Duration::from_secs(storage.text_timeout_seconds),
    }
}

/// How many connections to PostgreSQL each of so many threads has at most.
fn connections_of_one(settings: &Settings, threads: usize) -> u32 {
    let all = if settings.database.max_connections == 0 { 8 } else { settings.database.max_connections };
    (all / u32::try_from(threads.max(1)).unwrap_or(u32::MAX)).max(2)
}

/// How many connections to PostgreSQL a server has at most: those of its workers, and those of its chores.
pub fn most_connections(settings: &Settings) -> u32 {
    let workers = settings.server.worker_threads();
    let all = connections_of_one(settings, workers).saturating_mul(u32::try_from(workers).unwrap_or(u32::MAX));
    all.saturating_add(connections_of_one(settings, 1))
}

/// A store with its part of the connections that the settings allow, or of those that proved best: eight in all. At least
/// two for each thread: who reads while a unit of work is open needs the second.
async fn store(
    settings: &Settings,
    threads: usize,
    seal: Option<Arc<dyn Seal>>,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<SeaOrmStore> {
    let metrics = Arc::clone(metrics);
    let database = &settings.database;
    let connections = match (database.kind(), database.max_connections) {
        (Some(DatabaseKind::Sqlite), 0) => None,
        (Some(DatabaseKind::Sqlite), all) => Some(all),
        _ => Some(connections_of_one(settings, threads)),
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
        // Whether they are told is for the log level to say.
        log_statements: true,
        slow_query_threshold: Some(Duration::from_millis(database.slow_query_milliseconds))
            .filter(|span| !span.is_zero()),
        seal,
        on_statement: Some(Arc::new(move |took, is_well| metrics.statement(took, is_well))),
        ..StorageSettings::default()
    };
    SeaOrmStore::connect(&storage).await.context("the database cannot be reached")
}

fn letters(settings: &Settings, public_url: &str) -> anyhow::Result<Arc<dyn LetterWriter>> {
    let site = Site { name: settings.mail.site_name.clone(), public_url: public_url.to_owned() };
    Ok(Arc::new(match settings.mail.templates_dir() {
        Some(folder) => TemplateLetters::with_folder(site, folder)?,
        None => TemplateLetters::new(site)?,
    }))
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

/// The command of this program that reads a PDF.
pub const PDF_COMMAND: &str = "read-pdf";

/// What the command does.
pub fn read_pdf() -> ExitCode {
    lyceum_media::pdf_child_main()
}

fn portraits(settings: &Settings) -> Arc<dyn Portraits> {
    let max_pixels = settings.storage.max_image_pixels;
    Arc::new(ImagePortraits::new(&PortraitSettings { max_pixels, ..PortraitSettings::default() }))
}

fn texts(settings: &Settings) -> anyhow::Result<Arc<dyn TextExtractor>> {
    let program = std::env::current_exe().context("this program's file cannot be found")?;
    let tool = PdfTool { program, args: vec![PDF_COMMAND.into()] };
    Ok(Arc::new(BoundedTexts::new(tool, Duration::from_secs(settings.storage.text_timeout_seconds))))
}

/// The kind of database, as people call it.
pub fn database_name(settings: &Settings) -> &'static str {
    match settings.database.kind() {
        Some(DatabaseKind::Sqlite) => "SQLite",
        Some(DatabaseKind::Postgres) => "PostgreSQL",
        None => "an unknown database",
    }
}
