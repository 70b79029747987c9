//! How the keys of a provider are fetched and kept, against a real server that does everything wrong.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use lyceum_auth::{JwksProviders, KeyCacheSettings};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    key_server::{KeyServer, Reply},
    keys::{self, Pair},
    provider::*,
};

const PAIR: Pair = keys::ED25519;
const MOMENT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_hours(1);

/// Time-outs that a test can wait for; keys that stay good, and no second try after a failure.
fn patient() -> KeyCacheSettings {
    KeyCacheSettings {
        lifetime: LONG,
        lifetime_bounds: MOMENT..=LONG,
        unknown_key_cooldown: LONG,
        retry_delays: LONG..=LONG,
        connect_timeout: Duration::from_millis(500),
        timeout: Duration::from_millis(500),
        ..KeyCacheSettings::default()
    }
}

/// Keys that are old at once, and a next try at once.
fn hasty() -> KeyCacheSettings {
    KeyCacheSettings { lifetime: MOMENT, retry_delays: MOMENT..=MOMENT, ..patient() }
}

fn providers_of(server: &KeyServer, cache: KeyCacheSettings) -> Arc<JwksProviders> {
    Arc::new(providers(lyceum_auth::ProviderSettings { cache, ..settings(server, PAIR) }))
}

fn jwk_named(pair: Pair, kid: Value) -> Value {
    let mut jwk = pair.jwk();
    jwk["kid"] = kid;
    jwk
}

/// Answers that bring no key.
fn faults(elsewhere: &KeyServer) -> Vec<(&'static str, Reply)> {
    let good = json!({"keys": [PAIR.jwk()]}).to_string();
    let mut nameless = PAIR.jwk();
    nameless.as_object_mut().expect("an object").remove("kid");
    let status = |status| Reply::Http(status, String::new(), good.clone().into_bytes());
    let redirect = |status| status_to(status, elsewhere);
    let huge = format!("{{\"keys\":[{}],\"fill\":\"{}\"}}", PAIR.jwk(), "x".repeat(10 << 20));
    let many: Vec<Value> = (0..65).map(|number| jwk_named(PAIR, json!(number.to_string()))).collect();
    vec![
        ("HTML", Reply::ok("<!doctype html><title>Sign in</title>")),
        ("nothing", Reply::ok("")),
        ("an empty object", Reply::ok("{}")),
        ("no keys", Reply::keys(&[])),
        ("half of it", Reply::ok(&good.as_bytes()[..good.len() / 2])),
        ("10 MB", Reply::ok(huge)),
        ("too many keys", Reply::keys(&many)),
        ("a key without a name", Reply::keys(&[nameless])),
        ("a key named by a number", Reply::keys(&[jwk_named(PAIR, json!(7))])),
        ("a key of another kind", Reply::keys(&[keys::RSA.jwk()])),
        ("a secret key", Reply::keys(&[json!({"kty": "oct", "kid": PAIR.kid(), "k": "AAAA"})])),
        ("500", status("500 Internal Server Error")),
        ("404", status("404 Not Found")),
        ("204", Reply::Http("204 No Content", String::new(), vec![])),
        ("301", redirect("301 Moved Permanently")),
        ("302", redirect("302 Found")),
        ("307", redirect("307 Temporary Redirect")),
        ("a closed connection", Reply::HangUp),
        ("silence", Reply::Silence),
        ("a byte now and then", Reply::Drip),
    ]
}

fn status_to(status: &'static str, elsewhere: &KeyServer) -> Reply {
    Reply::Http(status, format!("location: {}\r\n", elsewhere.url()), vec![])
}

