//! Faults as they happen: stopped workers, full and read-only disks, moved folders, wrong clocks, and many kills at random
//! moments.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Output},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use super::resume::{
    assert_same_numbers, attempts, children, is_alive, numbers, records, signal, start, wait_for_checkpoint, world,
};
use super::world::{Said, World, read, read_json, small, sweep_folder, walk};

/// A linear congruence is random enough for moments (Knuth's MMIX).
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

fn number_of(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// `RBM_KILLS=100` for a long walk.
#[test]
fn kills_at_random_moments_lose_nothing_that_was_finished() {
    let unbroken = world();
    let kills = number_of("RBM_KILLS", 12);
    let seed = number_of("RBM_KILLS_SEED", 1);
    let mut moments = Moments(seed);
    let (mut killed, mut sweeps) = (0, 0);
    while killed < kills {
        let broken = world();
        sweeps += 1;
        for _ in 0..8 {
            let mut child = start(&broken, &["sweep", "long.toml", "--retry-failed"]);
            sleep(Duration::from_millis(20 + moments.next(400)));
            let workers = children(child.id());
            let finished = records(&broken);
            // The parent alone; everything; one worker, then the parent.
            match moments.next(3) {
                0 => signal("-KILL", child.id()),
                1 => {
                    signal("-KILL", child.id());
                    workers.iter().for_each(|&worker| signal("-KILL", worker));
                }
                _ => {
                    workers.iter().take(1).for_each(|&worker| signal("-KILL", worker));
                    sleep(Duration::from_millis(moments.next(100)));
                    signal("-KILL", child.id());
                }
            }
            child.wait().expect("it ends");
            killed += 1;
            for (cell, before) in finished {
                assert_eq!(read_json(&cell.join("run.json")), before, "seed {seed}: a finished cell was touched");
            }
        }
        assert_same_numbers(&broken, &unbroken);
        broken.done(&["verify"]);
    }
    println!("{killed} kills in {sweeps} sweeps");
}

#[test]
fn a_stopped_worker_is_waited_for_by_name_and_goes_on() {
    let (unbroken, shared) = (world(), world());
    let mut first = start(&shared, &["sweep", "long.toml", "--workers", "1"]);
    wait_for_checkpoint(&shared, &mut first);
    let workers = children(first.id());
    workers.iter().for_each(|&worker| signal("-STOP", worker));
    let second = start(&shared, &["sweep", "long.toml", "--workers", "1"]);
    let begun = Instant::now();
    while records(&shared).len() < 2 && begun.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(20));
    }
    assert!(records(&shared).len() >= 2, "the others are not computed beside a stopped worker");
    sleep(Duration::from_millis(400));
    workers.iter().for_each(|&worker| signal("-CONT", worker));
    let (first, second) = (first.wait_with_output().expect("it ends"), second.wait_with_output().expect("it ends"));
    let (first, second) = (Said::of(&first), Said::of(&second));
    assert_eq!((first.code, second.code), (Some(0), Some(0)), "{}{}", first.err, second.err);
    assert!(second.err.contains("computed by others (process "), "{}", second.err);
    assert!(records(&shared).iter().all(|(cell, _)| attempts(cell) == 1), "a cell was computed twice");
    assert_same_numbers(&shared, &unbroken);
}

