//! Accounts that people can trust: passwords, locks, keys, admins, leaving.

use lyceum_e2e::{
    answer::Answer, database::Database, house::House, on_both_databases, person::Person, server::Server,
    wait::eventually,
};
use reqwest::{Method, header};
use serde_json::{Value, json};

on_both_databases!(
    registering_a_known_address_looks_like_any_other,
    a_forgotten_password_is_set_anew,
    who_guesses_is_locked_and_the_owner_is_told,
    a_key_reaches_as_far_as_its_scopes,
    what_an_admin_does_holds_at_once_everywhere,
    who_leaves_takes_everything_along,
);

async fn log_in(server: &Server, identifier: &str, password: &str) -> Answer {
    server.post("/api/v1/auth/login", &json!({"identifier": identifier, "password": password})).await
}

async fn registering_a_known_address_looks_like_any_other(database: Database) {
    let server = House::new(database).start().await;
    let ada = server.register_and_sign_in("ada").await;
    let register = async |email: &str, name: &str| {
        let body = json!({"email": email, "username": name, "password": "topsail-Schooner-77"});
        let answer = server.post("/api/v1/auth/register", &body).await;
        (answer.status, answer.body["code"].clone(), answer.body["status"].clone())
    };
    // The first time, again, and when somebody else wants the name.
    for (known, unknown) in [("aye", "bee"), ("aye", "bee")] {
        let (left, right) = (register(&ada.email, known).await, register("nobody@learners.example", unknown).await);
        assert_eq!((left.0, &left), (202, &right));
    }
    let (left, right) = (register("x@learners.example", "aye").await, register("y@learners.example", "bee").await);
    assert_eq!((left.0, &left), (409, &right));

    let mail = server.mail(&ada.email, "already").await;
    assert!(!mail.contains("token="), "{mail}");
    // Both of the other's links work, but one makes the account.
    let token = server.verification_token("nobody@learners.example").await;
    log_in(&server, "bee", "topsail-Schooner-77").await.is_problem(403, "email_not_verified");
    log_in(&server, "bee", "wrong-Schooner-77").await.is_problem(401, "invalid_credentials");
    server.post("/api/v1/auth/verify-email", &json!({"token": token})).await.is(204);
    log_in(&server, "bee", "topsail-Schooner-77").await.is(200);
    server
        .post("/api/v1/auth/verify-email", &json!({"token": token}))
        .await
        .is_refused_at("validation_failed", "/token");
    log_in(&server, &ada.email, "topsail-Schooner-77").await.is_problem(403, "email_not_verified");
    // The known address's owner is as before.
    log_in(&server, "ada", &ada.password).await.is(200);
    log_in(&server, "aye", "topsail-Schooner-77").await.is_problem(403, "email_not_verified");
}

async fn a_forgotten_password_is_set_anew(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let mut elsewhere = ada.clone();
    elsewhere.sign_in(&server).await;

    for email in [ada.email.as_str(), "nobody@learners.example"] {
        let answer = server.post("/api/v1/auth/password/forgot", &json!({"email": email})).await.is(202);
        assert_eq!(answer.body, json!({"status": "mail_requested"}));
    }
    let token = server.token_in(&ada.email, "/reset-password?token=").await;
    let reset = async |password: &str| {
        server.post("/api/v1/auth/password/reset", &json!({"token": token, "new_password": password})).await
    };
    // What is refused does not use the link up.
    reset("short").await.is_refused_at("validation_failed", "/new_password");
    reset(&format!("{}1", ada.email)).await.is_refused_at("validation_failed", "/new_password");
    reset("second-Anchor-1906").await.is(204);
    reset("third-Anchor-1907").await.is_refused_at("validation_failed", "/token");
    for person in [&ada, &elsewhere] {
        person.get("/users/me").await.is_problem(401, "invalid_token");
    }
    log_in(&server, "ada", &ada.password).await.is_problem(401, "invalid_credentials");
    server.mail(&ada.email, "password").await;

    let mut ada = ada.with_password("second-Anchor-1906");
    ada.sign_in(&server).await;
    elsewhere.password.clone_from(&ada.password);
    elsewhere.sign_in(&server).await;
    let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let path = "/auth/password/change";
    ada.post(path, &change("wrong-Anchor-1", "third-Anchor-1907")).await.is_problem(401, "invalid_credentials");
    ada.post(path, &change(&ada.password, "ada")).await.is_refused_at("validation_failed", "/new_password");
    ada.post(path, &change(&ada.password, "third-Anchor-1907")).await.is(204);
    ada.get("/users/me").await.is(200);
    elsewhere.get("/users/me").await.is_problem(401, "invalid_token");
    log_in(&server, "ada", "third-Anchor-1907").await.is(200);
    assert!(server.mails("nobody@learners.example").is_empty());
    server.told_none_of([token.as_str(), "second-Anchor-1906", "third-Anchor-1907"]);
}

