//! The `[sweep]` section.

use toml::{
    Spanned, Value,
    de::{DeTable, DeValue},
};

use super::{
    document::{Document, Entry, Place, SpannedKey, place, plain, shown},
    error::ConfigError,
    keys,
};

/// The `[sweep]` section of a config: its points are the product of lists, cases and seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepConfig {
    /// The seeds; `seeds = N` means `run.seed`, `run.seed + 1`, ...
    pub seeds: Vec<u64>,
    /// One axis a list, in the file's order.
    pub lists: Vec<SweptList>,
    /// Settings that go together; no case at all counts as one that sets nothing.
    pub cases: Vec<SweptCase>,
}

/// `"train.k" = [1, 3, 10]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SweptList {
    /// The dotted key.
    pub key: String,
    /// Its values.
    pub values: Vec<Value>,
}

/// One `[[sweep.case]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SweptCase {
    /// Dotted keys with their values.
    pub settings: Vec<(String, Value)>,
}

/// The section as it stands in the file.
#[derive(Clone, Debug)]
pub(super) struct SweepText {
    pub(super) header: Place,
    pub(super) seeds: Option<Entry>,
    /// One entry a value.
    pub(super) lists: Vec<Vec<Entry>>,
    pub(super) cases: Vec<Vec<Entry>>,
}

impl SweepText {
    /// The dotted keys of lists and cases, each once.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for entry in self.lists.iter().filter_map(|list| list.first()).chain(self.cases.iter().flatten()) {
            if !keys.contains(&entry.dotted()) {
                keys.push(entry.dotted());
            }
        }
        keys
    }
}

/// Reads the section; every value has been checked for its type afterwards.
pub(super) fn read(
    document: &Document,
    header: &SpannedKey<'_>,
    table: &DeTable<'_>,
) -> Result<SweepText, ConfigError> {
    let mut text = SweepText { header: place(header), seeds: None, lists: Vec::new(), cases: Vec::new() };
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("seeds", _) => text.seeds = Some(read_seeds(document, key, value)?),
            ("case", DeValue::Array(cases)) => {
                for case in cases.iter() {
                    text.cases.push(read_case(document, case)?);
                }
            }
            ("case", _) => {
                let help = "write each case as its own `[[sweep.case]]` table".to_owned();
                return Err(document.error(Some(&place(key)), "sweep.case", "expected tables".into(), Some(help)));
            }
            _ => {
                let mut leaves = Vec::new();
                flatten("", key, value, &mut leaves);
                for (dotted, key, value) in leaves {
                    text.lists.push(read_list(document, &dotted, key, value)?);
                }
            }
        }
    }
    refuse_clashes(document, &text)?;
    Ok(text)
}

type Leaf<'t, 'i> = (String, &'t SpannedKey<'i>, &'t Spanned<DeValue<'i>>);

/// `train.k = [..]` under `[sweep]` is a table in a table: brings it to `"train.k" = [..]`.
fn flatten<'t, 'i>(
    prefix: &str,
    key: &'t SpannedKey<'i>,
    value: &'t Spanned<DeValue<'i>>,
    leaves: &mut Vec<Leaf<'t, 'i>>,
) {
    let dotted = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
    match value.get_ref() {
        DeValue::Table(table) if !table.is_empty() => {
            for (key, value) in table {
                flatten(&dotted, key, value, leaves);
            }
        }
        _ => leaves.push((dotted, key, value)),
    }
}

/// The section and name of a key that may be swept.
fn swept_key(document: &Document, dotted: &str, at: &Place) -> Result<(String, String), ConfigError> {
    let known = || keys::KEYS.iter().filter(|key| is_sweepable(key.section, key.name));
    let (section, name) = dotted.split_once('.').unwrap_or(("", dotted));
    if keys::find(section, name).is_none() {
        let dotted_keys: Vec<String> = known().map(keys::Key::dotted).collect();
        let near = keys::closest(dotted, dotted_keys.iter().map(String::as_str));
        let same_name: Vec<&String> = dotted_keys.iter().filter(|key| key.rsplit('.').next() == Some(dotted)).collect();
        let near = if let [only] = same_name[..] { Some(only.as_str()) } else { near };
        let near = near.map(|near| format!("did you mean \"{near}\"? ")).unwrap_or_default();
        let help = format!(
            "{near}keys of [sweep]: seeds, case, and \"section.key\" of data, model, train and evaluate, \"run.backend\" and \"run.kernels\""
        );
        return Err(document.error(Some(at), &format!("sweep.{dotted}"), "unknown key".into(), Some(help)));
    }
    if !is_sweepable(section, name) {
        let help = match (section, name) {
            ("run", "seed") => "use `seeds = [..]`".to_owned(),
            _ => {
                "only keys that decide numbers can be swept: data, model, train, evaluate, run.backend and run.kernels"
                    .to_owned()
            }
        };
        return Err(document.error(Some(at), dotted, "cannot be swept".into(), Some(help)));
    }
    Ok((section.into(), name.into()))
}

fn is_sweepable(section: &str, name: &str) -> bool {
    matches!(section, "data" | "model" | "train" | "evaluate")
        || (section == "run" && matches!(name, "backend" | "kernels"))
}

