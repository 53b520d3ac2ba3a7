//! The protocol `listing`.

use rbm_claims::{Label, Measurement, protocol::Output};
use rbm_model::Parameters;
use rbm_report::{MetricPoint, tables};

use crate::common::{Laboratory, of, only};

const DATA: &str = "[data]\nsource = 'bars-and-stripes'\nsize = 2\n[run]\nseed = 7\n";
/// Bars and stripes on 2 x 2, with multiplicity.
const ROWS: [[f64; 4]; 8] = [
    [0.0, 0.0, 0.0, 0.0],
    [1.0, 1.0, 0.0, 0.0],
    [0.0, 0.0, 1.0, 1.0],
    [1.0, 1.0, 1.0, 1.0],
    [0.0, 0.0, 0.0, 0.0],
    [1.0, 0.0, 1.0, 0.0],
    [0.0, 1.0, 0.0, 1.0],
    [1.0, 1.0, 1.0, 1.0],
];

fn sections(sampling: &str) -> String {
    format!("{DATA}[model]\nhidden = 3\nvisible_sampling = '{sampling}'\n[train]\nprecision = 'f64'\n")
}

fn machine() -> Parameters {
    let weights = (0..12).map(|at| (1.0 + 0.7 * f64::from(at)).sin()).collect();
    Parameters::new(weights, vec![0.3, -0.2, 0.1, 0.0], vec![-0.5, 0.4, 0.2]).expect("a machine")
}

fn found(parameters: &Parameters, sampling: &str, settings: &str) -> Output {
    let laboratory = Laboratory::new();
    let cell = laboratory.cell("one", &sections(sampling), parameters);
    laboratory.carry_out("listing", &[cell], settings).expect("measurements")
}

#[test]
fn listings_softplus_fails_where_its_floats_end() {
    let output = Laboratory::new().carry_out("listing", &[], "").expect("measurements");
    let at = |quantity: &str, width: &str| only(&output, quantity, &[("width", width.into())]);
    // exp(x) overflows from ln(2^128 (1 - 2^-25)) on in f32 and ln(2^1024 (1 - 2^-54)) on in f64, and 1 + exp(x) rounds
    // to 1 down from exp(x) = 2^-24 and 2^-53. Neighbouring floats lie 2^-17, 2^-43, 2^-19 and 2^-47 apart there, and
    // exp may err by a unit in its last place, which moves x by less than one of them.
    let two = 2.0_f64.ln();
    assert!((at("overflow-at", "f32") - 128.0 * two).abs() <= 2.0 * 2.0_f64.powi(-17));
    assert!((at("overflow-at", "f64") - 1024.0 * two).abs() <= 2.0 * 2.0_f64.powi(-43));
    assert!((at("lost-at", "f32") + 24.0 * two).abs() <= 2.0 * 2.0_f64.powi(-19));
    assert!((at("lost-at", "f64") + 53.0 * two).abs() <= 2.0 * 2.0_f64.powi(-47));

    let error = |x: f64, width: &str| {
        let points = of(&output, "softplus-error-at", &[("width", width.into())]);
        points.iter().find(|measured| measured.x == Some(x)).map(|measured| measured.value)
    };
    assert_eq!((error(-20.0, "f32"), error(-40.0, "f64")), (Some(1.0), Some(1.0)), "all is lost");
    // 1 + exp(-30) is rounded to a multiple of 2^-52 = 2.2e-16 beside 9.4e-14: off by at most half of it.
    let half_a_unit = 2.0_f64.powi(-53) / (-30.0_f64).exp();
    assert!(error(-30.0, "f64").is_some_and(|error| error > 0.0 && error <= 1.01 * half_a_unit));
    assert!(error(0.0, "f64").is_some_and(|error| error <= 4.0 * f64::EPSILON));
    let near = Laboratory::new().carry_out("listing", &[], "errors_at = [100.0]").expect("measurements");
    let widths: Vec<&Label> = of(&near, "softplus-error-at", &[]).iter().map(|found| &found.labels["width"]).collect();
    assert_eq!(widths, [&Label::from("f64")], "an infinite value has no error");
}

