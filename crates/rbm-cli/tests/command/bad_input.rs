//! Broken configs and files: one message with the place, the key, what is allowed; exit code 2; nothing written.

use std::path::Path;

use rbm_model::{Parameters, Precision, weights_file};

use super::world::World;

/// A config of these lines, with `schema`, `name` and `data.source` where they are not given.
fn text(lines: &str) -> String {
    let missing = |key: &str, line: &str| {
        let given = lines.lines().any(|line| line.starts_with(key));
        if given { String::new() } else { format!("{line}\n") }
    };
    let head = missing("schema", "schema = 1") + &missing("name", "name = \"bad\"");
    let data = if lines.contains("source") { "" } else { "[data]\nsource = \"bars-and-stripes\"\n" };
    let begins_with_a_table = lines.starts_with('[');
    let lines = if data.is_empty() { lines.to_owned() } else { lines.replace("[data]\n", "") };
    if begins_with_a_table { format!("{head}{data}{lines}\n") } else { format!("{head}{lines}\n{data}") }
}

#[track_caller]
fn refused(world: &World, what: &str, words: &[&str], fragments: &[&str]) {
    let said = world.rbm(words);
    assert_eq!(said.code, Some(2), "{what}: {}{}", said.out, said.err);
    for fragment in fragments {
        assert!(said.err.contains(fragment), "{what}: no {fragment:?} in\n{}", said.err);
    }
    assert_eq!(said.out, "", "{what}: something was printed as a result");
    assert!(!said.err.contains('\u{1b}'), "{what}: colours without a terminal");
    assert!(!world.path("results").exists(), "{what}: something was written");
    println!("refused: {what:?}"); // `--nocapture` lists them
}

#[test]
fn broken_configs_are_refused_with_place_key_and_what_is_allowed() {
    let world = World::new();
    let cases: &[(&str, &[&str])] = &[
        (
            "[train]\nlearnig_rate = 0.1",
            &["x.toml:6:1", "train.learnig_rate", "unknown key", "did you mean `learning_rate`?"],
        ),
        ("[trian]\nk = 1", &["x.toml:5:2", "unknown section", "did you mean [train]?"]),
        ("nmae = \"x\"", &["x.toml:3:1", "nmae", "did you mean `name`?"]),
        ("[model]\nk = 3", &["x.toml:6:1", "model.k", "`k` belongs in [train]"]),
        ("[train]\nepochs = \"ten\"", &["x.toml:6:10", "train.epochs", "a whole number of at least 1", "\"ten\""]),
        ("[train]\nepochs = 0", &["x.toml:6:10", "train.epochs", "a whole number of at least 1"]),
        ("[model]\nhidden = 0", &["x.toml:6", "model.hidden", "a whole number of at least 1"]),
        ("[model]\nhidden = -3", &["x.toml:6", "model.hidden", "a whole number of at least 1", "-3"]),
        ("[model]\ninit_std = nan", &["x.toml:6", "model.init_std", "a finite number of at least 0"]),
        ("[train]\nbatch_size = 0", &["x.toml:6", "train.batch_size", "a whole number of at least 1"]),
        ("[train]\nlearning_rate = nan", &["x.toml:6", "train.learning_rate", "finite"]),
        ("[train]\nlearning_rate = inf", &["x.toml:6", "train.learning_rate", "finite"]),
        ("[train]\nlearning_rate = -0.1", &["x.toml:6", "train.learning_rate", "at least 0", "-0.1"]),
        ("[train]\nmomentum = 1.0", &["x.toml:6", "train.momentum", "1"]),
        ("[train]\nmomentum = -0.5", &["x.toml:6", "train.momentum", "-0.5"]),
        ("[train]\nk = 0", &["x.toml:6", "train.k", "a whole number of at least 1"]),
        ("[train]\nk = 1.5", &["x.toml:6", "train.k", "a whole number of at least 1", "1.5"]),
        ("[train]\nk = true", &["x.toml:6", "train.k", "a whole number of at least 1", "true"]),
        (
            "[train]\nalgorithm = \"cdd\"",
            &["x.toml:6", "\"cd\", \"pcd\", \"rdm\", \"pt\", \"exact\"", "did you mean \"cd\"?"],
        ),
        ("[train]\nprecision = \"f16\"", &["x.toml:6", "train.precision", "\"f32\" or \"f64\""]),
        ("[train]\nweight_decay = -1", &["x.toml:6", "train.weight_decay", "at least 0"]),
        ("[run]\nbackend = \"felx\"", &["x.toml:6", "run.backend", "did you mean \"flex\"?"]),
        ("[run]\nworkers = 0", &["x.toml:6", "run.workers", "at least 1, or \"auto\""]),
        ("[data]\nsource = \"mnits\"", &["x.toml:4", "data.source", "did you mean \"mnist\"?"]),
        ("[data]\nthreshold = 1.5", &["x.toml:5", "data.threshold", "from 0 to 1"]),
        ("[data]\nvalidation = 16", &["x.toml:5", "data.validation", "fewer than the 16 rows"]),
        ("[data]\nvalidation = -1", &["x.toml:5", "data.validation", "at least 0"]),
        ("[data]\nrows = 17", &["x.toml:5", "data.rows", "at most the 16 rows"]),
        ("[data]\nrows = 0", &["x.toml:5", "data.rows", "at least 1"]),
        ("[data]\nsize = 1", &["x.toml:5", "data.size", "from 2 to 16"]),
        ("[data]\nsource = \"mnist\"\nsize = 3", &["x.toml:5", "data.size", "only generated sets"]),
        ("name = \"../x\"", &["x.toml:2", "name", "without a leading dot"]),
        ("name = \".x\"", &["x.toml:2", "name", "without a leading dot"]),
        ("name = \"a/b\"", &["x.toml:2", "name", "letters, digits"]),
        ("name = \"\"", &["x.toml:2", "name", "letters, digits"]),
        ("schema = 2", &["x.toml:2", "schema", "expected 1"]),
        ("[sweep]\n\"train.k\" = []", &["x.toml:6", "train.k"]),
        ("[sweep]\n\"train.k\" = [1, 3, 1]", &["x.toml:6", "train.k", "1"]),
        ("[sweep]\n\"train.kk\" = [1, 3]", &["x.toml:6", "train.kk"]),
        ("[sweep]\n\"train.k\" = [1, 0]", &["x.toml:6", "train.k", "a whole number of at least 1"]),
        ("[sweep]\nseeds = 0", &["x.toml:6", "sweep.seeds", "at least 1"]),
        ("[train]\nk = 1\nk = 2", &["x.toml:7", "k", "given twice"]),
        ("[train]\nk = = 2", &["x.toml:6:5"]),
        ("[evaluate]\nevery = 0", &["x.toml:6", "evaluate.every", "at least 1"]),
        ("[evaluate]\nmetrics = [\"norm\"]", &["x.toml:6", "evaluate.metrics", "did you mean \"norms\"?"]),
        ("[evaluate]\nkeep_best = \"log-z\"", &["x.toml:6", "evaluate.keep_best", "\"log-likelihood\""]),
        (
            "[data]\nsize = 6\n[model]\nhidden = 40\n[evaluate]\nlog_z = \"exact\"",
            &["x.toml:9", "evaluate.log_z", "32 can be enumerated"],
        ),
        ("[data]\nsize = 6\n[model]\nhidden = 40\n[train]\nalgorithm = \"exact\"", &["x.toml:9", "train.algorithm"]),
    ];
    for (lines, fragments) in cases {
        world.write("x.toml", text(lines));
        refused(&world, lines, &["sweep", "x.toml"], fragments);
    }
    assert!(cases.len() >= 30);
}

