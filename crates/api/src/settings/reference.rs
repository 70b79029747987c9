//! The reference of all settings, made from the table, the built-in values and the words of `config/default.toml`.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use super::{
    Environment, ProviderSettings, Settings,
    known::{self, KNOWN, Known, OF_PLAIN},
    parts::ADDRESSES,
    show,
};

/// The one place that says in words what each setting does. Tests hold it to the table and to the built-in values.
const EXPLAINED: &str = include_str!("../../../../config/default.toml");

const BEGINNING: &str = "\
# All settings

<!-- Made by `lyceum config reference`; do not edit. The words come from default.toml. -->

In a file `[server] port`, as a variable `LYCEUM__SERVER__PORT`; some have a plain name besides, which platforms set. What
wins over what, and what production refuses, is in [README.md](README.md). Each entry says the name, the variables, what
is allowed and what holds if nobody sets it; where an environment has another value of its own, it is named.

These are variables alone, and no settings of a file:

- `LYCEUM_ENV`: `development` (default), `test`, `staging` or `production`
- `LYCEUM_CONFIG_DIR`: the folder of `default.toml` and the files of the environments
";

/// Markdown: a section for each group, an entry for each setting, in the order of the table.
pub fn reference() -> String {
    let words = Words::read(EXPLAINED);
    let values = Environment::ALL.map(|environment| (environment, built_in(environment)));
    let mut out = BEGINNING.to_owned();
    for address in &ADDRESSES {
        let parts: Vec<String> = address.parts.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(out, "- {}: {} by its parts, instead of `{}`", parts.join(", "), address.what, address.url);
    }
    let mut group = None;
    for known in KNOWN {
        let (in_group, key) = known.path.rsplit_once('.').unwrap_or(("", known.path));
        if group != Some(in_group) {
            group = Some(in_group);
            let title = if in_group.is_empty() { "General".to_owned() } else { in_group.replace('*', "NAME") };
            let _ = write!(out, "\n## {title}\n");
            if let Some(text) = words.of(in_group) {
                let _ = write!(out, "\n{text}\n");
            }
        }
        let variables: Vec<String> = variables(known).iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(out, "\n### `{key}`\n\n{}: {}. ", variables.join(" or "), allowed(known));
        let _ = write!(out, "Default {}.\n\n{}\n", defaults(known, &values), words.of(known.path).unwrap_or_default());
    }
    out
}

/// The plain name first: it is the one that people know.
fn variables(known: &Known) -> Vec<String> {
    let nested = known::nested_name(&known.path.replace('*', "NAME"));
    known.plain.map(str::to_owned).into_iter().chain([nested]).collect()
}

fn allowed(known: &Known) -> String {
    if known.is_secret() { "a text that is never shown".to_owned() } else { known.allowed() }
}

/// What holds in an environment, with one provider for which nothing is set.
fn built_in(environment: Environment) -> Value {
    let mut settings = Settings::built_in(environment);
    settings.auth.providers.insert(OF_PLAIN.to_owned(), ProviderSettings::default());
    serde_json::to_value(settings).unwrap_or_default()
}

/// The value of production, then those of environments that have another one.
fn defaults(known: &Known, values: &[(Environment, Value)]) -> String {
    let pointer = format!("/{}", known.path_of_plain().replace('.', "/"));
    let shown = |value: &Value| match value.pointer(&pointer) {
        None | Some(Value::Null) => "`none`".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "empty".to_owned(),
        Some(value) => format!("`{}`", show::toml(value)),
    };
    let usual = values.iter().find(|(environment, _)| environment.is_production());
    let usual = usual.map(|(_, value)| shown(value)).unwrap_or_default();
    let mut others: Vec<(String, Vec<&str>)> = Vec::new();
    for (environment, value) in values {
        let value = shown(value);
        if value == usual {
            continue;
        }
        match others.iter_mut().find(|(other, _)| *other == value) {
            Some((_, names)) => names.push(environment.as_str()),
            None => others.push((value, vec![environment.as_str()])),
        }
    }
    let others = others.iter().map(|(value, names)| format!("; {}: {value}", names.join(", ")));
    std::iter::once(usual).chain(others).collect()
}

/// What the comments of a file say of each group and each setting.
struct Words(BTreeMap<String, String>);

impl Words {
    /// A comment is about what follows it without an empty line between. A setting that is commented out has no blank
    /// after its `#`.
    fn read(file: &str) -> Self {
        let (mut found, mut group, mut pending) = (BTreeMap::new(), String::new(), String::new());
        for line in file.lines() {
            if let Some(text) = line.strip_prefix("# ") {
                if !pending.is_empty() {
                    pending.push(' ');
                }
                pending.push_str(text);
                continue;
            }
            let line = line.trim_start_matches('#');
            let text = beyond_facts(&std::mem::take(&mut pending));
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut group);
                found.insert(group.clone(), text);
            } else if let Some((key, _)) = line.split_once(" = ") {
                let path = if group.is_empty() { key.to_owned() } else { format!("{group}.{key}") };
                found.insert(path, text);
            }
        }
        Self(found)
    }

    /// What is said of a path as the table writes it.
    fn of(&self, path: &str) -> Option<&str> {
        self.0.get(&path.replace('*', OF_PLAIN)).map(String::as_str).filter(|text| !text.is_empty())
    }
}

