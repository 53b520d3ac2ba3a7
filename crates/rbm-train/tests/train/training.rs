//! The epoch loop: weights of rows, schedules, divergence.

use super::common::{bars_and_stripes, finish, oracle, rows, trainer, trainer_on};
use rbm_data::epoch_order;
use rbm_model::{FreeEnergy, ModelConfig, Parameters, Precision, Rbm, exact};
use rbm_ops::{BackendName, open};
use rbm_train::{Algorithm, Error, KSchedule, Schedule, TrainConfig, Trainer};

/// A machine of one visible unit with bias 0 and no weights: its exact gradient by the visible bias is mean - 1/2.
fn bias_only() -> Parameters {
    Parameters::new(vec![0.0], vec![0.0], vec![0.0]).expect("sizes fit")
}

fn ones_then_zeros(ones: usize, count: usize) -> Vec<Vec<f32>> {
    (0..count).map(|row| vec![f32::from(u8::from(row < ones))]).collect()
}

#[test]
fn every_row_weighs_the_same_also_in_a_short_last_batch() {
    // At so small a rate the bias moves by rate / 10 x sum(x - 1/2) in an epoch, whatever the order of rows. What is
    // left out is the change of the mean by the movement itself, at most rate x 101 / 4 of each term: 3e-6 relative.
    let rate = 1e-7;
    let config = TrainConfig {
        algorithm: Algorithm::Exact,
        epochs: 1,
        batch_size: 10,
        learning_rate: rate,
        ..TrainConfig::default()
    };
    for (ones, count) in [(703, 1000), (703, 1001), (704, 1001), (1, 3), (1001, 1001)] {
        let trained = finish(trainer(&config, &bias_only(), Precision::F64, rows(&ones_then_zeros(ones, count))));
        let full = count.min(10) as f64;
        let expected = rate / full * (ones as f64 - 0.5 * count as f64);
        let moved = trained.parameters().expect("read back").visible_bias()[0];
        assert!((moved - expected).abs() <= 1e-5 * expected.abs(), "{ones} of {count}: {moved:e}, not {expected:e}");
    }
}

#[test]
fn one_row_more_does_not_move_the_model_away() {
    // 1,000 rows of 0.703 and one of 0, which stands alone in the last batch of the last epoch. A fair rule then moves
    // the bias by at most rate x 0.1 x 0.703, and the mean by a quarter of that, once as the lone row and once for what
    // is left of the epochs before. A rule that divides by the batch's own rows moves it by ten times as much.
    let (rate, epochs) = (0.5, 30);
    let config = TrainConfig {
        algorithm: Algorithm::Exact,
        epochs,
        batch_size: 10,
        learning_rate: rate,
        ..TrainConfig::default()
    };
    let mut with_outlier = vec![vec![0.703_f32]; 1000];
    let plain = finish(trainer(&config, &bias_only(), Precision::F64, rows(&with_outlier)));
    with_outlier.push(vec![0.0]);
    let seed = (0..).find(|&seed| epoch_order(1001, seed, epochs).last() == Some(&1000)).expect("some seed");
    let device = open(BackendName::Flex).expect("built in");
    let rbm = Rbm::new(&bias_only(), &ModelConfig::default(), Precision::F64, &device);
    let fair = finish(Trainer::new(&config, rbm, rows(&with_outlier), seed).expect("a fitting set-up"));
    let mean = |trainer: &Trainer| {
        let p = trainer.parameters().expect("read back");
        exact::moments(&p).expect("small").visible[0]
    };
    assert!((mean(&plain) - 0.703).abs() < 1e-6, "1,000 equal rows: {}", mean(&plain));
    assert!((mean(&fair) - mean(&plain)).abs() <= 2.0 * rate * 0.1 * 0.703 / 4.0, "{}", mean(&fair));
}

