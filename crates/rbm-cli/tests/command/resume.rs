//! Kills, interrupts, workers and threads leave no trace in the numbers.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use super::world::{Said, World, config, read, read_json, text};

/// Long enough (a second or two) that a kill falls into it; persistent chains and momentum, so that there is state to lose.
const TRAIN: &str = "epochs = 1500\nbatch_size = 8\nalgorithm = \"pcd\"\nmomentum = 0.5\nlearning_rate = 0.02";
const REST: &str = "[evaluate]\nevery = 50\n[run]\ncheckpoint_every = 25\n[sweep]\nseeds = 3";

pub(super) fn world() -> World {
    let world = World::new();
    world.write("long.toml", config("long", TRAIN, REST).replace("stripes\"", "stripes\"\nsize = 4\nvalidation = 8"));
    world
}

/// Name, metrics and weights of every cell, from an unbroken sweep or a broken one.
pub(super) fn numbers(world: &World) -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let found = world.json(&["sweep", "long.toml", "--json"]);
    let folder = world.path(text(&found, "/folder"));
    let names = found["cells"].as_array().expect("cells").iter().map(|cell| text(cell, "/name").to_owned());
    names
        .map(|name| {
            let run = folder.join("runs").join(&name);
            (name, read(&run.join("metrics.parquet")), read(&run.join("weights.safetensors")))
        })
        .collect()
}

pub(super) fn assert_same_numbers(found: &World, expected: &World) {
    for (one, other) in numbers(found).into_iter().zip(numbers(expected)) {
        assert_eq!(one.0, other.0);
        assert!(one.1 == other.1, "{}: other metrics", one.0);
        assert!(one.2 == other.2, "{}: other weights", one.0);
    }
}

pub(super) fn start(world: &World, words: &[&str]) -> Child {
    world.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// The processes whose parent is `pid`.
pub(super) fn children(pid: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|&child| stat(child).is_some_and(|(_, parent)| parent == pid)).collect()
}

/// State and parent of a process, where the system tells.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = text.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

pub(super) fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

pub(super) fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args([name, &pid.to_string()]).status();
}

/// Waits until a cell has left a checkpoint, or all is over.
pub(super) fn wait_for_checkpoint(world: &World, child: &mut Child) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) && child.try_wait().expect("a child").is_none() {
        let cells = fs::read_dir(world.path("results/cells")).into_iter().flatten().flatten();
        let mut checkpoints = cells.filter_map(|cell| fs::read_dir(cell.path().join("checkpoints")).ok());
        if checkpoints.any(|mut folder| folder.next().is_some()) {
            return;
        }
        sleep(Duration::from_millis(5));
    }
}

pub(super) fn records(world: &World) -> Vec<(PathBuf, serde_json::Value)> {
    let cells = fs::read_dir(world.path("results/cells")).into_iter().flatten().flatten();
    let done = cells.map(|cell| cell.path()).filter(|cell| cell.join("DONE").is_file());
    done.map(|cell| (cell.clone(), read_json(&cell.join("run.json")))).collect()
}

pub(super) fn attempts(cell: &Path) -> u64 {
    read_json(&cell.join("run.json"))["attempts"].as_u64().expect("a count")
}

#[test]
fn killed_sweep_resumes_to_the_same_bytes() {
    let (unbroken, broken) = (world(), world());
    // The parent alone, then everything at once, then the workers alone under their parent.
    for (round, milliseconds) in [(0, 0), (1, 90), (2, 10), (3, 250), (4, 40)] {
        let mut child = start(&broken, &["sweep", "long.toml"]);
        wait_for_checkpoint(&broken, &mut child);
        sleep(Duration::from_millis(milliseconds));
        let workers = children(child.id());
        let finished = records(&broken);
        if round % 2 == 0 {
            signal("-KILL", child.id());
        } else {
            signal("-KILL", child.id());
            workers.iter().for_each(|&worker| signal("-KILL", worker));
        }
        child.wait().expect("it ends");
        for (cell, before) in finished {
            assert_eq!(read_json(&cell.join("run.json")), before, "a finished cell was touched");
        }
    }
    let before = records(&broken);
    assert!(before.len() < 3, "too fast to be killed: let it train longer");
    assert_same_numbers(&broken, &unbroken);
    for (cell, record) in before {
        assert_eq!(read_json(&cell.join("run.json")), record, "a finished cell was computed again");
    }
    assert!(records(&broken).iter().any(|(cell, _)| attempts(cell) > 1), "no cell was begun twice");
}

#[test]
fn killed_worker_is_replaced_and_the_bytes_are_the_same() {
    let (unbroken, broken) = (world(), world());
    let mut child = start(&broken, &["sweep", "long.toml", "--workers", "2"]);
    wait_for_checkpoint(&broken, &mut child);
    let workers = children(child.id());
    workers.iter().take(1).for_each(|&worker| signal("-KILL", worker));
    let said = Said::of(&child.wait_with_output().expect("it ends"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("a worker crashed"), "{}", said.err);
    assert_same_numbers(&broken, &unbroken);
}

#[test]
fn workers_and_threads_do_not_change_the_bytes() {
    let reference = world();
    reference.done(&["sweep", "long.toml", "--workers", "1", "--threads", "1"]);
    for words in [
        ["--workers", "2", "--threads", "1"],
        ["--workers", "1", "--threads", "2"],
        ["--workers", "3", "--threads", "3"],
    ] {
        let other = world();
        other.done(&[&["sweep", "long.toml"], &words[..]].concat());
        assert_same_numbers(&other, &reference);
    }
}

#[test]
fn workers_die_with_their_parent() {
    let world = world();
    let mut child = start(&world, &["sweep", "long.toml", "--set", "train.epochs=100000"]);
    wait_for_checkpoint(&world, &mut child);
    let workers = children(child.id());
    assert!(!workers.is_empty(), "no workers at work");
    signal("-KILL", child.id());
    child.wait().expect("it ends");
    let killed = Instant::now();
    while workers.iter().any(|&worker| is_alive(worker)) {
        assert!(killed.elapsed() < Duration::from_secs(2), "an orphan works on");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn interrupted_sweep_says_how_to_go_on_and_resumes() {
    let (unbroken, broken) = (world(), world());
    let mut child = start(&broken, &["sweep", "long.toml"]);
    wait_for_checkpoint(&broken, &mut child);
    let workers = children(child.id());
    signal("-INT", child.id());
    let said = Said::of(&child.wait_with_output().expect("it ends"));
    assert_eq!(said.code, Some(130), "{}", said.err);
    assert!(said.err.contains("stopping after a checkpoint; again to stop at once"), "{}", said.err);
    assert!(said.err.contains("to go on: ") && said.err.contains("rbm sweep long.toml"), "{}", said.err);
    assert!(workers.iter().all(|&worker| !is_alive(worker)), "a worker is left");
    let status = broken.done(&["status"]);
    assert!(status.contains("interrupted") || status.contains("pending"), "{status}");
    assert_same_numbers(&broken, &unbroken);
}

#[test]
fn two_sweeps_at_once_share_the_cells() {
    let (unbroken, shared) = (world(), world());
    let children: Vec<Child> = (0..2).map(|_| start(&shared, &["sweep", "long.toml"])).collect();
    for child in children {
        let said = Said::of(&child.wait_with_output().expect("it ends"));
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
    assert!(records(&shared).iter().all(|(cell, _)| attempts(cell) == 1), "a cell was computed twice");
    assert_same_numbers(&shared, &unbroken);
}
