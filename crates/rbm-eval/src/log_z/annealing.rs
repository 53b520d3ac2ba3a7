//! Chains annealed up and down a path, and their log weights.

use rbm_model::{AnnealedChains, AnnealingPath};

use super::progress::{Progress, go_on};
use crate::Error;

/// Anneals chains that are at the path's start up to its end: their log weights `sum_t ln f_t(x) - ln f_(t-1)(x)`,
/// `[chains]`, whose exponentials have the mean `sum f_1 / sum f_0` (Neal 2001, equation 11).
///
/// The weight is updated before the transition that leaves `f_t` invariant; no transition follows the last update.
/// `progress` is told of inverse temperatures passed.
///
/// # Errors
/// When the device fails, a weight is not finite, or `progress` breaks.
pub fn anneal_up(
    path: &AnnealingPath,
    betas: &[f64],
    mut chains: AnnealedChains,
    progress: Progress<'_>,
) -> Result<Vec<f64>, Error> {
    let mut weights = vec![0.0; chains.chains()];
    for (at, pair) in betas.windows(2).enumerate() {
        let (next, ratios) = chains.log_ratio(path, pair[0], pair[1])?;
        add(&mut weights, &ratios);
        chains = if at + 2 < betas.len() { next.step(path, pair[1]) } else { next };
        go_on(progress)?;
    }
    check(&weights)?;
    Ok(weights)
}

/// Anneals chains that are at the path's end down to its start: the logs of the same weights along the reversed path,
/// whose inverses have the mean `sum f_0 / sum f_1` where the chains began as samples of `f_1`.
///
/// A transition that leaves `f_t` invariant comes before each update, the end's included: the mirror image of a run of
/// [`anneal_up`] with a transition at the end.
///
/// # Errors
/// As [`anneal_up`].
pub fn anneal_down(
    path: &AnnealingPath,
    betas: &[f64],
    mut chains: AnnealedChains,
    progress: Progress<'_>,
) -> Result<Vec<f64>, Error> {
    let mut weights = vec![0.0; chains.chains()];
    for pair in betas.windows(2).rev() {
        let (next, ratios) = chains.step(path, pair[1]).log_ratio(path, pair[0], pair[1])?;
        add(&mut weights, &ratios);
        chains = next;
        go_on(progress)?;
    }
    check(&weights)?;
    Ok(weights)
}

/// Refuses weights that are no numbers, or so large that f64 has no digits left for their differences.
fn check(weights: &[f64]) -> Result<(), Error> {
    const LARGEST: f64 = 1e12;
    if weights.iter().all(|weight| weight.abs() <= LARGEST) { Ok(()) } else { Err(Error::NotFinite) }
}

fn add(sums: &mut [f64], values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}