fn read_list(
    document: &Document,
    dotted: &str,
    key: &SpannedKey<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<Vec<Entry>, ConfigError> {
    let (section, name) = swept_key(document, dotted, &place(key))?;
    let DeValue::Array(values) = value.get_ref() else {
        let plain = plain(value).map_or_else(|_| "this".into(), |value| shown(&value));
        let help = format!("write `\"{dotted}\" = [..]`; a fixed value belongs in [{section}]");
        return Err(document.error(Some(&place(value)), dotted, format!("expected a list, not {plain}"), Some(help)));
    };
    if values.is_empty() {
        let message = "expected a list of at least one value, not an empty one".into();
        return Err(document.error(Some(&place(value)), dotted, message, None));
    }
    let mut entries: Vec<Entry> = Vec::new();
    for value in values.iter() {
        let value_place = place(value);
        let plain = plain(value).map_err(|message| document.error(Some(&value_place), dotted, message, None))?;
        let (section, name) = (section.clone(), name.clone());
        let entry = Entry { section, name, value: plain, key_place: place(key), value_place };
        document.check_type(&entry)?;
        if entries.iter().any(|other| same(&other.value, &entry.value)) {
            let message = format!("repeats the value {}", shown(&entry.value));
            return Err(document.error(Some(&entry.value_place), dotted, message, None));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn read_case(document: &Document, case: &Spanned<DeValue<'_>>) -> Result<Vec<Entry>, ConfigError> {
    let DeValue::Table(table) = case.get_ref() else {
        let help = "write each case as its own `[[sweep.case]]` table".to_owned();
        return Err(document.error(Some(&place(case)), "sweep.case", "expected tables".into(), Some(help)));
    };
    if table.is_empty() {
        let help = "set at least one key, as `train.k = 1`".to_owned();
        return Err(document.error(Some(&place(case)), "sweep.case", "sets nothing".into(), Some(help)));
    }
    let mut leaves = Vec::new();
    for (key, value) in table {
        flatten("", key, value, &mut leaves);
    }
    let mut entries: Vec<Entry> = Vec::new();
    for (dotted, key, value) in leaves {
        let (section, name) = swept_key(document, &dotted, &place(key))?;
        let value_place = place(value);
        let plain = plain(value).map_err(|message| document.error(Some(&value_place), &dotted, message, None))?;
        let entry = Entry { section, name, value: plain, key_place: place(key), value_place };
        document.check_type(&entry)?;
        if entries.iter().any(|other| other.dotted() == dotted) {
            return Err(document.error(Some(&entry.key_place), &dotted, "given twice in one case".into(), None));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn read_seeds(document: &Document, key: &SpannedKey<'_>, value: &Spanned<DeValue<'_>>) -> Result<Entry, ConfigError> {
    let value_place = place(value);
    let plain = plain(value).map_err(|message| document.error(Some(&value_place), "sweep.seeds", message, None))?;
    let (section, name) = ("sweep".to_owned(), "seeds".to_owned());
    let entry = Entry { section, name, value: plain, key_place: place(key), value_place };
    check_seeds(&entry.value)
        .map_err(|message| document.error(Some(&entry.value_place), "sweep.seeds", message, None))?;
    Ok(entry)
}

/// Whether the value is a number of seeds or a list of different ones.
pub(super) fn check_seeds(value: &Value) -> Result<(), String> {
    let allowed = "a whole number of at least 1, or a list of seeds";
    match value {
        Value::Integer(1..) => Ok(()),
        Value::Array(seeds) if seeds.is_empty() => Err(format!("expected {allowed}, not an empty list")),
        Value::Array(seeds) => {
            for (index, seed) in seeds.iter().enumerate() {
                if !matches!(seed, Value::Integer(0..)) {
                    return Err(format!("expected whole numbers of at least 0 as seeds, not {}", shown(seed)));
                }
                if seeds[..index].contains(seed) {
                    return Err(format!("repeats the seed {seed}"));
                }
            }
            Ok(())
        }
        other => Err(format!("expected {allowed}, not {}", shown(other))),
    }
}

/// A key stands in one list, or in cases, not in both; no two cases are the same.
fn refuse_clashes(document: &Document, text: &SweepText) -> Result<(), ConfigError> {
    let mut listed: Vec<String> = Vec::new();
    for first in text.lists.iter().filter_map(|list| list.first()) {
        if listed.contains(&first.dotted()) {
            let message = "given twice in [sweep]".into();
            return Err(document.error(Some(&first.key_place), &first.dotted(), message, None));
        }
        listed.push(first.dotted());
    }
    for (index, case) in text.cases.iter().enumerate() {
        if let Some(both) = case.iter().find(|entry| listed.contains(&entry.dotted())) {
            let message = "stands in a list of [sweep] and in a [[sweep.case]]".into();
            let help = Some("keep it in one of the two".to_owned());
            return Err(document.error(Some(&both.key_place), &both.dotted(), message, help));
        }
        if let Some(first) = case.first().filter(|_| text.cases[..index].iter().any(|other| same_case(other, case))) {
            let message = "this [[sweep.case]] repeats another".into();
            return Err(document.error(Some(&first.key_place), "sweep.case", message, None));
        }
    }
    Ok(())
}

fn same_case(a: &[Entry], b: &[Entry]) -> bool {
    let holds =
        |entry: &Entry| b.iter().any(|other| other.dotted() == entry.dotted() && same(&other.value, &entry.value));
    a.len() == b.len() && a.iter().all(holds)
}

/// `1` and `1.0` are the same rate.
fn same(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| value.as_float().or_else(|| value.as_integer().map(|integer| integer as f64));
    a == b || matches!((number(a), number(b)), (Some(a), Some(b)) if a == b)
}
