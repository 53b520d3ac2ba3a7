//! The `[data]` section alone: for commands that need rows and nothing else.

use std::path::Path;

use rbm_data::DataConfig;

use super::{
    CellConfig, ConfigError,
    document::{Document, START},
    load, set,
};
use crate::Error;

/// The `[data]` section of a file whose other sections are not looked at: they may be missing or wrong.
#[derive(Clone, Debug)]
pub struct DataSection {
    /// The section, resolved: paths are absolute.
    pub config: DataConfig,
    document: Document,
}

impl DataSection {
    /// Reads a file's `[data]` and lets `sets`, each `data.key=value`, override it.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn load(path: &Path, sets: &[String]) -> Result<Self, ConfigError> {
        let text = load::read(path)?;
        let mut document = Document::parse_data(&path.display().to_string(), &text)?;
        for option in sets {
            set::apply(&mut document, option)?;
        }
        if document.find("data", "source").is_none() {
            let help = "name a data set under [data], as `source = \"mnist\"`, or a file".to_owned();
            return Err(document.error(Some(&START), "data.source", "missing".into(), Some(help)));
        }
        let entries = document.entries.iter().filter(|entry| entry.section == "data");
        let cell = CellConfig::resolve(entries, None, path.parent().unwrap_or(Path::new("")))
            .map_err(|message| document.error(Some(&START), "data", message, None))?;
        let section = Self { config: cell.data, document };
        match section.config.check() {
            Ok(()) => Ok(section),
            Err((key, allowed)) => Err(section.error(key, format!("expected {allowed}"))),
        }
    }

    /// An error of loading these data, pointed at the key that is to blame if one is.
    pub fn refuse(&self, error: rbm_data::Error) -> Error {
        match error.key() {
            Some(key) if error.is_user_mistake() => {
                let message = match &error {
                    rbm_data::Error::Config { expected, .. } => format!("expected {expected}"),
                    other => format!("failed to {other}"),
                };
                Error::from(self.error(key, message))
            }
            _ => Error::Data(error),
        }
    }

    fn error(&self, key: &str, message: String) -> ConfigError {
        let place = self.document.find("data", key).map_or(&START, |entry| &entry.value_place);
        self.document.error(Some(place), &format!("data.{key}"), message, None)
    }
}
