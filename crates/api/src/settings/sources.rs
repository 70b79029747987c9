//! Where values come from, lowest layer first.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use figment::value::Value;

use super::{
    Environment, Settings,
    faults::{Report, quoted},
    files, known,
    variables::{self, Layer},
};

/// What to read. Of the process and the disk nothing else is looked at, but whether files that settings name are there.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// The folder that `config/` and `.env` are looked for in; empty for the current one.
    pub working_dir: PathBuf,
    /// The folder of the binary: `config/` beside it is read if the working directory has none.
    pub executable_dir: Option<PathBuf>,
    /// Environment variables, names and values.
    pub variables: Vec<(String, String)>,
    /// Names of variables whose values are no text.
    pub unreadable: Vec<String>,
}

impl LoadOptions {
    /// What this process was started with.
    pub fn from_process() -> Self {
        let mut options = Self {
            executable_dir: std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_path_buf)),
            ..Self::default()
        };
        for (name, value) in std::env::vars_os() {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => options.variables.push((name, value)),
                (Ok(name), Err(_)) => options.unreadable.push(name),
                (Err(_), _) => {}
            }
        }
        options
    }
}

/// Settings that were read and found to be in order.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What the operator should know; print each at start.
    pub warnings: Vec<String>,
    /// The folder that was read, if there is one.
    pub config_dir: Option<PathBuf>,
    pub(super) origins: Origins,
}

impl Loaded {
    /// Where the value of a setting (`server.port`) came from.
    pub fn origin(&self, path: &str) -> Origin {
        self.origins.get(path)
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    BuiltIn,
    /// It follows from another setting.
    Derived {
        /// From which.
        from: String,
    },
    /// A file of the config folder.
    File {
        /// Which.
        file: String,
    },
    /// A line of `.env`.
    DotEnv {
        /// The variable.
        name: String,
    },
    /// The environment.
    Environment {
        /// The variable.
        name: String,
    },
}

impl Origin {
    /// What the operator calls the setting.
    pub(super) fn name(&self, path: &str) -> String {
        match self {
            Self::BuiltIn | Self::Derived { .. } => {
                known::at(path).map_or_else(|| path.to_owned(), |known| known.name(path))
            }
            Self::File { file } => format!("{path} in {file}"),
            Self::DotEnv { name } => format!("{name} in .env"),
            Self::Environment { name } => name.clone(),
        }
    }

    /// Whether it is a variable, of the environment or of `.env`.
    pub(super) fn is_variable(&self) -> bool {
        matches!(self, Self::DotEnv { .. } | Self::Environment { .. })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::Derived { from } => write!(f, "from {from}"),
            Self::File { file } => f.write_str(file),
            Self::DotEnv { name } => write!(f, "{name} in .env"),
            Self::Environment { name } => write!(f, "{name} in the environment"),
        }
    }
}

/// Where each value came from; what is missing is built in.
#[derive(Debug, Clone, Default)]
pub(super) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// Notes where a value came from.
    pub(super) fn insert(&mut self, path: &str, origin: Origin) {
        self.0.insert(path.to_owned(), origin);
    }

    /// Where a value came from.
    pub(super) fn get(&self, path: &str) -> Origin {
        self.0.get(path).cloned().unwrap_or(Origin::BuiltIn)
    }
}

/// One value for one setting.
#[derive(Debug)]
pub(super) struct Assignment {
    /// The setting.
    pub path: String,
    /// Its value, already checked against the table.
    pub value: Value,
    /// Who says so.
    pub origin: Origin,
}

/// Everything that was read, lowest layer first.
#[derive(Debug)]
pub(super) struct Layers {
    /// Where the server runs.
    pub environment: Environment,
    /// The folder that was read.
    pub config_dir: Option<PathBuf>,
    /// The values.
    pub assignments: Vec<Assignment>,
}

impl Layers {
    /// Reads files and variables.
    pub(super) fn read(options: &LoadOptions, report: &mut Report) -> Self {
        let variables = Layer::environment(&options.variables);
        for name in options.unreadable.iter().filter(|name| variables::is_ours(name)) {
            report.fault(name, "bytes that are no text", "UTF-8");
        }
        // Tests must not depend on what a developer has in `.env`.
        let dotenv = match variables.value("LYCEUM_ENV").map(str::trim) {
            Some("test") => Layer::dotenv(Vec::new()),
            _ => Layer::dotenv(files::read_dotenv(&options.working_dir.join(".env"), report)),
        };
        let environment = chosen_environment(&variables, &dotenv, report);
        let config_dir = config_dir(options, &variables, &dotenv, report);
        let mut assignments = Vec::new();
        if let Some(dir) = &config_dir {
            for stem in ["default", environment.as_str()] {
                assignments.extend(files::read_toml(&dir.join(format!("{stem}.toml")), report));
            }
        }
        assignments.extend(variables::read(&dotenv, &variables, report));
        Self { environment, config_dir, assignments }
    }
}

/// The environment that `LYCEUM_ENV` names.
fn chosen_environment(variables: &Layer, dotenv: &Layer, report: &mut Report) -> Environment {
    let (text, setting) = match (variables.value("LYCEUM_ENV"), dotenv.value("LYCEUM_ENV")) {
        (Some(text), _) => (text, "LYCEUM_ENV"),
        (None, Some(text)) => (text, "LYCEUM_ENV in .env"),
        (None, None) => return Environment::default(),
    };
    match text.parse() {
        // The rest of the file was read by then.
        Ok(Environment::Test) if setting != "LYCEUM_ENV" => {
            report.fault(setting, "`test`", "development, staging or production; tests do not read .env");
            Environment::Test
        }
        Ok(environment) => environment,
        Err(unknown) => {
            report.fault(setting, quoted(text), unknown.to_string());
            Environment::default()
        }
    }
}

/// The folder with the files: the one that is named, else `config` here, else `config` beside the binary.
fn config_dir(options: &LoadOptions, variables: &Layer, dotenv: &Layer, report: &mut Report) -> Option<PathBuf> {
    if let Some(named) = variables.value("LYCEUM_CONFIG_DIR").or_else(|| dotenv.value("LYCEUM_CONFIG_DIR")) {
        let dir = options.working_dir.join(named);
        if dir.is_dir() {
            return Some(dir);
        }
        report.fault("LYCEUM_CONFIG_DIR", quoted(named), "a folder that exists");
        return None;
    }
    let beside = options.executable_dir.as_ref().map(|dir| dir.join("config"));
    [Some(options.working_dir.join("config")), beside].into_iter().flatten().find(|dir| dir.is_dir())
}
