//! Who answers, what it costs, and what is kept of it.

use lyceum_domain::{
    mentor::{Allowance, Price, Quota},
    users::Plan,
};
use secrecy::ExposeSecret as _;

use super::*;

const SECOND: [(&str, &str); 4] = [
    ("LYCEUM__LLM__PROVIDER", "qubrid"),
    ("QUBRID_API_KEY", "qb_key"),
    ("LYCEUM__LLM__SECOND__PROVIDER", "Qubrid"),
    ("LYCEUM__LLM__SECOND__MODEL", "llama3:8b"),
];

fn with<'a>(more: &[(&'a str, &'a str)]) -> Result<Loaded, SettingsErrors> {
    load(&[&SECOND[..], more].concat())
}

#[test]
fn a_second_provider_is_whole_or_none() {
    let url = ("LYCEUM__LLM__SECOND__BASE_URL", "http://localhost:11434/v1");
    let loaded = with(&[url]).unwrap();
    assert_eq!(loaded.warnings, Vec::<String>::new());
    let second = &loaded.settings.llm.second;
    assert_eq!(second.provider, SecondProvider::Qubrid);
    assert_eq!((second.name.as_str(), second.model.as_str()), ("second", "llama3:8b"));
    assert_eq!(second.api_key.expose_secret(), "", "a server of one's own may ask for none");
    assert_eq!(load(&[]).unwrap().settings.llm.second.provider, SecondProvider::None);
    assert_eq!(
        faults(with(&[])),
        ["LYCEUM__LLM__SECOND__BASE_URL: found nothing; allowed: all that a second provider needs, since \
             llm.second.provider is qubrid"]
    );
    for (name, value) in [
        ("LYCEUM__LLM__SECOND__NAME", "qubrid"),
        ("LYCEUM__LLM__SECOND__NAME", "offline"),
        ("LYCEUM__LLM__SECOND__NAME", "two words"),
        ("LYCEUM__LLM__SECOND__API_KEY", "ge heim"),
        ("LYCEUM__LLM__SECOND__PROVIDER", "openai"),
        ("LYCEUM__LLM__BREAKER__FAILURES", "0"),
        ("LYCEUM__LLM__BREAKER__LONGEST_OPEN_SECONDS", "1"),
    ] {
        let found = faults(with(&[url, (name, value)]));
        assert_eq!(found.len(), 1, "{name}={value}: {found:?}");
        assert!(found[0].starts_with(name) && !found[0].contains("ge heim"), "{found:?}");
    }
    let url = "https://me:geheim@llm.example/v1";
    let found = faults(with(&[("LYCEUM__LLM__SECOND__BASE_URL", url)]));
    assert_eq!(found.len(), 1);
    assert!(!found[0].contains("geheim"), "{found:?}");
}

#[test]
fn a_second_provider_behind_the_built_in_one_is_a_warning() {
    let loaded = load(&[("LYCEUM__LLM__SECOND__PROVIDER", "offline")]).unwrap();
    assert_eq!(
        loaded.warnings,
        ["LYCEUM__LLM__SECOND__PROVIDER: never asked, since llm.provider is offline, which is never out"]
    );
    let behind = [SECOND[0], SECOND[1], ("LYCEUM__LLM__SECOND__PROVIDER", "offline")];
    assert_eq!(load(&behind).unwrap().warnings, Vec::<String>::new());
}

#[test]
fn a_quota_is_a_number_or_none() {
    assert_eq!(load(&[]).unwrap().settings.quota.quotas().of(Plan::Free), Quota::default());
    let files = [(
        "config/default.toml",
        "[quota.free]\nrequests_per_day = 20\ntokens_per_day = 'none'\n[quota.premium]\ntokens_per_month = 5_000_000_000",
    )];
    let variables =
        [("LYCEUM__QUOTA__FREE__TOKENS_PER_MONTH", "0"), ("LYCEUM__QUOTA__PREMIUM__REQUESTS_PER_MONTH", "none")];
    let quotas = load_with(&variables, &files).unwrap().settings.quota.quotas();
    let none = Allowance::default();
    let free = Quota { day: Allowance { requests: Some(20), ..none }, month: Allowance { tokens: Some(0), ..none } };
    assert_eq!(quotas.of(Plan::Free), free);
    let premium = Quota { day: none, month: Allowance { tokens: Some(5_000_000_000), ..none } };
    assert_eq!(quotas.of(Plan::Premium), premium);
    for value in ["-1", "1.5", "unlimited", "4294967296"] {
        let found = faults(load(&[("LYCEUM__QUOTA__FREE__REQUESTS_PER_DAY", value)]));
        let expected = format!(
            "LYCEUM__QUOTA__FREE__REQUESTS_PER_DAY: found `{value}`; allowed: a whole number from 0 to 4294967295, or \
             none"
        );
        assert_eq!(found, [expected]);
    }
    assert_eq!(faults(load(&[("LYCEUM__QUOTA__GOLD__REQUESTS_PER_DAY", "1")])).len(), 1);
}

