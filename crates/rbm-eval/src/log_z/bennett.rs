//! Bennett's acceptance ratio.

use rbm_ops::scalar::sigmoid;

/// Halvings of an interval of doubles: enough for any that are finite.
const HALVINGS: usize = 200;

/// `ln(Z_1 / Z_0)` from `u = ln f_1(x) - ln f_0(x)` at samples of law 0 and of law 1: the root c of
/// `sum_0 sigma(m + u - c) = sum_1 sigma(c - m - u)`, with `m = ln(n_1 / n_0)` (Bennett 1976, equations 12a and 12b; it
/// is the maximum-likelihood estimate, Shirts et al. 2003).
///
/// `None` where a side has no sample or a value is not finite.
pub(crate) fn bennett(at_0: &[f64], at_1: &[f64]) -> Option<f64> {
    let finite = |values: &[f64]| !values.is_empty() && values.iter().all(|u| u.is_finite());
    if !finite(at_0) || !finite(at_1) {
        return None;
    }
    let m = (at_1.len() as f64 / at_0.len() as f64).ln();
    let excess = |c: f64| {
        let from_0: f64 = at_0.iter().map(|u| sigmoid(m + u - c)).sum();
        let from_1: f64 = at_1.iter().map(|u| sigmoid(c - m - u)).sum();
        from_0 - from_1
    };
    // The excess falls with c; outside the range of all u, by more than the few units of m, it has one sign.
    let all = at_0.iter().chain(at_1);
    let (mut low, mut high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &u| (low.min(u), high.max(u)));
    let margin = 40.0 + 2.0 * m.abs() + ((at_0.len() + at_1.len()) as f64).ln();
    low -= margin;
    high += margin;
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if excess(middle) > 0.0 { low = middle } else { high = middle }
    }
    Some(0.5 * (low + high))
}

/// Standard error of [`bennett`]'s estimate for independent samples: `var = (mean s^2 / (mean s)^2 - 1) / n`, summed
/// over both sides, with s the side's own term (Bennett 1976, equation 10a with optimal weights).
pub(crate) fn bennett_error(at_0: &[f64], at_1: &[f64], c: f64) -> f64 {
    let m = (at_1.len() as f64 / at_0.len() as f64).ln();
    let relative = |terms: Vec<f64>| {
        let count = terms.len() as f64;
        let mean = terms.iter().sum::<f64>() / count;
        let square = terms.iter().map(|s| s * s).sum::<f64>() / count;
        (square / (mean * mean) - 1.0).max(0.0) / count
    };
    let from_0 = relative(at_0.iter().map(|u| sigmoid(m + u - c)).collect());
    let from_1 = relative(at_1.iter().map(|u| sigmoid(c - m - u)).collect());
    (from_0 + from_1).sqrt()
}

#[cfg(test)]
mod tests {
    use rbm_random::{Sequence, Stream};

    use super::*;

    /// Of `f_0 = exp(-x^2/2)` and `f_1 = exp(3 - (x - d)^2/2)`, whose integrals differ by the factor e^3, at normal
    /// samples.
    fn differences(shift: f64, d: f64, count: usize, row: u32) -> Vec<f64> {
        let mut draws = Sequence::new(11, Stream::AnnealStart, 0).at_row(row);
        (0..count)
            .map(|_| {
                let x = draws.normal() + shift;
                3.0 + d * x - 0.5 * d * d
            })
            .collect()
    }

    #[test]
    fn the_ratio_of_two_gaussians_is_found_within_its_error() {
        // Four standard errors: 6e-5 for each of the four cases.
        for (case, (d, n_0, n_1)) in
            [(0.5, 1000, 1000), (2.0, 1000, 1000), (2.0, 300, 3000), (3.0, 5000, 5000)].into_iter().enumerate()
        {
            let (at_0, at_1) = (differences(0.0, d, n_0, 2 * case as u32), differences(d, d, n_1, 2 * case as u32 + 1));
            let found = bennett(&at_0, &at_1).expect("finite");
            let error = bennett_error(&at_0, &at_1, found);
            assert!((found - 3.0).abs() < 4.0 * error && error < 0.2, "case {case}: {found} +- {error}");
        }
    }

    #[test]
    fn equal_laws_give_the_constant_between_them_exactly() {
        assert!((bennett(&[2.5; 7], &[2.5; 3]).expect("finite") - 2.5).abs() < 1e-12);
        assert_eq!(bennett(&[], &[1.0]), None);
        assert_eq!(bennett(&[f64::INFINITY], &[1.0]), None);
    }
}
