//! `rbm status [DIR]`

use std::{path::PathBuf, time::Duration};

use clap::Args;
use rbm_runner::{Depth, Plan, status};
use rbm_store::{CellState, Results, SweepFolder};
use serde_json::{Value, json};

use crate::{
    arguments::Json,
    commands::{DONE, sweep::find_sweep, watch::watch},
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
  rbm status --watch                           a running sweep, live; from any terminal
  rbm status mnist-0123456789ab --json | jq '.cells[] | select(.state != \"done\")'")]
pub(crate) struct StatusArguments {
    /// The folder of a sweep, or its name under the results folder
    dir: Option<PathBuf>,
    /// Draw the table of a sweep's cells again and again, until all have ended or nobody has worked on them for ten seconds;
    /// without DIR, of the sweep that runs
    #[arg(short, long, conflicts_with = "json")]
    watch: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "N", default_value_t = 1.0, requires = "watch", value_parser = parse_interval)]
    interval: f64,
    #[command(flatten)]
    json: Json,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &StatusArguments) -> Result<u8, Failure> {
    if arguments.watch {
        let folder = match &arguments.dir {
            Some(dir) => find_sweep(context, dir)?,
            None => watched(context)?,
        };
        return watch(context, &folder, Duration::from_secs_f64(arguments.interval));
    }
    match &arguments.dir {
        Some(dir) => one(context, &find_sweep(context, dir)?, arguments.json.json)?,
        None => all(context, arguments.json.json)?,
    }
    Ok(DONE)
}

/// The sweep that has cells at work; else the one that was begun last.
fn watched(context: &Context) -> Result<SweepFolder, Failure> {
    let mut sweeps = Results::open(&context.results)?.sweeps()?.found;
    let runs = |sweep: &SweepFolder| {
        let cells = sweep.runs().map(|runs| runs.found).unwrap_or_default();
        cells.iter().any(|(_, cell)| matches!(cell.state(), Ok(CellState::Running)))
    };
    let begun = |sweep: &SweepFolder| sweep.path().join("plan.jsonl").metadata().and_then(|data| data.modified()).ok();
    sweeps.sort_by_key(|sweep| (runs(sweep), begun(sweep)));
    sweeps.pop().ok_or_else(|| Failure::refused(format!("there is no sweep in {}", context.results.display())))
}

fn parse_interval(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(seconds) if (0.05..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds from 0.05 to 3600".into()),
    }
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
            Ok(plan) => found.push((sweep, status(&plan, &context.results, Depth::Hashes)?)),
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
