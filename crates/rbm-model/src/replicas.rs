//! Parallel tempering: chains at all inverse temperatures of a path, which exchange their states.

use burn::tensor::{Tensor, TensorData};
use rbm_ops::{Draw, Stream};
use rbm_random::Sequence;

use crate::{AnnealingPath, Error, annealing::to_host};

/// Ladders of replicas, one at each inverse temperature of a path from independent units.
///
/// A replica keeps its place in the tensors; what is exchanged is its temperature. State is consumed and returned.
#[derive(Clone, Debug)]
pub struct Replicas {
    /// `[ladders x temperatures, visible]`, ladder by ladder.
    visible: Tensor<2>,
    /// Of `visible`, once it is known.
    activation: Option<Tensor<2>>,
    betas: Vec<f64>,
    /// The temperature's index of each replica.
    temperature: Vec<usize>,
    seed: u64,
    streams: ReplicaStreams,
    sweep: u64,
}

/// Which streams the draws of replicas come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaStreams {
    /// Of the hidden states.
    pub hidden: Stream,
    /// Of the visible states.
    pub visible: Stream,
    /// Of the exchanges.
    pub swap: Stream,
}

impl ReplicaStreams {
    /// Those of replicas that judge a machine.
    pub const EVALUATION: Self =
        Self { hidden: Stream::TemperingHidden, visible: Stream::TemperingVisible, swap: Stream::TemperingSwap };
    /// Those of replicas that train one.
    pub const TRAINING: Self = Self {
        hidden: Stream::TrainTemperingHidden,
        visible: Stream::TrainTemperingVisible,
        swap: Stream::TrainTemperingSwap,
    };
}

/// What the replicas' states say of neighbouring temperatures, before an exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Rungs {
    /// Of the replica at `[ladder, temperature]`: `ln f_next(v) - ln f_own(v)`; zero at the last temperature.
    pub up: Vec<f64>,
    /// `ln f_own(v) - ln f_previous(v)`; zero at the first temperature.
    pub down: Vec<f64>,
    /// Exchanges between a temperature and the next that were proposed, `[temperatures - 1]`.
    pub proposed: Vec<u64>,
    /// Those accepted.
    pub accepted: Vec<u64>,
}

impl Replicas {
    /// Replicas drawn from the path's start. The inverse temperatures `betas` rise from 0 to 1.
    pub fn at_start(path: &AnnealingPath, betas: &[f64], ladders: usize, seed: u64) -> Self {
        let visible = path.states_at_start(ladders * betas.len(), seed, Stream::TemperingStart);
        Self::new(visible, betas, ladders, seed)
    }

    /// Replicas at visible states `[ladders, temperatures, visible]`, each 0 or 1.
    ///
    /// # Errors
    /// When the states are not that many.
    pub fn at_states(path: &AnnealingPath, betas: &[f64], states: &[u8], seed: u64) -> Result<Self, Error> {
        let visible = path.upload(states)?;
        let replicas = visible.dims()[0];
        if !replicas.is_multiple_of(betas.len()) {
            return Err(Error::Shape(format!("{replicas} replicas do not make ladders of {}", betas.len())));
        }
        Ok(Self::new(visible, betas, replicas / betas.len(), seed))
    }

    fn new(visible: Tensor<2>, betas: &[f64], ladders: usize, seed: u64) -> Self {
        let temperature = (0..ladders).flat_map(|_| 0..betas.len()).collect();
        let streams = ReplicaStreams::EVALUATION;
        Self { visible, activation: None, betas: betas.to_vec(), temperature, seed, streams, sweep: 0 }
    }

    /// Replicas at visible states `[ladders x temperatures, visible]`, ladder by ladder, each at the temperature of its
    /// index, before a sweep: all that decides how they go on.
    ///
    /// # Errors
    /// When a ladder does not have each temperature once.
    pub fn at_sweep(
        visible: Tensor<2>,
        betas: &[f64],
        temperature: Vec<usize>,
        (seed, streams, sweep): (u64, ReplicaStreams, u64),
    ) -> Result<Self, Error> {
        let each_once = |ladder: &[usize]| (0..betas.len()).all(|at| ladder.contains(&at));
        let whole = temperature.len() == visible.dims()[0] && temperature.len().is_multiple_of(betas.len());
        if !whole || !temperature.chunks(betas.len()).all(each_once) {
            return Err(Error::Shape("a ladder has each temperature once".into()));
        }
        Ok(Self { visible, activation: None, betas: betas.to_vec(), temperature, seed, streams, sweep })
    }

