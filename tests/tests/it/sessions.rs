//! Signing in, staying in, getting out; with cookies and with bearer tokens.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use lyceum_e2e::{
    answer::Answer, database::Database, house::House, on_both_databases, person::Person, server::Server,
    wait::eventually,
};
use reqwest::{Method, header};
use serde_json::{Value, json};

on_both_databases!(a_refresh_token_is_good_once, leaving_ends_access_at_once, a_stale_change_of_the_account_is_refused);

/// A browser that somebody signed in with.
struct Browser<'a> {
    server: &'a Server,
    /// What the access cookie is called.
    name: &'static str,
    access: String,
    refresh: String,
}

impl<'a> Browser<'a> {
    async fn sign_in(server: &'a Server, person: &Person) -> Self {
        Self::sign_in_for(server, person, "lyceum_access").await
    }

    async fn sign_in_for(server: &'a Server, person: &Person, name: &'static str) -> Self {
        let body = json!({"identifier": person.name, "password": person.password});
        let answer = server.post("/api/v1/auth/login", &body).await.is(200);
        Self { server, name, access: answer.cookie(name).0, refresh: answer.cookie("lyceum_refresh").0 }
    }

    /// With both cookies, and what else a browser sends along.
    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let cookies = format!("{}={}; lyceum_refresh={}", self.name, self.access, self.refresh);
        let mut request = self.server.request(method, &format!("/api/v1{path}")).header(header::COOKIE, cookies);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request).await
    }

    /// As a page of the server's own would.
    async fn post(&self, path: &str) -> Answer {
        self.send(Method::POST, path, &[("origin", &self.server.url)]).await
    }

    /// Whether the access cookie is still good.
    async fn is_in(&self) -> bool {
        self.send(Method::GET, "/users/me", &[]).await.status == 200
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_page_cannot_act_with_somebodys_cookies() {
    let house = House::small().with("CORS_ORIGINS", "https://front.example");
    house.import_long_book(1);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let browser = Browser::sign_in(&server, &ada).await;
    let enrolment = "/courses/long-lines/enrollment";

    let host = server.url.strip_prefix("http://").unwrap();
    let foreign_port = format!("http://{}:1", host.split(':').next().unwrap());
    let lookalike = format!("{}.evil.example", server.url);
    let foreign: [&[(&str, &str)]; 7] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", &foreign_port)],
        &[("origin", &lookalike)],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[],
    ];
    for headers in foreign {
        for (method, path) in
            [(Method::POST, enrolment), (Method::POST, "/auth/logout"), (Method::POST, "/auth/refresh")]
        {
            browser.send(method, path, headers).await.is_problem(403, "csrf_rejected");
        }
        let read = browser.send(Method::GET, "/users/me", headers).await;
        assert_eq!(read.is(200).header("access-control-allow-origin"), None);
    }
    browser.send(Method::POST, enrolment, &[("origin", &server.url)]).await.is(201);
    browser.send(Method::POST, enrolment, &[("origin", "https://front.example")]).await.is(201);
    browser.send(Method::POST, enrolment, &[("sec-fetch-site", "same-origin")]).await.is(201);
    // A token that a page must hold in its hand is no cookie.
    let asked = ada.request(Method::POST, enrolment).header(header::ORIGIN, "https://evil.example");
    Answer::of(asked).await.is(201);
}

/// A front end has its own name; and where cookies travel encrypted only, an open page of our name may be anybody's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_front_ends_page_is_ours_and_an_unencrypted_one_is_not() {
    let house = House::small()
        .with("LYCEUM__SERVER__PUBLIC_URL", "https://learn.example")
        .with("LYCEUM__AUTH__COOKIE_SECURE", "true");
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let browser = Browser::sign_in_for(&server, &ada, "__Host-lyceum_access").await;
    assert!(browser.is_in().await);
    // Another host of the domain, or an open page, could have set one without the prefix.
    assert!(
        !Browser { name: "lyceum_access", access: browser.access.clone(), refresh: String::new(), server: &server }
            .is_in()
            .await
    );
    browser.send(Method::POST, "/auth/refresh", &[("origin", &server.url)]).await.is_problem(403, "csrf_rejected");
    browser.send(Method::POST, "/auth/refresh", &[("origin", "https://learn.example")]).await.is(200);
}

