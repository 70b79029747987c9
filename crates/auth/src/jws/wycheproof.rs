//! The vectors of Project Wycheproof for JSON Web Signatures, <https://github.com/C2SP/wycheproof>. They are not part of
//! this repository: `LYCEUM_WYCHEPROOF` names the folder with `json_web_signature_test.json` and
//! `json_web_key_test.json`.
//!
//! Only signatures are looked at, since most payloads are no claims. All that verifies a token stands between: the
//! compact form, the header, the key set, the key.

use std::{ffi::OsString, fs, io::Write as _, path::Path};

use serde_json::{Value, json};

use super::{Compact, Found, Header, KeySet, SignatureAlgorithm};

/// The folder; where there is none, it says so past the harness, which swallows what a passing test prints.
fn folder(case: &str) -> Option<OsString> {
    let folder = std::env::var_os("LYCEUM_WYCHEPROOF");
    if folder.is_none() {
        say(&format!("SKIPPED {case}: LYCEUM_WYCHEPROOF is not set"));
    }
    folder
}

fn say(text: &str) {
    // The terminal may be gone; the case has run all the same.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What came of the cases of one file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    valid: usize,
    invalid: usize,
    accepted: Vec<u64>,
    wrongly_accepted: Vec<u64>,
    /// Valid, but for an algorithm, or with a key, that is not ours.
    refused_by_policy: usize,
    wrongly_refused: Vec<u64>,
}

fn tally(file: &Path) -> Tally {
    let text = fs::read(file).expect("the file of vectors");
    let vectors: Value = serde_json::from_slice(&text).expect("JSON");
    let mut tally = Tally::default();
    for group in vectors["testGroups"].as_array().expect("groups") {
        // Secret keys have no public half; they have to be refused as they stand.
        let key = group.get("public").unwrap_or(&group["private"]);
        let set = if key.get("keys").is_some() { key.clone() } else { json!({ "keys": [key] }) };
        for test in group["tests"].as_array().expect("tests") {
            let id = test["tcId"].as_u64().expect("a number");
            let token = test["jws"].as_str().expect("a token");
            let is_accepted = verify(&set, token).is_ok();
            match (test["result"].as_str().expect("a result"), is_accepted) {
                ("valid", true) => tally.accepted.push(id),
                ("valid", false) if is_of_ours(&set) => tally.wrongly_refused.push(id),
                ("valid", false) => tally.refused_by_policy += 1,
                ("invalid", true) => tally.wrongly_accepted.push(id),
                ("invalid", false) => tally.invalid += 1,
                other => panic!("case {id}: {other:?}"),
            }
            tally.valid += usize::from(test["result"] == "valid");
        }
    }
    say(&format!("{}: {tally:?}", file.display()));
    tally
}

/// As every token is verified, its claims left out.
fn verify(set: &Value, token: &str) -> Result<(), String> {
    let set = KeySet::parse(set.to_string().as_bytes(), &SignatureAlgorithm::ALL).map_err(|error| error.to_string())?;
    let token = Compact::split(token)?;
    let header = token.decode_header()?;
    let header = Header::read(&header)?;
    if !header.is_of(&["JWT"]) {
        return Err("another type".to_owned());
    }
    token.decode_payload()?;
    match set.get(header.kid().ok_or("no kid")?) {
        Found::One(key) => Ok(key.check(&header, &token)?),
        Found::Several | Found::None => Err("no key".to_owned()),
    }
}

/// Whether all keys are for the algorithms that are ours, by what they say of themselves.
fn is_of_ours(set: &Value) -> bool {
    let keys = set["keys"].as_array().expect("keys");
    keys.iter().all(|key| key["alg"].as_str().and_then(SignatureAlgorithm::named).is_some())
}

#[test]
fn signatures_are_verified_as_wycheproof_wants_it() {
    let Some(folder) = folder("Wycheproof's signatures") else { return };
    let expected = Tally {
        valid: 46,
        invalid: 355,
        accepted: vec![18, 33, 259, 260, 261, 262, 263, 345, 349, 378],
        refused_by_policy: 36,
        ..Tally::default()
    };
    assert_eq!(tally(&Path::new(&folder).join("json_web_signature_test.json")), expected);
}

#[test]
fn keys_are_chosen_as_wycheproof_wants_it() {
    let Some(folder) = folder("Wycheproof's keys") else { return };
    let expected = Tally { valid: 5, invalid: 21, accepted: vec![5], refused_by_policy: 4, ..Tally::default() };
    assert_eq!(tally(&Path::new(&folder).join("json_web_key_test.json")), expected);
}
