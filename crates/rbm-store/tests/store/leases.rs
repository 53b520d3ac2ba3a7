//! Leases between threads and between processes.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::fixture::{Fixture, lease};
use rbm_store::{CellId, CellState, Results};

const CHILD: &str = "RBM_STORE_TEST_RESULTS";

/// Run in a child process: holds the lease until it is killed. Does nothing in an ordinary run.
#[test]
fn child_that_holds_the_lease() {
    let Some(results) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let results = Results::open(&results).expect("opens");
    let lease = lease(&results.cell(&CellId::of(b"a cell")));
    fs::write(results.path().join("held"), lease.id().as_str()).expect("writes");
    thread::sleep(Duration::from_secs(60));
}

fn child_holding(fixture: &Fixture) -> Child {
    let child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "leases::child_that_holds_the_lease", "--quiet"])
        .env(CHILD, fixture.results.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("the child starts");
    let started = Instant::now();
    while !fixture.results.path().join("held").exists() {
        assert!(started.elapsed() < Duration::from_secs(30), "the child takes the lease");
        thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn a_lease_held_by_another_process_is_no_error_and_is_free_once_the_process_is_killed() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let mut child = child_holding(&fixture);
    assert!(cell.try_lease().expect("no error").is_none());
    assert_eq!(cell.state().expect("a state"), CellState::Running);
    let holder = cell.holder().expect("a holder");
    assert_eq!(holder.pid, child.id());
    assert!(!holder.host.is_empty() && holder.started.ends_with('Z'));
    child.kill().expect("killed"); // SIGKILL
    child.wait().expect("gone");
    assert_eq!(cell.state().expect("a state"), CellState::Pending);
    let lease = lease(&cell);
    assert_eq!(lease.holder().expect("a holder").pid, std::process::id());
}

#[test]
fn a_lease_is_free_once_dropped() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let first = lease(&cell);
    assert!(cell.try_lease().expect("no error").is_none(), "a second file handle of the same process is kept out too");
    drop(first);
    drop(lease(&cell));
}

#[test]
fn of_eight_threads_one_at_a_time_holds_the_lease() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let (holders, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    if let Some(lease) = cell.try_lease().expect("no error") {
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "alone");
                        thread::yield_now();
                        holders.fetch_sub(1, Ordering::SeqCst);
                        taken.fetch_add(1, Ordering::SeqCst);
                        drop(lease);
                    }
                }
            });
        }
    });
    assert!(taken.into_inner() > 0);
}

#[test]
fn onlookers_do_not_keep_a_worker_out() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    drop(lease(&cell));
    let begin = Barrier::new(4);
    let stop = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                begin.wait();
                while stop.load(Ordering::Relaxed) == 0 {
                    cell.state().expect("a state");
                }
            });
        }
        begin.wait();
        let outcomes: Vec<bool> = (0..100).map(|_| cell.try_lease().expect("no error").is_some()).collect();
        stop.store(1, Ordering::Relaxed);
        assert!(outcomes.into_iter().all(|taken| taken));
    });
}

#[test]
fn a_lease_on_a_removed_file_is_not_taken_for_one_on_the_new_file() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let first = lease(&cell);
    fs::remove_file(cell.path().join("lease")).expect("removes");
    drop(first);
    let second = lease(&cell);
    assert!(cell.try_lease().expect("no error").is_none());
    drop(second);
}
