//! Printing the settings that hold.

use std::fmt::Write as _;

use serde_json::Value;

use super::{known::KNOWN, sources::Loaded};

/// The settings that hold as TOML, secrets masked, each with where it came from.
pub fn show(loaded: &Loaded) -> String {
    let mut out = format!("# environment: {}\n", loaded.settings.environment);
    if let Some(dir) = &loaded.config_dir {
        let _ = writeln!(out, "# config folder: {}", dir.display());
    } else {
        out.push_str("# config folder: none\n");
    }
    let values = serde_json::to_value(&loaded.settings).unwrap_or_default();
    let mut group = "";
    for known in KNOWN {
        let (in_group, key) = known.path.rsplit_once('.').unwrap_or(("", known.path));
        if in_group != group {
            group = in_group;
            let _ = writeln!(out, "\n[{group}]");
        }
        // An unset value is `none`, the one word for it that files know.
        let value = match values.pointer(&format!("/{}", known.path.replace('.', "/"))) {
            None | Some(Value::Null) => "\"none\"".to_owned(),
            Some(value) => value.to_string(),
        };
        let _ = writeln!(out, "{key} = {value}  # {}", loaded.origin(known.path));
    }
    out
}
