//! The Gibbs kernel leaves the model's law where it is, and devices agree on every half-step.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rbm_model::{ChainDraws, Chains, GibbsState, ModelConfig, Parameters, Precision, Rbm, exact, sample_chains};
use rbm_ops::{Draw, Stream, devices_for_tests};

/// A machine of 6 visible and 4 hidden units that is far from uniform and mixes slowly.
fn machine() -> Parameters {
    let wave = |i: usize| 2.5 * (0.3 + 1.9 * i as f64).sin();
    Parameters::new((0..24).map(wave).collect(), (30..36).map(wave).collect(), (40..44).map(wave).collect())
        .expect("sizes fit")
}

fn chains(visible: Tensor<2>, seed: u64) -> GibbsState {
    GibbsState { visible, seed, hidden_stream: Stream::SampleHidden, visible_stream: Stream::SampleVisible, step: 0 }
}

fn counts(states: &Tensor<2>, units: usize) -> Vec<f64> {
    let values = states.clone().into_data().convert::<f32>().try_into_vec::<f32>().expect("converted");
    let mut counts = vec![0.0; 1 << units];
    for row in values.chunks(units) {
        counts[row.iter().enumerate().map(|(i, &x)| usize::from(x == 1.0) << i).sum::<usize>()] += 1.0;
    }
    counts
}

/// Pearson's statistic over states expected at least 5 times, the others in one class, and its degrees of freedom.
fn chi_squared(counts: &[f64], law: &[f64]) -> (f64, f64) {
    let n: f64 = counts.iter().sum();
    let (mut statistic, mut classes, mut rest) = (0.0, 0.0, (0.0, 0.0));
    for (&count, &p) in counts.iter().zip(law) {
        if n * p >= 5.0 {
            statistic += (count - n * p).powi(2) / (n * p);
            classes += 1.0;
        } else {
            rest = (rest.0 + count, rest.1 + n * p);
        }
    }
    if rest.1 > 0.0 {
        statistic += (rest.0 - rest.1).powi(2) / rest.1;
        classes += 1.0;
    }
    (statistic, classes - 1.0)
}

/// The bound that chi squared with `d` degrees of freedom passes with probability 1e-6 (Wilson and Hilferty 1931).
fn critical(d: f64) -> f64 {
    let z = 4.753; // of the normal law, one-sided 1e-6
    d * (1.0 - 2.0 / (9.0 * d) + z * (2.0 / (9.0 * d)).sqrt()).powi(3)
}

/// Chains start exactly at the model's law, so however slowly the kernel mixes, only a wrong one moves them.
#[test]
fn chains_that_start_at_the_model_stay_there() {
    let p = machine();
    let rows = 40_000;
    let start: Vec<f32> = exact_samples(&p, rows, 11);
    let law = law_of(&p);
    for (backend, device) in devices_for_tests() {
        let rbm = Rbm::new(&p, &ModelConfig::default(), Precision::F32, &device);
        let visible = Tensor::from_data(TensorData::new(start.clone(), [rows, 6]), (&device, DType::F32));
        let mut state = chains(visible, 5);
        for sweep in 1..=16 {
            state = rbm.gibbs_step(state);
            if [1, 4, 16].contains(&sweep) {
                let (statistic, freedom) = chi_squared(&counts(&state.visible, 6), &law);
                assert!(statistic < critical(freedom), "{backend}: {statistic} of {freedom} after {sweep} sweeps");
            }
        }
        assert!(counts(&state.visible, 6).iter().sum::<f64>() == rows as f64);
    }
}

#[test]
fn chains_from_anywhere_reach_the_model() {
    // 200 sweeps: the second eigenvalue of this kernel is below 0.95 (asserted), so what is left of the start is below
    // 0.95^200 = 4e-5 of its distance, and unseen among 40,000 chains, or fewer.
    let p = machine();
    assert!(exact::second_eigenvalue(&p).expect("small enough") < 0.95);
    for (backend, device) in devices_for_tests() {
        let rbm = Rbm::new(&p, &ModelConfig::default(), Precision::F32, &device);
        let rows = if backend.has_f64() { 40_000 } else { 4_000 }; // software drivers are slow
        let states = sample_chains(&rbm, rows, 200, 9, |_| ());
        let (statistic, freedom) = chi_squared(&counts(&states, 6), &law_of(&p));
        assert!(statistic < critical(freedom), "{backend}: {statistic} of {freedom}");
    }
}

