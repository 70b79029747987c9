//! Everything secret or personal that the tests of this process sent, were sent or set: no server may write any of it
//! into its log. Each server is held to this when it goes.

use std::{
    collections::BTreeSet,
    sync::{LazyLock, Mutex, MutexGuard},
};

use reqwest::{
    Request,
    header::{AUTHORIZATION, COOKIE, HeaderMap, SET_COOKIE},
};
use serde_json::Value;
use url::Url;

/// Shorter ones would be found in anything.
const MIN: usize = 8;

static ALL: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(Mutex::default);

/// What people write, and are told, is looked for from here on: shorter texts would be found in anything, too.
const LONG: usize = 12;

/// Members of bodies that hold what people write to the mentor, and it to them, and about it.
const WORDS: [&str; 4] = ["comment", "content", "prompt", "response"];

/// Members of bodies that hold secrets, or what says who somebody is.
const MEMBERS: [&str; 12] = [
    "access_token",
    "client_secret",
    "current_password",
    "email",
    "identifier",
    "key",
    "new_password",
    "password",
    "refresh_token",
    "token",
    "username_or_email",
    "old_password",
];

fn all() -> MutexGuard<'static, BTreeSet<String>> {
    ALL.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Nobody may read this in a log from now on.
pub fn keep(secret: &str) {
    let secret = secret.trim();
    // A line of a log is no place for line feeds, so what has them is looked for in parts.
    for part in secret.lines().filter(|part| part.len() >= MIN) {
        all().insert(part.to_owned());
    }
}

/// Keeps what a setting says, if it is a secret.
pub fn keep_setting(name: &str, value: &str) {
    let is_secret = ["SECRET", "PASSWORD", "API_KEY", "ACCESS_KEY"].iter().any(|part| name.contains(part));
    if is_secret {
        keep(value);
    }
    if name.ends_with("ENCRYPTION__KEYS") {
        value.split(',').filter_map(|key| key.split_once(':')).for_each(|(_, key)| keep(key));
    }
    if name.ends_with("URL")
        && let Some(password) = Url::parse(value).ok().as_ref().and_then(Url::password)
    {
        keep(password);
    }
}

/// Keeps the secrets of a request.
pub(crate) fn of_request(request: &Request) {
    of_headers(request.headers());
    let Some(body) = request.body().and_then(reqwest::Body::as_bytes) else { return };
    match serde_json::from_slice::<Value>(body) {
        Ok(body) => of_body(&body),
        Err(_) => {
            for (name, value) in url::form_urlencoded::parse(body) {
                of_member(&name, &value);
            }
        }
    }
}

/// Keeps the secrets of an answer.
pub(crate) fn of_answer(headers: &HeaderMap, body: &Value) {
    of_headers(headers);
    // What was wrong with a member is no secret.
    if body.get("code").is_none() {
        of_body(body);
    }
}

fn of_headers(headers: &HeaderMap) {
    for value in headers.get_all(AUTHORIZATION).iter().filter_map(|value| value.to_str().ok()) {
        keep(value.split_once(' ').map_or(value, |(_, token)| token));
    }
    for value in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
        of_cookie(value.split(';').next().unwrap_or_default());
    }
    for value in headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()) {
        value.split(';').for_each(of_cookie);
    }
}

fn of_cookie(pair: &str) {
    if let Some((_, value)) = pair.split_once('=') {
        keep(value);
    }
}

fn of_body(body: &Value) {
    match body {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) => of_member(name, text),
                    other => of_body(other),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(of_body),
        _ => {}
    }
}

fn of_member(name: &str, text: &str) {
    if WORDS.contains(&name) {
        text.lines().filter(|line| line.trim().len() >= LONG).for_each(keep);
    }
    // Usernames are public.
    if MEMBERS.contains(&name) && (name != "identifier" || text.contains('@')) {
        keep(text);
    }
}

/// The first line that tells one of them, and which.
pub(crate) fn told(log: &str) -> Option<(String, String)> {
    let all = all();
    log.lines().find_map(|line| {
        let secret = all.iter().find(|secret| line.contains(secret.as_str()))?;
        Some((secret.clone(), line.to_owned()))
    })
}
