//! Tensors against the definitions, on every device.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rbm_model::{
    FreeEnergy, Init, ModelConfig, Parameters, Precision, Rbm, VisibleBias, VisibleSampling, initialise, weights_file,
};
use rbm_ops::{BackendName, devices_for_tests};

/// A machine of 5 visible and 3 hidden units with parameters of about 2.
fn machine() -> Parameters {
    let wave = |i: usize| 2.0 * (1.0 + 1.7 * i as f64).sin();
    Parameters::new((0..15).map(wave).collect(), (20..25).map(wave).collect(), (30..33).map(wave).collect())
        .expect("sizes fit")
}

/// All states of `units` units, one a row: unit `i` is bit `i` of the row's number.
fn states(units: usize) -> Vec<Vec<f64>> {
    (0..1_usize << units).map(|state| (0..units).map(|i| (state >> i & 1) as f64).collect()).collect()
}

fn tensor(rows: &[Vec<f64>], precision: Precision, device: &Device) -> Tensor<2> {
    let shape = [rows.len(), rows[0].len()];
    Tensor::from_data(TensorData::new(rows.concat(), shape), (device, precision.dtype()))
}

fn values(tensor: Tensor<2>) -> Vec<f64> {
    tensor.into_data().convert::<f64>().try_into_vec::<f64>().expect("converted")
}

/// Every device in each width it has, with the relative error that width allows: sums of at most 15 products and three
/// functions, each rounding once, of numbers up to 40.
fn widths() -> Vec<(BackendName, Device, Precision, f64)> {
    let roundings = 40.0 * (15.0 + 8.0);
    devices_for_tests()
        .into_iter()
        .flat_map(|(backend, device)| {
            let f64s = backend.has_f64().then(|| (backend, device.clone(), Precision::F64, roundings * f64::EPSILON));
            f64s.into_iter().chain([(backend, device, Precision::F32, roundings * f64::from(f32::EPSILON))])
        })
        .collect()
}

/// Energy from the definition: `-sum_ji h_j W_ji v_i - sum_i a_i v_i - sum_j b_j h_j`.
fn energy(p: &Parameters, v: &[f64], h: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (j, h) in h.iter().enumerate() {
        for (i, v) in v.iter().enumerate() {
            sum -= h * p.weights()[j * p.visible() + i] * v;
        }
        sum -= p.hidden_bias()[j] * h;
    }
    sum - p.visible_bias().iter().zip(v).map(|(a, v)| a * v).sum::<f64>()
}

#[test]
fn energies_and_conditionals_are_those_of_the_joint_law() {
    let p = machine();
    let (vs, hs) = (states(5), states(3));
    for (backend, device, precision, bound) in widths() {
        let rbm = Rbm::new(&p, &ModelConfig::default(), precision, &device);
        let free = values(rbm.free_energy(tensor(&vs, precision, &device)));
        let hidden = values(rbm.hidden_given_visible(tensor(&vs, precision, &device)));
        for (r, v) in vs.iter().enumerate() {
            // F(v) = -ln sum_h exp(-E(v, h)) and P(h_j = 1 | v), by summing over all hidden states.
            let weights: Vec<f64> = hs.iter().map(|h| (-energy(&p, v, h)).exp()).collect();
            let total: f64 = weights.iter().sum();
            assert!((free[r] + total.ln()).abs() <= bound, "{backend} {precision:?}: F of state {r}");
            for j in 0..3 {
                let on: f64 = hs.iter().zip(&weights).map(|(h, w)| h[j] * w).sum();
                assert!((hidden[3 * r + j] - on / total).abs() <= bound, "{backend} {precision:?}: P(h_{j} | {r})");
            }
        }
        let visible = values(rbm.visible_given_hidden(tensor(&hs, precision, &device)));
        for (r, h) in hs.iter().enumerate() {
            let weights: Vec<f64> = vs.iter().map(|v| (-energy(&p, v, h)).exp()).collect();
            let total: f64 = weights.iter().sum();
            for i in 0..5 {
                let on: f64 = vs.iter().zip(&weights).map(|(v, w)| v[i] * w).sum();
                assert!((visible[5 * r + i] - on / total).abs() <= bound, "{backend} {precision:?}: P(v_{i} | {r})");
            }
        }
        let pairs: Vec<(Vec<f64>, Vec<f64>)> =
            vs.iter().flat_map(|v| hs.iter().map(move |h| (v.clone(), h.clone()))).collect();
        let (left, right): (Vec<_>, Vec<_>) = pairs.iter().cloned().unzip();
        let energies = values(rbm.energy(tensor(&left, precision, &device), tensor(&right, precision, &device)));
        for (got, (v, h)) in energies.into_iter().zip(&pairs) {
            assert!((got - energy(&p, v, h)).abs() <= bound, "{backend} {precision:?}: energy of {v:?}, {h:?}");
        }
    }
}

