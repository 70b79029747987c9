//! Reading the files of settings.

use std::{fs, io, path::Path};

use figment::{
    providers::{Format as _, Toml},
    value::{Dict, Value},
};

use super::{
    faults::Report,
    known,
    sources::{Assignment, Origin},
};

/// Reads one file of the config folder; a missing one has no values.
pub(super) fn read_toml(path: &Path, report: &mut Report) -> Vec<Assignment> {
    let file = path.display().to_string();
    let Some(text) = read(path, &file, report) else { return Vec::new() };
    let dict = match Toml::from_str::<Dict>(&text) {
        Ok(dict) => dict,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            // The full error quotes the line, which may hold a secret.
            report.fault(format!("{file}, line {line}"), "a mistake", error.message().replace('\n', ", "));
            return Vec::new();
        }
    };
    let mut assignments = Vec::new();
    collect(dict, "", &file, &mut assignments, report);
    assignments
}

/// Walks the groups down to the values.
fn collect(dict: Dict, group: &str, file: &str, assignments: &mut Vec<Assignment>, report: &mut Report) {
    for (key, value) in dict {
        let path = if group.is_empty() { key } else { format!("{group}.{key}") };
        let origin = Origin::File { file: file.to_owned() };
        match (known::at(&path), value) {
            (Some(known), value) => match known.read_value(value.clone()) {
                Some(value) => assignments.push(Assignment { path, value, origin }),
                None => report.not_allowed(&path, known, &origin, &value),
            },
            (None, Value::Dict(_, dict)) if known::is_group(&path) => collect(dict, &path, file, assignments, report),
            (None, _) => report.unknown(&path, &origin),
        }
    }
}

/// Reads the variables of a `.env`; a missing one has none. The process's own environment is left as it is.
pub(super) fn read_dotenv(path: &Path, report: &mut Report) -> Vec<(String, String)> {
    let file = path.display().to_string();
    let Some(text) = read(path, &file, report) else { return Vec::new() };
    let text = text.trim_start_matches('\u{feff}');
    let mut variables = Vec::new();
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        match line {
            Ok(variable) => variables.push(variable),
            Err(dotenvy::Error::LineParse(line, _)) => {
                let number = text.find(line.as_str()).map_or(1, |start| line_of(text, start));
                report.fault(
                    format!("{file}, line {number}"),
                    "a mistake",
                    "NAME=value; a value with spaces, # or $ in 'single quotes'",
                );
            }
            Err(_) => report.fault(file.as_str(), "a mistake", "NAME=value in each line"),
        }
    }
    variables
}

/// The text of a file, or nothing if there is none.
fn read(path: &Path, file: &str, report: &mut Report) -> Option<String> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            report.fault(file, format!("a file that cannot be read ({error})"), "a readable text file in UTF-8");
            None
        }
    }
}

/// The number of the line that a byte is in.
fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}
