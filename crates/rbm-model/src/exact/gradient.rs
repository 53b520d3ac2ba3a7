//! Gradients of the mean log-likelihood, and what contrastive divergence puts in their place.

use super::{
    KernelWalk, Moments, WeightedRows,
    kernel::check_joint,
    log_partition::log_partition,
    moments::{check_rows, data_moments, moments},
};
use crate::{Error, Parameters};

/// A direction in the space of parameters; ascending it raises the likelihood.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    /// `[hidden, visible]`, row by row.
    pub weights: Vec<f64>,
    /// `[visible]`.
    pub visible_bias: Vec<f64>,
    /// `[hidden]`.
    pub hidden_bias: Vec<f64>,
}

impl Gradient {
    /// Data's moments minus the model's.
    pub fn between(data: &Moments, model: &Moments) -> Self {
        let difference = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect();
        Self {
            weights: difference(&data.weights, &model.weights),
            visible_bias: difference(&data.visible, &model.visible),
            hidden_bias: difference(&data.hidden, &model.hidden),
        }
    }

    /// All components: weights row by row, visible bias, hidden bias.
    pub fn components(&self) -> impl Iterator<Item = f64> {
        self.weights.iter().chain(&self.visible_bias).chain(&self.hidden_bias).copied()
    }

    /// Inner product over all components.
    pub fn dot(&self, other: &Self) -> f64 {
        self.components().zip(other.components()).map(|(a, b)| a * b).sum()
    }

    /// Euclidean norm over all components.
    pub fn norm(&self) -> f64 {
        self.dot(self).sqrt()
    }

    /// This gradient minus another.
    pub fn minus(&self, other: &Self) -> Self {
        let difference = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a - b).collect();
        Self {
            weights: difference(&self.weights, &other.weights),
            visible_bias: difference(&self.visible_bias, &other.visible_bias),
            hidden_bias: difference(&self.hidden_bias, &other.hidden_bias),
        }
    }
}

/// Mean log-likelihood of the rows, `-E_q F(v) - ln Z`, in nats.
///
/// # Errors
/// When the rows do not fit the machine, or both layers have more than [`LIMIT`](super::LIMIT) units.
pub fn mean_log_likelihood(parameters: &Parameters, rows: &WeightedRows) -> Result<f64, Error> {
    check_rows(parameters, rows)?;
    let free_energy: f64 = rows.iter().map(|(row, share)| share * parameters.free_energy(row)).sum();
    Ok(-free_energy - log_partition(parameters)?)
}

/// Gradient of the mean log-likelihood of the rows, `E_q s - E_p s`.
///
/// # Errors
/// When the rows do not fit the machine, or both layers have more than [`LIMIT`](super::LIMIT) units.
pub fn gradient(parameters: &Parameters, rows: &WeightedRows) -> Result<Gradient, Error> {
    Ok(Gradient::between(&data_moments(parameters, rows)?, &moments(parameters)?))
}

/// What CD-k estimates without its noise, `E_q s - E_{q T^k} s`: the expectation over all chains of `k` Gibbs steps
/// that start at the rows, with hidden probabilities in the statistics. Rows may be grey: the first hidden states are
/// drawn from the probabilities that the grey values give.
///
/// # Errors
/// When the rows do not fit the machine, or it is too large to enumerate both layers: more than
/// [`LAYER_LIMIT`](super::LAYER_LIMIT) units in one or [`JOINT_LIMIT`](super::JOINT_LIMIT) in both together.
pub fn expected_cd_gradient(parameters: &Parameters, rows: &WeightedRows, k: u32) -> Result<Gradient, Error> {
    check_rows(parameters, rows)?;
    check_joint(parameters)?;
    let data = data_moments(parameters, rows)?;
    if k == 0 {
        return Ok(Gradient::between(&data, &data));
    }
    let mut walk = KernelWalk::new(parameters, rows)?;
    walk.go_to(k);
    Ok(Gradient::between(&data, &walk.moments()?))
}
