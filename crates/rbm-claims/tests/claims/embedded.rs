//! The experiments of this repository: readable, runnable, and about numbers that are measured.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rbm_claims::{
    Claim, ClaimsFolder, Experiment, FigureKind, Group, Label, Profile, Select, Unavailable, choose, decide, embedded,
    read_folder,
};
use rbm_data::DataFolders;
use rbm_runner::{Config, DataSets, Plan, StopFlag};
use rbm_store::Results;
use toml::Value;

const PROFILES: [Profile; 2] = [Profile::Smoke, Profile::Full];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments")
}

/// Generated data only: nothing is fetched.
fn generated_data() -> DataSets {
    DataSets::quiet(DataFolders { data_dir: None, cache: std::env::temp_dir().join("rbm-no-such-cache") })
}

#[test]
fn every_claim_of_the_article_is_there_in_its_order_and_has_a_smoke_budget() {
    let experiments = embedded().expect("experiments");
    let article: Vec<&Experiment> = experiments.iter().filter(|one| one.statement.group == Group::Article).collect();
    let names: Vec<&str> = article.iter().map(|one| one.name.as_str()).collect();
    let expected = [
        "conditionals",
        "partition-cost",
        "gibbs",
        "gradient",
        "bias-of-k",
        "k-and-likelihood",
        "cd-or-pcd",
        "listing",
        "features",
        "initialisation",
    ];
    assert_eq!(names, expected);
    let seconds: Vec<f64> = article.iter().filter_map(|one| one.statement.budget.smoke).collect();
    assert_eq!(seconds.len(), expected.len(), "a claim of the article has no smoke budget");
    assert!(seconds.iter().sum::<f64>() <= 180.0, "the article's claims are to take three minutes");
    let full = experiments.iter().filter(|one| one.statement.group != Group::Target);
    let seconds: f64 = full.filter_map(|one| one.statement.budget.full).sum();
    assert!(seconds <= 7200.0, "the full profile is to take two hours");
    assert!(article.iter().all(|one| one.statement.budget.full.is_some()));
}

/// They are shown one after another and each alone, whatever the others came to.
#[test]
fn what_tests_say_are_sentences_that_stand_by_themselves() {
    for experiment in embedded().expect("experiments") {
        for test in &experiment.statement.test {
            for sentence in [&test.holds, &test.fails] {
                let place = format!("{}: {sentence:?}", experiment.name);
                assert!(sentence.ends_with('.'), "{place} has no full stop");
                assert!(sentence.starts_with(char::is_uppercase), "{place} has no capital");
                let leans = ["And ", "But ", "So ", "They ", "The same ", "Nor ", "Even so "];
                assert!(!leans.iter().any(|word| sentence.starts_with(word)), "{place} leans on another");
            }
        }
    }
}

#[test]
fn the_binary_carries_what_lies_in_the_folder() {
    let (inside, beside) = (embedded().expect("experiments"), read_folder(&folder()).expect("experiments"));
    assert_eq!(inside.len(), beside.len());
    for (one, other) in inside.iter().zip(&beside) {
        assert_eq!((&one.name, &one.statement, &one.configs), (&other.name, &other.statement, &other.configs));
    }
}

#[test]
fn marks_to_reach_run_only_when_named_and_unknown_names_are_refused() {
    let all = embedded().expect("experiments");
    assert!(choose(all.clone(), &[]).expect("all").iter().all(|one| one.statement.group != Group::Target));
    let names = ["gibbs".to_owned(), "conditionals".to_owned(), "gibbs".to_owned()];
    let chosen: Vec<String> = choose(all.clone(), &names).expect("two").into_iter().map(|one| one.name).collect();
    assert_eq!(chosen, ["gibbs", "conditionals"], "in the order they are asked for in, once");
    let message = choose(all, &["conditonals".to_owned()]).expect_err("no such claim");
    assert_eq!(message, "there is no claim \"conditonals\"; did you mean \"conditionals\"?");
}

/// The configs of an experiment's sweeps under a profile.
fn configs(experiment: &Experiment, profile: Profile) -> BTreeMap<String, Config> {
    let of = |sweep: &rbm_claims::SweepSpec| {
        let settings = sweep.settings(profile)?;
        let path = experiment.folder.join(&sweep.config);
        let config = Config::parse(&experiment.configs[&sweep.config], &path, &settings.set);
        let place = format!("{}, {}, {}", experiment.name, sweep.name, profile.word());
        Some((sweep.name.clone(), config.unwrap_or_else(|error| panic!("{place}: {error}"))))
    };
    experiment.statement.sweep.iter().filter_map(of).collect()
}

#[test]
fn every_config_is_read_under_its_profiles_and_those_of_generated_data_are_planned() {
    let mut data = generated_data();
    let mut planned = 0;
    for experiment in embedded().expect("experiments") {
        for profile in PROFILES.into_iter().filter(|&profile| experiment.statement.budget.of(profile).is_some()) {
            for (name, config) in configs(&experiment, profile) {
                let place = format!("{}, {name}, {}", experiment.name, profile.word());
                let source = config.points[0].config.data.source.word();
                if ["bars-and-stripes", "labeled-shifter"].contains(&source.as_str()) {
                    let plan = Plan::new(&config, &mut data).unwrap_or_else(|error| panic!("{place}: {error}"));
                    assert_eq!(plan.cells.len(), config.points.len(), "{place}");
                    planned += 1;
                } else {
                    let needs = &experiment.statement.needs;
                    assert!(needs.contains(&source), "{place}: {source} is not under `needs`");
                }
            }
        }
    }
    assert!(planned > 0, "no config of generated data was found");
}

