//! The protocol `partition-cost`.

use rbm_claims::Measurement;

use super::common::{labelled, largest, of, run, try_run, values};

const SMALL: &str = "naive_units = [4, 8, 12, 16]\ngray_hidden = [8, 10, 12, 14]\nvisible = 64\nrepeats = 1\n\
                     ais_hidden = [6, 40]\nais_temperatures = 200\nais_seeds = 2";

#[test]
fn the_sum_over_one_layer_is_the_sum_over_both() {
    let found = run("partition-cost", SMALL);
    assert_eq!(values(&found, "agreement").len(), 4);
    // Logarithms of sums of at most 2^16 terms whose exponents err by `80 u A`, A = 80 x 0.1: 7e-14 and 2^16 u = 7e-12
    // for the sum if all errors had one sign, of a log Z of at least 4 ln 2.
    assert!(largest(&found, "agreement") < 1e-11);
}

#[test]
fn terms_are_counted_and_times_measured() {
    let found = run("partition-cost", SMALL);
    let only = |quantity, method: &str| {
        let of_method = labelled(&of(&found, quantity), "method", method);
        assert_eq!(of_method.len(), 1);
        of_method[0].value
    };
    // 2^1284 and 2^500, by their digits: 2^10 = 10^3.0103.
    assert!((only("log10-terms", "naive") - 386.522_5).abs() < 1e-3);
    assert!((only("log10-terms", "gray") - 150.515).abs() < 1e-3);
    assert!(only("log10-years", "gray") > 100.0 && only("log10-years", "naive") > 300.0);
    let seconds = of(&found, "seconds");
    assert!(seconds.iter().all(|one| one.value > 0.0));
    let at = |method: &str, x: f64| {
        let found: Vec<&Measurement> = labelled(&seconds, "method", method);
        found.iter().find(|one| one.x == Some(x)).expect("measured").value
    };
    // 256 times the terms, each of more work: a machine that is busy elsewhere does not make up for it.
    assert!(at("naive", 16.0) > 4.0 * at("naive", 8.0));
    assert!(only("units-in-a-day", "naive") > only("units-in-a-minute", "naive"));
}

#[test]
fn annealing_is_near_the_sum_where_that_is_known() {
    let found = run("partition-cost", SMALL);
    let errors = of(&found, "ais-error-nats");
    assert!(errors.iter().all(|one| one.x == Some(6.0)), "40 hidden units are not summed");
    let widths = of(&found, "ais-half-width-nats");
    for error in errors {
        // Twice three standard errors, for two runs: 2e-9 if the weights were normal.
        let width = widths.iter().find(|one| one.x == error.x && one.seed == error.seed).expect("defined").value;
        assert!(error.value < 2.0 * width, "{} beside {width}", error.value);
    }
}

#[test]
fn impossible_settings_are_refused() {
    for parameters in ["naive_units = [30, 40]", "naive_units = [8]", "gray_hidden = [10, 40]", "ais_chains = 1"] {
        assert!(try_run("partition-cost", parameters).is_err(), "{parameters}");
    }
}
