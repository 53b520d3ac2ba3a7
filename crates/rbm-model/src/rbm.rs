//! A machine on a device.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rbm_ops::{Draw, Stream};
use serde::{Deserialize, Serialize};

use crate::{
    Bernoulli, ClampedLinear, Error, FreeEnergy, ModelConfig, Parameters, Unit, VisibleSampling, annealing::to_host,
};

/// Width of the parameters and of the chains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 64 bits.
    F64,
}

impl Precision {
    /// burn's name for it.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
        }
    }
}

/// A restricted Boltzmann machine whose parameters lie on a device.
///
/// Cloning copies handles, not numbers.
#[derive(Clone, Debug)]
pub struct Rbm {
    weights: Tensor<2>,
    visible_bias: Tensor<2>,
    hidden_bias: Tensor<2>,
    visible_unit: &'static dyn Unit,
    hidden_unit: &'static dyn Unit,
    free_energy: FreeEnergy,
}

/// Where a Gibbs chain stands: its visible state `[chains, visible]` and what determines its next draws.
#[derive(Clone, Debug)]
pub struct GibbsState {
    /// Visible states, 0 or 1.
    pub visible: Tensor<2>,
    /// Seed of the run.
    pub seed: u64,
    /// Stream of the hidden draws.
    pub hidden_stream: Stream,
    /// Stream of the visible draws.
    pub visible_stream: Stream,
    /// Number of the next Gibbs step.
    pub step: u64,
}

impl GibbsState {
    /// Where the next hidden states are drawn.
    pub fn hidden_draw(&self) -> Draw {
        Draw { seed: self.seed, stream: self.hidden_stream, step: self.step, row: 0 }
    }

    /// Where the next visible states are drawn.
    pub fn visible_draw(&self) -> Draw {
        Draw { seed: self.seed, stream: self.visible_stream, step: self.step, row: 0 }
    }
}

impl Rbm {
    /// Puts parameters on a device, rounded to `precision`, with the config's variants.
    pub fn new(parameters: &Parameters, variants: &ModelConfig, precision: Precision, device: &Device) -> Self {
        let (m, n) = (parameters.visible(), parameters.hidden());
        let tensor = |values: &[f64], shape: [usize; 2]| {
            Tensor::from_data(TensorData::new(values.to_vec(), shape), (device, precision.dtype()))
        };
        Self {
            weights: tensor(parameters.weights(), [n, m]),
            visible_bias: tensor(parameters.visible_bias(), [1, m]),
            hidden_bias: tensor(parameters.hidden_bias(), [1, n]),
            visible_unit: match variants.visible_sampling {
                VisibleSampling::Bernoulli => &Bernoulli,
                VisibleSampling::ClampedLinear => &ClampedLinear,
            },
            hidden_unit: &Bernoulli,
            free_energy: variants.free_energy,
        }
    }

