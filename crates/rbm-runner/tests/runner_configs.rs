//! Configs that are right: defaults, overrides, points, identities.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rbm_data::DataFolders;
use rbm_runner::{CellConfig, Config, DataSets, KEYS, Plan, resolved_toml};

const GOOD: &str = "schema = 1\nname = \"x\"\n[data]\nsource = \"bars-and-stripes\"\n";

fn parse(text: &str, sets: &[&str]) -> Config {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Config::parse(text, Path::new("folder/x.toml"), &sets).unwrap_or_else(|error| panic!("{error}"))
}

fn plan(config: &Config) -> Plan {
    let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() };
    Plan::new(config, &mut DataSets::quiet(folders)).unwrap_or_else(|error| panic!("{error}"))
}

fn only_cell(config: &Config) -> &CellConfig {
    assert_eq!(config.points.len(), 1);
    &config.points[0].config
}

#[test]
fn every_default_is_shown_and_reads_back_as_itself() {
    let config = parse(GOOD, &[]);
    let text = resolved_toml(only_cell(&config));
    insta::assert_snapshot!(text);
    let again = parse(&text, &[]);
    let mut expected = only_cell(&config).clone();
    // Shown, though left to their defaults.
    (expected.data.size, expected.data.validation) = (Some(3), Some(0));
    assert_eq!(*only_cell(&again), expected);
    assert_eq!(resolved_toml(only_cell(&again)), text);
    assert_eq!(plan(&again).cells[0].id, plan(&config).cells[0].id);
}

#[test]
fn the_list_of_keys_is_that_of_the_sections() {
    // Each section's own refusal of an unknown key lists its keys.
    fn refusal<T: serde::de::DeserializeOwned>(section: &str) -> (String, String) {
        let table: toml::Table = "source = 'mnist'\nno_such_key = 1\n".parse().expect("TOML");
        let table = if section == "data" { table } else { "no_such_key = 1".parse().expect("TOML") };
        let error = T::deserialize(toml::Value::Table(table)).err().expect("an unknown key");
        (section.to_owned(), error.message().to_owned())
    }
    let refusals = [
        refusal::<rbm_data::DataConfig>("data"),
        refusal::<rbm_model::ModelConfig>("model"),
        refusal::<rbm_train::TrainConfig>("train"),
        refusal::<rbm_eval::EvaluateConfig>("evaluate"),
        refusal::<rbm_runner::RunConfig>("run"),
    ];
    for (section, message) in refusals {
        let listed = message.split("expected one of ").nth(1).unwrap_or_else(|| panic!("no list: {message}"));
        let mut listed: Vec<&str> = listed.split(", ").map(|word| word.trim_matches('`')).collect();
        let mut ours: Vec<&str> = KEYS.iter().filter(|key| key.section == section).map(|key| key.name).collect();
        listed.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, listed, "of [{section}]");
    }
}

#[test]
fn every_word_of_a_key_is_taken() {
    for key in KEYS.iter().filter(|key| !key.words.is_empty() && key.section != "data") {
        for word in key.words {
            let value = if key.name == "metrics" { format!("[\"{word}\"]") } else { format!("\"{word}\"") };
            let text = format!("{GOOD}[{}]\n{} = {value}\n", key.section, key.name);
            let wrong_type = match Config::parse(&text, Path::new("x.toml"), &[]) {
                Ok(_) => false,
                Err(error) => error.message.starts_with("expected \""),
            };
            assert!(!wrong_type, "{} = {word}", key.dotted());
        }
    }
}

#[test]
fn set_options_override_the_file_and_are_written_into_its_text() {
    let text = format!("{GOOD}# how long\n[train]\nepochs = 3 # three\n");
    let config =
        parse(&text, &["train.epochs=5", "model.hidden=7", "name=y", "train.algorithm=pcd", "data.threshold=0.4"]);
    let cell = only_cell(&config);
    assert_eq!((cell.train.epochs, cell.model.hidden, cell.name.as_str()), (5, 7, "y"));
    let frozen = config.text();
    assert!(frozen.contains("# how long"), "{frozen}");
    assert_eq!(only_cell(&parse(&frozen, &[])), cell);
}

