//! What a user reads who has made a mistake in a config: the whole message, word for word.

use std::path::Path;

use rbm_data::DataFolders;
use rbm_runner::{Config, DataSets, Error, Plan};

/// A config that is right, to be broken.
const GOOD: &str = "schema = 1\nname = \"x\"\n[data]\nsource = \"bars-and-stripes\"\n";

fn message_of(text: &str, sets: &[&str]) -> String {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    match Config::parse(text, Path::new("x.toml"), &sets) {
        Ok(config) => match Plan::new(&config, &mut data_sets()) {
            Ok(_) => "no mistake found".into(),
            Err(error @ Error::Config(_)) => error.to_string(),
            Err(other) => format!("not a config error: {other}"),
        },
        Err(error) => error.to_string(),
    }
}

fn data_sets() -> DataSets {
    DataSets::quiet(DataFolders { data_dir: None, cache: std::env::temp_dir() })
}

/// One test a mistake: lines added to a good config, and the message.
macro_rules! mistakes {
    ($($name:ident: $added:expr => $message:expr;)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(message_of(&format!("{GOOD}{}", $added), &[]), $message);
        }
    )*};
}

mistakes! {
    nothing_is_wrong_with_the_good_one: "" => "no mistake found";
    a_misspelt_key_is_named_with_the_closest_one: "[train]\nlearnig_rate = 0.1\n" =>
        "x.toml:6:1: train.learnig_rate: unknown key; did you mean `learning_rate`? keys of [train]: algorithm, k, k_final, k_schedule, chains, temperatures, epochs, batch_size, learning_rate, learning_rate_final, schedule, momentum, momentum_final, momentum_switch, weight_decay, centred, offset_rate, precision";
    a_key_of_another_section_is_sent_there: "[train]\nhidden = 3\n" =>
        "x.toml:6:1: train.hidden: unknown key; `hidden` belongs in [model]; keys of [train]: algorithm, k, k_final, k_schedule, chains, temperatures, epochs, batch_size, learning_rate, learning_rate_final, schedule, momentum, momentum_final, momentum_switch, weight_decay, centred, offset_rate, precision";
    a_misspelt_section_is_named_with_the_closest_one: "[trian]\nk = 1\n" =>
        "x.toml:5:2: trian: unknown section; did you mean [train]? sections: data, model, train, evaluate, sweep, run";
    a_section_that_is_a_value_is_refused: "[run]\nthreads = 1\n[[model]]\nhidden = 1\n" =>
        "x.toml:7:3: model: expected a section, `[model]`, not [{ hidden = 1 }]";
    a_wrong_type_is_shown: "[train]\nk = \"three\"\n" =>
        "x.toml:6:5: train.k: expected a whole number of at least 1, not \"three\"";
    a_broken_number_is_no_count: "[train]\nepochs = 1.5\n" =>
        "x.toml:6:10: train.epochs: expected a whole number of at least 1, not 1.5";
    a_negative_count_is_refused: "[train]\nbatch_size = -1\n" =>
        "x.toml:6:14: train.batch_size: expected a whole number of at least 1, not -1";
    a_zero_count_is_refused: "[model]\nhidden = 0\n" =>
        "x.toml:6:10: model.hidden: expected a whole number of at least 1, not 0";
    k_of_zero_is_refused: "[train]\nk = 0\n" => "x.toml:6:5: train.k: expected a whole number of at least 1, not 0";
    a_count_too_large_is_refused: "[train]\nepochs = 5_000_000_000\n" =>
        "x.toml:6:10: train.epochs: expected a whole number of at least 1 and at most 4294967295, not 5000000000";
    a_rate_that_is_no_number_is_refused: "[train]\nlearning_rate = nan\n" =>
        "x.toml:6:17: train.learning_rate: expected a finite number of at least 0, not NaN";
    an_infinite_rate_is_refused: "[train]\nlearning_rate = inf\n" =>
        "x.toml:6:17: train.learning_rate: expected a finite number of at least 0, not inf";
    momentum_of_one_is_refused: "[train]\nmomentum = 1\n" =>
        "x.toml:6:12: train.momentum: expected a number from 0 up to, but not including, 1, not 1";
    a_misspelt_word_is_named_with_the_closest_one: "[train]\nalgorithm = \"pdc\"\n" =>
        "x.toml:6:13: train.algorithm: expected \"cd\", \"pcd\", \"rdm\", \"pt\", \"exact\" or \"expected-cd\", not \"pdc\"; did you mean \"pcd\"?";
    a_misspelt_metric_is_named_with_the_closest_one: "[evaluate]\nmetrics = [\"norms\", \"pseudolikelihood\"]\n" =>
        "x.toml:6:11: evaluate.metrics: expected a list of \"reconstruction-error\", \"free-energy-gap\", \"pseudo-likelihood\", \"norms\", \"gradient-bias\", \"mixing\" or \"sample-quality\", not [\"norms\", \"pseudolikelihood\"]; did you mean \"pseudo-likelihood\"?";
    a_metric_twice_is_refused: "[evaluate]\nmetrics = [\"norms\", \"norms\"]\n" =>
        "x.toml:6:11: evaluate.metrics: expected each metric once";
    a_threshold_above_one_is_refused: "threshold = 1.5\n" =>
        "x.toml:5:13: data.threshold: expected a number from 0 to 1, not 1.5";
    a_validation_set_larger_than_the_data_is_refused: "validation = 17\n" =>
        "x.toml:5:14: data.validation: expected fewer than the 16 rows of the training set, not 17";
    more_rows_than_there_are_are_refused: "rows = 17\n" =>
        "x.toml:5:8: data.rows: expected at most the 16 rows there are, not 17";
    a_schedule_without_its_end_is_refused: "[train]\nschedule = \"linear\"\n" =>
        "x.toml:6:12: train.schedule: expected together with `learning_rate_final`: one without the other has no effect";
    chains_without_pcd_are_refused: "[train]\nchains = 10\n" =>
        "x.toml:6:10: train.chains: expected absent: only \"pcd\", \"rdm\" and \"pt\" have chains apart from the batch";
    temperatures_without_tempering_are_refused: "[train]\ntemperatures = 5\n" =>
        "x.toml:6:16: train.temperatures: expected absent: only algorithm = \"pt\" has them";
    one_temperature_is_refused: "[train]\nalgorithm = \"pt\"\ntemperatures = 1\n" =>
        "x.toml:7:16: train.temperatures: expected a whole number of at least 2, not 1";
    temperatures_that_fall_are_refused: "[train]\nalgorithm = \"pt\"\ntemperatures = [0.0, 0.7, 0.5, 1.0]\n" =>
        "x.toml:7:16: train.temperatures: expected inverse temperatures that rise from 0 to 1, not [0.0, 0.7, 0.5, 1.0]";
    an_offset_rate_without_centring_is_refused: "[train]\noffset_rate = 0.1\n" =>
        "x.toml:6:15: train.offset_rate: expected together with `centred = true`: without it it has no effect";
    an_offset_rate_above_one_is_refused: "[train]\ncentred = true\noffset_rate = 1.5\n" =>
        "x.toml:7:15: train.offset_rate: expected a number from 0 to 1, not 1.5";
    a_bias_of_chains_that_start_at_random_is_refused: "[train]\nalgorithm = \"rdm\"\n[evaluate]\nmetrics = [\"gradient-bias\"]\n" =>
        "x.toml:8:11: evaluate.metrics: expected no \"gradient-bias\" under algorithm = \"rdm\": it is not measured of chains that start at random";
    a_machine_that_fits_no_memory_is_refused: "[model]\nhidden = 4000000000\n" =>
        "x.toml:6:10: model.hidden: expected at most 238609294: 4000000000 x 9 weights are too many";
    chains_that_fit_no_memory_are_refused: "[train]\nalgorithm = \"pcd\"\nchains = 10000000000\n" =>
        "x.toml:7:10: train.chains: expected at most 16777216: 10000000000 x 128 visible states of the chains are too many";
    log_z_that_cannot_be_enumerated_is_refused: "size = 6\n[model]\nhidden = 40\n[evaluate]\nlog_z = \"exact\"\n" =>
        "x.toml:9:9: evaluate.log_z: expected \"ais\", \"trajectory\" or \"none\": the smaller layer has 36 units, 32 can be enumerated";
    one_chain_for_an_estimate_is_refused: "[evaluate]\nlog_z = \"ais\"\nlog_z_chains = 1\n" =>
        "x.toml:7:16: evaluate.log_z_chains: expected a whole number of at least 2, not 1: one chain has no error";
    an_unknown_schedule_is_refused: "[evaluate]\nlog_z_schedule = \"geometric:9\"\n" =>
        "x.toml:6:18: evaluate.log_z_schedule: expected \"linear:N\" with N of at least 1, \"salakhutdinov-murray\", or inverse temperatures that rise from 0 to 1, not \"geometric:9\"";
    a_bias_that_no_cell_can_have_is_refused: "size = 6\n[model]\nhidden = 40\n[evaluate]\nmetrics = [\"gradient-bias\"]\n" =>
        "x.toml:9:11: evaluate.metrics: expected no \"gradient-bias\" with 36 units in the smaller layer: during training it is measured up to 20; `rbm bias` measures the weights of a larger machine";
    a_best_by_a_metric_without_direction_is_refused: "[evaluate]\nkeep_best = \"weight-norm\"\n" =>
        "x.toml:6:13: evaluate.keep_best: expected one of \"pseudo-likelihood\", \"log-likelihood\", \"reconstruction-error\", \"reconstruction-cross-entropy\": of \"weight-norm\" neither more nor less is better";
    a_best_by_a_metric_not_measured_is_refused: "[evaluate]\nmetrics = []\nkeep_best = \"pseudo-likelihood\"\n" =>
        "x.toml:7:13: evaluate.keep_best: expected a metric that is measured: evaluate.metrics leaves \"pseudo-likelihood\" out";
    no_workers_are_refused: "[run]\nworkers = 0\n" =>
        "x.toml:6:11: run.workers: expected a whole number of at least 1, or \"auto\", not 0";
    an_unknown_backend_is_refused: "[run]\nbackend = \"flax\"\n" =>
        "x.toml:6:11: run.backend: expected \"flex\", \"ndarray\", \"wgpu\", \"wgpu:0\" or \"wgpu:cpu\", not \"flax\"; did you mean \"flex\"?";
    a_key_twice_is_refused: "[train]\nk = 1\nk = 2\n" => "x.toml:7:1: k: given twice; keep one of the two";
    broken_syntax_is_shown_where_it_is: "[train\nk = 1\n" =>
        "x.toml:5:7: not valid TOML: unclosed table, expected `]`";
    an_empty_sweep_list_is_refused: "[sweep]\n\"train.k\" = []\n" =>
        "x.toml:6:13: train.k: expected a list of at least one value, not an empty one";
    a_repeated_sweep_value_is_refused: "[sweep]\n\"train.learning_rate\" = [1, 0.5, 1.0]\n" =>
        "x.toml:6:34: train.learning_rate: repeats the value 1.0";
    an_unknown_swept_key_is_refused: "[sweep]\n\"train.kk\" = [1]\n" =>
        "x.toml:6:1: sweep.train.kk: unknown key; did you mean \"train.k\"? keys of [sweep]: seeds, case, and \"section.key\" of data, model, train and evaluate, \"run.backend\" and \"run.kernels\"";
    a_swept_key_without_its_section_is_refused: "[sweep]\nhidden = [1]\n" =>
        "x.toml:6:1: sweep.hidden: unknown key; did you mean \"model.hidden\"? keys of [sweep]: seeds, case, and \"section.key\" of data, model, train and evaluate, \"run.backend\" and \"run.kernels\"";
    a_sweep_over_workers_is_refused: "[sweep]\n\"run.workers\" = [1, 2]\n" =>
        "x.toml:6:1: run.workers: cannot be swept; only keys that decide numbers can be swept: data, model, train, evaluate, run.backend and run.kernels";
    a_sweep_over_run_seed_is_refused: "[sweep]\n\"run.seed\" = [1, 2]\n" =>
        "x.toml:6:1: run.seed: cannot be swept; use `seeds = [..]`";
    a_single_swept_value_is_refused: "[sweep]\n\"train.k\" = 3\n" =>
        "x.toml:6:13: train.k: expected a list, not 3; write `\"train.k\" = [..]`; a fixed value belongs in [train]";
    an_impossible_swept_value_is_pointed_at: "[sweep]\n\"train.k\" = [1, 0]\n" =>
        "x.toml:6:17: train.k: expected a whole number of at least 1, not 0; in the cell k=0,seed=0 of [sweep]";
    a_swept_value_of_wrong_type_is_pointed_at: "[sweep]\ntrain.k = [1, \"a\"]\n" =>
        "x.toml:6:15: train.k: expected a whole number of at least 1, not \"a\"";
    a_swept_value_that_the_data_refuse_is_pointed_at: "[sweep]\n\"data.validation\" = [1, 16]\n" =>
        "x.toml:6:25: data.validation: expected fewer than the 16 rows of the training set, not 16; in the cell validation=16,seed=0";
    a_key_in_a_list_and_a_case_is_refused: "[sweep]\n\"train.k\" = [1]\n[[sweep.case]]\ntrain.k = 3\n" =>
        "x.toml:8:7: train.k: stands in a list of [sweep] and in a [[sweep.case]]; keep it in one of the two";
    a_repeated_case_is_refused: "[[sweep.case]]\ntrain.k = 3\n[[sweep.case]]\ntrain.k = 3\n" =>
        "x.toml:8:7: sweep.case: this [[sweep.case]] repeats another";
    an_empty_case_is_refused: "[[sweep.case]]\n" =>
        "x.toml:5:1: sweep.case: sets nothing; set at least one key, as `train.k = 1`";
    a_case_that_is_no_array_of_tables_is_refused: "[sweep.case]\ntrain.k = 1\n" =>
        "x.toml:5:8: sweep.case: expected tables; write each case as its own `[[sweep.case]]` table";
    no_seeds_are_refused: "[sweep]\nseeds = 0\n" =>
        "x.toml:6:9: sweep.seeds: expected a whole number of at least 1, or a list of seeds, not 0";
    a_repeated_seed_is_refused: "[sweep]\nseeds = [1, 1]\n" => "x.toml:6:9: sweep.seeds: repeats the seed 1";
    too_many_cells_are_refused: "[sweep]\nseeds = 6000\n\"train.k\" = [1, 2]\n" =>
        "x.toml:5:2: sweep: expected at most 10000 cells, not 12000";
    a_seed_beside_a_list_of_seeds_is_refused: "[run]\nseed = 3\n[sweep]\nseeds = [1, 2]\n" =>
        "x.toml:6:1: run.seed: has no effect beside the list sweep.seeds; keep one of the two";
    a_missing_weights_file_is_refused: "[model]\ninit = \"/nowhere/w.safetensors\"\n" =>
        "x.toml:6:8: model.init: failed to read /nowhere/w.safetensors: No such file or directory (os error 2)";
}

