//! `rbm ls`

use std::collections::BTreeMap;

use clap::Args;
use rbm_runner::with_sources;
use rbm_store::{CellState, Results};
use serde_json::{Value, json};

use crate::{
    arguments::Json,
    commands::DONE,
    context::{Context, print, print_json},
    diagnose::Failure,
    tables::{last_values, metrics_of},
    text,
};

/// List the cells under the results folder
///
/// Each cell is listed once, with its state, the time it took, its last log-likelihood (or pseudo-likelihood, where no log
/// Z is known) on training rows, and the sweeps that hold it. `rbm show ID` tells more; the first digits of an id will do.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm ls
  rbm ls --json | jq -r '.[] | select(.state == \"done\") | .folder'")]
pub(crate) struct LsArguments {
    #[command(flatten)]
    json: Json,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &LsArguments) -> Result<u8, Failure> {
    let results = Results::open(&context.results)?;
    let cells = results.cells()?;
    let mut holders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for sweep in results.sweeps()?.found {
        for (_, cell) in sweep.runs().map(|runs| runs.found).unwrap_or_default() {
            let folder = format!("{}-{}", sweep.name(), sweep.hash12());
            holders.entry(cell.id().as_str().to_owned()).or_default().push(folder);
        }
    }
    let (mut rows, mut values) = (Vec::new(), Vec::<Value>::new());
    for cell in &cells.found {
        // What cannot be understood is no reason not to list the others.
        let state = cell.state().unwrap_or_else(|error| {
            context.screen.warn(&format!("{}: failed to {}", cell.path().display(), with_sources(&error)));
            CellState::Interrupted
        });
        let record = cell.read_run().unwrap_or_default();
        let metrics = metrics_of(cell, state).unwrap_or_default();
        let last = last_values(&metrics);
        let best = last.iter().find(|point| point.metric.ends_with("likelihood") && point.split == "train");
        let sweeps = holders.get(cell.id().as_str()).cloned().unwrap_or_default();
        let name = record.as_ref().map(|record| record.name.clone());
        let wall_seconds = record.as_ref().map(|record| record.wall_seconds);
        values.push(json!({
            "id": cell.id(), "name": name, "state": state, "folder": cell.path(), "wall_seconds": wall_seconds,
            "sweeps": sweeps,
            "metrics": last.iter().map(|point| (format!("{}.{}", point.metric, point.split), json!(point.value)))
                .collect::<serde_json::Map<_, _>>(),
        }));
        rows.push(vec![
            cell.id().short().to_owned(),
            text::state(state, context.colored),
            name.unwrap_or_else(|| "-".into()),
            wall_seconds.map_or("-".into(), text::seconds),
            best.map_or("-".into(), |point| format!("{} {}", point.metric, text::number(point.value))),
            sweeps.join(" "),
        ]);
    }
    for passed in &cells.passed_over {
        context.screen.note(&format!("passed over {}: {}", passed.path.display(), passed.reason));
    }
    if arguments.json.json {
        print_json(&values)?;
    } else if rows.is_empty() {
        print(&format!("no cells in {}\n", context.results.display()))?;
    } else {
        print(&text::table(&["id", "state", "name", "time", "last value", "sweeps"], &rows))?;
    }
    Ok(DONE)
}
