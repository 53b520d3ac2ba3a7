//! A histogram against a law.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Cells with a smaller expected count are put together: below it the law of chi-squared is not that of the statistic
/// (Cochran's rule).
const LEAST_EXPECTED: f64 = 5.0;

/// Probability of a chi-squared statistic at least as large as that of `counts` `[states]`, if they are independent
/// draws from `law` `[states]`; none where fewer than two cells remain.
pub(super) fn p_value(counts: &[u64], law: &[f64]) -> Option<f64> {
    let total = counts.iter().sum::<u64>() as f64;
    let mut cells: Vec<(f64, f64)> = counts.iter().zip(law).map(|(&count, p)| (p * total, count as f64)).collect();
    cells.sort_by(|a, b| b.0.total_cmp(&a.0));
    // From the rarest state on, cells are put together until each expects enough.
    let mut merged: Vec<(f64, f64)> = Vec::new();
    let mut pool = (0.0, 0.0);
    while let Some((expected, count)) = cells.pop() {
        pool = (pool.0 + expected, pool.1 + count);
        if pool.0 >= LEAST_EXPECTED {
            merged.push(std::mem::take(&mut pool));
        }
    }
    if let Some(last) = merged.last_mut() {
        *last = (last.0 + pool.0, last.1 + pool.1);
    }
    let freedom = merged.len().checked_sub(1).filter(|freedom| *freedom > 0)?;
    let statistic: f64 = merged.iter().map(|(expected, count)| (count - expected).powi(2) / expected).sum();
    Some(ChiSquared::new(freedom as f64).ok()?.sf(statistic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_those_of_tables() {
        // Counts 60 and 40 of a fair coin: chi-squared 4 with one degree of freedom, p = 0.0455.
        let p = p_value(&[60, 40], &[0.5, 0.5]).expect("two cells");
        assert!((p - 0.045_500_263_896).abs() < 1e-9, "{p}");
        assert!((p_value(&[50, 50], &[0.5, 0.5]).expect("two cells") - 1.0).abs() < 1e-12);
    }

    #[test]
    fn rare_cells_are_put_together() {
        // Expected 97, 1, 1, 1: the three rare ones together expect 3, too few for a cell of their own.
        assert_eq!(p_value(&[97, 1, 1, 1], &[0.97, 0.01, 0.01, 0.01]), None);
        // Expected 94 and 2, 2, 2: together 6. Counts 91 and 9: 9/94 + 9/6 = 1.5957 with one degree of freedom.
        let p = p_value(&[91, 9, 0, 0], &[0.94, 0.02, 0.02, 0.02]).expect("two cells");
        assert!((p - 0.206_5).abs() < 1e-4, "{p}");
    }
}
