//! The real binary, built with faults: at each step of writing it is killed, its write is torn, or its disk is full.

#[path = "../command/world.rs"]
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
mod world;

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::Mutex,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use serde_json::Value;

use world::{Said, World, config, read, read_json, text};

/// Kept chains, momentum and the best weights are what a cell could lose; a checkpoint after each epoch.
const TRAIN: &str = "epochs = 4\nbatch_size = 8\nalgorithm = \"pcd\"\nmomentum = 0.5\nlearning_rate = 0.1";
const REST: &str = "[evaluate]\nkeep_best = \"pseudo-likelihood\"\n[run]\ncheckpoint_every = 1\n[sweep]\nseeds = 2";
const FILES: [&str; 4] = ["metrics.parquet", "weights.safetensors", "best.safetensors", "DONE"];

fn new_world() -> World {
    let world = World::new();
    world.write("tiny.toml", config("tiny", TRAIN, REST));
    world
}

fn sweep(world: &World, faults: &str) -> Said {
    // A cell whose worker was killed twice counts as failed.
    let mut command = world.command(&["sweep", "tiny.toml", "--workers", "1", "--json", "--retry-failed"]);
    command.env("FAILPOINTS", faults).env("RBM_STEPS", world.path("steps"));
    Said::of(&command.output().expect("the program starts"))
}

/// The bytes of every cell's files, of a sweep that is done.
fn numbers(world: &World, said: &Said) -> BTreeMap<String, Vec<u8>> {
    assert_eq!(said.code, Some(0), "{}", said.err);
    let found: Value = serde_json::from_str(&said.out).expect("JSON on standard output");
    let runs = world.path(text(&found, "/folder")).join("runs");
    let mut numbers = BTreeMap::new();
    for cell in found["cells"].as_array().expect("cells") {
        for file in FILES {
            let path = runs.join(text(cell, "/name")).join(file);
            numbers.insert(format!("{}/{file}", text(cell, "/name")), read(&path));
        }
    }
    numbers
}

/// The records of the cells that are done.
fn records(world: &World) -> BTreeMap<PathBuf, Value> {
    let cells = fs::read_dir(world.path("results/cells")).into_iter().flatten().flatten();
    let done = cells.map(|cell| cell.path()).filter(|cell| cell.join("DONE").is_file());
    done.map(|cell| (cell.clone(), read_json(&cell.join("run.json")))).collect()
}

/// Whether a process works in the world's folder.
fn someone_works_in(world: &World) -> bool {
    let here = fs::canonicalize(world.path("")).expect("a folder");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut folders = processes.filter_map(|process| fs::read_link(process.path().join("cwd")).ok());
    folders.any(|folder| folder == here)
}

#[test]
fn a_kill_a_torn_write_or_a_full_disk_at_any_step_loses_nothing_that_was_finished() {
    let whole = new_world();
    let unbroken = numbers(&whole, &sweep(&whole, ""));
    // The most often that one process comes to each step: each counts for itself.
    let mut by_process: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let list = String::from_utf8(read(&whole.path("steps"))).expect("text");
    for line in list.lines() {
        *by_process.entry(line.split_once(' ').expect("a process and a step")).or_default() += 1;
    }
    let mut steps: BTreeMap<String, usize> = BTreeMap::new();
    for ((_, step), times) in by_process {
        let most = steps.entry(step.to_owned()).or_default();
        *most = times.max(*most);
    }
    // Every kind of file, each written, brought to the disk and renamed.
    for target in ["sweep", "cell", "lease", "run", "file", "metrics", "checkpoint", "marker"] {
        assert!(steps.keys().any(|step| step.starts_with(target)), "no step of {target}: {steps:?}");
    }
    let mut cases = Vec::new();
    for (step, &times) in &steps {
        for fault in ["abort", "no-space", "torn"] {
            if fault == "torn" && !step.ends_with(".write") {
                continue;
            }
            let mut before = vec![0, times / 2, times - 1];
            before.dedup();
            cases.extend(before.into_iter().map(|before| format!("{step}={before}*off->1*return({fault})")));
        }
    }
    println!("{} cases at {} steps", cases.len(), steps.len());
    let cases = Mutex::new(cases);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(case) = { cases.lock().expect("no panic while it is held").pop() } {
                    break_and_go_on(&case, &unbroken);
                }
            });
        }
    });
}

fn break_and_go_on(case: &str, unbroken: &BTreeMap<String, Vec<u8>>) {
    let world = new_world();
    let broken = sweep(&world, case);
    let list = String::from_utf8(read(&world.path("steps"))).expect("text");
    assert!(list.contains("struck"), "{case} did not strike");
    let begun = Instant::now();
    while someone_works_in(&world) {
        assert!(begun.elapsed() < Duration::from_secs(5), "after {case} an orphan lives on");
        sleep(Duration::from_millis(10));
    }
    let before = records(&world);
    for words in [&["status"][..], &["ls"]] {
        let said = world.rbm(words);
        assert_eq!(said.code, Some(0), "{words:?} after {case}: {}", said.err);
    }
    let again = sweep(&world, "");
    assert!(numbers(&world, &again) == *unbroken, "after {case}: other bytes\n{}", broken.err);
    for (cell, record) in before {
        assert_eq!(read_json(&cell.join("run.json")), record, "after {case} a finished cell was computed again");
    }
    let said = world.rbm(&["verify"]);
    assert_eq!(said.code, Some(0), "after {case}: {}", said.out);
}
