//! `rbm bias`.

use std::{collections::HashMap, path::Path};

use rbm_model::{Parameters, Precision, weights_file};
use serde_json::Value;

use super::world::{World, read};

/// The machine of an independent program's figures: docs/mathematics.md, section 3.
fn oracle(s: f64) -> Parameters {
    let weights = (0..54)
        .map(|at| {
            let (i, j) = (f64::from(at % 9), f64::from(at / 9));
            s * (1.0 + 0.7 * i + 1.3 * j + 0.11 * i * j).sin()
        })
        .collect();
    let visible_bias = (0..9).map(|i| 0.3 * f64::from(i).cos()).collect();
    let hidden_bias = (0..6).map(|j| -0.2 + 0.1 * (2.0 * f64::from(j)).sin()).collect();
    Parameters::new(weights, visible_bias, hidden_bias).expect("9 x 6")
}

fn machine(visible: usize, hidden: usize) -> Parameters {
    let value = |at: usize| 0.3 * (1.0 + 1.7 * at as f64).sin();
    let weights = (0..visible * hidden).map(value).collect();
    Parameters::new(weights, vec![0.1; visible], vec![-0.2; hidden]).expect("the lengths fit")
}

fn world(machine: &Parameters, size: usize) -> World {
    let world = World::new();
    weights_file::write(&world.path("w.safetensors"), machine, Precision::F64, None).expect("a weights file");
    world.write("data.toml", format!("[data]\nsource = \"bars-and-stripes\"\nsize = {size}\n"));
    world
}

fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or_else(|| panic!("{key} is a number in {row}"))
}

/// Every tensor of a safetensors file, read by the format's definition: the header's length, the header, the numbers.
fn tensors(path: &Path) -> HashMap<String, (Vec<u64>, Vec<f64>)> {
    let bytes = read(path);
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("8 bytes")) as usize;
    let header: HashMap<String, Value> = serde_json::from_slice(&rest[..length]).expect("a header");
    let numbers = &rest[length..];
    let tensor = |(name, about): (String, Value)| {
        assert_eq!(about["dtype"], "F64");
        let whole = |value: &Value| value.as_u64().expect("a whole number");
        let shape = about["shape"].as_array().expect("a shape").iter().map(whole).collect();
        let [from, to] = [0, 1].map(|end| whole(&about["data_offsets"][end]) as usize);
        let words = numbers[from..to].chunks_exact(8);
        let values = words.map(|word| f64::from_le_bytes(word.try_into().expect("8 bytes"))).collect();
        (name, (shape, values))
    };
    header.into_iter().map(tensor).collect()
}

#[test]
fn bias_of_the_oracle_has_its_figures() {
    let world = world(&oracle(1.0), 3);
    let found = world.json(&["bias", "w.safetensors", "--data", "data.toml", "--k", "1,2,5,10", "--json"]);
    let rows = found.as_array().expect("a list");
    let expected =
        [(1, 4.730_534_135_1e-1), (2, 1.573_494_697_1e-1), (5, 5.690_815_362_9e-3), (10, 2.214_429_036_5e-5)];
    assert_eq!(rows.len(), expected.len());
    for (row, (k, bias)) in rows.iter().zip(expected) {
        assert_eq!((row["k"].as_u64(), row["method"].as_str()), (Some(k), Some("exact")));
        // 1e-8 relative, which is less than the digits printed for the largest.
        assert!((number(row, "bias_norm") / bias - 1.0).abs() < 1e-8, "k = {k}: {row}");
        assert!((number(row, "lambda2") - 0.402_199_831_052).abs() < 1e-12);
        assert!((number(row, "exact_gradient_norm") - 1.394_818_494_864).abs() < 1e-11);
        assert!(row["stderr"].is_null() && row["chains"].is_null(), "exact: {row}");
        // What bounds promise, of the largest component.
        for bound in ["bound_fischer_igel", "bound_bengio_delalleau", "bound_spectral"] {
            assert!(number(row, bound) >= number(row, "bias_max"), "{bound} at k = {k}: {row}");
        }
    }
    assert!((number(&rows[0], "relative_bias") - 0.3392).abs() < 5e-5);
    assert!((number(&rows[0], "cosine") - 0.99567).abs() < 5e-6);
    assert!((number(&rows[0], "total_variation") - 0.17745).abs() < 5e-6);
    assert_eq!(number(&rows[0], "wrong_sign_fraction"), 0.0);
    // The bounds at k = 10, to the digits printed.
    assert!((number(&rows[3], "bound_fischer_igel") - 0.94).abs() < 5e-3);
    assert!((number(&rows[3], "bound_bengio_delalleau") - 512.0).abs() < 0.5);
    assert!((number(&rows[3], "bound_spectral") - 8.0e-4).abs() < 5e-6);
    assert!((number(&rows[3], "bias_max") - 5.3e-6).abs() < 5e-8);
}

#[test]
fn rows_have_the_agreed_keys() {
    let world = world(&oracle(1.0), 3);
    let found = world.json(&["bias", "w.safetensors", "--data", "data.toml", "--k", "1", "--json"]);
    for key in [
        "k",
        "method",
        "bias_norm",
        "bias_max",
        "relative_bias",
        "cosine",
        "wrong_sign_fraction",
        "total_variation",
        "kl",
        "chi_squared",
        "lambda2",
        "bound_fischer_igel",
        "bound_bengio_delalleau",
        "bound_spectral",
        "stderr",
    ] {
        assert!(found[0].get(key).is_some(), "{key} in {found}");
    }
}

