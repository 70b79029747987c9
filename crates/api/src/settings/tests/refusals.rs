//! What is refused where.

use super::*;

const SOUND: [(&str, &str); 8] = [
    ("LYCEUM_ENV", "production"),
    ("JWT_SECRET", SECRET),
    ("DATABASE_URL", "postgres://me:x@db.example/lyceum"),
    ("SMTP_URL", "smtps://mail.example"),
    ("LYCEUM__MAIL__FROM", "Lyceum <no-reply@example.org>"),
    ("LYCEUM__SERVER__PUBLIC_URL", "https://learn.example.org/"),
    ("CORS_ORIGINS", "https://learn.example.org"),
    ("LYCEUM__SERVER__TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8"),
];

/// The sound settings of production with one changed.
fn with(name: &str, value: &str) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> =
        SOUND.iter().filter(|(sound, _)| *sound != name).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    variables.push((name.to_owned(), value.to_owned()));
    variables
}

fn load_owned(variables: &[(String, String)]) -> Result<Loaded, SettingsErrors> {
    load(&variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
}

#[test]
fn sound_production_starts_without_a_word() {
    let loaded = load(&SOUND).unwrap();
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert!(loaded.settings.auth.cookie_secure && loaded.settings.server.hsts && !loaded.settings.seed_demo);
    assert_eq!(loaded.settings.server.base_url(1), "https://learn.example.org");
}

#[test]
fn production_refuses_one_by_one() {
    for (name, value) in [
        ("JWT_SECRET", ""),
        ("JWT_SECRET", "short"),
        ("JWT_SECRET", "change-me-change-me-change-me-change-me-1"),
        ("JWT_SECRET", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("JWT_SECRET", " kV3x8qLwZt5yB1nRj7pDfHs2mGc9uAeXabc "),
        ("COOKIE_SECURE", "false"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://a.example,*"),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "sqlite://x.db"),
        ("LYCEUM__RATE_LIMIT__ENABLED", "false"),
        ("LYCEUM__AUTH__BCRYPT_COST", "9"),
        ("SMTP_URL", ""),
    ] {
        let found = faults(load_owned(&with(name, value)));
        assert_eq!(found.len(), 1, "{name}={value}: {found:?}");
        assert!(found[0].starts_with(name), "{name}={value}: {found:?}");
    }
}

#[test]
fn production_takes_sqlite_if_told_so() {
    let mut variables = with("DATABASE_URL", "sqlite:///srv/lyceum.db");
    variables.push(("LYCEUM__DATABASE__ALLOW_SQLITE_IN_PRODUCTION".to_owned(), "true".to_owned()));
    assert!(load_owned(&variables).is_ok());
}

#[test]
fn production_warns() {
    for (name, value) in [
        ("LYCEUM__SERVER__PUBLIC_URL", "http://learn.example.org"),
        ("LYCEUM__SERVER__PUBLIC_URL", ""),
        ("LYCEUM__MAIL__FROM", ""),
        ("LYCEUM__SEED_DEMO", "true"),
        ("LYCEUM__SERVER__TRUSTED_PROXIES", ""),
        ("LYCEUM__SERVER__TRUSTED_PROXIES", "10.0.0.0/8,0.0.0.0/0"),
        ("LYCEUM__SERVER__TRUSTED_PROXIES", "::/0"),
    ] {
        let warnings = load_owned(&with(name, value)).unwrap().warnings;
        assert_eq!(warnings.len(), 1, "{name}={value}: {warnings:?}");
        assert!(warnings[0].starts_with(name), "{warnings:?}");
    }
}

#[test]
fn staging_warns_of_what_production_refuses() {
    let staging = [
        ("LYCEUM_ENV", "staging"),
        ("JWT_SECRET", SECRET),
        ("SMTP_URL", "smtp://mail.example"),
        ("LYCEUM__MAIL__FROM", "a@example.org"),
        ("LYCEUM__SERVER__PUBLIC_URL", "https://staging.example.org"),
        ("COOKIE_SECURE", "false"),
        ("CORS_ORIGINS", "*"),
        ("LYCEUM__RATE_LIMIT__ENABLED", "false"),
        ("LYCEUM__SERVER__TRUSTED_PROXIES", "10.0.0.0/8"),
    ];
    let warnings = load(&staging).unwrap().warnings;
    // With SQLite.
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert_eq!(faults(load(&staging[..1])).len(), 2, "no secret, no mail server");
}

#[test]
fn refused_everywhere() {
    for (name, value) in [
        ("JWT_SECRET", "short"),
        ("LYCEUM__AUTH__COOKIE_SAME_SITE", "none"),
        ("COOKIE_DOMAIN", "https://example.org"),
        ("CORS_ORIGINS", "https://example.org/"),
        ("CORS_ORIGINS", "example.org"),
        ("DATABASE_URL", "mysql://x"),
        ("DATABASE_URL", "postgres://me:a b@[x/y"),
        ("DATABASE_URL", "postgres:lyceum"),
        ("HOST", "http://x"),
        ("LYCEUM__SERVER__TRUSTED_PROXIES", "10.0.0.0/33"),
        ("LYCEUM__SERVER__TRUSTED_PROXIES", "10.0.0.0/8,proxy.example"),
        ("LYCEUM__RATE_LIMIT__AUTH__NETWORK_PER_MINUTE", "0"),
        ("LYCEUM__RATE_LIMIT__READS__USER_PER_MINUTE", "1000001"),
        ("REDIS_URL", "http://cache.example"),
        ("LYCEUM__SERVER__PUBLIC_URL", "learn.example.org"),
        ("LYCEUM__MAIL__TRANSPORT", "smtp"),
        ("LYCEUM__MAIL__FROM", "nobody"),
        ("SMTP_URL", "mail.example:25"),
        ("LYCEUM__LLM__PROVIDER", "qubrid"),
        ("LYCEUM__LLM__PROVIDER", "openai"),
        ("QUBRID_BASE_URL", "ftp://x"),
        ("LYCEUM__LLM__READ_TIMEOUT_SECONDS", "121"),
        ("LYCEUM__LLM__TEMPERATURE", "2.1"),
        ("LYCEUM__LLM__TEMPERATURE", "NaN"),
        ("JWT_REFRESH_TTL_SECONDS", "900"),
        ("LYCEUM__AUTH__RESET_TTL_SECONDS", "59"),
        ("LYCEUM__AUTH__LOCKOUT__LONGEST_SECONDS", "29"),
        ("LYCEUM__AUTH__LOCKOUT__OVERALL_AFTER", "4"),
        ("LYCEUM__AUTH__LOCKOUT__OVERALL_SECONDS", "86401"),
        ("LYCEUM__AUTH__LOCKOUT__FIRST_SECONDS", "901"),
        ("LYCEUM__AUTH__LOCKOUT__AFTER", "101"),
        ("LYCEUM__MAIL__TEMPLATES_DIR", "nowhere"),
        ("LYCEUM__MAIL__SITE_NAME", "Two\nlines"),
        ("LYCEUM__RETENTION__AUDIT_DAYS", "0"),
        ("LOG_LEVEL", "verbose"),
        ("LOG_LEVEL", "info,sqlx=loud"),
        ("LOG_LEVEL", "info,[request{id=1}]=trace"),
    ] {
        let found = faults(load(&[(name, value)]));
        assert_eq!(found.len(), 1, "{name}={value}: {found:?}");
    }
    assert_eq!(faults(load(&[("LYCEUM__AUTH__LOCKOUT__FORGET_AFTER_SECONDS", "899")])).len(), 2, "of either lock");
    for level in ["off", "INFO", "info,sqlx=warn,lyceum_api::http=debug"] {
        assert_eq!(faults(load(&[("LOG_LEVEL", level)])), Vec::<String>::new());
    }
}
