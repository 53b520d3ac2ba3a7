//! Kinds of units: what a layer needs to know of its activations.

use std::fmt::Debug;

use burn::tensor::Tensor;
use rbm_ops::Draw;

/// A kind of unit, by what its activation `x` (bias plus input) determines. All tensors are `[rows, units]`.
///
/// The seam for further kinds (spins, Gaussian, Potts): trainers and samplers call nothing else.
pub trait Unit: Debug + Send + Sync {
    /// The unit's contribution to the free energy's log-sum, `log sum_s exp(s x)`, nats.
    fn log_partition(&self, activation: Tensor<2>) -> Tensor<2>;
    /// The conditional mean given the other layer.
    fn mean(&self, activation: Tensor<2>) -> Tensor<2>;
    /// A state given the other layer.
    fn sample(&self, activation: Tensor<2>, at: Draw) -> Tensor<2>;
    /// Whether states drawn so have the conditional law that the machine's energy gives them.
    fn follows_energy(&self) -> bool {
        true
    }
}

/// States 0 and 1 with log-odds `x`.
#[derive(Clone, Copy, Debug)]
pub struct Bernoulli;

impl Unit for Bernoulli {
    fn log_partition(&self, activation: Tensor<2>) -> Tensor<2> {
        rbm_ops::softplus(activation)
    }

    fn mean(&self, activation: Tensor<2>) -> Tensor<2> {
        rbm_ops::sigmoid(activation)
    }

    fn sample(&self, activation: Tensor<2>, at: Draw) -> Tensor<2> {
        rbm_ops::sigmoid_bernoulli(activation, at)
    }
}

/// The article's listing: the activation itself, clamped to `[0, 1]`, taken for a probability.
///
/// No energy has these conditionals: alternating with the other layer's does not sample the model.
#[derive(Clone, Copy, Debug)]
pub struct ClampedLinear;

impl Unit for ClampedLinear {
    fn log_partition(&self, activation: Tensor<2>) -> Tensor<2> {
        rbm_ops::softplus(activation) // the listing's free energy is that of Bernoulli units
    }

    fn mean(&self, activation: Tensor<2>) -> Tensor<2> {
        activation.clamp(0.0, 1.0)
    }

    fn sample(&self, activation: Tensor<2>, at: Draw) -> Tensor<2> {
        rbm_ops::bernoulli(activation, at)
    }

    fn follows_energy(&self) -> bool {
        false
    }
}
