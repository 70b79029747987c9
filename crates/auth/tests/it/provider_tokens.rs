//! Tokens of identity providers: what a good one says, and which good ones are not taken.

use std::time::Duration;

use lyceum_auth::{JwksProviders, ProviderSettings, ProviderSettingsError, SignatureAlgorithm, Subject};
use lyceum_domain::{
    sessions::{ExternalClaims, IdentityProviders, NoProviders, TokenError},
    users::ProviderName,
};
use serde_json::{Value, json};

use crate::{
    forge::{self, NOW, at},
    key_server::{KeyServer, Reply},
    keys,
    provider::*,
};

const PAIR: keys::Pair = keys::ED25519;

/// A provider in good health.
struct World {
    providers: JwksProviders,
    _server: KeyServer,
}

impl World {
    fn new(change: impl FnOnce(&mut ProviderSettings)) -> Self {
        let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
        let mut settings = settings(&server, PAIR);
        change(&mut settings);
        Self { providers: providers(settings), _server: server }
    }

    async fn verify(&self, payload: &Value) -> Result<Option<ExternalClaims>, TokenError> {
        verify(&self.providers, &PAIR.sign(&PAIR.header().to_string(), &payload.to_string())).await
    }

    /// What becomes of a good token with these claims changed.
    async fn with(&self, changes: Value) -> Result<Option<ExternalClaims>, TokenError> {
        let mut payload = payload();
        for (name, value) in changes.as_object().expect("an object") {
            payload[name] = value.clone();
        }
        self.verify(&payload).await
    }
}

#[tokio::test]
async fn a_good_token_says_who_comes() {
    let claims = World::new(|_| {}).verify(&payload()).await.expect("good").expect("the provider's");
    assert_eq!(claims.provider, ProviderName::parse("neon").expect("a name"));
    assert_eq!(claims.subject, SUBJECT);
    assert_eq!(claims.email.as_ref().map(ToString::to_string).as_deref(), Some("ada@example.com"));
    assert!(claims.is_email_verified);
    assert_eq!(claims.name.as_deref(), Some("Ada"));
    assert_eq!((claims.issued_at, claims.expires_at), (at(NOW), at(NOW + 900)));
}

#[tokio::test]
async fn a_token_that_names_no_provider_is_nobodys() {
    let world = World::new(|_| {});
    let own = forge::with_payload(&forge::payload().to_string());
    for token in ["", "x", "a.b.c", "....", &own, &forge::encode(ISSUER), &"a.".repeat(100_000)] {
        assert!(matches!(verify(&world.providers, token).await, Ok(None)), "{token}");
    }
    for iss in [json!("https://EP-X.neonauth.example"), json!(format!("{ISSUER}/")), json!([ISSUER]), json!(null)] {
        assert!(matches!(world.with(json!({"iss": iss})).await, Ok(None)), "{iss}");
    }
    let nobody = JwksProviders::new(vec![]).expect("good settings");
    nobody.warm().await;
    assert!(matches!(verify(&nobody, &token(PAIR)).await, Ok(None)));
    assert!(matches!(NoProviders.verify(&token(PAIR), at(NOW)).await, Ok(None)));
}

