//! Sweeps: all-or-nothing creation, frozen plans, links.

use std::fs;
use std::sync::Barrier;
use std::thread;

use crate::fixture::{Fixture, finished};
use rbm_store::{CellFolder, CellId, CellState, Created, Error, Results, SweepFiles, SweepFolder};

const HASH: &str = "0123456789ab";

fn files() -> SweepFiles<'static> {
    SweepFiles {
        sweep_toml: b"schema = 1\n",
        plan: b"{\"cell\":1}\n{\"cell\":2}\n",
        code: vec![("git.json", b"{}"), ("dirty.patch", b""), ("Cargo.lock", b"lock")],
    }
}

fn sweep(fixture: &Fixture) -> SweepFolder {
    fixture.results.sweep("mnist", HASH).expect("a name")
}

#[test]
fn a_sweep_is_created_once_and_found_again() {
    let fixture = Fixture::new();
    let sweep = sweep(&fixture);
    assert!(!sweep.exists());
    assert_eq!(sweep.create(&files()).expect("creates"), Created::New);
    assert_eq!(sweep.create(&files()).expect("finds"), Created::Before);
    assert_eq!(sweep.read_plan().expect("reads"), files().plan);
    assert_eq!(sweep.read_sweep_toml().expect("reads"), files().sweep_toml);
    assert_eq!(sweep.read_code("Cargo.lock").expect("reads").as_deref(), Some(&b"lock"[..]));
    let names: Vec<_> =
        fs::read_dir(fixture.results.path()).expect("lists").map(|one| one.expect("an entry")).collect();
    assert_eq!(names.len(), 1, "no temporary stays");
    assert_eq!(fixture.results.sweeps().expect("lists").found, std::slice::from_ref(&sweep));
    let again = SweepFolder::at(sweep.path()).expect("a sweep");
    assert_eq!((again.name(), again.hash12(), again.results()), ("mnist", HASH, &fixture.results));
}

#[test]
fn another_plan_is_refused_with_the_line_that_differs() {
    let fixture = Fixture::new();
    let sweep = sweep(&fixture);
    sweep.create(&files()).expect("creates");
    for (plan, line) in [(&b"{\"cell\":1}\n{\"cell\":3}\n"[..], 2), (b"", 1), (b"{\"cell\":1}\n{\"cell\":2}\n{}\n", 3)]
    {
        let error = sweep.create(&SweepFiles { plan, ..files() }).expect_err("differs");
        assert!(matches!(error, Error::PlanDiffers { line: at, .. } if at == line), "{error}");
        assert!(error.is_user_mistake());
    }
    assert_eq!(sweep.read_plan().expect("reads"), files().plan);
}

#[test]
fn eight_threads_create_the_same_sweep() {
    let fixture = Fixture::new();
    let sweep = sweep(&fixture);
    let cells: Vec<_> = (0..20_u8).map(|number| fixture.results.cell(&CellId::of(&[number]))).collect();
    let begin = Barrier::new(8);
    let outcomes: Vec<Created> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    begin.wait();
                    let created = sweep.create(&files()).expect("creates or finds");
                    for (number, cell) in cells.iter().enumerate() {
                        sweep.link_cell(&format!("k=1,seed={number}"), cell).expect("links");
                    }
                    created
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(outcomes.iter().filter(|&&created| created == Created::New).count(), 1);
    assert_eq!(sweep.read_plan().expect("reads"), files().plan);
    assert_eq!(fs::read_dir(sweep.path().join("runs")).expect("lists").count(), 20);
    assert_eq!(fs::read_dir(fixture.results.path()).expect("lists").count(), 1);
}

#[test]
fn a_sweep_without_its_plan_is_none_and_is_completed_by_the_next_start() {
    let fixture = Fixture::new();
    let sweep = sweep(&fixture);
    sweep.create(&files()).expect("creates");
    fs::remove_file(sweep.path().join("plan.jsonl")).expect("removes");
    fs::remove_dir_all(sweep.path().join("code")).expect("removes");
    assert!(!sweep.exists());
    let listing = fixture.results.sweeps().expect("lists");
    assert!(listing.found.is_empty());
    assert_eq!(listing.passed_over[0].path, sweep.path());
    sweep.create(&files()).expect("completes");
    assert_eq!(sweep.read_plan().expect("reads"), files().plan);
    assert!(sweep.read_code("git.json").expect("reads").is_some());
}

