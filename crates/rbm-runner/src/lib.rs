//! Configurations, plans, cells, workers and engines.
//!
//! A [`Config`] is read strictly and resolved to the points of a sweep; a [`Plan`] gives each point its identity, the
//! digest of everything that decides its numbers; [`run_worker`] computes cells one after another, and [`run_local`]
//! spreads them over worker processes. What a cell leaves lies in the store that `rbm-store` defines, and a cell is
//! computed once however many sweeps want it.
//!
//! ```
//! use rbm_data::DataFolders;
//! use rbm_runner::{Config, DataSets, Plan};
//!
//! let text = "schema = 1\nname = 'demo'\n[data]\nsource = 'bars-and-stripes'\n[sweep]\n'train.k' = [1, 3]\nseeds = 2\n";
//! let config = Config::parse(text, "demo.toml".as_ref(), &[])?;
//! let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() }; // nothing is fetched for this one
//! let plan = Plan::new(&config, &mut DataSets::quiet(folders))?;
//! let names: Vec<&str> = plan.cells.iter().map(|cell| cell.name.as_str()).collect();
//! assert_eq!(names, ["k=1,seed=0", "k=1,seed=1", "k=3,seed=0", "k=3,seed=1"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backends;
mod canonical;
mod config;
mod data_sets;
mod error;
mod estimate;
mod identity;
mod plan;
mod run;

pub use backends::{
    BackendResult, Probe, ProbeOptions, REFERENCE_SHARE, Setting, SettingChoice, Yardstick, compare_backends,
    is_enumerable, kernels_for, run_probe, settings, thread_counts, yardstick,
};
pub use canonical::canonical_json;
pub use config::{
    CellConfig, CellPoint, CheckpointEvery, Config, ConfigError, Count, DataSection, KEYS, Key, MAX_CELLS, RunConfig,
    SweepConfig, SweptCase, SweptList, resolved_toml,
};
pub use data_sets::{DataFacts, DataSets, Loaded};
pub use error::Error;
pub use estimate::{
    ENUMERATED_PER_SECOND, Estimate, FUSED_MULTIPLY_ADDS_PER_SECOND, FUSED_SECONDS_A_STEP, MULTIPLY_ADDS_PER_SECOND,
    SECONDS_A_STEP, STATES_PER_SECOND,
};
pub use identity::{NUMERICS, canonical_config_json, kernels_of};
pub use plan::{Cell, Plan};
pub use run::{
    CellStatus, CodeState, Cohort, Context, Depth, EngineOptions, Environment, Event, Observer, Outcome, Seat, Silent,
    SkipReason, StopFlag, Summary, TableWriter, TableWriters, TimingRow, Turn, VerifyTarget, WorkerOptions,
    create_sweep, instruction_set, peak_memory_bytes, run_cell, run_child, run_local, run_worker, status, verify,
    with_sources,
};
