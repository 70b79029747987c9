//! Refresh tokens and their families: parallel tabs, replays, two instances.

use lyceum_e2e::{answer::Answer, database::Database, house::House, on_both_databases, person::Person, server::Server};
use serde_json::{Value, json};
use tokio::task::JoinSet;

on_both_databases!(fifty_tabs_that_refresh_at_once_all_go_on, a_replay_ends_one_family_and_is_told_once);

/// Trades a refresh token at one of the servers; the tokens, or the refusal.
async fn refreshed(server: &Server, token: &str) -> Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    server.post_form("/api/v1/auth/token", &form).await
}

async fn is_in(server: &Server, access: &str) -> bool {
    let asked = server.request(reqwest::Method::GET, "/api/v1/users/me").bearer_auth(access);
    Answer::of(asked).await.status == 200
}

/// The events of this kind about this person.
async fn events(admin: &Person, of: &Person, action: &str) -> Vec<Value> {
    let id = of.get("/users/me").await.is(200).text_at("/id");
    admin.get(&format!("/admin/audit?action={action}&subject={id}&limit=100")).await.is(200).items().clone()
}

/// Refreshes one token fifty times at once, over servers of one house in turn. Answers what each tab holds then.
async fn fifty_at_once(servers: &[&Server], token: &str) -> Vec<(String, String)> {
    let mut tabs = JoinSet::new();
    for n in 0..50 {
        let server = servers[n % servers.len()];
        let (url, http, token) = (server.url.clone(), server.fresh_client(), token.to_owned());
        tabs.spawn(async move {
            let body = format!("grant_type=refresh_token&refresh_token={token}");
            let request = http.post(format!("{url}/api/v1/auth/token")).body(body);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let answer = Answer::of(request).await.is(200);
            (answer.text_at("/access_token"), answer.text_at("/refresh_token"))
        });
    }
    tabs.join_all().await
}

async fn fifty_tabs_that_refresh_at_once_all_go_on(database: Database) {
    let house = House::new(database);
    let (one, two) = (house.start().await, house.start().await);
    let ada = one.register_and_sign_in("ada").await;
    let before = ada.get("/auth/sessions?limit=100").await.is(200).items().len();

    let tabs = fifty_at_once(&[&one, &two], &ada.refresh).await;
    let mut tokens: Vec<_> = tabs.iter().map(|(_, refresh)| refresh.clone()).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 50, "each tab has a token of its own");
    for (access, _) in &tabs {
        assert!(is_in(&one, access).await && is_in(&two, access).await);
    }
    // Each can go on, at either instance, once the others have.
    for (n, (_, refresh)) in tabs.iter().enumerate() {
        refreshed(if n % 2 == 0 { &two } else { &one }, refresh).await.is(200);
    }
    assert_eq!(ada.get("/auth/sessions?limit=100").await.is(200).items().len(), before, "one family");
}

async fn a_replay_ends_one_family_and_is_told_once(database: Database) {
    let house = House::new(database);
    let (one, two) = (house.start().await, house.start().await);
    let admin = one.let_in(&house, "the-harbour-master", "admin").await;
    let ada = one.register_and_sign_in("ada").await;
    let mut elsewhere = ada.clone();
    elsewhere.sign_in(&two).await;

    let next = refreshed(&one, &ada.refresh).await.is(200);
    let after = refreshed(&two, &next.text_at("/refresh_token")).await.is(200);
    assert!(is_in(&one, &after.text_at("/access_token")).await);

    // Its follower was used: now the first token is a replay, wherever and however often it is shown.
    let mut thieves = JoinSet::new();
    for server in [&one, &two].into_iter().cycle().take(10) {
        let (url, http, token) = (server.url.clone(), server.fresh_client(), ada.refresh.clone());
        thieves.spawn(async move {
            let body = format!("grant_type=refresh_token&refresh_token={token}");
            let request = http.post(format!("{url}/api/v1/auth/token")).body(body);
            Answer::of(request.header("content-type", "application/x-www-form-urlencoded")).await
        });
    }
    for answer in thieves.join_all().await {
        assert_eq!(answer.is(400)["error"], "invalid_grant");
    }
    for access in [&ada.access, &next.text_at("/access_token"), &after.text_at("/access_token")] {
        assert!(!is_in(&one, access).await && !is_in(&two, access).await, "the family ended");
    }
    assert_eq!(refreshed(&two, &after.text_at("/refresh_token")).await.is(400)["error"], "invalid_grant");

    // No other device is signed out, and it is told once.
    assert!(is_in(&one, &elsewhere.access).await);
    refreshed(&one, &elsewhere.refresh).await.is(200);
    let told = events(&admin, &elsewhere, "session.token_replayed").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["actor_kind"], &told[0]["ip_address"]), (&json!("anonymous"), &json!("127.0.0.1")));
    assert!(told[0]["request_id"].is_string() && told[0]["details"]["session"].is_string(), "{}", told[0]);
    one.told_none_of([ada.refresh.as_str(), &elsewhere.refresh]);
}
