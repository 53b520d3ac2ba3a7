//! `rbm sweep CONFIG`, and what it shares with `rbm train`.

use std::path::{Path, PathBuf};

use clap::Args;
use rbm_runner::{
    CodeState, Config, Count, DataSets, Depth, EngineOptions, Error, Plan, StopFlag, Summary, WorkerOptions,
    create_sweep, run_local, status,
};
use rbm_store::{CellState, SweepFolder};
use serde_json::json;

use crate::{
    arguments::{Json, Sets},
    commands::{DONE, worker},
    context::{Context, print, print_json},
    diagnose::Failure,
    interrupt,
    outcome::Finished,
    progress::{FetchBar, RunProgress},
    report, text,
};

/// Train every cell of a sweep
///
/// Runs each combination of the values under [sweep], with each seed, in several worker processes, and draws a report.
/// Cells that are done, by this or another sweep, are not computed again. A cell that fails or diverges does not stop the
/// others. After Ctrl-C, or a crash, the same command goes on from the last checkpoints and ends with the same bytes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm sweep configs/mnist.toml --dry-run       what it would do, and how long that takes
  rbm sweep configs/mnist.toml
  rbm sweep configs/mnist.toml --workers 1     one cell at a time, with all cores
  rbm sweep configs/mnist.toml --set sweep.seeds=5
  rbm sweep configs/mnist.toml --retry-failed")]
pub(crate) struct SweepArguments {
    /// The config, a TOML file
    config: PathBuf,
    #[command(flatten)]
    sets: Sets,
    /// List the cells with an estimate of time and disk, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Make the sweep's folder and train nothing: `rbm cell` runs its cells, under a job scheduler say
    #[arg(long, conflicts_with = "dry_run")]
    plan_only: bool,
    /// Try cells again that failed before (diverged ones would diverge again)
    #[arg(long)]
    retry_failed: bool,
    /// Go on with cells that were begun on another kind of processor, and mark them
    #[arg(long)]
    allow_mixed: bool,
    /// Worker processes, or "auto": as many as cores and cells left allow (else [run] workers)
    #[arg(long, value_name = "N", value_parser = parse_count)]
    workers: Option<Count>,
    /// Threads of each worker, or "auto": the cores divided by the workers (else [run] threads)
    #[arg(long, value_name = "N", value_parser = parse_count)]
    threads: Option<Count>,
    /// Draw no report
    #[arg(long)]
    no_report: bool,
    #[command(flatten)]
    json: Json,
}

/// How to compute a plan.
pub(crate) struct Job {
    pub(crate) workers: Count,
    pub(crate) threads: Count,
    pub(crate) retry_failed: bool,
    pub(crate) allow_mixed: bool,
    pub(crate) report: bool,
    pub(crate) json: bool,
}

/// Something failed in mid-run.
const FAILED: u8 = 1;

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &SweepArguments) -> Result<u8, Failure> {
    let config = Config::load(&arguments.config, &arguments.sets.sets)?;
    if arguments.dry_run {
        return dry_run(context, &config, arguments);
    }
    if arguments.plan_only {
        return plan_only(context, &config, arguments.json.json);
    }
    let job = Job {
        workers: arguments.workers.unwrap_or(config.run.workers),
        threads: arguments.threads.unwrap_or(config.run.threads),
        retry_failed: arguments.retry_failed,
        allow_mixed: arguments.allow_mixed,
        report: !arguments.no_report,
        json: arguments.json.json,
    };
    compute(context, &config, &job)
}

/// Plans, computes what is left, draws the report and prints what came of it.
pub(crate) fn compute(context: &Context, config: &Config, job: &Job) -> Result<u8, Failure> {
    let code = CodeState::ask(&context.results);
    let plan = plan(context, config)?;
    let (folder, _) = create_sweep(&context.results, config, &plan, code)?;
    let stop = StopFlag::new();
    interrupt::listen(&stop, &context.screen)?;
    let (summary, start_seconds) = run_workers(context, &plan, job, &stop)?;
    let stopped = stop.is_stopped();
    let page = folder.path().join("report.html");
    let mut no_report = None;
    if job.report && !stopped && (!summary.computed.is_empty() || report::is_outdated(&folder, &plan)?) {
        no_report = report::write(context, &folder, &plan).err();
    }
    let report = page.is_file().then_some(page);
    let finished = Finished { plan: &plan, folder: folder.path(), report, summary: &summary, start_seconds, stopped };
    let code = finished.print(context, job.json)?;
    let Some(failure) = no_report else { return Ok(code) };
    context.screen.warn(&format!("no report: {failure}"));
    // Where nothing was to be computed, a folder that takes no report is no reason to fail.
    Ok(if summary.computed.is_empty() { code } else { code.max(FAILED) })
}

