//! All that verify with a public key: Lyceum itself, another service with Lyceum's key set, and Lyceum with the keys of a
//! provider.

use lyceum_auth::{AccessTokenVerifier, JwksProviders};
use lyceum_domain::sessions::{AccessTokens, TokenError};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    forge::{self, NOW, at},
    key_server::{KeyServer, Reply},
    keys::{self, Pair},
    provider,
};

pub enum Door {
    Own(Box<dyn AccessTokens>),
    Elsewhere(Box<AccessTokenVerifier>),
    Provider(Box<JwksProviders>, Runtime, KeyServer),
}

/// Who verifies, with which key, and the claims of a good token.
pub struct House {
    pub door: Door,
    pub pair: Pair,
    pub payload: Value,
}

pub fn houses() -> Vec<House> {
    let mut houses = Vec::new();
    for pair in keys::ALL {
        let tokens = pair.tokens();
        let set = tokens.key_set();
        let elsewhere = AccessTokenVerifier::from_key_set(&set, "lyceum", "lyceum-api").expect("a key set");
        let server = KeyServer::start(Reply::ok(set));
        let providers = provider::providers(provider::settings(&server, pair));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        houses.push(House { door: Door::Own(Box::new(tokens)), pair, payload: forge::payload() });
        houses.push(House { door: Door::Elsewhere(Box::new(elsewhere)), pair, payload: forge::payload() });
        let door = Door::Provider(Box::new(providers), runtime, server);
        houses.push(House { door, pair, payload: provider::payload() });
    }
    houses
}

impl House {
    /// Whether the token gets in. Fails if it is refused for another reason than itself.
    #[track_caller]
    pub fn accepts(&self, token: &str) -> bool {
        let verified = match &self.door {
            Door::Own(tokens) => tokens.verify(token, at(NOW)).map(|_| true),
            Door::Elsewhere(verifier) => verifier.verify(token, at(NOW)).map(|_| true),
            // Nobody's, so it goes to Lyceum's own keys.
            Door::Provider(providers, runtime, _) => {
                runtime.block_on(provider::verify(providers, token)).map(|claims| claims.is_some())
            }
        };
        match verified {
            Ok(is_accepted) => is_accepted,
            Err(TokenError::Invalid(_)) => false,
            Err(other) => panic!("{token:?}: {other:?}"),
        }
    }

    #[track_caller]
    pub fn refuses(&self, token: &str) {
        assert!(!self.accepts(token), "{}: {token}", self.pair.name());
    }

    pub fn good(&self) -> String {
        self.with_header(&self.pair.header())
    }

    pub fn with_header(&self, header: &Value) -> String {
        self.with_header_text(&header.to_string())
    }

    pub fn with_header_text(&self, header: &str) -> String {
        self.pair.sign(header, &self.payload.to_string())
    }

    pub fn with_payload(&self, payload: &str) -> String {
        self.pair.sign(&self.pair.header().to_string(), payload)
    }

    /// A good header but for one member.
    pub fn with_member(&self, name: &str, value: Value) -> String {
        let mut header = self.pair.header();
        header[name] = value;
        self.with_header(&header)
    }

    pub fn with_claim(&self, name: &str, value: Value) -> String {
        let mut payload = self.payload.clone();
        payload[name] = value;
        self.with_payload(&payload.to_string())
    }

    /// What was signed, of a good token.
    pub fn message(&self) -> String {
        let good = self.good();
        good.rsplit_once('.').expect("three parts").0.to_owned()
    }
}