async fn who_guesses_is_locked_and_the_owner_is_told(database: Database) {
    let house = House::new(database);
    let server = house.start().await;
    let admin = server.let_in(&house, "the-harbour-master", "admin").await;
    let ada = server.register_and_sign_in("ada").await;
    for n in 0..6 {
        log_in(&server, "ada", &format!("guess-{n}-Anchor")).await.is_problem(401, "invalid_credentials");
    }
    let locked = log_in(&server, "ada", &ada.password).await.is_problem(423, "account_locked");
    let wait: u64 = locked.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    log_in(&server, "ada", "still-wrong-1").await.is_problem(401, "invalid_credentials");
    // Whoever is in stays in, and can see what happened.
    let history = ada.get("/auth/sign-ins?limit=100").await.is(200);
    let failed = history.items().iter().filter(|sign_in| sign_in["succeeded"] == false);
    let reasons: Vec<_> = failed.map(|sign_in| sign_in["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons.iter().filter(|reason| **reason == "wrong_password").count(), 7, "{reasons:?}");
    assert!(reasons.contains(&"locked") && history.items().iter().all(|item| item["ip_address"] == "127.0.0.1"));

    let id = ada.get("/users/me").await.is(200).text_at("/id");
    admin.patch(&format!("/admin/users/{id}"), &json!({"unlock": true})).await.is(200);
    log_in(&server, "ada", &ada.password).await.is(200);
}

async fn a_key_reaches_as_far_as_its_scopes(database: Database) {
    let house = House::new(database);
    house.import_long_book(1);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let path = "/users/me/api-keys";
    ada.post(path, &json!({"name": "", "scopes": []})).await.is_refused_at("validation_failed", "/scopes");
    ada.post(path, &json!({"name": "x", "scopes": ["root"]})).await.is_refused_at("validation_failed", "/scopes");
    let past = json!({"name": "x", "scopes": ["ai"], "expires_at": "2020-01-01T00:00:00Z"});
    ada.post(path, &past).await.is_refused_at("validation_failed", "/expires_at");
    let made = ada.post(path, &json!({"name": "notebook", "scopes": ["ai", "profile"]})).await.is(201);
    let (id, key) = (made.text_at("/id"), made.text_at("/key"));
    assert!(key.starts_with("lyc_") && key.starts_with(&made.text_at("/prefix")) && key.len() > 40);

    let script = ada.showing(&key);
    assert_eq!(script.get("/users/me").await.is(200)["username"], "ada");
    script.ask(&json!({"prompt": "What is a line?"})).await.is(200);
    let refused = script.get("/progress").await.is_problem(403, "insufficient_scope");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"insufficient_scope\""));
    for (method, closed) in [
        (Method::GET, "/auth/sessions"),
        (Method::POST, "/auth/logout-all"),
        (Method::GET, path),
        (Method::GET, "/users/me/export"),
        (Method::DELETE, "/users/me"),
        (Method::GET, "/admin/users"),
    ] {
        let answer = Answer::of(script.request(method, closed)).await;
        assert_eq!(answer.status, 403, "{closed}: {}", answer.text);
    }
    let listed = ada.get(path).await.is(200);
    assert_eq!((listed.items().len(), &listed.items()[0]["name"]), (1, &json!("notebook")));
    assert!(listed.items()[0]["last_used_at"].is_string() && !listed.text.contains(&key), "{}", listed.text);

    ada.delete(&format!("{path}/{id}")).await.is(204);
    script.get("/users/me").await.is_problem(401, "invalid_token");
    ada.delete(&format!("{path}/{id}")).await.is_problem(404, "not_found");
    assert!(ada.get(path).await.is(200).items().is_empty());
    server.told_none_of([key.as_str()]);
}

