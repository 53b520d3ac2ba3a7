//! `rbm train CONFIG`

use std::path::PathBuf;

use clap::Args;
use rbm_runner::{Config, Count};

use crate::{
    arguments::{Json, Sets},
    commands::sweep::{Job, compute},
    context::Context,
    diagnose::Failure,
};

/// Train one machine
///
/// Runs the one cell of a config and draws its report. The results lie in RESULTS/NAME-HASH/runs/CELL/. A run that was
/// interrupted goes on from its last checkpoint when the same command is given again, and ends with the same bytes; one
/// that is done is not computed again. A config with [sweep] is for `rbm sweep`; `rbm sweep CONFIG --dry-run` estimates the time
/// of either.
///
/// --json has, beside the folder, train_seconds (of training steps alone), samples_per_second, peak_memory_bytes (of
/// the worker) and start_seconds (from the program's start to the first step, without the evaluation before it).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm train configs/quick.toml
  rbm train configs/quick.toml --set train.k=3 --set run.seed=1
  rbm train configs/quick.toml --json | jq -r .folder
  rbm train configs/quick.toml --json | jq .samples_per_second")]
pub(crate) struct TrainArguments {
    /// The config, a TOML file
    config: PathBuf,
    #[command(flatten)]
    sets: Sets,
    /// Threads to use, or "auto": all cores
    #[arg(long, value_name = "N", value_parser = super::sweep::parse_count)]
    threads: Option<Count>,
    /// Try the run again if it failed before
    #[arg(long)]
    retry_failed: bool,
    /// Go on with a run that was begun on another kind of processor, and mark it
    #[arg(long)]
    allow_mixed: bool,
    /// Draw no report
    #[arg(long)]
    no_report: bool,
    #[command(flatten)]
    json: Json,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &TrainArguments) -> Result<u8, Failure> {
    let config = Config::load(&arguments.config, &arguments.sets.sets)?.for_train()?;
    let job = Job {
        workers: Count::Number(1),
        threads: arguments.threads.unwrap_or(config.run.threads),
        retry_failed: arguments.retry_failed,
        allow_mixed: arguments.allow_mixed,
        report: !arguments.no_report,
        json: arguments.json.json,
    };
    compute(context, &config, &job)
}