    /// Visible states `[ladders x temperatures, visible]` and the index of each one's temperature.
    pub fn states(&self) -> (&Tensor<2>, &[usize]) {
        (&self.visible, &self.temperature)
    }

    /// Number of ladders.
    pub fn ladders(&self) -> usize {
        self.temperature.len() / self.betas.len()
    }

    /// One sweep: a Gibbs step of each replica at its own temperature, then exchanges between neighbours, of the pairs
    /// (0, 1), (2, 3), ... in even sweeps and (1, 2), (3, 4), ... in odd ones, each accepted with probability `min(1,
    /// f_r(v_s) f_s(v_r) / (f_r(v_r) f_s(v_s)))` (Geyer 1991), on visible states, with the hidden ones summed over.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn step(self, path: &AnnealingPath) -> Result<(Self, Rungs), Error> {
        let moved = self.gibbs_step(path);
        let (measured, mut rungs) = moved.rungs(path)?;
        let exchanged = measured.exchange(&mut rungs);
        Ok((Self { sweep: exchanged.sweep + 1, ..exchanged }, rungs))
    }

    /// Visible states of the replicas at one temperature, `[ladders, visible]`, each 0 or 1.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn states_at(&self, temperature: usize) -> Result<Vec<u8>, Error> {
        let units = self.visible.dims()[1];
        let states = to_host(&self.visible)?;
        let mine = self.temperature.iter().enumerate().filter(|(_, own)| **own == temperature);
        Ok(mine.flat_map(|(row, _)| states[row * units..][..units].iter().map(|&state| state as u8)).collect())
    }

    fn gibbs_step(self, path: &AnnealingPath) -> Self {
        let draw = |stream| Draw { seed: self.seed, stream, step: self.sweep, row: 0 };
        let scales: Vec<f64> = self.temperature.iter().map(|&at| self.betas[at]).collect();
        let scales = path.column(scales);
        let activation = self.activation.unwrap_or_else(|| path.activation(self.visible));
        let hidden = rbm_ops::sigmoid_bernoulli(activation * scales.clone(), draw(self.streams.hidden));
        let visible = rbm_ops::sigmoid_bernoulli(path.visible_input(hidden, scales), draw(self.streams.visible));
        Self { visible, activation: None, ..self }
    }

    fn rungs(self, path: &AnnealingPath) -> Result<(Self, Rungs), Error> {
        let activation = self.activation.unwrap_or_else(|| path.activation(self.visible.clone()));
        let last = self.betas.len() - 1;
        let own = |row: usize| self.temperature[row];
        let above = |row: usize| (self.betas[own(row)], self.betas[(own(row) + 1).min(last)]);
        let below = |row: usize| (self.betas[own(row).saturating_sub(1)], self.betas[own(row)]);
        let by_row_up = path.log_ratios(&self.visible, &activation, above)?;
        let by_row_down = path.log_ratios(&self.visible, &activation, below)?;
        let (mut up, mut down) = (vec![0.0; self.temperature.len()], vec![0.0; self.temperature.len()]);
        for (row, (from_row_up, from_row_down)) in by_row_up.into_iter().zip(by_row_down).enumerate() {
            let place = row / self.betas.len() * self.betas.len() + own(row);
            (up[place], down[place]) = (from_row_up, from_row_down);
        }
        let rungs = Rungs { up, down, proposed: vec![0; last], accepted: vec![0; last] };
        Ok((Self { activation: Some(activation), ..self }, rungs))
    }

    fn exchange(mut self, rungs: &mut Rungs) -> Self {
        let count = self.betas.len();
        let mut draws = Sequence::new(self.seed, self.streams.swap, self.sweep);
        let first = (self.sweep % 2) as usize;
        for ladder in 0..self.ladders() {
            let range = ladder * count..(ladder + 1) * count;
            let mut row_at = vec![0; count];
            for row in range.clone() {
                row_at[self.temperature[row]] = row;
            }
            for lower in (first..count - 1).step_by(2) {
                rungs.proposed[lower] += 1;
                let log_acceptance = rungs.up[range.start + lower] - rungs.down[range.start + lower + 1];
                if draws.uniform().ln() < log_acceptance {
                    rungs.accepted[lower] += 1;
                    self.temperature.swap(row_at[lower], row_at[lower + 1]);
                }
            }
        }
        self
    }
}

/// What replicas ask of a path from independent units.
impl AnnealingPath {
    /// A column of numbers, `[rows, 1]`.
    fn column(&self, values: Vec<f64>) -> Tensor<2> {
        let rows = values.len();
        Tensor::from_data(TensorData::new(values, [rows, 1]), self.options())
    }
}