#[test]
fn incomplete_configs_are_refused() {
    let world = World::new();
    for (content, fragments) in [
        ("name = \"x\"\n[data]\nsource = \"mnist\"\n", &["x.toml", "schema", "missing", "`schema = 1`"][..]),
        ("schema = 1\n[data]\nsource = \"mnist\"\n", &["x.toml", "name", "missing", "results folder"]),
        ("schema = 1\nname = \"x\"\n", &["x.toml", "data.source", "missing"]),
        ("", &["x.toml", "schema", "missing"]),
    ] {
        world.write("x.toml", content);
        refused(&world, content, &["train", "x.toml"], fragments);
    }
    world.write("x.toml", b"schema = 1\nname = \"\xff\"\n");
    refused(&world, "bytes", &["train", "x.toml"], &["x.toml", "not UTF-8"]);
    refused(&world, "no file", &["train", "absent.toml"], &["absent.toml", "cannot be read"]);
    refused(&world, "a folder", &["train", "."], &["cannot be read"]);
}

#[test]
fn a_backend_that_is_not_built_in_names_the_command_that_builds_it() {
    if cfg!(feature = "wgpu") {
        return;
    }
    let world = World::new();
    world.write("x.toml", text("[run]\nbackend = \"wgpu\""));
    refused(&world, "wgpu", &["train", "x.toml"], &["`wgpu`", "cargo build --release --bin rbm --features wgpu"]);
}

#[test]
fn options_that_do_not_fit_the_config_are_refused() {
    let world = World::new();
    world.write("x.toml", text("[sweep]\n\"train.k\" = [1, 3]"));
    for (words, fragments) in [
        (&["train", "x.toml"][..], &["x.toml:5", "sweep", "`rbm sweep x.toml`"][..]),
        (&["sweep", "x.toml", "--set", "train.k=2"], &["train.k", "is swept"]),
        (&["sweep", "x.toml", "--set", "train.epoch=2"], &["train.epoch", "did you mean `train.epochs`?"]),
        (&["sweep", "x.toml", "--set", "epochs=2"], &["epochs", "did you mean `train.epochs`?"]),
        (&["sweep", "x.toml", "--set", "train.epochs=0"], &["train.epochs", "at least 1"]),
        (&["sweep", "x.toml", "--set", "train.epochs"], &["expected key=value"]),
        (&["sweep", "x.toml", "--set", "train.algorithm=pdc"], &["did you mean \"pcd\"?"]),
    ] {
        refused(&world, &words.join(" "), words, fragments);
    }
}