#[test]
fn a_gibbs_step_depends_on_seed_step_and_row_alone() {
    for (backend, device) in devices_for_tests() {
        let rbm = Rbm::new(&machine(), &ModelConfig::default(), Precision::F32, &device);
        let start = Tensor::<2>::zeros([50, 6], (&device, DType::F32));
        let all = rbm.gibbs_step(chains(start.clone(), 3));
        assert_eq!(all.step, 1);
        let again = rbm.gibbs_step(chains(start.clone(), 3));
        assert_eq!(counts(&all.visible, 6), counts(&again.visible, 6), "{backend}");
        let other = rbm.gibbs_step(chains(start, 4));
        assert_ne!(counts(&all.visible, 6), counts(&other.visible, 6), "{backend}");
    }
}

/// Design: each half-step from the reference's state, and every differing unit must satisfy
/// `|u - p| <= max |difference of logits| / 4 + 2^-24` (the sigmoid's slope is at most 1/4).
#[test]
fn devices_agree_half_step_by_half_step_under_teacher_forcing() {
    let (m, n, rows) = (200, 80, 300);
    let wave = |i: usize, scale: f64| scale * (0.1 + 0.7 * i as f64).sin();
    let p = Parameters::new(
        (0..m * n).map(|i| wave(i, 0.3)).collect(),
        (0..m).map(|i| wave(i + 7, 0.5)).collect(),
        (0..n).map(|i| wave(i + 3, 0.5)).collect(),
    )
    .expect("sizes fit");
    let devices = devices_for_tests();
    let (_, reference_device) = &devices[0];
    let reference = Rbm::new(&p, &ModelConfig::default(), Precision::F32, reference_device);
    let others: Vec<(String, Rbm, Device)> = devices[1..]
        .iter()
        .map(|(backend, device)| {
            (backend.to_string(), Rbm::new(&p, &ModelConfig::default(), Precision::F32, device), device.clone())
        })
        .collect();
    let mut visible = host(Tensor::zeros([rows, m], (reference_device, DType::F32)));
    let mut flips = 0;
    for step in 0..20 {
        let draw = |stream| Draw { seed: 77, stream, step, row: 0 };
        let forced = |values: &[f32], units, device: &Device| {
            Tensor::<2>::from_data(TensorData::new(values.to_vec(), [rows, units]), (device, DType::F32))
        };
        let at = draw(Stream::SampleHidden);
        let logits = reference.hidden_activation(forced(&visible, m, reference_device));
        let hidden = host(reference.sample_hidden(logits.clone(), at));
        for (name, rbm, device) in &others {
            let other = rbm.hidden_activation(forced(&visible, m, device));
            let states = host(rbm.sample_hidden(other.clone(), at));
            flips += compare(name, &host(logits.clone()), &host(other), &hidden, &states, n, at);
        }
        let at = draw(Stream::SampleVisible);
        let logits = reference.visible_activation(forced(&hidden, n, reference_device));
        let next = host(reference.sample_visible(forced(&hidden, n, reference_device), at));
        for (name, rbm, device) in &others {
            let other = rbm.visible_activation(forced(&hidden, n, device));
            let states = host(rbm.sample_visible(forced(&hidden, n, device), at));
            flips += compare(name, &host(logits.clone()), &host(other), &next, &states, m, at);
        }
        visible = next;
    }
    eprintln!("{flips} of {} states differ between devices", 20 * rows * (m + n) * others.len());
}

