//! Secrets and key files.

use super::*;

const KEY: (&str, &str) = ("keys/key.pem", "geheim");

#[test]
fn algorithms_are_read_in_any_case_and_shown_as_tokens_name_them() {
    for (text, algorithm) in [
        ("hs256", JwtAlgorithm::Hs256),
        ("EDDSA", JwtAlgorithm::EdDsa),
        (" es256 ", JwtAlgorithm::Es256),
        ("Rs256", JwtAlgorithm::Rs256),
    ] {
        let mut variables = vec![("JWT_ALG", text)];
        variables.extend(algorithm.is_asymmetric().then_some(("JWT_PRIVATE_KEY_FILE", "keys/key.pem")));
        let loaded = load_with(&variables, &[KEY]).unwrap();
        assert_eq!(loaded.settings.auth.jwt_alg, algorithm);
        let line = format!("jwt_alg = \"{}\"  # JWT_ALG in the environment", algorithm.as_str());
        assert!(show(&loaded).lines().any(|shown| shown == line), "{line}");
    }
    let of_file = [("config/default.toml", "[auth]\njwt_alg = 'eddsa'\njwt_private_key_file = 'keys/key.pem'"), KEY];
    assert_eq!(load_with(&[], &of_file).unwrap().settings.auth.jwt_alg, JwtAlgorithm::EdDsa);
}

#[test]
fn a_key_file_is_for_algorithms_that_have_a_private_key() {
    let alone = load_with(&[("JWT_PRIVATE_KEY_FILE", "keys/key.pem")], &[KEY]);
    assert_eq!(
        faults(alone),
        [
            "JWT_PRIVATE_KEY_FILE: found a file, but auth.jwt_alg is HS256; allowed: nothing, or JWT_ALG of EdDSA, ES256 \
          or RS256"
        ]
    );
    assert_eq!(
        faults(load(&[("JWT_ALG", "EdDSA")])),
        ["JWT_PRIVATE_KEY_FILE: found nothing, but auth.jwt_alg is EdDSA; allowed: the PEM file of its private key"]
    );
    // What follows from a value that was not taken is not reported as well.
    let misspelt = [("JWT_ALG", "EdDAS"), ("JWT_PRIVATE_KEY_FILE", "keys/key.pem")];
    assert_eq!(faults(load_with(&misspelt, &[KEY])).len(), 1);
    let number = [("config/default.toml", "[auth]\njwt_alg = 'EdDSA'\njwt_private_key_file = 1")];
    assert_eq!(faults(load_with(&[], &number)).len(), 1);
}

#[test]
fn key_files_must_be_there_and_their_content_is_never_told() {
    let variables = [
        ("JWT_ALG", "ES256"),
        ("JWT_PRIVATE_KEY_FILE", "keys/key.pem"),
        ("JWT_PREVIOUS_KEY_FILES", "keys/key.pem, keys, keys/gone.pem"),
    ];
    let text = load_with(&variables, &[KEY]).unwrap_err().to_string();
    assert!(!text.contains("geheim"), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("JWT_PREVIOUS_KEY_FILES: found `keys` (a folder)"), "{text}");
    assert!(lines[1].starts_with("JWT_PREVIOUS_KEY_FILES: found `keys/gone.pem` (cannot be read, "), "{text}");
    let loaded = load_with(&[variables[0], variables[1], ("JWT_PREVIOUS_KEY_FILES", "keys/key.pem")], &[KEY]).unwrap();
    assert!(!show(&loaded).contains("geheim"));
    let auth = &loaded.settings.auth;
    assert_eq!(auth.jwt_private_key_file(), Some(Path::new("keys/key.pem")));
    assert_eq!(auth.jwt_previous_key_files, ["keys/key.pem"]);
    assert_eq!(load(&[]).unwrap().settings.auth.jwt_private_key_file(), None);
}

#[test]
fn who_has_a_key_file_needs_no_secret() {
    for environment in ["staging", "production"] {
        let variables = [
            ("LYCEUM_ENV", environment),
            ("DATABASE_URL", "postgres://me:x@db.example/lyceum"),
            ("SMTP_URL", "smtps://mail.example"),
            ("JWT_PRIVATE_KEY_FILE", "keys/key.pem"),
            ("JWT_ALG", "EdDSA"),
        ];
        let loaded = load_with(&variables, &[KEY]).unwrap();
        assert!(loaded.settings.auth.jwt_secret.expose_secret().is_empty(), "{environment}");
        let without = faults(load_with(&variables[..3], &[KEY]));
        assert_eq!(without.len(), 1, "{environment}: {without:?}");
        assert!(without[0].starts_with("JWT_SECRET: found nothing") && without[0].contains("JWT_ALG"), "{without:?}");
    }
}
