//! The experiments of this repository, inside the binary.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};

use crate::{Error, Experiment, Group, experiment::FILE, experiment::closest};

static FOLDER: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../experiments");

/// The experiments that the binary carries, by group, the article's claims in its own order, others by name.
///
/// # Errors
/// When one of them says something impossible.
pub fn embedded() -> Result<Vec<Experiment>, Error> {
    let text = |path: &Path| FOLDER.get_file(path).and_then(|file| file.contents_utf8()).unwrap_or_default().to_owned();
    let mut experiments = Vec::new();
    for folder in FOLDER.dirs() {
        let mut configs = BTreeMap::new();
        for file in folder.files().filter(|file| file.path().extension().is_some_and(|suffix| suffix == "toml")) {
            let name = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name != FILE {
                configs.insert(name, text(file.path()));
            }
        }
        let path = folder.path().join(FILE);
        if FOLDER.get_file(&path).is_none() {
            continue;
        }
        let name = folder.path().display().to_string();
        experiments.push(Experiment::parse(&name, &Path::new("experiments").join(&path), &text(&path), configs)?);
    }
    sort(&mut experiments);
    Ok(experiments)
}

/// The experiments in a folder: one a folder with an `experiment.toml` in it.
///
/// # Errors
/// When the folder cannot be read or holds none, or one of them says something impossible.
pub fn read_folder(folder: &Path) -> Result<Vec<Experiment>, Error> {
    let failed = |reason: String| Error::File { action: "read", path: folder.into(), reason };
    let entries = std::fs::read_dir(folder).map_err(|error| failed(error.to_string()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.join(FILE).is_file());
    paths.sort();
    if paths.is_empty() {
        return Err(failed(format!("expected folders with a file {FILE} each")));
    }
    let mut experiments = paths.iter().map(|path| Experiment::read(path)).collect::<Result<Vec<_>, _>>()?;
    sort(&mut experiments);
    Ok(experiments)
}

/// Those that are asked for, in the order they are asked for in; all but targets where none is.
///
/// # Errors
/// A name that is none, with the closest one.
pub fn choose(experiments: Vec<Experiment>, names: &[String]) -> Result<Vec<Experiment>, String> {
    if names.is_empty() {
        return Ok(experiments.into_iter().filter(|one| one.statement.group != Group::Target).collect());
    }
    let mut chosen: Vec<Experiment> = Vec::new();
    for name in names {
        match experiments.iter().find(|one| one.name == *name) {
            Some(one) if chosen.contains(one) => {}
            Some(one) => chosen.push(one.clone()),
            None => {
                let known: Vec<&str> = experiments.iter().map(|one| one.name.as_str()).collect();
                return Err(format!("there is no claim {name:?}{}", closest(name, &known)));
            }
        }
    }
    Ok(chosen)
}

/// The article's order of its own claims; others follow by name.
const ORDER: [&str; 10] = [
    "conditionals",
    "partition-cost",
    "gibbs",
    "gradient",
    "bias-of-k",
    "k-and-likelihood",
    "cd-or-pcd",
    "listing",
    "features",
    "initialisation",
];

fn sort(experiments: &mut [Experiment]) {
    let place = |one: &Experiment| ORDER.iter().position(|name| *name == one.name).unwrap_or(ORDER.len());
    experiments.sort_by_key(|one| (one.statement.group, place(one), one.name.clone()));
}
