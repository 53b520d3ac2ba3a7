//! Faults as they happen: stopped workers, full and read-only disks, damaged files, moved folders, wrong clocks, and many
//! kills at random moments.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use super::resume::{
    assert_same_numbers, attempts, children, is_alive, numbers, records, signal, start, wait_for_checkpoint, world,
};
use super::world::{Said, World, config, read, read_json, text};

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

fn sweep_folder(world: &World) -> String {
    let found = world.json(&["status", "--json"]);
    text(&found[0], "/folder").to_owned()
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

/// All files below a folder; links are not followed.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            files.extend(walk(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
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

/// How a file is damaged.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Truncated,
    Flipped,
    Folder,
    Newer,
}

fn damage(path: &Path, how: Damage) -> bool {
    let mut bytes = read(path);
    match how {
        Damage::Truncated => fs::write(path, &bytes[..bytes.len() / 2]).expect("writes"),
        Damage::Flipped => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, &bytes).expect("writes");
        }
        Damage::Folder => {
            fs::remove_file(path).expect("it was there");
            fs::create_dir(path).expect("a folder in its place");
        }
        Damage::Newer => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let newer = text.replace("\"schema\": 1,", "\"schema\": 2,");
            if newer == text {
                return false; // a file without a version
            }
            fs::write(path, newer).expect("writes");
        }
    }
    true
}

#[test]
fn damaged_files_of_a_finished_cell_are_named_and_the_cell_is_computed_anew() {
    let whole = small();
    whole.done(&["sweep", "small.toml"]);
    for file in ["DONE", "metrics.parquet", "weights.safetensors", "run.json"] {
        for how in [Damage::Truncated, Damage::Flipped, Damage::Folder, Damage::Newer] {
            let world = small();
            world.done(&["sweep", "small.toml"]);
            let cell = fs::canonicalize(world.path(&sweep_folder(&world)).join("runs/seed=0")).expect("a cell");
            let path = cell.join(file);
            if !damage(&path, how) {
                continue;
            }
            let what = format!("{file} {how:?}");
            let said = world.rbm(&["verify"]);
            // A bit of run.json may lie in a word of it: no hash vouches for that file.
            if !(file == "run.json" && matches!(how, Damage::Flipped)) {
                assert_eq!(said.code, Some(1), "{what}: {}{}", said.out, said.err);
                let named =
                    if file == "DONE" && matches!(how, Damage::Truncated | Damage::Flipped) { "DONE" } else { file };
                assert!(said.out.contains(named) && said.out.contains("to do: "), "{what}: {}", said.out);
            }
            let folder = sweep_folder(&world);
            for words in [&["ls"][..], &["status"], &["status", &folder], &["report", &folder]] {
                let said = world.rbm(words);
                assert_eq!(said.code, Some(0), "{what}: {words:?}: {}", said.err);
            }
            let other = fs::canonicalize(world.path(&folder).join("runs/seed=1")).expect("a cell");
            let untouched = read_json(&other.join("run.json"));
            let again = world.rbm(&["sweep", "small.toml"]);
            assert_eq!(read_json(&other.join("run.json")), untouched, "{what}: a sound cell was computed again");
            match how {
                // What a person, or a newer program, put there is not overwritten.
                Damage::Folder if file != "run.json" => {
                    assert_eq!(again.code, Some(1), "{what}: {}{}", again.out, again.err);
                    assert!(path.is_dir(), "{what}: the folder is gone");
                    fs::remove_dir(&path).expect("an empty folder");
                    world.done(&["sweep", "small.toml"]);
                }
                Damage::Newer if file == "DONE" => {
                    assert_eq!(again.code, Some(1), "{what}: {}{}", again.out, again.err);
                    assert!(again.out.contains("a newer rbm wrote it"), "{what}: {}{}", again.out, again.err);
                    continue;
                }
                _ => assert_eq!(again.code, Some(0), "{what}: {}{}", again.out, again.err),
            }
            for file in ["metrics.parquet", "weights.safetensors"] {
                let expected = walk(&whole.path("results"))
                    .into_iter()
                    .find(|path| path.ends_with(file) && path.parent().and_then(Path::file_name) == cell.file_name());
                assert!(read(&cell.join(file)) == read(&expected.expect("the same cell")), "{what}: {file} differs");
            }
        }
    }
}

fn small() -> World {
    let world = World::new();
    world.write("small.toml", config("small", "epochs = 4\nbatch_size = 4", "[sweep]\nseeds = 2"));
    world
}

