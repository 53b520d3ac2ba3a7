//! Every device compiled in gives the same draws and the same functions.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rbm_ops::{BackendName, Draw, Stream, bernoulli, devices_for_tests, sigmoid, sigmoid_bernoulli, softplus};

const AT: Draw = Draw { seed: 0x299f_31d0_a409_3822, stream: Stream::TrainHidden, step: 7 + (3 << 32), row: 100 };

fn tensor(values: &[f32], shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::<1>::from_data(values, (device, DType::F32)).reshape(shape)
}

fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("an f32 tensor")
}

/// Logits spread over [-8, 8) by a permutation of the rows' positions: no random numbers.
fn logits(rows: usize, units: usize) -> Vec<f32> {
    (0..rows * units).map(|i| (i * 7919 % 16_384) as f32 / 1024.0 - 8.0).collect()
}

/// The largest difference between two devices' probabilities that float32 explains: each errs by at most 4 units of
/// 2^-24 in its exponential and rounds twice more, times the slope 1/4 of the sigmoid at logits of at most 8.
const PROBABILITY_ERROR: f32 = 8.0 / 16_777_216.0;

#[test]
fn states_are_those_of_the_drawn_uniform_numbers() {
    let (rows, units) = (2000, 501);
    let x = logits(rows, units);
    for (backend, device) in devices_for_tests() {
        let states = values(sigmoid_bernoulli(tensor(&x, [rows, units], &device), AT));
        for (i, (&state, &x)) in states.iter().zip(&x).enumerate() {
            let u = AT.at_row(AT.row + (i / units) as u32).uniform((i % units) as u32);
            let p = 1.0 / (1.0 + f64::from(-x).exp());
            if (f64::from(u) - p).abs() > f64::from(PROBABILITY_ERROR) {
                assert_eq!(state == 1.0, f64::from(u) < p, "{backend}: state {i}");
            }
            assert!(state == 0.0 || state == 1.0);
        }
    }
}

#[test]
fn states_agree_between_devices() {
    let (rows, units) = (2000, 500);
    let x = logits(rows, units);
    let mut reference: Option<Vec<f32>> = None;
    for (backend, device) in devices_for_tests() {
        let states = values(sigmoid_bernoulli(tensor(&x, [rows, units], &device), AT));
        let reference = reference.get_or_insert_with(|| states.clone());
        for (i, (a, b)) in states.iter().zip(reference.iter()).enumerate().filter(|(_, (a, b))| a != b) {
            let u = AT.at_row(AT.row + (i / units) as u32).uniform((i % units) as u32);
            let p = 1.0 / (1.0 + (-x[i]).exp());
            assert!((u - p).abs() <= PROBABILITY_ERROR, "{backend}: unit {i} is {a}, not {b}");
        }
    }
}

#[test]
fn a_shared_transposed_or_sliced_tensor_is_drawn_by_position() {
    for (backend, device) in devices_for_tests() {
        let x = tensor(&logits(40, 60), [40, 60], &device);
        let kept = values(x.clone());
        let plain = values(sigmoid_bernoulli(x.clone(), AT));
        assert_eq!(values(x.clone()), kept, "{backend} wrote into a shared tensor");
        let turned = values(x.clone().transpose());
        let turned = values(sigmoid_bernoulli(tensor(&turned, [60, 40], &device), AT));
        assert_eq!(values(sigmoid_bernoulli(x.clone().transpose(), AT)), turned, "{backend}");
        let tail = sigmoid_bernoulli(x.slice([10..40, 0..60]), AT.at_row(AT.row + 10));
        assert_eq!(values(tail), plain[600..], "{backend}: a batch may be split");
    }
}

#[test]
fn a_unique_tensor_is_drawn_in_place() {
    for (backend, device) in devices_for_tests().into_iter().filter(|(backend, _)| backend.has_f64()) {
        let data = TensorData::new(vec![0.0_f32; 64 * 64], [64, 64]);
        let before = data.as_slice::<f32>().expect("f32").as_ptr();
        let drawn = sigmoid_bernoulli(Tensor::from_data(data, (&device, DType::F32)), AT).into_data();
        assert_eq!(before, drawn.as_slice::<f32>().expect("f32").as_ptr(), "{backend} copied");
    }
}

#[test]
fn thread_counts_do_not_change_the_draws() {
    let device = rbm_ops::open(BackendName::Flex).expect("flex is built in");
    let x = logits(300, 784);
    let draw = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| values(sigmoid_bernoulli(tensor(&x, [300, 784], &device), AT)))
    };
    assert_eq!(draw(1), draw(2));
    assert_eq!(draw(1), draw(3));
}