#[test]
fn conditionals_of_states_on_the_host_are_those_of_tensors() {
    let p = machine();
    for (backend, device, precision, _) in widths() {
        let rbm = Rbm::new(&p, &ModelConfig::default(), precision, &device);
        let (vs, hs) = (states(5), states(3));
        let of_tensors = values(rbm.hidden_given_visible(tensor(&vs, precision, &device)));
        assert_eq!(rbm.hidden_probabilities(&vs.concat()).expect("answered"), of_tensors, "{backend}");
        let of_tensors = values(rbm.visible_given_hidden(tensor(&hs, precision, &device)));
        assert_eq!(rbm.visible_probabilities(&hs.concat()).expect("answered"), of_tensors, "{backend}");
        assert!(rbm.hidden_probabilities(&[0.0; 7]).is_err() && rbm.visible_probabilities(&[]).is_err());
    }
}

#[test]
fn the_unnormalised_log_probability_is_minus_the_free_energy() {
    for (backend, device, precision, _) in widths() {
        let rbm = Rbm::new(&machine(), &ModelConfig::default(), precision, &device);
        let v = tensor(&states(5), precision, &device);
        let (log_p, free) = (values(rbm.unnormalised_log_probability(v.clone())), values(rbm.free_energy(v)));
        assert!(log_p.iter().zip(&free).all(|(p, f)| *p == -f), "{backend}");
    }
}

#[test]
fn a_reconstruction_is_the_mean_field_of_the_mean_field() {
    let p = machine();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    for (backend, device, precision, bound) in widths() {
        let rbm = Rbm::new(&p, &ModelConfig::default(), precision, &device);
        let got = values(rbm.reconstruct(tensor(&states(5), precision, &device)));
        for (r, v) in states(5).iter().enumerate() {
            let h: Vec<f64> = (0..3)
                .map(|j| {
                    let input: f64 = (0..5).map(|i| p.weights()[5 * j + i] * v[i]).sum();
                    sigmoid(p.hidden_bias()[j] + input)
                })
                .collect();
            for i in 0..5 {
                let input: f64 = (0..3).map(|j| h[j] * p.weights()[5 * j + i]).sum();
                let expected = sigmoid(p.visible_bias()[i] + input);
                assert!((got[5 * r + i] - expected).abs() <= bound, "{backend} {precision:?}");
            }
        }
    }
}

#[test]
fn the_listing_clamps_activations_and_overflows_where_the_mathematics_does_not() {
    let config = ModelConfig {
        visible_sampling: VisibleSampling::ClampedLinear,
        free_energy: FreeEnergy::Listing,
        ..Default::default()
    };
    let p = Parameters::new(vec![100.0, 0.25], vec![0.5, -2.0], vec![0.0]).expect("sizes fit");
    for (backend, device) in devices_for_tests() {
        let listing = Rbm::new(&p, &config, Precision::F32, &device);
        let on = tensor(&[vec![1.0]], Precision::F32, &device);
        assert_eq!(values(listing.visible_given_hidden(on.clone())), [1.0, 0.0], "{backend}: clamped to [0, 1]");
        let half = values(listing.visible_given_hidden(on.mul_scalar(0.0)));
        assert_eq!(half, [0.5, 0.0], "{backend}: the activation itself is the probability");
        let v = tensor(&[vec![1.0, 0.0]], Precision::F32, &device);
        assert!(!values(listing.free_energy(v.clone()))[0].is_finite(), "{backend}: exp(100) overflows");
        assert!(values(listing.hidden_statistics(listing.hidden_activation(v.clone())))[0].is_nan(), "{backend}");
        let plain = Rbm::new(&p, &ModelConfig::default(), Precision::F32, &device);
        assert!((values(plain.free_energy(v))[0] + 100.5).abs() < 1e-4, "{backend}");
    }
}

#[test]
fn weights_come_back_bit_for_bit_in_both_widths() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (precision, rounded) in [(Precision::F64, machine()), (Precision::F32, rounded(&machine()))] {
        let path = folder.path().join("weights.safetensors");
        weights_file::write(&path, &machine(), precision, Some("{\"k\":1}")).expect("written");
        let stored = weights_file::read(&path).expect("read");
        assert_eq!((stored.parameters, stored.precision), (rounded, precision));
        assert_eq!(stored.config.as_deref(), Some("{\"k\":1}"));
        let bytes = weights_file::to_bytes(&machine(), precision, Some("{\"k\":1}")).expect("serialised");
        assert_eq!(std::fs::read(&path).expect("read"), bytes, "the same numbers give the same bytes");
        let bare = weights_file::to_bytes(&machine(), precision, None).expect("serialised");
        assert_eq!(weights_file::from_bytes(&bare).expect("metadata is optional").config, None);
    }
}

fn rounded(p: &Parameters) -> Parameters {
    let round = |values: &[f64]| values.iter().map(|&x| f64::from(x as f32)).collect();
    Parameters::new(round(p.weights()), round(p.visible_bias()), round(p.hidden_bias())).expect("sizes fit")
}

#[test]
fn a_device_keeps_the_parameters_it_was_given() {
    for (backend, device, precision, _) in widths() {
        let expected = if precision == Precision::F64 { machine() } else { rounded(&machine()) };
        let rbm = Rbm::new(&machine(), &ModelConfig::default(), precision, &device);
        assert_eq!(rbm.parameters().expect("read back"), expected, "{backend} {precision:?}");
        assert_eq!((rbm.visible(), rbm.hidden(), rbm.precision()), (5, 3, precision));
    }
}