#[test]
fn prices_add_up_over_the_layers() {
    let price = |prompt, completion| Price { prompt, completion };
    assert_eq!(load(&[]).unwrap().settings.mentor.prices().of("a", "b"), price(0, 0));
    let files = [(
        "config/default.toml",
        "[mentor.prices]\n'owner/model-4.1' = { prompt = 150000, completion = 600000 }\n'old' = { prompt = 1, completion = 2 }",
    )];
    let variables = [("LYCEUM__MENTOR__PRICES", "old=3:4, llama3:8b=5:6,*=7:8,a=b=9:0")];
    let loaded = load_with(&variables, &files).unwrap();
    let prices = loaded.settings.mentor.prices();
    for (model, expected) in [
        ("owner/model-4.1", price(150_000, 600_000)),
        ("old", price(3, 4)),
        ("llama3:8b", price(5, 6)),
        ("a=b", price(9, 0)),
        ("another", price(7, 8)),
    ] {
        assert_eq!(prices.of(model, ""), expected, "{model}");
    }
    // And can be read again as they are shown.
    let shown = show(&loaded);
    let again = load_with(&[], &[("config/default.toml", &shown)]).unwrap();
    assert_eq!(again.settings.mentor, loaded.settings.mentor, "{shown}");
    assert_eq!(again.settings.quota, loaded.settings.quota);
}

#[test]
fn a_price_is_whole_and_has_both_parts() {
    for text in ["a", "a=1", "a=1:", "a=1:x", "a=-1:1", "a=1.5:1", "=1:1", "a=1:1000000000001", "a=1:1,a=2:2"] {
        let found = faults(load(&[("LYCEUM__MENTOR__PRICES", text)]));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with("LYCEUM__MENTOR__PRICES"), "{found:?}");
    }
    for table in [
        "prices = 3",
        "prices = { a = 3 }",
        "prices = { a = { prompt = 1 } }",
        "prices = { a = { prompt = 1, completion = 1.5 } }",
        "prices = { a = { prompt = 1, completion = 1, input = 1 } }",
        "prices = { ' a' = { prompt = 1, completion = 1 } }",
        "prices = { a = { prompt = -1, completion = 1 } }",
    ] {
        let file = format!("[mentor]\n{table}");
        let found = faults(load_with(&[], &[("config/default.toml", &file)]));
        assert_eq!(found.len(), 1, "{table}: {found:?}");
        assert!(found[0].starts_with("mentor.prices in "), "{found:?}");
    }
    for currency in ["usd", "US", "DOLLAR", "12 "] {
        assert_eq!(faults(load(&[("LYCEUM__MENTOR__CURRENCY", currency)])).len(), 1, "{currency}");
    }
}

#[test]
fn keys_of_messages_have_their_form_and_are_never_shown() {
    let keys = |text: &str| load(&[("LYCEUM__ENCRYPTION__KEYS", text)]);
    let loaded = keys(&format!("2026:{KEY}, 2025:{KEY}")).unwrap();
    assert!(loaded.settings.encryption.is_on());
    assert!(!load(&[]).unwrap().settings.encryption.is_on());
    assert!(!format!("{:?}", loaded.settings).contains(KEY));
    for (text, fault) in [
        (KEY.to_owned(), "key 1 of the list without a name"),
        (format!("2026:{KEY},{KEY}"), "key 2 of the list without a name"),
        (format!("a b:{KEY}"), "key 1 of the list with a name that cannot be one"),
        (format!("{KEY}:2026"), "key 1 of the list with a name that cannot be one"),
        (format!("a:{KEY},a:{KEY}"), "key 2 of the list with the name of one before it"),
        (format!("a:{}", &KEY[1..]), "key 1 of the list which is not the base64 of 32 bytes"),
        (format!("a:{KEY}="), "key 1 of the list which is not the base64 of 32 bytes"),
        (format!("a:{}", KEY.replace('A', "-")), "key 1 of the list which is not the base64 of 32 bytes"),
    ] {
        let found = faults(keys(&text));
        assert_eq!(found.len(), 1, "{found:?}");
        let start = format!("LYCEUM__ENCRYPTION__KEYS: found {fault} (not shown); allowed: NAME:BASE64");
        assert!(found[0].starts_with(&start) && !found[0].contains("AgME"), "{found:?}");
    }
}