#[test]
fn a_new_sweep_takes_over_from_a_killed_one_in_under_a_second() {
    let (unbroken, broken) = (world(), world());
    let mut first = start(&broken, &["sweep", "long.toml", "--workers", "1"]);
    wait_for_checkpoint(&broken, &mut first);
    let workers = children(first.id());
    // The second one waits for the cell in hand, once it has computed the others.
    let second = start(&broken, &["sweep", "long.toml", "--workers", "1"]);
    workers.iter().for_each(|&worker| signal("-STOP", worker));
    let begun = Instant::now();
    while records(&broken).len() < 2 && begun.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(10));
    }
    sleep(Duration::from_millis(300));
    signal("-KILL", first.id());
    workers.iter().for_each(|&worker| signal("-KILL", worker));
    first.wait().expect("it ends");
    let killed = Instant::now();
    // Its record is written anew as soon as the cell is taken.
    let taken = || {
        let cells = fs::read_dir(broken.path("results/cells")).into_iter().flatten().flatten();
        let mut records = cells.filter_map(|cell| fs::read(cell.path().join("run.json")).ok());
        records.any(|record| String::from_utf8_lossy(&record).contains("\"attempts\": 2"))
    };
    while !taken() {
        assert!(killed.elapsed() < Duration::from_secs(1), "nobody took over");
        sleep(Duration::from_millis(20));
    }
    let said = Said::of(&second.wait_with_output().expect("it ends"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_same_numbers(&broken, &unbroken);
}

#[test]
fn overlapping_sweeps_at_once_compute_each_cell_once() {
    let (unbroken, shared) = (world(), world());
    let sets = ["--set", "sweep.seeds=5", "--set", "name=wider"];
    let narrow = start(&shared, &["sweep", "long.toml"]);
    let wide = start(&shared, &[&["sweep", "long.toml"][..], &sets].concat());
    for child in [narrow, wide] {
        let said = Said::of(&child.wait_with_output().expect("it ends"));
        assert_eq!(said.code, Some(0), "{}", said.err);
    }
    assert_eq!(records(&shared).len(), 5);
    assert!(records(&shared).iter().all(|(cell, _)| attempts(cell) == 1), "a cell was computed twice");
    assert_same_numbers(&shared, &unbroken);
}

#[test]
fn a_folder_moved_in_mid_run_is_gone_on_with_where_it_is() {
    let (unbroken, moved) = (world(), world());
    let mut child = start(&moved, &["sweep", "long.toml", "--set", "train.epochs=4000", "--workers", "1"]);
    wait_for_checkpoint(&moved, &mut child);
    fs::rename(moved.path("results"), moved.path("elsewhere")).expect("it can be moved");
    let said = Said::of(&child.wait_with_output().expect("it ends"));
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    // In words that depend on the step it was at: no such file, or moved.
    assert!(said.err.contains("seed=0: failed: "), "{}", said.err);
    // The other cells may have been computed in a new folder in the old place; what is done there is whole.
    for done in walk(&moved.path("results")).into_iter().filter(|path| path.ends_with("DONE")) {
        assert!(!done.with_file_name("metrics.jsonl").exists(), "a cell ended without its metrics");
    }
    moved.done(&["sweep", "long.toml", "--set", "train.epochs=4000", "--results", "elsewhere"]);
    unbroken.done(&["sweep", "long.toml", "--set", "train.epochs=4000"]);
    let bytes = |folder: PathBuf, file: &str| {
        let mut found: Vec<(String, Vec<u8>)> = (walk(&folder).into_iter())
            .filter(|path| path.ends_with(file))
            .map(|path| (path.strip_prefix(&folder).expect("below").display().to_string(), read(&path)))
            .collect();
        found.sort();
        found
    };
    for file in ["metrics.parquet", "weights.safetensors", "DONE"] {
        let (found, expected) =
            (bytes(moved.path("elsewhere/cells"), file), bytes(unbroken.path("results/cells"), file));
        assert!(!expected.is_empty() && found == expected, "{file} differs");
    }
    moved.done(&["verify", "--results", "elsewhere"]);
}

#[test]
fn a_copy_taken_in_mid_run_is_gone_on_with_elsewhere() {
    let (unbroken, copied) = (world(), world());
    let mut child = start(&copied, &["sweep", "long.toml"]);
    wait_for_checkpoint(&copied, &mut child);
    let status = Command::new("cp").args(["-a", "results", "copy"]).current_dir(copied.path("")).status();
    status.expect("cp exists"); // files that vanish while it copies are no matter
    child.wait().expect("it ends");
    let other = world();
    fs::remove_dir_all(other.path("results")).ok();
    fs::rename(copied.path("copy"), other.path("results")).expect("same disk");
    assert_same_numbers(&other, &unbroken);
    other.done(&["verify"]);
}

#[test]
fn a_clock_set_back_changes_nothing() {
    let (unbroken, broken) = (world(), world());
    let mut child = start(&broken, &["sweep", "long.toml"]);
    wait_for_checkpoint(&broken, &mut child);
    let workers = children(child.id());
    signal("-KILL", child.id());
    child.wait().expect("it ends");
    while workers.iter().any(|&worker| is_alive(worker)) {
        sleep(Duration::from_millis(10));
    }
    // All that lies there comes from a day in the future.
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    for file in walk(&broken.path("results")) {
        if file.ends_with("run.json") {
            let text = String::from_utf8(read(&file)).expect("text").replace("\"20", "\"21");
            fs::write(&file, text).expect("writes");
        }
        fs::File::options().append(true).open(&file).and_then(|file| file.set_modified(tomorrow)).expect("a time");
    }
    broken.done(&["status"]);
    assert_same_numbers(&broken, &unbroken);
    broken.done(&["report", &sweep_folder(&broken)]);
}

/// Runs a script in a mount namespace of its own; none where this system allows none, which is said aloud, or fails where
/// `RBM_REQUIRE_DEVICES` lists `mount`.
fn in_namespace(world: &World, script: &str) -> Option<Output> {
    let run = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]).current_dir(world.path(""));
        command.env("RBM", env!("CARGO_BIN_EXE_rbm")).env("XDG_CACHE_HOME", world.path("cache")).output().ok()
    };
    let probe = run("mkdir -p probe && mount -t tmpfs -o size=64k tmpfs probe");
    if probe.is_some_and(|output| output.status.success()) {
        return run(script);
    }
    let required = std::env::var("RBM_REQUIRE_DEVICES").unwrap_or_default();
    assert!(!required.split(',').any(|word| word.trim() == "mount"), "no mount namespace, though one is required");
    // Not a print macro: what those say in a test that passes is not shown.
    let _ = writeln!(std::io::stderr(), "SKIPPED: this system lets nobody mount in a namespace of his own");
    None
}