/// Without the sentences that say in words what each entry here has in its first line: the plain variable, and the values
/// that environments have of their own.
fn beyond_facts(text: &str) -> String {
    let is_fact = |sentence: &&str| {
        let before = sentence.split_once(": ").map(|(before, _)| before);
        before.is_some_and(|before| {
            before.split(", ").all(|word| word == "Variable" || word.parse::<Environment>().is_ok())
        })
    };
    text.split_inclusive(". ").filter(|sentence| !is_fact(sentence)).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/SETTINGS.md");

    #[test]
    fn the_reference_in_the_repository_is_this_one() {
        let written = std::fs::read_to_string(FILE).unwrap_or_default();
        let differs = written.lines().zip(reference().lines().map(str::to_owned)).find(|(old, new)| old != new);
        assert!(
            written == reference(),
            "config/SETTINGS.md is out of date (first difference: {differs:?}); renew it: \
             cargo run -- config reference > config/SETTINGS.md"
        );
    }

    #[test]
    fn every_setting_is_explained() {
        let words = Words::read(EXPLAINED);
        let silent: Vec<&str> = KNOWN.iter().map(|known| known.path).filter(|path| words.of(path).is_none()).collect();
        // The limits of a quota are explained once, those that follow are "the same".
        let silent: Vec<&&str> = silent.iter().filter(|path| !path.starts_with("quota.")).collect();
        assert!(silent.is_empty(), "config/default.toml says nothing of {silent:?}");
    }

    fn house(file: &str) -> String {
        std::fs::read_to_string(format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn the_guide_says_of_every_alert_what_to_do() {
        let (alerts, guide) = (house("docker/alerts.yml"), house("config/OPERATING.md"));
        let alerts: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
        let told: Vec<&str> =
            guide.lines().filter_map(|line| line.strip_prefix("| `Lyceum")?.split('`').next()).collect();
        let expected: Vec<&str> = alerts.iter().filter_map(|name| name.strip_prefix("Lyceum")).collect();
        assert_eq!(told, expected, "the table of alerts in config/OPERATING.md");
    }

    #[test]
    fn guides_and_packages_name_settings_that_there_are() {
        let files = [
            "README.md",
            "config/OPERATING.md",
            "config/README.md",
            "docker/Dockerfile",
            "docker/compose.yaml",
            "docker/production.env.example",
            "docker/secrets",
            ".github/SECURITY.md",
        ];
        let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let mut found = 0;
        for file in files {
            let text = house(file);
            for (at, _) in text.match_indices("LYCEUM__") {
                let name: String = text[at..].chars().take_while(|c| is_part(*c)).collect();
                let rest = &text[at + name.len()..];
                // `LYCEUM__RETENTION__…` is a group, and in `{A,B}` and `NAME` somebody fills something in.
                let is_pattern = name.ends_with('_') || rest.starts_with(['…', '{']) || name.contains("__NAME");
                let path = name.trim_start_matches("LYCEUM__").to_lowercase().replace("__", ".");
                assert!(is_pattern || known::at(&path).is_some(), "{file} names {name}, which is no setting");
                found += 1;
            }
        }
        assert!(found > 30, "the files were not read: {found}");
    }

    #[test]
    fn an_entry_has_its_names_its_range_and_its_values() {
        let reference = reference();
        let port = "\n### `port`\n\n`PORT` or `LYCEUM__SERVER__PORT`: a whole number from 0 to 65535. Default `8080`.\n\n\
                    TCP port to listen on, 0 to 65535; 0 takes a free one.\n";
        assert!(reference.contains(port), "{reference}");
        let secure = "Default `true`; development, test: `false`.";
        assert!(reference.contains(secure), "{reference}");
        assert!(reference.contains("`NEON_AUTH_URL` or `LYCEUM__AUTH__PROVIDERS__NAME__URL`"), "{reference}");
    }

    #[test]
    fn words_belong_to_what_follows_them() {
        let words =
            Words::read("# Title.\n\n# Of a,\n# and more. test: 4. Variable: A.\na = 1\n[g]\n# Of b.\nb = 2\n#c = 3\n");
        assert_eq!(words.of("a"), Some("Of a, and more."));
        assert_eq!(words.of("g.b"), Some("Of b."));
        assert_eq!((words.of("g"), words.of("g.c")), (None, None));
    }
}