#[test]
fn a_missing_schema_is_refused() {
    let text = "name = \"x\"\n[data]\nsource = \"mnist\"\n";
    assert_eq!(message_of(text, &[]), "x.toml:1:1: schema: missing; put `schema = 1` at the top");
}

#[test]
fn another_schema_is_refused_before_all_else() {
    let text = "new_key = 3\nschema = 2\nname = \"x\"\n";
    assert_eq!(message_of(text, &[]), "x.toml:2:10: schema: expected 1, the version of this format, not 2");
}

#[test]
fn a_missing_name_is_refused() {
    let expected = "x.toml:1:1: name: missing; put `name = \"...\"` at the top: it names the results folder";
    assert_eq!(message_of("schema = 1\n[data]\nsource = \"mnist\"\n", &[]), expected);
}

#[test]
fn a_name_that_leaves_the_results_folder_is_refused() {
    for name in ["../x", ".x", "", "a/b", "a b", "é"] {
        let text = format!("schema = 1\nname = \"{name}\"\n[data]\nsource = \"mnist\"\n");
        let allowed = "expected text of letters, digits, `-`, `_` and `.`, without a leading dot";
        assert_eq!(message_of(&text, &[]), format!("x.toml:2:8: name: {allowed}, not \"{name}\""));
    }
}

