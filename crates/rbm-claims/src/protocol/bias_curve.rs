//! The bias of CD-k of one machine over k.

use rbm_model::{
    Parameters,
    exact::{self, Gradient, Moments, WeightedRows},
};

use super::rises::Rises;
use crate::{Error, Measurement};

/// Components of the exact gradient below it are rounding: their sign is not known.
const NO_SIGN: f64 = 1e-12;

/// What there is at each k from 0 on; at 0 the chains' law is the data's.
pub(super) struct Curve {
    gradient: Gradient,
    of_k: Vec<AtK>,
}

/// At one k.
struct AtK {
    kl: f64,
    chi_squared: f64,
    total_variation: f64,
    /// `E_p s - E_{q T^k} s`.
    bias: Gradient,
    /// `E_q s - E_{q T^k} s`.
    cd: Gradient,
    /// Of the statistics of one chain, summed over components.
    variance: f64,
}

impl Curve {
    /// For k from 0 to `last`.
    pub(super) fn new(machine: &Parameters, rows: &WeightedRows, last: u32) -> Result<Self, Error> {
        let model_law = exact::visible_law(machine)?;
        let model = exact::moments_under(machine, &model_law)?;
        let data = exact::data_moments(machine, rows)?;
        let mut law = rows.law()?;
        let mut of_k = Vec::new();
        for k in 0..=last {
            if k > 0 {
                law = exact::kernel_step(machine, &law)?;
            }
            let moments = exact::moments_under(machine, &law)?;
            of_k.push(AtK {
                kl: exact::kl_divergence(&law, &model_law),
                chi_squared: exact::chi_squared(&law, &model_law),
                total_variation: exact::total_variation(&law, &model_law),
                bias: Gradient::between(&model, &moments),
                cd: Gradient::between(&data, &moments),
                variance: variance(&exact::second_moments_under(machine, &law)?, &moments),
            });
        }
        Ok(Self { gradient: Gradient::between(&data, &model), of_k })
    }

    /// The quantities of the protocol at each of `ks`, and the best of them for a number of `sweeps`.
    pub(super) fn measurements(&self, ks: &[u32], sweeps: f64) -> Vec<Measurement> {
        let mut found = Vec::new();
        let mut best: Option<(u32, f64)> = None;
        for &k in ks {
            let at = &self.of_k[k as usize];
            let norm = at.bias.norm();
            let mut add = |quantity, value| found.push(Measurement::new(quantity, value).at(f64::from(k)));
            add("kl", at.kl);
            add("chi-squared", at.chi_squared);
            add("total-variation", at.total_variation);
            add("bias-norm", norm);
            add("bias-max", at.bias.components().fold(0.0, |largest, x| x.abs().max(largest)));
            add("relative-bias", norm / self.gradient.norm());
            add("cosine", at.cd.dot(&self.gradient) / (at.cd.norm() * self.gradient.norm()));
            add("wrong-signs", self.wrong_signs(&at.cd));
            add("variance", at.variance);
            // Fewer than one chain is no estimate.
            let chains = sweeps / f64::from(k);
            if chains >= 1.0 {
                let error = norm * norm + at.variance / chains;
                add("mean-squared-error", error);
                if best.is_none_or(|(_, least)| error < least) {
                    best = Some((k, error));
                }
            }
        }
        found.extend(best.map(|(k, _)| Measurement::new("best-k", f64::from(k))));
        // Quotients of nothing by nothing, and laws with states that the model's f64 has not.
        found.retain(|one| one.value.is_finite());
        found
    }

    /// Where KL or the bias rises from one k to the next.
    pub(super) fn rises(&self, last: u32, label: (&'static str, f64), seed: u64) -> Rises {
        let of_k = &self.of_k[..=last as usize];
        let kl: Vec<f64> = of_k.iter().map(|at| at.kl).collect();
        let biases: Vec<Vec<f64>> = of_k[1..].iter().map(|at| at.bias.components().collect()).collect();
        Rises::of(&kl, &biases, label, seed)
    }

    fn wrong_signs(&self, cd: &Gradient) -> f64 {
        let known = || cd.components().zip(self.gradient.components()).filter(|(_, exact)| exact.abs() > NO_SIGN);
        known().filter(|(cd, exact)| cd * exact < 0.0).count() as f64 / known().count() as f64
    }
}

/// `sum E[s^2] - E[s]^2` over all components.
fn variance(squares: &Moments, means: &Moments) -> f64 {
    let part = |squares: &[f64], means: &[f64]| squares.iter().zip(means).map(|(s, m)| s - m * m).sum::<f64>();
    part(&squares.weights, &means.weights)
        + part(&squares.visible, &means.visible)
        + part(&squares.hidden, &means.hidden)
}
