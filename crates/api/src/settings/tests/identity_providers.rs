//! Providers: a group for each name.

use super::*;

const NEON: &str = "https://ep-cool.neonauth.eu-central-1.aws.neon.tech/neondb/auth";
const NEON_ORIGIN: &str = "https://ep-cool.neonauth.eu-central-1.aws.neon.tech";

const CAMPUS: &str = "[auth.providers.campus]\njwks_url = 'https://login.example.org/keys?set=1'\nissuer = \
                      'https://login.example.org/'\naudience = ['lyceum', 'courses']\nalgorithms = ['rs256', \
                      'ES256']\nrequired_role = 'none'\nsubject_is_uuid = false\n";

fn providers(result: Result<Loaded, SettingsErrors>) -> std::collections::BTreeMap<String, ProviderSettings> {
    result.unwrap().settings.auth.providers
}

#[test]
fn the_rest_follows_from_the_url_of_neon_auth() {
    let loaded = load(&[("NEON_AUTH_URL", &format!("{NEON}/"))]).unwrap();
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let expected = ProviderSettings {
        url: NEON.to_owned(),
        jwks_url: format!("{NEON}/.well-known/jwks.json"),
        issuer: NEON_ORIGIN.to_owned(),
        audience: vec![NEON_ORIGIN.to_owned()],
        algorithms: vec![ProviderAlgorithm::EdDsa],
        required_role: Some("authenticated".to_owned()),
        leeway_seconds: 30,
        subject_is_uuid: true,
    };
    assert_eq!(loaded.settings.auth.providers, [("neon".to_owned(), expected)].into());
    assert_eq!(loaded.origin("auth.providers.neon.url"), Origin::Environment { name: "NEON_AUTH_URL".to_owned() });
    let from = "auth.providers.neon.url".to_owned();
    assert_eq!(loaded.origin("auth.providers.neon.issuer"), Origin::Derived { from });
    // An origin has no standard port, and its host is in lower case.
    let port = providers(load(&[("NEON_AUTH_URL", "https://Auth.Example:443/a")]));
    assert_eq!(port["neon"].issuer, "https://auth.example");
    // What is set is not derived.
    let set = [("NEON_AUTH_URL", NEON), ("NEON_AUTH_ISSUER", "https://x.example"), ("NEON_AUTH_AUDIENCE", "a,b")];
    let neon = &providers(load(&set))["neon"];
    assert_eq!(
        (neon.issuer.as_str(), neon.audience.as_slice()),
        ("https://x.example", &["a", "b"].map(str::to_owned)[..])
    );
}

#[test]
fn providers_come_from_every_layer() {
    let files = [
        ("config/default.toml", CAMPUS),
        (".env", "NEON_AUTH_URL=https://old.example/auth\nLYCEUM__AUTH__PROVIDERS__NEON__LEEWAY_SECONDS=5"),
    ];
    let variables = [
        ("NEON_AUTH_URL", NEON),
        ("LYCEUM__AUTH__PROVIDERS__CAMPUS__LEEWAY_SECONDS", "0"),
        ("LYCEUM__AUTH__PROVIDERS__MY_IDP-2__URL", "http://127.0.0.1:9000"),
        ("lyceum__auth__providers__my_idp-2__required_role", "not read: the prefix is in capitals"),
        ("LYCEUM__AUTH__PROVIDERS__MY_IDP-2__ALGORITHMS", "es256"),
        ("LYCEUM__AUTH__PROVIDERS__MY_IDP-2__REQUIRED_ROLE", "none"),
        ("LYCEUM__AUTH__PROVIDERS__MY_IDP-2__SUBJECT_IS_UUID", "no"),
    ];
    let found = providers(load_with(&variables, &files));
    assert_eq!(found.keys().collect::<Vec<_>>(), ["campus", "my_idp-2", "neon"]);
    assert_eq!((found["neon"].url.as_str(), found["neon"].leeway_seconds), (NEON, 5));
    let campus = &found["campus"];
    assert_eq!(campus.algorithms, [ProviderAlgorithm::Rs256, ProviderAlgorithm::Es256]);
    assert_eq!((campus.required_role.as_deref(), campus.leeway_seconds, campus.subject_is_uuid), (None, 0, false));
    assert_eq!(campus.issuer, "https://login.example.org/");
    let third = &found["my_idp-2"];
    assert_eq!((third.issuer.as_str(), third.required_role.as_deref()), ("http://127.0.0.1:9000", None));
    assert_eq!((third.algorithms.as_slice(), third.subject_is_uuid), (&[ProviderAlgorithm::Es256][..], false));
    // The nested name wins over the plain one in the same layer.
    let both = [("NEON_AUTH_URL", "https://a.example"), ("LYCEUM__AUTH__PROVIDERS__NEON__URL", "https://b.example")];
    let loaded = load(&both).unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(providers(Ok(loaded))["neon"].url, "https://b.example");
    let empty = load_with(&[], &[("config/default.toml", &CAMPUS.replace("'none'", "''"))]);
    assert_eq!(providers(empty)["campus"].required_role, None);
}

