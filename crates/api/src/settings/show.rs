//! Printing the settings that hold.

use std::fmt::Write as _;

use serde_json::Value;

use super::{known, sources::Loaded};

/// The settings that hold as TOML, secrets masked, each with where it came from.
pub fn show(loaded: &Loaded) -> String {
    let mut out = format!("# environment: {}\n", loaded.settings.environment);
    if let Some(dir) = &loaded.config_dir {
        let _ = writeln!(out, "# config folder: {}", dir.display());
    } else {
        out.push_str("# config folder: none\n");
    }
    let values = serde_json::to_value(&loaded.settings).unwrap_or_default();
    let mut group = String::new();
    let providers: Vec<&str> = loaded.settings.auth.providers.keys().map(String::as_str).collect();
    for path in known::paths(&providers) {
        let (in_group, key) = path.rsplit_once('.').unwrap_or(("", &path));
        if in_group != group {
            in_group.clone_into(&mut group);
            let _ = writeln!(out, "\n[{group}]");
        }
        // An unset value is `none`, the one word for it that files know.
        let value = match values.pointer(&format!("/{}", path.replace('.', "/"))) {
            None | Some(Value::Null) => "\"none\"".to_owned(),
            Some(value) => toml(value),
        };
        let _ = writeln!(out, "{key} = {value}  # {}", loaded.origin(&path));
    }
    out
}

/// A value as TOML has it, which is as JSON has it but for tables.
pub(super) fn toml(value: &Value) -> String {
    let Value::Object(table) = value else { return value.to_string() };
    let pairs: Vec<String> =
        table.iter().map(|(key, value)| format!("{} = {}", Value::from(key.as_str()), toml(value))).collect();
    format!("{{ {} }}", pairs.join(", "))
}
