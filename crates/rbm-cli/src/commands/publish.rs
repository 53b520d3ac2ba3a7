//! Results of claims as the repository shows them: for its developers.

use std::{collections::BTreeMap, fs, path::Path};

use rbm_claims::{ClaimRecord, ClaimsFolder, claim_block, verdict_table, with_block};
use rbm_store::write_atomically;

use crate::diagnose::Failure;

/// Copies figures and verdicts to `target`, keeping those of claims that were not tested now, and writes the verdicts into
/// README.md and experiments/*/README.md of the working folder.
pub(crate) fn publish(target: &Path, folder: &ClaimsFolder, records: &[ClaimRecord]) -> Result<(), Failure> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::machine(format!("failed to publish {}: {error}", path.display()))
    };
    let figures = target.join("figures");
    fs::create_dir_all(&figures).map_err(|error| failed(&figures, &error))?;
    let mine = |name: &str| records.iter().any(|record| name.starts_with(&format!("{}-", record.claim)));
    for name in names(&figures).into_iter().filter(|name| mine(name)) {
        let _ = fs::remove_file(figures.join(name));
    }
    let drawn = folder.path().join("figures");
    for name in names(&drawn).into_iter().filter(|name| mine(name)) {
        let bytes = fs::read(drawn.join(&name)).map_err(|error| failed(&drawn, &error))?;
        write_atomically(&figures.join(&name), &bytes)?;
    }
    let path = target.join("verdicts.json");
    let mut all: Vec<ClaimRecord> = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(&path, &error))?,
        Err(_) => Vec::new(),
    };
    for record in records {
        match all.iter_mut().find(|known| known.claim == record.claim) {
            Some(known) => *known = record.clone(),
            None => all.push(record.clone()),
        }
    }
    let order: BTreeMap<String, usize> =
        rbm_claims::embedded()?.into_iter().enumerate().map(|(index, one)| (one.name, index)).collect();
    all.sort_by_key(|record| order.get(&record.claim).copied().unwrap_or(usize::MAX));
    let json = serde_json::to_string_pretty(&all).map_err(|error| failed(&path, &error))?;
    write_atomically(&path, format!("{json}\n").as_bytes())?;
    block(Path::new("README.md"), "verdicts", &verdict_table(&all))?;
    for record in records {
        let mut mine: Vec<String> = names(&figures);
        mine.retain(|name| name.starts_with(&format!("{}-", record.claim)));
        mine.sort();
        let paths: Vec<String> = mine.iter().map(|name| format!("../../{}", figures.join(name).display())).collect();
        let readme = Path::new("experiments").join(&record.claim).join("README.md");
        block(&readme, "verdict", &claim_block(record, &paths))?;
    }
    Ok(())
}

fn block(path: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let Ok(old) = fs::read_to_string(path) else { return Ok(()) };
    let Some(new) = with_block(&old, name, text) else {
        return Err(Failure::refused(format!("{} has no place <!-- {name} -->", path.display())));
    };
    if new != old {
        write_atomically(path, new.as_bytes())?;
    }
    Ok(())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
