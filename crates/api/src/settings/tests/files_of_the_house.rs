//! The files that ship with the house say what the program does.

use std::collections::BTreeSet;

use figment::{
    providers::{Format as _, Toml},
    value::{Dict, Value},
};

use super::*;
use crate::settings::known::{self, KNOWN, OF_PLAIN};

const HOUSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn house(file: &str) -> String {
    fs::read_to_string(Path::new(HOUSE).join(file)).unwrap()
}

fn paths(dict: &Dict, group: &str, found: &mut BTreeSet<String>) {
    for (key, value) in dict {
        let path = if group.is_empty() { key.clone() } else { format!("{group}.{key}") };
        match value {
            Value::Dict(_, dict) if known::at(&path).is_none() => paths(dict, &path, found),
            _ => assert!(found.insert(path)),
        }
    }
}

/// All paths, those of providers for the one that the plain names are of.
fn table() -> BTreeSet<String> {
    known::paths(&[OF_PLAIN]).into_iter().collect()
}

/// The built-in settings, and that provider with nothing set.
fn with_a_provider(environment: Environment) -> Settings {
    let mut settings = Settings::built_in(environment);
    settings.auth.providers.insert(OF_PLAIN.to_owned(), ProviderSettings::default());
    settings
}

/// A file of the house with the settings that are commented out: `#key = value`, while `# …` is prose.
fn uncommented(file: &str) -> String {
    let line = |line: &str| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned();
    house(file).lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The settings that the text of a file holds, each read as the table says.
fn read(text: &str) -> Figment {
    let dict: Dict = Toml::from_str(text).unwrap();
    let mut found = BTreeSet::new();
    paths(&dict, "", &mut found);
    let file = Figment::from(Toml::string(text));
    found.iter().fold(Figment::new(), |figment, path| {
        let value = known::at(path).unwrap().read_value(file.find_value(path).unwrap()).unwrap();
        figment.merge(Serialized::default(path, value))
    })
}

#[test]
fn the_table_has_the_fields_of_the_structs() {
    let built_in = Value::serialize(with_a_provider(Environment::Production)).unwrap();
    let mut found = BTreeSet::new();
    paths(built_in.as_dict().unwrap(), "", &mut found);
    assert_eq!(found, table());
    for path in table() {
        let value = built_in.find_ref(&path).unwrap();
        assert!(known::at(&path).unwrap().read_value(value.clone()).is_some(), "{path}: its default is not allowed");
    }
}

#[test]
fn every_allowed_word_and_bound_fits_its_field() {
    for known in KNOWN {
        let texts = match known.kind {
            known::Kind::OneOf(words) | known::Kind::SomeOf(words) => words.iter().map(ToString::to_string).collect(),
            known::Kind::Whole(min, max) => vec![min.to_string(), max.to_string()],
            known::Kind::TextOrNone => vec!["text".to_owned(), "none".to_owned()],
            known::Kind::WholeOrNone(min, max) => vec![min.to_string(), max.to_string(), "none".to_owned()],
            known::Kind::Prices(max) => vec![format!("a=0:{max},*={max}:0")],
            known::Kind::NumberOrNone(min, max) => vec![min.to_string(), max.to_string(), "none".to_owned()],
            _ => Vec::new(),
        };
        for text in texts {
            let figment = Figment::from(Serialized::defaults(Settings::built_in(Environment::Test)))
                .merge(Serialized::default(&known.path_of_plain(), known.read_text(&text).unwrap()));
            assert!(figment.extract::<Settings>().is_ok(), "{} = {text}", known.path);
        }
    }
}

#[test]
fn default_toml_has_every_setting() {
    let mut found = BTreeSet::new();
    paths(&Toml::from_str(&house("config/default.toml")).unwrap(), "", &mut found);
    assert_eq!(found, known::paths(&[]).into_iter().collect());
    // And, as comments, those of a provider.
    let mut found = BTreeSet::new();
    paths(&Toml::from_str(&uncommented("config/default.toml")).unwrap(), "", &mut found);
    assert_eq!(found, table());
    let of_file: Settings = read(&uncommented("config/default.toml")).extract().unwrap();
    let expected = with_a_provider(Environment::Production);
    assert_eq!(serde_json::to_value(of_file).unwrap(), serde_json::to_value(expected).unwrap());
}

#[test]
fn the_files_of_each_environment_hold_the_built_in_values() {
    for environment in Environment::ALL {
        let mut figment = Figment::new();
        for stem in ["default", environment.as_str()] {
            figment = figment.merge(read(&house(&format!("config/{stem}.toml"))));
        }
        let of_files: Settings = figment.extract().unwrap();
        let built_in = Settings::built_in(environment);
        assert_eq!(serde_json::to_value(of_files).unwrap(), serde_json::to_value(built_in).unwrap(), "{environment}");
    }
}

#[test]
fn the_files_load() {
    let files = Path::new(HOUSE).join("config").display().to_string();
    let shown = |variables: &[(&str, &str)]| serde_json::to_value(load(variables).unwrap().settings).unwrap();
    for environment in ["development", "test"] {
        let with_files = shown(&[("LYCEUM_ENV", environment), ("LYCEUM_CONFIG_DIR", &files)]);
        assert_eq!(with_files, shown(&[("LYCEUM_ENV", environment)]));
    }
    // The names of what is missing are those of variables, not of the empty lines in default.toml.
    let missing = faults(load(&[("LYCEUM_ENV", "production"), ("LYCEUM_CONFIG_DIR", &files)]));
    let names: Vec<&str> = missing.iter().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(names, ["DATABASE_URL", "JWT_SECRET", "SMTP_URL"]);
    let loaded = load(&[("LYCEUM_ENV", "test"), ("LYCEUM_CONFIG_DIR", &files)]).unwrap();
    let [of_test, usual] = [Environment::Test, Environment::Production]
        .map(|environment| Value::serialize(with_a_provider(environment)).unwrap());
    for known in KNOWN.iter().filter(|known| !matches!(known.kind, known::Kind::Flag | known::Kind::OneOf(_))) {
        let origin = loaded.origin(known.path);
        let is_quiet = matches!(origin, Origin::BuiltIn | Origin::Derived { .. });
        // Both files say what it is, one after the other.
        let path = known.path_of_plain();
        let differs_in_test = of_test.find_ref(&path) != usual.find_ref(&path);
        assert!(is_quiet || differs_in_test, "{}: {origin}", known.path);
    }
}

#[test]
fn the_example_names_every_variable_once() {
    let example = house(".env.example");
    let names: Vec<&str> =
        example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('=')).map(|(name, _)| name).collect();
    let names: Vec<&str> = names.into_iter().filter(|name| !name.contains(' ')).collect();
    let found: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(found.len(), names.len(), "a name is there twice");
    let mut expected: BTreeSet<String> = table().iter().map(|path| known::nested_name(path)).collect();
    expected.extend(KNOWN.iter().filter_map(|known| known.plain).map(str::to_owned));
    expected.extend(["LYCEUM_ENV", "LYCEUM_CONFIG_DIR"].map(str::to_owned));
    expected.extend(crate::settings::parts::names().map(str::to_owned));
    assert_eq!(found, expected.iter().map(String::as_str).collect());
}

#[test]
fn the_example_holds_the_built_in_values() {
    let example = house(".env.example");
    let uncommented: String = example
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| line.starts_with("LYCEUM__"))
        .fold(String::new(), |text, line| text + line + "\n");
    let built_in = serde_json::to_value(with_a_provider(Environment::Production)).unwrap();
    for line in dotenvy::from_read_iter(uncommented.as_bytes()) {
        let (name, text) = line.unwrap();
        let path = name.trim_start_matches("LYCEUM__").to_lowercase().replace("__", ".");
        let known = known::at(&path).unwrap();
        let value = known.read_text(&text).unwrap();
        let figment = Figment::from(Serialized::defaults(with_a_provider(Environment::Production)))
            .merge(Serialized::default(&path, value));
        assert_eq!(serde_json::to_value(figment.extract::<Settings>().unwrap()).unwrap(), built_in, "{name}");
    }
}