#[test]
fn points_are_lists_times_cases_times_seeds() {
    let text = format!(
        "{GOOD}[run]\nseed = 5\n[sweep]\nseeds = 2\n\"model.hidden\" = [4, 8]\n\
         [[sweep.case]]\ntrain.k = 1\ntrain.epochs = 9\n[[sweep.case]]\ntrain.k = 3\ntrain.epochs = 3\n"
    );
    let config = parse(&text, &[]);
    let names: Vec<&str> = config.points.iter().map(|point| point.name.as_str()).collect();
    let expected = [
        "hidden=4,k=1,epochs=9,seed=5",
        "hidden=4,k=1,epochs=9,seed=6",
        "hidden=4,k=3,epochs=3,seed=5",
        "hidden=4,k=3,epochs=3,seed=6",
        "hidden=8,k=1,epochs=9,seed=5",
        "hidden=8,k=1,epochs=9,seed=6",
        "hidden=8,k=3,epochs=3,seed=5",
        "hidden=8,k=3,epochs=3,seed=6",
    ];
    assert_eq!(names, expected);
    assert_eq!(config.points[7].config.model.hidden, 8);
    assert_eq!(config.points[7].config.train.k, 3);
    assert_eq!(config.points[7].config.run.seed, 6);
}

#[test]
fn a_single_cell_is_called_cell_and_names_are_safe_and_unique() {
    assert_eq!(parse(GOOD, &[]).points[0].name, "cell");
    assert_eq!(parse(GOOD, &["run.seed=3"]).points[0].name, "seed=3");
    let text =
        "schema = 1\nname = \"x\"\n[sweep]\n\"data.source\" = [\"a/b.npy\", \"a_b.npy\"]\n\"data.seed\" = [1, 2]\n";
    let config = parse(text, &[]);
    let names: Vec<&str> = config.points.iter().map(|point| point.name.as_str()).collect();
    let expected = [
        "source=a_b.npy,data.seed=1,seed=0",
        "source=a_b.npy,data.seed=2,seed=0",
        "source=a_b.npy,data.seed=1,seed=0+2",
        "source=a_b.npy,data.seed=2,seed=0+2",
    ];
    assert_eq!(names, expected);
}

#[test]
fn paths_are_relative_to_the_config() {
    let text = "schema = 1\nname = \"x\"\n[data]\nsource = \"rows.npy\"\n";
    let config = parse(text, &[]);
    let expected = std::env::current_dir().expect("a folder").join("folder/rows.npy");
    assert_eq!(only_cell(&config).data.source, rbm_data::Source::File(expected));
}

#[test]
fn what_decides_no_number_changes_no_identity() {
    let id = |sets: &[&str]| plan(&parse(GOOD, sets)).cells[0].id.clone();
    let same = id(&[]);
    for sets in [
        &["name=y"][..],
        &["run.workers=2"],
        &["run.threads=2"],
        &["run.batch_cells=5"],
        &["run.checkpoint_every=1"],
        &["data.size=3"],
        &["train.epochs=10", "model.hidden=128"],
    ] {
        assert_eq!(id(sets), same, "{sets:?}");
    }
    for set in [
        "run.seed=1",
        "run.backend=ndarray",
        "run.kernels=composed",
        "train.k=2",
        "model.hidden=4",
        "evaluate.every=2",
        "train.precision=f64",
        "data.size=4",
    ] {
        assert_ne!(id(&[set]), same, "{set}");
    }
}

#[test]
fn a_key_without_effect_changes_no_identity() {
    let id = |sets: &[&str]| plan(&parse(GOOD, sets)).cells[0].id.clone();
    for (setting, idle, telling) in [
        ("train.algorithm=exact", "train.k=2", "train.epochs=3"),
        ("train.algorithm=exact", "run.kernels=composed", "train.epochs=3"),
        ("train.precision=f64", "run.kernels=composed", "train.epochs=3"),
        ("model.free_energy=listing", "run.kernels=composed", "train.epochs=3"),
        ("data.binarization=none", "run.kernels=composed", "train.epochs=3"),
        ("model.init=uniform", "model.init_std=0.1", "model.init_range=0.1"),
        ("model.init=normal", "model.init_range=0.1", "model.init_std=0.1"),
        ("data.binarization=each-epoch", "data.threshold=0.1", "data.seed=1"),
    ] {
        let hidden = "model.hidden=3";
        assert_eq!(id(&[hidden, setting]), id(&[hidden, setting, idle]), "{setting}, {idle}");
        assert_ne!(id(&[hidden, setting]), id(&[hidden, setting, telling]), "{setting}, {telling}");
    }
}

#[test]
fn a_sweep_of_the_same_cells_under_other_names_is_another_sweep() {
    let one = plan(&parse(GOOD, &[]));
    let swept = plan(&parse(&format!("{GOOD}[sweep]\n\"train.k\" = [1]\n"), &[]));
    assert_eq!(one.cells[0].id, swept.cells[0].id);
    assert_ne!(one.folder_name(), swept.folder_name());
}

