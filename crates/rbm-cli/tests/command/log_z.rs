//! `rbm evaluate` with estimates of log Z, a second machine, and samples.

use rbm_model::{Parameters, Precision, weights_file};
use serde_json::Value;

use super::world::World;

/// The machine of an independent program's figures: docs/mathematics.md, section 3, at s = 1.
const LOG_Z: f64 = 12.029_062_952_012;
const LOG_LIKELIHOOD: f64 = -7.365_526_194_568;

fn machine(visible: usize, hidden: usize, s: f64) -> Parameters {
    let weights = (0..visible * hidden)
        .map(|at| {
            let (i, j) = ((at % visible) as f64, (at / visible) as f64);
            s * (1.0 + 0.7 * i + 1.3 * j + 0.11 * i * j).sin()
        })
        .collect();
    let visible_bias = (0..visible).map(|i| 0.3 * (i as f64).cos()).collect();
    let hidden_bias = (0..hidden).map(|j| -0.2 + 0.1 * (2.0 * j as f64).sin()).collect();
    Parameters::new(weights, visible_bias, hidden_bias).expect("the lengths fit")
}

fn world() -> World {
    let world = World::new();
    for (name, s) in [("w.safetensors", 1.0), ("other.safetensors", 0.6)] {
        weights_file::write(&world.path(name), &machine(9, 6, s), Precision::F64, None).expect("a weights file");
    }
    world.write("data.toml", "[data]\nsource = \"bars-and-stripes\"\n");
    world
}

fn evaluate(world: &World, words: &[&str]) -> Value {
    world.json(&[&["evaluate", "w.safetensors", "--data", "data.toml", "--json"], words].concat())
}

fn ends(found: &Value, key: &str) -> [f64; 2] {
    [0, 1].map(|end| found[key][end].as_f64().unwrap_or_else(|| panic!("{key} in {found}")))
}

#[test]
fn estimates_of_the_oracle_hold_its_log_z() {
    let world = world();
    for (method, more) in [
        ("ais", &["--chains", "200", "--schedule", "linear:300"][..]),
        ("reverse-ais", &["--chains", "200", "--schedule", "linear:300", "--base", "uniform"]),
        ("bar", &["--chains", "12", "--schedule", "linear:8", "--sweeps", "300"]),
    ] {
        let found = evaluate(&world, &[&["--log-z", method, "--seed", "4"], more].concat());
        let [low, high] = ends(&found, "log_z_interval_3s");
        let [near_low, near_high] = ends(&found, "log_z_interval_1s");
        assert!(low < LOG_Z && LOG_Z < high && high - low < 0.5, "{method}: {low} {high}");
        assert!(low < near_low && near_high < high, "{method}");
        let value = found["log_z"].as_f64().expect("a number");
        let likelihood = found["mean_log_likelihood"].as_f64().expect("a number");
        assert!(
            (value + likelihood - LOG_Z - LOG_LIKELIHOOD).abs() < 1e-9,
            "{method}: log Z and the likelihood go together"
        );
        assert_eq!(
            (&found["log_z_method"], &found["trust"]),
            (&method.into(), &"ok".into()),
            "{}",
            found["trust_reason"]
        );
        assert!(found["log_z_stderr"].as_f64().expect("a number") > 0.0 && found["seconds"].is_f64());
        assert_eq!(found["ess"].is_null(), method == "bar");
        assert_eq!(found["chains"], if method == "bar" { 12 } else { 200 });
        assert_eq!(found["temperatures"], if method == "bar" { 9 } else { 301 });
    }
}

#[test]
fn raise_says_what_the_rows_have_under_the_annealed_law() {
    let world = world();
    let words = ["--log-z", "raise", "--chains", "50", "--schedule", "linear:200", "--rows", "16"];
    let found = evaluate(&world, &words);
    // With many temperatures the annealed law is close to the model; the rows are all of the split, so that nothing is
    // sampled but chains.
    let likelihood = found["mean_log_likelihood"].as_f64().expect("a number");
    assert!((likelihood - LOG_LIKELIHOOD).abs() < 0.1, "{likelihood}");
}

#[test]
fn exact_values_have_no_interval() {
    let found = evaluate(&world(), &["--log-z", "exact"]);
    assert!((found["log_z"].as_f64().expect("a number") - LOG_Z).abs() < 1e-9);
    for key in ["log_z_interval_1s", "log_z_interval_3s", "log_z_stderr", "ess", "chains", "temperatures", "trust"] {
        assert!(found[key].is_null(), "{key}");
    }
}

