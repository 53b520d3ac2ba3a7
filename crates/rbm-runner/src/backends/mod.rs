//! Comparing backends: each trains the same cell in a process of its own.

mod compare;
mod probe;

pub use compare::{BackendResult, ProbeOptions, compare_backends};
pub use probe::{Probe, run_probe};