fn npy(path: &Path, shape: &str, kind: &str, values: &[u8]) {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    std::fs::write(path, bytes).expect("a file");
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[test]
fn broken_data_files_are_refused_with_what_is_wrong_in_them() {
    let world = World::new();
    world.write("empty.npy", "");
    world.write("text.npy", "this is no array");
    npy(&world.path("short.npy"), "(4, 9)", "|u1", &[0; 20]);
    npy(&world.path("flat.npy"), "(9,)", "|u1", &[0; 9]);
    npy(&world.path("none.npy"), "(0, 9)", "|u1", &[]);
    npy(&world.path("large.npy"), "(2, 2)", "<f4", &floats(&[0.0, 1.0, 2.5, 0.0]));
    npy(&world.path("nan.npy"), "(2, 2)", "<f4", &floats(&[0.0, 1.0, f32::NAN, 0.0]));
    npy(&world.path("spins.npy"), "(2, 2)", "<f4", &floats(&[-1.0, 1.0, 1.0, -1.0]));
    npy(&world.path("complex.npy"), "(1, 1)", "<c8", &[0; 8]);
    world.write("rows.txt", "0 1\n");
    world.write("words.csv", "a,b\n0,red\n");
    world.write("nothing.csv", "");
    world.write("cut-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 1]);
    world.write("cut.npz", b"PK\x03\x04 and no more");
    world.write("cut.parquet", b"PAR1");
    for (file, fragments) in [
        ("absent.npy", &["No such file"][..]),
        ("empty.npy", &["the file is empty"]),
        ("text.npy", &["not a valid", "npy"]),
        ("short.npy", &["truncated", "36 bytes", "20 are there"]),
        ("flat.npy", &["shape", "[9]", "[rows, units]"]),
        ("none.npy", &["shape"]),
        ("large.npy", &["row 1, unit 0", "2.5", "[0, 1]"]),
        ("nan.npy", &["row 1, unit 0", "NaN"]),
        ("spins.npy", &["-1 and +1", "(x + 1) / 2"]),
        ("complex.npy", &["complex.npy"]),
        ("rows.txt", &[".npy, .npz, .safetensors, .csv, .parquet"]),
        ("words.csv", &["column `b`"]),
        ("nothing.csv", &["the file is empty"]),
        ("cut-idx3-ubyte", &["cut-idx3-ubyte"]),
        ("cut.npz", &["npz"]),
        ("cut.parquet", &["arquet"]),
    ] {
        world.write("x.toml", text(&format!("[data]\nsource = \"./{file}\"")));
        let fragments = [&["x.toml:4:10", "data.source", file], fragments].concat();
        refused(&world, file, &["train", "x.toml"], &fragments);
    }
}

#[test]
fn broken_weights_to_start_from_are_refused() {
    let world = World::new();
    world.write("text.safetensors", "no weights at all");
    let small = Parameters::new(vec![0.0; 8], vec![0.0; 4], vec![0.0; 2]).expect("4 x 2");
    let path = world.path("small.safetensors");
    weights_file::write(&path, &small, Precision::F32, None).expect("a weights file");
    for (file, fragments) in [
        ("absent.safetensors", &["x.toml:6:8", "model.init", "absent.safetensors"][..]),
        ("text.safetensors", &["x.toml:6:8", "model.init", "not safetensors"]),
        ("small.safetensors", &["x.toml:6:8", "model.init", "128 hidden and 9 visible", "2 and 4"]),
    ] {
        world.write("x.toml", text(&format!("[model]\ninit = \"{file}\"")));
        refused(&world, file, &["train", "x.toml"], fragments);
    }
}

#[test]
fn folders_that_are_no_sweeps_are_refused() {
    let world = World::new();
    std::fs::create_dir(world.path("empty-0123456789ab")).expect("a folder");
    for words in [
        &["status", "absent"][..],
        &["status", "empty-0123456789ab"],
        &["report", "absent"],
        &["cell", "absent", "0"],
        &["show", "absent"],
    ] {
        refused(&world, &words.join(" "), words, &["failed to find", words[1]]);
    }
}

#[test]
fn an_instruction_set_that_is_not_there_is_refused() {
    let world = World::new();
    world.write("x.toml", text("[train]\nepochs = 1"));
    let words = ["train", "x.toml"];
    let with = |word: &str| world.command(&words).env("RBM_ISA", word).output().expect("it runs");
    let refused = with("avx3");
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("RBM_ISA is `avx3`, expected one of `portable`, `avx2`, `avx512`"), "{said}");
    assert!(!world.path("results").exists(), "something was written");
    assert_eq!(with("portable").status.code(), Some(0));
}
