//! The hidden command that worker processes run.

use crate::{diagnose::Failure, tables::WRITERS};

/// Its name.
pub(crate) const NAME: &str = "worker-process";

/// Computes what standard input asks for.
pub(crate) fn run() -> Result<u8, Failure> {
    let summary = rbm_runner::run_child(WRITERS)?;
    Ok(summary.exit_code(true))
}
