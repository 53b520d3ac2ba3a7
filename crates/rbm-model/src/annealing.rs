//! Laws between two machines, and chains that go from one to the other.

use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor, TensorData};
use rayon::prelude::*;
use rbm_ops::{Draw, FusedPath, FusedPathChains, Stream, Value, scalar::softplus, softplus_difference};

use crate::{Error, Parameters, Place, Precision};

/// The path of laws from one machine (beta = 0) to another (beta = 1) over the same visible units,
///
/// `ln f_beta(v) = (1-beta) a0.v + beta a.v + sum_j softplus(beta (b_j + W_j.v)) + sum_j softplus((1-beta) (b0_j +
/// W0_j.v))`
///
/// (Salakhutdinov and Murray 2008, equations 15 to 17). Each law is that of a machine with the hidden units of both.
#[derive(Clone, Debug)]
pub struct AnnealingPath {
    /// Weights of the end's hidden units, then of the start's, `[hidden, visible]`.
    weights: Tensor<2>,
    /// `[1, hidden]`.
    hidden_bias: Tensor<2>,
    /// The start's visible bias, `[1, visible]`.
    start_bias: Tensor<2>,
    /// The end's minus the start's, `[1, visible]`.
    bias_difference: Tensor<2>,
    end_hidden: usize,
    start_hidden: usize,
    place: Place,
    /// The start's visible bias on the host, `[visible]`.
    start_log_odds: Vec<f64>,
    /// Where the device is the processor, the width f32 and the start without hidden units.
    fused: Option<Arc<FusedPath>>,
}

impl AnnealingPath {
    /// From independent visible units with these log-odds `[visible]` to a machine.
    ///
    /// # Errors
    /// When there is another number of log-odds than of visible units.
    pub fn from_independent(start: &[f64], end: &Parameters, place: &Place) -> Result<Self, Error> {
        Self::new(start, None, end, place)
    }

    /// From one machine to another.
    ///
    /// # Errors
    /// When they have different numbers of visible units.
    pub fn between(start: &Parameters, end: &Parameters, place: &Place) -> Result<Self, Error> {
        Self::new(start.visible_bias(), Some(start), end, place)
    }

    fn new(start_bias: &[f64], start: Option<&Parameters>, end: &Parameters, place: &Place) -> Result<Self, Error> {
        let visible = end.visible();
        if start_bias.len() != visible {
            return Err(Error::Shape(format!(
                "a path from {} to {visible} visible units joins no two machines",
                start_bias.len()
            )));
        }
        let (mut weights, mut hidden_bias) = (end.weights().to_vec(), end.hidden_bias().to_vec());
        if let Some(start) = start {
            weights.extend_from_slice(start.weights());
            hidden_bias.extend_from_slice(start.hidden_bias());
        }
        let hidden = hidden_bias.len();
        let tensor = |values: Vec<f64>, shape: [usize; 2]| {
            Tensor::from_data(TensorData::new(values, shape), (&place.device, place.precision.dtype()))
        };
        let difference = end.visible_bias().iter().zip(start_bias).map(|(end, start)| end - start).collect();
        Ok(Self {
            weights: tensor(weights, [hidden, visible]),
            hidden_bias: tensor(hidden_bias, [1, hidden]),
            start_bias: tensor(start_bias.to_vec(), [1, visible]),
            bias_difference: tensor(difference, [1, visible]),
            end_hidden: end.hidden(),
            start_hidden: hidden - end.hidden(),
            place: place.clone(),
            start_log_odds: start_bias.to_vec(),
            fused: (start.is_none() && place.precision == Precision::F32 && rbm_ops::is_host(&place.device))
                .then(|| Arc::new(FusedPath::new(start_bias, end.weights(), end.visible_bias(), end.hidden_bias()))),
        })
    }

    /// Number of visible units.
    pub fn visible(&self) -> usize {
        self.start_log_odds.len()
    }

    /// Number of hidden units, of both machines together.
    pub fn hidden(&self) -> usize {
        self.end_hidden + self.start_hidden
    }