async fn what_an_admin_does_holds_at_once_everywhere(database: Database) {
    let house = House::new(database);
    let (one, two) = (house.start().await, house.start().await);
    let admin = one.let_in(&house, "the-harbour-master", "admin").await;
    let ada = one.register_and_sign_in("ada").await;
    let there = ada.clone().at(&two);
    let id = ada.get("/users/me").await.is(200).text_at("/id");
    let path = format!("/admin/users/{id}");

    there.get("/admin/users").await.is_problem(403, "forbidden");
    let promoted = admin.patch(&path, &json!({"role": "admin", "plan": "premium"})).await.is(200);
    assert_eq!((&promoted["role"], &promoted["plan"]), (&json!("admin"), &json!("premium")));
    let found = there.get("/admin/users?q=ADA&role=admin&plan=premium&is_active=true").await.is(200);
    assert_eq!(found.items()[0]["id"], json!(id));
    admin.patch(&path, &json!({"role": "learner"})).await.is(200);
    there.get("/admin/users").await.is_problem(403, "forbidden");

    admin.patch(&path, &json!({"is_active": false})).await.is(200);
    there.get("/users/me").await.is_problem(401, "invalid_token");
    log_in(&two, "ada", &ada.password).await.is_problem(403, "account_disabled");
    admin.patch(&path, &json!({"is_active": true})).await.is(200);
    log_in(&two, "ada", &ada.password).await.is(200);

    let tag = admin.get(&path).await.is(200).header("etag").expect("a tag").to_owned();
    admin.patch_if(&tag, &path, &json!({"plan": "free"})).await.is(200);
    admin.patch_if(&tag, &path, &json!({"plan": "premium"})).await.is_problem(412, "version_mismatch");
    admin.patch(&path, &json!({"role": "captain"})).await.is_refused_at("validation_failed", "/role");
    let own = admin.get("/users/me").await.is(200).text_at("/id");
    let own = format!("/admin/users/{own}");
    admin.patch(&own, &json!({"role": "learner"})).await.is_problem(409, "own_account");
    admin.patch(&own, &json!({"is_active": false})).await.is_problem(409, "own_account");

    let trail = admin.get(&format!("/admin/audit?subject={id}&limit=100")).await.is(200);
    let told: Vec<_> = trail.items().iter().map(|event| event["action"].as_str().unwrap()).collect();
    for action in ["account.registered", "account.role_changed", "account.plan_changed", "account.deactivated"] {
        assert!(told.contains(&action), "{action} is not among {told:?}");
    }
    let changed = trail.items().iter().find(|event| event["action"] == "account.role_changed").unwrap();
    assert_eq!(changed["details"], json!({"from": "admin", "to": "learner"}));
    admin.get("/admin/audit?since=yesterday").await.is_refused_at("validation_failed", "/since");
}