#[test]
fn two_machines_differ_by_what_enumeration_says() {
    let world = world();
    let against = ["--against", "other.safetensors"];
    let exact = evaluate(&world, &against);
    let annealed = evaluate(&world, &[&against[..], &["--log-z", "ais", "--schedule", "linear:200"]].concat());
    let difference = exact["log_z_difference"].as_f64().expect("a number");
    let [low, high] = ends(&annealed, "difference_log_z_interval_3s");
    assert!(low < difference && difference < high && high - low < 0.2, "{low} {difference} {high}");
    let likelihood = |found: &Value| found["mean_log_likelihood_difference"].as_f64().expect("a number");
    assert!((likelihood(&exact) - likelihood(&annealed)).abs() < 0.1);
    assert!(exact["difference_trust"].is_null() && annealed["difference_trust"] == "ok");
    assert!((exact["log_z"].as_f64().expect("its own too") - LOG_Z).abs() < 1e-9);
}

#[test]
fn samples_are_compared_with_rows() {
    let found = evaluate(&world(), &["--samples", "200", "--sample-steps", "50"]);
    let quality = &found["sample_quality"];
    assert_eq!(quality["samples"], 200);
    let value = |key: &str| quality[key].as_f64().unwrap_or_else(|| panic!("{key} in {quality}"));
    assert!(value("first_moment_error") > 0.0 && value("second_moment_noise") > 0.0);
    assert!(quality["adversarial"]["truth"].is_f64() && found["nearest_train"]["distance"].is_f64());
}

#[test]
fn what_cannot_be_had_is_refused_with_what_can() {
    let world = world();
    weights_file::write(&world.path("large.safetensors"), &machine(9, 6, 1.0), Precision::F32, None).expect("written");
    world.write("falling.txt", "0\n0.5 # half\n\n0.4\n1\n");
    world.write("words.txt", "0\nhalf\n1\n");
    weights_file::write(&world.path("wide.safetensors"), &machine(12, 3, 1.0), Precision::F32, None).expect("written");
    for (words, said) in [
        (&["--log-z", "ais", "--chains", "1"][..], "--chains 1: one chain has no standard error"),
        (
            &["--log-z", "ais", "--schedule", "geometric:9"],
            "--schedule geometric:9: expected \"linear:N\" with N of at least 1",
        ),
        (&["--log-z", "ais", "--schedule", "absent.txt"], "--schedule absent.txt: No such file"),
        (&["--log-z", "ais", "--schedule", "falling.txt"], "in rising order, but 0.5 is followed by 0.4"),
        (&["--log-z", "ais", "--schedule", "words.txt"], "line 2: \"half\" is not a number"),
        (
            &["--log-z", "exact", "--chains", "9"],
            "--chains has no effect without --log-z ais, reverse-ais, raise or bar",
        ),
        (&["--log-z", "ais", "--sweeps", "100"], "--sweeps has no effect without --log-z bar"),
        (&["--log-z", "bar", "--sweeps", "3"], "--sweeps 3: expected at least 10"),
        (&["--rows", "100"], "--rows has no effect without --log-z raise"),
        (&["--log-z", "raise", "--against", "other.safetensors"], "--against goes with --log-z exact or ais"),
        (&["--against", "wide.safetensors"], "--against: expected a machine of 9 visible units, not 12"),
        (&["--log-z", "ais", "--chains", "4294967295"], "numbers at a time are too many"),
        (&["--log-z", "bar", "--chains", "100000", "--schedule", "linear:1000"], "numbers at a time are too many"),
        (&["--log-z", "guess"], "invalid value 'guess' for '--log-z <METHOD>'"),
    ] {
        let output = world.rbm(&[&["evaluate", "w.safetensors", "--data", "data.toml"], words].concat());
        let text = output.err.clone();
        assert_eq!(output.code, Some(2), "{words:?}: {text}");
        assert!(text.contains(said), "{words:?}: {text}");
    }
}

#[test]
fn a_machine_too_large_to_enumerate_is_told_what_an_estimate_costs() {
    let world = World::new();
    weights_file::write(&world.path("w.safetensors"), &machine(36, 40, 0.1), Precision::F32, None).expect("written");
    world.write("data.toml", "[data]\nsource = \"bars-and-stripes\"\nsize = 6\n");
    let output = world.rbm(&["evaluate", "w.safetensors", "--data", "data.toml", "--log-z", "exact"]);
    let text = output.err.clone();
    assert_eq!(output.code, Some(2), "{text}");
    assert!(text.contains("the smaller layer has 36 units, 32 can be enumerated"), "{text}");
    assert!(text.contains("--log-z ais estimates it with an interval, here in about"), "{text}");
}
