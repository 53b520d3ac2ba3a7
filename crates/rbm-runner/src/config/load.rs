//! Reading a config.

use std::path::{Path, PathBuf};

use super::{
    CellPoint, ConfigError, RunConfig, SweepConfig, cells,
    document::{Document, Place, START},
    set,
};

/// A config that can be run: every point of it has been checked, apart from what only the data can tell.
#[derive(Clone, Debug)]
pub struct Config {
    /// Names the results folder.
    pub name: String,
    /// The file as the user named it.
    pub path: PathBuf,
    /// The `[run]` section; each cell has its own seed.
    pub run: RunConfig,
    /// The `[sweep]` section; without one, a single seed.
    pub sweep: SweepConfig,
    /// The points of the plan, in its order.
    pub points: Vec<CellPoint>,
    document: Document,
}

impl Config {
    /// Reads a file and lets `sets`, each `key=value`, override it.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn load(path: &Path, sets: &[String]) -> Result<Self, ConfigError> {
        let text = read(path)?;
        Self::parse(&text, path, sets)
    }

    /// Parses `text` as if it stood in the file `path`, which need not exist.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str, path: &Path, sets: &[String]) -> Result<Self, ConfigError> {
        let mut document = Document::parse(&path.display().to_string(), text)?;
        for option in sets {
            set::apply(&mut document, option)?;
        }
        let Some(name) = document.find("", "name").map(|entry| entry.value.clone()) else {
            let help = "put `name = \"...\"` at the top: it names the results folder".to_owned();
            return Err(document.error(Some(&START), "name", "missing".into(), Some(help)));
        };
        let swept = document.sweep.as_ref().map(|text| text.keys()).unwrap_or_default();
        if document.find("data", "source").is_none() && !swept.iter().any(|key| key == "data.source") {
            let help = "name a data set under [data], as `source = \"mnist\"`, or a file".to_owned();
            return Err(document.error(Some(&START), "data.source", "missing".into(), Some(help)));
        }
        let run = run_section(&document)?;
        let sweep = cells::sweep_config(&document, run.seed)?;
        let base = path.parent().unwrap_or(Path::new(""));
        let points = cells::points(&document, &sweep, base)?;
        let name = name.as_str().unwrap_or_default().to_owned();
        Ok(Self { name, path: path.into(), run, sweep, points, document })
    }

    /// Refuses a config with `[sweep]`: `rbm train` runs one cell.
    ///
    /// # Errors
    /// When the config has that section.
    pub fn for_train(self) -> Result<Self, ConfigError> {
        match &self.document.sweep {
            None => Ok(self),
            Some(sweep) => {
                let help = format!("use `rbm sweep {}`, or take [sweep] out", self.path.display());
                Err(self.document.error(Some(&sweep.header), "sweep", "`rbm train` runs one cell".into(), Some(help)))
            }
        }
    }

    /// The file's text with the `--set` options written into it, comments kept: what is frozen as `sweep.toml`.
    pub fn text(&self) -> String {
        let (_, text) = &self.document.texts[0];
        let overrides = self.document.entries.iter().filter(|entry| entry.key_place.text > 0);
        let seeds = self.document.sweep.iter().filter_map(|sweep| sweep.seeds.as_ref());
        let overrides: Vec<_> = overrides.chain(seeds.filter(|entry| entry.key_place.text > 0)).collect();
        if overrides.is_empty() {
            return text.clone();
        }
        let Ok(mut edited) = text.parse::<toml_edit::DocumentMut>() else { return text.clone() };
        for entry in overrides {
            let Ok(value) = entry.value.to_string().parse::<toml_edit::Value>() else { continue };
            let table = if entry.section.is_empty() {
                Some(edited.as_table_mut() as &mut dyn toml_edit::TableLike)
            } else {
                edited.entry(&entry.section).or_insert_with(toml_edit::table).as_table_like_mut()
            };
            if let Some(table) = table {
                table.insert(&entry.name, toml_edit::value(value));
            }
        }
        edited.to_string()
    }

    /// An error about a key that only the data could show to be impossible; it points at the key, or at what was swept.
    pub fn refuse(&self, point: &CellPoint, section: &str, key: &str, message: String) -> ConfigError {
        let dotted = format!("{section}.{key}");
        let swept = point.settings.iter().any(|(swept, _)| *swept == dotted);
        let in_sweep = || {
            let text = self.document.sweep.as_ref()?;
            let mut entries = text.lists.iter().flatten().chain(text.cases.iter().flatten());
            let here = |entry: &&super::document::Entry| {
                entry.dotted() == dotted && point.settings.contains(&(dotted.clone(), entry.value.clone()))
            };
            entries.find(here).map(|entry| entry.value_place.clone())
        };
        let place: Option<Place> =
            in_sweep().or_else(|| self.document.find(section, key).map(|entry| entry.value_place.clone()));
        // A key that is missing is wanted for the sake of the data.
        let place = place.or_else(|| self.document.find(section, "source").map(|entry| entry.value_place.clone()));
        let help = (swept || self.points.len() > 1).then(|| format!("in the cell {}", point.name));
        self.document.error(Some(place.as_ref().unwrap_or(&START)), &dotted, message, help)
    }
}

/// A file's text.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |message: String| ConfigError {
        file: path.display().to_string(),
        key: String::new(),
        message,
        help: None,
        span: None,
        source_text: String::new(),
    };
    let bytes = std::fs::read(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|_| unreadable("is not UTF-8 text".into()))
}

/// The `[run]` section, checked: it is there for the whole sweep, whatever its points are.
fn run_section(document: &Document) -> Result<RunConfig, ConfigError> {
    use serde::Deserialize;
    let entries = document.entries.iter().filter(|entry| entry.section == "run");
    let table: toml::Table = entries.map(|entry| (entry.name.clone(), entry.value.clone())).collect();
    let run = RunConfig::deserialize(toml::Value::Table(table))
        .map_err(|error| document.error(Some(&START), "run", error.message().to_owned(), None))?;
    run.check().map_err(|(key, allowed)| {
        let place = document.find("run", key).map(|entry| &entry.value_place);
        document.error(place, &format!("run.{key}"), format!("expected {allowed}"), None)
    })?;
    Ok(run)
}
