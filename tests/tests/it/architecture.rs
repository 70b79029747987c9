//! The arrows between the crates, and who may use what.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

const HOUSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const ADAPTERS: [&str; 11] = [
    "auth",
    "blobs",
    "course-mdbook",
    "limits",
    "llm-offline",
    "llm-qubrid",
    "llm-resilience",
    "mail",
    "markdown",
    "media",
    "storage-seaorm",
];

fn metadata() -> &'static Metadata {
    static METADATA: OnceLock<Metadata> = OnceLock::new();
    METADATA.get_or_init(|| {
        let mut command = MetadataCommand::new();
        command.manifest_path(format!("{HOUSE}/Cargo.toml")).other_options(["--locked".to_owned()]);
        command.exec().expect("cargo metadata")
    })
}

fn members() -> impl Iterator<Item = &'static Package> {
    metadata().workspace_packages().into_iter()
}

/// A member's name without the name of the house.
fn short(name: &str) -> &str {
    name.strip_prefix("lyceum-").unwrap_or(name)
}

/// What a member names in its manifest.
fn named(package: &Package, is_wanted: impl Fn(DependencyKind) -> bool) -> BTreeSet<&str> {
    package.dependencies.iter().filter(|dependency| is_wanted(dependency.kind)).map(|d| d.name.as_str()).collect()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.into_iter().collect()
}

/// Each member, with those members that it depends on in this way.
fn arrows(is_wanted: impl Fn(DependencyKind) -> bool) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let house = |name: &&str| name.starts_with("lyceum-");
    let arrows = members().map(|package| {
        let targets = named(package, &is_wanted).into_iter().filter(house).map(short).collect();
        (short(&package.name), targets)
    });
    arrows.collect()
}

#[test]
fn the_arrows_are_these_and_no_others() {
    let mut allowed = BTreeMap::from([
        ("domain", set([])),
        ("application", set(["domain"])),
        ("migration", set([])),
        ("testkit", set(["domain"])),
        ("api", set(["application", "domain", "migration"].into_iter().chain(ADAPTERS))),
        ("e2e", set(["api"])),
    ]);
    allowed.extend(ADAPTERS.map(|adapter| (adapter, set(["domain"]))));
    // A format and nothing else.
    allowed.insert("markdown", set([]));
    assert_eq!(arrows(|kind| kind != DependencyKind::Development), allowed);
}

#[test]
fn tests_may_use_the_testkit_and_the_storage_tests_the_migrations() {
    for (from, targets) in arrows(|kind| kind == DependencyKind::Development) {
        let mut allowed = set(["testkit"]);
        if from == "storage-seaorm" {
            allowed.insert("migration");
        }
        // What measures a port, without the server around it.
        if from == "e2e" {
            allowed.extend(["domain", "storage-seaorm"]);
        }
        let others: Vec<_> = targets.difference(&allowed).collect();
        assert!(others.is_empty(), "the tests of {from} use {others:?}");
    }
}

#[test]
fn what_is_heavy_has_one_home() {
    let homes: [(&str, &[&str]); 10] = [
        ("sea-orm", &["storage-seaorm", "migration"]),
        ("sqlx", &["storage-seaorm", "e2e"]),
        ("reqwest", &["llm-qubrid", "auth", "e2e"]),
        ("actix", &["api"]),
        ("object_store", &["blobs"]),
        ("image", &["media"]),
        ("pdf-extract", &["media"]),
        ("ammonia", &["markdown"]),
        ("governor", &["limits"]),
        ("redis", &["limits"]),
    ];
    for package in members() {
        for (thing, allowed) in homes {
            let used = named(package, |_| true);
            let used: Vec<_> =
                used.iter().filter(|name| **name == thing || name.starts_with(&format!("{thing}-"))).collect();
            let name = short(&package.name);
            assert!(used.is_empty() || allowed.contains(&name), "{name} uses {used:?}, which is for {allowed:?}");
        }
    }
}

#[test]
fn the_core_knows_no_wire_format() {
    for name in ["lyceum-domain", "lyceum-application"] {
        let package = members().find(|package| package.name.as_str() == name).expect("a member");
        let used = named(package, |kind| kind == DependencyKind::Normal);
        for format in ["serde", "serde_json", "toml", "utoipa"] {
            assert!(!used.contains(format), "{name} uses {format}");
        }
    }
}

