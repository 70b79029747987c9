//! The adapters keep what their ports promise.

use lyceum_auth::{BcryptHasher, BcryptSettings, JwtAccessTokens, Sha256Secrets};

use crate::forge;

/// Quick, for tests alone.
fn hasher() -> BcryptHasher {
    BcryptHasher::new(BcryptSettings { cost: 4, ..BcryptSettings::default() }).expect("good settings")
}

fn tokens(key: &str) -> JwtAccessTokens {
    forge::tokens_of(&format!("{key:x>32}"))
}

mod passwords {
    lyceum_testkit::password_contract!(super::hasher);
}

mod access_tokens {
    lyceum_testkit::access_token_contract!(super::tokens);
}

mod secrets {
    lyceum_testkit::secret_contract!(|| super::Sha256Secrets);
}