#[test]
fn a_missing_source_is_refused() {
    let expected = "x.toml:1:1: data.source: missing; name a data set under [data], as `source = \"mnist\"`, or a file";
    assert_eq!(message_of("schema = 1\nname = \"x\"\n[data]\nsize = 3\n", &[]), expected);
}

#[test]
fn a_misspelt_source_is_named_with_the_closest_one() {
    let expected = "x.toml:4:10: data.source: expected \"mnist\", \"fashion-mnist\", \"bars-and-stripes\", \
                    \"labeled-shifter\", or a path (with a `/` or a suffix), not \"mnits\"; did you mean \"mnist\"?";
    assert_eq!(message_of("schema = 1\nname = \"x\"\n[data]\nsource = \"mnits\"\n", &[]), expected);
}

#[test]
fn a_key_of_a_section_at_the_top_is_sent_there() {
    let expected = "x.toml:2:1: epochs: unknown key; `epochs` belongs in [train]; keys at the top: schema, name; \
                    sections: data, model, train, evaluate, sweep, run";
    assert_eq!(message_of("schema = 1\nepochs = 3\n", &[]), expected);
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Path::new("/nowhere/x.toml"), &[]).expect_err("the file is missing");
    assert_eq!(error.to_string(), "/nowhere/x.toml: cannot be read: No such file or directory (os error 2)");
}

