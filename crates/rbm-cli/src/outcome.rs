//! What a run came to: on standard output, and as an exit code.

use std::path::{Path, PathBuf};

use rbm_report::{MetricPoint, tables::timings_from_parquet};
use rbm_runner::{CellStatus, Depth, Plan, Summary, status};
use rbm_store::{CellFolder, CellState, Results};
use serde_json::{Map, Value, json};

use crate::{
    context::{Context, print, print_json},
    diagnose::Failure,
    tables::{last_values, metrics_of},
    text,
};

/// Most cells that a summary lists.
const LISTED: usize = 60;

/// The metrics of the summary's columns, where they were measured on training rows.
const COLUMNS: [&str; 3] = ["log-likelihood", "pseudo-likelihood", "reconstruction-error"];

/// A cell with what was measured last.
pub(crate) struct CellOutcome {
    /// Where it stands.
    pub(crate) status: CellStatus,
    /// Its folder.
    pub(crate) folder: CellFolder,
    /// Rows that all its epochs show it.
    samples: u64,
    /// The last value of each metric and split.
    pub(crate) last: Vec<MetricPoint>,
}

/// Where each cell of a plan stands, with its last values.
pub(crate) fn cells(plan: &Plan, results: &Path) -> Result<Vec<CellOutcome>, Failure> {
    let store = Results::open(results)?;
    let statuses = status(plan, results, Depth::Hashes)?;
    statuses
        .into_iter()
        .zip(&plan.cells)
        .map(|(status, cell)| {
            let folder = store.cell(&status.id);
            // A broken table is no reason not to show the others.
            let metrics = metrics_of(&folder, status.state).unwrap_or_default();
            let last = last_values(&metrics).into_iter().cloned().collect();
            let samples = u64::from(cell.config.train.epochs) * cell.data.rows as u64;
            Ok(CellOutcome { status, folder, samples, last })
        })
        .collect()
}

/// What a cell cost, by its files; a broken one is no reason not to show the rest.
struct Cost {
    /// Seconds of training steps alone, over all attempts; of a cell that is done.
    train_seconds: Option<f64>,
    /// Rows shown in a second of them.
    samples_per_second: Option<f64>,
    /// The most memory that its worker held.
    peak_memory_bytes: Option<u64>,
}

impl CellOutcome {
    fn cost(&self) -> Cost {
        let timings = self.folder.read_file("timings.parquet").ok().flatten();
        let rows = timings.filter(|_| self.status.state == CellState::Done).map(|bytes| timings_from_parquet(&bytes));
        let train_seconds = rows.and_then(Result::ok).map(|rows| rows.iter().map(|row| row.train_seconds).sum::<f64>());
        Cost {
            train_seconds,
            samples_per_second: train_seconds.filter(|s| *s > 0.0).map(|seconds| self.samples as f64 / seconds),
            peak_memory_bytes: self.folder.read_run().ok().flatten().and_then(|record| record.peak_memory_bytes),
        }
    }

    /// As JSON: `index, name, id, state, message, folder, metrics`, the last as `metric.split`, and what it cost.
    pub(crate) fn json(&self) -> Value {
        let cost = self.cost();
        let metrics: Map<String, Value> =
            self.last.iter().map(|point| (format!("{}.{}", point.metric, point.split), json!(point.value))).collect();
        json!({
            "index": self.status.index,
            "name": self.status.name,
            "id": self.status.id,
            "state": self.status.state,
            "message": self.status.message,
            "epoch": self.status.epoch,
            "epochs": self.status.epochs,
            "attempts": self.status.attempts,
            "wall_seconds": self.status.wall_seconds,
            "train_seconds": cost.train_seconds,
            "samples_per_second": cost.samples_per_second,
            "peak_memory_bytes": cost.peak_memory_bytes,
            "folder": self.folder.path(),
            "metrics": metrics,
        })
    }
}

/// A table of cells: state, time and last values.
pub(crate) fn table(cells: &[CellOutcome], colored: bool) -> String {
    let value = |cell: &CellOutcome, metric: &str| {
        let train = cell.last.iter().find(|point| point.metric == metric && point.split == "train");
        train.map(|point| point.value)
    };
    let columns: Vec<&str> =
        COLUMNS.into_iter().filter(|m| cells.iter().any(|cell| value(cell, m).is_some())).collect();
    let rows: Vec<Vec<String>> = cells
        .iter()
        .take(LISTED)
        .map(|cell| {
            let status = &cell.status;
            let at = status.epoch.map_or_else(|| "-".into(), |epoch| format!("{epoch}/{}", status.epochs));
            let epochs = if status.state == CellState::Done { format!("{}", status.epochs) } else { at };
            let mut row = vec![
                status.index.to_string(),
                status.name.clone(),
                status.id.short().to_owned(),
                text::state(status.state, colored),
                epochs,
                text::seconds(status.wall_seconds),
            ];
            row.extend(columns.iter().map(|metric| value(cell, metric).map_or("-".into(), text::number)));
            row
        })
        .collect();
    let headings: Vec<&str> = ["cell", "name", "id", "state", "epochs", "time"].into_iter().chain(columns).collect();
    let mut text = text::table(&headings, &rows);
    if cells.len() > LISTED {
        text.push_str(&format!("... and {} more: --json lists all\n", text::cells(cells.len() - LISTED)));
    }
    text
}

