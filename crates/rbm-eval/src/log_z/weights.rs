//! Means of importance weights that are known by their logarithms.

use rbm_ops::scalar::log_sum_exp;

/// `log mean exp(x)`, with what the spread of the `exp(x)` says of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LogMean {
    /// `log mean exp(x)`.
    pub(super) value: f64,
    /// Standard error of the mean over the mean: `std(w) / (mean(w) sqrt(M))`; absent for a single weight.
    pub(super) relative_error: Option<f64>,
    /// `(sum w)^2 / sum w^2`.
    pub(super) ess: f64,
}

impl LogMean {
    /// Of the logarithms of at least one weight.
    pub(super) fn of(logs: &[f64]) -> Self {
        let count = logs.len() as f64;
        let value = log_sum_exp(logs) - count.ln();
        // Weights over their mean.
        let shares = logs.iter().map(|log| (log - value).exp());
        let squares: f64 = shares.clone().map(|w| w * w).sum();
        let deviations: f64 = shares.map(|w| (w - 1.0) * (w - 1.0)).sum();
        let relative_error = (logs.len() > 1).then(|| (deviations / ((count - 1.0) * count)).sqrt());
        Self { value, relative_error, ess: count * count / squares }
    }

    /// `ln(mean - n s)` and `ln(mean + n s)`, s the mean's standard error; the lower end is absent where it is not
    /// positive.
    pub(super) fn interval(&self, n: f64) -> Option<[Option<f64>; 2]> {
        let error = n * self.relative_error?;
        let low = (error < 1.0).then(|| self.value + (-error).ln_1p());
        Some([low, Some(self.value + error.ln_1p())])
    }
}

/// Negates an interval and so exchanges its ends: that of `-x`, shifted.
pub(super) fn negated([low, high]: [Option<f64>; 2]) -> [Option<f64>; 2] {
    [high.map(|x| -x), low.map(|x| -x)]
}

/// Shifts an interval.
pub(super) fn shifted(interval: [Option<f64>; 2], by: f64) -> [Option<f64>; 2] {
    interval.map(|end| end.map(|x| x + by))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_errors_and_sample_sizes_are_those_of_the_weights() {
        let weights = [1.0, 2.0, 3.0, 6.0_f64];
        let logs = weights.map(|w| w.ln() + 1000.0); // far beyond the range of exp
        let mean = LogMean::of(&logs);
        assert!((mean.value - 1000.0 - 3.0_f64.ln()).abs() < 1e-12);
        // Squared deviations from 3: 4 + 1 + 0 + 9 = 14, over 3 x 4.
        assert!((mean.relative_error.expect("four weights") - (14.0 / 12.0_f64).sqrt() / 3.0).abs() < 1e-12);
        assert!((mean.ess - 144.0 / 50.0).abs() < 1e-12);
        let [low, high] = mean.interval(3.0).expect("four weights");
        assert_eq!(low, None);
        assert!((high.expect("always there") - 1000.0 - (3.0 + 3.0 * (14.0 / 12.0_f64).sqrt()).ln()).abs() < 1e-12);
        assert_eq!(LogMean::of(&[5.0]).interval(1.0), None);
    }
}
