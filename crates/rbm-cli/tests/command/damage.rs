//! Damaged, altered, foreign and misplaced files: named, passed over, and mended where that costs nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use super::resume::{assert_same_numbers, children, signal, start, wait_for_checkpoint, world};
use super::world::{World, read, read_json, small, sweep_folder, text, walk};

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
    assert_eq!(sound_cells(&world), 2);
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

fn sound_cells(world: &World) -> usize {
    let found = world.json(&["verify", "--json"]);
    assert_eq!((found["sound"].as_bool(), found["findings"].as_array().map(Vec::len)), (Some(true), Some(0)));
    found["cells"].as_u64().expect("a count") as usize
}