/// `15 done, 2 diverged, 1 pending`, in the order of urgency.
pub(crate) fn counts(states: impl Iterator<Item = CellState> + Clone) -> String {
    let order = [
        CellState::Failed,
        CellState::Diverged,
        CellState::Done,
        CellState::Running,
        CellState::Interrupted,
        CellState::Pending,
    ];
    let count = |wanted: CellState| states.clone().filter(|state| *state == wanted).count();
    let words = order.into_iter().filter(|state| count(*state) > 0).map(|state| format!("{} {state}", count(state)));
    words.collect::<Vec<_>>().join(", ")
}

/// A run that has come to its end, one way or another.
pub(crate) struct Finished<'a> {
    /// What ran.
    pub(crate) plan: &'a Plan,
    /// The sweep's folder.
    pub(crate) folder: &'a Path,
    /// The report, if there is one.
    pub(crate) report: Option<PathBuf>,
    /// What became of the cells.
    pub(crate) summary: &'a Summary,
    /// From the program's start to the first cell's first step, without the evaluation before it; where one was begun.
    pub(crate) start_seconds: Option<f64>,
    /// Whether it was asked to stop.
    pub(crate) stopped: bool,
}

impl Finished<'_> {
    /// Prints the result; the exit code.
    pub(crate) fn print(&self, context: &Context, as_json: bool) -> Result<u8, Failure> {
        let code = self.summary.exit_code(self.stopped);
        let cells = cells(self.plan, &context.results)?;
        if as_json {
            print_json(&self.json(&cells, code))?;
        } else {
            print(&self.text(&cells, context.colored))?;
        }
        if !self.summary.left.is_empty() {
            let left = text::cells(self.summary.left.len());
            context.screen.warn(&format!("stopped with {left} left; to go on: {}", text::this_command()));
        }
        Ok(code)
    }

    fn json(&self, cells: &[CellOutcome], code: u8) -> Value {
        let summary = self.summary;
        let cells: Vec<Value> = cells.iter().map(CellOutcome::json).collect();
        let mut found = json!({
            "name": self.plan.name,
            "folder": self.folder,
            "report": self.report,
            "exit_code": code,
            "counts": {
                "cells": self.plan.cells.len(),
                "computed": summary.computed.len(),
                "reused": summary.reused.len(),
                "failed": summary.failed.len(),
                "diverged": summary.diverged.len(),
                "left": summary.left.len(),
            },
            "start_seconds": self.start_seconds,
        });
        // What `rbm train` is asked for stands at the top too.
        if let [only] = &cells[..] {
            for key in ["train_seconds", "samples_per_second", "peak_memory_bytes"] {
                found[key] = only[key].clone();
            }
        }
        found["cells"] = cells.into();
        found
    }

    fn text(&self, cells: &[CellOutcome], colored: bool) -> String {
        let summary = self.summary;
        let nothing = summary.computed.is_empty()
            && summary.failed.is_empty()
            && summary.diverged.is_empty()
            && summary.left.is_empty();
        if nothing {
            let all = match self.plan.cells.len() {
                1 => "the cell is done".to_owned(),
                cells => format!("all {} are done", text::cells(cells)),
            };
            return match &self.report {
                Some(report) => format!("nothing to do: {all}; report: {}\n", report.display()),
                None => format!("nothing to do: {all}; folder: {}\n", self.folder.display()),
            };
        }
        let mut text = table(cells, colored);
        let states = counts(cells.iter().map(|cell| cell.status.state));
        text.push_str(&format!("\n{}: {states}", text::cells(cells.len())));
        if !summary.reused.is_empty() {
            text.push_str(&format!(" ({} done before)", summary.reused.len()));
        }
        text.push('\n');
        for (word, list) in [("failed", &summary.failed), ("diverged", &summary.diverged)] {
            for (index, message) in list {
                let name =
                    self.plan.cells.iter().find(|cell| cell.index == *index).map_or("?", |cell| cell.name.as_str());
                text.push_str(&format!("{word}: {name}: {message}\n"));
            }
        }
        if !summary.failed.is_empty() {
            text.push_str("to try failed cells again: --retry-failed\n");
        }
        text.push_str(&format!("folder: {}\n", self.folder.display()));
        if let Some(report) = &self.report {
            text.push_str(&format!("report: {}\n", report.display()));
        }
        text
    }
}