#[test]
fn providers_are_shown_and_what_is_shown_can_be_read_again() {
    let loaded = load_with(&[("NEON_AUTH_URL", NEON)], &[("config/default.toml", CAMPUS)]).unwrap();
    let shown = show(&loaded);
    for line in [
        "[auth.providers.campus]",
        "algorithms = [\"RS256\",\"ES256\"]",
        "required_role = \"none\"",
        "[auth.providers.neon]",
        &format!("url = \"{NEON}\"  # NEON_AUTH_URL in the environment"),
        &format!("issuer = \"{NEON_ORIGIN}\"  # from auth.providers.neon.url"),
        "leeway_seconds = 30  # built in",
    ] {
        assert!(shown.lines().any(|shown| shown.starts_with(line)), "{line} is missing in\n{shown}");
    }
    let again = load_with(&[], &[("config/default.toml", &shown)]).unwrap();
    assert_eq!(again.settings.auth.providers, loaded.settings.auth.providers);
}

#[test]
fn unknown_keys_and_names_of_providers_are_refused() {
    let variables = [
        ("LYCEUM__AUTH__PROVIDERS__NEON__ISUER", "x"),
        ("LYCEUM__AUTH__PROVIDER__NEON__URL", NEON),
        ("LYCEUM__AUTH__PROVIDERS__NEON", "x"),
        ("LYCEUM__AUTH__PROVIDERS__NEON__ALGORITHMS", "EdDSA,HS256"),
        ("LYCEUM_AUTH_PROVIDERS_NEON_URL", NEON),
    ];
    let file = format!(
        "[auth.providers.Campus]\nurl = '{NEON}'\n[auth.providers.campus]\nalgorithms = []\nleeway = 5\n\
         leeway_seconds = 301"
    );
    let files = [("config/default.toml", file.as_str())];
    let dir = folder(&files);
    let errors = Settings::load(&options(dir.path(), &variables)).unwrap_err();
    assert_eq!(
        errors.warnings,
        ["LYCEUM_AUTH_PROVIDERS_NEON_URL is not read; did you mean LYCEUM__AUTH__PROVIDERS__{NAME}__URL?"]
    );
    let file = dir.path().join("config/default.toml").display().to_string();
    let found: Vec<String> = faults(Err(errors)).iter().map(|line| line.replace(&file, "FILE")).collect();
    assert_eq!(
        found,
        [
            "LYCEUM__AUTH__PROVIDERS__NEON: found one value; allowed: a group of settings",
            "LYCEUM__AUTH__PROVIDERS__NEON__ALGORITHMS: found `EdDSA,HS256`; allowed: a list of one or more of EdDSA, \
             ES256, RS256",
            "LYCEUM__AUTH__PROVIDERS__NEON__ISUER: found no setting of that name; allowed: only known settings; did you \
             mean LYCEUM__AUTH__PROVIDERS__NEON__ISSUER?",
            "LYCEUM__AUTH__PROVIDER__NEON__URL: found no setting of that name; allowed: only known settings; did you \
             mean LYCEUM__AUTH__PROVIDERS__NEON__URL?",
            "auth.providers.Campus in FILE: found `Campus` as the name of a provider; allowed: 1 to 32 lower-case \
             letters, digits, _ and -",
            "auth.providers.campus.algorithms in FILE: found a list; allowed: a list of one or more of EdDSA, ES256, \
             RS256",
            "auth.providers.campus.leeway in FILE: found no setting of that name; allowed: only known settings, see \
             config/default.toml",
            "auth.providers.campus.leeway_seconds in FILE: found 301; allowed: a whole number from 0 to 300",
        ]
    );
    let long = format!("LYCEUM__AUTH__PROVIDERS__{}__URL", "N".repeat(33));
    assert_eq!(faults(load(&[(&long, NEON)])).len(), 1);
    assert_eq!(faults(load(&[(&long.replacen('N', "", 1), NEON)])), Vec::<String>::new());
}

