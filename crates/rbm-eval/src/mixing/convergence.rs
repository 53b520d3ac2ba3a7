//! Whether chains agree with each other.

/// A variance below this share of the squared mean is rounding: a sum of n equal values errs by n 2^-53 at the most.
const ROUNDING: f64 = 1e-24;

/// Split R-hat of an observable along chains of equal length (Gelman et al., Bayesian Data Analysis, 3rd edition,
/// section 11.4): each chain is cut into halves, and the variance between their means is compared with that within
/// them. Near 1 where the chains agree and stand still; Vehtari et al. (2021) ask for less than 1.01.
///
/// `sqrt(((n - 1) / n W + B / n) / W)`, n values a half, W the mean of the halves' variances, `B / n` the variance of
/// their means. Not rank-normalised: what is followed along chains here is bounded, so its variance exists.
///
/// `None` with fewer than two chains or four sweeps, and where no value differs from another; infinite where the halves
/// are constant but differ.
pub fn split_r_hat(chains: &[Vec<f64>]) -> Option<f64> {
    let sweeps = chains.iter().map(Vec::len).min()?;
    let half = sweeps / 2;
    if chains.len() < 2 || half < 2 {
        return None;
    }
    // Of an odd number of sweeps the middle one is left out.
    let halves = chains.iter().flat_map(|chain| [&chain[..half], &chain[sweeps - half..sweeps]]);
    let (means, variances): (Vec<f64>, Vec<f64>) = halves.map(mean_and_variance).unzip();
    let within = variances.iter().sum::<f64>() / variances.len() as f64;
    let (_, between) = mean_and_variance(&means);
    if !within.is_finite() {
        return None;
    }
    // Equal values have a variance of their mean's rounding.
    let size = means.iter().fold(0.0_f64, |size, mean| size.max(mean.abs()));
    if within <= ROUNDING * size * size {
        return (between > ROUNDING * size * size).then_some(f64::INFINITY);
    }
    let n = half as f64;
    Some((((n - 1.0) / n * within + between) / within).sqrt())
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0))
}
