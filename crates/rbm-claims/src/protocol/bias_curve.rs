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

#[cfg(test)]
mod tests {
    use rbm_data::DataFolders;
    use rbm_runner::DataSets;

    use super::*;
    use crate::protocol::{
        definition::Joint,
        machines::{bars_and_stripes, largest_difference, random_machine, random_rows},
    };

    /// docs/mathematics.md, the oracle without random numbers: computed by an independent program.
    #[test]
    fn a_curve_has_the_published_values_of_the_oracle() {
        let (m, n) = (9, 6);
        let weight = |at: usize| {
            let (i, j) = ((at % m) as f64, (at / m) as f64);
            (1.0 + 0.7 * i + 1.3 * j + 0.11 * i * j).sin()
        };
        let machine = Parameters::new(
            (0..m * n).map(weight).collect(),
            (0..m).map(|i| 0.3 * (i as f64).cos()).collect(),
            (0..n).map(|j| -0.2 + 0.1 * (2.0 * j as f64).sin()).collect(),
        )
        .expect("the lengths fit");
        let mut data = DataSets::quiet(DataFolders { data_dir: None, cache: std::env::temp_dir() });
        let rows = bars_and_stripes(&mut data).expect("generated");
        let found = Curve::new(&machine, &rows, 10).expect("small").measurements(&[1, 2, 5, 10], 1000.0);
        let at = |quantity: &str, k: f64| {
            found.iter().find(|one| one.quantity == quantity && one.x == Some(k)).expect("measured").value
        };
        let norms = [(1.0, 4.730_534_135_1e-1), (2.0, 1.573_494_697_1e-1), (5.0, 5.690_815_362_9e-3)];
        for (k, expected) in norms.into_iter().chain([(10.0, 2.214_429_036_5e-5)]) {
            let norm = at("bias-norm", k);
            // The figures hold to 1e-8 relative.
            assert!((norm / expected - 1.0).abs() < 1e-8, "k = {k}: {norm}, not {expected}");
        }
        assert!((at("relative-bias", 1.0) - 0.3392).abs() < 5e-5);
        assert!((at("cosine", 1.0) - 0.995_67).abs() < 5e-6);
        assert!((at("total-variation", 1.0) - 0.177_45).abs() < 5e-6);
        assert_eq!(at("wrong-signs", 1.0), 0.0);
    }

    /// Bias and variance from the joint law, with nothing of the enumeration.
    #[test]
    fn a_curve_is_what_the_joint_law_gives() {
        let machine = random_machine(4, 3, 1.5, 3).expect("lengths fit");
        let rows = random_rows(4, 3, 3).expect("rows");
        let curve = Curve::new(&machine, &rows, 3).expect("small");
        let joint = Joint::new(&machine);
        let kernel = joint.kernel();
        let model = joint.statistics_under(&joint.visible_law());
        let of_state = |state: usize| {
            let at_it: Vec<f64> = (0..16).map(|other| f64::from(u8::from(other == state))).collect();
            joint.statistics_under(&at_it)
        };
        let mut law = rows.law().expect("states");
        for at in &curve.of_k {
            let mean = joint.statistics_under(&law);
            let bias = model.iter().zip(&mean).map(|(p, q)| p - q);
            // Sums of 128 products with a few roundings each, of numbers below 1: 128 x 10 x 2^-53 = 1.4e-13.
            assert!(largest_difference(bias, at.bias.components()) < 1.5e-13);
            let squares: f64 = (0..16).map(|v| law[v] * of_state(v).iter().map(|s| s * s).sum::<f64>()).sum();
            let variance = squares - mean.iter().map(|s| s * s).sum::<f64>();
            assert!((variance - at.variance).abs() < 19.0 * 1.5e-13, "19 components");
            law = (0..16).map(|to| (0..16).map(|from| law[from] * kernel[from * 16 + to]).sum()).collect();
        }
    }
}
