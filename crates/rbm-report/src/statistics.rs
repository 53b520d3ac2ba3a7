//! Mean and standard deviation over seeds.

/// The mean of some values and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// The mean.
    pub(crate) mean: f64,
    /// The standard deviation with n - 1 in the denominator; none for a single value.
    pub(crate) deviation: Option<f64>,
    /// The number of values.
    pub(crate) n: usize,
}

impl Spread {
    /// Of finite values; none of none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        Some(Self { mean, deviation, n })
    }

    /// Whether the means lie less than two standard errors of their difference apart; none where n is 1 on either side.
    pub(crate) fn is_close_to(&self, other: &Self) -> Option<bool> {
        let variance = |spread: &Self| spread.deviation.map(|deviation| deviation.powi(2) / spread.n as f64);
        let standard_error = (variance(self)? + variance(other)?).sqrt();
        Some((self.mean - other.mean).abs() < 2.0 * standard_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_of_three_values_is_the_one_computed_by_hand() {
        let spread = Spread::of(&[1.0, 2.0, 6.0]).expect("three values");
        assert_eq!(spread.mean, 3.0);
        assert_eq!(spread.deviation, Some(7.0_f64.sqrt())); // (4 + 1 + 9) / 2
        assert_eq!(spread.n, 3);
    }

    #[test]
    fn one_value_has_no_deviation_and_no_value_no_spread() {
        assert_eq!(Spread::of(&[4.0]), Some(Spread { mean: 4.0, deviation: None, n: 1 }));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn means_are_close_only_within_two_standard_errors() {
        let spread = |mean| Spread { mean, deviation: Some(2.0), n: 8 }; // standard error of a difference: 1
        assert_eq!(spread(0.0).is_close_to(&spread(1.9)), Some(true));
        assert_eq!(spread(0.0).is_close_to(&spread(2.1)), Some(false));
        assert_eq!(spread(0.0).is_close_to(&Spread { mean: 0.0, deviation: None, n: 1 }), None);
    }
}
