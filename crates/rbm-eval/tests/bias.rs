//! The bias of CD-k: what it must obey where it is exact, and that chains measure the same within their errors.

use std::path::Path;

use rbm_data::{Binarization, DataConfig, DataFolders, NoProgress, Source, Split};
use rbm_eval::{
    Error,
    bias::{
        Bias, BiasMethod, BiasSettings, Measured, bounds, gradient_bias_rows, measure_bias, method_for,
        negative_phase_error,
    },
};
use rbm_model::{ModelConfig, Parameters, Precision, Rbm, VisibleSampling, exact};
use rbm_ops::{BackendName, open};

fn load(config: &DataConfig, base: &Path) -> Split {
    let folders = DataFolders { data_dir: None, cache: base.to_path_buf() };
    rbm_data::load(config, base, &folders, &NoProgress).expect("nothing is fetched").train
}

fn bars_and_stripes(size: usize) -> Split {
    load(&DataConfig { size: Some(size), ..DataConfig::new(Source::BarsAndStripes) }, Path::new("."))
}

/// Rows `[rows, visible]` by way of an .npy file.
fn rows(visible: usize, values: &[f64]) -> Split {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shape = format!("({}, {visible})", values.len() / visible);
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    values.iter().for_each(|value| file.extend(value.to_le_bytes()));
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

fn measure(machine: &Parameters, split: &Split, settings: &BiasSettings) -> Result<Measured, Error> {
    let device = open(BackendName::Flex).expect("built in");
    let rbm = Rbm::new(machine, &ModelConfig::default(), Precision::F64, &device);
    measure_bias(&rbm, machine, VisibleSampling::Bernoulli, split, settings, &|_, _, _| ())
}

fn exactly(machine: &Parameters, split: &Split, ks: impl IntoIterator<Item = u32>) -> Vec<Bias> {
    let settings = BiasSettings { ks: ks.into_iter().collect(), ..BiasSettings::default() };
    let measured = measure(machine, split, &settings).expect("small");
    assert!(measured.rows.iter().all(|row| row.method == BiasMethod::Exact));
    measured.rows
}

fn by_chains(machine: &Parameters, split: &Split, ks: &[u32], chains: u64, seed: u64) -> Measured {
    let method = Some(BiasMethod::Enumerated);
    measure(
        machine,
        split,
        &BiasSettings { ks: ks.to_vec(), method, stderr: 0.0, chains, seed, ..BiasSettings::default() },
    )
    .expect("small")
}

/// Data processing (docs/methodology.md): only these fall with k, whatever the machine. A law's sum errs by its
/// rounding, 2^-53 a term, so that below 1e-12 nothing is asserted.
#[test]
fn divergences_never_rise_with_k_and_bounds_hold_for_the_largest_component() {
    for (visible, hidden) in [(2, 2), (3, 5), (6, 2), (4, 4), (9, 3)] {
        for size in [0.1, 1.0, 4.0, 12.0] {
            let machine = machine(visible, hidden, size);
            let values: Vec<f64> = (0..5 * visible).map(|at| f64::from(u8::from((at * at + at / 2) % 7 < 3))).collect();
            let found = exactly(&machine, &rows(visible, &values), 1..=40);
            for pair in found.windows(2) {
                for distance in [|row: &Bias| row.total_variation, |row: &Bias| row.kl, |row: &Bias| row.chi_squared] {
                    let [before, after] = [0, 1].map(|at: usize| distance(&pair[at]).unwrap_or(f64::INFINITY));
                    assert!(after <= before * (1.0 + 1e-12) + 1e-12, "{before} rose to {after} at k = {}", pair[1].k);
                }
            }
            for row in &found {
                let largest = row.bias_max.expect("exact") - 1e-12;
                assert!(largest <= row.bound_fischer_igel && largest <= row.bound_bengio_delalleau, "{row:?}");
                assert!(row.bound_spectral.is_none_or(|bound| largest <= bound), "{row:?}");
            }
        }
    }
}

/// In this machine a fast mode of the kernel hides a slow one at k = 1: docs/methodology.md explains it.
#[test]
fn norm_of_the_bias_can_rise_with_k() {
    let machine =
        Parameters::new(vec![-7.5, -6.5, 6.0, 5.5], vec![-1.0, -1.5], vec![3.5, -3.0]).expect("two by two units");
    let found = exactly(&machine, &rows(2, &[1.0, 0.0, 0.0, 1.0]), 1..=8);
    let norms: Vec<f64> = found.iter().map(|row| row.bias_norm.expect("exact")).collect();
    // By an independent program, to the digits printed.
    let expected = [0.02179, 0.03323, 0.03291, 0.03224, 0.03159, 0.03094, 0.03031, 0.02969];
    for (norm, expected) in norms.iter().zip(expected) {
        assert!((norm - expected).abs() < 5.1e-6, "{norm} is not {expected}");
    }
    assert!(norms[1] > 1.5 * norms[0]);
    assert!(found[1].total_variation < found[0].total_variation && found[1].kl < found[0].kl);
}

#[test]
fn bounds_at_zero_parameters_are_those_of_their_formulas() {
    let zero = Parameters::new(vec![0.0; 12], vec![0.0; 4], vec![0.0; 3]).expect("4 x 3");
    assert_eq!(bounds::bengio_delalleau(&zero, 1), 0.0);
    assert_eq!(bounds::fischer_igel(&zero, 0.7, 1), 0.0);
    assert_eq!(bounds::spectral(0.5, 4.0, 0.5, 2), 0.25);
    // One unit a layer, weight 1 and biases 0: D = A = B = 1.
    let one = Parameters::new(vec![1.0], vec![0.0], vec![0.0]).expect("1 x 1");
    let share = 4.0 * (1.0 / (1.0 + 1.0_f64.exp())).powi(2);
    assert!((bounds::bengio_delalleau(&one, 3) - 2.0 * (1.0 - share).powi(3)).abs() < 1e-15);
    assert!((bounds::fischer_igel(&one, 0.5, 3) - 0.5 * (1.0 - (-2.0_f64).exp()).powi(3)).abs() < 1e-15);
}

/// Errors of the norm in its own standard errors, which have 14 degrees of freedom or fewer: a share of 0.95 lies
/// within 2.36 (Student's t, 7 degrees). Of 60, at most 12 may lie outside: level 1e-4 (binomial); none beyond 10: 60 x
/// 2e-5.
#[test]
fn chains_measure_the_exact_bias_within_their_errors() {
    let split = bars_and_stripes(3);
    let mut outside = 0;
    for (at, size) in [0.5, 1.0, 1.5].into_iter().enumerate() {
        let machine = machine(9, 5, size);
        let truth = exactly(&machine, &split, [1, 3]);
        for seed in 0..10 {
            let found = by_chains(&machine, &split, &[1, 3], 8000, 100 * at as u64 + seed);
            for (found, truth) in found.rows.iter().zip(&truth) {
                let norm = found.bias_norm.unwrap_or(0.0);
                let errors = (norm - truth.bias_norm.expect("exact")).abs() / found.stderr.expect("by chains");
                assert!(errors < 10.0, "{errors} standard errors: {found:?}, not {truth:?}");
                outside += usize::from(errors > 2.36);
                let cosine = (found.cosine.expect("a gradient") - truth.cosine.expect("a gradient")).abs();
                assert!(cosine < 10.0 * found.cosine_stderr.expect("by chains"), "{found:?}, not {truth:?}");
            }
        }
    }
    assert!(outside <= 12, "{outside} of 60 lie outside");
}

/// Without weights one step reaches the model's law: there is no bias. Of 40 inner products of halves about one half is
/// positive: 6 to 34 are, at level 1e-5 (binomial). An estimate that squared its own noise would always be.
#[test]
fn a_bias_that_is_not_there_is_below_the_noise_half_of_the_time() {
    let split = bars_and_stripes(3);
    let machine = Parameters::new(vec![0.0; 27], vec![0.3; 9], vec![-0.2; 3]).expect("9 x 3");
    let found: Vec<Bias> = (0..40).flat_map(|seed| by_chains(&machine, &split, &[1], 320, seed).rows).collect();
    let below = found.iter().filter(|row| row.below_noise).count();
    assert!((6..=34).contains(&below), "{below} of 40");
    for row in found {
        assert_eq!(row.below_noise, row.bias_norm.is_none() && row.relative_bias.is_none());
        // The noise of a component is at most 1/2 / sqrt(320), of 39 of them together 0.17; ten times that is no
        // accident.
        assert!(row.bias_norm.is_none_or(|norm| norm < 1.7), "{row:?}");
    }
}

#[test]
fn chains_go_on_until_the_error_is_as_small_as_was_asked_for() {
    let split = bars_and_stripes(3);
    let machine = machine(9, 5, 1.0);
    let until = |stderr, chains| {
        let method = Some(BiasMethod::Enumerated);
        let settings = BiasSettings { ks: vec![1, 2], method, stderr, chains, seed: 3, ..BiasSettings::default() };
        measure(&machine, &split, &settings).expect("small").rows
    };
    let (rough, fine) = (until(0.1, 1 << 18), until(0.005, 1 << 18));
    for (rough, fine) in rough.iter().zip(&fine) {
        assert!(fine.stderr.expect("by chains") <= 0.005 * fine.exact_gradient_norm);
        assert_eq!((rough.stderr_reached, fine.stderr_reached), (Some(true), Some(true)));
        assert!(fine.chains > rough.chains);
    }
    let short = until(1e-6, 1000);
    assert!(short.iter().all(|row| row.stderr_reached == Some(false) && row.chains <= Some(1000)));
}

#[test]
fn methods_follow_the_size_of_the_machine() {
    let method = |visible, hidden| method_for(&machine(visible, hidden, 0.1), VisibleSampling::Bernoulli);
    assert_eq!(method(16, 10), BiasMethod::Exact);
    assert_eq!(method(17, 10), BiasMethod::Enumerated);
    assert_eq!(method(40, 32), BiasMethod::Enumerated);
    assert_eq!(method(33, 33), BiasMethod::Reference);
    let clamped = method_for(&machine(4, 4, 0.1), VisibleSampling::ClampedLinear);
    assert_eq!(clamped, BiasMethod::Enumerated, "such chains are not the kernel's");
}

/// Against a tempered reference in place of enumeration: the reference is estimated, and its error is in the stated
/// one.
///
/// As for enumerated chains: Student's t with 7 degrees of freedom, of 30 at most 8 beyond 2.36 (level 2e-4, binomial),
/// none beyond 10.
#[test]
fn a_tempered_reference_gives_the_exact_bias_within_its_errors() {
    let split = bars_and_stripes(3);
    let machine = machine(9, 5, 1.0);
    let truth = exactly(&machine, &split, [1, 3, 10]);
    let mut outside = 0;
    for seed in 0..10 {
        let settings = BiasSettings {
            ks: vec![1, 3, 10],
            method: Some(BiasMethod::Reference),
            stderr: 0.0,
            chains: 8000,
            reference_sweeps: 1000,
            seed,
        };
        let found = measure(&machine, &split, &settings).expect("small").rows;
        for (found, truth) in found.iter().zip(&truth) {
            assert_eq!(found.method, BiasMethod::Reference);
            assert!(found.reference_r_hat.expect("sixteen ladders") < 1.1, "{found:?}");
            let norm = found.bias_norm.unwrap_or(0.0);
            let errors = (norm - truth.bias_norm.expect("exact")).abs() / found.stderr.expect("by chains");
            assert!(errors < 10.0, "{errors} standard errors: {found:?}, not {truth:?}");
            outside += usize::from(errors > 2.36);
        }
    }
    assert!(outside <= 8, "{outside} of 30 lie outside");
}

#[test]
fn a_reference_of_few_sweeps_is_refused() {
    let settings = BiasSettings { reference_sweeps: 10, ..BiasSettings::default() };
    let refused = measure(&machine(9, 5, 1.0), &bars_and_stripes(3), &settings).expect_err("too few").to_string();
    assert_eq!(refused, "measure anything in 10 sweeps: at least 100 are needed");
}

#[test]
fn impossible_settings_are_refused() {
    let split = bars_and_stripes(3);
    let machine = machine(9, 3, 0.5);
    let refused = |settings: BiasSettings| measure(&machine, &split, &settings).expect_err("impossible").to_string();
    let base = BiasSettings::default();
    assert!(refused(BiasSettings { ks: vec![2, 1], ..base.clone() }).contains("ascend"));
    assert!(refused(BiasSettings { ks: vec![], ..base.clone() }).contains("ascend"));
    assert!(refused(BiasSettings { stderr: f64::NAN, ..base.clone() }).contains("standard error"));
    assert!(refused(BiasSettings { chains: 1, ..base.clone() }).contains("standard error needs"));
    assert!(measure(&self::machine(8, 3, 0.5), &split, &base).is_err(), "9 columns do not fit 8 units");
}

#[test]
fn bias_during_training_is_that_of_the_command() {
    let split = bars_and_stripes(3);
    let machine = machine(9, 5, 1.0);
    let device = open(BackendName::Flex).expect("built in");
    let rbm = Rbm::new(&machine, &ModelConfig::default(), Precision::F32, &device);
    let found = gradient_bias_rows(&rbm, &machine, VisibleSampling::Bernoulli, &split, 3, 1, 500).expect("small");
    let expected = exactly(&machine, &split, [3]);
    assert_eq!((found.bias_norm, found.cosine), (expected[0].bias_norm, expected[0].cosine));
    assert_eq!(found.lambda2, expected[0].lambda2, "found up to 20 units in both layers");
    // Where chains run, another step takes other draws, and the same step the same ones.
    let wide = self::machine(25, 4, 0.3);
    let split = bars_and_stripes(5);
    let rbm = Rbm::new(&wide, &ModelConfig::default(), Precision::F32, &device);
    let at = |step| gradient_bias_rows(&rbm, &wide, VisibleSampling::Bernoulli, &split, 1, 1, step).expect("4 units");
    assert_eq!(at(7), at(7));
    assert_ne!(at(7).bias_norm, at(8).bias_norm);
    assert_eq!((at(7).method, at(7).chains), (BiasMethod::Enumerated, Some(10_000)));
}

/// Chains that are exact samples err as exact samples do. Their mean square over 300 draws is within 5 standard errors
/// of what stands beside it, itself a mean over 8 draws each: level 6e-7 (normal).
#[test]
fn negative_phase_of_exact_samples_errs_as_much_as_independent_samples_do() {
    let machine = machine(9, 4, 0.8);
    let mut differences = Vec::new();
    for draw in 0..300 {
        let states = exact::sample(&machine, 50, 1_000 + draw).expect("small");
        let states: Vec<f64> = states.into_iter().map(f64::from).collect();
        let found = negative_phase_error(&machine, &states, 5, draw).expect("small");
        assert!(found.independent_stderr > 0.0 && found.independent_stderr < found.independent);
        differences.push(found.chains.powi(2) - found.independent.powi(2));
    }
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count * (count - 1.0));
    assert!(mean.abs() < 5.0 * variance.sqrt(), "{mean} +- {}", variance.sqrt());
}

#[test]
fn chains_that_stand_still_err_more_than_independent_samples() {
    let machine = machine(9, 4, 0.8);
    let found = negative_phase_error(&machine, &[1.0; 9 * 100], 5, 0).expect("small");
    assert!(found.chains > 5.0 * found.independent, "{found:?}");
}
