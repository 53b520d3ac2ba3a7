//! A sweep's folder: made at its start, found again later.

use std::path::Path;

use rbm_store::{Created, Results, SweepFiles, SweepFolder};

use super::CodeState;
use crate::{Error, config::Config, plan::Plan};

/// Makes `RESULTS/<name>-<hash12>/`, or finds it, with `sweep.toml`, `plan.jsonl`, the state of the code and a link to
/// every cell.
///
/// `sweep.toml` is the user's text with the `--set` options written into it, for people; what runs is `plan.jsonl`. A
/// sweep that is taken up again keeps the files it was started with, whatever has changed that decides no number: the
/// number of workers, the folder of the data.
///
/// # Errors
/// When the folder cannot be written.
pub fn create_sweep(
    results: &Path,
    config: &Config,
    plan: &Plan,
    code: CodeState,
) -> Result<(SweepFolder, Created), Error> {
    let results = Results::open(results)?;
    let folder = results.sweep(&plan.name, &plan.hash12)?;
    let frozen = if folder.exists() { same_cells(&folder, plan)? } else { None };
    let sweep_toml = config.text();
    let code = code.files();
    let created = folder.create(&SweepFiles {
        sweep_toml: sweep_toml.as_bytes(),
        plan: frozen.as_deref().unwrap_or(plan.to_jsonl().as_bytes()),
        code: code.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect(),
    })?;
    for cell in &plan.cells {
        folder.link_cell(&cell.name, &results.cell(&cell.id))?;
    }
    Ok((folder, created))
}

/// The bytes of the frozen plan if it has the very cells of this one.
fn same_cells(folder: &SweepFolder, plan: &Plan) -> Result<Option<Vec<u8>>, Error> {
    let bytes = folder.read_plan()?;
    let frozen = Plan::from_jsonl(&String::from_utf8_lossy(&bytes), &folder.path().join("plan.jsonl"))?;
    let same = frozen.cells.len() == plan.cells.len()
        && frozen.cells.iter().zip(&plan.cells).all(|(a, b)| (&a.id, &a.name) == (&b.id, &b.name));
    Ok(same.then_some(bytes))
}