#[test]
fn damaged_files_of_an_interrupted_cell_are_named_and_passed_over() {
    let unbroken = world();
    for file in ["checkpoint", "metrics.jsonl"] {
        for how in [Damage::Truncated, Damage::Flipped, Damage::Folder] {
            let broken = world();
            let mut child = start(&broken, &["sweep", "long.toml", "--workers", "1"]);
            wait_for_checkpoint(&broken, &mut child);
            sleep(Duration::from_millis(100));
            let workers = children(child.id());
            signal("-KILL", child.id());
            workers.iter().for_each(|&worker| signal("-KILL", worker));
            child.wait().expect("it ends");
            let Some(path) = newest(&broken, file) else { panic!("no {file} is left") };
            damage(&path, how);
            let what = format!("{file} {how:?}");
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let said = broken.rbm(&["verify"]);
            // A line cut at its end, or a digit changed, is seen when the checkpoint is gone on from.
            if file == "checkpoint" || matches!(how, Damage::Folder) {
                assert_eq!(said.code, Some(1), "{what}: {}", said.out);
                assert!(said.out.contains(&name), "{what}: {}", said.out);
            }
            for words in [&["ls"][..], &["status"]] {
                let said = broken.rbm(words);
                assert_eq!(said.code, Some(0), "{what}: {words:?}: {}", said.err);
            }
            if matches!(how, Damage::Folder) && file == "metrics.jsonl" {
                let again = broken.rbm(&["sweep", "long.toml"]);
                assert_eq!(again.code, Some(1), "{what}: {}{}", again.out, again.err);
                fs::remove_dir(&path).expect("an empty folder");
            }
            assert_same_numbers(&broken, &unbroken);
        }
    }
}

#[test]
fn damaged_best_weights_of_an_interrupted_cell_never_become_a_result() {
    // Nothing is learnt: of equal values the first one stays, and nothing writes the file again.
    let new = || {
        let world = world();
        let config = String::from_utf8(read(&world.path("long.toml"))).expect("text");
        let config = config.replace("learning_rate = 0.02", "learning_rate = 0.0");
        world.write("long.toml", config.replace("\nevery = 50", "\nevery = 50\nkeep_best = \"log-likelihood\""));
        world
    };
    let unbroken = new();
    for how in [Damage::Truncated, Damage::Flipped, Damage::Folder] {
        let broken = new();
        let mut child = start(&broken, &["sweep", "long.toml", "--workers", "1"]);
        wait_for_checkpoint(&broken, &mut child);
        let workers = children(child.id());
        signal("-KILL", child.id());
        workers.iter().for_each(|&worker| signal("-KILL", worker));
        child.wait().expect("it ends");
        let path = newest(&broken, "best.safetensors").expect("the best weights so far");
        damage(&path, how);
        if matches!(how, Damage::Folder) {
            let again = broken.rbm(&["sweep", "long.toml"]);
            assert_eq!(again.code, Some(1), "{}{}", again.out, again.err);
            fs::remove_dir(&path).expect("an empty folder");
        }
        assert_same_numbers(&broken, &unbroken);
        let expected = walk(&unbroken.path("results")).into_iter().find(|other| {
            other.ends_with("best.safetensors")
                && other.parent().and_then(Path::file_name) == path.parent().and_then(Path::file_name)
        });
        assert!(read(&path) == read(&expected.expect("the same cell")), "{how:?}: other best weights");
        broken.done(&["verify"]);
    }
}

