//! `rbm report DIR`

use std::path::PathBuf;

use clap::Args;
use rbm_runner::Plan;

use crate::{
    commands::{DONE, sweep::find_sweep},
    context::{Context, print},
    diagnose::Failure,
    report,
};

/// Draw the report of a sweep again
///
/// Writes report.html (one file, without scripts), figures/*.svg, and the tables summary.parquet, summary.csv,
/// settings.parquet and settings.csv into the sweep's folder, from what its cells hold now; also while it runs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm report results/mnist-0123456789ab
  rbm report mnist-0123456789ab")]
pub(crate) struct ReportArguments {
    /// The folder of a sweep, or its name under the results folder
    dir: PathBuf,
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &ReportArguments) -> Result<u8, Failure> {
    let folder = find_sweep(context, &arguments.dir)?;
    let plan = Plan::open(folder.path())?;
    report::write(context, &folder, &plan)?;
    print(&format!("{}\n", folder.path().join("report.html").display()))?;
    Ok(DONE)
}
