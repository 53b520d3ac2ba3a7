//! Parallel tempering.

use burn::tensor::{Tensor, TensorData};
use rbm_model::{AnnealingPath, Place, Rbm, ReplicaStreams, Replicas};
use rbm_ops::{Draw, Stream};
use serde::{Deserialize, Serialize};

use super::{Batch, EstimatorState, GradientEstimator, Key, chains::uniform_at};
use crate::{Error, Gradient};

/// PT-k: persistent ladders of replicas with laws proportional to `exp(-beta E)`, whose states at beta = 1 are the
/// negative phase (Desjardins et al. 2010; Cho, Raiko and Ilin 2010). An estimate takes `k` sweeps: a Gibbs step of each
/// replica, then exchanges between neighbours ([`Replicas::step`]).
#[derive(Clone, Debug)]
pub struct ParallelTempering {
    /// Number of ladders.
    pub ladders: usize,
    /// Inverse temperatures, rising from 0 to 1.
    pub betas: Vec<f64>,
}

/// Replicas, and how often they exchanged.
#[derive(Clone, Debug)]
pub struct Tempered {
    /// Visible states `[ladders x temperatures, visible]`.
    pub visible: Tensor<2>,
    /// The temperature's index of each.
    pub temperature: Vec<usize>,
    /// Exchanges so far.
    pub swaps: Swaps,
}

/// Exchanges between each temperature and the next, `[temperatures - 1]`, since they were last asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swaps {
    /// Those that were proposed.
    pub proposed: Vec<u64>,
    /// Those of them that were accepted.
    pub accepted: Vec<u64>,
}

impl Swaps {
    /// None so far.
    pub fn none(temperatures: usize) -> Self {
        Self { proposed: vec![0; temperatures - 1], accepted: vec![0; temperatures - 1] }
    }

    /// Shares of accepted exchanges: their mean over the pairs of temperatures, and the least of them; none before each pair
    /// has had its turn.
    pub fn acceptance(&self) -> Option<(f64, f64)> {
        let pairs = self.proposed.iter().zip(&self.accepted);
        let shares: Option<Vec<f64>> =
            pairs.map(|(&proposed, &accepted)| (proposed > 0).then(|| accepted as f64 / proposed as f64)).collect();
        let shares = shares.filter(|shares| !shares.is_empty())?;
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        Some((mean, shares.into_iter().fold(1.0, f64::min)))
    }

    fn add(&mut self, proposed: &[u64], accepted: &[u64]) {
        self.proposed.iter_mut().zip(proposed).for_each(|(sum, count)| *sum += count);
        self.accepted.iter_mut().zip(accepted).for_each(|(sum, count)| *sum += count);
    }
}

impl ParallelTempering {
    /// The states at beta = 1, `[ladders, visible]`.
    fn at_one(&self, model: &Rbm, replicas: &Replicas) -> Result<Tensor<2>, Error> {
        let states: Vec<f32> = replicas.states_at(self.betas.len() - 1)?.into_iter().map(f32::from).collect();
        let options = (&model.device(), model.precision().dtype());
        Ok(Tensor::from_data(TensorData::new(states, [self.ladders, model.visible()]), options))
    }
}

impl GradientEstimator for ParallelTempering {
    fn init(&self, seed: u64, model: &Rbm) -> EstimatorState {
        let (count, temperatures) = (self.ladders * self.betas.len(), self.betas.len());
        let visible = uniform_at(model, count, Draw { seed, stream: Stream::TrainTemperingStart, step: 0, row: 0 });
        let temperature: Vec<usize> = (0..count).map(|replica| replica % temperatures).collect();
        // The last of each ladder.
        let last = visible.clone().reshape([self.ladders, temperatures * model.visible()]);
        let last = last.narrow(1, (temperatures - 1) * model.visible(), model.visible());
        let tempered = Some(Tempered { visible, temperature, swaps: Swaps::none(temperatures) });
        EstimatorState { tempered, ..EstimatorState::of_chains(last) }
    }

    fn estimate(
        &self,
        key: Key,
        model: &Rbm,
        batch: Batch,
        state: EstimatorState,
    ) -> Result<(Gradient, EstimatorState), Error> {
        let Tempered { visible, temperature, mut swaps } =
            state.tempered.ok_or_else(|| Error::Setup("parallel tempering has no replicas".into()))?;
        let at = (key.seed, ReplicaStreams::TRAINING, key.gibbs_step);
        let mut replicas = Replicas::at_sweep(visible, &self.betas, temperature, at)?;
        let start = vec![0.0; model.visible()];
        let path = AnnealingPath::from_independent(&start, &model.parameters()?, &Place::of(model))?;
        for _ in 0..key.k {
            let (next, rungs) = replicas.step(&path)?;
            swaps.add(&rungs.proposed, &rungs.accepted);
            replicas = next;
        }
        let chains = self.at_one(model, &replicas)?;
        let statistics = |visible: Tensor<2>| {
            let hidden = model.hidden_statistics(model.hidden_activation(visible.clone()));
            (visible, hidden)
        };
        let gradient = Gradient::between(statistics(batch.visible), statistics(chains.clone()));
        let (visible, temperature) = replicas.states();
        let tempered = Some(Tempered { visible: visible.clone(), temperature: temperature.to_vec(), swaps });
        Ok((gradient, EstimatorState { tempered, ..EstimatorState::of_chains(chains) }))
    }
}
