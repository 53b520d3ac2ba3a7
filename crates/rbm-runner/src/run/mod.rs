//! Running: one cell, a worker that takes one cell after another, and the local engine, a pool of workers.

mod batch;
mod child;
mod code;
mod cohort;
mod engine;
mod event;
mod execute;
mod machine;
mod progress;
mod status;
mod stop;
mod sweep;
mod tables;
mod verify;
mod worker;

pub use child::run_child;
pub use code::CodeState;
pub use cohort::{Cohort, Seat, Turn};
pub use engine::{EngineOptions, run_local};
pub use event::{Event, Observer, Outcome, Silent, SkipReason};
pub(crate) use execute::new_trainer;
pub use execute::{Context, run_cell, with_sources};
pub use machine::{Environment, instruction_set, peak_memory_bytes};
pub use status::{CellStatus, Depth, status};
pub use stop::StopFlag;
pub use sweep::create_sweep;
pub use tables::{TableWriter, TableWriters, TimingRow};
pub use verify::{VerifyTarget, verify};
pub use worker::{Summary, WorkerOptions, run_worker};
