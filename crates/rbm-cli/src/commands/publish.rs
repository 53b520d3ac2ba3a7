//! Results of claims as the repository shows them: for its developers.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rbm_claims::{ClaimRecord, ClaimsFolder, Experiment, claim_block, claim_of_figure, verdict_table, with_block};
use rbm_store::write_atomically;

use crate::diagnose::Failure;

/// Copies figures and verdicts to `target`, keeping those of claims that were not tested now, and writes the verdicts
/// into README.md and experiments/*/README.md of the working folder. `known` are all claims, in their order. Nothing is
/// written where a README is missing.
pub(crate) fn publish(
    target: &Path,
    folder: &ClaimsFolder,
    known: &[Experiment],
    records: &[ClaimRecord],
) -> Result<(), Failure> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::machine(format!("failed to publish {}: {error}", path.display()))
    };
    let owner = |file: &str| claim_of_figure(file, known.iter().map(|one| one.name.as_str())).map(str::to_owned);
    let is_mine = |file: &str| owner(file).is_some_and(|claim| records.iter().any(|record| record.claim == claim));
    let drawn = folder.path().join("figures");
    // All that is new is read before anything old goes.
    let mut new: Vec<(String, Vec<u8>)> = Vec::new();
    for name in names(&drawn).into_iter().filter(|name| is_mine(name)) {
        let bytes = fs::read(drawn.join(&name)).map_err(|error| failed(&drawn.join(&name), &error))?;
        new.push((name, bytes));
    }
    new.sort();
    let figures = target.join("figures");
    let path = target.join("verdicts.json");
    let mut all: Vec<ClaimRecord> = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(&path, &error))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(failed(&path, &error)),
    };
    for record in records {
        match all.iter_mut().find(|known| known.claim == record.claim) {
            Some(known) => *known = record.clone(),
            None => all.push(record.clone()),
        }
    }
    let order: BTreeMap<&str, usize> =
        known.iter().enumerate().map(|(index, one)| (one.name.as_str(), index)).collect();
    all.sort_by_key(|record| order.get(record.claim.as_str()).copied().unwrap_or(usize::MAX));
    let json = serde_json::to_string_pretty(&all).map_err(|error| failed(&path, &error))?;
    let mut readmes = vec![block(Path::new("README.md"), "verdicts", &verdict_table(&all))?];
    for record in records {
        let mine = new.iter().map(|(name, _)| name).filter(|name| owner(name).as_deref() == Some(&record.claim));
        let paths: Vec<String> = mine.map(|name| format!("../../{}", figures.join(name).display())).collect();
        let readme = Path::new("experiments").join(&record.claim).join("README.md");
        readmes.push(block(&readme, "verdict", &claim_block(record, &paths))?);
    }
    fs::create_dir_all(&figures).map_err(|error| failed(&figures, &error))?;
    for name in names(&figures).into_iter().filter(|name| is_mine(name)) {
        fs::remove_file(figures.join(&name)).map_err(|error| failed(&figures.join(&name), &error))?;
    }
    for (name, bytes) in &new {
        write_atomically(&figures.join(name), bytes)?;
    }
    write_atomically(&path, format!("{json}\n").as_bytes())?;
    for (readme, text) in readmes.into_iter().flatten() {
        write_atomically(&readme, text.as_bytes())?;
    }
    Ok(())
}

/// A file with a block replaced, if that changes it.
fn block(path: &Path, name: &str, text: &str) -> Result<Option<(PathBuf, String)>, Failure> {
    let old = fs::read_to_string(path)
        .map_err(|error| Failure::refused(format!("failed to read {}: {error}", path.display())))?;
    let Some(new) = with_block(&old, name, text) else {
        return Err(Failure::refused(format!("{} has no place <!-- {name} -->", path.display())));
    };
    Ok((new != old).then(|| (path.to_owned(), new)))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