    /// The parameters on the host, widened to f64.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn parameters(&self) -> Result<Parameters, Error> {
        // One transfer: each waits for all that the device has in hand.
        let parts = [&self.weights, &self.visible_bias, &self.hidden_bias];
        let sizes = parts.map(|part| part.shape().num_elements());
        let flat = parts.into_iter().zip(sizes).map(|(part, size)| part.clone().reshape([1, size])).collect();
        let mut values = to_host(&Tensor::cat(flat, 1))?;
        let hidden_bias = values.split_off(sizes[0] + sizes[1]);
        let visible_bias = values.split_off(sizes[0]);
        Parameters::new(values, visible_bias, hidden_bias)
    }

    /// Number of visible units.
    pub fn visible(&self) -> usize {
        self.weights.dims()[1]
    }

    /// Number of hidden units.
    pub fn hidden(&self) -> usize {
        self.weights.dims()[0]
    }

    /// The device that holds the parameters.
    pub fn device(&self) -> Device {
        self.weights.device()
    }

    /// The parameters' width.
    pub fn precision(&self) -> Precision {
        if self.weights.dtype() == DType::F64 { Precision::F64 } else { Precision::F32 }
    }

    /// Whether Gibbs steps leave the law of the machine's energy as it is; not under `visible_sampling =
    /// "clamped-linear"`.
    pub fn samples_its_law(&self) -> bool {
        self.visible_unit.follows_energy() && self.hidden_unit.follows_energy()
    }

    /// Whether its units are Bernoulli's and its free energy the mathematics', with nothing of the listing's variants.
    pub fn is_plain(&self) -> bool {
        self.samples_its_law() && self.free_energy == FreeEnergy::Softplus
    }

    /// Weights `[hidden, visible]`, visible bias `[1, visible]` and hidden bias `[1, hidden]`.
    pub fn tensors(&self) -> [&Tensor<2>; 3] {
        [&self.weights, &self.visible_bias, &self.hidden_bias]
    }

    /// Replaces weights `[hidden, visible]`, visible bias `[1, visible]` and hidden bias `[1, hidden]` by what `f`
    /// makes of them.
    ///
    /// The tensors are handed over, not lent, so that updates happen in place.
    #[must_use]
    pub fn map(self, f: impl FnOnce(Tensor<2>, Tensor<2>, Tensor<2>) -> (Tensor<2>, Tensor<2>, Tensor<2>)) -> Self {
        let (weights, visible_bias, hidden_bias) = f(self.weights, self.visible_bias, self.hidden_bias);
        Self { weights, visible_bias, hidden_bias, ..self }
    }

    /// Hidden activations `b + W v` of `[rows, visible]`: `[rows, hidden]`.
    pub fn hidden_activation(&self, visible: Tensor<2>) -> Tensor<2> {
        visible.matmul(self.weights.clone().transpose()) + self.hidden_bias.clone()
    }

    /// Visible activations `a + h W` of `[rows, hidden]`: `[rows, visible]`.
    pub fn visible_activation(&self, hidden: Tensor<2>) -> Tensor<2> {
        hidden.matmul(self.weights.clone()) + self.visible_bias.clone()
    }

    /// The article's `P(h|x)`: probabilities of the hidden units, `[rows, hidden]`.
    pub fn hidden_given_visible(&self, visible: Tensor<2>) -> Tensor<2> {
        self.hidden_unit.mean(self.hidden_activation(visible))
    }

    /// The article's `P(x|h)`: probabilities of the visible units, `[rows, visible]`.
    pub fn visible_given_hidden(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.visible_unit.mean(self.visible_activation(hidden))
    }

    /// Hidden states drawn from hidden activations, as [`Self::hidden_activation`] gives them.
    pub fn sample_hidden(&self, activation: Tensor<2>, at: Draw) -> Tensor<2> {
        self.hidden_unit.sample(activation, at)
    }

    /// Visible states drawn given hidden states.
    pub fn sample_visible(&self, hidden: Tensor<2>, at: Draw) -> Tensor<2> {
        self.visible_unit.sample(self.visible_activation(hidden), at)
    }

    /// One sweep of block Gibbs sampling: hidden states given visible ones, then visible states given those.
    #[must_use]
    pub fn gibbs_step(&self, chains: GibbsState) -> GibbsState {
        let (hidden_draw, visible_draw) = (chains.hidden_draw(), chains.visible_draw());
        let hidden = self.sample_hidden(self.hidden_activation(chains.visible), hidden_draw);
        GibbsState { visible: self.sample_visible(hidden, visible_draw), step: chains.step + 1, ..chains }
    }

    /// Mean-field reconstruction: visible probabilities given hidden probabilities given `[rows, visible]`.
    pub fn reconstruct(&self, visible: Tensor<2>) -> Tensor<2> {
        self.visible_given_hidden(self.hidden_given_visible(visible))
    }

    /// The derivative of the free energy's log-sum by the hidden activation: the hidden part of a gradient's
    /// statistics.
    ///
    /// The hidden probabilities; under `free_energy = "listing"` as automatic differentiation of `log(1 + exp(x))`
    /// computes them, `exp(x) / (1 + exp(x))`, which is not a number once `exp(x)` overflows.
    pub fn hidden_statistics(&self, activation: Tensor<2>) -> Tensor<2> {
        match self.free_energy {
            FreeEnergy::Softplus => self.hidden_unit.mean(activation),
            FreeEnergy::Listing => {
                let e = activation.exp();
                e.clone() / (e + 1.0)
            }
        }
    }

    /// Energies of joint states, `-h W v - v.a - h.b`: `[rows, 1]`, nats.
    pub fn energy(&self, visible: Tensor<2>, hidden: Tensor<2>) -> Tensor<2> {
        let by_visible = (self.visible_activation(hidden.clone()) * visible).sum_dim(1);
        (by_visible + (hidden * self.hidden_bias.clone()).sum_dim(1)).neg()
    }

    /// Free energies `-v.a - sum_j softplus(b_j + W_j.v)`: `[rows, 1]`, nats.
    ///
    /// Under `free_energy = "listing"` the sum is over `log(1 + exp(x))` as written, infinite for large `x`.
    pub fn free_energy(&self, visible: Tensor<2>) -> Tensor<2> {
        let linear = (visible.clone() * self.visible_bias.clone()).sum_dim(1);
        let activation = self.hidden_activation(visible);
        let log_sum = match self.free_energy {
            FreeEnergy::Softplus => self.hidden_unit.log_partition(activation),
            FreeEnergy::Listing => (activation.exp() + 1.0).log(),
        };
        (linear + log_sum.sum_dim(1)).neg()
    }

    /// Unnormalised log-probabilities of visible states, `-F(v)`: `[rows, 1]`, nats.
    pub fn unnormalised_log_probability(&self, visible: Tensor<2>) -> Tensor<2> {
        self.free_energy(visible).neg()
    }
}
