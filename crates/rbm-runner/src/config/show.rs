//! A cell's config with every key, as `rbm show` prints it and as it lies in the cell's folder.

use std::fmt::Write;

use toml::{Table, Value};

use super::{CellConfig, keys::KEYS};

/// Every key with its value, defaults included, and what it means; a key without a value is a comment.
///
/// The text is a config: it can be loaded again. Paths are absolute.
pub fn resolved_toml(cell: &CellConfig) -> String {
    let table = Table::try_from(cell).unwrap_or_default();
    let mut text = format!("schema = 1\nname = {}\n", Value::String(cell.name.clone()));
    let mut section = "";
    for key in KEYS.iter().filter(|key| !key.section.is_empty() && key.section != "sweep") {
        if key.section != section {
            section = key.section;
            let _ = write!(text, "\n[{section}]\n");
        }
        let value = table.get(section).and_then(|section| section.get(key.name));
        let line = match (section, key.name, value) {
            ("data", "size", None) if is_generated(cell) => format!("size = {}", cell.data.size()),
            ("data", "validation", None) => format!("validation = {}", cell.data.validation()),
            (_, name, Some(value)) => format!("{name} = {value}"),
            (_, name, None) => format!("# {name} ="),
        };
        let _ = writeln!(text, "{line:<38} # {}", key.meaning);
    }
    text
}

fn is_generated(cell: &CellConfig) -> bool {
    matches!(cell.data.source, rbm_data::Source::BarsAndStripes | rbm_data::Source::LabeledShifter)
}
