//! Whether a bias rises where k does.

use crate::Measurement;

/// Smaller changes of a divergence or of a bias are rounding: each is a sum of some hundred probabilities or products
/// below 1, each with a relative error of a few 2^-53.
const ROUNDING: f64 = 1e-12;
/// Relative changes of a smaller norm say nothing: rounding is a thousandth of it.
const LEAST_NORM: f64 = 1e-9;

/// The largest rises of one machine from a k to the next.
#[derive(Clone, Debug)]
pub(super) struct Rises {
    /// Of KL, from k = 0 on; none where all values are rounding.
    kl: Option<f64>,
    /// Of the norm of the bias, relative, from k = 1 on.
    norm: Option<f64>,
    /// Whether the norm rises by more than rounding.
    norm_rises: bool,
    /// Whether any component's absolute value does.
    component_rises: bool,
    /// The norms themselves, from k = 1 on.
    norms: Vec<f64>,
    label: (&'static str, f64),
    seed: u64,
}

impl Rises {
    /// From KL at k = 0, 1, .. and the components of the bias at k = 1, 2, ..
    pub(super) fn of(kl: &[f64], biases: &[Vec<f64>], label: (&'static str, f64), seed: u64) -> Self {
        let norms: Vec<f64> = biases.iter().map(|bias| bias.iter().map(|x| x * x).sum::<f64>().sqrt()).collect();
        let of_kl = kl.windows(2).filter(|pair| pair[0].max(pair[1]) >= ROUNDING && pair[0].is_finite());
        let of_norm = norms.windows(2).filter(|pair| pair[0] > LEAST_NORM).map(|pair| pair[1] / pair[0] - 1.0);
        let component_rises = biases
            .windows(2)
            .any(|pair| pair[0].iter().zip(&pair[1]).any(|(before, after)| after.abs() - before.abs() > ROUNDING));
        Self {
            kl: of_kl.map(|pair| pair[1] - pair[0]).reduce(f64::max),
            norm: of_norm.reduce(f64::max),
            norm_rises: norms.windows(2).any(|pair| pair[1] - pair[0] > ROUNDING),
            component_rises,
            norms,
            label,
            seed,
        }
    }

    /// Of several machines:
    ///
    /// - `largest-rise-of-kl`: the largest change of KL from a k to the next, from k = 0 on, in nats;
    /// - `largest-rise-of-norm`: of the norm of the bias, relative to it, from k = 1 on, where the norm is above 1e-9;
    /// - `share-of-machines-with-rising-norm`, `share-with-a-rising-component`: machines where the norm, or the
    ///   absolute value of at least one component, rises from some k to the next by more than rounding, 1e-12;
    /// - `counter-example`: the norm over x = k of the machine whose norm rises most, with its seed and `scale` or
    ///   `step`; absent where no norm rises.
    pub(super) fn summary(machines: &[Self]) -> Vec<Measurement> {
        let count = machines.len() as f64;
        let share = |holds: fn(&Self) -> bool| machines.iter().filter(|one| holds(one)).count() as f64 / count;
        let mut found = Vec::new();
        let mut add = |quantity, value: Option<f64>| found.extend(value.map(|value| Measurement::new(quantity, value)));
        add("largest-rise-of-kl", machines.iter().filter_map(|one| one.kl).reduce(f64::max));
        add("largest-rise-of-norm", machines.iter().filter_map(|one| one.norm).reduce(f64::max));
        if !machines.is_empty() {
            add("share-of-machines-with-rising-norm", Some(share(|one| one.norm_rises)));
            add("share-with-a-rising-component", Some(share(|one| one.component_rises)));
        }
        let rising = machines.iter().filter(|one| one.norm_rises);
        let steepest = rising.filter_map(|one| one.norm.map(|norm| (one, norm)));
        if let Some((worst, _)) = steepest.max_by(|a, b| a.1.total_cmp(&b.1)) {
            let (name, value) = worst.label;
            found.extend(worst.norms.iter().enumerate().map(|(at, &norm)| {
                Measurement::new("counter-example", norm).with(name, value).of_seed(worst.seed).at((at + 1) as f64)
            }));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_are_found_where_they_are() {
        let falling = Rises::of(&[1.0, 0.5, 0.2], &[vec![0.3, -0.4], vec![0.0, -0.3]], ("scale", 1.0), 0);
        assert_eq!((falling.norm_rises, falling.component_rises), (false, false));
        assert!((falling.kl.expect("above rounding") + 0.3).abs() < 1e-15);
        // The norm falls from 0.5 to 0.45, but the second component grows.
        let component = Rises::of(&[1.0, 0.5], &[vec![0.3, -0.4], vec![0.0, -0.45]], ("scale", 1.0), 0);
        assert_eq!((component.norm_rises, component.component_rises), (false, true));
        let rising = Rises::of(&[0.5, 0.75], &[vec![0.3, 0.4], vec![0.6, 0.8]], ("scale", 1.0), 7);
        assert_eq!((rising.norm_rises, rising.kl), (true, Some(0.25)));

        let none = Rises::summary(&[falling.clone(), component.clone()]);
        assert!(none.iter().all(|one| one.quantity != "counter-example"), "no norm rises");
        let summary = Rises::summary(&[falling, component, rising]);
        let of = |quantity: &str| summary.iter().filter(|one| one.quantity == quantity).collect::<Vec<_>>();
        assert!((of("largest-rise-of-norm")[0].value - 1.0).abs() < 1e-15);
        assert_eq!(of("largest-rise-of-kl")[0].value, 0.25);
        assert!((of("share-with-a-rising-component")[0].value - 2.0 / 3.0).abs() < 1e-15);
        assert_eq!(of("counter-example")[1].seed, Some(7));
    }

    #[test]
    fn rounding_is_no_rise() {
        let still = Rises::of(&[1e-14, 2e-14], &[vec![1e-13], vec![2e-13]], ("scale", 1.0), 0);
        assert_eq!((still.kl, still.norm), (None, None));
        assert!(!still.norm_rises && !still.component_rises);
    }
}