    /// `ln sum_v f_0(v)` of a path from independent units: `n ln 2 + sum_i softplus(a0_i)`; none from a machine.
    pub fn log_partition_at_start(&self) -> Option<f64> {
        let visible: f64 = self.start_log_odds.iter().copied().map(softplus).sum();
        (self.start_hidden == 0).then_some(self.end_hidden as f64 * std::f64::consts::LN_2 + visible)
    }

    /// What the hidden units of the other machine, then without weights, add to `ln sum f`: at the path's start and
    /// end.
    pub fn log_idle_states(&self) -> [f64; 2] {
        [self.end_hidden, self.start_hidden].map(|units| units as f64 * std::f64::consts::LN_2)
    }

    /// What tensors on the path's device are made with.
    pub(crate) fn options(&self) -> (&Device, DType) {
        (&self.place.device, self.place.precision.dtype())
    }

    /// Visible states `[chains, visible]` drawn from the start's independent units.
    pub(crate) fn states_at_start(&self, chains: usize, seed: u64, stream: Stream) -> Tensor<2> {
        let zeros = Tensor::<2>::zeros([chains, self.visible()], self.options());
        rbm_ops::sigmoid_bernoulli(zeros + self.start_bias.clone(), Draw { seed, stream, step: 0, row: 0 })
    }

    /// Visible states drawn from the start's independent units, on the host, `[count, visible]`, each 0 or 1.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn host_states_at_start(&self, count: usize, seed: u64) -> Result<Vec<u8>, Error> {
        let states = to_host(&self.states_at_start(count, seed, Stream::TemperingStart))?;
        Ok(states.into_iter().map(|state| state as u8).collect())
    }

    /// Puts visible states `[rows, visible]` on the device.
    pub(crate) fn upload(&self, states: &[u8]) -> Result<Tensor<2>, Error> {
        self.check(states)?;
        Ok(self.put(states))
    }

    /// Input `(1-beta) a0 + beta (a + h W)` of the visible units on a path from independent units; `scales` is beta,
    /// `[rows, 1]`.
    pub(crate) fn visible_input(&self, hidden: Tensor<2>, scales: Tensor<2>) -> Tensor<2> {
        (hidden.matmul(self.weights.clone()) + self.bias_difference.clone()) * scales + self.start_bias.clone()
    }

    /// `ln f_to(v) - ln f_from(v)` of each row, with a `(from, to)` for each; `activation` is that of `visible`.
    pub(crate) fn log_ratios(
        &self,
        visible: &Tensor<2>,
        activation: &Tensor<2>,
        betas: impl Fn(usize) -> (f64, f64) + Sync,
    ) -> Result<Vec<f64>, Error> {
        let linear = to_host(&visible.clone().matmul(self.bias_difference.clone().transpose()))?;
        let data = activation.clone().try_into_data().map_err(|error| Error::Device(format!("{error:?}")))?;
        let failed = |error| Error::Device(format!("{error:?}"));
        let softplus = match self.place.precision {
            Precision::F32 => self.softplus_differences(data.as_slice::<f32>().map_err(failed)?, &betas),
            Precision::F64 => self.softplus_differences(data.as_slice::<f64>().map_err(failed)?, &betas),
        };
        let with_linear = |(row, (softplus, linear)): (usize, (f64, f64))| {
            let (from, to) = betas(row);
            softplus + (to - from) * linear
        };
        Ok(softplus.into_iter().zip(linear).enumerate().map(with_linear).collect())
    }

    /// The hidden units' part of `ln f_to - ln f_from` for each row of activations.
    fn softplus_differences<T: Value>(
        &self,
        activations: &[T],
        betas: &(impl Fn(usize) -> (f64, f64) + Sync),
    ) -> Vec<f64> {
        let of_row = |(row, values): (usize, &[T])| {
            let (end, start) = values.split_at(self.end_hidden);
            let (from, to) = betas(row);
            softplus_difference(end, from, to) + softplus_difference(start, 1.0 - from, 1.0 - to)
        };
        activations.par_chunks_exact(self.hidden()).enumerate().map(of_row).collect()
    }

    /// Activations of the hidden units as at full strength, `[rows, hidden]`.
    pub(crate) fn activation(&self, visible: Tensor<2>) -> Tensor<2> {
        visible.matmul(self.weights.clone().transpose()) + self.hidden_bias.clone()
    }

    /// Scales the hidden units' columns of `[rows, hidden]` as a law does.
    fn scale(&self, values: Tensor<2>, beta: f64) -> Tensor<2> {
        if self.start_hidden == 0 {
            return values * beta;
        }
        let mut scales = vec![beta; self.end_hidden];
        scales.resize(self.hidden(), 1.0 - beta);
        values * Tensor::<2>::from_data(TensorData::new(scales, [1, self.hidden()]), self.options())
    }
}

