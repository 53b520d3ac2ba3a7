//! The protocol `gibbs`.

use super::common::{labelled, largest, of, run, try_run, values};

const SMALL: &str = "machines = 4\nvisible = 4\nhidden = 3\nscales = [0.5, 2.0]\nsteps = [0, 1, 5, 50]\n\
                     chains = 20000\nsampler_steps = [1, 3]\ncouplings = [0.5, 2.0]\nmode_chains = 50\nmode_steps = 500";

#[test]
fn chains_go_to_the_model_and_never_away_from_it() {
    let found = run("gibbs", SMALL);
    // Data processing: no step of a kernel that keeps the model's law leads away from it. Rounding: 16 probabilities,
    // each a sum of 16 x 8 products with an error of 2^-53 a term.
    assert!(largest(&found, "largest-rise-of-total-variation") < 1e-14);
    let variations = of(&found, "total-variation");
    for scale in [0.5, 2.0] {
        let of_scale = labelled(&variations, "scale", scale);
        let after = |x| of_scale.iter().filter(|one| one.x == Some(x)).map(|one| one.value).sum::<f64>();
        assert!(after(50.0) < after(5.0) && after(5.0) < after(1.0) && after(1.0) < after(0.0));
    }
    assert!(values(&found, "arrived").iter().all(|&arrived| arrived == 1.0));
}

#[test]
fn the_second_eigenvalue_rules_the_end_of_the_way() {
    // The kernel is reversible, so that t steps from a state of probability p leave a distance of at most
    // lambda2^t sqrt(1 / p - 1) / 2. At first the distance is 1 - p.
    let found = run("gibbs", SMALL);
    let eigenvalues = of(&found, "second-eigenvalue");
    let variations = of(&found, "total-variation");
    for scale in [0.5, 2.0] {
        for start in labelled(&variations, "scale", scale).into_iter().filter(|one| one.x == Some(0.0)) {
            let lambda2 = labelled(&eigenvalues, "scale", scale).into_iter().find(|one| one.seed == start.seed);
            let lambda2 = lambda2.expect("measured of each machine").value;
            let p_start = 1.0 - start.value;
            for later in labelled(&variations, "scale", scale).into_iter().filter(|one| one.seed == start.seed) {
                let t = later.x.expect("along a curve");
                let bound = 0.5 * (1.0 / p_start - 1.0).sqrt() * lambda2.powf(t);
                assert!(later.value <= bound + 1e-12, "{later:?}: beyond {bound}");
            }
        }
    }
}

#[test]
fn the_sampler_draws_from_the_exact_law_and_a_law_one_step_late_is_seen() {
    let found = run("gibbs", SMALL);
    // 16 p-values: the smallest is below 1e-5 with probability 1.6e-4 where all is right, and the seeds are fixed.
    assert!(values(&found, "sampler-p-value").iter().all(|&p| p > 1e-5));
    let late: Vec<f64> = of(&found, "sampler-p-value-one-step-late")
        .into_iter()
        .filter(|one| one.x == Some(1.0))
        .map(|one| one.value)
        .collect();
    // After the first step from a corner, laws still differ: most machines show it.
    assert!(late.iter().filter(|&&p| p < 1e-5).count() * 2 > late.len(), "{late:?}");
}

#[test]
fn strong_couplings_keep_chains_in_their_mode() {
    let found = run("gibbs", SMALL);
    let crossings = of(&found, "mode-crossings");
    let mean = |coupling: f64| {
        let of_coupling = labelled(&crossings, "coupling", coupling);
        of_coupling.iter().map(|one| one.value).sum::<f64>() / of_coupling.len() as f64
    };
    assert!(mean(0.5) > 100.0 && mean(2.0) < 0.5 * mean(0.5), "{} and {}", mean(0.5), mean(2.0));
    // 50 chains that have crossed often: a share of 1/2 with a standard error of 0.071.
    let errors = of(&found, "mode-share-error");
    assert!(labelled(&errors, "coupling", 0.5).iter().all(|one| one.value < 5.0 * 0.071));
}

#[test]
fn impossible_settings_are_refused() {
    for parameters in ["visible = 11", "steps = [2, 1]", "chains = 0", "mode_steps = 0", "what = 1"] {
        assert!(try_run("gibbs", parameters).is_err(), "{parameters}");
    }
}
