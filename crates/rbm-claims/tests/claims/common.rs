//! Experiments of a few lines, and numbers for them.

use std::{collections::BTreeMap, path::Path};

use rbm_claims::{Experiment, Measurement, Profile, TestOutcome, decide};

/// What stands above the tests.
pub(crate) const HEAD: &str = r#"schema = 1
title = "A claim"
group = "article"
claim = "It holds."
source = "a test"
basis = "computed"
budget = { smoke = 1 }
"#;

/// A test with these lines in it.
pub(crate) fn test(says: &str, lines: &str) -> String {
    format!("[[test]]\nsays = \"{says}\"\n{lines}\nholds = \"{says} holds.\"\nfails = \"{says} fails.\"\n")
}

/// An experiment with these tests.
pub(crate) fn experiment(tests: &str) -> Experiment {
    let text = format!("{HEAD}{tests}");
    Experiment::parse("claim", Path::new("claim/experiment.toml"), &text, BTreeMap::new()).expect("an experiment")
}

/// What one test with these lines comes to.
pub(crate) fn outcome(lines: &str, measurements: &[Measurement]) -> TestOutcome {
    decide(&experiment(&test("It", lines)), Profile::Smoke, measurements, None).tests.remove(0)
}

/// A quantity of the seeds 0, 1, ...
pub(crate) fn of_seeds(quantity: &str, values: &[f64]) -> Vec<Measurement> {
    (0..).zip(values).map(|(seed, &value)| Measurement::new(quantity, value).of_seed(seed)).collect()
}

/// Whether two numbers agree to the digits of a published table.
#[track_caller]
pub(crate) fn assert_near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}
