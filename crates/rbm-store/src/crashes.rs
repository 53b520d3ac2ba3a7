//! Tests: what full disks and kills at every named step leave behind.

use std::path::Path;
use std::process::Command;

use crate::disk::failing;
use crate::{CellFolder, CellId, CellState, Created, Lease, MetricsLog, Results, SweepFiles, Terminal};

const RESULTS: &str = "RBM_STORE_TEST_CRASH";

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
    let latest = lease.latest_checkpoint().expect("reads").checkpoint;
    let done = latest.as_ref().map_or(0, |(file, _)| file.epoch);
    log.truncate_to(latest.map_or(0, |(_, bytes)| String::from_utf8_lossy(&bytes).parse().expect("an offset")))
        .expect("the metrics are at least as far as the checkpoint");
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
        live(&Results::open(Path::new(&path)).expect("opens"));
    }
}

#[test]
fn after_a_kill_at_any_step_the_next_run_ends_with_the_same_files() {
    for step in [
        "sweep.create",
        "sweep.write",
        "sweep.sync",
        "sweep.rename",
        "sweep.sync-folder",
        "sweep.link",
        "cell.create",
        "lease.create",
        "lease.write",
        "metrics.create",
        "metrics.write",
        "metrics.sync",
        "checkpoint.create",
        "checkpoint.write",
        "checkpoint.sync",
        "checkpoint.rename",
        "checkpoint.sync-folder",
        "checkpoint.remove",
        "file.create",
        "file.write",
        "file.rename",
        "marker.create",
        "marker.write",
        "marker.sync",
        "marker.rename",
        "marker.sync-folder",
        "metrics.remove",
        "cell.sync-folder",
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let results = Results::open(folder.path().join("results")).expect("opens");
        let output = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "crashes::child_that_lives_until_it_is_killed", "--quiet"])
            .env(RESULTS, results.path())
            .env(failing::KILL_AT, step)
            .output()
            .expect("the child runs");
        assert!(!output.status.success(), "killed at {step}");
        let state = cell(&results).verify().expect("verifies").state;
        let marked = cell(&results).path().join("DONE").exists();
        assert_eq!(state == CellState::Done, marked, "{state} after {step}");
        if state != CellState::Done {
            live(&results);
        }
        assert_eq!(cell(&results).verify().expect("verifies").state, CellState::Done, "after {step}");
        let metrics = cell(&results).read_file("metrics.parquet").expect("reads");
        assert_eq!(metrics.as_deref(), Some(&b"1\n2\n3\n4\n"[..]), "after {step}");
        let sweep = results.sweep("mnist", "0123456789ab").expect("a name");
        assert_eq!(sweep.create(&files()).expect("finds"), Created::Before);
    }
}

#[test]
fn a_full_disk_takes_nothing_that_was_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let results = Results::open(folder.path()).expect("opens");
    let lease = lease(&results);
    let mut log: MetricsLog = lease.open_metrics().expect("opens");
    let offset = log.append(&[1]).expect("appends");
    failing::with_full_disk_at("metrics.write", || log.append(&[2])).expect_err("full");
    assert_eq!(log.append(&[3]).expect("appends"), 2 * offset);
    assert_eq!(lease.read_metrics_bytes().expect("reads"), b"1\n3\n");

    lease.write_checkpoint(1, 1, b"one").expect("writes");
    lease.write_checkpoint(2, 2, b"two").expect("writes");
    for step in ["checkpoint.create", "checkpoint.write", "checkpoint.sync", "checkpoint.rename"] {
        let error = failing::with_full_disk_at(step, || lease.write_checkpoint(3, 3, b"three")).expect_err("full");
        assert!(error.to_string().contains("epoch-00000003"), "{error}");
        assert_eq!(lease.checkpoints().expect("lists").len(), 2, "after {step}");
        assert_eq!(lease.latest_checkpoint().expect("reads").checkpoint.expect("a checkpoint").1, b"two");
    }

    for step in ["marker.create", "marker.write", "marker.sync", "marker.rename"] {
        failing::with_full_disk_at(step, || lease.finish(Terminal::Done, None, &[])).expect_err("full");
        assert_eq!(lease.state().expect("a state"), CellState::Running, "after {step}");
    }

    let sweep = results.sweep("mnist", "0123456789ab").expect("a name");
    for step in ["sweep.create", "sweep.write", "sweep.sync", "sweep.rename"] {
        failing::with_full_disk_at(step, || sweep.create(&files())).expect_err("full");
        assert!(!sweep.path().exists(), "after {step}");
    }
    let left = crate::disk::names_in(results.path()).expect("lists");
    assert_eq!(left, ["cells"], "no temporary stays");
}
