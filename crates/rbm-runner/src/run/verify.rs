//! Checking sweeps and cells against what they say of themselves.

use std::path::Path;

use rbm_store::{CellFolder, Finding, Results, SweepFolder, Verification};

use super::with_sources;
use crate::{Error, plan::Plan};

/// What `verify` looks at.
#[derive(Clone, Debug)]
pub enum VerifyTarget<'a> {
    /// Every cell and every sweep of a results folder.
    Results(&'a Results),
    /// A sweep and its cells.
    Sweep(&'a SweepFolder),
    /// A cell.
    Cell(&'a CellFolder),
}

/// Computes every hash anew and names what is wrong and what to do about it; changes nothing.
///
/// `progress` hears how many cells of how many are checked.
///
/// # Errors
/// When the results folder cannot be listed at all.
pub fn verify(target: &VerifyTarget<'_>, mut progress: impl FnMut(usize, usize)) -> Result<Verification, Error> {
    let mut found = Verification::default();
    let cells = match target {
        VerifyTarget::Cell(cell) => vec![(*cell).clone()],
        VerifyTarget::Sweep(sweep) => verify_sweep(sweep, &mut found),
        VerifyTarget::Results(results) => {
            let (cells, sweeps) = (results.cells()?, results.sweeps()?);
            let foreign = cells.passed_over.iter().chain(&sweeps.passed_over).map(Finding::foreign);
            found.findings.extend(foreign);
            for sweep in &sweeps.found {
                verify_sweep(sweep, &mut found);
            }
            cells.found
        }
    };
    for (index, cell) in cells.iter().enumerate() {
        progress(index, cells.len());
        found.add(cell.examine());
    }
    progress(cells.len(), cells.len());
    Ok(found)
}

/// Checks a sweep's own files; the folders of its cells.
fn verify_sweep(sweep: &SweepFolder, found: &mut Verification) -> Vec<CellFolder> {
    let mut broken = |path: &Path, problem: String, remedy: &str| {
        found.findings.push(Finding::broken(path, problem, remedy));
    };
    let path = sweep.path().join("plan.jsonl");
    let start_again = "move the sweep's folder away and run its config again: finished cells are not computed again";
    let plan = match Plan::open(sweep.path()) {
        Ok(plan) => plan,
        Err(error) => {
            broken(&path, with_sources(&error), start_again);
            return Vec::new();
        }
    };
    if plan.hash12 != sweep.hash12() || plan.name != sweep.name() {
        let problem = format!("it was altered: its cells make the sweep {}, not this one", plan.folder_name());
        broken(&path, problem, start_again);
    }
    match sweep.runs() {
        Ok(runs) => {
            let remedy = "remove it and run the sweep again, which links its cells anew";
            runs.passed_over.iter().for_each(|passed| broken(&passed.path, passed.reason.clone(), remedy));
            for (name, cell) in &runs.found {
                let planned = plan.cells.iter().find(|planned| planned.name == *name);
                if planned.is_none_or(|planned| planned.id != *cell.id()) {
                    let link = sweep.path().join("runs").join(name);
                    broken(&link, format!("it points to the cell {}, not to the plan's", cell.id().short()), remedy);
                }
            }
        }
        Err(error) => broken(sweep.path(), with_sources(&error), "see to it that the folder can be read"),
    }
    plan.cells.iter().map(|cell| sweep.results().cell(&cell.id)).collect()
}
