//! Integrated autocorrelation times.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The window is the smallest number of lags that is at least so many times the autocorrelation time over these lags
/// (Sokal 1997, section 3, in whose notation `tau_int = tau / 2`): what lies beyond is mostly noise.
const WINDOW: f64 = 5.0;
/// A time is resolved where each chain is at least so many times as long as it (the rule of emcee, Foreman-Mackey et
/// al. 2013): the window then is at most about a tenth of a chain.
pub const RESOLVED: f64 = 50.0;

/// An integrated autocorrelation time with its standard error, in sweeps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AutocorrelationTime {
    /// `tau = 1 + 2 sum_{t <= M} rho(t)`, M the smallest with `M >= 5 tau(M)`.
    pub value: f64,
    /// `tau sqrt(2 (2 M + 1) / N)` with N values in all chains (Sokal 1997, section 3).
    pub stderr: f64,
    /// Sweeps of each chain that it was found from.
    pub sweeps_used: usize,
}

/// Integrated autocorrelation time of an observable along chains of equal length.
///
/// Autocovariances are averaged over the chains around the mean that is common to all: a mean of each chain's own would
/// subtract about `tau variance / sweeps` from every autocovariance, and would hide that chains stay in different
/// places.
///
/// `None` where it is not resolved: the chains are shorter than [`RESOLVED`] times the autocorrelation time, or no
/// value ever differs from the others, which a constant observable and chains that are stuck have in common.
///
/// ```
/// use rbm_eval::mixing::autocorrelation_time;
///
/// // Every value stands twice: rho(1) = 1/2 and tau = 1 + 2/2, but for the noise of pseudo-random numbers.
/// let mut word = 1_u32;
/// let series: Vec<f64> = (0..200_000)
///     .map(|at| {
///         if at % 2 == 0 {
///             word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
///         }
///         f64::from(word >> 16)
///     })
///     .collect();
/// let tau = autocorrelation_time(&[series]).expect("long enough");
/// assert!((tau.value - 2.0).abs() < 5.0 * tau.stderr);
/// assert_eq!(autocorrelation_time(&[vec![3.0; 1000]]), None);
/// ```
pub fn autocorrelation_time(chains: &[Vec<f64>]) -> Option<AutocorrelationTime> {
    let sweeps = chains.iter().map(Vec::len).min()?;
    let first = *chains[0].first()?;
    if chains.iter().all(|chain| chain[..sweeps].iter().all(|&value| value == first)) {
        return None;
    }
    let count = (chains.len() * sweeps) as f64;
    let mean = chains.iter().map(|chain| chain[..sweeps].iter().sum::<f64>()).sum::<f64>() / count;
    let centred: Vec<Vec<f64>> =
        chains.iter().map(|chain| chain[..sweeps].iter().map(|value| value - mean).collect()).collect();
    let covariance = |lag: usize| {
        let sums: Vec<f64> = centred.par_iter().map(|chain| dot(&chain[lag..], &chain[..sweeps - lag])).collect();
        sums.iter().sum::<f64>() / (chains.len() * (sweeps - lag)) as f64
    };
    let variance = covariance(0);
    // Beyond this lag the window would say that the time is not resolved.
    let longest = (WINDOW * sweeps as f64 / RESOLVED) as usize;
    let mut value = 1.0;
    for lag in 1..=longest {
        value += 2.0 * covariance(lag) / variance;
        if lag as f64 >= WINDOW * value {
            if value <= 0.0 {
                return None; // noise alone: an integrated time is positive
            }
            let stderr = value * (2.0 * (2 * lag + 1) as f64 / count).sqrt();
            return Some(AutocorrelationTime { value, stderr, sweeps_used: sweeps });
        }
    }
    None
}

/// Sum of products, in eight sums side by side.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 8;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}
