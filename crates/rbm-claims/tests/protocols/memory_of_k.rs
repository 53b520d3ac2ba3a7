//! The protocol `memory-of-k`.

use super::common::{labelled, of, run, try_run};

#[test]
fn samples_are_best_after_about_k_steps_and_bad_at_equilibrium() {
    // docs/mathematics.md: computed by an independent program, to the digits printed.
    let found = run("memory-of-k", "ks = [10]");
    let only = |quantity| of(&found, quantity)[0].value;
    assert!((10.0..=12.0).contains(&only("best-t")), "{}", only("best-t"));
    assert!((only("least-kl") - 0.5908).abs() < 1e-4, "{}", only("least-kl"));
    assert!((only("kl-at-equilibrium") - 4.28).abs() < 5e-3, "{}", only("kl-at-equilibrium"));
}

#[test]
fn a_longer_memory_moves_the_best_step() {
    let found = run("memory-of-k", "ks = [1, 3]\nsteps = 500\nmost_steps = 40");
    let best = of(&found, "best-t");
    let (one, three) = (labelled(&best, "k", 1.0)[0].value, labelled(&best, "k", 3.0)[0].value);
    assert!(one < three, "{one} and {three}");
    assert!(of(&found, "kl-to-data").iter().any(|one| one.x == Some(40.0)), "the last step is always shown");
}

#[test]
fn impossible_settings_are_refused() {
    for parameters in ["ks = [0]", "hidden = 13", "start = \"here\""] {
        assert!(try_run("memory-of-k", parameters).is_err(), "{parameters}");
    }
}
