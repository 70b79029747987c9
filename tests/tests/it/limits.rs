//! How often anybody may ask.

use std::time::{Duration, Instant};

use lyceum_e2e::{answer::Answer, house::House, redis::Redis, server::Server, wait::eventually};
use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};

/// A house where requests are limited, by the settings that ship but for these: each a class with `network` or `user`.
fn limited(rates: &[(&str, &str, u32)]) -> House {
    rates.iter().fold(House::small().with("LYCEUM__RATE_LIMIT__ENABLED", true), |house, (class, whose, rate)| {
        let name = format!("LYCEUM__RATE_LIMIT__{}__{}_PER_MINUTE", class.to_uppercase(), whose.to_uppercase());
        house.with(&name, rate)
    })
}

/// Somebody guesses at an account that is not there.
fn guess(server: &Server) -> RequestBuilder {
    let body = json!({"identifier": "nobody@learners.example", "password": "bowline-1-Turns"});
    server.request(Method::POST, "/api/v1/auth/login").json(&body)
}

/// What an answer says of limits: the most, what is left, seconds until all is there again.
fn told(answer: &Answer) -> [Option<u64>; 3] {
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]
        .map(|name| answer.header(name).map(|text| text.parse().expect("a whole number")))
}

/// Checks a refusal, and that it says when to come again.
#[track_caller]
fn is_one_too_many(answer: Answer, limit: u64, longest_wait: u64) {
    let answer = answer.is_problem(429, "rate_limited");
    let [most, left, reset] = told(&answer);
    assert_eq!((most, left), (Some(limit), Some(0)), "{}", answer.asked);
    let wait: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("whole seconds");
    assert!((1..=longest_wait).contains(&wait), "{wait} s");
    assert!((wait..=60).contains(&reset.expect("a reset")), "{reset:?} and {wait} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_is_stopped_before_anything_is_done_for_them() {
    let house = limited(&[("auth", "network", 2)]).with("CORS_ORIGINS", "https://learn.example.org");
    let server = house.start().await;
    let first = Answer::of(guess(&server)).await.is_problem(401, "invalid_credentials");
    assert_eq!(told(&first)[..2], [Some(2), Some(1)]);
    Answer::of(guess(&server)).await.is_problem(401, "invalid_credentials");
    // Each is back after 30 seconds.
    let refused = Answer::of(guess(&server).header(header::ORIGIN, "https://learn.example.org")).await;
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://learn.example.org"));
    let exposed = refused.header("access-control-expose-headers").expect("headers").to_lowercase();
    assert!(exposed.contains("ratelimit-reset") && exposed.contains("retry-after"), "{exposed}");
    is_one_too_many(refused, 2, 30);
    // Nobody reads the body, whatever it is, nor looks at a token.
    let broken = server.request(Method::POST, "/api/v1/auth/login").header(header::CONTENT_TYPE, "application/json");
    is_one_too_many(Answer::of(broken.body("{").bearer_auth("no.real.token")).await, 2, 30);
    let encoded = server.request(Method::POST, "/api/v1/%61uth/login").json(&json!({}));
    is_one_too_many(Answer::of(encoded).await, 2, 30);
    is_one_too_many(server.post_form("/api/v1/auth/token", &[("grant_type", "password")]).await, 2, 30);

    // What a browser asks beforehand is not counted, and other things are counted apart.
    let preflight = server
        .request(Method::OPTIONS, "/api/v1/auth/login")
        .header(header::ORIGIN, "https://learn.example.org")
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
    let preflight = Answer::of(preflight).await.is(200);
    assert_eq!(told(&preflight), [None; 3]);
    let reads = server.get("/api/v1/courses").await.is(200);
    assert_eq!(told(&reads)[0], Some(12_000));
    assert_eq!(told(&server.get("/no-such-place").await.is_problem(404, "not_found"))[0], Some(12_000));
    for path in ["/health", "/health/live", "/health/ready"] {
        assert_eq!(told(&server.get(path).await.is(200)), [None; 3], "{path}");
    }
    let health = server.get("/health").await.body;
    assert_eq!(health["components"]["rate_limiter"]["status"], "ok", "{health}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_has_a_limit_and_nobody_elses_is_touched() {
    let house = limited(&[("reads", "user", 2)]);
    let server = house.start().await;
    let (ada, ben) = (server.let_in(&house, "ada", "learner").await, server.let_in(&house, "ben", "learner").await);
    let key = ada.with_key(&["profile"]).await;
    let first = ada.get("/users/me").await.is(200);
    assert_eq!(told(&first)[..2], [Some(2), Some(1)], "the tighter of both");
    assert_eq!(told(&key.get("/users/me").await.is(200))[..2], [Some(2), Some(0)], "a key is its user");
    is_one_too_many(ada.get("/users/me").await, 2, 30);
    is_one_too_many(key.get("/users/me").await, 2, 30);
    // A route where anybody may come, too.
    is_one_too_many(ada.get("/courses").await, 2, 30);
    ben.get("/users/me").await.is(200);
    let anybody = server.get("/api/v1/courses").await.is(200);
    assert_eq!(told(&anybody)[0], Some(12_000));
    // Another class.
    ada.patch("/users/me", &json!({"bio": "Ropes."})).await.is(200);
    let wrong = ada.showing("no.real.token").get("/users/me").await.is_problem(401, "invalid_token");
    assert_eq!(told(&wrong)[0], Some(12_000), "nobody known, but the network is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_signed_in_stays_so_whatever_is_guessed_beside_them() {
    let house = limited(&[("auth", "network", 2)]);
    let server = house.start().await;
    for _ in 0..2 {
        Answer::of(guess(&server)).await.is_problem(401, "invalid_credentials");
    }
    is_one_too_many(Answer::of(guess(&server)).await, 2, 30);
    // Without a cookie, but asked for it.
    let refreshing = server.request(Method::POST, "/api/v1/auth/refresh").json(&json!({}));
    let answer = Answer::of(refreshing).await.is(401);
    assert_eq!(told(&answer)[0], Some(3000), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_openai_are_told_in_their_own_form_and_may_try_again() {
    let house = limited(&[("chat", "user", 1)]);
    let server = house.start().await;
    let ada = server.let_in(&house, "ada", "learner").await;
    let body = json!({"model": "lyceum-mentor", "messages": [{"role": "user", "content": "What is a bowline?"}]});
    let ask = || ada.request_at(Method::POST, "/openai/v1/chat/completions").json(&body);
    Answer::of(ask()).await.is(200);
    let refused = Answer::of(ask()).await.is(429);
    assert_eq!(refused.header("content-type"), Some("application/json"));
    assert_eq!(refused["error"]["code"], "rate_limit_exceeded", "{}", refused.text);
    assert_eq!(refused["error"]["type"], "requests");
    assert_ne!(refused.header("x-should-retry"), Some("false"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(told(&refused)[..2], [Some(1), Some(0)]);
    is_one_too_many(ada.ask(&json!({"prompt": "What is a bowline?"})).await, 1, 60);
}

/// What a proxy before the server adds.
fn from(request: RequestBuilder, name: &str, line: &str) -> RequestBuilder {
    request.header(name, line)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_clients_are_counted_apart() {
    let house = limited(&[("auth", "network", 2)]).with("LYCEUM__SERVER__TRUSTED_PROXIES", "127.0.0.0/8");
    let server = house.start().await;
    let ask = async |name, line| Answer::of(from(guess(&server), name, line)).await;
    ask("x-forwarded-for", "203.0.113.1").await.is(401);
    ask("x-forwarded-for", "198.51.100.7, 203.0.113.1").await.is(401);
    // Whatever stands left of what the proxy wrote.
    is_one_too_many(ask("x-forwarded-for", "198.51.100.8, 203.0.113.1").await, 2, 30);
    is_one_too_many(ask("forwarded", "for=198.51.100.9, for=\"203.0.113.1:4711\"").await, 2, 30);
    ask("x-forwarded-for", "203.0.113.2").await.is(401);
    // All of a customer's addresses.
    ask("x-forwarded-for", "2001:db8::1").await.is(401);
    ask("forwarded", "for=\"[2001:db8::2]:80\"").await.is(401);
    is_one_too_many(ask("x-forwarded-for", "2001:db8::ffff:3").await, 2, 30);

    // The same address stands in the list of sessions.
    let ada = house.run_with_input(
        &[
            "user",
            "create",
            "--email",
            "ada@learners.example",
            "--username",
            "ada",
            "--role",
            "learner",
            "--password-stdin",
        ],
        "bowline-3027-Turns\n",
    );
    ada.succeeded();
    let form = "grant_type=password&username=ada&password=bowline-3027-Turns";
    let signing_in = server
        .request(Method::POST, "/api/v1/auth/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form);
    let signed_in = Answer::of(from(signing_in, "x-forwarded-for", "9.9.9.9, 203.0.113.77")).await.is(200);
    let list = server.request(Method::GET, "/api/v1/auth/sessions").bearer_auth(signed_in.text_at("/access_token"));
    let sessions = Answer::of(list).await.is(200).body;
    let addresses: Vec<&Value> =
        sessions["items"].as_array().expect("sessions").iter().map(|session| &session["ip_address"]).collect();
    assert_eq!(addresses, [&json!("203.0.113.77")], "{sessions}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_say_of_themselves_changes_nothing() {
    let server = limited(&[("auth", "network", 2)]).start().await;
    for number in 1..=2 {
        Answer::of(from(guess(&server), "x-forwarded-for", &format!("203.0.113.{number}"))).await.is(401);
    }
    is_one_too_many(Answer::of(from(guess(&server), "x-forwarded-for", "203.0.113.3")).await, 2, 30);
    is_one_too_many(Answer::of(from(guess(&server), "forwarded", "for=203.0.113.4")).await, 2, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_limits_there_is_no_word_of_them() {
    let server = House::small().with("LYCEUM__RATE_LIMIT__AUTH__NETWORK_PER_MINUTE", 1).start().await;
    for _ in 0..3 {
        let answer = Answer::of(guess(&server)).await.is_problem(401, "invalid_credentials");
        assert_eq!(told(&answer), [None; 3]);
    }
    let health = server.get("/health").await.body;
    assert_eq!(health["components"]["rate_limiter"]["status"], "disabled", "{health}");
}

/// Waits until the limiter of a server says that it is so.
async fn counts(server: &Server, status: &str) -> String {
    eventually("another way to count", async || {
        let health = server.get("/health").await.body;
        let limiter = &health["components"]["rate_limiter"];
        (limiter["status"] == status).then(|| limiter["detail"].to_string())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_over_one_redis_count_together_and_go_on_without_it() {
    let Some(mut redis) = Redis::start("servers_over_one_redis_count_together_and_go_on_without_it").await else {
        return;
    };
    let house = || limited(&[("auth", "network", 2)]).with("REDIS_URL", redis.url());
    let (one, other) = (house().start().await, house().start().await);
    assert!(counts(&one, "ok").await.contains("together"));
    let began = Instant::now();
    for server in [&one, &other] {
        Answer::of(guess(server)).await.is_problem(401, "invalid_credentials");
    }
    for server in [&one, &other] {
        is_one_too_many(Answer::of(guess(server)).await, 2, 30);
    }

    redis.kill();
    for server in [&one, &other] {
        let reads = server.get("/api/v1/courses").await.is(200);
        assert_eq!(told(&reads)[0], Some(12_000));
        // Each knows of what it let through itself, and lets nobody begin anew.
        let mut passed = 0;
        loop {
            let answer = Answer::of(guess(server)).await;
            if answer.status == 429 {
                is_one_too_many(answer, 2, 30);
                break;
            }
            answer.is_problem(401, "invalid_credentials");
            passed += 1;
        }
        // One comes back after half a minute.
        let most = if began.elapsed() > Duration::from_secs(25) { 2 } else { 1 };
        assert!((1..=most).contains(&passed), "{passed} of 2, of which one was used {:?} ago", began.elapsed());
        counts(server, "degraded").await;
        server.get("/health/ready").await.is(200);
    }
    assert!(!one.log().contains("half-hitch-4096"), "the password stands in the log");

    redis.start_again().await;
    assert!(counts(&one, "ok").await.contains("together"));
}
