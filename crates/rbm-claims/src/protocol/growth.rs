//! Exponential growth, from measured times.

/// `seconds = 2^(intercept + slope size)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    intercept: f64,
    slope: f64,
}

impl Growth {
    /// By least squares of the logarithms over the larger half of the sizes, two at least: small sizes show fixed
    /// costs. None for fewer than two, or where the times do not grow.
    pub(super) fn of_larger_half(times: &[(f64, f64)]) -> Option<Self> {
        let count = times.len().div_ceil(2).max(2);
        let points = times.get(times.len().checked_sub(count)?..)?;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
        let (size, log) = (mean(|point| point.0), mean(|point| point.1.log2()));
        let covariance: f64 = points.iter().map(|point| (point.0 - size) * (point.1.log2() - log)).sum();
        let variance: f64 = points.iter().map(|point| (point.0 - size).powi(2)).sum();
        let slope = covariance / variance;
        (slope.is_finite() && slope > 0.0).then_some(Self { intercept: log - slope * size, slope })
    }

    /// By what one unit more multiplies the time.
    pub(super) fn factor(self) -> f64 {
        self.slope.exp2()
    }

    /// The largest whole size that takes at most so many seconds.
    pub(super) fn largest_within(self, seconds: f64) -> f64 {
        ((seconds.log2() - self.intercept) / self.slope).floor().max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_read_off_the_larger_sizes() {
        // A fixed cost of a second at small sizes, then 3 x 2^size / 1024.
        let times: Vec<(f64, f64)> = [(2.0, 1.0), (4.0, 1.0)]
            .into_iter()
            .chain([10.0, 12.0].map(|x: f64| (x, 3.0 * x.exp2() / 1024.0)))
            .collect();
        let growth = Growth::of_larger_half(&times).expect("two sizes grow");
        assert!((growth.factor() - 2.0).abs() < 1e-12);
        // 3 x 2^(x - 10) seconds are at most 60 up to x = 14.3.
        assert_eq!(growth.largest_within(60.0), 14.0);
    }

    #[test]
    fn times_that_do_not_grow_have_no_growth() {
        assert!(Growth::of_larger_half(&[(1.0, 1.0)]).is_none());
        assert!(Growth::of_larger_half(&[(1.0, 1.0), (2.0, 1.0)]).is_none());
    }
}
