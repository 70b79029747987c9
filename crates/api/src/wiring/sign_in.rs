//! Who may sign in, and with what: passwords, our own tokens, those of identity providers.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use lyceum_auth::{
    AccessTokenSettings, BcryptHasher, BcryptSettings, JwtAccessTokens, ProviderSettings, SignatureAlgorithm,
    SigningKey, Subject,
};
use lyceum_domain::{
    ids::IdGenerator,
    sessions::{AccessTokens, Secrets},
    users::{PasswordHasher, ProviderName},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    metrics::{Hashing, Metrics},
    settings::{AuthMode, JwtAlgorithm, ProviderAlgorithm, Settings},
    traces,
};

pub(super) fn passwords(settings: &Settings, metrics: &Metrics) -> anyhow::Result<Arc<dyn PasswordHasher>> {
    let auth = &settings.auth;
    let defaults = BcryptSettings::default();
    let bcrypt = BcryptSettings {
        cost: auth.bcrypt_cost,
        workers: if auth.hash_workers == 0 { defaults.workers } else { auth.hash_workers },
        queue: auth.hash_queue,
        queue_timeout: Duration::from_secs(auth.hash_queue_timeout_seconds),
    };
    let hasher = Arc::new(BcryptHasher::new(bcrypt)?);
    let watched = Arc::clone(&hasher);
    metrics.house.watch_hashing(move || {
        let status = watched.status();
        Hashing { working: status.working, waiting: status.waiting }
    });
    Ok(hasher)
}

pub(super) fn access_tokens(
    settings: &Settings,
    secrets: &dyn Secrets,
    ids: Arc<dyn IdGenerator>,
) -> anyhow::Result<Arc<dyn AccessTokens>> {
    let auth = &settings.auth;
    let key = match (signature_algorithm(auth.jwt_alg), auth.jwt_private_key_file()) {
        (Some(algorithm), Some(file)) => SigningKey::Pem { algorithm, pem: key_file(file)? },
        (Some(_), None) => anyhow::bail!("JWT_PRIVATE_KEY_FILE is not set"),
        (None, _) if auth.jwt_secret.expose_secret().is_empty() => {
            SigningKey::Hs256(kept_secret(Path::new(&settings.data_dir), secrets)?)
        }
        (None, _) => SigningKey::Hs256(auth.jwt_secret.clone()),
    };
    let mut tokens = AccessTokenSettings::new(key, &auth.jwt_issuer, &auth.jwt_audience);
    tokens.previous_keys =
        auth.jwt_previous_key_files.iter().map(|file| key_file(Path::new(file))).collect::<Result<_, _>>()?;
    tokens.leeway = Duration::from_secs(auth.clock_skew_seconds);
    Ok(Arc::new(JwtAccessTokens::new(&tokens, ids)?))
}

/// None: a shared secret.
fn signature_algorithm(algorithm: JwtAlgorithm) -> Option<SignatureAlgorithm> {
    match algorithm {
        JwtAlgorithm::Hs256 => None,
        JwtAlgorithm::EdDsa => Some(SignatureAlgorithm::EdDsa),
        JwtAlgorithm::Es256 => Some(SignatureAlgorithm::Es256),
        JwtAlgorithm::Rs256 => Some(SignatureAlgorithm::Rs256),
    }
}

fn key_file(file: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(file).with_context(|| format!("the key {} cannot be read", file.display()))?;
    Ok(text.into())
}

/// The providers whose tokens are taken.
pub(super) fn providers(settings: &Settings) -> anyhow::Result<Vec<ProviderSettings>> {
    let auth = &settings.auth;
    if auth.mode == AuthMode::Local {
        return Ok(Vec::new());
    }
    auth.providers
        .iter()
        .map(|(name, chosen)| {
            let algorithm = |algorithm: &ProviderAlgorithm| match algorithm {
                ProviderAlgorithm::EdDsa => SignatureAlgorithm::EdDsa,
                ProviderAlgorithm::Es256 => SignatureAlgorithm::Es256,
                ProviderAlgorithm::Rs256 => SignatureAlgorithm::Rs256,
            };
            let jwks_url = chosen.jwks_url.parse().with_context(|| format!("the key set of {name} has no address"))?;
            let mut provider = ProviderSettings::new(ProviderName::parse(name)?, jwks_url, &chosen.issuer, "");
            provider.audiences.clone_from(&chosen.audience);
            provider.algorithms = chosen.algorithms.iter().map(algorithm).collect();
            provider.required_role.clone_from(&chosen.required_role);
            provider.subject = if chosen.subject_is_uuid { Subject::Uuid } else { Subject::Text };
            provider.leeway = Duration::from_secs(chosen.leeway_seconds);
            provider.trace = Some(traces::headers);
            Ok(provider)
        })
        .collect()
}

/// The name in the data folder of the secret that is made where nobody set one.
pub const KEPT_SECRET: &str = "jwt-secret";

/// The secret of a machine where nobody set one: made at the first start, kept for the next. Two starts at once agree
/// on one.
fn kept_secret(folder: &Path, secrets: &dyn Secrets) -> anyhow::Result<SecretString> {
    use std::io::{ErrorKind, Write as _};
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let file = folder.join(KEPT_SECRET);
    let read = || std::fs::read_to_string(&file).map(|text| text.trim().to_owned());
    match read() {
        Ok(text) if text.len() >= SigningKey::HS256_MIN_BYTES => return Ok(text.into()),
        Ok(_) => anyhow::bail!("{} holds no secret of {} bytes", file.display(), SigningKey::HS256_MIN_BYTES),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
    // Whole under another name first: nobody ever reads half a secret.
    let draft = folder.join(format!("{KEPT_SECRET}.{}", std::process::id()));
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
