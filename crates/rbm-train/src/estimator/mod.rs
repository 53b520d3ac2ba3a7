//! Gradient estimators: from a batch to a gradient of the mean log-likelihood.

mod centred;
mod chains;
mod enumerated;
mod tempering;

use std::fmt::Debug;

use burn::tensor::Tensor;
use rbm_data::Split;
use rbm_model::{Rbm, exact::WeightedRows};

pub use centred::{Centred, Offsets};
pub(crate) use chains::start_draw;
pub use chains::{ContrastiveDivergence, PersistentContrastiveDivergence, RandomStarts};
pub use enumerated::{Exact, ExpectedContrastiveDivergence};
pub use tempering::{ParallelTempering, Swaps, Tempered};

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
    /// Visible states of persistent chains, `[chains, visible]`; of parallel tempering those at beta = 1.
    pub chains: Option<Tensor<2>>,
    /// Offsets of centred gradients.
    pub offsets: Option<Offsets>,
    /// Replicas of parallel tempering.
    pub tempered: Option<Tempered>,
}

impl EstimatorState {
    /// Persistent chains, and nothing else.
    pub fn of_chains(chains: Tensor<2>) -> Self {
        Self { chains: Some(chains), ..Self::default() }
    }
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

/// The estimator that a config names, for these training rows.
pub fn estimator(config: &TrainConfig, rows: &Split) -> Box<dyn GradientEstimator> {
    let chains = config.chains_for(rows.len());
    let plain: Box<dyn GradientEstimator> = match config.algorithm {
        Algorithm::Cd => Box::new(ContrastiveDivergence),
        Algorithm::Pcd => Box::new(PersistentContrastiveDivergence { chains }),
        Algorithm::Pt => Box::new(ParallelTempering { ladders: chains, betas: config.betas() }),
        Algorithm::Rdm => Box::new(RandomStarts { chains }),
        Algorithm::Exact => Box::new(Exact),
        Algorithm::ExpectedCd => Box::new(ExpectedContrastiveDivergence),
    };
    if config.centred { Box::new(Centred::new(plain, rows.mean(), config.offset_rate())) } else { plain }
}
