//! The report of a sweep: gathered from its folder, drawn by `rbm-report`, written back into the folder.

mod facts;
mod images;

use std::{
    collections::{BTreeSet, HashSet},
    path::Path,
    time::SystemTime,
};

use rbm_report::{Axis, CellReport, Report, ranked_cells, render, standard_metrics};
use rbm_runner::{Cell, CellStatus, Depth, Plan, status};
use rbm_store::{CellState, Results, SweepFolder, Terminal};
use serde_json::Value;

use crate::{context::Context, diagnose::Failure, progress::spinner, tables::metrics_of, text::quoted};

/// The page's file.
const PAGE: &str = "report.html";

/// Draws and writes everything that a sweep's folder shows of its cells.
pub(crate) fn write(context: &Context, folder: &SweepFolder, plan: &Plan) -> Result<(), Failure> {
    let bar = spinner(&context.screen, "drawing the report");
    let drawn = gather(context, folder, plan).and_then(|report| Ok(render(&report)?));
    bar.finish_and_clear();
    let rendered = drawn?;
    let mut figures = BTreeSet::new();
    for (stem, svg) in &rendered.figures {
        let name = format!("{stem}.svg");
        folder.write_file(&format!("figures/{name}"), svg.as_bytes())?;
        figures.insert(name);
    }
    remove_other_figures(&folder.path().join("figures"), &figures);
    folder.write_file("summary.parquet", &rendered.summary_parquet)?;
    folder.write_file("summary.csv", rendered.summary_csv.as_bytes())?;
    folder.write_file("settings.parquet", &rendered.settings_parquet)?;
    folder.write_file("settings.csv", rendered.settings_csv.as_bytes())?;
    folder.write_file(PAGE, rendered.html.as_bytes())?;
    Ok(())
}

/// Whether the page is missing, or older than the end of one of the cells.
pub(crate) fn is_outdated(folder: &SweepFolder, plan: &Plan) -> Result<bool, Failure> {
    let modified = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
    let page = folder.path().join(PAGE);
    let Some(drawn) = modified(&page).filter(|_| page.metadata().is_ok_and(|page| page.is_file() && page.len() > 0))
    else {
        return Ok(true);
    };
    let newer = |cell: &Cell| {
        let path = folder.results().cell(&cell.id).path().to_owned();
        Terminal::ALL
            .iter()
            .filter_map(|terminal| modified(&path.join(terminal.file_name())))
            .any(|ended| ended > drawn)
    };
    Ok(plan.cells.iter().any(newer))
}

/// Figures of an earlier drawing that are no longer drawn.
fn remove_other_figures(folder: &Path, figures: &BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".svg") && !figures.contains(&name) {
            // A figure too many does no harm.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn gather(context: &Context, folder: &SweepFolder, plan: &Plan) -> Result<Report, Failure> {
    let results = folder.results();
    let statuses = status(plan, results.path(), Depth::Hashes)?;
    let mut pictures = images::Pictures::new(context);
    let mut cells = Vec::with_capacity(plan.cells.len());
    for (cell, status) in plan.cells.iter().zip(&statuses) {
        cells.push(cell_report(results, cell, status)?);
    }
    let mut report = Report {
        title: plan.name.clone(),
        facts: Vec::new(),
        config_toml: String::from_utf8_lossy(&folder.read_sweep_toml()?).into_owned(),
        redraw_command: format!("rbm report {}", quoted(&folder.path().display().to_string())),
        axes: axes(plan),
        cells,
        data_images: None,
        metric_info: standard_metrics(),
    };
    // The best settings first: not all can have pictures.
    for index in ranked_cells(&report) {
        let cell = &plan.cells[index];
        report.cells[index].images = pictures.of(cell, &results.cell(&cell.id));
    }
    report.facts = facts::of(folder, plan, &statuses, &pictures);
    report.data_images = pictures.into_data_images();
    Ok(report)
}

fn cell_report(results: &Results, cell: &Cell, status: &CellStatus) -> Result<CellReport, Failure> {
    let folder = results.cell(&cell.id);
    let record = folder.read_run().unwrap_or_default();
    // A broken table is no reason not to show the others.
    let metrics = metrics_of(&folder, status.state).unwrap_or_default();
    let steps: HashSet<u64> = metrics.iter().map(|point| point.step).collect();
    Ok(CellReport {
        name: cell.name.clone(),
        id: cell.id.short().to_owned(),
        state: match status.state {
            CellState::Pending => rbm_report::CellState::Pending,
            CellState::Running => rbm_report::CellState::Running,
            CellState::Interrupted => rbm_report::CellState::Interrupted,
            CellState::Failed => rbm_report::CellState::Failed,
            CellState::Diverged => rbm_report::CellState::Diverged,
            CellState::Done => rbm_report::CellState::Done,
        },
        message: status.message.clone(),
        seed: cell.config.run.seed,
        settings: cell.settings.iter().map(|(key, value)| (key.clone(), word(value))).collect(),
        metrics,
        work: cell.work_by_epoch().into_iter().filter(|(step, _)| steps.contains(step)).collect(),
        wall_seconds: record.as_ref().map(|record| record.wall_seconds),
        peak_memory_bytes: record.as_ref().and_then(|record| record.peak_memory_bytes),
        images: Default::default(),
    })
}

/// The swept keys with their values in the order of the plan; a key's last part is its label where that is unambiguous.
fn axes(plan: &Plan) -> Vec<Axis> {
    let mut axes: Vec<Axis> = Vec::new();
    for (key, value) in plan.cells.iter().flat_map(|cell| &cell.settings) {
        let value = word(value);
        match axes.iter_mut().find(|axis| axis.key == *key) {
            None => axes.push(Axis { key: key.clone(), label: String::new(), values: vec![value] }),
            Some(axis) if !axis.values.contains(&value) => axis.values.push(value),
            Some(_) => {}
        }
    }
    let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    let labels: Vec<String> = axes.iter().map(|axis| last(&axis.key)).collect();
    for (axis, label) in axes.iter_mut().zip(&labels) {
        let unique = labels.iter().filter(|other| *other == label).count() == 1;
        axis.label = if unique { label.clone() } else { axis.key.clone() };
    }
    axes
}

/// A swept value as text.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