#[test]
fn one_cells_trouble_is_not_that_of_the_others() {
    let (world, whole) = (small(), small());
    whole.done(&["sweep", "small.toml"]);
    let plan = world.done(&["sweep", "small.toml", "--plan-only"]);
    assert!(plan.contains("2 cells"), "{plan}");
    let found = world.json(&["status", &sweep_folder(&world), "--json"]);
    let lease = world.path("results/cells").join(&text(&found["cells"][0], "/id")[..12]).join("lease");
    fs::create_dir_all(&lease).expect("a folder in the place of a lease");
    let said = world.rbm(&["sweep", "small.toml"]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.out.contains("failed: seed=0: ") && said.out.contains("lease"), "{}{}", said.out, said.err);
    assert!(said.out.contains("1 done"), "{}", said.out);
    fs::remove_dir(&lease).expect("an empty folder");
    world.done(&["sweep", "small.toml"]);
    // A page that cannot be written hides no result.
    let page = world.path(&sweep_folder(&world)).join("report.html");
    fs::remove_file(&page).and_then(|()| fs::create_dir(&page)).expect("a folder in the place of the page");
    let said = world.rbm(&["sweep", "small.toml", "--set", "sweep.seeds=2", "--set", "train.k=1"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.err.contains("no report: "), "{}", said.err);
}

fn newest(world: &World, file: &str) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = (walk(&world.path("results/cells")).into_iter())
        .filter(|path| match file {
            "checkpoint" => path.components().any(|part| part.as_os_str() == "checkpoints"),
            file => path.ends_with(file),
        })
        .collect();
    found.sort_by_key(|path| path.file_name().map(|name| name.to_owned()));
    found.pop()
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
fn foreign_files_are_named_and_passed_over() {
    let world = small();
    world.done(&["sweep", "small.toml"]);
    world.write("results/notes.txt", "x");
    world.write("results/cells/notes.txt", "x");
    fs::create_dir(world.path("results/cells/0123456789ab")).expect("a folder");
    world.write("results/cells/0123456789ab/run.json", "{\"id\": 3}");
    let said = world.rbm(&["verify"]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    for (word, name) in
        [("note", "results/notes.txt"), ("note", "results/cells/notes.txt"), ("broken", "results/cells/0123456789ab")]
    {
        assert!(said.out.contains(&format!("{word}: {name}")), "{name}: {}", said.out);
    }
    assert!(world.done(&["ls"]).contains("seed=0") && world.done(&["status"]).contains("2 done"));
}

#[test]
fn an_altered_plan_is_named() {
    let world = small();
    world.done(&["sweep", "small.toml"]);
    let folder = sweep_folder(&world);
    world.done(&["verify", &folder]);
    let plan = world.path(&folder).join("plan.jsonl");
    let sound = String::from_utf8(read(&plan)).expect("text");
    for (altered, problem) in [
        (sound.replace("\"epochs\":4", "\"epochs\":5"), "the config of seed=0 is not the one of its id"),
        (sound.lines().take(1).map(|line| format!("{line}\n")).collect(), "it was altered: its cells make the sweep"),
        (sound.replace("\"schema\":1,", "\"schema\":7,"), "a newer rbm wrote it (schema 7; this one knows 1)"),
        (sound[..100].to_owned(), "line 1: "),
    ] {
        fs::write(&plan, altered).expect("writes");
        let said = world.rbm(&["verify", &folder]);
        assert_eq!(said.code, Some(1), "{problem}: {}", said.out);
        assert!(said.out.contains(problem) && said.out.contains("plan.jsonl"), "{problem}: {}", said.out);
        world.done(&["status"]);
        if problem.contains("make the sweep") {
            continue; // the line that is left is as it was
        }
        let said = world.rbm(&["cell", &folder, "0"]);
        assert_eq!(said.code, Some(1), "{problem}: an altered plan was run: {}", said.out);
    }
    fs::write(&plan, sound).expect("writes");
    assert_eq!(numbers_of(&world), 2);
}

#[test]
fn what_stands_in_the_way_is_named_also_once_the_marker_is_gone() {
    let world = small();
    world.done(&["sweep", "small.toml"]);
    let folder = sweep_folder(&world);
    let cell = fs::canonicalize(world.path(&folder).join("runs/seed=0")).expect("a cell");
    let metrics = cell.join("metrics.parquet");
    fs::remove_file(&metrics).and_then(|()| fs::create_dir(&metrics)).expect("a folder in its place");
    assert_eq!(world.rbm(&["sweep", "small.toml"]).code, Some(1));
    let said = world.rbm(&["verify"]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(said.out.contains("metrics.parquet: a folder in the place of a file"), "{}", said.out);
    fs::remove_dir(&metrics).expect("an empty folder");
    world.done(&["sweep", "small.toml"]);
    world.done(&["verify"]);
    // A link to another cell is what people would read by mistake.
    let (link, other) = (world.path(&folder).join("runs/seed=0"), world.path(&folder).join("runs/seed=1"));
    let target = fs::read_link(&other).expect("a link");
    fs::remove_file(&link).expect("a link");
    std::os::unix::fs::symlink(target, &link).expect("a link");
    let said = world.rbm(&["verify"]);
    assert!(said.code == Some(1) && said.out.contains("runs/seed=0: it points to the cell"), "{}", said.out);
    fs::remove_file(&link).expect("a link");
    world.done(&["sweep", "small.toml"]);
    world.done(&["verify"]);
    let said = world.rbm(&["verify", "--results", "absent"]);
    assert_eq!(said.code, Some(2), "{}", said.out);
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

fn numbers_of(world: &World) -> usize {
    let found = world.json(&["verify", "--json"]);
    assert_eq!((found["sound"].as_bool(), found["findings"].as_array().map(Vec::len)), (Some(true), Some(0)));
    found["cells"].as_u64().expect("a count") as usize
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
