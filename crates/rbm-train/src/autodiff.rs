//! The gradient of the mean log-likelihood by automatic differentiation: the closed form is held against it.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rbm_model::{
    Error as ModelError, Parameters,
    exact::{self, WeightedRows},
};

use crate::{Error, gradient::host};

/// The most visible units: the free energies of all their states are one tensor.
const MOST_VISIBLE: usize = 16;
/// Activations beyond it would overflow `exp` in f64, which the plain formula of the softplus takes of them.
const LARGEST_ACTIVATION: f64 = 700.0;

/// Gradient of the mean log-likelihood `-E_q F(v) - ln sum_v exp(-F(v))` of the rows, in f64, by automatic
/// differentiation of exactly this expression on `device`, with the sum over all visible states written out.
///
/// No derivative is written by hand. The softplus is `ln(1 + exp(x))` as it stands, which is smooth everywhere: the
/// form with a maximum, which does not overflow, has no derivative at 0.
///
/// # Errors
/// When the rows do not fit the machine, it has more than 16 visible units or activations beyond 700, or the device
/// fails to answer. The device must compute in f64.
pub fn autodiff_gradient(
    parameters: &Parameters,
    rows: &WeightedRows,
    device: &Device,
) -> Result<exact::Gradient, Error> {
    let (m, n) = (parameters.visible(), parameters.hidden());
    check(parameters, rows)?;
    let tracked = device.clone().autodiff();
    let constant = |values: Vec<f64>, shape: [usize; 2]| {
        Tensor::<2>::from_data(TensorData::new(values, shape), (&tracked, DType::F64))
    };
    let parameter = |values: &[f64], shape| constant(values.to_vec(), shape).require_grad();
    let weights = parameter(parameters.weights(), [n, m]);
    let visible_bias = parameter(parameters.visible_bias(), [1, m]);
    let hidden_bias = parameter(parameters.hidden_bias(), [1, n]);
    // `-F(v)`, `[rows, 1]`.
    let log_weight = |values: Vec<f64>| {
        let count = values.len() / m;
        let v = constant(values, [count, m]);
        let x = v.clone().matmul(weights.clone().transpose()) + hidden_bias.clone();
        (v * visible_bias.clone()).sum_dim(1) + (x.exp() + 1.0).log().sum_dim(1)
    };
    let (data, shares): (Vec<&[f64]>, Vec<f64>) = rows.iter().unzip();
    let count = shares.len();
    let of_data = (log_weight(data.concat()) * constant(shares, [count, 1])).sum();
    let states: Vec<f64> = (0..1_usize << m).flat_map(|state| (0..m).map(move |i| (state >> i & 1) as f64)).collect();
    // A constant shift keeps `exp` within range and does not change the value.
    let shift = states.chunks_exact(m).map(|v| -parameters.free_energy(v)).fold(f64::NEG_INFINITY, f64::max);
    let log_z = (log_weight(states) - shift).exp().sum().log() + shift;
    let derivatives = (of_data - log_z).backward();
    let derivative = |tensor: &Tensor<2>| {
        let derivative = tensor.grad(&derivatives);
        derivative.map_or_else(|| Err(ModelError::Device("no derivative came back".into())), |found| host(&found))
    };
    Ok(exact::Gradient {
        weights: derivative(&weights)?,
        visible_bias: derivative(&visible_bias)?,
        hidden_bias: derivative(&hidden_bias)?,
    })
}

fn check(parameters: &Parameters, rows: &WeightedRows) -> Result<(), ModelError> {
    let m = parameters.visible();
    if rows.visible() != m || m > MOST_VISIBLE {
        return Err(ModelError::Shape(format!(
            "rows of {} units and {m} visible units: they must be equal, and at most {MOST_VISIBLE}",
            rows.visible()
        )));
    }
    let reach =
        |j: usize| parameters.hidden_bias()[j].abs() + parameters.weights_of(j).iter().map(|w| w.abs()).sum::<f64>();
    if (0..parameters.hidden()).any(|j| reach(j) > LARGEST_ACTIVATION) {
        return Err(ModelError::Shape(format!("activations may exceed {LARGEST_ACTIVATION}, where exp overflows")));
    }
    Ok(())
}
