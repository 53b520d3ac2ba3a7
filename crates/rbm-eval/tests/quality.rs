//! Quality of samples against hand calculations, plain loops and laws from which both sets are drawn.

use rbm_data::{Binarization, DataConfig, DataFolders, NoProgress, Source, Split};
use rbm_eval::{Error, SampleQuality, nearest_rows, sample_quality};
use rbm_random::{Sequence, Stream};

/// Rows `[rows, visible]` by way of an .npy file.
fn split(visible: usize, values: &[f64]) -> Split {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shape = format!("({}, {visible})", values.len() / visible);
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(((header.len() + 1) as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.push(b'\n');
    values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    std::fs::write(folder.path().join("rows.npy"), file).expect("a small file");
    let config = DataConfig { binarization: Binarization::None, ..DataConfig::new(Source::File("rows.npy".into())) };
    let folders = DataFolders { data_dir: None, cache: folder.path().to_path_buf() };
    rbm_data::load(&config, folder.path(), &folders, &NoProgress).expect("nothing is fetched").train
}

fn of_states(visible: usize, states: &[u8]) -> Split {
    split(visible, &states.iter().map(|&state| f64::from(state)).collect::<Vec<_>>())
}

fn compare(visible: usize, samples: &[u8], rows: &[u8]) -> SampleQuality {
    sample_quality(samples, &of_states(visible, rows), 3, 0).expect("they fit")
}

/// Independent draws from a mixture of two laws of independent units, so that units depend on each other.
fn mixture(visible: usize, count: usize, seed: u64, set: u64) -> Vec<u8> {
    let mut draws = Sequence::new(seed, Stream::ExactSample, set);
    let mut states = Vec::with_capacity(visible * count);
    for _ in 0..count {
        let second = draws.uniform() < 0.3;
        for unit in 0..visible {
            let one = 0.1 + 0.8 * (unit as f64 + 0.5) / visible as f64;
            let probability = if second { 1.0 - one } else { one };
            states.push(u8::from(draws.uniform() < probability));
        }
    }
    states
}

/// Means and unbiased covariances of all pairs, by plain loops.
fn moments(visible: usize, states: &[u8]) -> (Vec<f64>, Vec<f64>) {
    let count = (states.len() / visible) as f64;
    let mean = |unit: usize| states.chunks_exact(visible).map(|row| f64::from(row[unit])).sum::<f64>() / count;
    let means: Vec<f64> = (0..visible).map(mean).collect();
    let mut covariances = Vec::new();
    for i in 0..visible {
        for j in i + 1..visible {
            let products =
                states.chunks_exact(visible).map(|row| (f64::from(row[i]) - means[i]) * (f64::from(row[j]) - means[j]));
            covariances.push(products.sum::<f64>() / (count - 1.0));
        }
    }
    (means, covariances)
}

fn root_mean_square(a: &[f64], b: &[f64]) -> f64 {
    (a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64).sqrt()
}

#[test]
fn accuracies_and_distances_of_a_small_case_are_those_of_a_hand_calculation() {
    // Rows T: 000, 001. Samples S: 011, 111. To the other of its own kind: 1 for each. From 000 to S: 2, from 001: 1, a
    // tie. From 011 to T: 1, a tie, from 111: 2.
    let found = compare(3, &[0, 1, 1, 1, 1, 1], &[0, 0, 0, 0, 0, 1]);
    let adversarial = found.adversarial;
    assert_eq!((adversarial.truth, adversarial.synthetic, adversarial.compared), (0.75, 0.75, 2));
    // Nearest of 000: 001; of 001: 000 and 011, half each; of 011: 001 and 111, half each; of 111: 011. So c = 1/2,
    // 3/2, 3/2, 1/2, and the pairs 000-001, 001-011, 011-111 have 3/2, 1, 3/2: sqrt(4/4 + 9/4 + 1 + 9/4) / 8.
    assert!((adversarial.deviation - 6.5_f64.sqrt() / 8.0).abs() < 1e-15);
    assert_eq!((found.nearest.distance, found.nearest.repeats), (1.5, 0.0));
    assert!((found.nearest.distance_stderr - 0.5).abs() < 1e-15);
    // Means of samples (1/2, 1, 1), of rows (0, 0, 1/2).
    assert!((found.first_moment_error - (1.5_f64 / 3.0).sqrt()).abs() < 1e-15);
    // Only one unit of the rows varies: p (1 - p) n / (n - 1) = 1/2, times 1/2 + 1/2.
    assert!((found.first_moment_noise - (0.5_f64 / 3.0).sqrt()).abs() < 1e-15);
}

#[test]
fn a_point_is_left_out_but_its_copy_is_not() {
    // Each row has a copy among the rows and none among the samples: nearer to rows at distance 0. The samples differ.
    let found = compare(2, &[1, 0, 1, 1, 1, 0, 1, 1], &[0, 0, 0, 0, 0, 1, 0, 1]);
    assert_eq!(found.adversarial.truth, 1.0);
    // All points equal: every comparison is a tie.
    let found = compare(2, &[1, 0].repeat(5), &[1, 0].repeat(5));
    assert_eq!((found.adversarial.truth, found.adversarial.synthetic), (0.5, 0.5));
    assert_eq!((found.nearest.repeats, found.nearest.distance), (1.0, 0.0));
}

#[test]
fn copies_of_the_rows_are_seen_as_repeats() {
    let rows = mixture(90, 200, 1, 0);
    let found = compare(90, &rows, &rows);
    assert_eq!((found.nearest.repeats, found.nearest.distance), (1.0, 0.0));
    assert_eq!((found.first_moment_error, found.second_moment_error), (0.0, 0.0));
    // 90 units: no two of 200 rows are equal, so that each row's copy among the samples is nearer than any other row.
    assert_eq!((found.adversarial.truth, found.adversarial.synthetic), (0.0, 0.0));
    // Half of the samples copied.
    let half = [&rows[..90 * 100], &mixture(90, 100, 1, 1)[..]].concat();
    let found = compare(90, &half, &rows);
    assert_eq!(found.nearest.repeats, 0.5);
    assert!((found.nearest.repeats_stderr - (0.25_f64 / 199.0).sqrt()).abs() < 1e-12);
    // Other rows of the same law are no copies.
    let other = of_states(90, &mixture(90, 200, 1, 2));
    assert_eq!(nearest_rows(&rows, &other).expect("they fit").repeats, 0.0);
}

#[test]
fn accuracies_are_near_a_half_between_draws_from_one_law() {
    // With many ties, with few, and with hubs: independent units of which a quarter is on, where a state with few units
    // on is near to all.
    let sparse = |visible: usize, count: usize, set: u64| -> Vec<u8> {
        let mut draws = Sequence::new(6, Stream::ExactSample, set);
        (0..visible * count).map(|_| u8::from(draws.uniform() < 0.25)).collect()
    };
    let binomial = (0.25_f64 / 1000.0).sqrt();
    for (visible, hubs) in [(10, false), (60, false), (400, true)] {
        let found = if hubs {
            compare(visible, &sparse(visible, 1000, 0), &sparse(visible, 1000, 1))
        } else {
            compare(visible, &mixture(visible, 1000, 5, 0), &mixture(visible, 1000, 5, 1))
        };
        let found = found.adversarial;
        assert_eq!(found.compared, 1000);
        // Six accuracies at four deviations: by chance in 4 of 10,000 seeds. (n - 1) / (2 n - 1) is 2.5e-4 below 1/2.
        let margin = 4.0 * found.deviation + 2.5e-4;
        assert!((found.truth - 0.5).abs() < margin && (found.synthetic - 0.5).abs() < margin, "{found:?}");
        assert!(!hubs || found.deviation > 1.5 * binomial, "{found:?}");
    }
}

#[test]
fn the_deviation_of_accuracies_is_their_spread_over_draws() {
    const REPEATS: u64 = 400;
    let sparse = |visible: usize, count: usize, set: u64| -> Vec<u8> {
        let mut draws = Sequence::new(8, Stream::ExactSample, set);
        (0..visible * count).map(|_| u8::from(draws.uniform() < 0.25)).collect()
    };
    // With hubs and few ties the spread is as stated; with four units, where most points have copies, it is no larger.
    for (visible, few_ties) in [(300, true), (4, false)] {
        let (mut spread, mut stated) = (0.0, 0.0);
        for repeat in 0..REPEATS {
            let found = compare(visible, &sparse(visible, 60, 2 * repeat), &sparse(visible, 60, 2 * repeat + 1));
            // (n - 1) / (2 n - 1) = 0.496 without ties: its distance from 1/2 is nothing beside the deviation.
            spread += (found.adversarial.truth - 0.5).powi(2) / REPEATS as f64;
            stated += found.adversarial.deviation.powi(2) / REPEATS as f64;
        }
        // A variance from 400 draws is uncertain by sqrt(2 / 400) = 7 %; four of them are 28 %. Signs taken for
        // independent, of 120 points: 2 %.
        assert!(spread < 1.3 * stated && (!few_ties || spread > 0.7 * stated), "{spread} against {stated}");
    }
}

#[test]
fn accuracies_are_one_between_laws_that_lie_apart() {
    // Rows with at most 10 of 100 units on, samples with at most 10 off: 80 units lie between them, at most 20 within.
    let few = |set: u64| -> Vec<u8> {
        let mut draws = Sequence::new(2, Stream::ExactSample, set);
        let mut states = vec![0; 100 * 50];
        states.chunks_exact_mut(100).for_each(|row| (0..10).for_each(|_| row[draws.below(100) as usize] = 1));
        states
    };
    let most: Vec<u8> = few(1).iter().map(|unit| 1 - unit).collect();
    let found = compare(100, &most, &few(0));
    assert_eq!((found.adversarial.truth, found.adversarial.synthetic), (1.0, 1.0));
    assert!(found.nearest.distance >= 80.0);
}

#[test]
fn accuracies_take_as_many_rows_as_samples_and_the_seed_chooses_them() {
    let (samples, rows) = (mixture(40, 50, 7, 0), of_states(40, &mixture(40, 300, 7, 1)));
    let of = |seed, step| sample_quality(&samples, &rows, seed, step).expect("they fit");
    assert_eq!((of(1, 0).adversarial.compared, of(1, 0).rows), (50, 300));
    assert_eq!(of(1, 0), of(1, 0));
    let accuracies: Vec<f64> = (0..10).map(|step| of(1, step).adversarial.truth).collect();
    assert!(accuracies.iter().any(|&accuracy| accuracy != accuracies[0]), "other rows in other steps");
}

#[test]
fn errors_of_moments_are_those_of_plain_loops() {
    // More units than a word holds.
    for visible in [1, 7, 70] {
        let (samples, rows) = (mixture(visible, 130, 9, 0), mixture(visible, 75, 9, 1));
        let found = compare(visible, &samples, &rows);
        let ((means, covariances), (row_means, row_covariances)) =
            (moments(visible, &samples), moments(visible, &rows));
        assert!((found.first_moment_error - root_mean_square(&means, &row_means)).abs() < 1e-12);
        if visible > 1 {
            let expected = root_mean_square(&covariances, &row_covariances);
            assert!((found.second_moment_error - expected).abs() < 1e-12);
        } else {
            assert_eq!((found.second_moment_error, found.second_moment_noise), (0.0, 0.0));
        }
    }
}

#[test]
fn samples_from_the_law_of_the_rows_lie_at_the_noise_floor() {
    const REPEATS: u64 = 400;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for repeat in 0..REPEATS {
        let found = compare(8, &mixture(8, 300, 11, 2 * repeat), &mixture(8, 400, 11, 2 * repeat + 1));
        first.push(found.first_moment_error.powi(2) - found.first_moment_noise.powi(2));
        second.push(found.second_moment_error.powi(2) - found.second_moment_noise.powi(2));
        assert!(found.first_moment_noise > 0.0 && found.second_moment_noise > 0.0);
    }
    // The mean of the differences is 0 but for the law's moments being taken from 400 rows, which scales the second
    // floor by about 1 - 4 / 400 at most. Two means at four standard errors: by chance in 1 of 8,000 seeds.
    for (differences, plugged_in) in [(&first, 0.0), (&second, 0.01)] {
        let count = REPEATS as f64;
        let mean = differences.iter().sum::<f64>() / count;
        let squares: f64 = differences.iter().map(|x| (x - mean).powi(2)).sum();
        let stderr = (squares / (count * (count - 1.0))).sqrt();
        // A floor of covariances of 8 units is at most 1/16 (1/300 + 1/400).
        let scale = plugged_in / 16.0 * (1.0 / 300.0 + 1.0 / 400.0);
        assert!(mean.abs() < 4.0 * stderr + scale, "{mean} +- {stderr}");
    }
}

#[test]
fn samples_from_another_law_lie_above_the_floor() {
    let rows = mixture(8, 2000, 13, 0);
    // The same means, but independent units: only the second moments tell. Covariances of the mixture are 0.21 d_i d_j
    // with d = 0.7, 0.5, .. -0.7, root mean square 0.044; the floor is about sqrt(0.05 / 1000) = 0.007.
    let (means, _) = moments(8, &rows);
    let mut draws = Sequence::new(13, Stream::ExactSample, 1);
    let independent: Vec<u8> = (0..2000 * 8).map(|at| u8::from(draws.uniform() < means[at % 8])).collect();
    let found = compare(8, &independent, &rows);
    assert!(found.first_moment_error < 2.5 * found.first_moment_noise);
    assert!(found.second_moment_error > 3.0 * found.second_moment_noise);
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let rows = of_states(3, &[0, 0, 1, 1, 1, 0]);
    let refused = |samples: &[u8]| sample_quality(samples, &rows, 0, 0).expect_err("refused");
    for samples in [&[][..], &[0, 1, 1], &[0, 1, 1, 0], &[0, 1, 1, 0, 2, 0]] {
        assert!(matches!(refused(samples), Error::Samples { .. }), "{samples:?}");
    }
    let grey = split(3, &[0.0, 0.5, 1.0, 0.0, 0.0, 1.0]);
    assert!(matches!(sample_quality(&[0, 1, 1, 0, 0, 0], &grey, 0, 0), Err(Error::GreyRows)));
    assert!(refused(&[]).to_string().starts_with("compare 0 values with rows of 3 units"));
}

#[test]
fn quality_is_the_same_for_any_number_of_threads() {
    let (samples, rows) = (mixture(70, 300, 17, 0), of_states(70, &mixture(70, 500, 17, 1)));
    let measured = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| sample_quality(&samples, &rows, 1, 0).expect("they fit"))
    };
    assert_eq!(measured(1), measured(3));
}