/// Which streams the draws of chains come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainStreams {
    /// Of the first states.
    pub start: Stream,
    /// Of the hidden states.
    pub hidden: Stream,
    /// Of the visible states.
    pub visible: Stream,
}

impl ChainStreams {
    /// Those of annealed chains.
    pub const ANNEAL: Self =
        Self { start: Stream::AnnealStart, hidden: Stream::AnnealHidden, visible: Stream::AnnealVisible };
    /// Those of the chains that follow a training.
    pub const TRAJECTORY: Self =
        Self { start: Stream::TrajectoryStart, hidden: Stream::TrajectoryHidden, visible: Stream::TrajectoryVisible };
    /// Those of the chains that judge an annealed run.
    pub const PILOT: Self =
        Self { start: Stream::PilotStart, hidden: Stream::PilotHidden, visible: Stream::PilotVisible };
}

/// Chains on their way along a path: visible states `[chains, visible]` on its device.
///
/// State is consumed and returned; a transition leaves the law of the beta that it is given.
#[derive(Clone, Debug)]
pub struct AnnealedChains {
    states: States,
    seed: u64,
    streams: ChainStreams,
    /// Number of the next transition.
    transition: u64,
}

#[derive(Clone, Debug)]
enum States {
    Fused(Box<FusedPathChains>),
    Device(Box<DeviceChains>),
}

#[derive(Clone, Debug)]
struct DeviceChains {
    visible: Tensor<2>,
    /// Of `visible`, once it is known.
    activation: Option<Tensor<2>>,
}

impl States {
    fn on_device(visible: Tensor<2>, activation: Option<Tensor<2>>) -> Self {
        Self::Device(Box::new(DeviceChains { visible, activation }))
    }
}

impl AnnealedChains {
    /// Chains drawn from the start of a path from independent units.
    pub fn at_start(path: &AnnealingPath, chains: usize, seed: u64, streams: ChainStreams) -> Self {
        let states = match &path.fused {
            Some(fused) => {
                let at = Draw { seed, stream: streams.start, step: 0, row: 0 };
                States::Fused(Box::new(fused.at_start(chains, at)))
            }
            None => States::on_device(path.states_at_start(chains, seed, streams.start), None),
        };
        Self { states, seed, streams, transition: 0 }
    }

    /// Chains at visible states `[chains, visible]`, each 0 or 1.
    ///
    /// # Errors
    /// When the states do not make whole rows.
    pub fn at_states(path: &AnnealingPath, states: &[u8], seed: u64, streams: ChainStreams) -> Result<Self, Error> {
        let states = match &path.fused {
            Some(fused) => {
                path.check(states)?;
                States::Fused(Box::new(fused.at_states(states)))
            }
            None => States::on_device(path.upload(states)?, None),
        };
        Ok(Self { states, seed, streams, transition: 0 })
    }

    /// Number of chains.
    pub fn chains(&self) -> usize {
        match &self.states {
            States::Fused(chains) => chains.chains(),
            States::Device(chains) => chains.visible.dims()[0],
        }
    }

