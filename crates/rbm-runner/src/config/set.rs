//! `--set key=value`.

use toml::{
    Value,
    de::{DeTable, DeValue},
};

use super::{
    document::{Document, Entry, Place, plain},
    error::ConfigError,
    keys, sweep,
};

/// What such a mistake is called in messages, in place of a file.
const LABEL: &str = "--set";

/// Lets `option`, `key=value`, override what the file says.
///
/// The value is TOML; what is not TOML, a bare word, is taken as text.
pub(super) fn apply(document: &mut Document, option: &str) -> Result<(), ConfigError> {
    document.texts.push((LABEL.into(), option.into()));
    let text = document.texts.len() - 1;
    let whole = Place { text, span: 0..option.len() };
    let Some((key, value)) = option.split_once('=') else {
        let message = format!("expected key=value, as `train.k=3`, not `{option}`");
        return Err(document.error(Some(&whole), "", message, None));
    };
    let key_place = Place { text, span: 0..key.len() };
    let value_place = Place { text, span: key.len() + 1..option.len() };
    let (key, value) = (key.trim(), value.trim());
    let (section, name) = key.split_once('.').unwrap_or(("", key));
    let Some(known) = keys::find(section, name) else {
        return Err(unknown(document, &key_place, key));
    };
    if document.sweep.as_ref().is_some_and(|text| text.keys().iter().any(|swept| swept == key)) {
        let help = "change the list in the file, or take the key out of [sweep]".to_owned();
        return Err(document.error(Some(&key_place), key, "is swept by the file's [sweep]".into(), Some(help)));
    }
    let entry = Entry {
        section: section.into(),
        name: name.into(),
        value: if known.is_text() { text_value(value) } else { any_value(value) },
        key_place,
        value_place,
    };
    if key == "sweep.seeds" {
        sweep::check_seeds(&entry.value)
            .map_err(|message| document.error(Some(&entry.value_place), key, message, None))?;
        let Some(text) = &mut document.sweep else {
            let help = "set run.seed instead".to_owned();
            return Err(document.error(Some(&entry.key_place), key, "the file has no [sweep]".into(), Some(help)));
        };
        text.seeds = Some(entry);
        return Ok(());
    }
    document.check_type(&entry)?;
    document.entries.push(entry);
    Ok(())
}

fn unknown(document: &Document, place: &Place, key: &str) -> ConfigError {
    let dotted: Vec<String> = keys::KEYS.iter().map(keys::Key::dotted).collect();
    let same_name: Vec<&String> = dotted.iter().filter(|known| known.rsplit('.').next() == Some(key)).collect();
    let near = match same_name[..] {
        [only] => Some(only.as_str()),
        _ => keys::closest(key, dotted.iter().map(String::as_str)),
    };
    let mut help = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    match key.split_once('.') {
        Some((section, _)) if keys::SECTIONS.contains(&section) => {
            help.push_str(&format!("keys of [{section}]: {}", keys::names(section).join(", ")));
        }
        _ => help.push_str(&format!("write section.key; sections: {}", keys::SECTIONS.join(", "))),
    }
    document.error(Some(place), key, "unknown key".into(), Some(help))
}

fn text_value(text: &str) -> Value {
    match any_value(text) {
        Value::String(text) => Value::String(text),
        _ => Value::String(text.into()),
    }
}

fn any_value(text: &str) -> Value {
    let bare = || Value::String(text.into());
    let line = format!("value = {text}");
    let Ok(table) = DeTable::parse(&line) else { return bare() };
    let mut entries = table.get_ref().iter();
    match (entries.next(), entries.next()) {
        (Some((key, value)), None) if key.get_ref() == "value" && !matches!(value.get_ref(), DeValue::Table(_)) => {
            plain(value).unwrap_or_else(|_| bare())
        }
        _ => bare(),
    }
}
