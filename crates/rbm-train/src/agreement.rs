//! Whether a device computes what it should: against sums in f64 on the host, each half-step from the same states.

use burn::tensor::{Tensor, TensorData};
use rbm_model::{Parameters, Rbm};
use rbm_ops::{Draw, Stream, scalar::sigmoid};
use serde::{Deserialize, Serialize};

use crate::{Error, Gradient, gradient::host};

/// What separates two probabilities of the same activation in f32: an exponential errs by at most 4 units of 2^-24, and
/// the sum and the quotient round twice more, on a device that may round each a unit off.
const PROBABILITY_ERROR: f64 = 8.0 / 16_777_216.0;

/// How a device's half-steps and gradient compare with sums in f64 on the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Units drawn, hidden and visible.
    pub units: u64,
    /// Units whose state is another than the host's.
    pub differing: u64,
    /// Those of them that rounding does not explain: `|u - p|` above a quarter of the largest difference of
    /// activations and the error of a probability in f32.
    pub unexplained: u64,
    /// Largest difference of an activation from the host's.
    pub activation_error: f64,
    /// Norm of the difference of the gradients over the norm of the host's.
    pub gradient_error: f64,
}

/// Rows of values on the host.
struct Rows {
    values: Vec<f64>,
    width: usize,
}

impl Rows {
    fn len(&self) -> usize {
        self.values.len() / self.width
    }

    fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.width)
    }

    /// A row's worth of numbers made from each row.
    fn map(&self, width: usize, f: impl FnMut(&[f64]) -> Vec<f64>) -> Self {
        Self { values: self.iter().flat_map(f).collect(), width }
    }
}

impl Agreement {
    /// One Gibbs step and one CD-1 gradient for `visible` rows `[rows, visible]` of 0 and 1, given row after row.
    ///
    /// The visible half-step starts from the host's hidden states, so that a state that differs in the first half does
    /// not count again in the second.
    ///
    /// # Errors
    /// When the device fails to answer.
    pub fn measure(rbm: &Rbm, parameters: &Parameters, visible: &[f64]) -> Result<Self, Error> {
        let (m, n) = (rbm.visible(), rbm.hidden());
        let data = Rows { values: visible.to_vec(), width: m };
        let at = |stream| Draw { seed: 0x0a9e_e3e7, stream, step: 1, row: 0 };
        let (hidden_draw, visible_draw) = (at(Stream::TrainHidden), at(Stream::TrainVisible));
        let mut found = Self::default();

        let activation = data.map(n, |row| parameters.hidden_activation(row));
        let on_device = rbm.hidden_activation(tensor(rbm, &data));
        let states = rbm.sample_hidden(on_device.clone(), hidden_draw);
        let hidden = found.half_step(&activation, hidden_draw, &on_device, &states)?;

        let activation_visible = hidden.map(m, |row| parameters.visible_activation(row));
        let on_device_visible = rbm.visible_activation(tensor(rbm, &hidden));
        let states = rbm.sample_visible(tensor(rbm, &hidden), visible_draw);
        let chains = found.half_step(&activation_visible, visible_draw, &on_device_visible, &states)?;

        let chains_activation = chains.map(n, |row| parameters.hidden_activation(row));
        let gradient = Gradient::between(
            (tensor(rbm, &data), rbm.hidden_statistics(on_device)),
            (tensor(rbm, &chains), rbm.hidden_statistics(rbm.hidden_activation(tensor(rbm, &chains)))),
        );
        let expected = gradient_on_host((&data, &activation), (&chains, &chains_activation));
        let parts = [gradient.weights, gradient.visible_bias, gradient.hidden_bias];
        let (mut difference, mut size) = (0.0, 0.0);
        for (part, expected) in parts.iter().zip(&expected) {
            for (found, expected) in host(part)?.iter().zip(expected) {
                difference += (found - expected).powi(2);
                size += expected * expected;
            }
        }
        // All of it may be exactly zero: chains that end where they began.
        found.gradient_error = if difference == 0.0 { 0.0 } else { (difference / size).sqrt().min(f64::MAX) };
        Ok(found)
    }

    /// Counts the units whose states differ; the host's states.
    fn half_step(
        &mut self,
        activation: &Rows,
        at: Draw,
        on_device: &Tensor<2>,
        states: &Tensor<2>,
    ) -> Result<Rows, Error> {
        let on_device = host(on_device)?;
        let states = host(states)?;
        let pairs = activation.values.iter().zip(&on_device);
        let largest = pairs.map(|(host, device)| (host - device).abs()).fold(0.0, f64::max);
        let explained = largest / 4.0 + PROBABILITY_ERROR;
        let mut own = Vec::with_capacity(states.len());
        for (row, activations) in activation.iter().enumerate() {
            let draw = at.at_row(at.row + row as u32);
            for (unit, activation) in activations.iter().enumerate() {
                let (p, u) = (sigmoid(*activation), f64::from(draw.uniform(unit as u32)));
                let state = if u < p { 1.0 } else { 0.0 };
                let differs = states[own.len()] != state;
                self.differing += u64::from(differs);
                self.unexplained += u64::from(differs && (u - p).abs() > explained);
                own.push(state);
            }
        }
        self.units += own.len() as u64;
        self.activation_error = self.activation_error.max(largest);
        Ok(Rows { values: own, width: activation.width })
    }
}

/// Weights', visible bias's and hidden bias's part of the gradient, summed in f64.
fn gradient_on_host(data: (&Rows, &Rows), chains: (&Rows, &Rows)) -> [Vec<f64>; 3] {
    let (m, n) = (data.0.width, data.1.width);
    let mut parts = [vec![0.0; n * m], vec![0.0; m], vec![0.0; n]];
    for ((visible, activation), sign) in [(data, 1.0), (chains, -1.0)] {
        let weight = sign / visible.len() as f64;
        for (row, activations) in visible.iter().zip(activation.iter()) {
            for (i, value) in row.iter().enumerate() {
                parts[1][i] += weight * value;
            }
            for (j, activation) in activations.iter().enumerate() {
                let p = weight * sigmoid(*activation);
                parts[2][j] += p;
                let weights = &mut parts[0][j * m..(j + 1) * m];
                weights.iter_mut().zip(row).for_each(|(sum, value)| *sum += p * value);
            }
        }
    }
    parts
}

fn tensor(rbm: &Rbm, rows: &Rows) -> Tensor<2> {
    let data = TensorData::new(rows.values.clone(), [rows.len(), rows.width]);
    Tensor::from_data(data, (&rbm.device(), rbm.precision().dtype()))
}