#[tokio::test]
async fn each_provider_has_its_own_keys_and_rules() {
    let [one, two] = [keys::ED25519, keys::P256];
    let servers = [KeyServer::start(Reply::keys(&[one.jwk()])), KeyServer::start(Reply::keys(&[two.jwk()]))];
    let first = settings(&servers[0], one);
    let second = ProviderSettings {
        name: ProviderName::parse("legacy").expect("a name"),
        issuer: "https://legacy.example".to_owned(),
        audiences: vec!["project".to_owned(), "other-project".to_owned()],
        required_role: None,
        subject: Subject::Text,
        ..settings(&servers[1], two)
    };
    let both = JwksProviders::new(vec![first.clone(), second.clone()]).expect("good settings");
    both.warm().await;
    assert_eq!(servers.each_ref().map(KeyServer::requests), [1, 1]);
    let mut payload = payload();
    assert_good(&verify(&both, &token(one)).await);
    payload["iss"] = json!("https://legacy.example");
    payload["aud"] = json!(["other-project"]);
    payload["sub"] = json!("user 7");
    payload["role"] = json!(null);
    let good = verify(&both, &two.sign(&two.header().to_string(), &payload.to_string())).await;
    assert_eq!(good.expect("good").expect("the provider's").provider.as_str(), "legacy");
    // The one's key under the other's name.
    let mut forged = payload.clone();
    assert_invalid(&verify(&both, &one.sign(&one.header().to_string(), &forged.to_string())).await);
    forged["iss"] = json!(ISSUER);
    assert_invalid(&verify(&both, &two.sign(&two.header().to_string(), &forged.to_string())).await);

    for twin in [
        ProviderSettings { name: first.name.clone(), ..second.clone() },
        ProviderSettings { issuer: first.issuer.clone(), ..second },
    ] {
        let refused = JwksProviders::new(vec![first.clone(), twin]).err();
        assert!(matches!(refused, Some(ProviderSettingsError::Twice { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_set_is_not_taken() {
    // Its key is there, but nobody wanted it.
    let server = KeyServer::start(Reply::keys(&[keys::RSA.jwk(), keys::P256.jwk()]));
    let settings = ProviderSettings { algorithms: vec![SignatureAlgorithm::Es256], ..settings(&server, keys::P256) };
    let providers = providers(settings);
    assert_good(&verify(&providers, &token(keys::P256)).await);
    assert_invalid(&verify(&providers, &token(keys::RSA)).await);
    // No fetch for a token that no key could make good.
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn nobody_comes_in_whom_the_provider_itself_would_not_let_in() {
    let world = World::new(|_| {});
    for changes in [
        json!({"role": "anonymous"}),
        json!({"role": "Authenticated"}),
        json!({"role": ""}),
        json!({"role": null}),
        json!({"role": ["authenticated"]}),
        json!({"banned": true}),
        json!({"banned": "false"}),
        json!({"banned": 1}),
        json!({"is_anonymous": true}),
        json!({"isAnonymous": true}),
        json!({"isAnonymous": "yes"}),
        json!({"is_restricted": true}),
        json!({"isRestricted": true}),
        json!({"sub": SUBJECT.replace('-', "")}),
        json!({"sub": format!("{{{SUBJECT}}}")}),
        json!({"sub": format!("urn:uuid:{SUBJECT}")}),
        json!({"sub": "user-7"}),
        json!({"sub": ""}),
        json!({"aud": "https://ep-branch.neonauth.example"}),
    ] {
        assert_invalid(&world.with(changes).await);
    }
    for changes in [
        json!({"banned": null}),
        json!({"is_anonymous": false, "isAnonymous": false, "is_restricted": false, "isRestricted": null}),
        json!({"o": {"id": "1", "slug": "s", "role": "owner"}, "image": null, "updatedAt": 7}),
    ] {
        assert_good(&world.with(changes).await);
    }
    let mut payload = payload();
    payload.as_object_mut().expect("an object").remove("banned");
    assert_good(&world.verify(&payload).await);
    payload.as_object_mut().expect("an object").remove("role");
    assert_invalid(&world.verify(&payload).await);
}

#[tokio::test]
async fn an_address_is_taken_for_what_it_is() {
    let world = World::new(|_| {});
    for (changes, email, is_verified) in [
        (json!({}), Some("ada@example.com"), true),
        (json!({"emailVerified": false}), Some("ada@example.com"), false),
        (json!({"emailVerified": "true"}), Some("ada@example.com"), false),
        (json!({"emailVerified": 1}), Some("ada@example.com"), false),
        (json!({"emailVerified": null}), Some("ada@example.com"), false),
        (json!({"emailVerified": null, "email_verified": true}), Some("ada@example.com"), true),
        // Whoever says two things is not believed the better one.
        (json!({"emailVerified": true, "email_verified": false}), Some("ada@example.com"), false),
        (json!({"email": null}), None, false),
        (json!({"email": ""}), None, false),
        (json!({"email": "no address"}), None, false),
        (json!({"email": ["ada@example.com"]}), None, false),
    ] {
        let claims = world.with(changes.clone()).await.expect("good").expect("the provider's");
        assert_eq!(claims.email.map(|email| email.to_string()).as_deref(), email, "{changes}");
        assert_eq!(claims.is_email_verified, is_verified, "{changes}");
    }
    for name in [json!(""), json!("  "), json!(null), json!(7)] {
        assert_eq!(world.with(json!({"name": name})).await.expect("good").expect("the provider's").name, None);
    }
}

#[tokio::test]
async fn clocks_may_differ_and_lives_are_short() {
    let world = World::new(|_| {});
    for good in [
        json!({"iat": NOW + 30}),
        json!({"nbf": NOW + 30}),
        json!({"iat": NOW - 900, "exp": NOW - 29}),
        json!({"iat": NOW, "exp": NOW + 3600}),
        json!({"iat": 1_799_999_999.5, "exp": 1_800_000_100.25, "nbf": 1.5}),
    ] {
        assert_good(&world.with(good).await);
    }
    for bad in [
        json!({"iat": NOW + 31}),
        json!({"nbf": NOW + 31}),
        json!({"iat": NOW, "exp": NOW + 3601}),
        json!({"iat": NOW, "exp": NOW}),
        json!({"iat": NOW, "exp": NOW - 1}),
    ] {
        assert_invalid(&world.with(bad).await);
    }
    for late in [json!({"iat": NOW - 900, "exp": NOW - 30}), json!({"iat": 0, "exp": 900})] {
        assert!(matches!(world.with(late).await, Err(TokenError::Expired)));
    }
    // Expired is only what was good.
    assert_invalid(&world.with(json!({"iat": NOW - 900, "exp": NOW - 60, "aud": "other"})).await);
    let long = World::new(|settings| settings.max_lifetime = Duration::from_hours(24));
    assert_good(&long.with(json!({"exp": NOW + 86_400})).await);
    let strict = World::new(|settings| settings.leeway = Duration::ZERO);
    assert_invalid(&strict.with(json!({"iat": NOW + 1})).await);
}

#[tokio::test]
async fn no_reason_quotes_the_token() {
    let world = World::new(|_| {});
    let words = "my-own-words";
    for changes in [json!({"aud": words}), json!({"sub": words}), json!({"role": words}), json!({"exp": words})] {
        match world.with(changes).await {
            Err(TokenError::Invalid(reason)) => assert!(!reason.contains(words), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}
