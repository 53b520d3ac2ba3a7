//! Evaluation: likelihoods, pseudo-likelihood, reconstruction, free-energy gap.
//!
//! Everything is computed on the host, in f64, from the stored parameters: the same bytes on every device and for any
//! number of threads. `docs/methodology.md` has each metric's formula, unit, sign and source.

mod config;
mod error;
mod evaluation;
mod mean;
mod observer;
mod row;
mod training;

pub use config::{EvaluateConfig, Every, LogZ, Metric, MetricGroup};
pub use error::Error;
pub use evaluation::{Evaluation, LogZMethod, evaluate_split};
pub use row::{MetricRow, SplitName};
pub use training::{At, FREE_ENERGY_ROWS, RECONSTRUCTION_ROWS, evaluate_training};
