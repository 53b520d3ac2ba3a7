//! Cells: states, markers, records, foreign folders.

use std::fs;

use crate::fixture::{Fixture, finished, lease, record};
use rbm_store::{CellFolder, CellId, CellState, Error, Results, Terminal, sha256_of_bytes};

#[test]
fn a_cell_goes_from_pending_to_done() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    assert_eq!(cell.state().expect("a state"), CellState::Pending);
    let lease = lease(&cell);
    assert_eq!(cell.state().expect("a state"), CellState::Running);
    lease.write_run(&record(&cell)).expect("writes");
    drop(lease);
    assert_eq!(cell.state().expect("a state"), CellState::Interrupted);
    finished(&cell);
    assert_eq!(cell.state().expect("a state"), CellState::Done);
    let status = cell.verify().expect("verifies");
    assert_eq!(status.state, CellState::Done);
    let marker = status.marker.expect("a marker");
    assert_eq!(marker.files["weights.safetensors"].sha256, sha256_of_bytes(b"weights"));
}

#[test]
fn a_failed_or_diverged_cell_says_why_until_it_is_run_again() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    let lease = lease(&cell);
    lease.write_run(&record(&cell)).expect("writes");
    for (terminal, state) in [(Terminal::Failed, CellState::Failed), (Terminal::Diverged, CellState::Diverged)] {
        lease.finish(terminal, Some("the gradient is not finite"), &[]).expect("finishes");
        let status = cell.verify().expect("verifies");
        assert_eq!(status.state, state);
        assert_eq!(status.marker.expect("a marker").message.as_deref(), Some("the gradient is not finite"));
    }
    lease.clear_markers().expect("clears");
    assert_eq!(cell.state().expect("a state"), CellState::Running);
    drop(lease);
    assert_eq!(cell.state().expect("a state"), CellState::Interrupted);
}

#[test]
fn the_same_cell_ends_with_the_same_marker() {
    let (one, other) = (Fixture::new(), Fixture::new());
    finished(&one.cell());
    finished(&other.cell());
    let read = |fixture: &Fixture| fs::read(fixture.cell().path().join("DONE")).expect("a marker");
    assert_eq!(read(&one), read(&other));
}

#[test]
fn altered_weights_of_the_same_length_are_found_by_verify() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    finished(&cell);
    fs::write(cell.path().join("weights.safetensors"), b"weightz").expect("writes");
    let status = cell.verify().expect("verifies");
    assert_eq!(status.state, CellState::Interrupted);
    assert!(status.doubts[0].contains("weights.safetensors was altered"), "{:?}", status.doubts);
    assert!(status.marker.is_none());
}

#[test]
fn missing_and_shortened_files_are_found_by_the_quick_look_too() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    finished(&cell);
    let weights = cell.path().join("weights.safetensors");
    fs::write(&weights, b"weig").expect("writes");
    assert_eq!(cell.state().expect("a state"), CellState::Interrupted);
    assert_eq!(cell.verify().expect("verifies").doubts, ["weights.safetensors has 4 bytes, not 7"]);
    fs::remove_file(&weights).expect("removes");
    assert_eq!(cell.verify().expect("verifies").doubts, ["weights.safetensors is missing"]);
}

#[test]
fn a_torn_or_doubled_marker_is_no_marker() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    finished(&cell);
    let path = cell.path().join("DONE");
    let whole = fs::read(&path).expect("reads");
    for length in [0, 1, whole.len() / 2, whole.len() - 3] {
        fs::write(&path, &whole[..length]).expect("writes");
        let status = cell.verify().expect("verifies");
        assert_eq!(status.state, CellState::Interrupted, "cut to {length}");
        assert!(status.doubts[0].starts_with("DONE cannot be read"), "{:?}", status.doubts);
    }
    fs::write(cell.path().join("FAILED"), &whole).expect("writes");
    assert_eq!(cell.verify().expect("verifies").state, CellState::Interrupted, "a marker under another's name");
    fs::write(&path, &whole).expect("writes");
    let failed = String::from_utf8(whole).expect("UTF-8").replace("\"done\"", "\"failed\"");
    fs::write(cell.path().join("FAILED"), failed).expect("writes");
    let doubts = cell.verify().expect("verifies").doubts;
    assert_eq!(doubts, ["DONE and FAILED stand side by side"]);
    finished(&cell);
    assert_eq!(cell.verify().expect("verifies").state, CellState::Done);
}