#[test]
fn likelihood_is_that_of_the_mathematics_however_visible_states_are_drawn() {
    let machine = machine();
    let states = |bits: usize, units: usize| (0..units).map(|i| f64::from((bits >> i & 1) as u8)).collect::<Vec<_>>();
    let weight = |v: &[f64]| (0..8).map(|h| (-machine.energy(v, &states(h, 3))).exp()).sum::<f64>();
    let z: f64 = (0..16).map(|v| weight(&states(v, 4))).sum();
    let expected = ROWS.iter().map(|row| (weight(row) / z).ln()).sum::<f64>() / 8.0;
    let largest = ROWS.iter().flat_map(|row| machine.hidden_activation(row)).map(f64::abs).fold(0.0, f64::max);
    for sampling in ["bernoulli", "clamped-linear"] {
        let output = found(&machine, sampling, "");
        let labels = [("model.visible_sampling", sampling.into()), ("split", "train".into()), ("cell", "one".into())];
        assert!(
            (only(&output, "log-likelihood-of-test-rows", &labels) - expected).abs() < 1e-12,
            "sums of some 100 terms in f64"
        );
        assert_eq!(only(&output, "largest-activation", &labels), largest);
        assert_eq!(only(&output, "free-energy-overflows", &labels), 0.0);
        let seeds = output.measurements.iter().filter(|measured| measured.labels.contains_key("cell"));
        assert!(seeds.into_iter().all(|measured| measured.seed == Some(7)));
    }
}

#[test]
fn free_energy_overflows_on_the_rows_whose_activation_does() {
    // One unit sees 30 v_0 + 30 v_1 + 30 v_2 + 30 v_3 - 20: 100 on the two rows of ones, at most 40 elsewhere.
    let weights = [vec![30.0; 4], vec![0.0; 8]].concat();
    let loud = Parameters::new(weights, vec![0.0; 4], vec![-20.0, 0.0, 0.0]).expect("a machine");
    let output = found(&loud, "bernoulli", "");
    assert_eq!(only(&output, "free-energy-overflows", &[]), 0.25);
    assert_eq!(only(&output, "largest-activation", &[]), 100.0);
}

#[test]
fn each_cell_is_sampled_in_its_own_way() {
    // Activation 1 in every pixel: the clamp takes it for certain, the mathematics for probability 0.731.
    let even = Parameters::new(vec![0.0; 12], vec![1.0; 4], vec![0.0; 3]).expect("a machine");
    let errors = |output: &Output, start: &str| -> Vec<(Option<f64>, f64)> {
        let point = |measured: &&Measurement| (measured.x, measured.value);
        of(output, "first-moment-error", &[("start", start.into())]).iter().map(point).collect()
    };
    let clamped = found(&even, "clamped-linear", "steps = [1, 3]\nsamples = 400\n");
    let plain = found(&even, "bernoulli", "steps = [1, 3]\nsamples = 400\n");
    for start in ["data", "uniform"] {
        // All ones against means of 1/2, and a row that is there.
        assert_eq!(errors(&clamped, start), [(Some(1.0), 0.5), (Some(3.0), 0.5)]);
        let nearest = of(&clamped, "nearest-row-distance", &[("start", start.into())]);
        assert!(nearest.iter().all(|measured| measured.value == 0.0));
        for (_, error) in errors(&plain, start) {
            // The root mean square of four differences d + e_i, d = 0.231, lies within max |e_i| of d. From data there
            // are 8 chains and from uniform states 400 with at least that; each e_i within 5 standard deviations.
            let chains = if start == "data" { 8.0 } else { 400.0 };
            let p = 1.0 / (1.0 + (-1.0_f64).exp());
            assert!((error - (p - 0.5)).abs() < 5.0 * (p * (1.0 - p) / chains).sqrt(), "{start}: {error}");
        }
    }
}

