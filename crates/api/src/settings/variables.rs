//! Settings from variables: `LYCEUM__GROUP__NAME`, and the plain names that platforms use.

use std::collections::{BTreeMap, BTreeSet};

use figment::value::Value;

use super::{
    faults::Report,
    known::{self, KNOWN, Known},
    parts,
    sources::{Assignment, Origin},
};

const PREFIX: &str = "LYCEUM__";

/// The variables of one layer; empty ones count as not set.
#[derive(Debug)]
pub(super) struct Layer {
    variables: BTreeMap<String, String>,
    is_dotenv: bool,
}

impl Layer {
    /// The environment.
    pub(super) fn environment(variables: &[(String, String)]) -> Self {
        Self::new(variables.iter().cloned(), false)
    }

    /// The lines of `.env`.
    pub(super) fn dotenv(variables: Vec<(String, String)>) -> Self {
        Self::new(variables.into_iter(), true)
    }

    fn new(variables: impl Iterator<Item = (String, String)>, is_dotenv: bool) -> Self {
        Self { variables: variables.filter(|(_, value)| !value.trim().is_empty()).collect(), is_dotenv }
    }

    /// The value of a variable.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Whether a value came from this layer.
    pub(super) fn owns(&self, origin: &Origin) -> bool {
        match origin {
            Origin::DotEnv { .. } => self.is_dotenv,
            Origin::Environment { .. } => !self.is_dotenv,
            _ => false,
        }
    }

    /// The origin that a variable of this layer is.
    pub(super) fn origin(&self, name: &str) -> Origin {
        let name = name.to_owned();
        if self.is_dotenv { Origin::DotEnv { name } } else { Origin::Environment { name } }
    }
}

/// Whether a variable is for this program.
pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with("LYCEUM_") || known::of_plain(name).is_some() || parts::names().any(|part| part == name)
}

/// Reads the settings of both layers, the lower first.
pub(super) fn read(dotenv: &Layer, environment: &Layer, report: &mut Report) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    for layer in [dotenv, environment] {
        for name in layer.variables.keys() {
            foreign(layer, name, report);
        }
        for known in KNOWN {
            for path in paths(layer, known) {
                assignments.extend(setting(layer, known, path, report));
            }
        }
    }
    parts::read(dotenv, environment, &mut assignments, report);
    assignments
}

/// The paths of one line of the table that a layer has values for: several if there are several providers.
fn paths(layer: &Layer, known: &Known) -> BTreeSet<String> {
    let nested = layer.variables.keys().filter_map(|name| path_of(name)).filter(|path| known.is_at(path));
    let plain = known.plain.filter(|name| layer.value(name).is_some()).map(|_| known.path_of_plain());
    nested.chain(plain).collect()
}

/// The value one layer has for a setting. The nested name wins over the plain one.
fn setting(layer: &Layer, known: &Known, path: String, report: &mut Report) -> Option<Assignment> {
    let by_nested = layer.variables.iter().find(|(name, _)| path_of(name).as_ref() == Some(&path));
    let plain = known.plain.filter(|_| known.path_of_plain() == path);
    let by_plain = plain.and_then(|name| Some((name, layer.value(name)?)));
    if let (Some((nested, value)), Some((plain, other))) = (by_nested, by_plain)
        && value != other
    {
        report.warn(format!("{nested} and {plain} are both set and differ; {nested} is used"));
    }
    let by_nested = by_nested.map(|(name, value)| (name.as_str(), value.as_str()));
    let (name, text) = by_nested.or(by_plain)?;
    let origin = layer.origin(name);
    if let Some(value) = known.read_text(text) {
        Some(Assignment { path, value, origin })
    } else {
        report.not_allowed(&path, known, &origin, &Value::from(text));
        None
    }
}

/// Looks at a variable that is perhaps no setting: names of ours that are unknown.
fn foreign(layer: &Layer, name: &str, report: &mut Report) {
    if let Some(path) = path_of(name) {
        if known::at(&path).is_none() {
            report.unknown(&path, &layer.origin(name));
        }
        return;
    }
    if let Some(rest) = name.strip_prefix("LYCEUM_") {
        // One underscore too few is a likely slip, but such names may also belong to scripts around this program.
        let bare = |text: &str| text.to_lowercase().replace(['_', '.'], "");
        let is_meant = |known: &&Known| match known.path.split_once('*') {
            Some((before, after)) => {
                bare(rest).strip_prefix(&bare(before)).is_some_and(|rest| rest.ends_with(&bare(after)))
            }
            None => bare(known.path) == bare(rest),
        };
        if let Some(meant) = KNOWN.iter().find(is_meant) {
            let meant = known::nested_name(&meant.path.replace('*', "{name}"));
            report.warn(format!("{name} is not read; did you mean {meant}?"));
        }
    }
}

/// The path that a nested name means.
fn path_of(name: &str) -> Option<String> {
    Some(name.strip_prefix(PREFIX)?.to_lowercase().replace("__", "."))
}
