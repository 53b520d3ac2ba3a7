//! The protocol `conditionals`.

use super::common::{largest, run, smallest, try_run, values};

#[test]
fn layers_are_independent_given_each_other_and_logistic() {
    let found = run("conditionals", "machines = 3\nvisible = 4\nhidden = 3\nscales = [0.5, 4.0]");
    assert_eq!(values(&found, "hidden-conditional-error").len(), 2 * 3);
    // The bound of the module: 19 terms whose absolute values sum to some 19 x 4 x 0.8 make 7e-14.
    for quantity in ["hidden-conditional-error", "visible-conditional-error", "factorisation-error"] {
        assert!(largest(&found, quantity) < 1e-12, "{quantity}: {}", largest(&found, quantity));
    }
}

#[test]
fn a_connection_within_a_layer_is_seen() {
    // Two units of probability 1/2 with a coupling of 1 between them: by hand, p(1, 1) = e / (3 + e), and each is on
    // with probability (1 + e) / (3 + e).
    let found = run("conditionals", "machines = 1\nvisible = 2\nhidden = 1\nscales = [0.0]\nlateral = 1.0");
    let e = std::f64::consts::E;
    let on = (1.0 + e) / (3.0 + e);
    let expected = (e / (3.0 + e) - on * on).abs();
    assert!((smallest(&found, "factorisation-error-lateral") - expected).abs() < 1e-15);
    assert_eq!(largest(&found, "factorisation-error"), 0.0);

    let found = run("conditionals", "machines = 3\nvisible = 4\nhidden = 3\nscales = [0.5, 4.0]");
    assert!(smallest(&found, "factorisation-error-lateral") > 1e-6, "a million times the threshold of claims");
}

#[test]
fn unknown_parameters_and_impossible_sizes_are_refused() {
    assert!(try_run("conditionals", "machine = 3").is_err());
    assert!(try_run("conditionals", "visible = 30").is_err());
    assert!(try_run("conditionals", "hidden = 0").is_err());
}
