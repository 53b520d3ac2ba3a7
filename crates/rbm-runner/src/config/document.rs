//! A config's text as entries that remember where they stand.

use std::ops::Range;

use serde::Deserialize;
use toml::{
    Spanned, Value,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{
    error::ConfigError,
    keys::{self, SECTIONS},
    resolve,
    sweep::{self, SweepText},
};

/// A stretch of one of the texts: the file (0) or the n-th `--set` option.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) text: usize,
    pub(super) span: Range<usize>,
}

/// One `key = value`.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) section: String,
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) key_place: Place,
    pub(super) value_place: Place,
}

impl Entry {
    pub(super) fn dotted(&self) -> String {
        if self.section.is_empty() { self.name.clone() } else { format!("{}.{}", self.section, self.name) }
    }
}

/// What a file and the `--set` options say, before any default.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// Label and text of the file, then of each `--set`.
    pub(super) texts: Vec<(String, String)>,
    pub(super) entries: Vec<Entry>,
    pub(super) sweep: Option<SweepText>,
}

impl Document {
    /// Parses a file's text; unknown keys and wrong types are errors, impossible values are not looked for yet.
    pub(super) fn parse(label: &str, text: &str) -> Result<Self, ConfigError> {
        let mut document = Self { texts: vec![(label.into(), text.into())], entries: Vec::new(), sweep: None };
        let table = DeTable::parse(text).map_err(|error| document.syntax_error(&error))?.into_inner();
        // First of all: a file of a later schema may hold keys that this version rightly does not know.
        if let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == "schema") {
            let entry = document.entry("", key, value)?;
            if entry.value != Value::Integer(1) {
                let message = format!("expected 1, the version of this format, not {}", shown(&entry.value));
                return Err(document.error(Some(&entry.value_place), "schema", message, None));
            }
        }
        for (key, value) in &table {
            document.read_top(key, value)?;
        }
        if document.find("", "schema").is_none() {
            let help = "put `schema = 1` at the top".to_owned();
            return Err(document.error(Some(&START), "schema", "missing".into(), Some(help)));
        }
        Ok(document)
    }

    /// Parses the `[data]` section of a file's text and passes over everything else.
    pub(super) fn parse_data(label: &str, text: &str) -> Result<Self, ConfigError> {
        let mut document = Self { texts: vec![(label.into(), text.into())], entries: Vec::new(), sweep: None };
        let table = DeTable::parse(text).map_err(|error| document.syntax_error(&error))?.into_inner();
        for (key, value) in table.iter().filter(|(key, _)| key.get_ref() == "data") {
            document.read_top(key, value)?;
        }
        Ok(document)
    }

    fn read_top(&mut self, key: &SpannedKey<'_>, value: &Spanned<DeValue<'_>>) -> Result<(), ConfigError> {
        let name: &str = key.get_ref();
        if !SECTIONS.contains(&name) {
            return match value.get_ref() {
                DeValue::Table(_) if keys::find("", name).is_none() => {
                    let near = keys::closest(name, SECTIONS).map(|near| format!("did you mean [{near}]? "));
                    let help = format!("{}sections: {}", near.unwrap_or_default(), SECTIONS.join(", "));
                    Err(self.error(Some(&place(key)), name, "unknown section".into(), Some(help)))
                }
                _ => self.push("", key, value),
            };
        }
        let DeValue::Table(section) = value.get_ref() else {
            let value = plain(value).map_or_else(|_| "this".into(), |value| shown(&value));
            let message = format!("expected a section, `[{name}]`, not {value}");
            return Err(self.error(Some(&place(key)), name, message, None));
        };
        if name == "sweep" {
            self.sweep = Some(sweep::read(self, key, section)?);
            return Ok(());
        }
        for (key, value) in section {
            self.push(name, key, value)?;
        }
        Ok(())
    }

    fn push(&mut self, section: &str, key: &SpannedKey<'_>, value: &Spanned<DeValue<'_>>) -> Result<(), ConfigError> {
        let entry = self.entry(section, key, value)?;
        self.entries.push(entry);
        Ok(())
    }

    /// An entry of known key and right type.
    pub(super) fn entry(
        &self,
        section: &str,
        key: &SpannedKey<'_>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Entry, ConfigError> {
        let name: &str = key.get_ref();
        let dotted = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        if keys::find(section, name).is_none() {
            let help = keys::help_for_unknown(section, name);
            return Err(self.error(Some(&place(key)), &dotted, "unknown key".into(), Some(help)));
        }
        let value_place = place(value);
        let plain = plain(value).map_err(|message| self.error(Some(&value_place), &dotted, message, None))?;
        let entry =
            Entry { section: section.into(), name: name.into(), value: plain, key_place: place(key), value_place };
        self.check_type(&entry)?;
        Ok(entry)
    }

    /// Whether the key's own type takes the value.
    pub(super) fn check_type(&self, entry: &Entry) -> Result<(), ConfigError> {
        resolve::check_type(&entry.section, &entry.name, &entry.value)
            .map_err(|(message, help)| self.error(Some(&entry.value_place), &entry.dotted(), message, help))
    }

    /// The last entry of that key: a `--set` comes after the file.
    pub(super) fn find(&self, section: &str, name: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.section == section && entry.name == name)
    }

    /// An error that points at `place`.
    pub(super) fn error(&self, place: Option<&Place>, key: &str, message: String, help: Option<String>) -> ConfigError {
        let (label, text) = &self.texts[place.map_or(0, |place| place.text)];
        ConfigError {
            file: label.clone(),
            key: key.into(),
            message,
            help,
            span: place.map(|place| place.span.clone()),
            source_text: text.clone(),
        }
    }

    fn syntax_error(&self, error: &toml::de::Error) -> ConfigError {
        let text = &self.texts[0].1;
        let message = error.message().lines().next().unwrap_or("syntax error").to_owned();
        let place = error.span().map(|span| Place { text: 0, span });
        let named = |place: &Place| text.get(place.span.clone()).unwrap_or_default().trim().to_owned();
        if message == "duplicate key" {
            let key = place.as_ref().map(named).unwrap_or_default();
            return self.error(place.as_ref(), &key, "given twice".into(), Some("keep one of the two".into()));
        }
        self.error(place.as_ref(), "", format!("not valid TOML: {message}"), None)
    }
}

/// The start of the file, where something that is missing belongs.
pub(super) const START: Place = Place { text: 0, span: 0..0 };

/// A key as the parser gives it.
pub(super) type SpannedKey<'a> = Spanned<std::borrow::Cow<'a, str>>;

/// Where in the file something stands.
pub(super) fn place<T>(spanned: &Spanned<T>) -> Place {
    Place { text: 0, span: spanned.span() }
}

/// The value without its spans.
pub(super) fn plain(value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
    Value::deserialize(ValueDeserializer::from(value.clone()))
        .map_err(|error| error.message().lines().next().unwrap_or("not a value").to_owned())
}

/// A value as it stands in TOML, cut to a readable length.
pub(super) fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string().replace('\n', " ");
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain("...".chars()).collect()
}