fn compare(name: &str, logits: &[f32], other: &[f32], states: &[f32], others: &[f32], units: usize, at: Draw) -> usize {
    let largest = logits.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    // Sums of at most 200 products below 0.3, whose order differs between devices: 200 roundings of a sum below 60.
    assert!(largest <= 200.0 * 60.0 / 16_777_216.0, "{name}: logits differ by {largest}");
    let mut flips = 0;
    for (i, (a, b)) in states.iter().zip(others).enumerate().filter(|(_, (a, b))| a != b) {
        let u = f64::from(at.at_row((i / units) as u32).uniform((i % units) as u32));
        let p = 1.0 / (1.0 + (-f64::from(logits[i])).exp());
        let bound = f64::from(largest) / 4.0 + 2.0_f64.powi(-24);
        assert!((u - p).abs() <= bound, "{name}: unit {i} is {b}, not {a}, with u = {u} and p = {p}");
        flips += 1;
    }
    flips
}

fn host(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec::<f32>().expect("converted")
}

/// The model's law over visible states by brute force over joint states, from the definition.
fn law_of(p: &Parameters) -> Vec<f64> {
    let mut law: Vec<f64> = (0..1_usize << p.visible())
        .map(|v| {
            (0..1_usize << p.hidden())
                .map(|h| {
                    let mut log_weight = 0.0;
                    for j in (0..p.hidden()).filter(|j| h >> j & 1 == 1) {
                        log_weight += p.hidden_bias()[j];
                        for i in (0..p.visible()).filter(|i| v >> i & 1 == 1) {
                            log_weight += p.weights()[j * p.visible() + i];
                        }
                    }
                    for i in (0..p.visible()).filter(|i| v >> i & 1 == 1) {
                        log_weight += p.visible_bias()[i];
                    }
                    log_weight.exp()
                })
                .sum()
        })
        .collect();
    let z: f64 = law.iter().sum();
    law.iter_mut().for_each(|p| *p /= z);
    law
}

/// Independent draws from that law, by inversion.
fn exact_samples(p: &Parameters, rows: usize, seed: u64) -> Vec<f32> {
    let law = law_of(p);
    let mut sequence = rbm_random::Sequence::new(seed, Stream::ExactSample, 0);
    let mut values = Vec::with_capacity(rows * p.visible());
    for _ in 0..rows {
        let mut u = sequence.uniform();
        let state = law
            .iter()
            .position(|p| {
                u -= p;
                u < 0.0
            })
            .unwrap_or(law.len() - 1);
        values.extend((0..p.visible()).map(|i| (state >> i & 1) as f32));
    }
    values
}

#[test]
fn chains_that_come_to_the_host_are_those_of_sample_chains() {
    let parameters = Parameters::new(
        (0..35).map(|at| (1.3 * f64::from(at)).sin()).collect(),
        (0..7).map(|i| (0.7 * f64::from(i)).cos()).collect(),
        vec![0.1; 5],
    )
    .expect("7 x 5");
    let draws = ChainDraws {
        seed: 4,
        start: Stream::SampleStart,
        hidden: Stream::SampleHidden,
        visible: Stream::SampleVisible,
        set: 0,
    };
    for (_, device) in devices_for_tests() {
        let rbm = Rbm::new(&parameters, &ModelConfig::default(), Precision::F32, &device);
        let start = Chains::uniform(&rbm, 30, draws);
        let states = start.visible().expect("the device answers");
        let again = Chains::at_rows(&rbm, &states, draws).expect("whole rows").step().step();
        let stepped = start.step().step().visible().expect("the device answers");
        let expected = sample_chains(&rbm, 30, 2, 4, |_| {}).try_into_data().expect("the device answers");
        assert_eq!(Some(stepped.clone()), expected.convert::<f32>().try_into_vec().ok());
        assert_eq!(again.visible().expect("the device answers"), stepped);
        let other = Chains::uniform(&rbm, 30, ChainDraws { set: 1, ..draws }).step().step();
        assert_ne!(other.visible().expect("the device answers"), stepped);
        assert!(Chains::at_rows(&rbm, &states[1..], draws).is_err() && Chains::at_rows(&rbm, &[], draws).is_err());
    }
}
