//! `evaluate`, `sample`, `transform`.

use std::path::PathBuf;

use rbm_model::{Parameters, Precision, weights_file};

use super::world::{World, config, read};

/// The machine of an independent program's figures: docs/mathematics.md, section 3, at s = 1.
fn oracle() -> Parameters {
    let weights = (0..54)
        .map(|at| {
            let (i, j) = (f64::from(at % 9), f64::from(at / 9));
            (1.0 + 0.7 * i + 1.3 * j + 0.11 * i * j).sin()
        })
        .collect();
    let visible_bias = (0..9).map(|i| 0.3 * f64::from(i).cos()).collect();
    let hidden_bias = (0..6).map(|j| -0.2 + 0.1 * (2.0 * f64::from(j)).sin()).collect();
    Parameters::new(weights, visible_bias, hidden_bias).expect("9 x 6")
}

fn world(precision: Precision) -> (World, PathBuf) {
    let world = World::new();
    let path = world.path("w.safetensors");
    weights_file::write(&path, &oracle(), precision, None).expect("a weights file");
    // Only [data] counts: all else here is wrong.
    world.write("data.toml", "schema = 9\nnmae = 3\n[data]\nsource = \"bars-and-stripes\"\n[train]\nk = 0\nx = 1\n");
    (world, path)
}

fn npy(path: &std::path::Path) -> (Vec<u64>, String, Vec<u8>) {
    let bytes = read(path);
    let file = npyz::NpyFile::new(&bytes[..]).expect("a file for numpy");
    let (shape, kind) = (file.shape().to_vec(), file.dtype().descr());
    let length = match kind.trim_matches('\'') {
        "|u1" => 1,
        "<f4" | "<u4" => 4,
        "<f8" => 8,
        other => panic!("values of type {other}"),
    } * shape.iter().product::<u64>() as usize;
    (shape, kind.trim_matches('\'').to_owned(), bytes[bytes.len() - length..].to_vec())
}

#[test]
fn evaluation_of_the_oracle_has_its_figures() {
    let (world, _) = world(Precision::F64);
    let found = world.json(&["evaluate", "w.safetensors", "--data", "data.toml", "--json"]);
    let value = |key: &str| found[key].as_f64().unwrap_or_else(|| panic!("{key} is a number in {found}"));
    assert!((value("log_z") - 12.029_062_952_012).abs() < 1e-9);
    assert!((value("mean_log_likelihood") + 7.365_526_194_568).abs() < 1e-9);
    assert!((value("mean_free_energy") - (7.365_526_194_568 - 12.029_062_952_012)).abs() < 1e-9);
    assert!(value("pseudo_likelihood") < 0.0 && value("reconstruction_error") > 0.0);
    assert_eq!((found["rows"].as_u64(), found["log_z_method"].as_str()), (Some(16), Some("exact")));
}

#[test]
fn log_z_can_be_left_out() {
    let (world, _) = world(Precision::F64);
    let found = world.json(&["evaluate", "w.safetensors", "--data", "data.toml", "--log-z", "none", "--json"]);
    assert!(found["log_z"].is_null() && found["mean_log_likelihood"].is_null());
    assert_eq!(found["log_z_method"], "none");
    assert!(found["mean_free_energy"].is_f64());
}

#[test]
fn set_overrides_the_data_that_are_evaluated() {
    let (world, _) = world(Precision::F64);
    let words =
        ["evaluate", "w.safetensors", "--data", "data.toml", "--set", "data.validation=4", "--split", "validation"];
    let found = world.json(&[&words[..], &["--json"]].concat());
    assert_eq!((found["rows"].as_u64(), found["split"].as_str()), (Some(4), Some("validation")));
}

#[test]
fn evaluation_refuses_what_does_not_fit() {
    let (world, _) = world(Precision::F32);
    world.write("wide.toml", config("wide", "k = 1", "").replace("stripes\"", "stripes\"\nsize = 4"));
    world.write("broken.safetensors", b"not safetensors at all");
    for (words, fragment) in [
        (&["w.safetensors", "--data", "wide.toml"][..], "rows of 16 units on a machine with 9 visible units"),
        (&["w.safetensors", "--data", "data.toml", "--split", "test"], "no test rows"),
        (&["absent.safetensors", "--data", "data.toml"], "absent.safetensors"),
        (&["broken.safetensors", "--data", "data.toml"], "not safetensors"),
        (&["w.safetensors", "--data", "absent.toml"], "absent.toml"),
        (&["w.safetensors", "--data", "data.toml", "--set", "data.sise=4"], "did you mean `data.size`"),
    ] {
        let said = world.rbm(&[&["evaluate"], words].concat());
        assert_eq!(said.code, Some(2), "{words:?}: {}", said.err);
        assert!(said.err.contains(fragment), "{words:?}: no {fragment:?} in {}", said.err);
    }
}

