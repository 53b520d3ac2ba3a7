//! Training: gradient estimators, momentum, schedules, the epoch loop and its checkpoint.
//!
//! A [`GradientEstimator`] turns a batch into a gradient, an optimiser turns that into an update, and the [`Trainer`]
//! composes them, owns the epoch loop and consumes its state: `let (trainer, info) = trainer.step()?`.

mod agreement;
mod autodiff;
mod checkpoint;
mod config;
mod error;
mod estimator;
mod gradient;
mod learner;
mod optimiser;
mod together;
mod trainer;

pub use agreement::Agreement;
pub use autodiff::autodiff_gradient;
pub use checkpoint::Checkpoint;
pub use config::{Algorithm, KSchedule, OFFSET_RATE, Schedule, TEMPERATURES, Temperatures, TrainConfig};
pub use error::Error;
pub use estimator::{
    Batch, Centred, ContrastiveDivergence, EstimatorState, Exact, ExpectedContrastiveDivergence, GradientEstimator,
    Key, Offsets, ParallelTempering, PersistentContrastiveDivergence, RandomStarts, Swaps, Tempered, estimator,
};
pub use gradient::Gradient;
pub use optimiser::Momentum;
pub use rbm_model::Precision;
pub use rbm_ops::Kernels;
pub use together::{Advanced, advance_together};
pub use trainer::{StepInfo, Trainer};
