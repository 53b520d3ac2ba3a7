//! Names: of a config, which becomes a folder, and of a cell, which becomes a link.

use std::collections::BTreeMap;

use rbm_store::{check_name, sha256_of_bytes};
use toml::Value;

/// Longest name of a config: with a hash behind it, it stays below what file systems take.
const LONGEST_NAME: usize = 100;

/// Longest name of a cell; longer ones end in a hash.
const LONGEST_CELL_NAME: usize = 150;

/// Whether the value is a name that stays within the results folder.
pub(super) fn check(value: &Value) -> Result<(), String> {
    let fits = value.as_str().is_some_and(|name| name.len() <= LONGEST_NAME && check_name(name).is_ok());
    if fits { Ok(()) } else { Err("not a name".into()) }
}

/// The readable name of a cell: `k=3,hidden=16,seed=0`, with the swept keys alone; `cell` where nothing is swept.
pub(super) fn of_cell(settings: &[(String, Value)], seed: u64, swept: &[String], seeds: usize) -> String {
    if settings.is_empty() && seeds == 1 && seed == 0 {
        return "cell".into();
    }
    let mut parts: Vec<String> =
        settings.iter().map(|(key, value)| format!("{}={}", short(key, swept), text(value))).collect();
    parts.push(format!("seed={seed}"));
    let name: String = parts
        .join(",")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.=,+".contains(c) { c } else { '_' })
        .collect();
    if name.len() <= LONGEST_CELL_NAME {
        return name;
    }
    format!("{}+{}", &name[..LONGEST_CELL_NAME - 13], &sha256_of_bytes(name.as_bytes())[..12])
}

/// Makes names that stand for different points different: `x`, `x+2`, ...
pub(super) fn make_unique<'a>(names: impl Iterator<Item = &'a mut String>) {
    let mut seen = BTreeMap::<String, usize>::new();
    for name in names {
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            name.push_str(&format!("+{count}"));
        }
    }
}

/// The last part of a dotted key, or all of it where that would be ambiguous.
fn short<'a>(key: &'a str, swept: &[String]) -> &'a str {
    let last = |key: &'a str| key.rsplit('.').next().unwrap_or(key);
    let name = last(key);
    let ambiguous = name == "seed" || swept.iter().filter(|other| other.rsplit('.').next() == Some(name)).count() > 1;
    if ambiguous { key } else { name }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join("+"),
        other => other.to_string(),
    }
}