#[test]
fn samples_are_states_and_the_same_for_the_same_seed() {
    let (world, _) = world(Precision::F32);
    let draw = |out: &str, how: &[&str]| {
        world.done(&[&["sample", "w.safetensors", "--rows", "50", "--out", out], how].concat());
        npy(&world.path(out))
    };
    for how in [&["--steps", "20"][..], &["--exact"], &["--steps", "20", "--backend", "ndarray"]] {
        let (shape, kind, states) = draw("a.npy", how);
        assert_eq!((shape.as_slice(), kind.as_str()), (&[50, 9][..], "|u1"));
        assert!(states.iter().all(|&state| state <= 1) && states.contains(&0) && states.contains(&1));
        assert_eq!(draw("b.npy", how).2, states, "{how:?}: the same seed");
        assert_ne!(draw("c.npy", &[how, &["--seed", "1"]].concat()).2, states, "{how:?}: another seed");
    }
    assert_eq!(draw("d.npy", &["--steps", "20"]).2, draw("e.npy", &["--steps", "20", "--backend", "ndarray"]).2);
    let start = draw("f.npy", &["--steps", "0"]).2;
    let ones = start.iter().filter(|&&state| state == 1).count();
    // 450 fair coins: 1e-9 two-sided lies at 6.1 standard deviations of 10.6.
    assert!((160..=290).contains(&ones), "{ones} of 450 uniform states are one");
}

#[test]
fn samples_can_be_a_picture() {
    let (world, _) = world(Precision::F32);
    world.done(&["sample", "w.safetensors", "--rows", "9", "--steps", "5", "--out", "p.png"]);
    assert_eq!(&read(&world.path("p.png"))[..8], b"\x89PNG\r\n\x1a\n");
    for (words, fragment) in [
        (&["--out", "p.jpg"][..], "ends in .npy or .png"),
        (&["--out", "p.png", "--shape", "2x4"], "expected 9 pixels"),
        (&["--out", "absent/p.png"], "there is no folder absent"),
        (&["--out", "q.npy", "--backend", "felx"], "expected one of `flex`"),
    ] {
        let said = world.rbm(&[&["sample", "w.safetensors", "--rows", "9", "--steps", "5"], words].concat());
        assert_eq!(said.code, Some(2), "{words:?}: {}", said.err);
        assert!(said.err.contains(fragment), "{words:?}: no {fragment:?} in {}", said.err);
    }
}

#[test]
fn transform_writes_probabilities_in_the_width_of_the_file() {
    for (precision, kind) in [(Precision::F32, "<f4"), (Precision::F64, "<f8")] {
        let (world, path) = world(precision);
        let said = world.done(&["transform", "w.safetensors", "--data", "data.toml", "--out", "h.npy"]);
        assert!(said.contains("these rows have no labels"), "{said}");
        let (shape, found, bytes) = npy(&world.path("h.npy"));
        assert_eq!((shape.as_slice(), found.as_str()), (&[16, 6][..], kind));
        let parameters = weights_file::read(&path).expect("the weights").parameters;
        // The first row is all zeros: hidden probabilities are those of the biases.
        let expected = parameters.hidden_bias().iter().map(|bias| 1.0 / (1.0 + (-bias).exp()));
        let width = bytes.len() / 96;
        for (value, expected) in bytes.chunks_exact(width).zip(expected) {
            let value = match width {
                4 => f64::from(f32::from_le_bytes(value.try_into().expect("4 bytes"))),
                _ => f64::from_le_bytes(value.try_into().expect("8 bytes")),
            };
            assert!((value - expected).abs() < 1e-7, "{value} is not {expected}");
        }
    }
}

#[test]
fn transform_writes_labels_where_there_are_any() {
    let (world, _) = world(Precision::F32);
    world.write("rows.csv", "a,b,c,d,e,f,g,h,i,label\n0,1,0,1,0,1,0,1,0,7\n1,1,1,1,1,1,1,1,1,3\n");
    world.write("rows.toml", "schema = 1\nname = \"rows\"\n[data]\nsource = \"rows.csv\"\n");
    let said = world.done(&["transform", "w.safetensors", "--data", "rows.toml", "--out", "h.npy"]);
    assert!(said.contains("h-labels.npy"), "{said}");
    let (shape, kind, bytes) = npy(&world.path("h-labels.npy"));
    assert_eq!((shape.as_slice(), kind.as_str()), (&[2][..], "<u4"));
    assert_eq!(bytes, [7, 0, 0, 0, 3, 0, 0, 0]);
}