#[test]
fn a_folder_of_another_cell_is_refused_with_both_ids() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    finished(&cell);
    let id = cell.id().as_str();
    let twin: CellId = format!("{}{}", &id[..12], "0".repeat(52)).parse().expect("an id");
    let twin = fixture.results.cell(&twin);
    assert_eq!(twin.path(), cell.path());
    for error in [
        twin.try_lease().map(drop).expect_err("refused"),
        twin.state().map(drop).expect_err("refused"),
        twin.verify().map(drop).expect_err("refused"),
        twin.read_run().map(drop).expect_err("refused"),
    ] {
        let text = error.to_string();
        assert!(matches!(error, Error::OtherCell { .. }) && error.is_user_mistake());
        assert!(text.contains(id) && text.contains(twin.id().as_str()), "{text}");
    }
    fs::remove_file(cell.path().join("run.json")).expect("removes");
    assert!(matches!(twin.state(), Err(Error::OtherCell { .. })), "the marker names its cell too");
    let lease = lease(&cell);
    assert!(matches!(lease.write_run(&record(&twin)), Err(Error::OtherCell { .. })));
}

#[test]
fn run_json_keeps_what_it_does_not_know() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    assert_eq!(cell.read_run().expect("no error"), None);
    let lease = lease(&cell);
    let mut run = record(&cell);
    run.extra.insert("allow_mixed".to_owned(), serde_json::json!(true));
    lease.write_run(&run).expect("writes");
    assert_eq!(cell.read_run().expect("reads"), Some(run));
    fs::write(cell.path().join("run.json"), b"{\"id\": 3").expect("writes");
    let error = cell.read_run().expect_err("broken");
    assert!(error.to_string().contains("run.json"), "{error}");
    assert!(!error.is_user_mistake());
}

#[test]
fn files_are_read_as_written() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    assert_eq!(cell.read_config().expect("no error"), None);
    assert_eq!(cell.read_file("weights.safetensors").expect("no error"), None);
    let lease = lease(&cell);
    lease.write_beginning(&record(&cell), "schema = 1\n", &serde_json::json!({"cores": 2})).expect("writes");
    lease.write_files(&[("samples/final.npy", b"samples"), ("weights.safetensors", b"weights")]).expect("writes");
    assert_eq!(cell.read_run().expect("reads"), Some(record(&cell)));
    assert_eq!(cell.read_file("weights.safetensors").expect("reads").as_deref(), Some(&b"weights"[..]));
    assert_eq!(cell.read_config().expect("reads").as_deref(), Some("schema = 1\n"));
    let environment: Option<serde_json::Value> = cell.read_environment().expect("reads");
    assert_eq!(environment, Some(serde_json::json!({"cores": 2})));
    assert_eq!(cell.read_file("samples/final.npy").expect("reads").as_deref(), Some(&b"samples"[..]));
    lease.remove_file("samples/final.npy").expect("removes");
    lease.remove_file("samples/final.npy").expect("nothing to remove");
    for name in ["../x", "/x", "DONE", "run.json", "lease", "checkpoints/x", "metrics.jsonl", ".hidden", "a/../../x"] {
        let error = lease.write_file(name, b"x").expect_err("refused");
        assert!(matches!(error, Error::Name { .. }), "{error}");
    }
}

#[test]
fn temporaries_of_killed_writers_go_when_the_cell_is_leased() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    finished(&cell);
    let samples = cell.path().join("samples");
    fs::create_dir(&samples).expect("makes");
    let left = [cell.path().join(".tmp-weights.safetensors-abc"), samples.join(".tmp-final.npy-abc")];
    for path in &left {
        fs::write(path, b"half").expect("writes");
    }
    assert_eq!(cell.verify().expect("verifies").state, CellState::Done, "reading minds them not, and leaves them");
    assert!(left.iter().all(|path| path.exists()));
    drop(lease(&cell));
    assert!(left.iter().all(|path| !path.exists()));
    assert_eq!(cell.verify().expect("verifies").state, CellState::Done);
}

