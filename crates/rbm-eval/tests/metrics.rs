//! Each metric against a plain computation from its definition, on machines small enough to enumerate.

use std::path::Path;

use rbm_data::{Binarization, DataConfig, DataFolders, Dataset, NoProgress, Source};
use rbm_eval::{
    At, Error, EvaluateConfig, Evaluation, LogZ, LogZMethod, Metric, MetricGroup, MetricRow, NegativePhase, SplitName,
    Trained, evaluate_split, evaluate_training,
};
use rbm_model::{ModelConfig, Parameters, Precision, Rbm, VisibleSampling};

const AT: At = At { step: 40, epoch: 4 };

fn load(config: &DataConfig, base: &Path) -> Dataset {
    let folders = DataFolders { data_dir: None, cache: base.to_path_buf() };
    rbm_data::load(config, base, &folders, &NoProgress).expect("nothing is fetched")
}

fn bars_and_stripes(size: usize, validation: usize) -> Dataset {
    let config =
        DataConfig { size: Some(size), validation: Some(validation), ..DataConfig::new(Source::BarsAndStripes) };
    load(&config, Path::new("."))
}

/// Rows `[rows, visible]` by way of an .npy file.
fn from_values(rows: usize, visible: usize, values: impl Fn(usize) -> f64) -> Dataset {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({rows}, {visible}), }}");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(((header.len() + 1) as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.push(b'\n');
    (0..rows * visible).for_each(|at| file.extend(values(at).to_le_bytes()));
    std::fs::write(folder.path().join("rows.npy"), file).expect("a small file");
    let source = Source::File("rows.npy".into());
    load(&DataConfig { binarization: Binarization::None, ..DataConfig::new(source) }, folder.path())
}

fn machine(visible: usize, hidden: usize, size: f64) -> Parameters {
    let value = |at: usize| size * (0.4 + 1.3 * at as f64 + 0.17 * (at * at) as f64).sin();
    Parameters::new(
        (0..visible * hidden).map(value).collect(),
        (0..visible).map(|i| value(500 + i)).collect(),
        (0..hidden).map(|j| value(900 + j)).collect(),
    )
    .expect("the lengths fit")
}

fn in_training(
    config: &EvaluateConfig,
    parameters: &Parameters,
    data: &Dataset,
    at: At,
    gradient_norm: Option<f64>,
    seed: u64,
) -> Result<Vec<MetricRow>, Error> {
    let (_, device) = rbm_ops::devices_for_tests().into_iter().next().expect("a CPU backend");
    let rbm = Rbm::new(parameters, &ModelConfig::default(), Precision::F32, &device);
    let negative_phase = NegativePhase::Data { k: 1 };
    let trained =
        Trained { parameters, rbm: &rbm, gradient_norm, swap_acceptance: None, negative_phase, trajectory: None };
    evaluate_training(config, &ModelConfig::default(), trained, data, at, seed)
}

