//! `rbm status [DIR]`

use std::path::PathBuf;

use clap::Args;
use rbm_runner::{Plan, status};
use rbm_store::{CellState, Results, SweepFolder};
use serde_json::{Value, json};

use crate::{
    arguments::Json,
    commands::{DONE, sweep::find_sweep},
    context::{Context, print, print_json},
    diagnose::Failure,
    outcome, text,
};

/// Say where sweeps stand
///
/// Without DIR: a line for each sweep under the results folder. With DIR: a line for each of its cells. Reads what lies on
/// the disk and changes nothing, also while the sweep runs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm status
  rbm status results/mnist-0123456789ab
  rbm status mnist-0123456789ab --json | jq '.cells[] | select(.state != \"done\")'")]
pub(crate) struct StatusArguments {
    /// The folder of a sweep, or its name under the results folder
    dir: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &StatusArguments) -> Result<u8, Failure> {
    match &arguments.dir {
        Some(dir) => one(context, &find_sweep(context, dir)?, arguments.json.json)?,
        None => all(context, arguments.json.json)?,
    }
    Ok(DONE)
}

fn one(context: &Context, folder: &SweepFolder, as_json: bool) -> Result<(), Failure> {
    let plan = Plan::open(folder.path())?;
    let cells = outcome::cells(&plan, folder.results().path())?;
    if as_json {
        let cells: Vec<Value> = cells.iter().map(outcome::CellOutcome::json).collect();
        return print_json(&json!({ "name": plan.name, "folder": folder.path(), "cells": cells }));
    }
    let mut text = outcome::table(&cells, context.colored);
    text.push_str(&format!(
        "\n{}: {}\n",
        text::cells(cells.len()),
        outcome::counts(cells.iter().map(|c| c.status.state))
    ));
    for cell in &cells {
        if let Some(message) = &cell.status.message {
            text.push_str(&format!("{}: {}: {message}\n", cell.status.state, cell.status.name));
        }
        if let Some(holder) = &cell.status.holder {
            text.push_str(&format!("running: {}: process {} on {}\n", cell.status.name, holder.pid, holder.host));
        }
    }
    print(&text)
}

fn all(context: &Context, as_json: bool) -> Result<(), Failure> {
    let results = Results::open(&context.results)?;
    let sweeps = results.sweeps()?;
    let mut found = Vec::new();
    for sweep in &sweeps.found {
        match Plan::open(sweep.path()) {
            Ok(plan) => found.push((sweep, status(&plan, &context.results)?)),
            Err(error) => context.screen.warn(&format!("passed over: {error}")),
        }
    }
    for passed in &sweeps.passed_over {
        context.screen.note(&format!("passed over {}: {}", passed.path.display(), passed.reason));
    }
    let count = |cells: &[rbm_runner::CellStatus], state| cells.iter().filter(|cell| cell.state == state).count();
    if as_json {
        let sweeps: Vec<Value> = found
            .iter()
            .map(|(sweep, cells)| {
                let states = [
                    CellState::Done,
                    CellState::Failed,
                    CellState::Diverged,
                    CellState::Running,
                    CellState::Interrupted,
                    CellState::Pending,
                ];
                let counts: serde_json::Map<String, Value> =
                    states.into_iter().map(|state| (state.word().into(), json!(count(cells, state)))).collect();
                json!({ "name": sweep.name(), "folder": sweep.path(), "cells": cells.len(), "counts": counts })
            })
            .collect();
        return print_json(&sweeps);
    }
    if found.is_empty() {
        return print(&format!("no sweeps in {}\n", context.results.display()));
    }
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|(sweep, cells)| {
            vec![
                sweep.path().display().to_string(),
                cells.len().to_string(),
                outcome::counts(cells.iter().map(|cell| cell.state)),
            ]
        })
        .collect();
    print(&text::table(&["sweep", "cells", "states"], &rows))
}