#[test]
fn table_for_people_names_vacuous_bounds() {
    let world = world(&oracle(2.0), 3);
    let said = world.done(&["bias", "w.safetensors", "--data", "data.toml", "--k", "1,10"]);
    insta::assert_snapshot!("bias_table", said);
    assert!(said.contains("512.00 vacuous"), "{said}");
}

#[test]
fn gradients_are_written_in_f64_and_their_difference_is_the_bias() {
    let world = world(&oracle(1.0), 3);
    let words = ["bias", "w.safetensors", "--data", "data.toml", "--k", "5,1", "--out", "g.safetensors", "--json"];
    let rows = world.json(&words);
    let tensors = tensors(&world.path("g.safetensors"));
    assert_eq!(tensors.len(), 9);
    for (at, k) in [(0, 1), (1, 5)] {
        let mut square = 0.0;
        for (part, shape) in [("weights", vec![6, 9]), ("visible_bias", vec![9]), ("hidden_bias", vec![6])] {
            let (exact, cd) = (&tensors[&format!("exact.{part}")], &tensors[&format!("cd_{k}.{part}")]);
            assert_eq!((&exact.0, &cd.0), (&shape, &shape));
            square += exact.1.iter().zip(&cd.1).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        }
        let norm = number(&rows[at], "bias_norm");
        assert!((square.sqrt() - norm).abs() < 1e-14, "{} is not {norm}", square.sqrt());
    }
    // Gradient of the mean log-likelihood: data minus model. The first pixel is on in half of all bars and stripes.
    let model = rbm_model::exact::moments(&oracle(1.0)).expect("small").visible[0];
    assert!((tensors["exact.visible_bias"].1[0] - (0.5 - model)).abs() < 1e-13);
}

#[test]
fn the_smaller_layer_is_enumerated_where_both_cannot_be() {
    let world = world(&machine(25, 6), 5);
    let words = ["bias", "w.safetensors", "--data", "data.toml", "--k", "1,3", "--chains", "20000", "--json"];
    let found = world.json(&words);
    for row in found.as_array().expect("a list") {
        assert_eq!(row["method"], "enumerated");
        assert!(number(row, "stderr") > 0.0 && number(row, "chains") > 0.0);
        for key in ["total_variation", "kl", "chi_squared", "lambda2", "bound_spectral"] {
            assert!(row[key].is_null(), "{key} was not measured: {row}");
        }
    }
    assert_eq!(found, world.json(&words), "the same seed gives the same numbers");
    let said = world.done(&["bias", "w.safetensors", "--data", "data.toml", "--k", "1", "--chains", "20000"]);
    assert!(said.contains("model enumerated") && said.contains("stderr"), "{said}");
}

#[test]
fn too_few_chains_for_the_error_are_reported() {
    let world = world(&machine(25, 6), 5);
    let words =
        ["bias", "w.safetensors", "--data", "data.toml", "--k", "1", "--chains", "1000", "--stderr", "1e-6", "--json"];
    let said = world.rbm(&words);
    assert_eq!(said.code, Some(0));
    assert!(said.err.contains("too few") && said.err.contains("--chains"), "{}", said.err);
    let found: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(found[0]["stderr_reached"], false);
}

#[test]
fn impossible_wishes_are_refused_with_what_can_be_had() {
    let small = world(&oracle(1.0), 3);
    let large = world(&machine(36, 40), 6);
    let words = |k: &'static str, rest: &[&'static str]| {
        [&["bias", "w.safetensors", "--data", "data.toml", "--k", k], rest].concat()
    };
    let cases = [
        (&small, words("", &[]), "expected whole numbers"),
        (&small, words("0", &[]), "from 1 to 1048575"),
        (&small, words("1,,2", &[]), "expected whole numbers"),
        (&small, words("1,x", &[]), "\"x\""),
        (&small, words("2,2", &[]), "2 is given twice"),
        (&small, words("1", &["--out", "nowhere/g.safetensors"]), "there is no folder nowhere"),
        (&small, words("1", &["--out", "g.npy"]), "ends in .safetensors"),
        (&small, words("1", &["--split", "test"]), "no test rows"),
        (&small, words("1", &["--chains", "1"]), "a standard error needs"),
        (&small, words("1", &["--stderr=-1"]), "standard error must be"),
        (&small, words("1", &["--set", "data.size=4"]), "16 units on a machine with 9"),
        (&large, words("1", &["--sweeps", "10"]), "in 10 sweeps: at least 100 are needed"),
    ];
    for (world, words, fragment) in cases {
        let said = world.rbm(&words);
        assert_eq!(said.code, Some(2), "{words:?}: {}{}", said.out, said.err);
        assert!(said.err.contains(fragment), "{words:?}: no {fragment:?} in {}", said.err);
        assert_eq!(said.out, "");
        assert!(!world.path("g.npy").exists() && !world.path("g.safetensors").exists());
    }
}

#[test]
fn a_machine_that_cannot_be_enumerated_is_measured_against_a_reference() {
    let world = world(&machine(36, 33), 6);
    let words = ["bias", "w.safetensors", "--data", "data.toml", "--k", "1", "--chains", "2000", "--sweeps", "200"];
    let row = &world.json(&[&words[..], &["--json"]].concat())[0];
    assert_eq!(row["method"], "reference");
    assert!(number(row, "reference_r_hat") > 0.9 && number(row, "stderr") > 0.0);
    assert!(row["total_variation"].is_null() && row["bound_spectral"].is_null());
    let said = world.rbm(&words);
    assert!(said.out.contains("model by tempered chains (R-hat "), "{}", said.out);
}
