//! Centred gradients against their definition, fused kernels against composed ones, and what centring is for.

use burn::tensor::{DType, Tensor, TensorData};
use rbm_model::{ModelConfig, Parameters, Precision, Rbm, exact};
use rbm_ops::{BackendName, devices_for_tests, open};
use rbm_train::{Algorithm, Batch, Centred, Exact, GradientEstimator, Kernels, Key, Offsets, TrainConfig, Trainer};

use super::common::{bars_and_stripes, finish, oracle, rows, trainer};

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn host(tensor: &Tensor<2>) -> Vec<f64> {
    tensor.clone().into_data().convert::<f64>().try_into_vec::<f64>().expect("converted")
}

fn values_of_bars_and_stripes() -> Vec<Vec<f64>> {
    let split = bars_and_stripes();
    (0..split.len())
        .map(|row| {
            let mut values = vec![0.0; 9];
            split.row(row, &mut values);
            values
        })
        .collect()
}

/// A weight, visible and hidden values.
type Weighted = (f64, Vec<f64>, Vec<f64>);

/// The mean of `(h - la) (v - mu)'` over joint states with these weights, row by row.
fn centred_mean(states: &[Weighted], mu: &[f64], la: &[f64]) -> Vec<f64> {
    let mut mean = vec![0.0; mu.len() * la.len()];
    for (weight, visible, hidden) in states {
        for (j, row) in mean.chunks_exact_mut(mu.len()).enumerate() {
            for (i, sum) in row.iter_mut().enumerate() {
                *sum += weight * (hidden[j] - la[j]) * (visible[i] - mu[i]);
            }
        }
    }
    mean
}

/// The centred gradient by its definition, summed over all joint states: weights, visible bias, hidden bias.
fn by_definition(p: &Parameters, data: &[Vec<f64>], mu: &[f64], la: &[f64]) -> [Vec<f64>; 3] {
    let (m, n) = (p.visible(), p.hidden());
    let means = |visible: &[f64]| -> Vec<f64> { p.hidden_activation(visible).into_iter().map(sigmoid).collect() };
    let of_data: Vec<_> = data.iter().map(|row| (1.0 / data.len() as f64, row.clone(), means(row))).collect();
    let bits = |state: usize, count: usize| -> Vec<f64> { (0..count).map(|bit| (state >> bit & 1) as f64).collect() };
    let mut of_model: Vec<_> = (0..1 << (m + n))
        .map(|state| {
            let (visible, hidden) = (bits(state, m), bits(state >> m, n));
            ((-p.energy(&visible, &hidden)).exp(), visible, hidden)
        })
        .collect();
    let z: f64 = of_model.iter().map(|(weight, ..)| weight).sum();
    of_model.iter_mut().for_each(|(weight, ..)| *weight /= z);

    let difference = |f: &dyn Fn(&[Weighted]) -> Vec<f64>| -> Vec<f64> {
        f(&of_data).into_iter().zip(f(&of_model)).map(|(data, model)| data - model).collect()
    };
    let weights = difference(&|states| centred_mean(states, mu, la));
    let mean_of = |layer: usize| {
        move |states: &[Weighted]| -> Vec<f64> {
            let mut mean = vec![0.0; if layer == 0 { m } else { n }];
            for (weight, visible, hidden) in states {
                let values = if layer == 0 { visible } else { hidden };
                mean.iter_mut().zip(values).for_each(|(mean, value)| *mean += weight * value);
            }
            mean
        }
    };
    let mut visible_bias = difference(&mean_of(0));
    let mut hidden_bias = difference(&mean_of(1));
    for j in 0..n {
        for i in 0..m {
            visible_bias[i] -= weights[j * m + i] * la[j];
            hidden_bias[j] -= weights[j * m + i] * mu[i];
        }
    }
    [weights, visible_bias, hidden_bias]
}

