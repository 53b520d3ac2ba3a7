//! Centred gradients.

use burn::tensor::{Tensor, TensorData};
use rbm_model::Rbm;

use super::{Batch, EstimatorState, GradientEstimator, Key};
use crate::{Error, Gradient};

/// Offsets of the units, near the means of their states over the data.
#[derive(Clone, Debug)]
pub struct Offsets {
    /// `[1, visible]`.
    pub visible: Tensor<2>,
    /// `[1, hidden]`.
    pub hidden: Tensor<2>,
}

impl Offsets {
    /// The first ones: the means of the training rows `[visible]`, and the hidden probabilities at no visible input.
    pub fn at_start(model: &Rbm, means: &[f64]) -> Self {
        let options = (&model.device(), model.precision().dtype());
        let visible = Tensor::from_data(TensorData::new(means.to_vec(), [1, means.len()]), options);
        Self { visible, hidden: rbm_ops::sigmoid(model.tensors()[2].clone()) }
    }

    /// Those of the next step: moved by the share `rate` towards the means of a batch `[rows, visible]`, of its values
    /// and of the hidden probabilities that they give.
    fn next(self, model: &Rbm, batch: &Tensor<2>, rate: f64) -> Self {
        let hidden = model.hidden_statistics(model.hidden_activation(batch.clone()));
        let towards = |offsets: Tensor<2>, means: Tensor<2>| offsets * (1.0 - rate) + means * rate;
        Self {
            visible: towards(self.visible, batch.clone().mean_dim(0)),
            hidden: towards(self.hidden, hidden.mean_dim(0)),
        }
    }

    /// The centred gradient that a plain one stands for.
    ///
    /// With offsets `mu` of the visible and `la` of the hidden units the weights' is the mean of `(h - la) (v - mu)'`
    /// over the data less that over the model, which is the plain one less `b mu' + la a'`, `a` and `b` the plain
    /// gradients of the biases; the biases' are less by its products with `la` and `mu` (Montavon and Müller 2012;
    /// Melchior, Fischer and Wiskott 2016, equations 5 to 7 without the reparametrisation).
    pub fn centre(&self, plain: Gradient) -> Gradient {
        let Gradient { weights, visible_bias, hidden_bias } = plain;
        let (mu, la) = (self.visible.clone(), self.hidden.clone());
        let weights = weights
            - hidden_bias.clone().transpose().matmul(mu.clone())
            - la.clone().transpose().matmul(visible_bias.clone());
        Gradient {
            visible_bias: visible_bias - la.matmul(weights.clone()),
            hidden_bias: hidden_bias - mu.matmul(weights.clone().transpose()),
            weights,
        }
    }
}

/// An estimator whose gradient is centred, with offsets that follow the data.
#[derive(Debug)]
pub struct Centred {
    plain: Box<dyn GradientEstimator>,
    /// Means of the training rows, `[visible]`.
    means: Vec<f64>,
    rate: f64,
}

impl Centred {
    /// Centres the gradients of `plain`; the offsets start as [`Offsets::at_start`] has them and move by the share `rate`
    /// towards each batch's means before they are used.
    pub fn new(plain: Box<dyn GradientEstimator>, means: Vec<f64>, rate: f64) -> Self {
        Self { plain, means, rate }
    }
}

impl GradientEstimator for Centred {
    fn init(&self, seed: u64, model: &Rbm) -> EstimatorState {
        EstimatorState { offsets: Some(Offsets::at_start(model, &self.means)), ..self.plain.init(seed, model) }
    }

    fn estimate(
        &self,
        key: Key,
        model: &Rbm,
        batch: Batch,
        mut state: EstimatorState,
    ) -> Result<(Gradient, EstimatorState), Error> {
        let offsets = state.offsets.take().ok_or_else(|| Error::Setup("a centred gradient has no offsets".into()))?;
        let offsets = offsets.next(model, &batch.visible, self.rate);
        let (plain, state) = self.plain.estimate(key, model, batch, state)?;
        let gradient = offsets.centre(plain);
        Ok((gradient, EstimatorState { offsets: Some(offsets), ..state }))
    }

    fn needs_rows_on_host(&self) -> bool {
        self.plain.needs_rows_on_host()
    }
}
