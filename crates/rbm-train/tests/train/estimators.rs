//! Stochastic gradients against their exact expectations, and against automatic differentiation.

use super::common::{bars_and_stripes, oracle};
use burn::tensor::{DType, Tensor, TensorData};
use rbm_model::{ModelConfig, Precision, Rbm, exact, exact::WeightedRows};
use rbm_ops::devices_for_tests;
use rbm_train::{Algorithm, Batch, EstimatorState, Gradient, Key, TrainConfig, autodiff_gradient, estimator};

const MACHINE_HIDDEN: usize = 6;

pub(super) fn rows() -> Vec<f64> {
    let split = bars_and_stripes();
    let mut values = vec![0.0; split.len() * 9];
    values.chunks_exact_mut(9).enumerate().for_each(|(row, out)| split.row(row, out));
    values
}

pub(super) fn components(gradient: &Gradient) -> Vec<f64> {
    [&gradient.weights, &gradient.visible_bias, &gradient.hidden_bias]
        .into_iter()
        .flat_map(|part| part.clone().into_data().convert::<f64>().try_into_vec::<f64>().expect("converted"))
        .collect()
}

/// Means of `draws` estimates and their standard errors, against `expected`, component by component.
///
/// Level: 69 components, normal bound of 5.6 standard errors, so 69 x 2e-8 = 1.5e-6 in all; the seed is fixed.
pub(super) fn assert_mean_is(name: &str, estimates: &[Vec<f64>], expected: &[f64]) {
    let n = estimates.len() as f64;
    for (c, &expected) in expected.iter().enumerate() {
        let mean = estimates.iter().map(|e| e[c]).sum::<f64>() / n;
        let variance = estimates.iter().map(|e| (e[c] - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let error = (variance / n).sqrt().max(1e-7); // f32 sums of 16 rows carry about 1e-7
        assert!((mean - expected).abs() <= 5.6 * error, "{name}, component {c}: {mean}, not {expected} +- {error}");
    }
}

#[test]
fn the_mean_of_many_cd_gradients_is_the_enumerated_expectation() {
    let p = oracle(MACHINE_HIDDEN, 1.0, true);
    let values = rows();
    let weighted = WeightedRows::new(9, &values).expect("rows");
    for (backend, device) in devices_for_tests() {
        let model = Rbm::new(&p, &ModelConfig::default(), Precision::F32, &device);
        let visible = Tensor::<2>::from_data(TensorData::new(values.clone(), [16, 9]), (&device, DType::F32));
        let cd = estimator(&TrainConfig::default(), &bars_and_stripes());
        // A step on a software driver takes fifty times as long: fewer, with the larger error that they then have.
        let draws = if backend.has_f64() { 2000 } else { 200 };
        for k in [1, 2, 5] {
            let estimates: Vec<Vec<f64>> = (0..draws)
                .map(|draw| {
                    let key = Key { seed: 3, gibbs_step: draw * 10, k };
                    let batch = Batch { visible: visible.clone(), rows: None };
                    let (gradient, _) = cd.estimate(key, &model, batch, EstimatorState::default()).expect("estimated");
                    components(&gradient)
                })
                .collect();
            let expected = exact::expected_cd_gradient(&p, &weighted, k).expect("small enough");
            assert_mean_is(&format!("{backend} CD-{k}"), &estimates, &expected.components().collect::<Vec<_>>());
        }
    }
}

#[test]
fn the_mean_of_many_pcd_gradients_from_exact_chains_is_the_exact_gradient() {
    // Chains that start at the model's law stay there while the model does not move, so each step is unbiased.
    let p = oracle(MACHINE_HIDDEN, 1.0, true);
    let values = rows();
    let weighted = WeightedRows::new(9, &values).expect("rows");
    let expected: Vec<f64> = exact::gradient(&p, &weighted).expect("small enough").components().collect();
    let chains = 32;
    let starts = exact::sample(&p, 2000 * chains, 17).expect("small enough");
    for (backend, device) in devices_for_tests() {
        let model = Rbm::new(&p, &ModelConfig::default(), Precision::F32, &device);
        let tensor =
            |values: Vec<f32>, rows| Tensor::<2>::from_data(TensorData::new(values, [rows, 9]), (&device, DType::F32));
        let visible = tensor(values.iter().map(|&x| x as f32).collect(), 16);
        let pcd = estimator(&TrainConfig { algorithm: Algorithm::Pcd, ..TrainConfig::default() }, &bars_and_stripes());
        let estimates: Vec<Vec<f64>> = starts
            .chunks_exact(chains * 9)
            .enumerate()
            .map(|(draw, start)| {
                let key = Key { seed: 4, gibbs_step: draw as u64 * 3, k: 3 };
                let state = EstimatorState::of_chains(tensor(start.iter().map(|&x| f32::from(x)).collect(), chains));
                let batch = Batch { visible: visible.clone(), rows: None };
                components(&pcd.estimate(key, &model, batch, state).expect("estimated").0)
            })
            .collect();
        assert_mean_is(&format!("{backend} PCD-3"), &estimates, &expected);
    }
}

#[test]
fn the_mean_of_many_rdm_gradients_is_the_statistics_after_k_steps_from_uniform_states() {
    // E_q s - E_{u T^k} s: the expected CD-k gradient whose chains start at every state once, less the data's part of
    // that one, with the data's own part.
    let p = oracle(MACHINE_HIDDEN, 1.0, true);
    let values = rows();
    let weighted = WeightedRows::new(9, &values).expect("rows");
    let all: Vec<f64> = (0..512).flat_map(|v| (0..9).map(move |i| f64::from(v >> i & 1))).collect();
    let uniform = WeightedRows::new(9, &all).expect("rows");
    let model_side = exact::moments(&p).expect("small enough");
    let against_model = |rows: &WeightedRows| -> Vec<f64> {
        let data = exact::data_moments(&p, rows).expect("small enough");
        exact::Gradient::between(&data, &model_side).components().collect()
    };
    let (of_data, of_uniform) = (against_model(&weighted), against_model(&uniform));
    for (backend, device) in devices_for_tests() {
        let model = Rbm::new(&p, &ModelConfig::default(), Precision::F32, &device);
        let visible = Tensor::<2>::from_data(TensorData::new(values.clone(), [16, 9]), (&device, DType::F32));
        let config = TrainConfig { algorithm: Algorithm::Rdm, chains: Some(24), ..TrainConfig::default() };
        let rdm = estimator(&config, &bars_and_stripes());
        let draws = if backend.has_f64() { 2000 } else { 200 };
        for k in [1, 2, 5] {
            let estimates: Vec<Vec<f64>> = (0..draws)
                .map(|draw| {
                    let key = Key { seed: 3 + draw, gibbs_step: 0, k };
                    let batch = Batch { visible: visible.clone(), rows: None };
                    let (gradient, _) = rdm.estimate(key, &model, batch, EstimatorState::default()).expect("estimated");
                    components(&gradient)
                })
                .collect();
            let cd = exact::expected_cd_gradient(&p, &uniform, k).expect("small enough");
            let expected: Vec<f64> = cd
                .components()
                .zip(of_data.iter().zip(&of_uniform))
                .map(|(cd, (of_data, of_uniform))| of_data - of_uniform + cd)
                .collect();
            assert_mean_is(&format!("{backend} Rdm-{k}"), &estimates, &expected);
        }
    }
}

#[test]
fn rdm_steps_do_not_share_their_starts() {
    for (backend, device) in devices_for_tests() {
        let model = Rbm::new(&oracle(6, 0.0, true), &ModelConfig::default(), Precision::F32, &device);
        let config = TrainConfig { algorithm: Algorithm::Rdm, chains: Some(40), ..TrainConfig::default() };
        let rdm = estimator(&config, &bars_and_stripes());
        let at = |gibbs_step| {
            let batch = Batch { visible: Tensor::zeros([4, 9], (&device, DType::F32)), rows: None };
            let key = Key { seed: 5, gibbs_step, k: 1 };
            components(&rdm.estimate(key, &model, batch, EstimatorState::default()).expect("estimated").0)
        };
        assert_ne!(at(0), at(1), "{backend}");
        assert_eq!(at(1), at(1), "{backend}");
    }
}

#[test]
fn pcd_chains_go_on_and_start_with_half_of_the_units_on() {
    for (backend, device) in devices_for_tests() {
        let model = Rbm::new(&oracle(6, 1.0, true), &ModelConfig::default(), Precision::F32, &device);
        let config = TrainConfig { algorithm: Algorithm::Pcd, chains: Some(2000), ..TrainConfig::default() };
        let pcd = estimator(&config, &bars_and_stripes());
        let state = pcd.init(5, &model);
        let host = |state: &EstimatorState| {
            let chains = state.chains.clone().expect("PCD keeps chains");
            chains.into_data().convert::<f64>().try_into_vec::<f64>().expect("converted")
        };
        let first = host(&state);
        let mean = first.iter().sum::<f64>() / first.len() as f64;
        assert!((mean - 0.5).abs() < 5.0 * 0.5 / (18_000_f64).sqrt(), "{backend}: {mean}; 5 standard errors");
        let batch = Batch { visible: Tensor::zeros([4, 9], (&device, DType::F32)), rows: None };
        let key = Key { seed: 5, gibbs_step: 0, k: 2 };
        let (_, next) = pcd.estimate(key, &model, batch, state).expect("estimated");
        assert_ne!(first, host(&next), "{backend}");
        assert_eq!(next.chains.expect("kept").dims(), [2000, 9]);
    }
}

/// The article trains by differentiating `mean F(data) - mean F(chains)` with the chains held fixed: minus our gradient.
#[test]
fn the_closed_form_is_automatic_differentiation_of_the_free_energy_difference() {
    let p = oracle(MACHINE_HIDDEN, 1.0, true);
    let values = rows();
    for (backend, device) in devices_for_tests() {
        if !backend.has_f64() {
            continue;
        }
        let plain = |values: Vec<f64>, shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values, shape), (&device, DType::F64))
        };
        let model = Rbm::new(&p, &ModelConfig::default(), Precision::F64, &device);
        let chains: Vec<f64> = (0..5 * 9).map(|i| f64::from(i * 7 % 3 == 0)).collect();
        let phase = |values: Vec<f64>, rows| {
            let visible = plain(values, [rows, 9]);
            (visible.clone(), model.hidden_given_visible(visible))
        };
        let closed = components(&Gradient::between(phase(values.clone(), 16), phase(chains.clone(), 5)));

        let tracked = device.clone().autodiff();
        let parameter = |values: &[f64], shape: [usize; 2]| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), (&tracked, DType::F64)).require_grad()
        };
        let (w, a, b) =
            (parameter(p.weights(), [6, 9]), parameter(p.visible_bias(), [1, 9]), parameter(p.hidden_bias(), [1, 6]));
        let mean_free_energy = |values: Vec<f64>, rows| {
            let v = Tensor::<2>::from_data(TensorData::new(values, [rows, 9]), (&tracked, DType::F64));
            let x = v.clone().matmul(w.clone().transpose()) + b.clone();
            // log(1 + exp(x)) as the listing has it: activations here are below 8.
            let log_sum = (x.exp() + 1.0).log().sum_dim(1);
            ((v * a.clone()).sum_dim(1) + log_sum).neg().mean()
        };
        let loss = mean_free_energy(values.clone(), 16) - mean_free_energy(chains, 5);
        let grads = loss.backward();
        let derivative = |tensor: &Tensor<2>| {
            let grad = tensor.grad(&grads).expect("tracked");
            grad.into_data().convert::<f64>().try_into_vec::<f64>().expect("converted")
        };
        let automatic = [derivative(&w), derivative(&a), derivative(&b)].concat();
        for (c, (closed, automatic)) in closed.iter().zip(&automatic).enumerate() {
            // Sums of at most 16 terms below 1, each a few roundings: 16 x 8 units of 2^-53, 1.4e-14.
            assert!((closed + automatic).abs() < 2e-14, "{backend}, component {c}: {closed} and {automatic}");
        }
    }
}

#[test]
fn the_exact_gradient_is_automatic_differentiation_of_the_log_likelihood() {
    let p = oracle(MACHINE_HIDDEN, 1.0, true);
    let rows = WeightedRows::new(9, &rows()).expect("rows");
    let closed = exact::gradient(&p, &rows).expect("small enough");
    for (backend, device) in devices_for_tests().into_iter().filter(|(backend, _)| backend.has_f64()) {
        let automatic = autodiff_gradient(&p, &rows, &device).expect("small enough");
        for (c, (closed, automatic)) in closed.components().zip(automatic.components()).enumerate() {
            // Sums of 512 products of numbers below 1, each a few roundings: 512 x 8 units of 2^-53, 4.6e-13.
            assert!((closed - automatic).abs() < 5e-13, "{backend}, component {c}: {closed} and {automatic}");
        }
        let narrow = WeightedRows::new(4, &[0.0; 4]).expect("a row");
        assert!(autodiff_gradient(&p, &narrow, &device).is_err(), "rows must fit");
        let steep = oracle(MACHINE_HIDDEN, 500.0, true);
        assert!(autodiff_gradient(&steep, &rows, &device).is_err(), "exp would overflow");
    }
}
