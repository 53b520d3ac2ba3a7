//! Comparing backends, kernels and threads: each trains the same cell in a process of its own.

mod compare;
mod likelihood;
mod probe;
mod settings;

pub use compare::{BackendResult, ProbeOptions, compare_backends};
pub use likelihood::{REFERENCE_SHARE, Yardstick, yardstick};
pub use probe::{Probe, is_enumerable, run_probe};
pub use settings::{Setting, SettingChoice, kernels_for, settings, thread_counts};
