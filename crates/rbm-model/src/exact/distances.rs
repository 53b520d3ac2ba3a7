//! How far one law is from another, both `[states]`.

/// Total variation `sum |q - p| / 2`.
pub fn total_variation(q: &[f64], p: &[f64]) -> f64 {
    0.5 * q.iter().zip(p).map(|(q, p)| (q - p).abs()).sum::<f64>()
}

/// Kullback-Leibler divergence of `q` from `p` in nats, summed as `q ln(q/p) - q + p`, whose terms are never negative.
pub fn kl_divergence(q: &[f64], p: &[f64]) -> f64 {
    q.iter().zip(p).map(|(&q, &p)| if q == 0.0 { p } else { q * (q / p).ln() - q + p }).sum()
}

/// Chi-squared `sum (q - p)^2 / p`; infinite where `q` has a state that `p` has not.
pub fn chi_squared(q: &[f64], p: &[f64]) -> f64 {
    q.iter().zip(p).map(|(&q, &p)| if q == p { 0.0 } else { (q - p) * (q - p) / p }).sum()
}
