//! Gradient estimators: from a batch to a gradient of the mean log-likelihood.

mod chains;
mod enumerated;

use std::fmt::Debug;

use burn::tensor::Tensor;
use rbm_model::{Rbm, exact::WeightedRows};

pub use chains::{ContrastiveDivergence, PersistentContrastiveDivergence};
pub use enumerated::{Exact, ExpectedContrastiveDivergence};

use crate::{Algorithm, Error, Gradient, TrainConfig};

/// What determines an estimate's draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Seed of the run.
    pub seed: u64,
    /// Number of Gibbs steps that earlier estimates took: no two estimates share a draw.
    pub gibbs_step: u64,
    /// Gibbs steps of this one.
    pub k: u32,
}

/// Rows of a batch.
#[derive(Clone, Debug)]
pub struct Batch {
    /// On the model's device, `[rows, visible]`.
    pub visible: Tensor<2>,
    /// The same on the host, for estimators that enumerate.
    pub rows: Option<WeightedRows>,
}

/// What an estimator keeps from step to step.
#[derive(Clone, Debug, Default)]
pub struct EstimatorState {
    /// Visible states of persistent chains, `[chains, visible]`.
    pub chains: Option<Tensor<2>>,
}

/// A way to estimate the gradient of the mean log-likelihood.
pub trait GradientEstimator: Debug + Send {
    /// The state before the first step.
    fn init(&self, seed: u64, model: &Rbm) -> EstimatorState;

    /// The gradient for a batch, and the state for the next one.
    ///
    /// # Errors
    /// When the machine is too large for the estimator.
    fn estimate(
        &self,
        key: Key,
        model: &Rbm,
        batch: Batch,
        state: EstimatorState,
    ) -> Result<(Gradient, EstimatorState), Error>;

    /// Whether it reads [`Batch::rows`].
    fn needs_rows_on_host(&self) -> bool {
        false
    }
}

/// The estimator that a config names, for so many training rows.
pub fn estimator(config: &TrainConfig, rows: usize) -> Box<dyn GradientEstimator> {
    match config.algorithm {
        Algorithm::Cd => Box::new(ContrastiveDivergence),
        Algorithm::Pcd => Box::new(PersistentContrastiveDivergence { chains: config.chains_for(rows) }),
        Algorithm::Exact => Box::new(Exact),
        Algorithm::ExpectedCd => Box::new(ExpectedContrastiveDivergence),
    }
}
