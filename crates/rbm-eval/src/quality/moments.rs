//! Errors of first and second moments, with their noise floors.

use rayon::prelude::*;

use crate::packed::PackedRows;

/// A root mean square difference and what it would be between two draws from one law.
pub(super) struct Difference {
    pub(super) error: f64,
    pub(super) noise: f64,
}

/// Both moments.
pub(super) struct Moments {
    pub(super) first: Difference,
    pub(super) second: Difference,
}

/// Sums of squares over units or pairs.
#[derive(Clone, Copy, Default)]
struct Sums {
    squares: f64,
    variances: f64,
    count: f64,
}

impl Sums {
    fn push(&mut self, difference: f64, variance: f64) {
        self.squares += difference * difference;
        self.variances += variance;
        self.count += 1.0;
    }

    fn add(self, other: Self) -> Self {
        Self {
            squares: self.squares + other.squares,
            variances: self.variances + other.variances,
            count: self.count + other.count,
        }
    }

    fn difference(self) -> Difference {
        let root = |sum: f64| if self.count > 0.0 { (sum / self.count).sqrt() } else { 0.0 };
        Difference { error: root(self.squares), noise: root(self.variances) }
    }
}

/// Compares the means of units and the covariances of pairs of units, by counts of bits.
pub(super) fn compare(samples: &PackedRows, rows: &PackedRows) -> Moments {
    let units = rows.units();
    let (m, n) = (samples.len() as f64, rows.len() as f64);
    let (samples, rows) = (samples.transposed(), rows.transposed());
    let count = |columns: &PackedRows, i: usize, j: usize| -> f64 {
        let both: u64 = columns.row(i).iter().zip(columns.row(j)).map(|(a, b)| u64::from((a & b).count_ones())).sum();
        both as f64
    };
    let means: Vec<[f64; 2]> =
        (0..units).map(|unit| [count(&samples, unit, unit) / m, count(&rows, unit, unit) / n]).collect();
    // Without at least two rows there is no covariance; what is known of the rows' law is then that one row.
    let unbiased = |number: f64| if number > 1.0 { number / (number - 1.0) } else { 1.0 };
    let inverse = |number: f64| if number > 1.0 { 1.0 / (number * (number - 1.0)) } else { 0.0 };
    let scale = 1.0 / m + 1.0 / n;
    let mut first = Sums::default();
    for &[sample, row] in &means {
        first.push(sample - row, unbiased(n) * row * (1.0 - row) * scale);
    }
    let lines: Vec<Sums> = (0..units)
        .into_par_iter()
        .map(|i| {
            let mut line = Sums::default();
            for j in i + 1..units {
                let ([sample_i, p], [sample_j, q]) = (means[i], means[j]);
                let both = count(&rows, i, j) / n;
                let covariance = both - p * q;
                let of_samples = count(&samples, i, j) / m - sample_i * sample_j;
                line.push(
                    unbiased(m) * of_samples - unbiased(n) * covariance,
                    covariance_variance(p, q, both, scale, inverse(m) + inverse(n)),
                );
            }
            line
        })
        .collect();
    let second = lines.into_iter().fold(Sums::default(), Sums::add);
    Moments { first: first.difference(), second: second.difference() }
}

/// Variance of the difference of the unbiased covariances of two units in independent draws from one law with means `p`
/// and `q` and `both` the probability that both are 1: for n draws `(mu_22 - c^2) / n + (p (1 - p) q (1 - q) + c^2) /
/// (n (n - 1))` with `c = both - p q`, summed over the two sets of draws; `scale` sums `1 / n`, `inverse` sums `1 / (n
/// (n - 1))`.
///
/// With states 0 and 1, `(x - p)^2 = (1 - 2 p) x + p^2`, so `mu_22 = E (x - p)^2 (y - q)^2` is linear in `both`.
fn covariance_variance(p: f64, q: f64, both: f64, scale: f64, inverse: f64) -> f64 {
    let covariance = both - p * q;
    let fourth = (1.0 - 2.0 * p) * (1.0 - 2.0 * q) * both
        + (1.0 - 2.0 * p) * p * q * q
        + (1.0 - 2.0 * q) * p * p * q
        + (p * q).powi(2);
    let products = p * (1.0 - p) * q * (1.0 - q) + covariance * covariance;
    ((fourth - covariance * covariance) * scale + products * inverse).max(0.0)
}
