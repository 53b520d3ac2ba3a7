//! `mixing`.

use rbm_model::{Parameters, Precision, weights_file};
use serde_json::Value;

use super::world::World;

const OBSERVABLES: [&str; 4] = ["free_energy", "active_visible", "active_hidden", "leading_mode"];

/// The machine of docs/mathematics.md, section 3, at s = 1, and one whose layers are too large to enumerate.
fn world() -> World {
    let world = World::new();
    let weights = (0..54)
        .map(|at| {
            let (i, j) = (f64::from(at % 9), f64::from(at / 9));
            (1.0 + 0.7 * i + 1.3 * j + 0.11 * i * j).sin()
        })
        .collect();
    let visible_bias = (0..9).map(|i| 0.3 * f64::from(i).cos()).collect();
    let hidden_bias = (0..6).map(|j| -0.2 + 0.1 * (2.0 * f64::from(j)).sin()).collect();
    let oracle = Parameters::new(weights, visible_bias, hidden_bias).expect("9 x 6");
    weights_file::write(&world.path("w.safetensors"), &oracle, Precision::F64, None).expect("a weights file");
    let large = Parameters::new(vec![0.1; 25 * 30], vec![0.0; 25], vec![0.0; 30]).expect("25 x 30");
    weights_file::write(&world.path("large.safetensors"), &large, Precision::F32, None).expect("a weights file");
    world.write("data.toml", "[data]\nsource = \"bars-and-stripes\"\n");
    world
}

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number at {pointer} in {value}"))
}

#[test]
fn mixing_of_the_oracle_has_its_second_eigenvalue_and_every_key() {
    let words = ["mixing", "w.safetensors", "--data", "data.toml", "--chains", "50", "--sweeps", "1000", "--json"];
    let found = world().json(&words);
    assert!((number(&found, "/lambda2") - 0.402_199_831_052).abs() < 1e-9);
    for name in OBSERVABLES {
        let tau = number(&found, &format!("/tau/{name}/value"));
        assert!(number(&found, &format!("/tau/{name}/stderr")) < 0.2 * tau);
        assert_eq!(number(&found, &format!("/tau/{name}/sweeps_used")), 1000.0);
        // (1 + lambda2) / (1 - lambda2) = 2.35 is the most there can be.
        assert!((0.9..2.6).contains(&tau), "{name}: {tau}");
        assert!((0.99..1.05).contains(&number(&found, &format!("/r_hat/{name}"))));
        assert!(number(&found, &format!("/ess_per_second/{name}")) > 0.0);
    }
    let to_model = &found["sweeps_to_model"];
    assert_eq!((&to_model["distance"], &to_model["reason"]), (&Value::from("total-variation"), &Value::Null));
    // After one sweep from the data the total variation is 0.17745 (docs/mathematics.md, section 3).
    assert!((2.0..10.0).contains(&number(to_model, "/data")) && number(to_model, "/random") > 0.0);
}

#[test]
fn mixing_without_data_or_enumeration_leaves_null_and_says_why() {
    let world = world();
    let found = world.json(&["mixing", "w.safetensors", "--sweeps", "100", "--json"]);
    assert!(found["sweeps_to_model"]["data"].is_null() && found["sweeps_to_model"]["random"].is_u64());
    assert!(found["data"].is_null() && found["split"].is_null());
    let found = world.json(&["mixing", "large.safetensors", "--sweeps", "100", "--json"]);
    assert!(found["lambda2"].is_null() && found["sweeps_to_model"]["random"].is_null());
    let reason = found["sweeps_to_model"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("its smaller layer has 25 units"), "{reason}");
}

#[test]
fn mixing_is_a_table_for_people() {
    let said = world().done(&["mixing", "w.safetensors", "--data", "data.toml", "--sweeps", "400"]);
    assert!(said.starts_with("9 visible and 6 hidden units, 100 chains of 400 sweeps after 200\n"), "{said}");
    for fragment in ["leading_mode", "±", "R-hat", "lambda2 0.402199831052", "(total variation at most 0.05)"] {
        assert!(said.contains(fragment), "no {fragment:?} in {said}");
    }
    let short = world().done(&["mixing", "w.safetensors", "--sweeps", "20"]);
    assert!(short.contains("not resolved: either it never changes, or its time is above about 0.4 sweeps"), "{short}");
}

#[test]
fn the_same_seed_gives_the_same_mixing_but_for_time() {
    let world = world();
    let measured = |seed: &str| {
        let mut found = world.json(&["mixing", "w.safetensors", "--sweeps", "200", "--seed", seed, "--json"]);
        found["ess_per_second"].take();
        found
    };
    assert_eq!(measured("1"), measured("1"));
    assert_ne!(measured("1")["tau"], measured("2")["tau"]);
}

#[test]
fn clamped_linear_machines_have_times_but_no_law() {
    let world = world();
    let config = r#"{"model":{"visible_sampling":"clamped-linear"}}"#;
    let machine = Parameters::new(vec![0.3; 12], vec![0.4; 4], vec![-0.2; 3]).expect("4 x 3");
    weights_file::write(&world.path("c.safetensors"), &machine, Precision::F64, Some(config)).expect("a weights file");
    let found = world.json(&["mixing", "c.safetensors", "--sweeps", "500", "--json"]);
    assert!(found["lambda2"].is_null() && found["tau"]["active_visible"].is_object());
    assert!(found["sweeps_to_model"]["reason"].as_str().expect("a reason").contains("clamped-linear"));
}

#[test]
fn mixing_refuses_what_cannot_be_had_and_says_what_can() {
    let world = world();
    for (words, fragment) in [
        (&["w.safetensors", "--chains", "1"][..], "R-hat needs at least 2"),
        (&["w.safetensors", "--sweeps", "2"], "at least 4 are needed"),
        (&["w.safetensors", "--sweeps", "1000000000"], "can be at most 33554432"),
        (&["large.safetensors", "--data", "data.toml"], "rows of 9 units on a machine with 25 visible units"),
        (&["w.safetensors", "--data", "data.toml", "--split", "test"], "no test rows"),
        (&["w.safetensors", "--set", "data.size=4"], "--data, which is not given"),
        (&["w.safetensors", "--chains", "many"], "invalid digit"),
        (&["absent.safetensors"], "absent.safetensors"),
    ] {
        let said = world.rbm(&[&["mixing"], words].concat());
        assert_eq!(said.code, Some(2), "{words:?}: {}", said.err);
        assert!(said.err.contains(fragment), "{words:?}: no {fragment:?} in {}", said.err);
        assert_eq!(said.out, "");
    }
}
