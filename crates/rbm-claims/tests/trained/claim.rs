//! A claim's cells and protocols: what is missing, what stops, what is refused.

use std::{collections::BTreeMap, path::Path};

use rbm_claims::{Claim, ClaimsFolder, Error, Experiment, Found, Label, Profile, Unavailable};
use rbm_data::DataFolders;
use rbm_runner::{DataSets, StopFlag};
use rbm_store::Results;

const STATEMENT: &str = r#"schema = 1
title = "A claim"
group = "article"
claim = "It holds."
source = "a test"
basis = "computed"
budget = { smoke = 1 }

[[sweep]]
name = "bars"
config = "bars.toml"
smoke = {}

[[protocol]]
name = "test-likelihood"
smoke = {}
full = {}

[[test]]
says = "log-likelihood"
value = { quantity = "log-likelihood", where = { split = "train" } }
confirmed = { above = 0 }
refuted = { below = 0 }
holds = "Densities."
fails = "Probabilities."
"#;

const BARS: &str = "schema = 1\nname = 'bars'\n[data]\nsource = 'bars-and-stripes'\n[model]\nhidden = 4\n[train]\n\
                    epochs = 2\n[sweep]\nseeds = 2\n\"train.k\" = [1, 3]\n";

fn plan(statement: &str, data: &mut DataSets) -> Result<Claim, Error> {
    let configs = BTreeMap::from([("bars.toml".to_owned(), BARS.to_owned())]);
    let experiment = Experiment::parse("mine", Path::new("mine/experiment.toml"), statement, configs)?;
    Claim::plan(experiment, Profile::Smoke, data, &mut Unavailable::new())
}

/// What is found in an empty results folder.
fn find(stop: &StopFlag) -> Result<Found, Error> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut data = DataSets::quiet(DataFolders { data_dir: None, cache: folder.path().join("cache") });
    let claim = plan(STATEMENT, &mut data)?;
    let results = Results::open(folder.path()).expect("a folder");
    claim.find(&results, &ClaimsFolder::of(folder.path(), Profile::Smoke), &mut data, &|_, _| (), stop)
}

#[test]
fn a_cell_that_is_not_there_is_a_note_and_a_measurement() {
    let found = find(&StopFlag::new()).expect("nothing is broken");
    assert_eq!(found.notes.len(), 4, "{:?}", found.notes);
    let mut missing: Vec<(Option<u64>, f64)> = Vec::new();
    for one in &found.measurements {
        assert_eq!((one.quantity.as_str(), one.value), ("missing", 1.0));
        assert_eq!(one.labels["sweep"], Label::from("bars"));
        let Label::Number(k) = one.labels["train.k"] else { panic!("{:?}", one.labels) };
        missing.push((one.seed, k));
    }
    missing.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    assert_eq!(missing, [(Some(0), 1.0), (Some(0), 3.0), (Some(1), 1.0), (Some(1), 3.0)]);
    assert_eq!(found.seconds(), 0.0);
}

#[test]
fn a_claim_that_is_stopped_says_so() {
    let stopped = StopFlag::new();
    stopped.stop();
    assert!(matches!(find(&stopped), Err(Error::Stopped)));
}

#[test]
fn parameters_of_both_profiles_are_checked_when_a_claim_is_planned() {
    let mut data = DataSets::quiet(DataFolders { data_dir: None, cache: std::env::temp_dir() });
    for (from, to, profile) in
        [("smoke = {}\nfull", "smoke = { seeds = [] }\nfull", "smoke"), ("full = {}", "full = { seed = 1 }", "full")]
    {
        let refusal = plan(&STATEMENT.replace(from, to), &mut data).expect_err(to);
        assert!(matches!(refusal, Error::Experiment { .. }), "{refusal:?}");
        let begins = format!("mine/experiment.toml: protocol \"test-likelihood\", profile {profile}: ");
        assert!(refusal.to_string().starts_with(&begins), "{refusal}");
    }
}