#[test]
fn constant_columns_and_duplicate_rows_train_without_a_nan() {
    let data: Vec<Vec<f32>> = (0..40).map(|row| vec![0.0, 1.0, f32::from(u8::from(row % 4 == 0)), 1.0]).collect();
    for algorithm in
        [Algorithm::Cd, Algorithm::Pcd, Algorithm::Rdm, Algorithm::Pt, Algorithm::Exact, Algorithm::ExpectedCd]
    {
        let config =
            TrainConfig { algorithm, epochs: 200, batch_size: 8, learning_rate: 1.0, ..TrainConfig::default() };
        let start = Parameters::new(vec![0.1; 8], vec![0.0; 4], vec![0.0; 2]).expect("sizes fit");
        let trained = finish(trainer(&config, &start, Precision::F32, rows(&data)));
        let p = trained.parameters().expect("read back");
        let all = p.weights().iter().chain(p.visible_bias()).chain(p.hidden_bias());
        assert!(all.clone().all(|x| x.is_finite()), "{algorithm:?}");
        let means = exact::moments(&p).expect("small").visible;
        assert!(means[0] < 0.1 && means[1] > 0.9, "{algorithm:?} learns the constants: {means:?}");
    }
}

#[test]
fn a_gradient_that_is_not_finite_ends_training_before_it_reaches_the_weights() {
    // exp(100) overflows f32, and the listing's derivative is then infinity over infinity.
    let start = Parameters::new(vec![100.0; 9], vec![0.0; 9], vec![0.0]).expect("sizes fit");
    let listing = ModelConfig { free_energy: FreeEnergy::Listing, ..ModelConfig::default() };
    let device = open(BackendName::Flex).expect("built in");
    let config = TrainConfig { batch_size: 16, ..TrainConfig::default() };
    let start_of = |variants: &ModelConfig| {
        Trainer::new(&config, Rbm::new(&start, variants, Precision::F32, &device), bars_and_stripes(), 7)
            .expect("a fitting set-up")
    };
    let error = start_of(&listing).step().expect_err("not a number");
    assert_eq!(
        error.to_string(),
        "diverged in epoch 1 at step 1: the hidden bias's gradient is not finite; a smaller learning rate may help"
    );
    start_of(&ModelConfig::default()).step().expect("the stable formula goes on");
}

#[test]
fn a_learning_rate_beyond_all_bounds_is_told_as_divergence() {
    for backend in [BackendName::Flex, BackendName::NdArray] {
        let config = TrainConfig { learning_rate: 3e38, epochs: 50, batch_size: 4, ..TrainConfig::default() };
        let mut run = Ok(trainer_on(backend, &config, &oracle(6, 1.0, true), Precision::F32, bars_and_stripes()));
        for _ in 0..200 {
            run = run.and_then(|trainer: Trainer| trainer.step().map(|(trainer, _)| trainer));
        }
        assert!(matches!(run.expect_err("overflows"), Error::Diverged { .. }), "{backend}");
    }
}

#[test]
fn schedules_start_and_end_where_they_say() {
    let config = TrainConfig {
        epochs: 5,
        k: 1,
        k_final: Some(10),
        k_schedule: KSchedule::Linear,
        learning_rate: 0.1,
        learning_rate_final: Some(0.001),
        schedule: Schedule::Exponential,
        momentum: 0.5,
        momentum_final: Some(0.9),
        momentum_switch: Some(3),
        ..TrainConfig::default()
    };
    config.check().expect("valid");
    let epochs = 1..=5;
    assert_eq!(epochs.clone().map(|e| config.k_at(e)).collect::<Vec<_>>(), [1, 3, 6, 8, 10]);
    assert_eq!(epochs.clone().map(|e| config.momentum_at(e)).collect::<Vec<_>>(), [0.5, 0.5, 0.9, 0.9, 0.9]);
    for (epoch, expected) in epochs.zip([0.1, 0.031_622_776_6, 0.01, 0.003_162_277_66, 0.001]) {
        assert!((config.learning_rate_at(epoch) / expected - 1.0).abs() < 1e-8);
    }
    let one = TrainConfig { epochs: 1, momentum_switch: None, momentum_final: None, ..config };
    assert_eq!((one.k_at(1), one.learning_rate_at(1)), (1, 0.1));
}

