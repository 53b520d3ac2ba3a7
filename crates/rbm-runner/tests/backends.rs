//! Backends end at the same place: likelihoods of many trainings differ by no more than their own spread.

use std::path::Path;

use rbm_data::DataFolders;
use rbm_eval::{Metric, MetricRow, SplitName};
use rbm_ops::devices_for_tests;
use rbm_runner::{Config, DataSets, Plan, Silent, StopFlag, TableWriters, TimingRow, WorkerOptions, run_worker};
use rbm_store::Results;

/// CD-1 as `configs/bars-and-stripes.toml` has it, for a 25th of its epochs.
const CONFIG: &str = "schema = 1\nname = \"x\"\n[data]\nsource = \"bars-and-stripes\"\n[model]\nhidden = 8\n\
     init = \"uniform\"\ninit_biases = true\n[train]\nepochs = 200\nbatch_size = 16\nlearning_rate = 0.2\n\
     [evaluate]\nevery = \"log\"\nmetrics = []\n[sweep]\nseeds = 10\n";

fn metrics(rows: &[MetricRow]) -> Result<Vec<u8>, String> {
    Ok(serde_json::json!(rows).to_string().into_bytes())
}

fn timings(rows: &[TimingRow]) -> Result<Vec<u8>, String> {
    Ok(serde_json::json!(rows).to_string().into_bytes())
}

/// The exact log-likelihood at the end of each seed's training.
fn likelihoods(backend: &str) -> Vec<f64> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() };
    let set = format!("run.backend=\"{backend}\"");
    let config = Config::parse(CONFIG, Path::new("x.toml"), &[set]).expect("a good config");
    let plan = Plan::new(&config, &mut DataSets::quiet(folders.clone())).expect("a plan");
    let options = WorkerOptions {
        results: folder.path().into(),
        folders,
        retry_failed: false,
        allow_mixed: false,
        alone: Vec::new(),
    };
    let tables = TableWriters { metrics: &metrics, timings: &timings };
    let summary = run_worker(&plan, None, &options, &StopFlag::new(), &mut Silent, tables).expect("a usable folder");
    assert_eq!(summary.computed.len(), 10, "{summary:?}");
    let results = Results::open(folder.path()).expect("a folder");
    let last = |cell: &rbm_runner::Cell| {
        let bytes = results.cell(&cell.id).read_file("metrics.parquet").expect("readable").expect("written");
        let rows: Vec<MetricRow> = serde_json::from_slice(&bytes).expect("our own table");
        let wanted = |row: &&MetricRow| row.metric == Metric::LogLikelihood && row.split == SplitName::Train;
        rows.iter().rfind(wanted).expect("measured").value
    };
    plan.cells.iter().map(last).collect()
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// A difference of two means over 10 seeds, over its error, follows Student's law with about 18 degrees of freedom:
/// beyond 4.0 with probability 0.0008, for at most two comparisons. Where no state falls the other way the runs are even
/// the same but for rounding, and the difference is far smaller.
const BOUND: f64 = 4.0;

#[test]
fn every_backend_reaches_the_same_likelihoods_over_ten_seeds() {
    let found: Vec<(String, Vec<f64>)> = devices_for_tests()
        .iter()
        .map(|(backend, _)| (backend.to_string(), likelihoods(&backend.to_string())))
        .collect();
    let (reference, (mean, error)) = (&found[0].0, mean_and_error(&found[0].1));
    assert!(error > 0.0 && mean > -9.0 * 2.0_f64.ln(), "training did not move: {mean} +- {error}");
    for (backend, values) in &found[1..] {
        let (other, other_error) = mean_and_error(values);
        println!("{backend}: {other:.6} +- {other_error:.6}; {reference}: {mean:.6} +- {error:.6}");
        let bound = BOUND * error.hypot(other_error);
        assert!((other - mean).abs() <= bound, "{backend}: {other} +- {other_error}, {reference}: {mean} +- {error}");
    }
}
