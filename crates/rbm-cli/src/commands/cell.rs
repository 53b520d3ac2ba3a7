//! `rbm cell DIR INDEX...`

use std::path::PathBuf;

use clap::Args;
use rbm_runner::{Plan, StopFlag, WorkerOptions, run_worker};

use crate::{
    commands::sweep::find_sweep,
    context::{Context, print},
    diagnose::Failure,
    interrupt::{self, INTERRUPTED},
    progress::RunProgress,
    tables::WRITERS,
    text,
};

/// Run some cells of a sweep in this process
///
/// A worker with a fixed list, for job schedulers: `rbm sweep CONFIG --dry-run` numbers the cells, and DIR is the folder
/// of a sweep that was started, or made by `rbm sweep CONFIG --plan-only`. Several may run at once, also on the same list: each cell is computed by one of them.
/// Draws no report; `rbm report DIR` does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm sweep configs/mnist.toml --plan-only     makes the folder, trains nothing
  rbm cell results/mnist-0123456789ab 0 1 2
  rbm cell results/mnist-0123456789ab $SLURM_ARRAY_TASK_ID")]
pub(crate) struct CellArguments {
    /// The folder of a sweep
    dir: PathBuf,
    /// Numbers of cells, from 0
    #[arg(required = true, value_name = "INDEX")]
    indices: Vec<usize>,
    /// Try cells again that failed before
    #[arg(long)]
    retry_failed: bool,
    /// Go on with cells that were begun on another kind of processor, and mark them
    #[arg(long)]
    allow_mixed: bool,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &CellArguments) -> Result<u8, Failure> {
    let folder = find_sweep(context, &arguments.dir)?;
    let plan = Plan::open(folder.path())?;
    let last = plan.cells.len() - 1;
    let mut indices = arguments.indices.clone();
    indices.sort_unstable();
    indices.dedup();
    if let Some(index) = indices.iter().find(|index| **index > last) {
        return Err(rbm_runner::Error::Index { index: *index, last }.into());
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = plan.cells[0].config.run.threads.or(cores);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| Failure::machine(format!("failed to start {threads} threads: {error}")))?;
    let stop = StopFlag::new();
    interrupt::listen(&stop, &context.screen)?;
    let options = WorkerOptions {
        results: folder.results().path().to_owned(),
        folders: context.folders.clone(),
        retry_failed: arguments.retry_failed,
        allow_mixed: arguments.allow_mixed,
        alone: Vec::new(),
    };
    let mut progress = RunProgress::new(&context.screen, &plan, Some(&indices));
    let summary = run_worker(&plan, Some(&indices), &options, &stop, &mut progress, WRITERS);
    progress.finish();
    let summary = summary?;
    let code = summary.exit_code(stop.is_stopped());
    let (done, reused) = (summary.computed.len(), summary.reused.len());
    print(&format!(
        "{}: {done} computed, {reused} done before, {} failed, {} diverged, {} left\n",
        text::cells(indices.len()),
        summary.failed.len(),
        summary.diverged.len(),
        summary.left.len(),
    ))?;
    if code == INTERRUPTED {
        context.screen.warn(&format!("stopped; to go on: {}", text::this_command()));
    }
    Ok(code)
}
