//! The layers, the faults and the files that ship with the house.

mod files_of_the_house;
mod identity_providers;
mod mentor;
mod refusals;
mod signing;
mod storage;

use std::{fs, path::Path};

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;

const SECRET: &str = "kV3x8qLwZt5yB1nRj7pDfHs2mGc9uAeX";

/// 32 bytes.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Loads with these variables in a folder of its own, with these files in it.
fn load_with(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Loaded, SettingsErrors> {
    let dir = folder(files);
    Settings::load(&options(dir.path(), variables))
}

fn load(variables: &[(&str, &str)]) -> Result<Loaded, SettingsErrors> {
    load_with(variables, &[])
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn options(dir: &Path, variables: &[(&str, &str)]) -> LoadOptions {
    LoadOptions {
        working_dir: dir.to_path_buf(),
        variables: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..LoadOptions::default()
    }
}

/// The faults, sorted, one per line.
fn faults(result: Result<Loaded, SettingsErrors>) -> Vec<String> {
    let mut lines: Vec<String> =
        result.map_or_else(|errors| errors.faults.iter().map(ToString::to_string).collect(), |_| Vec::new());
    lines.sort();
    lines
}

#[test]
fn nothing_set_is_enough_for_development() {
    let loaded = load(&[]).unwrap();
    let settings = &loaded.settings;
    assert_eq!(settings.environment, Environment::Development);
    assert_eq!(settings.database.url.expose_secret(), "sqlite://data/lyceum.db");
    assert_eq!(settings.database.kind(), Some(DatabaseKind::Sqlite));
    assert_eq!(settings.server.base_url(8080), "http://127.0.0.1:8080");
    assert_eq!((settings.seed_demo, settings.auth.cookie_secure, settings.auth.bcrypt_cost), (true, false, 12));
    assert_eq!(loaded.warnings, Vec::<String>::new());
}

#[test]
fn the_database_follows_the_data_folder() {
    let url = |dir: &str| load(&[("LYCEUM__DATA_DIR", dir)]).unwrap().settings.database.url.expose_secret().to_owned();
    assert_eq!(url("/var/lib/lyceum/"), "sqlite:///var/lib/lyceum/lyceum.db");
    assert_eq!(url("/"), "sqlite:///lyceum.db");
    assert_eq!(url("50% off?"), "sqlite://50%25%20off%3F/lyceum.db");
}

#[test]
fn higher_layers_win() {
    let files = [
        (
            "config/default.toml",
            "data_dir = 'a'\nlog.level = 'warn'\n[server]\nport = 1\nhost = 'default'\nworkers = 1",
        ),
        ("config/staging.toml", "[server]\nport = 2\nhost = 'staging'\nworkers = 2"),
        (
            ".env",
            "LYCEUM_ENV=staging\nPORT=3\nHOST=dotenv\nJWT_SECRET='kV3x8qLwZt5yB1nRj7pDfHs2mGc9u$eX'\nSMTP_URL=smtp://m",
        ),
    ];
    let loaded = load_with(&[("PORT", "4")], &files).unwrap();
    let server = &loaded.settings.server;
    assert_eq!(loaded.settings.environment, Environment::Staging);
    assert_eq!((server.port, server.host.as_str(), server.workers), (4, "dotenv", 2));
    assert_eq!((loaded.settings.data_dir.as_str(), loaded.settings.log.level.as_str()), ("a", "warn"));
    assert!(loaded.settings.auth.jwt_secret.expose_secret().ends_with("u$eX"));
    assert_eq!(loaded.origin("server.port"), Origin::Environment { name: "PORT".to_owned() });
    assert_eq!(loaded.origin("server.host"), Origin::DotEnv { name: "HOST".to_owned() });
    assert!(loaded.origin("server.workers").to_string().ends_with("staging.toml"));
    assert_eq!(loaded.origin("server.backlog"), Origin::BuiltIn);
    // A plain name of the environment wins over a nested one of `.env`.
    let loaded = load_with(&[("PORT", "4")], &[(".env", "LYCEUM__SERVER__PORT=3")]).unwrap();
    assert_eq!(loaded.settings.server.port, 4);
}

#[test]
fn tests_do_not_read_dotenv() {
    let files = [(".env", "PORT=3\nNONSENSE")];
    let loaded = load_with(&[("LYCEUM_ENV", "test")], &files).unwrap();
    assert_eq!(loaded.settings.server.port, 8080);
    assert_eq!(faults(load_with(&[], &[(".env", "LYCEUM_ENV=test")])).len(), 1);
}

#[test]
fn nested_beats_plain_with_a_warning() {
    let loaded = load(&[("PORT", "1"), ("LYCEUM__SERVER__PORT", "2")]).unwrap();
    assert_eq!(loaded.settings.server.port, 2);
    assert_eq!(
        loaded.warnings,
        ["LYCEUM__SERVER__PORT and PORT are both set and differ; LYCEUM__SERVER__PORT is used"]
    );
    let loaded = load(&[("PORT", "2"), ("LYCEUM__SERVER__PORT", "2")]).unwrap();
    assert!(loaded.warnings.is_empty());
}

#[test]
fn texts_of_variables_are_not_guessed_at() {
    let digits = "01234567890123456789012345678901";
    let loaded = load(&[
        ("JWT_SECRET", digits),
        ("JWT_ISSUER", "007"),
        ("JWT_AUDIENCE", "true"),
        ("QUBRID_MODEL", "[a]"),
        ("LYCEUM__DATA_DIR", "12345"),
        ("PORT", " 007 "),
        ("COOKIE_SECURE", "Yes"),
        ("LYCEUM__LLM__TEMPERATURE", "1"),
        ("CORS_ORIGINS", "https://a.example, https://b.example:8443,"),
        ("HOST", ""),
    ])
    .unwrap();
    let settings = loaded.settings;
    assert_eq!(settings.auth.jwt_secret.expose_secret(), digits);
    assert_eq!((settings.auth.jwt_issuer.as_str(), settings.auth.jwt_audience.as_str()), ("007", "true"));
    assert_eq!((settings.llm.qubrid.model.as_str(), settings.data_dir.as_str()), ("[a]", "12345"));
    assert_eq!((settings.server.port, settings.auth.cookie_secure), (7, true));
    assert_eq!(settings.llm.temperature, Some(1.0));
    assert_eq!(settings.cors.origins, ["https://a.example", "https://b.example:8443"]);
    assert_eq!(settings.server.host, "127.0.0.1");
    let loaded = load_with(&[], &[("config/default.toml", "llm.temperature = 'none'")]).unwrap();
    assert_eq!(loaded.settings.llm.temperature, None);
}

#[test]
fn all_faults_in_one_report() {
    let variables = [
        ("PORT", "70000"),
        ("COOKIE_SECURE", "maybe"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "inof"),
        ("JWT_SECRET", "hunter2"),
        ("LYCEUM__DATABSE__URL", "x"),
        ("LYCEUM__AUTH__BCRYPT_COST", "9"),
        ("JWT_ALG", "none"),
        ("JWT_PRIVATE_KEY_FILE", "key.pem"),
        ("LYCEUM__ENCRYPTION__KEYS", "a:b"),
    ];
    let files = [(
        "config/default.toml",
        "jwt_secret = 'geheim'\n[server]\nport = '80'\nworkers = -1\n[auth]\njwt_secret = 123\n[log]\nformat = {}",
    )];
    let dir = folder(&files);
    let found = faults(Settings::load(&options(dir.path(), &variables)));
    let file = dir.path().join("config/default.toml").display().to_string();
    let found: Vec<String> = found.iter().map(|line| line.replace(&file, "FILE")).collect();
    assert_eq!(
        found,
        [
            "COOKIE_SECURE: found `maybe`; allowed: true or false",
            "JWT_ALG: found `none`; allowed: HS256 or EdDSA or ES256 or RS256",
            "JWT_PRIVATE_KEY_FILE: found `key.pem` (cannot be read, No such file or directory (os error 2)); allowed: a \
             PEM file that can be read",
            "JWT_SECRET: found 7 characters (not shown); allowed: a random text of at least 32 characters (openssl rand \
             -base64 48)",
            "LOG_FORMAT: found `xml`; allowed: pretty or json",
            "LOG_LEVEL: found `inof`; allowed: off, error, warn, info, debug or trace, and target=level after commas",
            "LYCEUM__AUTH__BCRYPT_COST: found 9; allowed: 10 to 16; less in test only",
            "LYCEUM__DATABSE__URL: found no setting of that name; allowed: only known settings; did you mean \
             LYCEUM__DATABASE__URL?",
            "LYCEUM__ENCRYPTION__KEYS: found key 1 of the list which is not the base64 of 32 bytes (not shown); allowed: \
             NAME:BASE64 with commas between; a name of 1 to 32 letters, digits, dots, _ and -, and what `openssl rand \
             -base64 32` prints",
            "PORT: found `70000`; allowed: a whole number from 0 to 65535",
            "auth.jwt_secret in FILE: found another type (not shown); allowed: text",
            "jwt_secret in FILE: found no setting of that name; allowed: only known settings; did you mean \
             auth.jwt_secret?",
            "log.format in FILE: found a group; allowed: pretty or json",
            "server.port in FILE: found `80`; allowed: a whole number from 0 to 65535",
            "server.workers in FILE: found -1; allowed: a whole number from 0 to 1024",
        ]
    );
}

#[test]
fn broken_files_are_named_with_the_line() {
    let files = [
        ("config/default.toml", "[auth]\njwt_secret = 'geheim\n"),
        ("config/development.toml", "server = 3\nserver2 = 1"),
        (".env", "PORT=1\nJWT_SECRET geheim\n"),
    ];
    let text = load_with(&[("LYCEUM__AUTH", "x")], &files).unwrap_err().to_string();
    assert!(text.contains("default.toml, line 2: found a mistake"), "{text}");
    assert!(text.contains(".env, line 2: found a mistake"), "{text}");
    assert!(text.contains("server in ") && text.contains("found one value; allowed: a group of settings"), "{text}");
    assert!(!text.contains("geheim"), "{text}");
}

#[test]
fn the_config_folder_can_be_elsewhere() {
    let files = [("elsewhere/default.toml", "server.port = 5"), ("beside/config/default.toml", "server.port = 6")];
    let dir = folder(&files);
    let mut options = options(dir.path(), &[("LYCEUM_CONFIG_DIR", "elsewhere")]);
    options.executable_dir = Some(dir.path().join("beside"));
    assert_eq!(Settings::load(&options).unwrap().settings.server.port, 5);
    options.variables.clear();
    assert_eq!(Settings::load(&options).unwrap().settings.server.port, 6);
    assert_eq!(faults(load(&[("LYCEUM_CONFIG_DIR", "nowhere")])).len(), 1);
    assert_eq!(faults(load(&[("LYCEUM_ENV", "prod")])).len(), 1);
    options.unreadable = vec!["JWT_SECRET".to_owned(), "LS_COLORS".to_owned()];
    assert_eq!(faults(Settings::load(&options)).len(), 1);
}

#[test]
fn a_database_by_parts_is_encoded() {
    let parts = [
        ("DATABASE_HOST", "db.example"),
        ("DATABASE_NAME", "ly/ceum?"),
        ("DATABASE_USER", "us:er@x"),
        ("DATABASE_PASSWORD", "p@ss/w%41rd#?&ü"),
        ("DATABASE_SSLMODE", "require"),
    ];
    let url = |variables: &[(&str, &str)]| load(variables).unwrap().settings.database.url.expose_secret().to_owned();
    let of_parts =
        "postgres://us%3Aer%40x:p%40ss%2Fw%2541rd%23%3F%26%C3%BC@db.example:5432/ly%2Fceum%3F?sslmode=require";
    assert_eq!(url(&parts), of_parts);
    assert!(load(&parts).unwrap().settings.database.kind() == Some(DatabaseKind::Postgres));
    let socket = [("DATABASE_HOST", "/run/pg"), ("DATABASE_NAME", "a"), ("DATABASE_USER", "b"), ("DATABASE_PORT", "1")];
    assert_eq!(url(&socket), "postgres://b@localhost:1/a?host=%2Frun%2Fpg");
    let ipv6 = [("DATABASE_HOST", "::1"), ("DATABASE_NAME", "a"), ("DATABASE_USER", "b")];
    assert_eq!(url(&ipv6), "postgres://b@[::1]:5432/a");
    // A URL beside the parts wins; parts win over a URL of a lower layer.
    let both = [("DATABASE_URL", "sqlite::memory:"), ("DATABASE_HOST", "db")];
    assert_eq!(url(&both), "sqlite::memory:");
    assert_eq!(load(&both).unwrap().warnings.len(), 1);
    let over = load_with(&parts, &[(".env", "DATABASE_URL=postgres://x/y")]).unwrap();
    assert_eq!(over.settings.database.url.expose_secret(), of_parts);
    let split =
        load_with(&[("DATABASE_PASSWORD", "p")], &[(".env", "DATABASE_HOST=h\nDATABASE_NAME=n\nDATABASE_USER=u")]);
    assert_eq!(split.unwrap().settings.database.url.expose_secret(), "postgres://u:p@h:5432/n");
    let wrong = [("DATABASE_HOST", "h"), ("DATABASE_PORT", "0"), ("DATABASE_SSLMODE", "yes")];
    assert_eq!(faults(load(&wrong)).len(), 4);
}

#[test]
fn redis_by_parts_is_encoded() {
    let url = |variables: &[(&str, &str)]| load(variables).unwrap().settings.redis.url.expose_secret().to_owned();
    assert_eq!(url(&[("REDIS_HOST", "cache.example")]), "redis://cache.example:6379/0");
    let all = [
        ("REDIS_HOST", "cache.example"),
        ("REDIS_PORT", "6380"),
        ("REDIS_USER", "us:er"),
        ("REDIS_PASSWORD", "p@ss/w%41rd"),
        ("REDIS_DB", "3"),
        ("REDIS_TLS", "yes"),
    ];
    assert_eq!(url(&all), "rediss://us%3Aer:p%40ss%2Fw%2541rd@cache.example:6380/3");
    assert_eq!(url(&[("REDIS_HOST", "::1"), ("REDIS_PASSWORD", "p")]), "redis://default:p@[::1]:6379/0");
    // A URL beside the parts wins; parts win over a URL of a lower layer.
    let both = [("REDIS_URL", "redis://x/1"), ("REDIS_HOST", "h")];
    assert_eq!(url(&both), "redis://x/1");
    assert_eq!(load(&both).unwrap().warnings.len(), 1);
    let over = load_with(&[("REDIS_HOST", "h")], &[(".env", "REDIS_URL=redis://x/1\nREDIS_DB=2")]).unwrap();
    assert_eq!(over.settings.redis.url.expose_secret(), "redis://h:6379/2");
    let wrong = [("REDIS_HOST", "h"), ("REDIS_PORT", "tcp://10.0.0.1:6379"), ("REDIS_DB", "x"), ("REDIS_TLS", "maybe")];
    assert_eq!(faults(load(&wrong)).len(), 3);
}

#[test]
fn what_others_set_for_redis_is_no_fault() {
    let loaded = load(&[("REDIS_PASSWORD", "p"), ("REDIS_PORT", "tcp://10.0.0.1:6379")]).unwrap();
    assert!(!loaded.settings.redis.is_set());
    assert_eq!(loaded.warnings, ["REDIS_PORT is not used: there is no REDIS_HOST"]);
}

#[test]
fn no_secret_is_ever_shown() {
    let variables = [
        ("JWT_SECRET", SECRET),
        ("QUBRID_API_KEY", "key-geheim"),
        ("DATABASE_URL", "postgres://me:geheim@db.example/lyceum?sslmode=require&sslpassword=geheim"),
        ("SMTP_URL", "smtps://me:geheim@mail.example"),
        ("LYCEUM__LLM__SECOND__API_KEY", "second-geheim"),
        ("LYCEUM__ENCRYPTION__KEYS", &format!("2026:{KEY}")),
    ];
    let loaded = load(&variables).unwrap();
    let shown = show(&loaded);
    for text in [shown.clone(), format!("{loaded:?}"), serde_json::to_string(&loaded.settings).unwrap()] {
        assert!(!text.contains("geheim") && !text.contains(SECRET) && !text.contains(KEY), "{text}");
    }
    for line in [
        "# environment: development",
        "port = 8080  # built in",
        "jwt_secret = \"***\"  # JWT_SECRET in the environment",
        "url = \"postgres://me:***@db.example/lyceum?sslmode=require&sslpassword=***\"  # DATABASE_URL in the environment",
        "smtp_url = \"smtps://me:***@mail.example\"  # SMTP_URL in the environment",
        "keys = \"***\"  # LYCEUM__ENCRYPTION__KEYS in the environment",
        "temperature = 0.3  # built in",
        "[llm.qubrid]",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} is missing in\n{shown}");
    }
    // Nor in faults.
    let variables = [
        ("JWT_SECRET", "geheim"),
        ("QUBRID_API_KEY", "ge heim geheim"),
        ("DATABASE_URL", "mysql://me:geheim@db"),
        ("SMTP_URL", "geheim"),
        ("QUBRID_BASE_URL", "https://me:geheim@x"),
        ("LYCEUM__LLM__SECOND__API_KEY", "ge heim geheim"),
        ("LYCEUM__ENCRYPTION__KEYS", "geheim"),
    ];
    let text = load(&variables).unwrap_err().to_string();
    assert_eq!(text.lines().count(), 7, "{text}");
    assert!(!text.contains("geheim"), "{text}");
    assert!(show(&load(&[]).unwrap()).contains("jwt_secret = \"\"  # built in"));
}

#[test]
fn what_is_shown_can_be_read_again() {
    let shown = show(&load(&[("LYCEUM__LLM__TEMPERATURE", "none")]).unwrap());
    let again = load_with(&[], &[("config/default.toml", &shown)]).unwrap();
    assert_eq!(again.settings.llm.temperature, None);
}

#[test]
fn names_that_are_nearly_ours_are_not_passed_over_in_silence() {
    for name in ["LYCEUM__SERVER__TRUSTED_PROXIES", "LYCEUM__TELEMETRY__X"] {
        assert_eq!(faults(load(&[(name, "x")])).len(), 1, "{name}");
    }
    let loaded = load(&[("LYCEUM_DATABASE_URL", "x"), ("LYCEUM_TESTS_SKIP_NOTHING", "1")]).unwrap();
    assert_eq!(loaded.warnings, ["LYCEUM_DATABASE_URL is not read; did you mean LYCEUM__DATABASE__URL?"]);
}