#[test]
fn mistakes_in_set_options_are_shown_in_the_option() {
    let sweep = format!("{GOOD}[sweep]\n\"train.k\" = [1, 3]\n");
    let cases = [
        (GOOD, "train.k", "--set:1:1: expected key=value, as `train.k=3`, not `train.k`"),
        (GOOD, "train.k=0", "--set:1:9: train.k: expected a whole number of at least 1, not 0"),
        (GOOD, "train.k=two", "--set:1:9: train.k: expected a whole number of at least 1, not \"two\""),
        (
            GOOD,
            "k=2",
            "--set:1:1: k: unknown key; did you mean `train.k`? write section.key; sections: data, model, train, evaluate, sweep, run",
        ),
        (
            GOOD,
            "train.epoch=2",
            "--set:1:1: train.epoch: unknown key; did you mean `train.epochs`? keys of [train]: algorithm, k, k_final, k_schedule, chains, temperatures, epochs, batch_size, learning_rate, learning_rate_final, schedule, momentum, momentum_final, momentum_switch, weight_decay, centred, offset_rate, precision",
        ),
        (
            GOOD,
            "name=../x",
            "--set:1:6: name: expected text of letters, digits, `-`, `_` and `.`, without a leading dot, not \"../x\"",
        ),
        (GOOD, "sweep.seeds=3", "--set:1:1: sweep.seeds: the file has no [sweep]; set run.seed instead"),
        (
            &sweep,
            "train.k=2",
            "--set:1:1: train.k: is swept by the file's [sweep]; change the list in the file, or take the key out of [sweep]",
        ),
    ];
    for (text, option, expected) in cases {
        assert_eq!(message_of(text, &[option]), expected, "--set {option}");
    }
}

#[test]
fn a_sweep_is_no_single_cell() {
    let text = format!("{GOOD}[sweep]\nseeds = 2\n");
    let config = Config::parse(&text, Path::new("x.toml"), &[]).expect("a good sweep");
    let error = config.for_train().expect_err("it has a sweep");
    let expected = "x.toml:5:2: sweep: `rbm train` runs one cell; use `rbm sweep x.toml`, or take [sweep] out";
    assert_eq!(error.to_string(), expected);
}
