//! Estimators without noise, for machines that can be enumerated.

use rbm_model::{Rbm, exact};

use super::{Batch, EstimatorState, GradientEstimator, Key};
use crate::{Error, Gradient};

/// The exact gradient, by enumeration of the smaller layer.
#[derive(Clone, Copy, Debug)]
pub struct Exact;

/// The expectation of CD-k's gradient over its chains, by enumeration of both layers.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedContrastiveDivergence;

impl GradientEstimator for Exact {
    fn init(&self, _seed: u64, _model: &Rbm) -> EstimatorState {
        EstimatorState::default()
    }

    fn estimate(
        &self,
        _key: Key,
        model: &Rbm,
        batch: Batch,
        state: EstimatorState,
    ) -> Result<(Gradient, EstimatorState), Error> {
        let gradient = exact::gradient(&model.parameters()?, &rows(batch)?)?;
        Ok((Gradient::from_exact(gradient, model), state))
    }

    fn needs_rows_on_host(&self) -> bool {
        true
    }
}

impl GradientEstimator for ExpectedContrastiveDivergence {
    fn init(&self, _seed: u64, _model: &Rbm) -> EstimatorState {
        EstimatorState::default()
    }

    fn estimate(
        &self,
        key: Key,
        model: &Rbm,
        batch: Batch,
        state: EstimatorState,
    ) -> Result<(Gradient, EstimatorState), Error> {
        let gradient = exact::expected_cd_gradient(&model.parameters()?, &rows(batch)?, key.k)?;
        Ok((Gradient::from_exact(gradient, model), state))
    }

    fn needs_rows_on_host(&self) -> bool {
        true
    }
}

fn rows(batch: Batch) -> Result<exact::WeightedRows, Error> {
    batch.rows.ok_or_else(|| Error::Setup("an enumerating estimator was handed no rows".into()))
}
