//! READMEs show the verdicts that lie in `results/reference/reproduce`.

use std::{fs, path::PathBuf};

use rbm_claims::{ClaimRecord, claim_block, embedded, verdict_table, with_block};

/// What stands in a block before the first publication.
const NOTHING: &str = "Not computed yet.";

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The published verdicts; none before the first publication.
fn published() -> Vec<ClaimRecord> {
    match fs::read(repository().join("results/reference/reproduce/verdicts.json")) {
        Ok(bytes) => serde_json::from_slice(&bytes).expect("published verdicts"),
        Err(_) => Vec::new(),
    }
}

#[track_caller]
fn assert_shows(file: &str, name: &str, block: &str) {
    let text = fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let expected = with_block(&text, name, block).unwrap_or_else(|| panic!("{file} has no place <!-- {name} -->"));
    assert!(text == expected, "{file} shows other verdicts than results/reference/reproduce: run `just verdicts`");
}

#[test]
fn readme_shows_the_published_verdicts() {
    let records = published();
    let table = if records.is_empty() { NOTHING.to_owned() } else { verdict_table(&records) };
    assert_shows("README.md", "verdicts", &table);
}

#[test]
fn every_experiment_has_a_readme_that_shows_its_published_verdict() {
    let records = published();
    let figures = repository().join("results/reference/reproduce/figures");
    for experiment in embedded().expect("experiments") {
        let file = format!("experiments/{}/README.md", experiment.name);
        let block = match records.iter().find(|record| record.claim == experiment.name) {
            None => NOTHING.to_owned(),
            Some(record) => {
                let entries = fs::read_dir(&figures).into_iter().flatten().flatten();
                let mut mine: Vec<String> =
                    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
                mine.retain(|name| name.starts_with(&format!("{}-", record.claim)));
                mine.sort();
                let path = |name: &String| format!("../../results/reference/reproduce/figures/{name}");
                claim_block(record, &mine.iter().map(path).collect::<Vec<_>>())
            }
        };
        assert_shows(&file, "verdict", &block);
    }
}
