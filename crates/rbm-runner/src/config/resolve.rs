//! From entries to the typed sections of one cell.

use std::path::{Path, PathBuf};

use rbm_data::{DataConfig, Source};
use rbm_eval::EvaluateConfig;
use rbm_model::{Init, ModelConfig};
use rbm_train::TrainConfig;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{
    RunConfig,
    document::{Entry, shown},
    keys::{self, Key},
    name,
};

/// One cell's whole config, every default filled in; paths are absolute and `run.seed` is the cell's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellConfig {
    /// Name of the sweep that the cell was first computed for.
    pub name: String,
    /// Rows.
    pub data: DataConfig,
    /// The machine.
    pub model: ModelConfig,
    /// How it learns.
    pub train: TrainConfig,
    /// What is measured.
    pub evaluate: EvaluateConfig,
    /// Where it is computed.
    pub run: RunConfig,
}

impl CellConfig {
    /// Fills `entries` (later ones win) into the defaults. Types were checked entry by entry before.
    pub(super) fn resolve<'a>(
        entries: impl IntoIterator<Item = &'a Entry>,
        seed: Option<u64>,
        base: &Path,
    ) -> Result<Self, String> {
        let mut top = Table::new();
        let mut sections: [(&str, Table); 5] =
            ["data", "model", "train", "evaluate", "run"].map(|section| (section, Table::new()));
        for entry in entries {
            let table = sections.iter_mut().find(|(section, _)| *section == entry.section);
            let table = table.map_or(&mut top, |(_, table)| table);
            table.insert(entry.name.clone(), entry.value.clone());
        }
        let [data, model, train, evaluate, run] = sections.map(|(_, table)| Value::Table(table));
        let mut cell = Self {
            name: top.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            data: typed(data)?,
            model: typed(model)?,
            train: typed(train)?,
            evaluate: typed(evaluate)?,
            run: typed(run)?,
        };
        if let Some(seed) = seed {
            cell.run.seed = seed;
        }
        cell.make_absolute(base);
        Ok(cell)
    }

    fn make_absolute(&mut self, base: &Path) {
        let absolute = |path: &PathBuf| {
            let joined = base.join(path);
            std::path::absolute(&joined).unwrap_or(joined)
        };
        if let Source::File(path) = &self.data.source {
            self.data.source = Source::File(absolute(path));
        }
        if let Some(path) = &self.data.test {
            self.data.test = Some(absolute(path));
        }
        if let Init::File(path) = &self.model.init {
            self.model.init = Init::File(absolute(path));
        }
    }
}

fn typed<'de, T: Deserialize<'de>>(value: Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.message().to_owned())
}

/// Whether the key's own type takes the value; else what is wrong and a help.
pub(super) fn check_type(section: &str, name: &str, value: &Value) -> Result<(), (String, Option<String>)> {
    let Some(key) = keys::find(section, name) else { return Ok(()) };
    let alone = |required: Option<&str>| {
        let mut table = Table::new();
        if let Some(required) = required.filter(|required| *required != name) {
            table.insert(required.into(), Value::String("mnist".into()));
        }
        table.insert(name.into(), value.clone());
        Value::Table(table)
    };
    let result = match section {
        "data" => typed::<DataConfig>(alone(Some("source"))).map(drop),
        "model" => typed::<ModelConfig>(alone(None)).map(drop),
        "train" => typed::<TrainConfig>(alone(None)).map(drop),
        "evaluate" => typed::<EvaluateConfig>(alone(None)).map(drop),
        "run" => typed::<RunConfig>(alone(None)).map(drop),
        _ if name == "schema" => (*value == Value::Integer(1)).then_some(()).ok_or_else(String::new),
        _ if name == "name" => name::check(value),
        _ => Ok(()),
    };
    result.map_err(|_| wrong_type(key, value))
}

fn wrong_type(key: &Key, value: &Value) -> (String, Option<String>) {
    let quoted: Vec<String> = key.words.iter().map(|word| format!("{word:?}")).collect();
    let words = match &quoted[..] {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    };
    let mut allowed = match (key.name, key.words.is_empty()) {
        ("source", _) => format!("{}, or a path (with a `/` or a suffix)", quoted.join(", ")),
        ("init", _) => format!("{}, or the path of a weights file", quoted.join(", ")),
        ("metrics", _) => format!("a list of {words}"),
        (_, true) => key.allowed.to_owned(),
        (_, false) => words,
    };
    // Counts are at most 32 bits wide.
    if matches!(value, Value::Integer(number) if *number > i64::from(u32::MAX)) && allowed.starts_with("a whole number")
    {
        allowed = format!("{allowed} and at most {}", u32::MAX);
    }
    let misspelt = match value {
        Value::String(word) => Some(word.as_str()),
        Value::Array(words) => words.iter().filter_map(Value::as_str).find(|word| !key.words.contains(word)),
        _ => None,
    };
    let near = misspelt.and_then(|word| keys::closest(word, key.words.iter().copied()));
    (format!("expected {allowed}, not {}", shown(value)), near.map(|near| format!("did you mean {near:?}?")))
}