#[test]
fn broken_weights_files_are_refused_with_what_is_wrong() {
    let good = weights_file::to_bytes(&machine(), Precision::F32, None).expect("serialised");
    let refusal = |bytes: &[u8]| weights_file::from_bytes(bytes).expect_err("refused");
    assert!(refusal(&[]).starts_with("not safetensors"));
    assert!(refusal(&good[..good.len() - 1]).starts_with("not safetensors"));
    assert!(refusal(b"{\"weights\": 1}").starts_with("not safetensors"));
    let mut nan = good.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(refusal(&nan).contains("NaN at position"), "{}", refusal(&nan));

    use safetensors::tensor::{Dtype, TensorView};
    let zeros = [0_u8; 60];
    let file = |parts: &[(&str, Dtype, &[usize])]| {
        let views: Vec<(&str, TensorView<'_>)> = parts
            .iter()
            .map(|&(name, dtype, shape)| {
                let size = shape.iter().product::<usize>() * if dtype == Dtype::F32 { 4 } else { 2 };
                (name, TensorView::new(dtype, shape.to_vec(), &zeros[..size]).expect("sizes fit"))
            })
            .collect();
        safetensors::serialize(views, None).expect("serialised")
    };
    let (w, a, b) = ("weights", "visible_bias", "hidden_bias");
    let missing = refusal(&file(&[(w, Dtype::F32, &[3, 5]), (a, Dtype::F32, &[5])]));
    assert_eq!(
        missing,
        "it has no tensor `hidden_bias`; it holds [\"visible_bias\", \"weights\"], and weights, visible_bias and hidden_bias are needed"
    );
    let turned = refusal(&file(&[(w, Dtype::F32, &[5, 3]), (a, Dtype::F32, &[5]), (b, Dtype::F32, &[3])]));
    assert_eq!(turned, "`weights` has shape [5, 3], but the biases ask for [3, 5] (hidden, visible)");
    let half = refusal(&file(&[(w, Dtype::F16, &[3, 5]), (a, Dtype::F16, &[5]), (b, Dtype::F16, &[3])]));
    assert_eq!(half, "the tensors are F16, F16 and F16; all must be F32, or all F64");
}

#[test]
fn starting_weights_have_the_asked_law_and_depend_on_the_seed_alone() {
    let means = vec![0.0, 0.5, 1.0];
    let config = ModelConfig { hidden: 4000, ..ModelConfig::default() };
    let start = |config: &ModelConfig, seed| initialise(config, &means, 100, None, seed).expect("sizes fit");
    let normal = start(&config, 1);
    assert_eq!(normal, start(&config, 1));
    assert_ne!(normal, start(&config, 2));
    assert!(normal.visible_bias().iter().chain(normal.hidden_bias()).all(|&x| x == 0.0));
    // 12,000 draws: the standard deviation's estimate errs by sd / sqrt(24,000); 5 standard errors, p = 6e-7.
    let n = normal.weights().len() as f64;
    let sd = (normal.weights().iter().map(|w| w * w).sum::<f64>() / n).sqrt();
    assert!((sd / 0.01 - 1.0).abs() < 5.0 / (2.0 * n).sqrt(), "{sd}");

    let uniform = ModelConfig { init: Init::Uniform, init_range: 0.5, init_biases: true, ..config.clone() };
    let uniform = start(&uniform, 1);
    assert!(uniform.weights().iter().all(|w| w.abs() < 0.5));
    let (low, high) = uniform.weights().iter().fold((0.0_f64, 0.0_f64), |(l, h), &w| (l.min(w), h.max(w)));
    assert!(low < -0.499 && high > 0.499, "12,000 draws reach within 0.001 of both ends, but for p = 1e-5");
    assert!(uniform.hidden_bias().iter().any(|&b| b != 0.0));

    let by_data = start(&ModelConfig { visible_bias: VisibleBias::Data, ..config }, 1);
    let log_odds = |p: f64| (p / (1.0 - p)).ln();
    let expected = [log_odds(0.05 / 1.1), log_odds(0.55 / 1.1), log_odds(1.05 / 1.1)];
    for (got, expected) in by_data.visible_bias().iter().zip(expected) {
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }
}

#[test]
fn a_stored_start_must_have_the_asked_sizes() {
    let config = ModelConfig { init: Init::File("w.safetensors".into()), hidden: 4, ..ModelConfig::default() };
    let error = initialise(&config, &[0.5; 5], 10, Some(&machine()), 0).expect_err("3 hidden units are not 4");
    assert_eq!(
        error.to_string(),
        "w.safetensors holds 5 visible and 3 hidden units, but the data have 5 and `hidden` is 4"
    );
}

#[test]
fn f32_and_f64_tensors_are_told_apart() {
    for (_, device) in devices_for_tests() {
        let rbm = Rbm::new(&machine(), &ModelConfig::default(), Precision::F32, &device);
        assert_eq!(rbm.free_energy(tensor(&states(5), Precision::F32, &device)).dtype(), DType::F32);
    }
}