/// `ln(1 + exp(x))`, for the small x of these tests.
fn softplus(x: f64) -> f64 {
    (1.0 + x.exp()).ln()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `-ln sum_h exp(-E(v, h))`, the sum over all hidden states written out.
fn free_energy(machine: &Parameters, v: &[f64]) -> f64 {
    let sum: f64 = (0..1_u32 << machine.hidden())
        .map(|state| {
            let mut exponent: f64 = v.iter().zip(machine.visible_bias()).map(|(v, a)| v * a).sum();
            for j in (0..machine.hidden()).filter(|j| state >> j & 1 == 1) {
                exponent += machine.hidden_bias()[j];
                exponent += v.iter().zip(machine.weights_of(j)).map(|(v, w)| v * w).sum::<f64>();
            }
            exponent.exp()
        })
        .sum();
    -sum.ln()
}

fn all_states(visible: usize) -> Vec<Vec<f64>> {
    (0..1_u32 << visible).map(|state| (0..visible).map(|i| f64::from(state >> i & 1)).collect()).collect()
}

fn log_z(machine: &Parameters) -> f64 {
    all_states(machine.visible()).iter().map(|v| (-free_energy(machine, v)).exp()).sum::<f64>().ln()
}

/// Sum over sites of `ln p(v_i | others)`, each from the probabilities of the two states that differ in it.
fn pseudo_likelihood(machine: &Parameters, v: &[f64]) -> f64 {
    (0..v.len())
        .map(|i| {
            let mut flipped = v.to_vec();
            flipped[i] = 1.0 - v[i];
            let (here, there) = ((-free_energy(machine, v)).exp(), (-free_energy(machine, &flipped)).exp());
            (here / (here + there)).ln()
        })
        .sum()
}

/// Mean squared error, cross-entropy summed over units, and the hidden means.
fn reconstruction(machine: &Parameters, v: &[f64], clamped: bool) -> (f64, f64, Vec<f64>) {
    let h: Vec<f64> = (0..machine.hidden())
        .map(|j| {
            let input: f64 = v.iter().zip(machine.weights_of(j)).map(|(v, w)| v * w).sum();
            logistic(machine.hidden_bias()[j] + input)
        })
        .collect();
    let (mut squares, mut entropy) = (0.0, 0.0);
    for (i, v) in v.iter().enumerate() {
        let input: f64 = h.iter().enumerate().map(|(j, h)| h * machine.weights_of(j)[i]).sum();
        let x = machine.visible_bias()[i] + input;
        let p = if clamped { x.clamp(0.0, 1.0) } else { logistic(x) };
        squares += (v - p) * (v - p);
        entropy -= if *v > 0.0 { v * p.ln() } else { 0.0 } + if *v < 1.0 { (1.0 - v) * (1.0 - p).ln() } else { 0.0 };
    }
    (squares / v.len() as f64, entropy, h)
}

fn rows(split: &rbm_data::Split) -> Vec<Vec<f64>> {
    (0..split.len())
        .map(|row| {
            let mut values = vec![0.0; split.visible()];
            split.row(row, &mut values);
            values
        })
        .collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

/// Sums of at most a few thousand terms of size 1 to 100, in f64 (2^-53 a rounding): two orders of summation differ by
/// at most a few thousand roundings, 1e-12 relative; a hundred times that is still far below any difference of
/// formulas.
#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-10 * expected.abs().max(1.0), "{found} is not {expected}");
}

#[track_caller]
fn find(found: &[MetricRow], split: SplitName, metric: Metric) -> MetricRow {
    *found.iter().find(|row| row.split == split && row.metric == metric).expect("the metric was measured")
}

fn check_split(machine: &Parameters, data: &Dataset) {
    let rows = rows(&data.train);
    let found = evaluate_split(machine, VisibleSampling::Bernoulli, &data.train, LogZ::Auto).expect("they fit");
    let expected_log_z = log_z(machine);
    let expected_free_energy = mean(rows.iter().map(|v| free_energy(machine, v)));
    assert_eq!(found.rows, rows.len());
    assert_eq!(found.log_z_method, LogZMethod::Exact);
    assert_close(found.log_z.expect("small"), expected_log_z);
    assert_close(found.mean_free_energy, expected_free_energy);
    assert_close(found.mean_log_likelihood.expect("small"), -expected_free_energy - expected_log_z);
    assert_close(found.reconstruction_error, mean(rows.iter().map(|v| reconstruction(machine, v, false).0)));
    let entropy = mean(rows.iter().map(|v| reconstruction(machine, v, false).1));
    assert_close(found.reconstruction_cross_entropy.expect("finite"), entropy);
    if data.train.is_binary() {
        assert_close(found.pseudo_likelihood, mean(rows.iter().map(|v| pseudo_likelihood(machine, v))));
    }
    assert_close(found.weight_norm.powi(2), machine.weights().iter().map(|w| w * w).sum());
}

#[test]
fn evaluation_of_a_split_is_the_definitions() {
    for (hidden, size) in [(1, 0.3), (4, 1.0), (9, 1.0), (11, 2.0)] {
        check_split(&machine(9, hidden, size), &bars_and_stripes(3, 0));
    }
    let random = from_values(70, 7, |at| f64::from(u8::from((at * at + at / 5) % 7 < 3)));
    assert!(random.train.is_binary());
    check_split(&machine(7, 13, 0.8), &random);
}

#[test]
fn grey_rows_are_used_as_they_are() {
    let data = from_values(20, 6, |at| 0.5 + 0.5 * (at as f64).sin());
    assert!(!data.train.is_binary());
    let machine = machine(6, 5, 1.0);
    check_split(&machine, &data);
    // Each site: `v ln p + (1 - v) ln (1 - p)`, with p its probability given the other grey values.
    let expected = mean(rows(&data.train).iter().map(|v| {
        (0..6)
            .map(|i| {
                let [off, on] = [0.0, 1.0].map(|state| {
                    let mut v = v.clone();
                    v[i] = state;
                    (-free_energy(&machine, &v)).exp()
                });
                v[i] * (on / (on + off)).ln() + (1.0 - v[i]) * (off / (on + off)).ln()
            })
            .sum()
    }));
    let found = evaluate_split(&machine, VisibleSampling::Bernoulli, &data.train, LogZ::None).expect("they fit");
    assert_close(found.pseudo_likelihood, expected);
}

#[test]
fn pseudo_likelihood_survives_enormous_weights() {
    let data = bars_and_stripes(2, 0);
    for size in [50.0, 400.0, 800.0] {
        let machine = machine(4, 20, size);
        let found = evaluate_split(&machine, VisibleSampling::Bernoulli, &data.train, LogZ::Auto).expect("they fit");
        let expected = mean(rows(&data.train).iter().map(|v| {
            let site = |i: usize| {
                let mut flipped = v.clone();
                flipped[i] = 1.0 - v[i];
                let change = machine.free_energy(&flipped) - machine.free_energy(v);
                change.min(0.0) - (-change.abs()).exp().ln_1p()
            };
            (0..4).map(site).sum()
        }));
        assert!((found.pseudo_likelihood - expected).abs() <= 1e-11 * expected.abs(), "{found:?} is not {expected}");
    }
}

#[test]
fn clamped_sampling_changes_the_reconstruction_alone() {
    let data = bars_and_stripes(3, 0);
    let machine = machine(9, 4, 1.0);
    let plain = evaluate_split(&machine, VisibleSampling::Bernoulli, &data.train, LogZ::Auto).expect("they fit");
    let clamped = evaluate_split(&machine, VisibleSampling::ClampedLinear, &data.train, LogZ::Auto).expect("they fit");
    let rows = rows(&data.train);
    assert_close(clamped.reconstruction_error, mean(rows.iter().map(|v| reconstruction(&machine, v, true).0)));
    let entropy = mean(rows.iter().map(|v| reconstruction(&machine, v, true).1));
    assert_eq!(clamped.reconstruction_cross_entropy.is_some(), entropy.is_finite());
    let aligned = Evaluation {
        reconstruction_error: plain.reconstruction_error,
        reconstruction_cross_entropy: plain.reconstruction_cross_entropy,
        ..clamped
    };
    assert_eq!(aligned, plain);
}

#[test]
fn probabilities_of_all_patterns_sum_to_one() {
    for (visible, hidden) in [(6, 3), (5, 8)] {
        let data =
            from_values(1 << visible, visible, |at| f64::from(((at as u32 / visible as u32) >> (at % visible)) & 1));
        let machine = machine(visible, hidden, 1.2);
        let total: f64 = (1..=1 << visible)
            .scan(0.0, |before, rows| {
                let found = evaluate_split(&machine, VisibleSampling::Bernoulli, &data.train.head(rows), LogZ::Exact);
                let sum = rows as f64 * found.expect("they fit").mean_log_likelihood.expect("small");
                Some((sum - std::mem::replace(before, sum)).exp())
            })
            .sum();
        assert!((total - 1.0).abs() < 1e-10, "{total}");
    }
}

#[test]
fn metrics_of_training_are_the_definitions() {
    let data = bars_and_stripes(3, 5);
    let machine = machine(9, 4, 1.0);
    let config = EvaluateConfig::default();
    let found = in_training(&config, &machine, &data, AT, Some(0.25), 7).expect("they fit");
    let validation = rows(data.validation.as_ref().expect("five rows"));
    for (split, rows) in [(SplitName::Train, rows(&data.train)), (SplitName::Validation, validation.clone())] {
        let log_likelihood = find(&found, split, Metric::LogLikelihood);
        assert_close(log_likelihood.value, mean(rows.iter().map(|v| -free_energy(&machine, v))) - log_z(&machine));
        assert_eq!(log_likelihood.stderr, None, "all rows were used");
        let errors = rows.iter().map(|v| reconstruction(&machine, v, false).0);
        assert_close(find(&found, split, Metric::ReconstructionError).value, mean(errors));
        let entropies = rows.iter().map(|v| reconstruction(&machine, v, false).1);
        assert_close(find(&found, split, Metric::ReconstructionCrossEntropy).value, mean(entropies));
    }
    assert_close(find(&found, SplitName::Train, Metric::LogZ).value, log_z(&machine));
    assert_eq!(find(&found, SplitName::Train, Metric::GradientNorm).value, 0.25);
    // Rows 0, 2, 4, 6 and 8 of 11: as many as there are to compare with.
    let trained = rows(&data.train);
    let gap = mean(validation.iter().map(|v| free_energy(&machine, v)))
        - mean([0, 2, 4, 6, 8].iter().map(|&row: &usize| free_energy(&machine, &trained[row])));
    let row = find(&found, SplitName::Validation, Metric::FreeEnergyGap);
    assert_close(row.value, gap);
    assert!(row.stderr.is_some_and(|stderr| stderr > 0.0), "training rows were sampled");
    let hidden_means = (0..4).map(|j| mean(trained.iter().map(|v| reconstruction(&machine, v, false).2[j])));
    let saturated = hidden_means.filter(|mean| *mean < 0.01 || *mean > 0.99).count() as f64 / 4.0;
    assert_eq!(find(&found, SplitName::Train, Metric::SaturatedHidden).value, saturated);
    assert!(found.is_sorted_by_key(|row| (row.metric, row.split)));
    assert!(found.iter().all(|row| row.step == 40 && row.epoch == 4 && row.value.is_finite()));
}

#[test]
fn units_that_hardly_move_count_as_saturated() {
    let data = bars_and_stripes(2, 0);
    let machine = Parameters::new(vec![0.0; 16], vec![0.0; 4], vec![-5.0, -4.0, 4.5, 5.0]).expect("4 x 4");
    let found = evaluate_split(&machine, VisibleSampling::Bernoulli, &data.train, LogZ::None).expect("they fit");
    // sigma(-5) = 0.0067, sigma(-4) = 0.018, sigma(4.5) = 0.989, sigma(5) = 0.9933.
    assert_eq!(found.saturated_hidden, 0.5);
    assert_close(found.mean_free_energy, -[-5.0, -4.0, 4.5, 5.0].iter().map(|&b| softplus(b)).sum::<f64>());
}

/// The mean over 4,000 draws lies within 5 standard errors of the exact value (level 6e-7, fixed seeds).
#[test]
fn stochastic_pseudo_likelihood_is_right_on_average() {
    let data = bars_and_stripes(3, 0);
    let machine = machine(9, 5, 1.0);
    let exact = evaluate_split(&machine, VisibleSampling::Bernoulli, &data.train, LogZ::None).expect("they fit");
    let config =
        EvaluateConfig { metrics: vec![MetricGroup::PseudoLikelihood], log_z: LogZ::None, ..Default::default() };
    let draws: Vec<f64> = (0..4000)
        .map(|step| {
            let at = At { step, epoch: 1 };
            let found = in_training(&config, &machine, &data, at, None, 3);
            find(&found.expect("they fit"), SplitName::Train, Metric::PseudoLikelihood).value
        })
        .collect();
    let average = mean(draws.iter().copied());
    let deviation = mean(draws.iter().map(|x| (x - average).powi(2))).sqrt();
    let error = deviation / (draws.len() as f64).sqrt();
    assert!(error < 0.1 && (average - exact.pseudo_likelihood).abs() < 5.0 * error, "{average} +- {error}: {exact:?}");
}

#[test]
fn only_what_is_asked_for_is_measured() {
    let data = bars_and_stripes(2, 0);
    let machine = machine(4, 3, 1.0);
    let config = EvaluateConfig { metrics: Vec::new(), log_z: LogZ::None, ..Default::default() };
    let found = in_training(&config, &machine, &data, AT, None, 0).expect("they fit");
    assert_eq!(found, []);
    let config = EvaluateConfig::default();
    let found = in_training(&config, &machine, &data, AT, None, 0).expect("they fit");
    let metrics: Vec<&str> = found.iter().map(|row| row.metric.word()).collect();
    let expected = [
        "reconstruction-error",
        "reconstruction-cross-entropy",
        "pseudo-likelihood",
        "log-z",
        "log-likelihood",
        "weight-norm",
        "saturated-hidden",
    ];
    assert_eq!(metrics, expected);
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    let data = from_values(3000, 30, |at| f64::from(u8::from((at * at / 3 + at) % 11 < 4)));
    let machine = machine(30, 12, 0.5);
    let evaluate = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of a few threads");
        pool.install(|| {
            let config = EvaluateConfig::default();
            let rows = in_training(&config, &machine, &data, AT, None, 0).expect("they fit");
            (rows, evaluate_split(&machine, VisibleSampling::Bernoulli, &data.train, LogZ::Auto).expect("they fit"))
        })
    };
    assert_eq!(evaluate(1), evaluate(2));
}

