//! One function for each thing a person can do. A use case reads as the sentence it implements: who asks, may they,
//! load, decide, save, commit. Rules live in `lyceum-domain`, storage and network behind its ports.
//!
//! | module | what people do |
//! | --- | --- |
//! | [`users`] | register, verify, passwords, profile and privacy, keys, leaving; what admins do to accounts |
//! | [`sessions`] | sign in, refresh, sign out; who is behind a token, a key or a provider's token |
//! | [`audit`] | read the trail of what happened |
//! | [`mail`] | send what waits in the outbox |
//! | [`logging`] | decide what is logged |
//! | [`housekeeping`] | remove what nobody needs any more |
//! | [`jobs`] | do what one server does for all |
//! | [`courses`] | browse, read, search, write, import, take along |
//! | [`subjects`] | keep subjects and documents of one's own |
//! | [`blobs`] | store files so that none is left behind |
//! | [`idempotency`] | do a request once, however often it is sent |
//! | [`progress`] | enrol, record lessons, see how far one is, or how far one's learners are |
//! | [`conversations`] | find, rename, archive, delete conversations |
//! | [`mentor`] | ask, and have the answer relayed |

pub mod audit;
mod bell;
pub mod blobs;
pub mod conversations;
pub mod courses;
mod error;
pub mod housekeeping;
pub mod idempotency;
pub mod jobs;
pub mod logging;
pub mod mail;
pub mod mentor;
pub mod progress;
mod retry;
pub mod sessions;
pub mod subjects;
pub mod users;
mod walk;

use std::{sync::Arc, time::Duration};

use lyceum_domain::{
    blobs::Blobs,
    ids::IdGenerator,
    mail::{LetterWriter, Mailer},
    mentor::{ChatModel, Prices, Quotas},
    sessions::{AccessTokens, IdentityProviders, Lockout, Secrets},
    store::Store,
    subjects::TextExtractor,
    time::Clock,
    users::{PasswordHasher, Portraits},
};

pub use bell::Bell;
pub use error::Error;

/// Everything that stands outside and is asked through a port.
#[derive(Clone)]
pub struct Ports {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// What makes ids.
    pub ids: Arc<dyn IdGenerator>,
    /// What hashes passwords.
    pub passwords: Arc<dyn PasswordHasher>,
    /// What signs and verifies access tokens.
    pub access_tokens: Arc<dyn AccessTokens>,
    /// What makes and hashes secrets.
    pub secrets: Arc<dyn Secrets>,
    /// What verifies the tokens of identity providers.
    pub providers: Arc<dyn IdentityProviders>,
    /// What puts letters into words.
    pub letters: Arc<dyn LetterWriter>,
    /// What sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// Rings when there is mail to send.
    pub mail_bell: Bell,
    /// Where the bytes of files are.
    pub blobs: Arc<dyn Blobs>,
    /// Rings when a blob is to go.
    pub blob_bell: Bell,
    /// What makes portraits of pictures.
    pub portraits: Arc<dyn Portraits>,
    /// What reads the text of documents.
    pub texts: Arc<dyn TextExtractor>,
    /// Rings when there is a text to read.
    pub text_bell: Bell,
    /// What answers questions.
    pub model: Arc<dyn ChatModel>,
    /// How many questions are answered at once, and who is next.
    pub lanes: Arc<mentor::Lanes>,
    /// The answers under way.
    pub answers: Arc<mentor::LiveAnswers>,
}

/// Numbers and addresses that the operator chose.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How long an access token is good.
    pub access_ttl: Duration,
    /// How long a refresh token is good.
    pub refresh_ttl: Duration,
    /// How long after its use a refresh token still works once more, for two tabs that refresh at once.
    pub refresh_grace: Duration,
    /// How long a verification link is good; a registration waits seven times as long.
    pub verification_ttl: Duration,
    /// How long a link that resets a password is good.
    pub reset_ttl: Duration,
    /// Whether people sign in here with passwords of ours.
    pub has_passwords: bool,
    /// When failed sign-ins lock, and for how long.
    pub lockout: Lockout,
    /// How many personal keys a user may have at a time.
    pub max_api_keys: u32,
    /// How long a deleted account can still be brought back.
    pub deletion_grace: Duration,
    /// The longest time that handing over one mail can take.
    pub mail_timeout: Duration,
    /// How many mails of one kind an address gets within an hour.
    pub mails_per_hour: u32,
    /// How long things are kept that are over.
    pub retention: housekeeping::Retention,
    /// Where the front end is; links in mails begin with it. No slash at its end.
    pub public_url: String,
    /// The longest answer of the model, in tokens.
    pub max_answer_tokens: Option<u32>,
    /// How many tokens of earlier messages go into a prompt.
    pub history_tokens: u32,
    /// How long an answer goes on that nobody reads any more.
    pub linger: Duration,
    /// What each plan may ask of the mentor.
    pub quotas: Quotas,
    /// What tokens cost.
    pub prices: Prices,
    /// The largest document, in bytes.
    pub max_document_bytes: u64,
    /// The largest picture that a portrait is made of, in bytes.
    pub max_picture_bytes: u64,
    /// How many documents a user may have.
    pub max_documents: u32,
    /// How many subjects a user may have.
    pub max_subjects: u32,
    /// The longest time that storing one file may take; less than [`blobs::UNCLAIMED`].
    pub upload_timeout: Duration,
    /// The longest time that reading the text of one document may take.
    pub text_timeout: Duration,
    /// How many lessons a course may have that is written by hand.
    pub max_lessons: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(14 * 24),
            refresh_grace: Duration::from_secs(10),
            verification_ttl: Duration::from_hours(24),
            reset_ttl: Duration::from_hours(1),
            has_passwords: true,
            lockout: Lockout::default(),
            max_api_keys: 20,
            deletion_grace: Duration::from_hours(30 * 24),
            mail_timeout: Duration::from_secs(10),
            mails_per_hour: 10,
            retention: housekeeping::Retention::default(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            max_answer_tokens: None,
            history_tokens: lyceum_domain::mentor::HISTORY_TOKENS,
            linger: Duration::from_millis(800),
            quotas: Quotas::default(),
            prices: Prices::default(),
            max_document_bytes: 20 << 20,
            max_picture_bytes: 5 << 20,
            max_documents: 1_000,
            max_subjects: 200,
            upload_timeout: Duration::from_mins(15),
            text_timeout: Duration::from_secs(20),
            max_lessons: 2_000,
        }
    }
}

/// The whole of what Lyceum does, for whoever opens a door to it.
#[derive(Clone)]
pub struct Lyceum {
    ports: Ports,
    rules: Rules,
    journal: Arc<mentor::Journal>,
}

impl Lyceum {
    /// Puts the house together.
    pub fn new(ports: Ports, rules: Rules) -> Self {
        let journal = Arc::new(mentor::Journal::new(Arc::clone(&ports.answers)));
        Self { ports, rules, journal }
    }

    /// What stands outside; for health checks.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// What the operator chose.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}