#[test]
fn largest_gradient_stands_beside_its_bound() {
    let laboratory = Laboratory::new();
    let cell = laboratory.cell("one", &sections("clamped-linear"), &machine());
    let without = laboratory.carry_out("listing", std::slice::from_ref(&cell), "").expect("measurements");
    assert!(of(&without, "gradient-norm-max", &[]).is_empty(), "nothing was recorded");
    let point = |metric: &str, value| MetricPoint {
        metric: metric.into(),
        split: "train".into(),
        value,
        ..MetricPoint::default()
    };
    let rows =
        [point("gradient-norm", 0.5), point("gradient-norm", 1.25), point("gradient-norm", 0.75), point("log-z", 9.0)];
    let bytes = tables::metrics_to_parquet(&rows).expect("a table");
    std::fs::write(cell.folder.join("metrics.parquet"), bytes).expect("writable");
    let output = laboratory.carry_out("listing", &[cell], "").expect("measurements");
    assert_eq!(only(&output, "gradient-norm-max", &[]), 1.25);
    assert_eq!(only(&output, "gradient-norm-bound", &[]), 19.0_f64.sqrt(), "4 x 3 weights, 4 and 3 biases");
}

#[test]
fn values_that_are_not_clamped_grow_as_far_as_the_weights_say() {
    // Hidden units 0 and 1 are on for certain, unit 2 off: v = a + W_0 + W_1.
    let weights = vec![900.0, 1.0, 0.0, 0.0, 0.0, 0.0, -2_000.0, 0.0, 0.0, 0.0, -7_000.0, 5_000.0];
    let parameters = Parameters::new(weights, vec![100.0, 0.0, 1_000.0, 0.0], vec![1e9, 1e9, -1e9]).expect("a machine");
    let output = found(&parameters, "clamped-linear", "");
    assert_eq!(only(&output, "unclamped-growth", &[]), 3.0, "1,000 in two units");
    assert_eq!(only(&output, "unclamped-bound", &[]), 8_000.0_f64.log10(), "if unit 2 were on: 1,000 - 9,000");
    let silent = Parameters::new(vec![0.0; 12], vec![0.0; 4], vec![0.0; 3]).expect("a machine");
    assert_eq!(only(&found(&silent, "bernoulli", ""), "unclamped-growth", &[]), -300.0, "0 has no logarithm");
}

#[test]
fn training_without_the_clamp_starts_with_the_gradient_of_its_start() {
    // Weights and hidden biases of 0: p(h) = 1/2 whatever v is, and v' = a = 0 whatever h is. So the first gradient is
    // mean(v) / 2 in each of 3 rows of weights and mean(v) in the visible bias; each of 4 pixels is on in half the rows.
    let sections = sections("clamped-linear").replace("hidden = 3", "hidden = 3\ninit_std = 0.0");
    let laboratory = Laboratory::new();
    let cell = laboratory.cell("one", &sections, &machine());
    let once = "unclamped_updates = 1\nunclamped_rates = [0.3]";
    let output = laboratory.carry_out("listing", &[cell], once).expect("measurements");
    let expected = ((3.0 / 4.0 + 1.0) * 4.0 * 0.25 / 19.0_f64).sqrt().log10();
    assert!((only(&output, "unclamped-gradient", &[]) - expected).abs() < 1e-14, "some 20 operations in f64");
}

#[test]
fn training_without_the_clamp_explodes_where_the_visible_bias_alone_overshoots() {
    // The visible bias alone moves by rate times what it misses: beyond a rate of 2 each miss is larger than the last.
    let output = found(&machine(), "clamped-linear", "unclamped_rates = [0.01, 20.0]\nunclamped_updates = 500");
    let gradients = of(&output, "unclamped-gradient", &[]);
    let largest = |rate| gradients.iter().find(|one| one.x == Some(rate)).map(|one| one.value).expect("measured");
    assert!(largest(0.01) < 0.0, "within the bound of the clamp");
    assert_eq!(largest(20.0), 100.0, "training ends at 1e100");
    assert!(of(&found(&machine(), "bernoulli", ""), "unclamped-gradient", &[]).is_empty(), "not the listing's");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let refusal = |text: &str| Laboratory::new().carry_out("listing", &[], text).expect_err("refused").to_string();
    assert!(refusal("steps = [3, 1]").contains("steps must rise"));
    assert!(refusal("unclamped_rates = [0.1, 0.0]").contains("unclamped_rates must be positive"));
    assert!(refusal("samples = 1").contains("samples at least 2"));
    assert!(refusal("sample = 1").contains("unknown field `sample`"));
}