#[test]
fn machines_and_rows_that_do_not_fit_are_refused() {
    let data = bars_and_stripes(5, 0);
    let narrow = evaluate_split(&machine(9, 3, 1.0), VisibleSampling::Bernoulli, &data.train, LogZ::Auto);
    assert_eq!(
        narrow.expect_err("25 columns").to_string(),
        "evaluate rows of 25 units on a machine with 9 visible units"
    );
    let wide = bars_and_stripes(6, 0);
    let refused = evaluate_split(&machine(36, 33, 0.1), VisibleSampling::Bernoulli, &wide.train, LogZ::Exact);
    assert!(matches!(refused, Err(Error::LogZ(_))));
    let large = machine(25, 21, 0.1);
    let auto = evaluate_split(&large, VisibleSampling::Bernoulli, &data.train, LogZ::Auto).expect("without log Z");
    assert_eq!((auto.log_z, auto.log_z_method, auto.mean_log_likelihood), (None, LogZMethod::None, None));
}

#[test]
fn evaluation_and_rows_have_the_promised_json_names() {
    let data = bars_and_stripes(2, 0);
    let found =
        evaluate_split(&machine(4, 3, 1.0), VisibleSampling::Bernoulli, &data.train, LogZ::None).expect("they fit");
    let json = serde_json::to_value(&found).expect("plain values");
    for name in ["rows", "mean_free_energy", "pseudo_likelihood", "reconstruction_error"] {
        assert!(json[name].is_number(), "{name}: {json}");
    }
    assert!(json["log_z"].is_null() && json["mean_log_likelihood"].is_null(), "{json}");
    assert_eq!(json["log_z_method"], "none");
    let row = MetricRow { step: 1, epoch: 2, split: SplitName::Train, metric: Metric::LogZ, value: 0.5, stderr: None };
    let line = serde_json::to_string(&row).expect("plain values");
    assert_eq!(line, r#"{"step":1,"epoch":2,"split":"train","metric":"log-z","value":0.5,"stderr":null}"#);
}

fn instrument(negative_phase: NegativePhase, log_z: LogZ) -> Vec<MetricRow> {
    let (data, parameters) = (bars_and_stripes(3, 4), machine(9, 5, 0.8));
    let (_, device) = rbm_ops::devices_for_tests().into_iter().next().expect("a CPU backend");
    let rbm = Rbm::new(&parameters, &ModelConfig::default(), Precision::F32, &device);
    let trained = Trained {
        parameters: &parameters,
        rbm: &rbm,
        gradient_norm: None,
        swap_acceptance: Some((0.5, 0.25)),
        negative_phase,
        trajectory: None,
    };
    let metrics = vec![MetricGroup::GradientBias, MetricGroup::Mixing, MetricGroup::SampleQuality];
    let config = EvaluateConfig { metrics, log_z, ..EvaluateConfig::default() };
    evaluate_training(&config, &ModelConfig::default(), trained, &data, AT, 7).expect("they fit")
}

fn values(rows: &[MetricRow], metric: Metric) -> Vec<(SplitName, f64)> {
    rows.iter().filter(|row| row.metric == metric).map(|row| (row.split, row.value)).collect()
}

#[test]
fn the_instrument_measures_bias_mixing_and_samples_in_training() {
    let found = instrument(NegativePhase::Data { k: 2 }, LogZ::Ais);
    assert_eq!(found, instrument(NegativePhase::Data { k: 2 }, LogZ::Ais), "the same draws, the same values");
    let one = |metric| match values(&found, metric)[..] {
        [(_, value)] => value,
        ref other => panic!("{metric:?}: {other:?}"),
    };
    let norm = one(Metric::GradientBiasNorm);
    assert!(norm > 0.0 && one(Metric::GradientBiasMax) <= norm && one(Metric::GradientBiasCosine) <= 1.0);
    for bound in [Metric::GradientBiasBoundFischerIgel, Metric::GradientBiasBoundSpectral] {
        assert!(one(bound) >= one(Metric::GradientBiasMax), "{bound:?}");
    }
    let exact = instrument(NegativePhase::Exact, LogZ::Exact);
    let log_z = values(&exact, Metric::LogZ)[0].1;
    assert!(one(Metric::LogZLow) < log_z && log_z < one(Metric::LogZHigh));
    assert!(one(Metric::LogZEss) > 1.0 && one(Metric::LogZTrusted) == 1.0);
    assert!(values(&exact, Metric::LogZLow).is_empty() && values(&exact, Metric::GradientBiasNorm).is_empty());
    assert!((0.0..1.0).contains(&one(Metric::SecondEigenvalue)) && one(Metric::AutocorrelationTime) >= 0.9);
    assert!(one(Metric::RHat) > 0.9 && one(Metric::AaTruth) <= 1.0 && one(Metric::FirstMomentError) >= 0.0);
    let splits: Vec<SplitName> =
        values(&found, Metric::NearestRowDistance).into_iter().map(|(split, _)| split).collect();
    assert_eq!(splits, [SplitName::Train, SplitName::Validation]);
}

#[test]
fn persistent_chains_have_an_error_beside_that_of_exact_samples() {
    let found = instrument(NegativePhase::Persistent { states: vec![0; 9 * 20] }, LogZ::None);
    let one = |metric| values(&found, metric)[0].1;
    assert!(one(Metric::NegativePhaseError) > one(Metric::NegativePhaseErrorExactSamples), "chains that stand still");
    assert!(values(&found, Metric::GradientBiasNorm).is_empty() && values(&found, Metric::LogZ).is_empty());
}