#[test]
fn identities_of_known_cells_stay() {
    let sweep = plan(&parse(&format!("{GOOD}[train]\nk = 3\n[sweep]\nseeds = 2\n"), &[]));
    let cell = &sweep.cells[1];
    insta::assert_snapshot!(format!("{}\n{}\n{}", sweep.folder_name(), cell.id, cell.canonical_config_json()));
}

#[test]
fn a_plan_reads_back_as_itself() {
    let plan = plan(&parse(&format!("{GOOD}[sweep]\nseeds = 2\n\"train.k\" = [1, 3]\n"), &["train.learning_rate=0.1"]));
    let again = Plan::from_jsonl(&plan.to_jsonl(), Path::new("plan.jsonl")).expect("a plan");
    assert_eq!(again, plan);
}

#[test]
fn estimates_count_the_multiply_adds_of_the_dense_formulation() {
    // A CD-1 step at 784 x 500, batch 100, is 0.39 GFLOP: two FLOP a multiply-add.
    let mut plan = plan(&parse(GOOD, &["model.hidden=500", "train.epochs=1"]));
    plan.cells[0].data.visible = 784;
    plan.cells[0].data.rows = 100;
    let estimate = plan.estimate(|_| true);
    assert!((estimate.multiply_adds * 2.0 / 1e9 - 0.392).abs() < 1e-3, "{estimate:?}");
    assert!(estimate.bytes > 3 * 4 * 784 * 500);
    assert_eq!(plan.estimate(|_| false).seconds, 0.0);
}

#[test]
fn work_by_epoch_counts_the_smaller_last_batch_and_the_k_of_each_epoch() {
    let of = |sets: &[&str]| {
        let mut cell = plan(&parse(GOOD, sets)).cells.remove(0);
        (cell.data.visible, cell.data.rows) = (10, 25);
        cell.work_by_epoch()
    };
    // Two batches of 10 rows and one of 5, 10 x 4 weights, 3 + 2 k products: 25 x 40 x (5, then 9, then 13)
    let cd = ["model.hidden=4", "train.batch_size=10", "train.epochs=3", "train.k=1"];
    let linear = ["train.k_schedule=linear", "train.k_final=5"];
    let expected = [(0, 0.0), (3, 5_000.0), (6, 14_000.0), (9, 27_000.0)]; // k = 1, 3, 5
    assert_eq!(of(&[&cd[..], &linear[..]].concat()), expected);
    // PCD: each row twice, and 7 chains (2 + 2 k) times at each of three updates
    let pcd = ["train.algorithm=pcd", "train.chains=7", "train.k=2", "train.epochs=1"];
    assert_eq!(of(&[&cd[..2], &pcd[..]].concat()), [(0, 0.0), (3, 40.0 * (25.0 * 2.0 + 3.0 * 7.0 * 6.0))]);
}

#[test]
fn work_of_full_batches_and_one_k_is_what_the_estimate_says() {
    let mut plan = plan(&parse(GOOD, &["train.batch_size=8", "train.epochs=5", "train.k=3"]));
    plan.cells[0].data.rows = 32;
    let work = plan.cells[0].work_by_epoch();
    let (steps, all) = work.last().copied().expect("six entries");
    assert_eq!((work.len(), steps), (6, 20));
    // both are sums of whole numbers below 2^53
    assert_eq!(all, plan.cells[0].estimate().multiply_adds);
}

#[test]
fn the_configs_of_the_repository_are_right() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    for (file, cells) in [("mnist.toml", 18), ("bars-and-stripes.toml", 12), ("quick.toml", 1)] {
        let config = Config::load(&folder.join(file), &[]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.points.len(), cells, "{file}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_parsing_panic(text in "(?s).{0,200}") {
        let _ = Config::parse(&text, Path::new("x.toml"), &[]).map_err(|error| error.to_string());
    }

    #[test]
    fn no_line_added_to_a_config_makes_parsing_panic(
        lines in proptest::collection::vec(
            "(\\[{0,2}(sweep|train|sweep\\.case|data|run)\\]{0,2}|(train\\.k|k|seeds|\"train\\.k\"|case|source|epochs) = \
             (\\[\\]|\\[1, 2\\]|1|-1|nan|\"é\"|\\{\\}|\\[\\{k=1\\}\\]|99999999999999999999|1979-05-27))", 0..6)
    ) {
        let text = format!("{GOOD}{}\n", lines.join("\n"));
        let _ = Config::parse(&text, Path::new("x.toml"), &[]).map_err(|error| error.to_string());
    }

    #[test]
    fn no_set_option_makes_parsing_panic(option in "(?s)((train\\.k|name|sweep\\.seeds|data\\.source|évaluer)=)?.{0,30}") {
        let _ = Config::parse(GOOD, Path::new("x.toml"), &[option]).map_err(|error| error.to_string());
    }
}
