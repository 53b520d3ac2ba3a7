//! Conditional probabilities of a machine on a device, for callers with states on the host.

use burn::tensor::{Tensor, TensorData};

use crate::{Error, Rbm, annealing::to_host};

impl Rbm {
    /// Probabilities of the hidden units given visible states `[rows, visible]`, row by row: `[rows, hidden]`. The
    /// operations are those that training and sampling run.
    ///
    /// # Errors
    /// When the values do not make whole rows, or the device fails to answer.
    pub fn hidden_probabilities(&self, visible: &[f64]) -> Result<Vec<f64>, Error> {
        to_host(&self.hidden_given_visible(self.upload(visible, self.visible())?))
    }

    /// Probabilities of the visible units given hidden states `[rows, hidden]`, row by row: `[rows, visible]`.
    ///
    /// # Errors
    /// As [`Self::hidden_probabilities`].
    pub fn visible_probabilities(&self, hidden: &[f64]) -> Result<Vec<f64>, Error> {
        to_host(&self.visible_given_hidden(self.upload(hidden, self.hidden())?))
    }

    fn upload(&self, states: &[f64], units: usize) -> Result<Tensor<2>, Error> {
        if states.is_empty() || !states.len().is_multiple_of(units) {
            return Err(Error::Shape(format!("{} values do not make rows of {units} units", states.len())));
        }
        let data = TensorData::new(states.to_vec(), [states.len() / units, units]);
        Ok(Tensor::from_data(data, (&self.device(), self.precision().dtype())))
    }
}