#[test]
fn momentum_and_decay_follow_their_formula() {
    // One unit each, exact gradient, full batch, in f64: the update written out by hand beside it.
    let start = Parameters::new(vec![0.4], vec![-0.2], vec![0.1]).expect("sizes fit");
    let (rate, momentum, decay) = (0.3, 0.7, 0.05);
    let config = TrainConfig {
        algorithm: Algorithm::Exact,
        epochs: 4,
        batch_size: 4,
        learning_rate: rate,
        momentum,
        weight_decay: decay,
        ..TrainConfig::default()
    };
    let data = [1.0, 1.0, 1.0, 0.0];
    let trained = finish(trainer(&config, &start, Precision::F64, rows(&data.map(|x: f32| vec![x]))));
    let (mut w, mut a, mut b) = (0.4_f64, -0.2_f64, 0.1_f64);
    let (mut dw, mut da, mut db) = (0.0, 0.0, 0.0);
    for _ in 0..4 {
        let sigma = |x: f64| 1.0 / (1.0 + (-x).exp());
        let weights = [1.0, a.exp(), b.exp(), (w + a + b).exp()]; // states (v, h) = 00, 10, 01, 11
        let z: f64 = weights.iter().sum();
        let q = 0.75;
        let gw = q * sigma(b + w) - weights[3] / z;
        let ga = q - (weights[1] + weights[3]) / z;
        let gb = q * sigma(b + w) + (1.0 - q) * sigma(b) - (weights[2] + weights[3]) / z;
        dw = momentum * dw + rate * (gw - decay * w);
        da = momentum * da + rate * ga;
        db = momentum * db + rate * gb;
        (w, a, b) = (w + dw, a + da, b + db);
    }
    let p = trained.parameters().expect("read back");
    for (got, expected) in [(p.weights()[0], w), (p.visible_bias()[0], a), (p.hidden_bias()[0], b)] {
        assert!((got - expected).abs() < 1e-14, "{got} {expected}");
    }
}

/// The figures of an independent program; no random numbers in any of it. Tolerance as stated with the figures: 1e-4.
#[test]
fn expected_gradients_reach_the_oracles_divergence() {
    let kl_after = |algorithm, epochs| {
        let config = TrainConfig { algorithm, epochs, batch_size: 16, learning_rate: 0.5, ..TrainConfig::default() };
        let trained = finish(trainer(&config, &oracle(4, 0.5, false), Precision::F64, bars_and_stripes()));
        kl_of_bars_and_stripes(&trained.parameters().expect("read back"))
    };
    assert!((kl_of_bars_and_stripes(&oracle(4, 0.5, false)) - 3.673_470).abs() < 1e-4);
    let exact = kl_after(Algorithm::Exact, 3000);
    assert!((exact - 0.715_718).abs() < 1e-4, "exact: {exact}");
    let earlier = kl_after(Algorithm::ExpectedCd, 2000);
    assert!((earlier - 1.289_546).abs() < 1e-4, "expected CD-1 at 2,000: {earlier}");
    let later = kl_after(Algorithm::ExpectedCd, 3000);
    assert!((later - 1.393_237).abs() < 1e-4, "expected CD-1 at 3,000: {later}");
    assert!(later > earlier, "the likelihood falls by the bias of CD-1 alone");
}

/// KL(data || model) of bars and stripes 3 x 3 with multiplicity, with log Z from all joint states.
fn kl_of_bars_and_stripes(p: &Parameters) -> f64 {
    let log_weight = |v: usize| {
        let mut sum: f64 = (0..9).filter(|i| v >> i & 1 == 1).map(|i| p.visible_bias()[i]).sum();
        for j in 0..p.hidden() {
            let x: f64 = (0..9).filter(|i| v >> i & 1 == 1).map(|i| p.weights()[9 * j + i]).sum();
            sum += (1.0 + (p.hidden_bias()[j] + x).exp()).ln();
        }
        sum
    };
    let log_z = (0..512).map(|v| log_weight(v).exp()).sum::<f64>().ln();
    let (rows, columns) = ([0b111, 0b111_000, 0b111_000_000], [0b1_001_001, 0b10_010_010, 0b100_100_100]);
    let mut kl = 0.0;
    let mut shares = std::collections::BTreeMap::new();
    for choice in 0..8 {
        for lines in [rows, columns] {
            let pattern: usize = (0..3).filter(|l| choice >> l & 1 == 1).map(|l| lines[l]).sum();
            *shares.entry(pattern).or_insert(0.0) += 1.0 / 16.0;
        }
    }
    for (pattern, share) in shares {
        kl += share * (f64::ln(share) - log_weight(pattern) + log_z);
    }
    kl
}
