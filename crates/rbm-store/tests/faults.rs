//! What full disks and kills at every named step of writing leave behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use fail::FailScenario;
use rbm_store::{
    CellFolder, CellId, CellState, Created, Lease, MetricsLog, Results, SweepFiles, Terminal, write_atomically,
};

const RESULTS: &str = "RBM_STORE_TEST_RESULTS";

fn cell(results: &Results) -> CellFolder {
    results.cell(&CellId::of(b"a cell"))
}

fn lease(results: &Results) -> Lease {
    cell(results).try_lease().expect("no error").expect("free")
}

fn files() -> SweepFiles<'static> {
    SweepFiles { sweep_toml: b"schema = 1\n", plan: b"{}\n", code: vec![("git.json", b"{}")] }
}

/// A whole life of a cell and a sweep, which the child is killed in.
fn live(results: &Results) {
    let sweep = results.sweep("mnist", "0123456789ab").expect("a name");
    sweep.create(&files()).expect("creates");
    sweep.link_cell("k=1", &cell(results)).expect("links");
    let lease = lease(results);
    let mut log = lease.open_metrics().expect("opens");
    let checkpoints = lease.checkpoints().expect("lists");
    let latest = checkpoints.iter().find_map(|file| Some((file.epoch, file.read().ok()?)));
    let (done, offset) =
        latest.map_or((0, 0), |(epoch, bytes)| (epoch, String::from_utf8_lossy(&bytes).parse().expect("an offset")));
    log.truncate_to(offset).expect("the metrics are at least as far as the checkpoint");
    for epoch in done + 1..=4 {
        let offset = log.append(&[epoch]).expect("appends");
        log.sync().expect("syncs");
        lease.write_checkpoint(epoch, 0, offset.to_string().as_bytes()).expect("writes");
    }
    lease.write_file("metrics.parquet", &lease.read_metrics_bytes().expect("reads")).expect("writes");
    lease.finish(Terminal::Done, None, &["metrics.parquet"]).expect("finishes");
    lease.discard_progress().expect("discards");
}

/// Run in a child process by the test below; does nothing otherwise.
#[test]
fn child_that_lives_until_it_is_killed() {
    if let Some(path) = std::env::var_os(RESULTS) {
        let _faults = FailScenario::setup();
        live(&Results::open(Path::new(&path)).expect("opens"));
    }
}

fn child(results: &Results, faults: &str, steps: &Path) -> Output {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "child_that_lives_until_it_is_killed", "--quiet"])
        .env(RESULTS, results.path())
        .env("FAILPOINTS", faults)
        .env("RBM_STEPS", steps)
        .output()
        .expect("the child runs")
}

/// How often an unbroken life comes to each step, in a fresh folder.
fn steps() -> BTreeMap<String, usize> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let results = Results::open(folder.path().join("results")).expect("opens");
    let list = folder.path().join("steps");
    let output = child(&results, "", &list);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let mut steps = BTreeMap::new();
    for line in fs::read_to_string(list).expect("a list").lines() {
        let (_, step) = line.split_once(' ').expect("a process and a step");
        *steps.entry(step.to_owned()).or_default() += 1;
    }
    steps
}

#[test]
fn after_a_kill_at_any_step_the_next_run_ends_with_the_same_files() {
    let _faults = FailScenario::setup(); // keeps those of other tests out
    let steps = steps();
    assert!(steps.len() > 30 && steps["checkpoint.rename"] == 4, "{steps:?}");
    for (step, &times) in &steps {
        for (before, fault) in (0..times).flat_map(|before| [(before, "abort"), (before, "torn")]) {
            if fault == "torn" && !step.ends_with(".write") {
                continue;
            }
            let folder = tempfile::tempdir().expect("a temporary folder");
            let results = Results::open(folder.path().join("results")).expect("opens");
            let at = format!("{step}={before}*off->1*return({fault})");
            let list = folder.path().join("steps");
            let output = child(&results, &at, &list);
            assert!(!output.status.success(), "not killed at {at}");
            assert!(fs::read_to_string(list).expect("a list").contains("struck"), "not struck at {at}");
            let state = cell(&results).verify().expect("verifies").state;
            let marked = cell(&results).path().join("DONE").exists();
            assert_eq!(state == CellState::Done, marked, "{state} after {at}");
            if state != CellState::Done {
                live(&results);
            }
            assert_eq!(cell(&results).verify().expect("verifies").state, CellState::Done, "after {at}");
            let metrics = cell(&results).read_file("metrics.parquet").expect("reads");
            assert_eq!(metrics.as_deref(), Some(&b"1\n2\n3\n4\n"[..]), "after {at}");
            let sweep = results.sweep("mnist", "0123456789ab").expect("a name");
            assert_eq!(sweep.create(&files()).expect("finds"), Created::Before, "after {at}");
        }
    }
}

/// Runs `body` while the step called `name` fails as on a full disk.
fn with_full_disk_at<T>(name: &str, body: impl FnOnce() -> T) -> T {
    fail::cfg(name, "return(no-space)").expect("a fault");
    let result = body();
    fail::remove(name);
    result
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_leaves_the_old_content_no_temporary_and_an_error_with_the_path() {
    let _faults = FailScenario::setup();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("weights");
    write_atomically(&path, b"old").expect("writes");
    for step in ["file.create", "file.write", "file.sync", "file.rename"] {
        let error = with_full_disk_at(step, || write_atomically(&path, b"new")).expect_err("the disk is full");
        assert!(error.to_string().ends_with(path.to_str().expect("UTF-8")), "{error}");
        assert!(!error.is_user_mistake());
        assert_eq!(fs::read(&path).expect("reads"), b"old");
        assert_eq!(names_in(folder.path()), ["weights"], "after {step}");
    }
}

#[test]
fn a_full_disk_takes_nothing_that_was_there() {
    let _faults = FailScenario::setup();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let results = Results::open(folder.path()).expect("opens");
    let lease = lease(&results);
    let mut log: MetricsLog = lease.open_metrics().expect("opens");
    let offset = log.append(&[1]).expect("appends");
    with_full_disk_at("metrics.write", || log.append(&[2])).expect_err("full");
    assert_eq!(log.append(&[3]).expect("appends"), 2 * offset);
    assert_eq!(lease.read_metrics_bytes().expect("reads"), b"1\n3\n");

    lease.write_checkpoint(1, 1, b"one").expect("writes");
    lease.write_checkpoint(2, 2, b"two").expect("writes");
    for step in ["checkpoint.create", "checkpoint.write", "checkpoint.sync", "checkpoint.rename"] {
        let error = with_full_disk_at(step, || lease.write_checkpoint(3, 3, b"three")).expect_err("full");
        assert!(error.to_string().contains("epoch-00000003"), "{error}");
        assert_eq!(lease.checkpoints().expect("lists").len(), 2, "after {step}");
        assert_eq!(lease.checkpoints().expect("lists")[0].read().expect("reads"), b"two");
    }

    for step in ["marker.create", "marker.write", "marker.sync", "marker.rename"] {
        with_full_disk_at(step, || lease.finish(Terminal::Done, None, &[])).expect_err("full");
        assert_eq!(lease.state().expect("a state"), CellState::Running, "after {step}");
    }

    let sweep = results.sweep("mnist", "0123456789ab").expect("a name");
    for step in ["sweep.create", "sweep.write", "sweep.sync", "sweep.rename"] {
        with_full_disk_at(step, || sweep.create(&files())).expect_err("full");
        assert!(!sweep.path().exists(), "after {step}");
    }
    assert_eq!(names_in(results.path()), ["cells"], "no temporary stays");
}
