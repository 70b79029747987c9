//! People who sign in at an identity provider.

use lyceum_e2e::{
    answer::Answer, database::Database, house::House, on_both_databases, provider::Provider, server::Server,
};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

on_both_databases!(fifty_first_requests_make_one_account, an_address_links_only_what_both_sides_verified);

const ADA: &str = "0199aaaa-0000-7000-8000-00000000ada1";
const BOB: &str = "0199aaaa-0000-7000-8000-000000000b0b";

async fn me(server: &Server, token: &str) -> Answer {
    Answer::of(server.request(Method::GET, "/api/v1/users/me").bearer_auth(token)).await
}

async fn fifty_first_requests_make_one_account(database: Database) {
    let mut provider = Provider::start().await;
    let house = House::new(database).with("NEON_AUTH_URL", provider.url());
    let (one, two) = (house.start().await, house.start().await);
    let token = provider.token(ADA, "ada@people.example", false);
    let mut requests = JoinSet::new();
    for server in [&one, &two].into_iter().cycle().take(50) {
        let request = server.fresh_client().get(format!("{}/api/v1/users/me", server.url)).bearer_auth(&token);
        requests.spawn(Answer::of(request));
    }
    let mut ids: Vec<_> = requests.join_all().await.into_iter().map(|answer| answer.is(200).text_at("/id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let ada = me(&one, &token).await.is(200);
    assert_eq!((&ada["email"], &ada["email_verified"]), (&json!("ada@people.example"), &json!(false)));
    assert_eq!((&ada["role"], &ada["username"]), (&json!("learner"), &json!("ada")));

    // A key that nobody has seen yet is fetched; many that nobody has are not.
    provider.rotate();
    me(&one, &provider.token(ADA, "ada@people.example", false)).await.is(200);
    let fetched = provider.fetched();
    assert!(fetched <= 4, "{fetched} fetches by two servers");

    // Another tenant's, another audience's, an old one, a visitor's.
    let other = Provider::start().await;
    for (claim, value) in [
        ("iss", json!(other.origin())),
        ("aud", json!(other.origin())),
        ("exp", json!(1_700_000_000)),
        ("role", json!("anonymous")),
        ("banned", json!(true)),
        ("sub", json!("not-a-uuid")),
    ] {
        let mut claims = provider.claims(BOB, "bob@people.example", true);
        claims[claim] = value;
        let answer = me(&one, &provider.sign(&claims)).await;
        assert_eq!(answer.status, 401, "{claim}: {}", answer.text);
    }
    let foreign = other.sign(&provider.claims(BOB, "bob@people.example", true));
    me(&one, &foreign).await.is_problem(401, "invalid_token");

    // The provider is away: who comes with a known key comes in.
    provider.go_away();
    let late = provider.token(ADA, "ada@people.example", false);
    me(&one, &late).await.is(200);
    // Where no key was ever had, nobody knows.
    let third = House::small().with("NEON_AUTH_URL", provider.url()).start().await;
    let unknown = me(&third, &late).await.is_problem(503, "identity_provider_unavailable");
    assert!(unknown.header("retry-after").is_some());
    one.told_none_of([token.as_str(), late.as_str()]);
}

async fn an_address_links_only_what_both_sides_verified(database: Database) {
    let provider = Provider::start().await;
    let house = House::new(database).with("NEON_AUTH_URL", provider.url());
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let own = ada.get("/users/me").await.is(200).text_at("/id");

    // Somebody claims her address without having shown that it is theirs.
    let thief = me(&server, &provider.token(BOB, &ada.email, false)).await.is(200);
    assert_ne!(thief.text_at("/id"), own);
    assert_eq!(thief.text_at("/email"), format!("{BOB}@placeholder.invalid"));
    // She comes with an address that the provider has verified.
    let linked = me(&server, &provider.token(ADA, &ada.email, true)).await.is(200);
    assert_eq!(linked.text_at("/id"), own);

    // A claim of an address gives way to who shows that it is theirs.
    let claimed = "0199aaaa-0000-7000-8000-00000000c1a1";
    let claim = provider.token(claimed, "eve@learners.example", false);
    assert_eq!(me(&server, &claim).await.is(200).text_at("/email"), "eve@learners.example");
    let password = "topsail-Schooner-77";
    let eve = json!({"email": "eve@learners.example", "username": "eve-herself", "password": password});
    server.post("/api/v1/auth/register", &eve).await.is(202);
    let link = server.verification_token("eve@learners.example").await;
    server.post("/api/v1/auth/verify-email", &json!({"token": link})).await.is(204);
    let login = json!({"identifier": "eve@learners.example", "password": password});
    let eve = server.post("/api/v1/auth/login", &login).await.is(200);
    assert_eq!(eve["user"]["username"], "eve-herself");
    assert!(me(&server, &claim).await.is(200).text_at("/email").ends_with("@placeholder.invalid"));
    // Nobody resets a password at an address that is only claimed.
    let forgot = json!({"email": "eve@learners.example"});
    server.post("/api/v1/auth/password/forgot", &forgot).await.is(202);
    let token = server.token_in("eve@learners.example", "/reset-password?token=").await;
    let reset = json!({"token": token, "new_password": "second-Anchor-1906"});
    server.post("/api/v1/auth/password/reset", &reset).await.is(204);
    assert_eq!(me(&server, &claim).await.is(200)["role"], "learner");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_house_without_passwords_takes_the_providers_people_alone() {
    let provider = Provider::start().await;
    let house = House::small().with("NEON_AUTH_URL", provider.url()).with("LYCEUM__AUTH__MODE", "external");
    let server = house.start().await;
    let body = json!({"email": "x@learners.example", "username": "xeno", "password": "topsail-Schooner-77"});
    server.post("/api/v1/auth/register", &body).await.is_problem(403, "passwords_off");
    let login = json!({"identifier": "xeno", "password": "topsail-Schooner-77"});
    server.post("/api/v1/auth/login", &login).await.is_problem(403, "passwords_off");
    let token = provider.token(ADA, "ada@people.example", true);
    assert_eq!(me(&server, &token).await.is(200)["email_verified"], true);

    let house = House::small().with("NEON_AUTH_URL", provider.url()).with("LYCEUM__AUTH__MODE", "local");
    me(&house.start().await, &token).await.is_problem(401, "invalid_token");
}
