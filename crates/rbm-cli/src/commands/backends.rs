//! `rbm backends CONFIG`, `rbm backends --list`

use std::{collections::BTreeSet, path::PathBuf};

use clap::Args;
use rbm_ops::Available;
use rbm_report::{BackendRow, BackendsReport, render_backends};
use rbm_runner::{
    BackendResult, Cell, Config, DataSets, Environment, Plan, ProbeOptions, StopFlag, compare_backends, run_probe,
};
use rbm_store::{now, write_atomically};
use serde_json::json;

use crate::{
    arguments::{Json, Sets},
    commands::{DONE, show::machine_line},
    context::{Context, print, print_json},
    diagnose::Failure,
    interrupt::{self, INTERRUPTED},
    progress::{FetchBar, spinner},
    text,
};

/// A backend was tried and failed.
const FAILED: u8 = 1;

/// The hidden command that measures one backend.
pub(crate) const PROBE: &str = "backend-process";

/// Compare backends on a config
///
/// Each backend and adapter that is built in and found trains the first cell of the config in a process of its own, for
/// --seconds in steady state. Measured are rows a second with their spread, start-up and first step apart from them, memory,
/// agreement with f64 on the host, and the exact likelihood where it can be enumerated. A table goes to standard output, a
/// page with its figure to RESULTS/backends/NAME/. One that cannot be used is listed with the reason.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm backends --list
  rbm backends configs/quick.toml
  rbm backends configs/mnist.toml --seconds 30 --set model.hidden=500
  rbm backends configs/quick.toml --json | jq '.backends[] | {backend, measured}'")]
pub(crate) struct BackendsArguments {
    /// The config, a TOML file
    #[arg(required_unless_present = "list")]
    config: Option<PathBuf>,
    #[command(flatten)]
    sets: Sets,
    /// List backends and adapters, and measure nothing
    #[arg(long, conflicts_with_all = ["config", "sets", "seconds"])]
    list: bool,
    /// Seconds of training for each backend
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = parse_seconds)]
    seconds: f64,
    #[command(flatten)]
    json: Json,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &BackendsArguments) -> Result<u8, Failure> {
    let Some(path) = &arguments.config else { return list(arguments.json.json) };
    let mut config = Config::load(path, &arguments.sets.sets)?;
    config.points.truncate(1);
    // The backends are what is compared: the config's own need not be built in.
    config.points.iter_mut().for_each(|point| point.config.run.backend = rbm_ops::BackendName::Flex);
    let mut data = DataSets::new(context.folders.clone(), Box::new(FetchBar::new(&context.screen)));
    let plan = Plan::new(&config, &mut data)?;
    let Some(cell) = plan.cells.first() else { return Err(Failure::refused("the config has no cell")) };
    let program = std::env::current_exe()
        .map_err(|error| Failure::machine(format!("failed to find this program's file: {error}")))?;
    let options = ProbeOptions {
        program,
        args: vec![PROBE.into()],
        folders: context.folders.clone(),
        seconds: arguments.seconds,
    };
    let stop = StopFlag::new();
    interrupt::listen_quietly(&stop)?;
    let bar = spinner(&context.screen, "looking for backends");
    let results = compare_backends(cell, rbm_ops::list(), &options, &stop, |available| {
        bar.set_message(format!("{} trains for {} s", available.backend, arguments.seconds));
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
    });
    bar.finish_and_clear();
    let results = results?;
    if stop.is_stopped() {
        return Ok(INTERRUPTED);
    }
    let folder = context.results.join("backends").join(&plan.name);
    let report = report(cell, arguments, &results);
    let (html, svg) = render_backends(&report)?;
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::refused(format!("failed to create {}: {error}", folder.display())))?;
    let value = json!({
        "name": plan.name, "seconds": arguments.seconds, "measured_at": now(), "machine": Environment::here(),
        "cell": { "visible": cell.data.visible, "hidden": cell.config.model.hidden, "config": cell.config },
        "folder": folder, "backends": results,
    });
    write_atomically(&folder.join("backends.json"), format!("{value:#}\n").as_bytes())?;
    write_atomically(&folder.join("samples-per-second.svg"), svg.as_bytes())?;
    write_atomically(&folder.join("backends.html"), html.as_bytes())?;
    if arguments.json.json {
        print_json(&value)?;
    } else {
        print(&format!("{}\npage: {}\n", table(&report), folder.join("backends.html").display()))?;
    }
    Ok(if results.iter().any(|result| result.failed) { FAILED } else { DONE })
}

/// The body of the process that measures one backend.
pub(crate) fn probe() -> Result<u8, Failure> {
    run_probe()?;
    Ok(DONE)
}

