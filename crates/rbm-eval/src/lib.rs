//! Evaluation: likelihoods, pseudo-likelihood, reconstruction, free-energy gap, mixing, quality of samples.
//!
//! Everything is computed on the host, in f64, from the stored parameters: the same bytes on every device and for any
//! number of threads. `docs/methodology.md` has each metric's formula, unit, sign and source.

pub mod bias;
mod config;
mod error;
mod evaluation;
pub mod log_z;
mod mean;
pub mod mixing;
mod observer;
mod packed;
mod quality;
mod row;
mod training;

pub use config::{EvaluateConfig, Every, LogZ, Metric, MetricGroup};
pub use error::Error;
pub use evaluation::{AUTO_LIMIT, Evaluation, LogZMethod, evaluate_split, evaluate_split_with};
pub use quality::{Adversarial, NearestRows, SampleQuality, nearest_rows, sample_quality};
pub use row::{MetricRow, SplitName};
pub use training::{
    At, FREE_ENERGY_ROWS, NegativePhase, QUALITY_SAMPLES, QUALITY_STEPS, RECONSTRUCTION_ROWS, Trained, draw_samples,
    evaluate_training, start_rows,
};
