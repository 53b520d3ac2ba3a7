//! A machine's parameters on the host, in f64.

use crate::Error;

/// The parameters of a machine on the host, widened to f64: what evaluation and enumeration work on.
///
/// Energy `E(v, h) = -h W v - v.a - h.b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    visible: usize,
    hidden: usize,
    weights: Vec<f64>,
    visible_bias: Vec<f64>,
    hidden_bias: Vec<f64>,
}

impl Parameters {
    /// Takes `weights` `[hidden, visible]` row by row, `visible_bias` `[visible]` and `hidden_bias` `[hidden]`.
    ///
    /// # Errors
    /// When the lengths do not fit each other, or a layer is empty.
    pub fn new(weights: Vec<f64>, visible_bias: Vec<f64>, hidden_bias: Vec<f64>) -> Result<Self, Error> {
        let (visible, hidden) = (visible_bias.len(), hidden_bias.len());
        if visible == 0 || hidden == 0 || weights.len() != visible * hidden {
            return Err(Error::Shape(format!(
                "{} weights do not fit {hidden} hidden and {visible} visible units",
                weights.len()
            )));
        }
        Ok(Self { visible, hidden, weights, visible_bias, hidden_bias })
    }

    /// Number of visible units.
    pub fn visible(&self) -> usize {
        self.visible
    }

    /// Number of hidden units.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// Weights `[hidden, visible]`, row by row.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The weights between one hidden unit and the visible layer, `[visible]`.
    pub fn weights_of(&self, hidden_unit: usize) -> &[f64] {
        &self.weights[hidden_unit * self.visible..][..self.visible]
    }

    /// Visible bias `[visible]`.
    pub fn visible_bias(&self) -> &[f64] {
        &self.visible_bias
    }

    /// Hidden bias `[hidden]`.
    pub fn hidden_bias(&self) -> &[f64] {
        &self.hidden_bias
    }

    /// The same machine with the layers exchanged: its energies are equal, its weights transposed.
    pub fn transposed(&self) -> Self {
        let mut weights = vec![0.0; self.weights.len()];
        for (j, row) in self.weights.chunks_exact(self.visible).enumerate() {
            for (i, &weight) in row.iter().enumerate() {
                weights[i * self.hidden + j] = weight;
            }
        }
        Self {
            visible: self.hidden,
            hidden: self.visible,
            weights,
            visible_bias: self.hidden_bias.clone(),
            hidden_bias: self.visible_bias.clone(),
        }
    }

    /// Energy of one joint state, `-h W v - v.a - h.b`, in nats.
    pub fn energy(&self, visible: &[f64], hidden: &[f64]) -> f64 {
        let interaction: f64 = hidden
            .iter()
            .enumerate()
            .map(|(j, &h)| if h == 0.0 { 0.0 } else { h * dot(self.weights_of(j), visible) })
            .sum();
        -interaction - dot(&self.visible_bias, visible) - dot(&self.hidden_bias, hidden)
    }

    /// Hidden activations `b + W v`, `[hidden]`.
    pub fn hidden_activation(&self, visible: &[f64]) -> Vec<f64> {
        (0..self.hidden).map(|j| self.hidden_bias[j] + dot(self.weights_of(j), visible)).collect()
    }

    /// Visible activations `a + h W`, `[visible]`.
    pub fn visible_activation(&self, hidden: &[f64]) -> Vec<f64> {
        let mut activation = self.visible_bias.clone();
        for (j, &h) in hidden.iter().enumerate().filter(|(_, h)| **h != 0.0) {
            for (x, &w) in activation.iter_mut().zip(self.weights_of(j)) {
                *x += h * w;
            }
        }
        activation
    }

    /// Free energy `-a.v - sum_j softplus(b_j + W_j.v)`, in nats; `-free_energy` is the unnormalised log-probability.
    pub fn free_energy(&self, visible: &[f64]) -> f64 {
        let softplus: f64 = self.hidden_activation(visible).into_iter().map(rbm_ops::scalar::softplus).sum();
        -dot(&self.visible_bias, visible) - softplus
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