fn plan(context: &Context, config: &Config) -> Result<Plan, Failure> {
    let progress = FetchBar::new(&context.screen);
    let mut data = DataSets::new(context.folders.clone(), Box::new(progress));
    let plan = Plan::new(config, &mut data)?;
    if plan.cells.iter().any(|cell| rbm_ops::is_stand_in(cell.config.run.backend)) {
        context.screen.warn("there is no GPU here: a software driver computes, much slower than the backend flex");
    }
    Ok(plan)
}

/// What became of the cells, and the seconds from the program's start to the first cell's first step.
pub(crate) fn run_workers(
    context: &Context,
    plan: &Plan,
    job: &Job,
    stop: &StopFlag,
) -> Result<(Summary, Option<f64>), Failure> {
    let program = std::env::current_exe().map_err(|source| Error::Worker { action: "find the program of", source })?;
    let options = EngineOptions {
        program,
        args: vec![worker::NAME.into()],
        workers: job.workers,
        threads: job.threads,
        worker: WorkerOptions {
            results: context.results.clone(),
            folders: context.folders.clone(),
            retry_failed: job.retry_failed,
            allow_mixed: job.allow_mixed,
            alone: Vec::new(),
        },
    };
    let mut progress = RunProgress::new(&context.screen, plan, None);
    let summary = run_local(plan, &options, stop, &mut progress);
    progress.finish();
    let start = progress.first_start().map(|first| first.duration_since(context.started).as_secs_f64());
    Ok((summary?, start))
}

fn plan_only(context: &Context, config: &Config, as_json: bool) -> Result<u8, Failure> {
    let code = CodeState::ask(&context.results);
    let plan = plan(context, config)?;
    let (folder, _) = create_sweep(&context.results, config, &plan, code)?;
    if as_json {
        print_json(&json!({ "name": plan.name, "folder": folder.path(), "cells": plan.cells.len() }))?;
    } else {
        print(&format!("{}: {}\n", folder.path().display(), text::cells(plan.cells.len())))?;
    }
    Ok(DONE)
}

fn dry_run(context: &Context, config: &Config, arguments: &SweepArguments) -> Result<u8, Failure> {
    let plan = plan(context, config)?;
    let folder = context.results.join(plan.folder_name());
    let states = status(&plan, &context.results, Depth::Hashes)?;
    let is_left = |index: usize| match states[index].state {
        CellState::Done | CellState::Diverged => false,
        CellState::Failed => arguments.retry_failed,
        _ => true,
    };
    let left = plan.cells.iter().filter(|cell| is_left(cell.index)).count();
    let rest = plan.estimate(|cell| is_left(cell.index));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let seconds = rest.seconds / cores.min(left.max(1)) as f64;
    if arguments.json.json {
        let cells = plan.cells.iter().map(|cell| {
            let estimate = cell.estimate();
            json!({
                "index": cell.index, "name": cell.name, "id": cell.id, "state": states[cell.index].state,
                "seconds": estimate.seconds, "bytes": estimate.bytes, "multiply_adds": estimate.multiply_adds,
            })
        });
        print_json(&json!({
            "name": plan.name, "folder": folder, "left": left, "seconds": seconds, "bytes": rest.bytes,
            "cells": cells.collect::<Vec<_>>(),
        }))?;
        return Ok(DONE);
    }
    let rows: Vec<Vec<String>> = plan
        .cells
        .iter()
        .map(|cell| {
            let estimate = cell.estimate();
            vec![
                cell.index.to_string(),
                cell.name.clone(),
                cell.id.short().to_owned(),
                text::state(states[cell.index].state, context.colored),
                text::seconds(estimate.seconds),
                text::bytes(estimate.bytes),
            ]
        })
        .collect();
    print(&format!(
        "{}\n{} in {}; {} left: about {} on {cores} cores, at most {} on the disk\n",
        text::table(&["cell", "name", "id", "state", "time on one core", "disk"], &rows),
        text::cells(plan.cells.len()),
        folder.display(),
        text::count(left),
        text::seconds(seconds),
        text::bytes(rest.bytes),
    ))?;
    Ok(DONE)
}

/// The sweep that a word on the command line means: a path, or the name of a folder under the results.
pub(crate) fn find_sweep(context: &Context, word: &Path) -> Result<SweepFolder, Failure> {
    let below = context.results.join(word);
    if !word.exists() && below.is_dir() {
        return Ok(SweepFolder::at(&below)?);
    }
    Ok(SweepFolder::at(word)?)
}

/// A number of workers or threads, or "auto".
pub(crate) fn parse_count(word: &str) -> Result<Count, String> {
    match word.parse() {
        Ok(number @ 1..=1024) => Ok(Count::Number(number)),
        Ok(_) => Err("expected a whole number from 1 to 1024, or \"auto\"".into()),
        Err(_) if word == "auto" => Ok(Count::Auto),
        Err(_) => Err("expected a whole number from 1 to 1024, or \"auto\"".into()),
    }
}