#[test]
fn listing_goes_past_foreign_and_broken_folders_and_names_them() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    finished(&cell);
    let cells = fixture.results.path().join("cells");
    fs::create_dir(cells.join("notes")).expect("makes");
    fs::write(cells.join("readme.txt"), b"x").expect("writes");
    fs::create_dir(cells.join("0123456789ab")).expect("makes");
    fs::write(cells.join("0123456789ab/run.json"), b"{").expect("writes");
    fs::create_dir(cells.join("ba9876543210")).expect("makes");
    fs::copy(cell.path().join("run.json"), cells.join("ba9876543210/run.json")).expect("copies");
    drop(lease(&fixture.results.cell(&CellId::of(b"leased, not begun"))));
    let listing = fixture.results.cells().expect("lists");
    assert_eq!(listing.found, std::slice::from_ref(&cell));
    let names: Vec<_> =
        listing.passed_over.iter().map(|one| one.path.file_name().expect("a name").to_owned()).collect();
    assert_eq!(names, ["0123456789ab", "ba9876543210", "notes", "readme.txt"]);
    assert_eq!(fixture.results.find_cell(&cell.id().as_str()[..4]).expect("one"), cell);
    assert!(matches!(fixture.results.find_cell("zz"), Err(Error::NotFound { .. })));
    assert!(matches!(fixture.results.find_cell(""), Err(Error::NotFound { .. })));
    assert_eq!(CellFolder::at(cell.path()).expect("a cell").id(), cell.id());
    assert!(matches!(CellFolder::at(&cells.join("notes")), Err(Error::NotFound { .. })));
}

#[test]
fn a_prefix_of_two_cells_is_ambiguous() {
    let fixture = Fixture::new();
    for number in 0..17_u8 {
        finished(&fixture.results.cell(&CellId::of(&[number])));
    }
    let cells = fixture.results.cells().expect("lists").found;
    let first = |cell: &CellFolder| cell.id().as_str()[..1].to_owned();
    let shared = cells.windows(2).find(|pair| first(&pair[0]) == first(&pair[1])).expect("17 ids, 16 digits");
    let error = fixture.results.find_cell(&first(&shared[0])).expect_err("two");
    assert!(error.to_string().contains(shared[0].id().short()), "{error}");
    assert!(error.is_user_mistake());
}

#[test]
fn reading_creates_nothing() {
    let fixture = Fixture::new();
    let cell = fixture.cell();
    cell.state().expect("a state");
    cell.verify().expect("verifies");
    cell.read_run().expect("no error");
    cell.read_metrics::<u8>().expect("no error");
    cell.checkpoints().expect("no error");
    assert!(cell.holder().is_none());
    assert!(fixture.results.cells().expect("lists").found.is_empty());
    assert!(fixture.results.sweeps().expect("lists").found.is_empty());
    assert!(!fixture.results.exists());
}

#[test]
fn a_file_in_the_place_of_the_results_folder_is_a_mistake_of_the_user() {
    let fixture = Fixture::new();
    let path = fixture.folder.path().join("file");
    fs::write(&path, b"x").expect("writes");
    let error = Results::open(&path).expect_err("no folder");
    assert!(error.is_user_mistake() && error.to_string().contains("file"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_read_only_folder_is_named_and_finished_cells_in_it_are_still_read() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    let done = fixture.cell();
    finished(&done);
    let set = |mode| {
        let cells = fixture.results.path().join("cells");
        for path in [done.path(), &cells] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changes");
        }
        cells
    };
    let cells = set(0o555);
    if fs::write(cells.join("probe"), b"x").is_ok() {
        // The superuser writes anywhere that is an ordinary disk, so take a folder that is none.
        set(0o755);
        let results = Results::open("/proc/self/results").expect("opens");
        let error = results.cell(done.id()).try_lease().map(drop).expect_err("nobody can write there");
        assert!(error.to_string().starts_with("create /proc/self/results"), "{error}");
        return;
    }
    assert_eq!(done.verify().expect("verifies").state, CellState::Done);
    let error = fixture.results.cell(&CellId::of(b"new")).try_lease().map(drop).expect_err("read-only");
    assert!(error.is_user_mistake(), "{error}");
    assert!(error.to_string().starts_with("create ") && error.to_string().contains("cells"), "{error}");
    set(0o755);
}
