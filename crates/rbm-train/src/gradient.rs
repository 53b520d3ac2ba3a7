//! A gradient on a device.

use burn::tensor::{Tensor, TensorData};
use rbm_model::{Error as ModelError, Rbm, exact};

/// Gradient of the mean log-likelihood, or its estimate, on the model's device; ascending it raises the likelihood.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// `[hidden, visible]`.
    pub weights: Tensor<2>,
    /// `[1, visible]`.
    pub visible_bias: Tensor<2>,
    /// `[1, hidden]`.
    pub hidden_bias: Tensor<2>,
}

impl Gradient {
    /// Mean of the statistics over the rows of a batch minus their mean over chains.
    ///
    /// Each phase is visible values `[rows, visible]` with the hidden probabilities `[rows, hidden]` they give; the two
    /// phases may have different numbers of rows.
    pub fn between((visible, hidden): (Tensor<2>, Tensor<2>), (chains, chains_hidden): (Tensor<2>, Tensor<2>)) -> Self {
        let hidden = mean_weighted(hidden);
        let chains_hidden = mean_weighted(chains_hidden);
        Self {
            visible_bias: visible.clone().mean_dim(0) - chains.clone().mean_dim(0),
            hidden_bias: hidden.clone().sum_dim(0) - chains_hidden.clone().sum_dim(0),
            weights: hidden.transpose().matmul(visible) - chains_hidden.transpose().matmul(chains),
        }
    }

    /// Puts an enumerated gradient beside the model.
    pub fn from_exact(gradient: exact::Gradient, model: &Rbm) -> Self {
        let (n, m) = (model.hidden(), model.visible());
        let options = (&model.device(), model.precision().dtype());
        Self {
            weights: Tensor::from_data(TensorData::new(gradient.weights, [n, m]), options),
            visible_bias: Tensor::from_data(TensorData::new(gradient.visible_bias, [1, m]), options),
            hidden_bias: Tensor::from_data(TensorData::new(gradient.hidden_bias, [1, n]), options),
        }
    }

    /// What is not a finite number in it, judged by the biases' gradients.
    ///
    /// A component of the weights' gradient is a sum of products of states within `[0, 1]` and hidden probabilities,
    /// which the hidden bias's gradient sums too: where one is not a number, so is the other.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn non_finite(&self) -> Result<Option<&'static str>, ModelError> {
        // One transfer a step: each waits for all that the device has in hand.
        let both = host(&Tensor::cat(vec![self.hidden_bias.clone(), self.visible_bias.clone()], 1))?;
        let (hidden, visible) = both.split_at(self.hidden_bias.dims()[1]);
        let names = [("the hidden bias's gradient", hidden), ("the visible bias's gradient", visible)];
        Ok(names.into_iter().find(|(_, bias)| !bias.iter().all(|x| x.is_finite())).map(|(what, _)| what))
    }

    /// Euclidean norm over all parameters.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn norm(&self) -> Result<f64, ModelError> {
        // Row by row: burn's sum over a whole large tensor depends on how threads split it.
        let squares = |part: &Tensor<2>| (part.clone() * part.clone()).sum_dim(1);
        let [weights, visible, hidden] = [&self.weights, &self.visible_bias, &self.hidden_bias].map(squares);
        let rows = host(&Tensor::cat(vec![weights, visible, hidden], 0))?;
        let (weights, biases) = rows.split_at(rows.len() - 2);
        Ok((weights.iter().sum::<f64>() + biases[0] + biases[1]).sqrt())
    }
}

/// Divides by the number of rows, so that sums over rows become means.
fn mean_weighted(hidden: Tensor<2>) -> Tensor<2> {
    let rows = hidden.dims()[0];
    hidden * (1.0 / rows as f64)
}

/// A tensor's numbers on the host.
pub(crate) fn host(tensor: &Tensor<2>) -> Result<Vec<f64>, ModelError> {
    let failed = |error: String| ModelError::Device(error);
    let data = tensor.clone().try_into_data().map_err(|error| failed(format!("{error:?}")))?;
    data.convert::<f64>().try_into_vec::<f64>().map_err(|error| failed(format!("{error:?}")))
}
