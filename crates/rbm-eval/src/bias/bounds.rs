//! What is known beforehand of the bias of CD-k: two published bounds, and a spectral one.
//!
//! All three hold for each *component* of the gradient: they are compared with the largest one, not with the norm. The
//! statistics lie in `[0, 1]`, so that a bound of 1 or more says nothing: it is vacuous.

use rbm_model::Parameters;
use rbm_ops::scalar::softplus;

/// From here on a bound says nothing.
pub const VACUOUS: f64 = 1.0;

/// Fischer and Igel (2011): `TV(q, p) (1 - exp(-(m+n) D))^k`, q the data's law and p the model's.
///
/// D is the largest, over all units of both layers, of `max(|sum of positive incoming weights + bias|, |sum of negative
/// incoming weights + bias|)`. Where the total variation is not known, 1 is a bound on it.
pub fn fischer_igel(parameters: &Parameters, total_variation: f64, k: u32) -> f64 {
    let (rows, columns) = incoming(parameters);
    let largest = rows.iter().chain(&columns).map(Incoming::reach).fold(0.0, f64::max);
    let units = (parameters.visible() + parameters.hidden()) as f64;
    // 1 - x by its logarithm: a tiny x keeps its digits through a large k.
    total_variation * (f64::from(k) * (-(-units * largest).exp()).ln_1p()).exp()
}

/// Bengio and Delalleau (2009): `2^m (1 - 2^(m+n) sigma(-A)^n sigma(-B)^m)^k`, A (B) the largest over hidden (visible)
/// units of `sum |w| + |bias|`.
pub fn bengio_delalleau(parameters: &Parameters, k: u32) -> f64 {
    let (rows, columns) = incoming(parameters);
    let largest = |units: &[Incoming]| units.iter().map(Incoming::size).fold(0.0, f64::max);
    let (m, n) = (parameters.visible() as f64, parameters.hidden() as f64);
    let log_share = (m + n) * std::f64::consts::LN_2 - n * softplus(largest(&rows)) - m * softplus(largest(&columns));
    // Rounding must not lift the share above 1, where all parameters are zero.
    let log_rest = (-log_share.min(0.0).exp()).ln_1p();
    (m * std::f64::consts::LN_2 + f64::from(k) * log_rest).exp()
}

/// `lambda2^k sqrt(chi2(q, p)) max_i sd_p(s_i)`: the kernel is reversible with respect to p, so that k steps shrink the
/// density `q/p - 1` by `lambda2^k` in the norm whose square is chi-squared, and the inequality of Cauchy and Schwarz
/// does the rest.
pub fn spectral(lambda2: f64, chi_squared: f64, largest_deviation: f64, k: u32) -> f64 {
    lambda2.powf(f64::from(k)) * chi_squared.sqrt() * largest_deviation
}

/// Weights into one unit.
#[derive(Clone, Copy, Default)]
struct Incoming {
    positive: f64,
    negative: f64,
    bias: f64,
}

impl Incoming {
    fn add(&mut self, weight: f64) {
        if weight > 0.0 { self.positive += weight } else { self.negative += weight }
    }

    fn reach(&self) -> f64 {
        (self.positive + self.bias).abs().max((self.negative + self.bias).abs())
    }

    fn size(&self) -> f64 {
        self.positive - self.negative + self.bias.abs()
    }
}

/// Of hidden units, and of visible ones.
fn incoming(parameters: &Parameters) -> (Vec<Incoming>, Vec<Incoming>) {
    let of = |bias: &[f64]| bias.iter().map(|&bias| Incoming { bias, ..Incoming::default() }).collect::<Vec<_>>();
    let (mut hidden, mut visible) = (of(parameters.hidden_bias()), of(parameters.visible_bias()));
    for (j, hidden) in hidden.iter_mut().enumerate() {
        for (visible, &weight) in visible.iter_mut().zip(parameters.weights_of(j)) {
            hidden.add(weight);
            visible.add(weight);
        }
    }
    (hidden, visible)
}