fn list(as_json: bool) -> Result<u8, Failure> {
    let all = rbm_ops::list();
    if as_json {
        print_json(&all)?;
        return Ok(DONE);
    }
    let row = |available: &Available| {
        let usable = available.reason.clone().map_or("yes".to_owned(), |reason| format!("no: {reason}"));
        vec![available.backend.to_string(), available.device.clone().unwrap_or_else(|| "-".into()), usable]
    };
    print(&text::table(&["backend", "device", "can be used"], &all.iter().map(row).collect::<Vec<_>>()))?;
    Ok(DONE)
}

/// The last epoch after which every backend's likelihood is known.
fn common_epoch(results: &[BackendResult]) -> Option<u32> {
    let epochs = |result: &BackendResult| -> Option<BTreeSet<u32>> {
        Some(result.measured.as_ref()?.log_likelihoods.iter().map(|(epoch, _)| *epoch).collect())
    };
    let common = results.iter().filter_map(epochs).reduce(|a, b| a.intersection(&b).copied().collect())?;
    common.last().copied()
}

fn report(cell: &Cell, arguments: &BackendsArguments, results: &[BackendResult]) -> BackendsReport {
    let train = &cell.config.train;
    let machine = format!("{} visible and {} hidden units", cell.data.visible, cell.config.model.hidden);
    let algorithm = serde_json::to_value(train.algorithm).ok().and_then(|word| Some(word.as_str()?.to_owned()));
    let epoch = common_epoch(results);
    let row = |result: &BackendResult| {
        let available = &result.available;
        let row = BackendRow {
            name: available.backend.to_string(),
            device: available.device.clone().unwrap_or_default(),
            reason: available.reason.clone(),
            ..BackendRow::default()
        };
        let Some(probe) = &result.measured else { return row };
        let reached = epoch.and_then(|epoch| probe.log_likelihoods.iter().find(|(other, _)| *other == epoch));
        BackendRow {
            samples_per_second: probe.samples_per_second.clone(),
            start_seconds: probe.start_seconds,
            first_step_seconds: probe.first_step_seconds,
            peak_memory_bytes: probe.peak_memory_bytes,
            states: (probe.agreement.differing, probe.agreement.units, probe.agreement.unexplained),
            gradient_error: probe.agreement.gradient_error,
            log_likelihood: reached.copied(),
            ..row
        }
    };
    BackendsReport {
        title: cell.config.name.clone(),
        facts: vec![
            ("trained".into(), format!("{machine}, {}", cell.config.data.source.word())),
            (
                "algorithm".into(),
                format!("{}, k = {}, batches of {}", algorithm.unwrap_or_default(), train.k, train.batch_size),
            ),
            ("program".into(), format!("rbm {}", env!("CARGO_PKG_VERSION"))),
            ("machine".into(), machine_line(&Environment::here())),
            ("time of training".into(), format!("{} s for each backend", arguments.seconds)),
            ("measured".into(), now()),
            ("burn".into(), Environment::here().burn_version),
        ],
        backends: results.iter().map(row).collect(),
        redraw_command: text::this_command(),
    }
}

fn table(report: &BackendsReport) -> String {
    let rows: Vec<Vec<String>> = (report.backends.iter())
        .map(|row| match (&row.reason, row.rate()) {
            (None, Some((median, low, high))) => vec![
                row.name.clone(),
                text::number(median),
                format!("{}-{}", text::number(low), text::number(high)),
                text::seconds(row.start_seconds),
                text::seconds(row.first_step_seconds),
                row.peak_memory_bytes.map_or("-".into(), text::bytes),
                format!("{} of {}", row.states.0, row.states.1),
                format!("{:.1e}", row.gradient_error),
                row.log_likelihood.map_or("-".into(), |(_, value)| text::number(value)),
                row.device.clone(),
            ],
            (reason, _) => {
                let mut cells = vec![row.name.clone()];
                cells.extend(std::iter::repeat_n("-".to_owned(), 8));
                cells.push(format!("not measured: {}", reason.as_deref().unwrap_or_default()));
                cells
            }
        })
        .collect();
    let epoch = report.backends.iter().filter_map(|row| row.log_likelihood).map(|(epoch, _)| epoch).next();
    let likelihood = epoch.map_or("likelihood".into(), |epoch| format!("likelihood@{epoch}"));
    let headings = ["backend", "rows/s", "spread", "start", "first step", "memory", "other states", "gradient error"];
    let headings: Vec<&str> = headings.into_iter().chain([likelihood.as_str(), "device"]).collect();
    text::table(&headings, &rows)
}

fn parse_seconds(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds from 0.1 to 86400".into()),
    }
}
