//! With what tokens are signed.

use secrecy::ExposeSecret as _;

use super::{Check, quoted};

/// What HS256 needs (RFC 7518, section 3.2).
const SECRET_MIN: usize = 32;

impl Check<'_> {
    pub(super) fn signing(&mut self) {
        self.secret();
        self.key_files();
    }

    fn secret(&mut self) {
        let secret = self.settings.auth.jwt_secret.expose_secret();
        let length = secret.chars().count();
        let allowed = format!("a random text of at least {SECRET_MIN} characters (openssl rand -base64 48)");
        if secret.is_empty() {
            let is_needed = !self.settings.auth.jwt_alg.is_asymmetric() && !self.report.is_untaken("auth.jwt_alg");
            if is_needed && self.settings.environment.is_deployed() {
                self.fault("auth.jwt_secret", "nothing", format!("{allowed}, or JWT_ALG and JWT_PRIVATE_KEY_FILE"));
            }
        } else if secret.trim() != secret {
            self.fault("auth.jwt_secret", "white space at an end", allowed);
        } else if length < SECRET_MIN {
            self.fault("auth.jwt_secret", format!("{length} characters (not shown)"), allowed);
        } else if is_guessable(secret) {
            self.deployed("auth.jwt_secret", "a text that can be guessed (not shown)", &allowed);
        }
    }

    fn key_files(&mut self) {
        let auth = &self.settings.auth;
        match (auth.jwt_private_key_file(), auth.jwt_alg.is_asymmetric()) {
            (None, true) if !self.report.is_untaken("auth.jwt_private_key_file") => {
                let found = format!("nothing, but auth.jwt_alg is {}", auth.jwt_alg.as_str());
                self.fault("auth.jwt_private_key_file", found, "the PEM file of its private key");
            }
            (Some(_), false) if !self.report.is_untaken("auth.jwt_alg") => {
                let allowed = "nothing, or JWT_ALG of EdDSA, ES256 or RS256";
                self.fault("auth.jwt_private_key_file", "a file, but auth.jwt_alg is HS256", allowed);
            }
            (Some(_), _) => self.key_file("auth.jwt_private_key_file", &auth.jwt_private_key_file),
            (None, _) => {}
        }
        for file in &auth.jwt_previous_key_files {
            self.key_file("auth.jwt_previous_key_files", file);
        }
    }

    /// Whether a file can be opened. What is in it is the business of whoever signs.
    fn key_file(&mut self, path: &str, file: &str) {
        let at = self.working_dir.join(file);
        let looked = std::fs::metadata(&at).and_then(|metadata| {
            // A pipe would wait for its writer, and give what it holds only once.
            if metadata.is_file() {
                std::fs::File::open(&at)?;
            }
            Ok(metadata.is_dir())
        });
        let why = match looked {
            Ok(true) => "a folder".to_owned(),
            Ok(false) => return,
            Err(error) => format!("cannot be read, {error}"),
        };
        self.fault(path, format!("{} ({why})", quoted(file)), "a PEM file that can be read");
    }
}

/// Whether a secret is one of those that examples and people in a hurry use.
fn is_guessable(secret: &str) -> bool {
    const WORDS: [&str; 8] =
        ["changeme", "change-me", "change_me", "change-this", "your-secret", "your_secret", "supersecret", "example"];
    let lower = secret.to_lowercase();
    let mut letters: Vec<char> = lower.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    letters.len() < 8 || WORDS.iter().any(|word| lower.contains(word))
}
