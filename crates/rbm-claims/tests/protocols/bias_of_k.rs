//! The protocol `bias-of-k`.

use rbm_claims::Measurement;

use super::common::{labelled, largest, of, run, try_run, values};

const SMALL: &str = "machines = 4\nvisible = 5\nhidden = 3\nscales = [0.5, 2.0]\nks = [1, 2, 10]\n\
                     training_steps = [0, 30, 300]";

#[test]
fn divergences_never_rise_with_k() {
    let found = run("bias-of-k", SMALL);
    // By data processing; below 1e-12 values are not looked at, and those above carry rounding of 1e-15 or so.
    assert!(largest(&found, "largest-rise-of-kl") <= 1e-14);
    for quantity in ["kl", "chi-squared", "total-variation"] {
        for curve in curves(&found, quantity) {
            assert_eq!(curve.len(), 3, "a value at each k");
            assert!(curve.windows(2).all(|pair| pair[1] <= pair[0] + 1e-12), "{quantity}: {curve:?}");
        }
    }
}

#[test]
fn the_parts_of_a_measurement_fit_each_other() {
    let found = run("bias-of-k", SMALL);
    let (norms, largest) = (of(&found, "bias-norm"), of(&found, "bias-max"));
    let (errors, variances) = (of(&found, "mean-squared-error"), of(&found, "variance"));
    for at in 0..norms.len() {
        let k = norms[at].x.expect("over k");
        assert_eq!((errors[at].x, errors[at].seed, &errors[at].labels), (Some(k), norms[at].seed, &norms[at].labels));
        assert!(largest[at].value <= norms[at].value);
        let expected = norms[at].value.powi(2) + variances[at].value * k / 1000.0;
        assert!((errors[at].value - expected).abs() <= 1e-14 * expected);
        // Each statistic lies in [0, 1], so that its variance is at most 1/4.
        let components = if labelled(&[norms[at]], "point", "random").is_empty() { 69.0 } else { 23.0 };
        assert!(variances[at].value > 0.0 && variances[at].value <= 0.25 * components);
    }
    assert!(values(&found, "wrong-signs").iter().all(|share| (0.0..=1.0).contains(share)));
    assert!(values(&found, "best-k").iter().all(|k| [1.0, 2.0, 10.0].contains(k)));
}

#[test]
fn a_machine_without_parameters_is_unbiased_after_one_step() {
    // Its chains are uniform after one step, which is the model's law; before it, they are the data.
    let found =
        run("bias-of-k", "machines = 2\nvisible = 4\nhidden = 2\nscales = [0.0]\nks = [1]\ntraining_steps = []");
    assert!(largest(&found, "bias-norm") < 1e-15, "16 probabilities of 1/16");
    assert!(largest(&found, "largest-rise-of-kl") < -0.1, "the data's own divergence is gone after one step");
    assert!(values(&found, "best-k").iter().all(|&k| k == 1.0));
}

#[test]
fn impossible_settings_are_refused() {
    for parameters in ["ks = [0]", "ks = []", "training_steps = [3, 1]", "sweeps = 0.0", "rows = 0", "visible = 40"] {
        assert!(try_run("bias-of-k", parameters).is_err(), "{parameters}");
    }
}

/// The values over k of each machine.
fn curves(found: &[Measurement], quantity: &str) -> Vec<Vec<f64>> {
    let mut curves: Vec<(&Measurement, Vec<f64>)> = Vec::new();
    for one in of(found, quantity) {
        match curves.iter_mut().find(|(first, _)| first.labels == one.labels && first.seed == one.seed) {
            Some((_, curve)) => curve.push(one.value),
            None => curves.push((one, vec![one.value])),
        }
    }
    curves.into_iter().map(|(_, curve)| curve).collect()
}
