//! Stochastic gradient ascent with momentum.

use burn::tensor::Tensor;
use rbm_model::Rbm;

use crate::Gradient;

/// Gradient ascent with momentum (Polyak 1964; Hinton 2010, section 9) and weight decay on the weights alone.
///
/// `update = momentum x last update + rate x (gradient - decay x weights)`.
#[derive(Clone, Debug, Default)]
pub struct Momentum {
    pub(crate) last: Option<Gradient>,
}

impl Momentum {
    /// Moves the model by one update; `rate` already holds the batch's share of a full one.
    pub fn update(self, model: Rbm, gradient: Gradient, rate: f64, momentum: f64, decay: f64) -> (Self, Rbm) {
        let last = if momentum == 0.0 { None } else { self.last };
        let (last_weights, last_visible, last_hidden) = match last {
            Some(last) => (Some(last.weights), Some(last.visible_bias), Some(last.hidden_bias)),
            None => (None, None, None),
        };
        let step = |gradient: Tensor<2>, last: Option<Tensor<2>>| match last {
            Some(last) => last * momentum + gradient * rate,
            None => gradient * rate,
        };
        let mut kept = None;
        let model = model.map(|weights, visible_bias, hidden_bias| {
            let gradient_weights =
                if decay == 0.0 { gradient.weights } else { gradient.weights - weights.clone() * decay };
            let update = Gradient {
                weights: step(gradient_weights, last_weights),
                visible_bias: step(gradient.visible_bias, last_visible),
                hidden_bias: step(gradient.hidden_bias, last_hidden),
            };
            if momentum != 0.0 {
                kept = Some(update.clone());
            }
            (weights + update.weights, visible_bias + update.visible_bias, hidden_bias + update.hidden_bias)
        });
        (Self { last: kept }, model)
    }
}
