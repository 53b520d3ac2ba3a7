//! `rbm show CELL`

use std::path::{Path, PathBuf};

use clap::Args;
use rbm_runner::{Config, Environment, resolved_toml};
use rbm_store::{CellFolder, Results, SweepFolder};
use serde_json::{Value, json};

use crate::{
    arguments::{Json, Sets},
    commands::DONE,
    context::{Context, print, print_json},
    diagnose::Failure,
    tables::{last_values, metrics_of},
    text,
};

/// Show a cell, or a config with every default
///
/// For a cell: its state, where it was computed, the last value of each metric, its files, and its config. CELL is the
/// first digits of its id, or its folder. For a config file: every key with its value and meaning, defaults included; the
/// values of [sweep] are listed cell by cell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm show 3f9c
  rbm show results/mnist-0123456789ab/runs/k=3,hidden=16,seed=0
  rbm show configs/mnist.toml
  rbm show configs/mnist.toml --set train.epochs=20 --json")]
pub(crate) struct ShowArguments {
    /// First digits of a cell's id, a cell's folder, or a config
    #[arg(value_name = "CELL")]
    what: PathBuf,
    #[command(flatten)]
    sets: Sets,
    #[command(flatten)]
    json: Json,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &ShowArguments) -> Result<u8, Failure> {
    let what = arguments.what.as_path();
    if what.is_file() || what.extension().is_some_and(|suffix| suffix == "toml") {
        config(what, arguments)?;
        return Ok(DONE);
    }
    if !arguments.sets.sets.is_empty() {
        return Err(Failure::refused("--set overrides a config; a cell has run, and keeps the config it ran with"));
    }
    let cell = if what.is_dir() {
        CellFolder::at(what).map_err(|error| {
            let sweep = SweepFolder::at(what).is_ok();
            let failure = Failure::from(error);
            if sweep { failure.with_help(format!("it is a sweep: rbm status {}", what.display())) } else { failure }
        })?
    } else {
        Results::open(&context.results)?.find_cell(&what.to_string_lossy())?
    };
    show_cell(context, &cell, arguments.json.json)?;
    Ok(DONE)
}

fn config(path: &Path, arguments: &ShowArguments) -> Result<(), Failure> {
    let config = Config::load(path, &arguments.sets.sets)?;
    let Some(first) = config.points.first() else { return Ok(()) };
    if arguments.json.json {
        let cells: Vec<Value> =
            config.points.iter().map(|point| json!({ "name": point.name, "config": point.config })).collect();
        return print_json(&json!({ "name": config.name, "cells": cells }));
    }
    let mut text = resolved_toml(&first.config);
    if config.points.len() > 1 {
        text.push_str(&format!("\n# The above is the first of {}:\n", text::cells(config.points.len())));
        for point in &config.points {
            text.push_str(&format!("#   {}\n", point.name));
        }
    }
    print(&text)
}

fn show_cell(context: &Context, cell: &CellFolder, as_json: bool) -> Result<(), Failure> {
    let status = cell.verify()?;
    let record = cell.read_run()?;
    let environment: Option<Environment> = cell.read_environment().unwrap_or_default();
    let config = cell.read_config()?.unwrap_or_default();
    let metrics = metrics_of(cell, status.state)?;
    let last = last_values(&metrics);
    let files = files(cell.path());
    let message = status.marker.as_ref().and_then(|marker| marker.message.clone());
    if as_json {
        let values = last.iter().map(|point| {
            json!({
                "metric": point.metric, "split": point.split, "epoch": point.epoch, "step": point.step,
                "value": point.value, "stderr": point.stderr,
            })
        });
        let sizes = files.iter().map(|(name, bytes)| (name.clone(), json!(bytes)));
        return print_json(&json!({
            "id": cell.id(), "folder": cell.path(), "state": status.state, "message": message, "doubts": status.doubts,
            "run": record, "environment": environment, "metrics": values.collect::<Vec<_>>(),
            "files": sizes.collect::<serde_json::Map<_, _>>(),
            "config": toml::from_str::<toml::Table>(&config).ok(),
        }));
    }
    let mut rows = vec![
        vec!["id".to_owned(), cell.id().to_string()],
        vec!["folder".into(), cell.path().display().to_string()],
        vec!["state".into(), text::state(status.state, context.colored)],
    ];
    let mut fact = |name: &str, value: String| rows.push(vec![name.into(), value]);
    if let Some(message) = message {
        fact("message", message);
    }
    for doubt in &status.doubts {
        fact("doubt", doubt.clone());
    }
    if let Some(record) = &record {
        fact("name", record.name.clone());
        fact("begun", format!("{} (attempt {})", record.started, record.attempts));
        fact("work", text::seconds(record.wall_seconds));
        if let Some(peak) = record.peak_memory_bytes {
            fact("peak memory", text::bytes(peak));
        }
    }
    if let Some(machine) = &environment {
        fact("machine", machine_line(machine));
    }
    let mut text = text::table(&["", ""], &rows).trim_start().to_owned();
    if !last.is_empty() {
        let rows: Vec<Vec<String>> = last
            .iter()
            .map(|point| {
                let error = point.stderr.map_or(String::new(), |error| format!("+- {}", text::number(error)));
                vec![
                    point.metric.clone(),
                    point.split.clone(),
                    point.epoch.to_string(),
                    text::number(point.value),
                    error,
                ]
            })
            .collect();
        text.push_str(&format!("\n{}", text::table(&["last values", "split", "epoch", "value", ""], &rows)));
    }
    let rows: Vec<Vec<String>> = files.into_iter().map(|(name, size)| vec![name, text::bytes(size)]).collect();
    text.push_str(&format!("\n{}\n{config}", text::table(&["file", "size"], &rows)));
    print(&text)
}

/// A machine in one line.
pub(crate) fn machine_line(machine: &Environment) -> String {
    let cpu = machine.cpu.as_deref().unwrap_or("unknown processor");
    format!("{cpu}, {} cores, {}, {} {}", machine.cores, machine.instruction_set, machine.os, machine.architecture)
}

/// The files of a folder with their sizes, by name.
fn files(folder: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<(String, u64)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let metadata = entry.metadata().ok()?;
            (metadata.is_file() && !name.starts_with('.')).then_some((name, metadata.len()))
        })
        .collect();
    files.sort();
    files
}