/// The access cookie ends long before the session does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_after_a_while_has_left() {
    let house = House::small();
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let mut browser = Browser::sign_in(&server, &ada).await;
    browser.access.clear();
    browser.send(Method::POST, "/auth/logout", &[]).await.is_problem(403, "csrf_rejected");
    let left = browser.post("/auth/logout").await.is(204);
    assert!(left.cookie("lyceum_refresh").0.is_empty());
    browser.post("/auth/refresh").await.is_problem(401, "invalid_token");
    server.post("/api/v1/auth/logout", &json!({})).await.is_problem(401, "unauthenticated");
}

async fn a_refresh_token_is_good_once(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;

    let mut browser = Browser::sign_in(&server, &ada).await;
    let first = browser.refresh.clone();
    let answer = browser.post("/auth/refresh").await.is(200);
    browser.access = answer.cookie("lyceum_access").0;
    browser.refresh = answer.cookie("lyceum_refresh").0;
    assert_ne!(browser.refresh, first);
    assert!(browser.is_in().await && !answer.text.contains(&browser.refresh));

    // Two tabs that refresh at once both stay in: the same token within a moment is no theft.
    let (one, other) = tokio::join!(browser.post("/auth/refresh"), browser.post("/auth/refresh"));
    let (one, other) = (one.is(200).cookie("lyceum_refresh").0, other.is(200).cookie("lyceum_refresh").0);
    assert_ne!(one, other);
    assert!(browser.is_in().await);

    let form = [("grant_type", "refresh_token"), ("refresh_token", &*ada.refresh)];
    let answer = server.post_form("/api/v1/auth/token", &form).await.is(200);
    assert_eq!((&answer["token_type"], &answer["scope"]), (&json!("Bearer"), &json!("learner")));
    assert!(answer["expires_in"].as_u64().is_some_and(|seconds| seconds > 0 && seconds <= 900));
    let next = [("grant_type", "refresh_token"), ("refresh_token", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")];
    let refused = server.post_form("/api/v1/auth/token", &next).await.is(400);
    assert_eq!((&refused["error"], refused.header("cache-control")), (&json!("invalid_grant"), Some("no-store")));
    server.post_form("/api/v1/auth/token", &[("grant_type", "magic")]).await.is(400);

    server.told_none_of([&first, &one, &other, &browser.access, &ada.refresh].map(String::as_str));
}

async fn leaving_ends_access_at_once(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let (here, there) = (Browser::sign_in(&server, &ada).await, Browser::sign_in(&server, &ada).await);

    let left = here.post("/auth/logout").await.is(204);
    for cookie in ["lyceum_access", "lyceum_refresh"] {
        let (value, attributes) = left.cookie(cookie);
        assert!(
            value.is_empty() && attributes.iter().any(|a| a.starts_with("expires=thu, 01 jan 1970")),
            "{attributes:?}"
        );
    }
    assert!(!here.is_in().await && there.is_in().await);
    here.post("/auth/refresh").await.is_problem(401, "invalid_token");
    ada.get("/users/me").await.is(200);

    there.post("/auth/logout-all").await.is(204);
    assert!(!there.is_in().await);
    there.post("/auth/refresh").await.is_problem(401, "invalid_token");
    ada.get("/users/me").await.is_problem(401, "invalid_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", &*ada.refresh)];
    server.post_form("/api/v1/auth/token", &form).await.is(400);

    // Whoever comes back at once is in.
    let mut again = ada.clone();
    again.sign_in(&server).await;
    again.get("/users/me").await.is(200);
}

async fn a_stale_change_of_the_account_is_refused(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let (ada, _) = (server.register_and_sign_in("ada").await, server.register("grace").await);
    let before = ada.get("/users/me").await.is(200);
    let tag = before.header("etag").expect("a tag").to_owned();
    let changed =
        ada.patch_if(&tag, "/users/me", &json!({"display_name": "Ada L.", "time_zone": "Europe/Vienna"})).await;
    assert_eq!(changed.is(200)["display_name"], "Ada L.");
    ada.patch_if(&tag, "/users/me", &json!({"display_name": "Late"})).await.is_problem(412, "version_mismatch");
    ada.patch_if("\"x\"", "/users/me", &json!({"bio": "odd"})).await.is_problem(412, "version_mismatch");
    ada.patch("/users/me", &json!({"username": "GRACE"})).await.is_problem(409, "username_taken");
    ada.patch("/users/me", &json!({"time_zone": null})).await.is_refused_at("validation_failed", "/time_zone");
    ada.patch("/users/me", &json!({"role": "admin"})).await.is_refused_at("unknown_field", "/role");
    let after = ada.patch("/users/me", &json!({"display_name": null})).await.is(200);
    assert_eq!(
        (&after["display_name"], &after["time_zone"], &after["role"]),
        (&Value::Null, &json!("Europe/Vienna"), &json!("learner"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_token_opens_nothing() {
    let house = House::small();
    let server = house.start().await;
    let mut ada = server.register_and_sign_in("ada").await;
    let good = ada.access.clone();
    let parts: Vec<_> = good.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let claims: Value = serde_json::from_slice(&BASE64.decode(payload).unwrap()).unwrap();
    assert_eq!(
        (&claims["type"], &claims["iss"], &claims["aud"]),
        (&json!("access"), &json!("lyceum"), &json!("lyceum-api"))
    );
    let encode = |value: &Value| BASE64.encode(value.to_string());
    let mut later = claims.clone();
    later["exp"] = json!(4_000_000_000_u64);
    let none = encode(&json!({"alg": "none", "typ": "JWT"}));
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let forged = [
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{header}.{}.{signature}", encode(&later)),
        format!("{header}.{payload}.{first}{}", &signature[1..]),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}.x"),
        ada.refresh.clone(),
        "x".repeat(100_000),
    ];
    for token in forged {
        ada.access.clone_from(&token);
        let answer = ada.get("/users/me").await;
        if token.len() > 50_000 {
            assert!((400..=431).contains(&answer.status), "{}", answer.status);
        } else {
            answer.is_problem(401, "invalid_token");
        }
    }
    for value in ["Basic YWRhOmFkYQ==", "Bearer", "Bearer ", &format!("Token {good}")] {
        let asked = server.request(Method::GET, "/api/v1/users/me").header(header::AUTHORIZATION, value);
        Answer::of(asked).await.is_problem(401, "invalid_token");
    }
    ada.access.clone_from(&good);
    ada.get("/users/me").await.is(200);
    server.told_none_of([ada.access.as_str(), signature, &ada.refresh]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_runs_out_and_is_renewed() {
    let house = House::small().with("JWT_ACCESS_TTL_SECONDS", 1).with("LYCEUM__AUTH__CLOCK_SKEW_SECONDS", 0);
    let server = house.start().await;
    let mut ada = server.register_and_sign_in("ada").await;
    let expired = eventually("the end of the token", async || {
        Some(ada.get("/users/me").await).filter(|answer| answer.status != 200)
    });
    let expired = expired.await.is_problem(401, "token_expired");
    assert_eq!(expired.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
    // A visitor whose cookie has run out is a visitor; whoever shows a token means to be somebody.
    ada.get("/courses").await.is_problem(401, "token_expired");
    let cookie = format!("lyceum_access={}", ada.access);
    let asked = server.request(Method::GET, "/api/v1/courses").header(header::COOKIE, cookie);
    Answer::of(asked).await.is(200);

    let form = [("grant_type", "refresh_token"), ("refresh_token", &*ada.refresh)];
    let renewed = server.post_form("/api/v1/auth/token", &form).await.is(200);
    ada.access = renewed.text_at("/access_token");
    ada.get("/users/me").await.is(200);
}