/// Two published Rust RBMs fail this. Level: normal bound of 5.5 standard errors, two-sided p = 4e-8 for each of at
/// most 39 checks, plus 2^-24 for the resolution of the uniform numbers; the seed is fixed.
#[test]
fn a_million_draws_have_the_right_frequency() {
    let (rows, units) = (2000, 500);
    for (backend, device) in devices_for_tests() {
        for p in [0.0, 0.001, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.999, 1.0_f64] {
            let all = |value: f64| Tensor::<2>::full([rows, units], value, (&device, DType::F32));
            let by_logit = sigmoid_bernoulli(all((p / (1.0 - p)).ln().clamp(-200.0, 200.0)), AT);
            let by_probability = bernoulli(all(p), Draw { stream: Stream::TrainVisible, ..AT });
            for (what, states) in [("sigmoid_bernoulli", by_logit), ("bernoulli", by_probability)] {
                let n = (rows * units) as f64;
                let frequency = values(states).into_iter().map(f64::from).sum::<f64>() / n;
                let bound =
                    5.5 * (p * (1.0 - p) / n).sqrt() + if p * (1.0 - p) > 0.0 { 2.0_f64.powi(-24) } else { 0.0 };
                assert!((frequency - p).abs() <= bound, "{backend} {what} at {p}: {frequency}");
            }
        }
    }
}

#[test]
fn extremes_are_certain() {
    for (backend, device) in devices_for_tests() {
        let x = tensor(&[-200.0, 200.0, f32::NEG_INFINITY, f32::INFINITY], [1, 4], &device).repeat_dim(0, 5000);
        for row in values(sigmoid_bernoulli(x, AT)).chunks(4) {
            assert_eq!(row, [0.0, 1.0, 0.0, 1.0], "{backend}");
        }
        let p = tensor(&[-3.0, 0.0, 1.0, 3.0], [1, 4], &device).repeat_dim(0, 5000);
        for row in values(bernoulli(p, AT)).chunks(4) {
            assert_eq!(row, [0.0, 0.0, 1.0, 1.0], "{backend}");
        }
    }
}

/// In f32, relative to the largest of 1 and the value: 4 units of 2^-24 from the exponential and three roundings.
/// In f64: the standard library's functions err by about one unit of 2^-53; 4 units allow for their sum.
#[test]
fn sigmoid_and_softplus_have_the_accuracy_of_their_width() {
    let x: Vec<f64> = (-800..=800).map(|i| f64::from(i) / 20.0).collect();
    let n = x.len();
    let exact_sigmoid = |x: f64| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
    let exact_softplus = |x: f64| if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() };
    for (backend, device) in devices_for_tests() {
        let widths: &[(DType, f64)] = if backend.has_f64() {
            &[(DType::F32, 7.0 / 16_777_216.0), (DType::F64, 4.0 * f64::EPSILON)]
        } else {
            &[(DType::F32, 7.0 / 16_777_216.0)]
        };
        for &(width, bound) in widths {
            let input = || Tensor::<2>::from_data(TensorData::new(x.clone(), [1, n]), (&device, width));
            let got = |tensor: Tensor<2>| tensor.into_data().convert::<f64>().try_into_vec::<f64>().expect("converted");
            let seen = got(input());
            for ((s, p), x) in got(sigmoid(input())).into_iter().zip(got(softplus(input()))).zip(seen) {
                assert!((s - exact_sigmoid(x)).abs() <= bound, "{backend} {width:?}: sigmoid({x}) = {s}");
                assert!(
                    (p - exact_softplus(x)).abs() <= bound * x.abs().max(1.0),
                    "{backend} {width:?}: softplus({x}) = {p}"
                );
            }
        }
    }
}

/// burn issue 5304: one backend gave wrong values for exactly the product of a gradient's phases.
#[test]
fn a_transposed_left_factor_multiplies_like_a_plain_loop() {
    let (rows, m, n) = (37, 19, 23);
    let (h, v) = (logits(rows, n), logits(rows, m));
    for (backend, device) in devices_for_tests() {
        let product = values(tensor(&h, [rows, n], &device).transpose().matmul(tensor(&v, [rows, m], &device)));
        for j in 0..n {
            for i in 0..m {
                let terms = (0..rows).map(|r| f64::from(h[r * n + j]) * f64::from(v[r * m + i]));
                let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + t.abs()));
                // Each of `rows` products and sums rounds by at most 2^-24 of the running size.
                let bound = 2.0 * rows as f64 * size / 16_777_216.0;
                assert!((f64::from(product[j * m + i]) - sum).abs() <= bound, "{backend} [{j}, {i}]");
            }
        }
    }
}

#[test]
fn a_backend_that_is_not_built_in_names_the_command_that_builds_it() {
    if !BackendName::WGPU.is_built() {
        let error = rbm_ops::open(BackendName::WGPU).expect_err("not built in");
        assert!(error.to_string().ends_with("cargo build --release --bin rbm --features wgpu"), "{error}");
    }
    let error = "fles".parse::<BackendName>().expect_err("no such backend");
    assert_eq!(
        error.to_string(),
        "unknown variant `fles`, expected one of `flex`, `ndarray`, `wgpu`, `wgpu:0`, `wgpu:cpu`"
    );
    for word in ["flex", "ndarray", "wgpu", "wgpu:0", "wgpu:17", "wgpu:cpu"] {
        assert_eq!(word.parse::<BackendName>().expect("a backend").to_string(), word);
    }
}