/// The labels of a cell, as its measurements have them.
fn label(value: &Value) -> Label {
    match value {
        Value::Integer(number) => Label::Number(*number as f64),
        Value::Float(number) => Label::Number(*number),
        Value::Boolean(truth) => Label::Truth(*truth),
        Value::String(word) => Label::Word(word.clone()),
        other => Label::Word(other.to_string()),
    }
}

/// Whether a selection's conditions hold of a cell, as far as they are about swept keys, sections and the sweep.
fn accepts(select: &Select, sweep: &str, settings: &[(String, Value)]) -> bool {
    let about_cells = |name: &String| name == "sweep" || name.contains('.');
    select.conditions.iter().filter(|(name, _)| about_cells(name)).all(|(name, condition)| {
        let found = match settings.iter().find(|(key, _)| key == name) {
            Some((_, value)) => label(value),
            None if name == "sweep" => Label::from(sweep),
            None => Label::from(""),
        };
        condition.labels().contains(&found)
    })
}

#[test]
fn tests_on_sweeps_ask_for_cells_that_the_profile_trains() {
    let mut asked = 0;
    for experiment in embedded().expect("experiments") {
        for profile in PROFILES.into_iter().filter(|&profile| experiment.statement.budget.of(profile).is_some()) {
            let configs = configs(&experiment, profile);
            for test in experiment.statement.test.iter().filter(|test| test.is_decided_in(profile)) {
                for select in [Some(&test.value), test.minus.as_ref(), test.per.as_ref()].into_iter().flatten() {
                    if !select.conditions.keys().any(|name| name == "sweep" || name.contains('.')) {
                        continue; // what protocols measure without cells
                    }
                    let fits = configs
                        .iter()
                        .any(|(name, config)| config.points.iter().any(|cell| accepts(select, name, &cell.settings)));
                    let place = format!("{}, {}: {:?}", experiment.name, profile.word(), test.says);
                    assert!(fits, "{place}: no cell has {:?}", select.conditions);
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 0, "no test asks for cells");
}

/// Fewer machines, chains and sizes than the profile's: the same quantities under the same conditions in no time.
const SMALL: &str = "machines = 6
chains = 200
naive_units = [4, 10, 16]
gray_hidden = [4, 14, 20]
ais_chains = 10
ais_temperatures = 50
ais_seeds = 2
repeats = 3"; // the larger two sizes differ by a factor of 64 in time: no load hides that

/// The experiment with small parameters in place of the ones it gives.
fn shrunk(mut experiment: Experiment) -> Experiment {
    let small: toml::Table = SMALL.parse().expect("TOML");
    for spec in &mut experiment.statement.protocol {
        for parameters in [&mut spec.smoke, &mut spec.full].into_iter().flatten() {
            if spec.name == "memory-of-k" {
                parameters.insert("steps".into(), Value::Integer(20));
                parameters.insert("hidden".into(), Value::Integer(2));
            }
            if ["conditionals", "gibbs", "gradient"].contains(&spec.name.as_str()) {
                parameters.insert("visible".into(), Value::Integer(5));
                parameters.insert("hidden".into(), Value::Integer(3));
            }
            for (key, value) in small.iter().filter(|(key, _)| parameters.contains_key(*key)).collect::<Vec<_>>() {
                parameters.insert(key.clone(), value.clone());
            }
        }
    }
    experiment
}

#[test]
fn what_tests_and_figures_of_computed_claims_name_is_measured() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let results = Results::open(folder.path()).expect("results");
    let mut data = generated_data();
    for experiment in embedded().expect("experiments").into_iter().filter(|one| one.statement.sweep.is_empty()) {
        let experiment = shrunk(experiment);
        for profile in PROFILES.into_iter().filter(|&profile| experiment.statement.budget.of(profile).is_some()) {
            let place = format!("{}, {}", experiment.name, profile.word());
            let claim = Claim::plan(experiment.clone(), profile, &mut data, &mut Unavailable::new()).expect("a plan");
            let claims = ClaimsFolder::of(folder.path(), profile);
            let found = claim.find(&results, &claims, &mut data, &|_, _| (), &StopFlag::new()).expect("it is computed");
            assert_eq!(found.notes, Vec::<String>::new(), "{place}");
            for test in decide(&experiment, profile, &found.measurements, None).tests {
                assert!(test.statistic.is_some(), "{place}: {}", test.found);
            }
            for figure in &experiment.statement.figure {
                if figure.kind == FigureKind::Images {
                    assert!(found.images.iter().any(|(name, _)| Some(name) == figure.picture.as_ref()), "{place}");
                    continue;
                }
                for quantity in &figure.quantity {
                    let known = found.measurements.iter().any(|one| one.quantity == *quantity);
                    assert!(known, "{place}: figure {:?}: no {quantity} was measured", figure.name);
                }
                let chart = figure.chart(&experiment.name, &found.measurements);
                assert!(chart.series.len() >= figure.quantity.len(), "{place}: figure {:?} lacks lines", figure.name);
            }
        }
    }
}