#[test]
fn links_are_relative_so_a_moved_results_folder_stays_valid() {
    let fixture = Fixture::new();
    let (sweep, cell) = (sweep(&fixture), fixture.cell());
    sweep.create(&files()).expect("creates");
    sweep.link_cell("k=1,seed=0", &cell).expect("links before the cell begins");
    sweep.link_cell("k=1,seed=0", &cell).expect("links again");
    assert!(sweep.runs().expect("lists").found.is_empty());
    finished(&cell);
    let moved = fixture.folder.path().join("elsewhere");
    fs::rename(fixture.results.path(), &moved).expect("moves");
    let results = Results::open(&moved).expect("opens");
    let sweep = results.sweep("mnist", HASH).expect("a name");
    let runs = sweep.runs().expect("lists");
    let [(name, run)] = runs.found.as_slice() else { panic!("one cell, not {runs:?}") };
    assert_eq!(name, "k=1,seed=0");
    assert_eq!(run.verify().expect("verifies").state, CellState::Done);
    let through = CellFolder::at(&sweep.path().join("runs/k=1,seed=0")).expect("a cell");
    assert_eq!(through.read_file("weights.safetensors").expect("reads").as_deref(), Some(&b"weights"[..]));
}

#[test]
fn a_readable_name_stands_for_one_cell() {
    let fixture = Fixture::new();
    let sweep = sweep(&fixture);
    sweep.create(&files()).expect("creates");
    sweep.link_cell("a", &fixture.cell()).expect("links");
    let other = fixture.results.cell(&CellId::of(b"other"));
    let error = sweep.link_cell("a", &other).expect_err("taken");
    assert!(
        matches!(error, Error::LinkTaken { .. }) && error.to_string().contains(fixture.cell().id().short()),
        "{error}"
    );
    fs::create_dir(sweep.path().join("runs/b")).expect("makes");
    assert!(matches!(sweep.link_cell("b", &other), Err(Error::LinkTaken { .. })));
    assert!(matches!(sweep.link_cell("../b", &other), Err(Error::Name { .. })));
    let listing = sweep.runs().expect("lists");
    assert_eq!(listing.passed_over.len(), 1, "{listing:?}");
}

#[test]
fn reports_are_written_and_the_frozen_files_are_not() {
    let fixture = Fixture::new();
    let sweep = sweep(&fixture);
    sweep.create(&files()).expect("creates");
    for name in ["report.html", "summary.csv", "figures/learning-curves.svg"] {
        sweep.write_file(name, name.as_bytes()).expect("writes");
        assert_eq!(sweep.read_file(name).expect("reads").as_deref(), Some(name.as_bytes()));
    }
    for name in ["plan.jsonl", "sweep.toml", "code/git.json", "runs/x", "../x", "/x"] {
        assert!(matches!(sweep.write_file(name, b"x"), Err(Error::Name { .. })), "{name}");
    }
}

#[test]
fn names_that_leave_the_results_folder_are_refused() {
    let fixture = Fixture::new();
    for name in ["..", "../mnist", "/tmp/mnist", ".mnist", "", "a/b"] {
        assert!(matches!(fixture.results.sweep(name, HASH), Err(Error::Name { .. })), "{name}");
    }
    for hash in ["", "0123", "../456789ab", "0123456789AB"] {
        assert!(matches!(fixture.results.sweep("mnist", hash), Err(Error::Id { .. })), "{hash}");
    }
}

#[test]
fn listing_sweeps_names_foreign_folders_and_passes_by_our_own() {
    let fixture = Fixture::new();
    sweep(&fixture).create(&files()).expect("creates");
    for folder in ["cells", "reference", "notes", "other-0123456789ab", ".tmp-mnist-x"] {
        fs::create_dir(fixture.results.path().join(folder)).expect("makes");
    }
    let listing = fixture.results.sweeps().expect("lists");
    assert_eq!(listing.found.len(), 1);
    let names: Vec<_> =
        listing.passed_over.iter().map(|one| one.path.file_name().expect("a name").to_owned()).collect();
    assert_eq!(names, ["notes", "other-0123456789ab"]);
}