#[test]
fn a_centred_exact_gradient_is_the_definition_summed_over_all_states() {
    let p = oracle(6, 1.0, true);
    let data = values_of_bars_and_stripes();
    let start_mu: Vec<f64> = (0..9).map(|i| 0.1 + 0.08 * f64::from(i)).collect();
    let rate = 0.25;
    // The offsets move before they are used.
    let mean = |column: &dyn Fn(&[f64]) -> f64| data.iter().map(|row| column(row)).sum::<f64>() / data.len() as f64;
    let mu: Vec<f64> = (0..9).map(|i| (1.0 - rate) * start_mu[i] + rate * mean(&|row| row[i])).collect();
    let la: Vec<f64> = (0..6)
        .map(|j| (1.0 - rate) * sigmoid(p.hidden_bias()[j]) + rate * mean(&|row| sigmoid(p.hidden_activation(row)[j])))
        .collect();
    let expected = by_definition(&p, &data, &mu, &la);
    for (backend, device) in devices_for_tests() {
        let precision = if backend.has_f64() { Precision::F64 } else { Precision::F32 };
        let model = Rbm::new(&p, &ModelConfig::default(), precision, &device);
        let centred = Centred::new(Box::new(Exact), start_mu.clone(), rate);
        let flat = data.concat();
        let visible =
            Tensor::<2>::from_data(TensorData::new(flat.clone(), [data.len(), 9]), (&device, precision.dtype()));
        let batch = Batch { visible, rows: Some(exact::WeightedRows::new(9, &flat).expect("rows")) };
        let key = Key { seed: 1, gibbs_step: 0, k: 1 };
        let (gradient, state) = centred.estimate(key, &model, batch, centred.init(1, &model)).expect("estimated");
        let found = [&gradient.weights, &gradient.visible_bias, &gradient.hidden_bias].map(host);
        // Sums of 2^15 weights, each of a few roundings, whose total is 1: 2^15 x 2^-53 in the worst case, 4e-12, and the
        // corrections add at most 9 or 6 such numbers. In f32 the tensors' operations round instead, at most 20 times of
        // numbers below 4.
        let tolerance = if backend.has_f64() { 4e-11 } else { 20.0 * 4.0 / 16_777_216.0 };
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < tolerance, "{backend}: {found} {expected}");
        }
        let offsets = state.offsets.expect("kept");
        for (found, expected) in host(&offsets.visible).iter().chain(&host(&offsets.hidden)).zip(mu.iter().chain(&la)) {
            assert!((found - expected).abs() < tolerance, "{backend}: {found} {expected}");
        }
    }
}

/// Parameters on the host, widened.
fn parts(trainer: &Trainer) -> [Vec<f64>; 3] {
    let p = trainer.parameters().expect("read back");
    [p.weights().to_vec(), p.visible_bias().to_vec(), p.hidden_bias().to_vec()]
}

#[test]
fn a_fused_centred_step_is_a_composed_one() {
    // Whole tiles, and tiles short by some; CD, and chains apart from the batch.
    for (visible, hidden, count) in [(9, 6, 16), (16, 32, 20), (33, 17, 40), (130, 70, 60)] {
        let wave = |i: usize| 0.4 * (0.3 + 1.7 * i as f64).sin();
        let start = Parameters::new(
            (0..visible * hidden).map(wave).collect(),
            (0..visible).map(|i| wave(3 * i + 1)).collect(),
            (0..hidden).map(|j| wave(5 * j + 2)).collect(),
        )
        .expect("sizes fit");
        let values: Vec<Vec<f32>> = (0..count)
            .map(|row: usize| (0..visible).map(|i| f32::from(u8::from((row * 31 + i * i + row * i) % 7 < 3))).collect())
            .collect();
        let split = super::common::states(&values);
        for algorithm in [Algorithm::Cd, Algorithm::Pcd, Algorithm::Rdm] {
            let chains = algorithm.has_chains().then_some(count + 5);
            let config = TrainConfig {
                algorithm,
                chains,
                k: 2,
                centred: true,
                offset_rate: Some(0.2),
                epochs: 1,
                batch_size: count,
                learning_rate: 1.0,
                weight_decay: 0.01,
                momentum: 0.5,
                ..TrainConfig::default()
            };
            let step = |kernels| {
                let device = open(BackendName::Flex).expect("built in");
                let rbm = Rbm::new(&start, &ModelConfig::default(), Precision::F32, &device);
                let trainer = Trainer::with_kernels(&config, rbm, split.clone(), 3, kernels).expect("fits");
                assert_eq!(trainer.kernels(), kernels);
                let trainer = finish(trainer);
                (trainer.chain_states().expect("host"), trainer.gradient_norm().expect("one step"), parts(&trainer))
            };
            let ((fused_chains, fused_norm, fused), (chains, norm, composed)) =
                (step(Kernels::Fused), step(Kernels::Composed));
            assert_eq!(fused_chains, chains, "the seed has no draw that rounding could move");
            // Every number is a sum of means below 1: the weights' gradient of `count` terms, the corrections' of
            // `visible` or `hidden` of those times an offset below 1, in another order. Roundings of 2^-24 add up like a
            // random walk at the most; 4 stands for the terms of a gradient and 8 standard deviations for all of them.
            let terms = (count + 5 + visible + hidden) as f64;
            let tolerance = 4.0 * 8.0 * terms.sqrt() * 2.0_f64.powi(-24);
            for (part, (fused, composed)) in fused.iter().zip(&composed).enumerate() {
                for (at, (fused, composed)) in fused.iter().zip(composed).enumerate() {
                    assert!(
                        (fused - composed).abs() <= tolerance,
                        "{visible} x {hidden} {algorithm:?}, part {part}, {at}: {fused} {composed}"
                    );
                }
            }
            assert!((fused_norm - norm).abs() <= 1e-5 * norm, "{fused_norm} {norm}");
        }
    }
}