#[test]
fn a_provider_says_where_it_is_and_whose_tokens_it_signs() {
    let without = load_with(&[], &[("config/default.toml", &CAMPUS.replace("issuer", "# issuer"))]);
    assert_eq!(
        faults(without),
        [
            "LYCEUM__AUTH__PROVIDERS__CAMPUS__URL: found nothing, and no issuer either; allowed: the provider's URL, or all \
          of jwks_url, issuer and audience"
        ]
    );
    let only = faults(load(&[("NEON_AUTH_ISSUER", "https://x.example")]));
    assert_eq!(only.len(), 1);
    assert!(only[0].starts_with("NEON_AUTH_URL: found nothing, and no jwks_url, audience either"), "{only:?}");
    // What was not taken is reported once.
    let of_number = load_with(&[], &[("config/default.toml", "[auth.providers.neon]\nurl = 1\nleeway_seconds = 1")]);
    assert_eq!(faults(of_number).len(), 1);
}

#[test]
fn keys_come_over_tls_or_from_this_machine() {
    for url in [
        "https://a.example",
        "http://localhost:1/auth",
        "http://auth.localhost",
        "http://127.9.9.9:2",
        "http://[::1]:3",
    ] {
        assert_eq!(faults(load(&[("NEON_AUTH_URL", url)])), Vec::<String>::new(), "{url}");
    }
    for url in [
        "http://a.example",
        "http://10.0.0.1",
        "http://localhost.example",
        "https://me:geheim@a.example",
        "https://a.example/?geheim",
        "https://a.example/#geheim",
        "ftp://localhost",
        "a.example",
    ] {
        let found = faults(load(&[("NEON_AUTH_URL", url)]));
        assert_eq!(
            found.iter().filter(|line| line.starts_with("NEON_AUTH_URL: found no such URL")).count(),
            1,
            "{url}"
        );
        assert!(!found.concat().contains("geheim"), "{found:?}");
        let keys = [("NEON_AUTH_URL", NEON), ("LYCEUM__AUTH__PROVIDERS__NEON__JWKS_URL", url)];
        assert_eq!(faults(load(&keys)).len(), usize::from(!url.contains('?')), "{url}: key sets may have a query");
    }
}

#[test]
fn an_issuer_is_one_providers_alone() {
    let twice = [("NEON_AUTH_URL", NEON), ("LYCEUM__AUTH__PROVIDERS__OTHER__URL", &format!("{NEON_ORIGIN}/x"))];
    assert_eq!(
        faults(load(&twice)),
        [format!(
            "LYCEUM__AUTH__PROVIDERS__OTHER__ISSUER: found `{NEON_ORIGIN}`, the issuer of provider neon; allowed: one \
             provider for each issuer"
        )]
    );
    let ours = [("NEON_AUTH_URL", NEON), ("NEON_AUTH_ISSUER", "lyceum")];
    assert_eq!(
        faults(load(&ours)),
        ["NEON_AUTH_ISSUER: found `lyceum`, the issuer of our own tokens; allowed: the provider's own, or another \
          JWT_ISSUER"]
    );
    assert_eq!(faults(load(&[("NEON_AUTH_URL", NEON), ("NEON_AUTH_ISSUER", "https://x.example ")])).len(), 1);
    let no_audience = load_with(&[], &[("config/default.toml", &CAMPUS.replace("'courses'", "' '"))]);
    assert_eq!(faults(no_audience).len(), 1);
}

#[test]
fn the_mode_fits_the_providers() {
    let external = ("LYCEUM__AUTH__MODE", "External");
    assert_eq!(faults(load(&[external])).len(), 1);
    let loaded = load(&[external, ("NEON_AUTH_URL", NEON)]).unwrap();
    assert_eq!((loaded.settings.auth.mode, loaded.warnings), (AuthMode::External, Vec::new()));
    let loaded = load(&[("LYCEUM__AUTH__MODE", "local"), ("NEON_AUTH_URL", NEON)]).unwrap();
    assert_eq!(loaded.warnings, ["LYCEUM__AUTH__MODE: local, so the identity providers are not used: neon"]);
}
