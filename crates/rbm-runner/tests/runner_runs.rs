//! Cells that are run, interrupted, killed, resumed, reused and shared.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use rbm_data::DataFolders;
use rbm_eval::MetricRow;
use rbm_runner::{
    CodeState, Config, Context, Count, DataSets, Depth, EngineOptions, Event, Outcome, Plan, Silent, SkipReason,
    StopFlag, Summary, TableWriters, TimingRow, WorkerOptions, create_sweep, run_cell, run_child, run_local,
    run_worker, status,
};
use rbm_store::{CellState, Results};

/// Momentum, kept chains and the best weights are what a resumed run could lose.
const CONFIG: &str = "schema = 1\nname = \"x\"\n[data]\nsource = \"bars-and-stripes\"\nvalidation = 2\n[model]\nhidden = 4\n\
     [train]\nalgorithm = \"pcd\"\nk = 2\nmomentum = 0.5\nepochs = 4\nbatch_size = 4\nlearning_rate = 0.2\n\
     [evaluate]\nkeep_best = \"pseudo-likelihood\"\n";

fn metrics(rows: &[MetricRow]) -> Result<Vec<u8>, String> {
    Ok(serde_json::json!(rows).to_string().into_bytes())
}

fn timings(rows: &[TimingRow]) -> Result<Vec<u8>, String> {
    Ok(serde_json::json!(rows).to_string().into_bytes())
}

fn refuse(_: &[MetricRow]) -> Result<Vec<u8>, String> {
    Err("no table today".into())
}

const TABLES: TableWriters<'static> = TableWriters { metrics: &metrics, timings: &timings };

fn folders() -> DataFolders {
    DataFolders { data_dir: None, cache: std::env::temp_dir() }
}

fn config_of(added: &str, sets: &[&str]) -> Config {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Config::parse(&format!("{CONFIG}{added}"), Path::new("x.toml"), &sets).unwrap_or_else(|error| panic!("{error}"))
}

fn plan_of(added: &str, sets: &[&str]) -> Plan {
    let config = config_of(added, sets);
    Plan::new(&config, &mut DataSets::quiet(folders())).unwrap_or_else(|error| panic!("{error}"))
}

fn options(results: &Path) -> WorkerOptions {
    WorkerOptions {
        results: results.into(),
        folders: folders(),
        retry_failed: false,
        allow_mixed: false,
        alone: Vec::new(),
    }
}

