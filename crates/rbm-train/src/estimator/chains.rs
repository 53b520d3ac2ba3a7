//! Estimators whose negative phase comes from Gibbs chains.

use burn::tensor::Tensor;
use rbm_model::Rbm;
use rbm_ops::{Draw, Stream};

use super::{Batch, EstimatorState, GradientEstimator, Key};
use crate::{Error, Gradient};

/// CD-k: chains of `k` steps that start at the batch (Hinton 2002, equation 5, with Hinton 2010, section 3: sampled
/// hidden states in the chain, hidden probabilities in the statistics).
#[derive(Clone, Copy, Debug)]
pub struct ContrastiveDivergence;

impl GradientEstimator for ContrastiveDivergence {
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
        let activation = model.hidden_activation(batch.visible.clone());
        let hidden = model.hidden_statistics(activation.clone());
        let (chains, activation) = run_chains(key, model, activation);
        let chains_hidden = model.hidden_statistics(activation);
        Ok((Gradient::between((batch.visible, hidden), (chains, chains_hidden)), state))
    }
}

/// PCD-k: chains that go on from where the last step left them (Tieleman 2008), started uniform over all states.
#[derive(Clone, Copy, Debug)]
pub struct PersistentContrastiveDivergence {
    /// Number of chains.
    pub chains: usize,
}

impl GradientEstimator for PersistentContrastiveDivergence {
    fn init(&self, seed: u64, model: &Rbm) -> EstimatorState {
        EstimatorState::of_chains(uniform(model, self.chains, seed, 0))
    }

    fn estimate(
        &self,
        key: Key,
        model: &Rbm,
        batch: Batch,
        state: EstimatorState,
    ) -> Result<(Gradient, EstimatorState), Error> {
        let chains = state.chains.ok_or_else(|| Error::Setup("PCD has no chains".into()))?;
        let hidden = model.hidden_statistics(model.hidden_activation(batch.visible.clone()));
        let (chains, activation) = run_chains(key, model, model.hidden_activation(chains));
        let chains_hidden = model.hidden_statistics(activation);
        let gradient = Gradient::between((batch.visible, hidden), (chains.clone(), chains_hidden));
        Ok((gradient, EstimatorState::of_chains(chains)))
    }
}

/// Rdm-k: chains of `k` steps that start in every estimate at states uniform over all (Decelle, Furtlehner and Seoane
/// 2021).
#[derive(Clone, Copy, Debug)]
pub struct RandomStarts {
    /// Number of chains.
    pub chains: usize,
}

impl GradientEstimator for RandomStarts {
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
        let hidden = model.hidden_statistics(model.hidden_activation(batch.visible.clone()));
        let start = uniform(model, self.chains, key.seed, key.gibbs_step);
        let (chains, activation) = run_chains(key, model, model.hidden_activation(start));
        let chains_hidden = model.hidden_statistics(activation);
        Ok((Gradient::between((batch.visible, hidden), (chains, chains_hidden)), state))
    }
}

/// Where chains start that start at random before this Gibbs step.
pub(crate) fn start_draw(seed: u64, gibbs_step: u64) -> Draw {
    Draw { seed, stream: Stream::ChainStart, step: gibbs_step, row: 0 }
}

/// Visible states `[chains, visible]` uniform over all.
fn uniform(model: &Rbm, chains: usize, seed: u64, gibbs_step: u64) -> Tensor<2> {
    uniform_at(model, chains, start_draw(seed, gibbs_step))
}

/// Visible states `[rows, visible]` uniform over all, drawn there.
pub(super) fn uniform_at(model: &Rbm, rows: usize, at: Draw) -> Tensor<2> {
    let shape = [rows, model.visible()];
    let half = Tensor::<2>::full(shape, 0.5, (&model.device(), model.precision().dtype()));
    rbm_ops::bernoulli(half, at)
}

/// `key.k` Gibbs steps from the hidden activations of the chains' visible states: the visible states they end at and
/// those states' hidden activations.
fn run_chains(key: Key, model: &Rbm, mut activation: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let mut chains = None;
    for step in key.gibbs_step..key.gibbs_step + u64::from(key.k) {
        let hidden = model.sample_hidden(activation, draw(key, Stream::TrainHidden, step));
        let visible = model.sample_visible(hidden, draw(key, Stream::TrainVisible, step));
        activation = model.hidden_activation(visible.clone());
        chains = Some(visible);
    }
    (chains.expect("k is at least 1"), activation)
}

fn draw(key: Key, stream: Stream, step: u64) -> Draw {
    Draw { seed: key.seed, stream, step, row: 0 }
}