#[tokio::test]
async fn without_keys_nobody_knows_and_with_the_first_good_answer_all_is_well() {
    let elsewhere = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
    for (fault, reply) in faults(&elsewhere) {
        let server = KeyServer::start(reply);
        let providers = providers_of(&server, KeyCacheSettings { retry_delays: MOMENT..=MOMENT, ..patient() });
        let began = Instant::now();
        assert_unavailable(&verify(&providers, &token(PAIR)).await);
        assert!(began.elapsed() < Duration::from_secs(8), "{fault}: {:?}", began.elapsed());
        server.set(Reply::keys(&[PAIR.jwk()]));
        while verify(&providers, &token(PAIR)).await.is_err() {
            tokio::time::sleep(MOMENT).await;
        }
        assert_good(&verify(&providers, &token(PAIR)).await);
    }
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test]
async fn a_fetch_says_of_which_trace_it_is_part() {
    fn trace() -> Vec<(&'static str, String)> {
        vec![("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned())]
    }
    let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
    let settings = lyceum_auth::ProviderSettings { trace: Some(trace), ..settings(&server, PAIR) };
    assert_good(&verify(&Arc::new(providers(settings)), &token(PAIR)).await);
    let head = server.last_request();
    assert!(head.contains("\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"), "{head}");
}

#[tokio::test]
async fn good_keys_outlive_every_bad_answer() {
    let elsewhere = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
    for (fault, reply) in faults(&elsewhere) {
        let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
        let providers = providers_of(&server, hasty());
        assert_good(&verify(&providers, &token(PAIR)).await);
        let before = server.requests();
        server.set(reply);
        // Some begin a fetch, and one has waited for it.
        while server.requests() < before + 2 {
            let verified = verify(&providers, &token(PAIR)).await;
            assert!(matches!(verified, Ok(Some(_))), "{fault}: {verified:?}");
            tokio::time::sleep(MOMENT).await;
        }
        assert_good(&verify(&providers, &token(PAIR)).await);
        // Another name may have been made meanwhile.
        assert_unavailable(&verify(&providers, &token_with_kid(PAIR, "other")).await);
    }
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test]
async fn a_provider_that_is_gone_is_asked_no_more_than_it_should() {
    let server = KeyServer::start(Reply::HangUp);
    let providers = providers_of(&server, patient());
    for _ in 0..100 {
        assert_unavailable(&verify(&providers, &token(PAIR)).await);
    }
    assert_eq!(server.requests(), 1);
    // Nobody listens any more, and nobody did from the start.
    let address = server.url().parse().expect("an address");
    drop(server);
    let name = lyceum_domain::users::ProviderName::parse("neon").expect("a name");
    let gone = lyceum_auth::ProviderSettings::new(name, address, ISSUER, ISSUER);
    let gone = JwksProviders::new(vec![gone]).expect("good settings");
    gone.warm().await;
    assert_unavailable(&verify(&gone, &token(PAIR)).await);
}

#[tokio::test]
async fn fifty_first_tokens_cause_one_fetch() {
    let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
    server.hold();
    let providers = providers_of(&server, patient());
    let mut all = JoinSet::new();
    for _ in 0..50 {
        let providers = Arc::clone(&providers);
        all.spawn(async move { verify(&providers, &token(PAIR)).await });
    }
    server.asked(1).await;
    server.release();
    while let Some(verified) = all.join_next().await {
        assert_good(&verified.expect("no panic"));
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_unknown_names_cause_one_fetch() {
    let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
    let providers = providers_of(&server, patient());
    providers.warm().await;
    let mut all = JoinSet::new();
    for number in 0..1000 {
        let providers = Arc::clone(&providers);
        let token = token_with_kid(PAIR, &format!("random-{number}"));
        all.spawn(async move { verify(&providers, &token).await });
    }
    while let Some(verified) = all.join_next().await {
        assert_invalid(&verified.expect("no panic"));
    }
    assert_eq!(server.requests(), 2);
    assert_good(&verify(&providers, &token(PAIR)).await);
}

#[tokio::test]
async fn a_new_key_is_taken_at_once_and_the_next_one_after_a_while() {
    let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
    let cooldown = Duration::from_millis(300);
    let providers = providers_of(&server, KeyCacheSettings { unknown_key_cooldown: cooldown, ..patient() });
    assert_good(&verify(&providers, &token(PAIR)).await);
    let [second, third] = ["second", "third"].map(|kid| jwk_named(PAIR, json!(kid)));

    server.set(Reply::keys(&[PAIR.jwk(), second.clone()]));
    let began = Instant::now();
    assert_good(&verify(&providers, &token_with_kid(PAIR, "second")).await);
    assert_good(&verify(&providers, &token(PAIR)).await);
    assert_eq!(server.requests(), 2);

    server.set(Reply::keys(&[second, third]));
    while verify(&providers, &token_with_kid(PAIR, "third")).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(began.elapsed() >= cooldown, "{:?}", began.elapsed());
    assert_eq!(server.requests(), 3);
    // What was taken out is no longer trusted.
    assert_invalid(&verify(&providers, &token(PAIR)).await);
    assert_good(&verify(&providers, &token_with_kid(PAIR, "second")).await);
}

#[tokio::test]
async fn keys_are_taken_one_by_one() {
    let mut nameless = PAIR.jwk();
    nameless.as_object_mut().expect("an object").remove("kid");
    let server = KeyServer::start(Reply::keys(&[
        jwk_named(PAIR, json!(7)),
        nameless,
        json!(null),
        json!("key"),
        json!({"kty": "AKP", "kid": "future", "alg": "ML-DSA-44", "pub": "AAAA"}),
        json!({"kty": "EC", "kid": "es512", "crv": "P-521", "x": "AA", "y": "AA"}),
        jwk_named(PAIR, json!("twice")),
        jwk_named(PAIR.other(), json!("twice")),
        PAIR.jwk(),
    ]));
    let providers = providers_of(&server, patient());
    assert_good(&verify(&providers, &token(PAIR)).await);
    for kid in ["7", "", "future", "es512", "twice"] {
        assert_invalid(&verify(&providers, &token_with_kid(PAIR, kid)).await);
    }
}

#[tokio::test]
async fn an_answer_may_say_how_long_it_is_good_within_bounds() {
    // We would ask at once; it says an hour.
    let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]).with_header("cache-control: public, max-age=3600"));
    let providers = providers_of(&server, hasty());
    for _ in 0..20 {
        assert_good(&verify(&providers, &token(PAIR)).await);
        tokio::time::sleep(MOMENT * 2).await;
    }
    assert_eq!(server.requests(), 1);
    // We would ask in an hour; it says never to keep it, so it is the least that is set.
    for line in ["cache-control: no-store", "cache-control: max-age=0"] {
        let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]).with_header(line));
        let providers = providers_of(&server, patient());
        while server.requests() < 3 {
            assert_good(&verify(&providers, &token(PAIR)).await);
            tokio::time::sleep(MOMENT).await;
        }
        // And not less.
        let bounds = LONG..=LONG;
        let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]).with_header(line));
        let providers = providers_of(&server, KeyCacheSettings { lifetime_bounds: bounds, ..hasty() });
        for _ in 0..20 {
            assert_good(&verify(&providers, &token(PAIR)).await);
        }
        assert_eq!(server.requests(), 1);
    }
}