    /// One Gibbs step, hidden states given visible ones and visible states given those, which leaves `f_beta`
    /// invariant.
    #[must_use]
    pub fn step(self, path: &AnnealingPath, beta: f64) -> Self {
        let draw = |stream| Draw { seed: self.seed, stream, step: self.transition, row: 0 };
        let (hidden_draw, visible_draw) = (draw(self.streams.hidden), draw(self.streams.visible));
        let states = match (self.states, &path.fused) {
            (States::Fused(chains), Some(fused)) => {
                States::Fused(Box::new(fused.step(*chains, beta, hidden_draw, visible_draw)))
            }
            (states, _) => {
                let (visible, activation) = path.on_device(states);
                let activation = activation.unwrap_or_else(|| path.activation(visible));
                let visible = path.gibbs_step(activation, beta, hidden_draw, visible_draw);
                States::on_device(visible, None)
            }
        };
        Self { states, transition: self.transition + 1, ..self }
    }

    /// `ln f_to(v) - ln f_from(v)` of each chain's visible state, `[chains]`, nats.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn log_ratio(self, path: &AnnealingPath, from: f64, to: f64) -> Result<(Self, Vec<f64>), Error> {
        let (states, ratios) = match (self.states, &path.fused) {
            (States::Fused(chains), Some(fused)) => {
                let (chains, ratios) = fused.log_ratio(*chains, from, to);
                (States::Fused(Box::new(chains)), ratios)
            }
            (states, _) => {
                let (visible, activation) = path.on_device(states);
                let activation = activation.unwrap_or_else(|| path.activation(visible.clone()));
                let ratios = path.log_ratios(&visible, &activation, |_| (from, to))?;
                (States::on_device(visible, Some(activation)), ratios)
            }
        };
        Ok((Self { states, ..self }, ratios))
    }

    /// The visible states on the host, `[chains, visible]`, each 0 or 1.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn states(&self) -> Result<Vec<u8>, Error> {
        match &self.states {
            States::Fused(chains) => Ok(chains.states()),
            States::Device(chains) => Ok(to_host(&chains.visible)?.into_iter().map(|state| state as u8).collect()),
        }
    }
}

impl AnnealingPath {
    /// One Gibbs step at `beta`, from the hidden activations to the next visible states.
    fn gibbs_step(&self, activation: Tensor<2>, beta: f64, hidden_draw: Draw, visible_draw: Draw) -> Tensor<2> {
        let hidden = rbm_ops::sigmoid_bernoulli(self.scale(activation, beta), hidden_draw);
        let bias = self.start_bias.clone() + self.bias_difference.clone() * beta;
        let input = if self.start_hidden == 0 {
            // The product of states and weights first: the scale then touches each visible unit once.
            hidden.matmul(self.weights.clone()) * beta
        } else {
            self.scale(hidden, beta).matmul(self.weights.clone())
        };
        rbm_ops::sigmoid_bernoulli(input + bias, visible_draw)
    }

    /// The tensors of chains; those of another path's fused chains are put on this one's device.
    fn on_device(&self, states: States) -> (Tensor<2>, Option<Tensor<2>>) {
        match states {
            States::Device(chains) => (chains.visible, chains.activation),
            States::Fused(chains) => (self.put(&chains.states()), None),
        }
    }

    /// Refuses states that do not make whole rows.
    fn check(&self, states: &[u8]) -> Result<(), Error> {
        let visible = self.visible();
        if states.is_empty() || !states.len().is_multiple_of(visible) {
            return Err(Error::Shape(format!("{} states do not make rows of {visible} units", states.len())));
        }
        Ok(())
    }

    fn put(&self, states: &[u8]) -> Tensor<2> {
        let values: Vec<f32> = states.iter().map(|&state| f32::from(state)).collect();
        Tensor::from_data(TensorData::new(values, [states.len() / self.visible(), self.visible()]), self.options())
    }
}

/// A tensor's numbers on the host, widened to f64.
pub(crate) fn to_host(tensor: &Tensor<2>) -> Result<Vec<f64>, Error> {
    let data = tensor.clone().try_into_data().map_err(|error| Error::Device(format!("{error:?}")))?;
    data.convert::<f64>().try_into_vec::<f64>().map_err(|error| Error::Device(format!("{error:?}")))
}
