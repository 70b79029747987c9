//! The binary under test.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

use crate::variable;

/// The binary `lyceum`, built from this tree; or the one in `LYCEUM_BIN`.
pub fn lyceum() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match variable("LYCEUM_BIN") {
        Some(path) => path.into(),
        None => once_in_a_run(),
    })
}

/// Under nextest every test is a process: the first one builds, the others read where the binary is.
fn once_in_a_run() -> PathBuf {
    let Some(run) = variable("NEXTEST_RUN_ID") else { return build() };
    let here = std::env::current_exe().expect("the test's own binary");
    let lock = File::create(here.with_file_name("lyceum-e2e.lock")).expect("a file to lock");
    lock.lock().expect("locks");
    let note = here.with_file_name("lyceum-e2e.binary");
    let known = fs::read_to_string(&note).unwrap_or_default();
    if let Some((_, path)) = known.split_once('\n').filter(|(of, _)| *of == run) {
        return path.into();
    }
    let path = build();
    fs::write(&note, format!("{run}\n{}", path.display())).expect("writes where the binary is");
    path
}

/// Builds it with the features that the workspace's tests have, so that nothing is built twice.
fn build() -> PathBuf {
    let cargo = variable("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let built = Command::new(cargo)
        .args(["build", "--locked", "--workspace", "--bin", "lyceum", "--message-format=json-render-diagnostics"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "the server does not build");
    let messages = String::from_utf8_lossy(&built.stdout);
    let mut executables = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "lyceum").then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    executables.next_back().expect("cargo says where the binary is")
}