async fn who_leaves_takes_everything_along(database: Database) {
    let house = House::new(database).with("LYCEUM__AUTH__DELETION_GRACE_DAYS", 0);
    house.import_long_book(2);
    let server = house.start().await;
    let ada = server.register_and_sign_in("ada").await;
    let grace = server.register_and_sign_in("grace").await;
    ada.patch("/users/me", &json!({"display_name": "Ada of the Tides", "bio": "Knots."})).await.is(200);
    ada.post("/users/me/api-keys", &json!({"name": "notebook", "scopes": ["ai"]})).await.is(201);
    let lesson = server.get("/api/v1/courses/long-lines").await.is(200).text_at("/outline/0/id");
    ada.put(&format!("/lessons/{lesson}/progress"), &json!({"status": "completed"})).await.is(200);
    ada.ask(&json!({"prompt": "How long is a line of 1 fathom?"})).await.is(200);

    // What others see, as she says.
    let sees = async |person: &Person| person.get("/users/ada").await.status;
    let nobody = async || server.get("/api/v1/users/ada").await.status;
    assert_eq!((sees(&grace).await, nobody().await), (200, 404));
    ada.patch("/users/me/privacy", &json!({"profile_visibility": "public", "show_progress": false})).await.is(200);
    let shown = server.get("/api/v1/users/ada").await.is(200);
    assert_eq!((&shown["display_name"], &shown["progress"]), (&json!("Ada of the Tides"), &Value::Null));
    assert!(!shown.text.contains(&ada.email));
    ada.patch("/users/me/privacy", &json!({"profile_visibility": "private"})).await.is(200);
    assert_eq!((sees(&grace).await, nobody().await, sees(&ada).await), (404, 404, 200));

    let export = ada.get("/users/me/export").await.is(200);
    assert!(export.header("content-disposition").is_some_and(|value| value.contains("lyceum-ada.json")));
    for pointer in [
        "/user/email",
        "/sessions/0/ip_address",
        "/api_keys/0/prefix",
        "/events/0/action",
        "/courses/0/lessons/0/status",
        "/conversations/0/messages/1/content",
        "/usage/0/model",
    ] {
        export.text_at(pointer);
    }

    Answer::of(ada.request(Method::DELETE, "/users/me")).await.is_problem(401, "invalid_credentials");
    let wrong = ada.request(Method::DELETE, "/users/me").json(&json!({"password": "wrong-Anchor-1"}));
    Answer::of(wrong).await.is_problem(401, "invalid_credentials");
    let gone = Answer::of(ada.request(Method::DELETE, "/users/me").json(&json!({"password": ada.password}))).await;
    assert!(gone.is(204).cookie("lyceum_access").0.is_empty());
    ada.get("/users/me").await.is_problem(401, "invalid_token");
    log_in(&server, "ada", &ada.password).await.is_problem(401, "invalid_credentials");
    server.mail(&ada.email, "deleted").await;

    // What there is of her, to be found no more when she is erased.
    let id = export.text_at("/user/id");
    let session = export.text_at("/sessions/0/id");
    let conversation = export.text_at("/conversations/0/id");
    let words = [&*id, &*session, &*conversation, &*ada.email, "Ada of the Tides", "line of 1 fathom?"];
    let before = house.traces(&words).await;
    for place in ["users.id", "users.email", "sessions.id", "conversations.id", "audit_events.subject_id"] {
        assert!(before.iter().any(|found| found == place), "{place} is not among {before:?}");
    }

    // Back, gone again, erased.
    house.run(&["user", "restore", "ada"]).succeeded();
    let mut ada = ada.clone();
    ada.sign_in(&server).await;
    house.run(&["user", "erase", "ada"]).ended(2);
    house.run(&["user", "erase", "ada", "--yes"]).succeeded();
    house.run(&["user", "erase", "ada", "--yes"]).ended(1);
    assert_eq!(house.traces(&words).await, Vec::<String>::new());
    ada.get("/users/me").await.is_problem(401, "invalid_token");
    assert_eq!(house.run(&["user", "purge"]).succeeded().stdout.trim(), "0 accounts were erased.");

    let leaves = grace.request(Method::DELETE, "/users/me").header(header::IF_MATCH, "\"77\"");
    Answer::of(leaves.json(&json!({"password": grace.password}))).await.is_problem(412, "version_mismatch");
    Answer::of(grace.request(Method::DELETE, "/users/me").json(&json!({"password": grace.password}))).await.is(204);
    eventually("the mail to grace", async || server.mails(&grace.email).into_iter().find(|m| m.contains("deleted")))
        .await;
    assert_eq!(house.run(&["user", "purge"]).succeeded().stdout.trim(), "1 accounts were erased.");
    // The names are free.
    server.register("ada").await;
}
