//! Configs: strict TOML, composed of the sections that the crates below define.
//!
//! [`Config::load`] reads a file and `--set` options, refuses whatever it does not know and resolves the points of the
//! sweep to one [`CellConfig`] each. Only `schema = 1`, `name` and `data.source` are required. Every other key has a
//! default, in the `Default` of its section: [`rbm_data::DataConfig`], [`rbm_model::ModelConfig`],
//! [`rbm_train::TrainConfig`], [`rbm_eval::EvaluateConfig`] and [`RunConfig`]; [`resolved_toml`] prints them all.

mod cells;
mod check;
mod data_section;
mod document;
mod error;
mod keys;
mod load;
mod name;
mod resolve;
mod run;
mod set;
mod show;
mod sweep;

pub use cells::{CellPoint, MAX_CELLS};
pub use data_section::DataSection;
pub use error::ConfigError;
pub use keys::{KEYS, Key};
pub use load::Config;
pub use resolve::CellConfig;
pub use run::{CheckpointEvery, Count, RunConfig};
pub use show::resolved_toml;
pub use sweep::{SweepConfig, SweptCase, SweptList};