#[tokio::test]
async fn keys_are_fetched_again_before_they_are_old_and_nobody_waits() {
    let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
    let lifetime = Duration::from_secs(2);
    let timeout = Duration::from_secs(20);
    let providers = providers_of(&server, KeyCacheSettings { lifetime, timeout, ..patient() });
    assert_good(&verify(&providers, &token(PAIR)).await);
    server.hold();
    let token = token(PAIR);
    let began = Instant::now();
    while server.requests() < 2 {
        // Ready at the first look, while the answer to the second fetch is held back.
        let mut verifying = pin!(verify(&providers, &token));
        match verifying.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            std::task::Poll::Ready(verified) => assert_good(&verified),
            std::task::Poll::Pending => panic!("it waits, after {:?}", began.elapsed()),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(began.elapsed() >= lifetime / 2, "{:?}", began.elapsed());
    server.release();
}

#[tokio::test]
async fn keys_that_are_too_old_are_good_no_more() {
    let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
    let max_age = Duration::from_millis(200);
    let providers = providers_of(&server, KeyCacheSettings { max_age, ..hasty() });
    assert_good(&verify(&providers, &token(PAIR)).await);
    server.set(Reply::HangUp);
    while let Ok(verified) = verify(&providers, &token(PAIR)).await {
        assert_good(&Ok(verified));
        tokio::time::sleep(MOMENT).await;
    }
    assert_unavailable(&verify(&providers, &token(PAIR)).await);
    server.set(Reply::keys(&[PAIR.jwk()]));
    while verify(&providers, &token(PAIR)).await.is_err() {
        tokio::time::sleep(MOMENT).await;
    }
}

#[tokio::test]
async fn who_goes_away_does_not_end_the_fetch_for_the_others() {
    let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
    server.hold();
    let providers = providers_of(&server, patient());
    let began = Arc::clone(&providers);
    let first = tokio::task::JoinSet::from_iter([async move { verify(&began, &token(PAIR)).await }]);
    server.asked(1).await;
    drop(first);
    server.release();
    assert_good(&verify(&providers, &token(PAIR)).await);
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_fetch_whose_runtime_has_ended_is_begun_again() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
    server.hold();
    let providers = providers_of(&server, patient());
    let ended = runtime();
    ended.block_on(async {
        let providers = Arc::clone(&providers);
        let mut verifying = JoinSet::from_iter([async move { verify(&providers, &token(PAIR)).await }]);
        tokio::select! {
            () = server.asked(1) => {}
            verified = verifying.join_next() => panic!("{verified:?}"),
        }
    });
    drop(ended);
    server.release();
    assert_good(&runtime().block_on(verify(&providers, &token(PAIR))));
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn keys_can_be_fetched_before_the_first_token() {
    let server = KeyServer::start(Reply::keys(&[PAIR.jwk()]));
    let providers = providers_of(&server, patient());
    providers.warm().await;
    providers.warm().await;
    assert_good(&verify(&providers, &token(PAIR)).await);
    assert_eq!(server.requests(), 1);

    let away = KeyServer::start(Reply::Silence);
    let providers = providers_of(&away, KeyCacheSettings { timeout: Duration::from_millis(50), ..patient() });
    providers.warm().await;
    assert_unavailable(&verify(&providers, &token(PAIR)).await);
    assert_eq!(away.requests(), 1);
}
