//! Backends end at the same place: likelihoods of many trainings differ by no more than their own spread. And each row
//! of a comparison has its own kernels and threads.

use std::path::Path;

use rbm_data::DataFolders;
use rbm_eval::{Metric, MetricRow, SplitName};
use rbm_ops::{Available, BackendName, Kernels, devices_for_tests};
use rbm_runner::{
    Cell, Config, DataSets, Plan, Setting, SettingChoice, Silent, StopFlag, TableWriters, TimingRow, WorkerOptions,
    kernels_for, run_worker, settings,
};
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
    let last = |cell: &Cell| {
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

/// The first cell of [`CONFIG`] with changes.
fn cell(sets: &[&str]) -> Cell {
    let folders = DataFolders { data_dir: None, cache: std::env::temp_dir() };
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let config = Config::parse(CONFIG, Path::new("x.toml"), &sets).expect("a good config");
    Plan::new(&config, &mut DataSets::quiet(folders)).expect("a plan").cells.remove(0)
}

/// A backend that can be used, or not for a reason.
fn available(backend: BackendName, reason: Option<&str>) -> Available {
    Available { backend, device: None, reason: reason.map(Into::into) }
}

#[test]
fn each_backend_has_a_row_for_its_kernels_and_threads_and_one_that_is_absent_has_its_reason() {
    let wgpu = available(BackendName::WGPU, None);
    let all = vec![available(BackendName::Flex, None), available(BackendName::NdArray, Some("gone")), wgpu];
    let choice = SettingChoice { kernels: Kernels::ALL.to_vec(), threads: vec![1, 3] };
    let words = |cell: &Cell| settings(cell, all.clone(), &choice).iter().map(Setting::words).collect::<Vec<_>>();
    let expected = [
        "flex (fused, 1 thread)",
        "flex (fused, 3 threads)",
        "flex (composed, 1 thread)",
        "flex (composed, 3 threads)",
        "ndarray",
        "wgpu (fused)",
        "wgpu (composed)",
    ];
    assert_eq!(words(&cell(&[])), expected);
    // What the config itself says of kernels is what is compared.
    assert_eq!(words(&cell(&["run.kernels=\"composed\""])), expected);
    let in_f64 = ["flex (composed, 1 thread)", "flex (composed, 3 threads)", "ndarray", "wgpu"];
    assert_eq!(words(&cell(&["train.precision=\"f64\""])), in_f64);
}

#[test]
fn kernels_are_those_that_there_are_for_the_config() {
    let of = |sets: &[&str]| kernels_for(&cell(sets).config, &Kernels::ALL);
    assert_eq!(of(&[]), Kernels::ALL);
    assert_eq!(of(&["train.algorithm=\"exact\""]), [Kernels::Composed]);
    assert_eq!(kernels_for(&cell(&["train.precision=\"f64\""]).config, &[Kernels::Fused]), []);
}

/// A program in the place of the measuring one: it answers with the threads it was given as `steps`, and as `units` 1
/// for fused kernels, 0 for composed ones; for ndarray it fails.
#[cfg(unix)]
const STAND_IN: &str = r#"
read -r job
case "$job" in *'"backend":"ndarray"'*) echo 'error: no such luck' >&2; exit 3;; esac
case "$job" in *'"kernels":"composed"'*) units=0;; *) units=1;; esac
[ "$RAYON_NUM_THREADS" = "$MATMUL_NUM_THREADS" ] || exit 4
cat <<END
{"start_seconds": 0.1, "first_step_seconds": 0.1, "samples_per_second": [1.0], "steps": $RAYON_NUM_THREADS,
 "peak_memory_bytes": null, "log_likelihoods": [[1, -9.0, $RAYON_NUM_THREADS.5], [2, -4.0, 8.0]],
 "agreement": {"units": $units, "differing": 0, "unexplained": 0, "activation_error": 0, "gradient_error": 0}}
END
"#;

#[test]
#[cfg(unix)]
fn each_row_is_a_process_with_its_kernels_and_threads_and_time_is_taken_to_the_stated_likelihood() {
    use rbm_runner::{ProbeOptions, compare_backends, yardstick};

    let options = ProbeOptions {
        program: "sh".into(),
        args: vec!["-c".into(), STAND_IN.into()],
        folders: DataFolders { data_dir: None, cache: std::env::temp_dir() },
        seconds: 0.1,
    };
    let cell = cell(&[]);
    let choice = SettingChoice { kernels: Kernels::ALL.to_vec(), threads: vec![1, 2] };
    let all = vec![available(BackendName::Flex, None), available(BackendName::NdArray, None)];
    let rows = settings(&cell, all, &choice);
    let mut begun = Vec::new();
    let mut results =
        compare_backends(&cell, rows, &options, &StopFlag::new(), |setting| begun.push(setting.words())).expect("sh");
    assert_eq!(begun.len(), 8);
    for (result, (units, threads)) in results.iter().zip([(1, 1), (1, 2), (0, 1), (0, 2)]) {
        let probe = result.measured.as_ref().expect("an answer");
        assert_eq!((probe.agreement.units, probe.steps), (units, threads), "{}", result.setting.words());
    }
    for result in &results[4..] {
        assert!(result.failed && result.measured.is_none());
        let reason = result.setting.available.reason.as_deref().expect("a reason");
        assert!(reason.contains("no such luck"), "{reason}");
    }
    // 90 % of the way from -9 to -4.
    let found = yardstick(&mut results, None);
    assert_eq!((found.reference, found.likelihood), (Some(3), Some(-4.5)));
    assert!(results[..4].iter().all(|result| result.time_to_likelihood == Some(8.0)));
    let found = yardstick(&mut results, Some(-9.5));
    assert_eq!(found.likelihood, Some(-9.5));
    let times: Vec<Option<f64>> = results.iter().map(|result| result.time_to_likelihood).collect();
    assert_eq!(times, [Some(1.5), Some(2.5), Some(1.5), Some(2.5), None, None, None, None]);
    yardstick(&mut results, Some(-1.0));
    assert!(results.iter().all(|result| result.time_to_likelihood.is_none()));
}
