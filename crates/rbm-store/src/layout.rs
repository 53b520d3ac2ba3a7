//! The names of the files and folders under `results/`, in one place.

pub(crate) const CELLS: &str = "cells";
/// Folders directly under `results/` that are ours yet no sweep.
pub(crate) const NOT_SWEEPS: [&str; 4] = [CELLS, "reference", "backends", "reproduce"];

/// Version of the formats of `run.json` and of the markers; files of a higher one are left alone.
pub(crate) const SCHEMA: u32 = 1;

/// The schema of files written before they named one.
pub(crate) fn first_schema() -> u32 {
    1
}

// In a cell.
pub(crate) const CONFIG: &str = "config.toml";
pub(crate) const RUN: &str = "run.json";
pub(crate) const ENVIRONMENT: &str = "env.json";
pub(crate) const METRICS: &str = "metrics.jsonl";
pub(crate) const CHECKPOINTS: &str = "checkpoints";
pub(crate) const LEASE: &str = "lease";
/// Written through functions of their own, not as plain files.
pub(crate) const RESERVED_IN_CELL: [&str; 9] =
    [CONFIG, RUN, ENVIRONMENT, METRICS, CHECKPOINTS, LEASE, "DONE", "FAILED", "DIVERGED"];

// In a sweep.
pub(crate) const SWEEP: &str = "sweep.toml";
pub(crate) const PLAN: &str = "plan.jsonl";
pub(crate) const CODE: &str = "code";
pub(crate) const RUNS: &str = "runs";
/// Frozen at the start of a sweep.
pub(crate) const RESERVED_IN_SWEEP: [&str; 4] = [SWEEP, PLAN, CODE, RUNS];

/// How the name of every temporary file and folder begins; no name of ours begins with a dot.
pub(crate) const TEMPORARY: &str = ".tmp-";