fn work(plan: &Plan, results: &Path, stop: &StopFlag) -> Summary {
    run_worker(plan, None, &options(results), stop, &mut Silent, TABLES).expect("the folder is usable")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// What must be the same bytes in every repetition.
fn bytes_of(plan: &Plan, results: &Path) -> Vec<(String, Vec<u8>)> {
    let results = Results::open(results).expect("a folder");
    let mut found = Vec::new();
    for cell in &plan.cells {
        let folder = results.cell(&cell.id);
        for name in ["metrics.parquet", "weights.safetensors", "best.safetensors", "DONE"] {
            let bytes = std::fs::read(folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
            found.push((format!("{}/{name}", cell.name), bytes));
        }
    }
    found
}

#[test]
fn runs_interrupted_at_every_step_end_with_the_same_bytes() {
    let plan = plan_of("", &[]);
    let whole = folder();
    assert_eq!(work(&plan, whole.path(), &StopFlag::new()).computed, [0]);
    let expected = bytes_of(&plan, whole.path());
    // The third look at the flag comes before the first step, the eighteenth before the last.
    for looks in 4..=18 {
        let broken = folder();
        let mut attempts = 0;
        loop {
            attempts += 1;
            assert!(attempts < 40, "no progress at {looks} looks");
            let stop = StopFlag::after(looks);
            let summary = work(&plan, broken.path(), &stop);
            if summary.exit_code(stop.is_stopped()) == 0 {
                break;
            }
            assert_eq!(summary.exit_code(true), 130);
            assert_eq!(status(&plan, broken.path(), Depth::Hashes).expect("readable")[0].state, CellState::Interrupted);
        }
        assert!(attempts > 1);
        assert_eq!(bytes_of(&plan, broken.path()), expected, "at {looks} looks");
    }
}

/// Cells that differ in seed, k, rate and length, side by side: interrupted, gone on with, one of them diverging.
#[test]
fn cells_side_by_side_end_with_the_bytes_of_cells_alone() {
    let sweep =
        "[sweep]\nseeds = 2\n\"train.k\" = [1, 3]\n\"train.learning_rate\" = [0.1, 0.3]\n\"train.epochs\" = [3, 5]\n";
    let alone = folder();
    let plan = plan_of(sweep, &["run.checkpoint_every=1"]);
    assert_eq!(work(&plan, alone.path(), &StopFlag::new()).computed.len(), 16);
    let expected = bytes_of(&plan, alone.path());
    for (together, looks) in [(2, u64::MAX), (5, u64::MAX), (16, u64::MAX), (16, 9), (7, 6)] {
        let plan = plan_of(sweep, &["run.checkpoint_every=1", &format!("run.batch_cells={together}")]);
        let results = folder();
        let mut attempts = 1;
        while {
            let stop = StopFlag::after(looks);
            work(&plan, results.path(), &stop).exit_code(stop.is_stopped()) != 0
        } {
            attempts += 1;
            assert!(attempts < 100, "no progress at {looks} looks");
        }
        assert_eq!(attempts > 1, looks < u64::MAX, "{looks} looks: interrupted, or not");
        assert!(bytes_of(&plan, results.path()) == expected, "{together} side by side, {looks} looks");
    }

    let sweep = "[sweep]\nseeds = 2\n\"train.learning_rate\" = [0.1, 3e38]\n";
    let (plan, results) = (plan_of(sweep, &["run.batch_cells=4"]), folder());
    let summary = work(&plan, results.path(), &StopFlag::new());
    assert_eq!((summary.computed.len(), summary.diverged.len()), (2, 2), "one that diverges takes no other along");
}

/// The chains that follow a training are in its checkpoints too.
#[test]
fn a_trajectory_of_log_z_goes_on_where_it_was_interrupted() {
    let sets = [
        "evaluate.log_z=trajectory",
        "evaluate.log_z_chains=2",
        "train.batch_size=16",
        "train.epochs=24",
        "train.algorithm=cd",
        "run.checkpoint_every=5",
    ];
    let plan = plan_of("", &sets);
    let whole = folder();
    assert_eq!(work(&plan, whole.path(), &StopFlag::new()).computed, [0]);
    let expected = bytes_of(&plan, whole.path());
    let lines = String::from_utf8(expected[0].1.clone()).expect("JSON");
    let rows: Vec<MetricRow> = serde_json::from_str(&lines).expect("rows");
    let steps: Vec<u64> = rows.iter().filter(|row| row.metric == rbm_eval::Metric::LogZ).map(|row| row.step).collect();
    // At the start; then not before the budget allows it, and not always.
    assert!(steps.len() >= 3 && steps.len() < 25 && steps[0] == 0, "{steps:?}");
    for looks in [5, 8, 13, 21] {
        let broken = folder();
        while {
            let stop = StopFlag::after(looks);
            work(&plan, broken.path(), &stop).exit_code(stop.is_stopped()) != 0
        } {}
        assert_eq!(bytes_of(&plan, broken.path()), expected, "at {looks} looks");
    }
}

/// A run that dies at its n-th event, as if it were killed: without a checkpoint or a marker.
fn die_at(plan: &Plan, results: &Path, dies_at: usize) -> bool {
    let cell = &plan.cells[0];
    let data = DataSets::quiet(folders()).load(&cell.config.data).expect("generated");
    let lease = Results::open(results).expect("a folder").cell(&cell.id).try_lease().expect("locks").expect("free");
    let mut seen = 0;
    let mut observer = |_: &Event| {
        seen += 1;
        assert!(seen < dies_at, "killed");
    };
    let context = Context { stop: &StopFlag::new(), allow_mixed: false, tables: TABLES, seat: None };
    catch_unwind(AssertUnwindSafe(|| run_cell(cell, &lease, &data, &context, &mut observer))).is_err()
}

#[test]
fn runs_killed_after_any_evaluation_end_with_the_same_bytes() {
    for set in ["run.checkpoint_every=1", "run.checkpoint_every=2", "run.checkpoint_every=\"auto\""] {
        let plan = plan_of("", &[set]);
        let whole = folder();
        work(&plan, whole.path(), &StopFlag::new());
        let killed = folder();
        // Started, and five evaluations.
        for dies_at in 1..=6 {
            let broken = folder();
            assert!(die_at(&plan, broken.path(), dies_at));
            assert!(die_at(&plan, killed.path(), dies_at.min(2)), "a second folder is killed again and again");
            assert_eq!(work(&plan, broken.path(), &StopFlag::new()).computed, [0]);
            assert_eq!(bytes_of(&plan, broken.path()), bytes_of(&plan, whole.path()), "{set}, killed at {dies_at}");
        }
        work(&plan, killed.path(), &StopFlag::new());
        assert_eq!(bytes_of(&plan, killed.path()), bytes_of(&plan, whole.path()));
    }
}

#[test]
fn a_broken_checkpoint_is_passed_over_for_the_one_before() {
    let plan = plan_of("", &["run.checkpoint_every=1"]);
    let (whole, broken) = (folder(), folder());
    work(&plan, whole.path(), &StopFlag::new());
    for broken_ones in 1..=2 {
        let broken = if broken_ones == 1 { &broken } else { &folder() };
        assert!(die_at(&plan, broken.path(), 5));
        let cell = Results::open(broken.path()).expect("a folder").cell(&plan.cells[0].id);
        let checkpoints = cell.checkpoints().expect("readable");
        assert_eq!(checkpoints.len(), 2);
        for checkpoint in &checkpoints[..broken_ones] {
            std::fs::write(&checkpoint.path, b"not a checkpoint").expect("writable");
        }
        assert_eq!(work(&plan, broken.path(), &StopFlag::new()).computed, [0]);
        assert_eq!(bytes_of(&plan, broken.path()), bytes_of(&plan, whole.path()));
    }
}

#[test]
fn a_finished_cell_is_computed_once_however_many_sweeps_want_it() {
    let results = folder();
    let first = plan_of("[sweep]\nseeds = 2\n", &[]);
    assert_eq!(work(&first, results.path(), &StopFlag::new()).computed, [0, 1]);
    assert_eq!(work(&first, results.path(), &StopFlag::new()).reused, [0, 1]);
    let second = plan_of("[sweep]\nseeds = 3\n", &["name=y"]);
    let summary = work(&second, results.path(), &StopFlag::new());
    assert_eq!((summary.reused, summary.computed), (vec![0, 1], vec![2]));
}

#[test]
fn a_cell_whose_files_were_altered_is_computed_again() {
    let (results, whole) = (folder(), folder());
    let plan = plan_of("", &[]);
    work(&plan, results.path(), &StopFlag::new());
    work(&plan, whole.path(), &StopFlag::new());
    let weights =
        Results::open(results.path()).expect("a folder").cell(&plan.cells[0].id).path().join("weights.safetensors");
    let mut bytes = std::fs::read(&weights).expect("written");
    *bytes.last_mut().expect("not empty") ^= 1;
    std::fs::write(&weights, bytes).expect("writable");
    assert_eq!(work(&plan, results.path(), &StopFlag::new()).computed, [0]);
    assert_eq!(bytes_of(&plan, results.path()), bytes_of(&plan, whole.path()));
}

#[test]
fn a_diverged_cell_is_told_and_does_not_stop_the_others() {
    let results = folder();
    let plan = plan_of("[sweep]\n\"train.learning_rate\" = [1e38, 0.1]\n", &["train.momentum=0.9"]);
    let summary = work(&plan, results.path(), &StopFlag::new());
    assert_eq!(summary.computed, [1]);
    assert_eq!(summary.diverged.len(), 1);
    assert!(summary.diverged[0].1.contains("is not finite"), "{summary:?}");
    assert_eq!(summary.exit_code(false), 1);
    let found = status(&plan, results.path(), Depth::Hashes).expect("readable");
    assert_eq!((found[0].state, found[1].state), (CellState::Diverged, CellState::Done));
    assert_eq!(found[0].message.as_deref(), Some(summary.diverged[0].1.as_str()));
    // It would diverge again.
    let again = work(&plan, results.path(), &StopFlag::new());
    assert_eq!((again.reused, again.diverged), (vec![1], summary.diverged));
}

#[test]
fn a_failed_cell_is_tried_again_only_when_asked() {
    let results = folder();
    let plan = plan_of("", &[]);
    let broken = TableWriters { metrics: &refuse, timings: &timings };
    let run = |retry_failed, tables| {
        let options = WorkerOptions { retry_failed, ..options(results.path()) };
        run_worker(&plan, None, &options, &StopFlag::new(), &mut Silent, tables).expect("usable")
    };
    let message = "failed to write the table metrics.parquet: no table today".to_owned();
    assert_eq!(run(false, broken).failed, [(0, message.clone())]);
    assert_eq!(run(false, TABLES).failed, [(0, message)]);
    assert_eq!(status(&plan, results.path(), Depth::Hashes).expect("readable")[0].attempts, 1);
    assert_eq!(run(true, TABLES).computed, [0]);
    assert_eq!(status(&plan, results.path(), Depth::Hashes).expect("readable")[0].attempts, 2);
}

#[test]
fn a_cell_that_another_holds_is_waited_for_and_taken_over() {
    let results = folder();
    let plan = plan_of("[sweep]\nseeds = 2\n", &[]);
    let lease = Results::open(results.path()).expect("a folder").cell(&plan.cells[0].id).try_lease();
    let lease = lease.expect("locks").expect("free");
    let mut notes = Vec::new();
    let mut ends = Vec::new();
    thread::scope(|scope| {
        scope.spawn(move || {
            thread::sleep(Duration::from_millis(1500));
            drop(lease);
        });
        let mut observer = |event: &Event| match event {
            Event::Waiting { indices, text } => notes.push((indices.clone(), text.clone())),
            Event::CellFinished { index, outcome: Outcome::Done, .. } => ends.push(*index),
            _ => {}
        };
        let options = options(results.path());
        run_worker(&plan, None, &options, &StopFlag::new(), &mut observer, TABLES).expect("usable");
    });
    assert_eq!(ends, [1, 0]);
    assert_eq!(notes[0].0, [0]);
    assert!(notes[0].1.starts_with("waiting for the cell seed=0, computed by others (process "), "{notes:?}");
}

#[test]
fn an_index_beyond_the_plan_is_refused() {
    let results = folder();
    let plan = plan_of("", &[]);
    let error = run_worker(&plan, Some(&[3]), &options(results.path()), &StopFlag::new(), &mut Silent, TABLES);
    let error = error.expect_err("there is one cell");
    assert_eq!(error.to_string(), "failed to find cell 3: the plan has cells 0 to 0");
    assert!(error.is_user_mistake());
    assert_eq!(std::fs::read_dir(results.path()).expect("a folder").count(), 0);
}

#[test]
fn a_sweep_has_its_folder_and_keeps_what_it_was_started_with() {
    let results = folder();
    let config = config_of("[sweep]\nseeds = 2\n", &[]);
    let plan = plan_of("[sweep]\nseeds = 2\n", &[]);
    let (sweep, _) = create_sweep(results.path(), &config, &plan, CodeState::ask(results.path())).expect("created");
    assert!(sweep.path().ends_with(plan.folder_name()));
    assert_eq!(sweep.read_sweep_toml().expect("written"), config.text().as_bytes());
    work(&plan, results.path(), &StopFlag::new());
    for name in ["seed=0", "seed=1"] {
        assert!(sweep.path().join("runs").join(name).join("DONE").is_file());
    }
    // Other workers decide no number: the same sweep.
    let other = config_of("[sweep]\nseeds = 2\n", &["run.workers=2"]);
    let replanned = plan_of("[sweep]\nseeds = 2\n", &["run.workers=2"]);
    let (again, _) = create_sweep(results.path(), &other, &replanned, CodeState::ask(results.path())).expect("found");
    assert_eq!(again.path(), sweep.path());
    assert_eq!(Plan::open(again.path()).expect("a plan"), plan);
}

/// The body of worker processes: this very test, run by the engine in a process of its own.
#[test]
#[ignore = "the body of worker processes"]
fn child_worker() {
    let _ = run_child(TABLES);
}

fn engine(results: &Path, workers: usize, threads: usize) -> EngineOptions {
    EngineOptions {
        program: std::env::current_exe().expect("this program"),
        args: ["--exact", "child_worker", "--ignored", "--nocapture"].map(Into::into).into(),
        workers: Count::Number(workers),
        threads: Count::Number(threads),
        worker: options(results),
    }
}

#[test]
fn any_number_of_workers_and_threads_gives_the_same_bytes() {
    // Large enough that products are split between threads.
    let sets = ["model.hidden=300", "data.size=12", "train.batch_size=256", "data.validation=64", "train.epochs=2"];
    let plan = plan_of("[sweep]\nseeds = 3\n", &sets);
    let alone = folder();
    run_local(&plan, &engine(alone.path(), 1, 1), &StopFlag::new(), &mut Silent).expect("runs");
    for (workers, threads) in [(1, 2), (2, 1), (2, 2)] {
        let results = folder();
        let mut ends = BTreeMap::new();
        let mut observer = |event: &Event| {
            if let Event::CellFinished { index, outcome, .. } = event {
                ends.insert(*index, outcome.clone());
            }
        };
        let options = engine(results.path(), workers, threads);
        let summary = run_local(&plan, &options, &StopFlag::new(), &mut observer).expect("runs");
        assert_eq!(summary.computed, [0, 1, 2], "{summary:?}");
        assert!(ends.len() == 3 && ends.values().all(|outcome| *outcome == Outcome::Done), "{ends:?}");
        assert!(
            bytes_of(&plan, results.path()) == bytes_of(&plan, alone.path()),
            "{workers} workers, {threads} threads"
        );
        let mut skipped = Vec::new();
        let mut observer = |event: &Event| {
            if let Event::CellSkipped { index, reason: SkipReason::Done, .. } = event {
                skipped.push(*index);
            }
        };
        let again = run_local(&plan, &options, &StopFlag::new(), &mut observer).expect("runs");
        assert_eq!((again.reused, skipped), (vec![0, 1, 2], vec![0, 1, 2]));
    }
}

#[test]
fn workers_stop_with_a_checkpoint_when_asked_and_go_on_to_the_same_bytes() {
    let plan = plan_of("[sweep]\nseeds = 2\n", &["train.epochs=3000", "evaluate.every=\"log\""]);
    let (whole, results) = (folder(), folder());
    run_local(&plan, &engine(whole.path(), 1, 1), &StopFlag::new(), &mut Silent).expect("runs");
    let stop = StopFlag::new();
    let raised = stop.clone();
    let mut observer = |event: &Event| {
        if matches!(event, Event::Evaluated { epoch: 2.., .. }) {
            raised.stop();
        }
    };
    let options = engine(results.path(), 1, 1);
    let summary = run_local(&plan, &options, &stop, &mut observer).expect("runs");
    assert_eq!((summary.left.len(), summary.exit_code(true)), (2, 130), "{summary:?}");
    let found = status(&plan, results.path(), Depth::Hashes).expect("readable");
    assert_eq!((found[0].state, found[1].state), (CellState::Interrupted, CellState::Pending));
    let summary = run_local(&plan, &options, &StopFlag::new(), &mut Silent).expect("runs");
    assert_eq!(summary.computed, [0, 1]);
    assert!(bytes_of(&plan, results.path()) == bytes_of(&plan, whole.path()));
}

#[cfg(unix)]
#[test]
fn a_killed_worker_is_started_again_and_the_cell_ends_with_the_same_bytes() {
    let plan = plan_of("", &["train.epochs=3000", "evaluate.every=\"log\"", "run.checkpoint_every=50"]);
    let (whole, results) = (folder(), folder());
    run_local(&plan, &engine(whole.path(), 1, 1), &StopFlag::new(), &mut Silent).expect("runs");
    let (mut killed, mut notes) = (false, Vec::new());
    let mut observer = |event: &Event| match event {
        Event::Evaluated { epoch: 64.., .. } if !killed => {
            killed = true;
            let found = status(&plan, results.path(), Depth::Hashes).expect("readable");
            let holder = found[0].holder.clone().expect("a worker holds it");
            let sent = Command::new("kill").args(["-9", &holder.pid.to_string()]).status().expect("kill exists");
            assert!(sent.success());
        }
        Event::Note { text } => notes.push(text.clone()),
        _ => {}
    };
    let summary = run_local(&plan, &engine(results.path(), 1, 1), &StopFlag::new(), &mut observer).expect("runs");
    assert_eq!(summary.computed, [0], "{summary:?} {notes:?}");
    assert!(notes[0].starts_with("a worker crashed in the cell cell (signal: 9"), "{notes:?}");
    assert!(notes[0].ends_with("it is started again"), "{notes:?}");
    assert_eq!(status(&plan, results.path(), Depth::Hashes).expect("readable")[0].attempts, 2);
    assert!(bytes_of(&plan, results.path()) == bytes_of(&plan, whole.path()));
}

#[cfg(unix)]
#[test]
fn a_cell_that_kills_its_worker_twice_is_given_up_and_the_others_go_on() {
    let plan = plan_of("[sweep]\nseeds = 3\n", &["train.epochs=3000", "evaluate.every=\"log\""]);
    let results = folder();
    let mut notes = Vec::new();
    let mut observer = |event: &Event| match event {
        Event::Evaluated { index: 1, epoch: 2, .. } => {
            let found = status(&plan, results.path(), Depth::Hashes).expect("readable");
            let holder = found[1].holder.clone().expect("a worker holds it");
            let sent = Command::new("kill").args(["-9", &holder.pid.to_string()]).status().expect("kill exists");
            assert!(sent.success());
        }
        Event::Note { text } => notes.push(text.clone()),
        _ => {}
    };
    let summary = run_local(&plan, &engine(results.path(), 1, 1), &StopFlag::new(), &mut observer).expect("runs");
    assert_eq!(summary.computed, [0, 2], "{summary:?} {notes:?}");
    let [(1, message)] = &summary.failed[..] else { panic!("{summary:?}") };
    assert!(message.starts_with("its worker crashed 2 times, at last with signal: 9"), "{message}");
    assert!(notes[1].ends_with("the cell is given up, the others go on"), "{notes:?}");
    let found = status(&plan, results.path(), Depth::Hashes).expect("readable");
    assert_eq!((found[1].state, found[1].message.as_ref()), (CellState::Failed, Some(message)));
}

#[test]
fn a_failing_cell_is_tried_once_by_several_workers_that_are_to_try_failed_ones_again() {
    // The plan counts on another weights file than the one it finds.
    let start = folder();
    let weights = start.path().join("start.safetensors");
    let write = |visible| {
        let parameters = rbm_model::Parameters::new(vec![0.0; 4 * visible], vec![0.0; visible], vec![0.0; 4]);
        let bytes = rbm_model::weights_file::to_bytes(&parameters.expect("sizes fit"), rbm_train::Precision::F32, None);
        std::fs::write(&weights, bytes.expect("a file")).expect("written");
    };
    write(9);
    let plan = plan_of("[sweep]\nseeds = 2\n", &[&format!("model.init=\"{}\"", weights.display())]);
    write(8);
    let results = folder();
    for attempt in 1..=3 {
        let mut options = engine(results.path(), 2, 1);
        options.worker.retry_failed = attempt > 1;
        let summary = run_local(&plan, &options, &StopFlag::new(), &mut Silent).expect("runs");
        assert_eq!(summary.failed.len(), 2, "{summary:?}");
        for cell in status(&plan, results.path(), Depth::Hashes).expect("readable") {
            assert_eq!((cell.state, cell.attempts), (CellState::Failed, attempt), "{}", cell.name);
        }
    }
    write(9);
    let mut options = engine(results.path(), 2, 1);
    options.worker.retry_failed = true;
    assert_eq!(run_local(&plan, &options, &StopFlag::new(), &mut Silent).expect("runs").computed, [0, 1]);
}

#[test]
fn a_run_begun_on_another_kind_of_processor_starts_anew_or_is_marked() {
    let plan = plan_of("", &["run.checkpoint_every=1"]);
    for allow_mixed in [false, true] {
        let results = folder();
        assert!(die_at(&plan, results.path(), 4));
        let cell = Results::open(results.path()).expect("a folder").cell(&plan.cells[0].id);
        let mut record = cell.read_run().expect("readable").expect("begun");
        record.instruction_set = "another".into();
        cell.try_lease().expect("locks").expect("free").write_run(&record).expect("written");
        let mut from_step = None;
        let mut observer = |event: &Event| {
            if let Event::CellStarted { from_step: step, .. } = event {
                from_step = Some(*step);
            }
        };
        let options = WorkerOptions { allow_mixed, ..options(results.path()) };
        run_worker(&plan, None, &options, &StopFlag::new(), &mut observer, TABLES).expect("usable");
        assert_eq!(from_step.map(|step| step > 0), Some(allow_mixed));
        let mixed = cell.read_run().expect("readable").expect("done").extra.get("mixed").cloned();
        assert_eq!(mixed, allow_mixed.then(|| true.into()));
    }
}