#[test]
fn the_domain_stands_on_almost_nothing() {
    let tree = everything_below("lyceum-domain");
    assert!(tree.contains("chrono") && tree.contains("uuid"), "the tree was not read: {tree:?}");
    let foreign = |name: &&&str| {
        ["serde", "serde_json", "sea-orm", "sqlx", "reqwest", "hyper"].contains(name)
            || ["tokio", "actix"].iter().any(|start| name.starts_with(start))
    };
    let foreign: Vec<_> = tree.iter().filter(foreign).collect();
    assert!(foreign.is_empty(), "below the domain: {foreign:?}");
}

/// The names of all packages that a member is built with on some platform, tests apart.
///
/// cargo resolves the features of the whole workspace together. What only another member's features bring is not
/// counted: an optional dependency counts where the features that this member asks for switch it on.
fn everything_below(root: &str) -> BTreeSet<&'static str> {
    let output = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", root, "--edges", "normal,build", "--target", "all"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(HOUSE)
        .output()
        .expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text: &'static str = String::from_utf8(output.stdout).expect("text").leak();
    text.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != root).collect()
}

#[test]
fn only_the_wiring_and_the_commands_name_adapters() {
    let source = Path::new(HOUSE).join("crates/api/src");
    let names = ADAPTERS.map(|adapter| format!("lyceum_{}", adapter.replace('-', "_")));
    for file in rust_files(&source) {
        let place = file.strip_prefix(&source).expect("below");
        // Books and Markdown are formats, not ports: each has one home.
        let homes = ["wiring.rs", "wiring", "commands", "books.rs", "routes/lessons/rendering.rs"];
        if homes.iter().any(|home| place.starts_with(home)) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("text");
        for (line, number) in text.lines().zip(1..) {
            let found = names.iter().find(|name| line.contains(name.as_str()));
            assert!(found.is_none(), "crates/api/src/{}:{number} names {found:?}", place.display());
        }
    }
}

/// A line of the log in JSON has these already: a field of the same name would stand in it twice, and what reads it takes
/// either.
#[test]
fn no_field_of_a_log_line_has_the_name_of_one_of_its_own() {
    let own = ["level", "message", "span", "target", "timestamp"];
    let mut found = 0;
    for file in rust_files(&Path::new(HOUSE).join("crates")) {
        let text = fs::read_to_string(&file).expect("text");
        for part in text.split("tracing::").skip(1) {
            let Some(arguments) = arguments_of_a_macro(part) else { continue };
            found += 1;
            for argument in arguments {
                let name =
                    argument.split_once('=').map_or(&*argument, |(name, _)| name).trim_matches(['%', '?', ' ', '\n']);
                assert!(!own.contains(&name), "{} logs {argument}", file.display());
            }
        }
    }
    assert!(found > 50, "they are found: {found}");
}

/// What stands between the commas of `warn!(…)` and its like; of texts only that they are there.
fn arguments_of_a_macro(text: &str) -> Option<Vec<String>> {
    let (name, rest) = text.split_once("!(")?;
    let name = name.strip_suffix("_span").unwrap_or(name);
    ["trace", "debug", "info", "warn", "error", "event", "span"].contains(&name).then_some(())?;
    let (mut arguments, mut depth, mut is_text) = (vec![String::new()], 0, false);
    let mut characters = rest.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' if is_text => drop(characters.next()),
            '"' => is_text = !is_text,
            _ if is_text => {}
            ')' | ']' | '}' if depth == 0 => break,
            ',' if depth == 0 => arguments.push(String::new()),
            _ => {
                depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
                arguments.last_mut()?.push(c);
            }
        }
    }
    Some(arguments)
}

#[test]
fn the_fields_of_a_log_line_are_found() {
    let of = |text: &str| arguments_of_a_macro(text).map(|all| all.iter().map(|one| one.trim().to_owned()).collect());
    let found: Vec<String> = of("warn!(level, a = f(1, \")\"), ?span, \"said: {}\", x); more, of_it").expect("a macro");
    assert_eq!(found, ["level", "a = f(1, )", "?span", "", "x"]);
    assert_eq!(of("Span::current()"), None);
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files = entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|kind| kind == "rs")).collect()
}
