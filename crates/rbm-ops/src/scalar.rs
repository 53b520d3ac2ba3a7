//! Stable functions of one f64, for the host.

/// `1 / (1 + exp(-x))`, without overflow and exact to the last bits for either sign.
#[inline]
pub fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

/// `log(1 + exp(x))` as `max(x, 0) + log1p(exp(-|x|))`: no cut-off, no overflow.
#[inline]
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `log(sum(exp(x)))`, shifted by the largest; minus infinity for an empty slice.
pub fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return largest;
    }
    largest + values.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigmoid_and_softplus_hold_at_the_extremes() {
        assert_eq!(sigmoid(800.0), 1.0);
        assert_eq!(sigmoid(-800.0), 0.0);
        assert!(sigmoid(-700.0) > 0.0);
        assert_eq!(softplus(800.0), 800.0);
        assert_eq!(softplus(-800.0), 0.0);
        // 20 is where a well-known library switches to the identity, off by exp(-20).
        assert!((softplus(20.5) - 20.5 - (-20.5_f64).exp()).abs() < 1e-15);
        assert_eq!(softplus(f64::NEG_INFINITY), 0.0);
        assert!(softplus(f64::NAN).is_nan());
    }

    #[test]
    fn sigmoid_is_the_derivative_of_softplus() {
        // Central differences err by h^2 / 6 times the third derivative (below 0.1), and by rounding, 1e-16 * 30 / h.
        let h = 1e-5;
        for x in [-30.0, -3.0, -0.1, 0.0, 0.2, 4.0, 30.0] {
            assert!(((softplus(x + h) - softplus(x - h)) / (2.0 * h) - sigmoid(x)).abs() < 1e-9);
        }
    }

    #[test]
    fn log_sum_exp_is_shifted() {
        assert!((log_sum_exp(&[1000.0, 1000.0]) - 1000.0 - 2.0_f64.ln()).abs() < 1e-12);
        assert_eq!(log_sum_exp(&[]), f64::NEG_INFINITY);
    }
}