/// Mean log-likelihood after every epoch of exact training, as `flipped` data and machine or as they are.
fn curve(centred: bool, flipped: bool) -> Vec<f64> {
    let plain = oracle(4, 0.5, true);
    let mut data = values_of_bars_and_stripes();
    // A bit more ones than zeros, so that a flip is no symmetry of the data.
    data.retain(|row| row.iter().sum::<f64>() != 0.0);
    // v -> 1 - v: weights and visible bias change sign, and the hidden bias takes the weights' sums.
    let start = if flipped {
        data.iter_mut().flatten().for_each(|value| *value = 1.0 - *value);
        let hidden_bias = (0..4).map(|j| plain.hidden_bias()[j] + plain.weights_of(j).iter().sum::<f64>()).collect();
        let minus = |values: &[f64]| values.iter().map(|value| -value).collect::<Vec<f64>>();
        Parameters::new(minus(plain.weights()), minus(plain.visible_bias()), hidden_bias).expect("sizes fit")
    } else {
        plain
    };
    let values: Vec<Vec<f32>> = data.iter().map(|row| row.iter().map(|&x| x as f32).collect()).collect();
    let config = TrainConfig {
        algorithm: Algorithm::Exact,
        centred,
        // The hidden offsets start at sigmoid(b), which a flip changes: from the first batch on they are its means.
        offset_rate: centred.then_some(1.0),
        epochs: 40,
        batch_size: values.len(),
        learning_rate: 0.5,
        ..TrainConfig::default()
    };
    let mut trainer = trainer(&config, &start, Precision::F64, rows(&values));
    let mut curve = Vec::new();
    while !trainer.is_finished() {
        (trainer, _) = trainer.step().expect("does not diverge");
        let p = trainer.parameters().expect("read back");
        let log_z = exact::log_partition(&p).expect("small enough");
        let energies: f64 = data.iter().map(|row| -p.free_energy(row)).sum();
        curve.push(energies / data.len() as f64 - log_z);
    }
    curve
}

#[test]
fn flipped_data_train_the_flipped_machine_with_centred_gradients_and_another_with_plain_ones() {
    let largest = |centred| {
        let pairs = curve(centred, false).into_iter().zip(curve(centred, true));
        pairs.map(|(one, other): (f64, f64)| (one - other).abs()).fold(0.0, f64::max)
    };
    // 40 updates of rate 1/2, each of numbers below 1 with sums of 512 terms: 40 x 512 x 2^-53 = 2e-12, times the 9 + 4 + 36
    // parameters that a log-likelihood feels.
    assert!(largest(true) < 1e-10, "{:e}", largest(true));
    // Plain gradients move the flipped machine elsewhere: no rounding, a million times the bound.
    assert!(largest(false) > 1e-4, "{:e}", largest(false));
}

#[test]
fn offsets_start_at_the_rows_means_and_at_the_hidden_units_own() {
    let p = oracle(6, 1.0, true);
    let device = open(BackendName::Flex).expect("built in");
    let model = Rbm::new(&p, &ModelConfig::default(), Precision::F32, &device);
    let means = bars_and_stripes().mean();
    let offsets = Offsets::at_start(&model, &means);
    assert_eq!(offsets.visible.dtype(), DType::F32);
    let expected = means.iter().copied().chain(p.hidden_bias().iter().map(|&b| sigmoid(b)));
    for (found, expected) in host(&offsets.visible).into_iter().chain(host(&offsets.hidden)).zip(expected) {
        assert!((found - expected).abs() <= 8.0 / 16_777_216.0, "{found} {expected}"); // a sigmoid in f32
    }
}
