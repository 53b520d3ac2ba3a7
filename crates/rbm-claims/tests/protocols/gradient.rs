//! The protocol `gradient`.

use super::common::{largest, run, smallest};

#[test]
fn the_closed_form_is_the_gradient_by_three_other_ways() {
    let found = run("gradient", "machines = 3\nvisible = 4\nhidden = 3\nscales = [0.5, 2.0]");
    // Tolerances are derived in the protocol, for larger machines.
    assert!(largest(&found, "finite-difference-error") < 1e-6);
    assert!(largest(&found, "autodiff-error") < 1e-11);
    assert!(largest(&found, "enumeration-error") < 1e-11);
}

#[test]
fn a_gradient_without_its_negative_phase_is_seen() {
    let found = run("gradient", "machines = 3\nvisible = 4\nhidden = 3\nscales = [0.5, 2.0]");
    // What is missing are means of the model: of seven units' probabilities, one is above 0.1 unless all are nearly
    // off.
    assert!(smallest(&found, "positive-phase-only-error") > 0.1);
    assert!(largest(&found, "positive-phase-only-error") <= 1.0, "statistics lie in [0, 1]");
}

#[test]
fn finite_differences_err_more_with_a_coarse_step() {
    // Truncation grows with the square of the step: at 0.1 it is some 1e-3 x 0.1, far beyond the rounding at 1e-5.
    let fine = run("gradient", "machines = 2\nvisible = 3\nhidden = 2\nscales = [1.0]");
    let coarse = run("gradient", "machines = 2\nvisible = 3\nhidden = 2\nscales = [1.0]\nstep = 0.1");
    assert!(largest(&coarse, "finite-difference-error") > 100.0 * largest(&fine, "finite-difference-error"));
}
