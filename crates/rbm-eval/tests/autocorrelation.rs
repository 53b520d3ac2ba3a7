//! Autocorrelation times and R-hat of series whose answers are known.

use rbm_eval::mixing::{autocorrelation_time, split_r_hat};
use rbm_random::{Sequence, Stream};

/// A test at three standard errors fails by chance with this many of 1,000 seeds: 2.7 (two-sided, normal). Seeds are
/// fixed.
const STANDARD_ERRORS: f64 = 3.0;

/// Stationary Gaussian AR(1) series with coefficient `c`.
fn autoregressive(chains: usize, sweeps: usize, c: f64, seed: u64) -> Vec<Vec<f64>> {
    let innovation = (1.0 - c * c).sqrt();
    (0..chains)
        .map(|chain| {
            let mut draws = Sequence::new(seed, Stream::MixingStart, chain as u64);
            let mut x = draws.normal();
            (0..sweeps)
                .map(|_| {
                    x = c * x + innovation * draws.normal();
                    x
                })
                .collect()
        })
        .collect()
}

#[test]
fn autocorrelation_times_of_autoregressive_series_are_known() {
    // Four coefficients, with one chain and with ten: with other seeds one of the eight misses in 2 of 100 cases.
    for (at, c) in [0.0, 0.5, 0.9, 0.99].into_iter().enumerate() {
        for (chains, sweeps) in [(1, 500_000), (10, 100_000)] {
            let series = autoregressive(chains, sweeps, c, 40 + at as u64);
            let tau = autocorrelation_time(&series).expect("long enough");
            let expected = (1.0 + c) / (1.0 - c);
            assert!(
                (tau.value - expected).abs() <= STANDARD_ERRORS * tau.stderr,
                "c = {c}, {chains} chains: {} +- {}, expected {expected}",
                tau.value,
                tau.stderr
            );
            assert!(tau.stderr < 0.2 * expected && tau.sweeps_used == sweeps);
        }
    }
}

#[test]
fn stated_errors_of_autocorrelation_times_are_the_spread_over_seeds() {
    const SEEDS: u64 = 200;
    let c = 0.5;
    let squares: f64 = (0..SEEDS)
        .map(|seed| {
            let tau = autocorrelation_time(&autoregressive(4, 5000, c, 1000 + seed)).expect("long enough");
            ((tau.value - (1.0 + c) / (1.0 - c)) / tau.stderr).powi(2)
        })
        .sum();
    let spread = (squares / SEEDS as f64).sqrt();
    // Sokal's formula holds for tau << M; here tau / M = 1/5, so 20 % are its own. The root mean square of 200 has a
    // standard deviation of 1 / sqrt(400) = 5 %; four of them are 20 %.
    assert!((0.6..1.4).contains(&spread), "{spread} stated standard errors");
}

#[test]
fn autocorrelation_times_that_the_series_is_too_short_for_are_none() {
    // tau = 199 asks for 9,950 sweeps of each chain, however many chains there are.
    assert_eq!(autocorrelation_time(&autoregressive(100, 2000, 0.99, 1)), None);
    assert_eq!(autocorrelation_time(&[]), None);
    assert_eq!(autocorrelation_time(&[vec![]]), None);
    assert_eq!(autocorrelation_time(&vec![vec![0.1; 1000]; 3]), None);
    // Chains that are stuck in different places have not mixed, though each of them looks like noise around its own
    // mean.
    let mut stuck = autoregressive(2, 5000, 0.0, 3);
    stuck[1].iter_mut().for_each(|x| *x += 100.0);
    assert_eq!(autocorrelation_time(&stuck), None);
}

#[test]
fn r_hat_is_near_one_for_chains_of_one_law_and_above_for_shifted_ones() {
    // 40 halves of n = 500: R^2 - 1 = (chi^2_39 / 39 - 1) / n, standard deviation sqrt(2 / 39) / 500, half of that in
    // R.
    let alike = autoregressive(20, 1000, 0.0, 5);
    let deviation = 0.5 * (2.0_f64 / 39.0).sqrt() / 500.0;
    let found = split_r_hat(&alike).expect("chains");
    assert!((found - 1.0).abs() < 5.0 * deviation, "{found}");
    // Half of them shifted by one standard deviation: R^2 = 1 + 40 / 39 / 4, R = 1.12; the shift is 0.045 uncertain.
    let mut shifted = alike.clone();
    shifted[..10].iter_mut().flatten().for_each(|x| *x += 1.0);
    assert!((split_r_hat(&shifted).expect("chains") - 1.12).abs() < 0.02);
    // Each chain alone agrees with the others, but drifts: what the halves are for.
    let mut drifting = alike;
    drifting.iter_mut().for_each(|chain| chain.iter_mut().enumerate().for_each(|(t, x)| *x += t as f64 / 250.0));
    assert!(split_r_hat(&drifting).expect("chains") > 1.3);
}

#[test]
fn r_hat_of_two_short_chains_is_that_of_a_hand_calculation() {
    // Halves (1, 2), (3, 4), (2, 3), (4, 5): W = 1/2, variance of the means 5/3, n = 2.
    let found = split_r_hat(&[vec![1.0, 2.0, 3.0, 4.0], vec![2.0, 3.0, 4.0, 5.0]]).expect("two chains");
    assert!((found - ((0.25 + 5.0 / 3.0) / 0.5_f64).sqrt()).abs() < 1e-14);
    assert_eq!(split_r_hat(&[vec![1.0, 2.0, 3.0, 4.0]]), None);
    assert_eq!(split_r_hat(&[vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0]]), None);
    assert_eq!(split_r_hat(&[vec![1.0; 4], vec![1.0; 4]]), None);
    assert_eq!(split_r_hat(&[vec![1.0; 4], vec![2.0; 4]]), Some(f64::INFINITY));
}