#[test]
fn a_full_disk_is_named_and_the_sweep_goes_on_when_there_is_room() {
    let (unbroken, full) = (world(), world());
    // Full before the first byte, full in the midst of a sweep, then room.
    let script = "
        mkdir results && mount -t tmpfs -o size=120k tmpfs results
        \"$RBM\" sweep long.toml --workers 2 --no-report; echo \"exit $?\"
        mount -o remount,size=20m results
        \"$RBM\" sweep long.toml --retry-failed; echo \"exit $?\"
        \"$RBM\" verify; echo \"exit $?\"
        cp -a results kept";
    let Some(output) = in_namespace(&full, script) else { return };
    let said = Said::of(&output);
    let codes: Vec<&str> = said.out.lines().filter(|line| line.starts_with("exit ")).collect();
    assert_eq!(codes, ["exit 1", "exit 0", "exit 0"], "{}{}", said.out, said.err);
    assert!(said.out.contains("No space left on device"), "{}{}", said.out, said.err);
    fs::remove_dir_all(full.path("results")).expect("the empty place of the mount");
    fs::rename(full.path("kept"), full.path("results")).expect("same disk");
    let before = records(&full);
    assert_same_numbers(&full, &unbroken);
    assert_eq!(records(&full), before, "a finished cell was computed again");
}

#[test]
fn a_read_only_results_folder_is_refused_for_writing_and_good_for_reading() {
    let world = small();
    world.done(&["sweep", "small.toml"]);
    let folder = sweep_folder(&world);
    let script = format!(
        "mount --bind results results && mount -o remount,bind,ro results
        \"$RBM\" sweep small.toml --set train.k=2; echo \"exit $?\"
        \"$RBM\" sweep small.toml; echo \"exit $?\"
        for verb in ls status 'status {folder}' verify; do \"$RBM\" $verb; echo \"exit $?\"; done"
    );
    let Some(output) = in_namespace(&world, &script) else { return };
    let said = Said::of(&output);
    let codes: Vec<&str> = said.out.lines().filter(|line| line.starts_with("exit ")).collect();
    assert_eq!(codes, ["exit 2", "exit 0", "exit 0", "exit 0", "exit 0", "exit 0"], "{}{}", said.out, said.err);
    assert!(said.err.contains("Read-only file system"), "{}", said.err);
}

#[test]
fn a_watch_ends_when_nobody_works_on_the_sweep() {
    let world = small();
    world.done(&["sweep", "small.toml", "--plan-only"]);
    let begun = Instant::now();
    let said = world.rbm(&["status", "--watch"]);
    assert!(begun.elapsed() >= Duration::from_secs(9), "it gave up at once");
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.out.contains("2 pending") && said.err.contains("nobody works on it"), "{}{}", said.out, said.err);
}

#[test]
fn a_watched_sweep_is_shown_from_its_files_also_after_its_parent_died() {
    let broken = world();
    let mut child = start(&broken, &["sweep", "long.toml"]);
    wait_for_checkpoint(&broken, &mut child);
    let watcher = start(&broken, &["status", "--watch", "--interval", "0.1"]);
    sleep(Duration::from_millis(300));
    let workers = children(child.id());
    signal("-KILL", child.id());
    child.wait().expect("it ends");
    let killed = Instant::now();
    while workers.iter().any(|&worker| is_alive(worker)) {
        assert!(killed.elapsed() < Duration::from_secs(5), "an orphan works on");
        sleep(Duration::from_millis(20));
    }
    sleep(Duration::from_millis(300));
    let _ = numbers(&broken);
    let said = Said::of(&watcher.wait_with_output().expect("it ends with the sweep"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("running") && said.out.contains("interrupted"), "{}", said.out);
    assert!(said.out.contains("/1500") && said.out.contains("epochs/min"), "{}", said.out);
    assert!(said.out.trim_end().ends_with("3 done"), "{}", said.out);
}
