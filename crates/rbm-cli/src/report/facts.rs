//! What ran: data, backend, machine, code, times.

use rbm_runner::{CellStatus, Environment, Plan};
use rbm_store::{CellState, SweepFolder};
use serde_json::Value;

use super::images::Pictures;
use crate::{commands::show::machine_line, text};

/// The facts of a report, each once, in the order to show them.
pub(super) fn of(
    folder: &SweepFolder,
    plan: &Plan,
    statuses: &[CellStatus],
    pictures: &Pictures<'_>,
) -> Vec<(String, String)> {
    let mut facts = vec![
        ("config".to_owned(), format!("{} ({})", plan.name, text::cells(plan.cells.len()))),
        ("data".to_owned(), unique(plan.cells.iter().map(data))),
        ("backend".to_owned(), unique(plan.cells.iter().map(backend))),
    ];
    let (mut machines, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for (cell, status) in plan.cells.iter().zip(statuses) {
        let store = folder.results().cell(&cell.id);
        if status.state == CellState::Pending {
            continue;
        }
        if let Ok(Some(machine)) = store.read_environment::<Environment>() {
            machines.push(format!("{} (burn {})", machine_line(&machine), machine.burn_version));
        }
        if let Ok(Some(record)) = store.read_run() {
            ends.extend(record.finished);
            starts.push(record.started);
        }
    }
    if !machines.is_empty() {
        facts.push(("machine".into(), unique(machines.into_iter())));
    }
    facts.push(("code".into(), code(folder)));
    if let (Some(first), Some(last)) = (starts.iter().min(), ends.iter().max()) {
        facts.push(("run".into(), format!("cells begun from {first}, the last one ended {last}")));
    }
    if let Some(note) = pictures.note() {
        facts.push(("pictures".into(), note));
    }
    facts
}

fn data(cell: &rbm_runner::Cell) -> String {
    let (facts, config) = (&cell.data, &cell.config.data);
    let binarization = serde_json::to_value(config.binarization).ok();
    let binarization = binarization.as_ref().and_then(Value::as_str).unwrap_or("?").to_owned();
    let held_out = match facts.validation_rows {
        0 => String::new(),
        rows => format!(", {} validation rows", text::count(rows)),
    };
    format!(
        "{}: {} training rows of {} units{held_out}; binarization {binarization}; digest {}",
        config.source.word(),
        text::count(facts.rows),
        text::count(facts.visible),
        facts.digest,
    )
}

fn backend(cell: &rbm_runner::Cell) -> String {
    let precision = serde_json::to_value(cell.config.train.precision).ok();
    format!("{} in {}", cell.config.run.backend, precision.as_ref().and_then(Value::as_str).unwrap_or("?"))
}

fn code(folder: &SweepFolder) -> String {
    let version = format!("rbm {}", env!("CARGO_PKG_VERSION"));
    let record = folder.read_code("git.json").ok().flatten();
    let record: Option<Value> = record.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(record) = record else { return format!("{version}, run outside a git checkout") };
    let commit = record["commit"].as_str().unwrap_or("?").to_owned();
    let dirty = if record["dirty"] == true { ", with changes that were not committed" } else { "" };
    format!("{version}, started in a checkout at commit {commit}{dirty}")
}

/// Each text once, in the order of first appearance.
fn unique(texts: impl Iterator<Item = String>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen.join("; ")
}
