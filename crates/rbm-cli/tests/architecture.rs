//! The workspace against docs/architecture.md: which crate may depend on which, who may name a backend or a heavy crate,
//! and that crates take their lints and versions from the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// The arrows: what a crate builds on directly. It may name everything below it too.
const ARROWS: [(&str, &[&str]); 11] = [
    ("rbm-random", &[]),
    ("rbm-store", &[]),
    ("rbm-report", &[]),
    ("rbm-ops", &["rbm-random"]),
    ("rbm-data", &["rbm-random"]),
    ("rbm-model", &["rbm-ops"]),
    ("rbm-train", &["rbm-model", "rbm-data"]),
    ("rbm-eval", &["rbm-model", "rbm-data"]),
    ("rbm-runner", &["rbm-train", "rbm-eval", "rbm-store"]),
    ("rbm-claims", &["rbm-runner", "rbm-report"]),
    ("rbm-cli", &["rbm-claims"]),
];

/// Crates that take minutes to compile, or that tie a crate to a backend, and who may name them.
const RESERVED: [(&str, &[&str]); 8] = [
    ("burn", &["rbm-ops", "rbm-model", "rbm-train"]),
    ("burn-cubecl", &["rbm-ops"]),
    ("burn-flex", &["rbm-ops"]),
    ("burn-ndarray", &["rbm-ops"]),
    ("burn-wgpu", &["rbm-ops"]),
    ("plotters", &["rbm-report"]),
    ("polars", &["rbm-report", "rbm-data"]),
    ("polars-io", &["rbm-report", "rbm-data"]),
];

/// How a source names a backend.
const BACKEND_NAMES: [&str; 8] = [
    "burn::backend",
    "burn_cubecl",
    "burn_flex",
    "burn_ndarray",
    "burn_wgpu",
    "Device::flex",
    "Device::ndarray",
    "Device::wgpu",
];

/// A `lib.rs` declares and re-exports: longer ones hold code that belongs in a file of its own.
const LONGEST_LIB: usize = 60;

#[test]
fn every_crate_stands_in_the_list_and_in_the_document() {
    let listed: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let manifests = manifests();
    assert_eq!(manifests.keys().map(String::as_str).collect::<BTreeSet<_>>(), listed);
    let document = read(&root().join("docs/architecture.md"));
    for name in listed {
        assert!(document.contains(&format!("`{name}`")), "docs/architecture.md does not name {name}");
    }
}

#[test]
fn arrows_between_crates_point_down_only() {
    for (name, manifest) in manifests() {
        let below = below(&name);
        for dependency in table(&manifest, "dependencies").keys().filter(|key| key.starts_with("rbm-")) {
            assert!(
                below.contains(dependency.as_str()),
                "{name} must not depend on {dependency}; below it are {below:?}"
            );
        }
    }
}

#[test]
fn tests_and_benches_look_up_no_more_than_libraries_do() {
    for (name, manifest) in manifests() {
        let below = below(&name);
        for dependency in table(&manifest, "dev-dependencies").keys().filter(|key| key.starts_with("rbm-")) {
            assert!(below.contains(dependency.as_str()), "the tests of {name} must not depend on {dependency}");
        }
    }
}

#[test]
fn heavy_crates_are_named_only_where_they_belong() {
    for (name, manifest) in manifests() {
        let dependencies = table(&manifest, "dependencies");
        for (reserved, allowed) in RESERVED {
            if let Some(dependency) = dependencies.get(reserved) {
                assert!(allowed.contains(&name.as_str()), "{name} must not depend on {reserved}: only {allowed:?} may");
                let optional = dependency.get("optional").and_then(Value::as_bool).unwrap_or(false);
                assert!(
                    optional || name != "rbm-data",
                    "rbm-data must not require {reserved}: library users would compile it"
                );
            }
        }
    }
}

#[test]
fn backends_are_named_by_rbm_ops_alone() {
    for name in manifests().into_keys().filter(|name| name != "rbm-ops") {
        let folder = root().join("crates").join(&name);
        for path in ["src", "tests", "benches", "examples"].iter().flat_map(|part| sources(&folder.join(part))) {
            if path.ends_with("rbm-cli/tests/architecture.rs") {
                continue;
            }
            for (number, line) in
                read(&path).lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
            {
                for backend in BACKEND_NAMES {
                    let at = format!("{}:{}", path.display(), number + 1);
                    assert!(!line.contains(backend), "{at} names {backend}; only rbm-ops may");
                }
            }
        }
    }
}

#[test]
fn crates_take_lints_and_versions_from_the_workspace() {
    let inherited = ["version", "edition", "rust-version", "license", "repository", "publish"];
    for (name, manifest) in manifests() {
        assert!(inherits(manifest.get("lints")), "{name} does not take its lints from the workspace");
        let package = table(&manifest, "package");
        for key in inherited {
            assert!(inherits(package.get(key)), "{name} does not take `{key}` from the workspace");
        }
        assert!(package.contains_key("description"), "{name} does not say what it is");
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (dependency, value) in table(&manifest, section) {
                assert!(inherits(Some(&value)), "{name} does not take {dependency} from [workspace.dependencies]");
            }
        }
    }
}

#[test]
fn every_dependency_of_the_workspace_is_used() {
    let mut used = BTreeSet::new();
    for manifest in manifests().values() {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            used.extend(table(manifest, section).into_iter().map(|(dependency, _)| dependency));
        }
    }
    let workspace = table(&parse(&root().join("Cargo.toml")), "workspace");
    let unused: Vec<String> = table(&workspace, "dependencies")
        .into_iter()
        .map(|(dependency, _)| dependency)
        .filter(|dependency| !used.contains(dependency))
        .collect();
    assert!(unused.is_empty(), "no crate uses {unused:?} of [workspace.dependencies]");
}

#[test]
fn every_lib_rs_only_declares_and_re_exports() {
    for name in manifests().into_keys() {
        let path = root().join("crates").join(&name).join("src/lib.rs");
        if path.is_file() {
            let lines = read(&path).lines().count();
            assert!(lines <= LONGEST_LIB, "{} has {lines} lines, more than {LONGEST_LIB}", path.display());
        }
    }
}

/// Every crate that a crate may name.
fn below(name: &str) -> BTreeSet<&'static str> {
    let (_, arrows) = ARROWS.iter().find(|(from, _)| *from == name).expect("the list names every crate");
    arrows.iter().flat_map(|to| below(to).into_iter().chain([*to])).collect()
}

/// The manifest of each crate, by its folder's name, which is the crate's.
fn manifests() -> BTreeMap<String, Table> {
    let crates = root().join("crates");
    let mut manifests = BTreeMap::new();
    for folder in entries(&crates).into_iter().filter(|folder| folder.join("Cargo.toml").is_file()) {
        let manifest = parse(&folder.join("Cargo.toml"));
        let name = manifest["package"]["name"].as_str().expect("a package has a name").to_owned();
        assert!(folder.ends_with(&name), "{} holds the crate {name}", folder.display());
        manifests.insert(name, manifest);
    }
    manifests
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies in crates/").to_owned()
}

/// The Rust files below a folder, which need not exist.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in entries(folder) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            found.push(path);
        }
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.expect("the folder can be read").path()).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parse(path: &Path) -> Table {
    toml::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A table within another, empty if absent.
fn table(of: &Table, key: &str) -> Table {
    of.get(key).and_then(Value::as_table).cloned().unwrap_or_default()
}

/// Whether the value is `{ workspace = true }`.
fn inherits(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}
