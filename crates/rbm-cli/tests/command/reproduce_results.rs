//! `reproduce` reads its verdicts out of what lies on the disk: altered results alter them, damaged ones are computed
//! anew, a kill changes nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use rbm_report::tables::{metrics_from_parquet, metrics_to_parquet};
use rbm_store::{CellFolder, Terminal};
use serde_json::Value;

use super::{
    reproduce::{FOLDER, HEAD, MINE, THREE, assert_verdicts, three},
    resume::{children, records, signal, start, wait_for_checkpoint, world as long_world},
    world::{World, read},
};

/// The folders of all cells.
fn cells(world: &World) -> Vec<PathBuf> {
    let mut cells: Vec<PathBuf> = records(world).into_iter().map(|(path, _)| path).collect();
    cells.sort();
    cells
}

#[test]
fn a_number_of_a_protocol_that_is_altered_alters_the_verdict() {
    let world = three();
    assert_verdicts(&world, THREE);
    let path = world.path(FOLDER).join("sigmoids/conditionals.jsonl");
    let sound = String::from_utf8(read(&path)).expect("text");
    let mut altered = 0;
    let lines = sound.lines().map(|line| {
        let mut one: Value = serde_json::from_str(line).expect("JSON");
        if one["quantity"] == "hidden-conditional-error" {
            one["value"] = 0.5.into();
            altered += 1;
        }
        format!("{one}\n")
    });
    let text: String = lines.collect();
    assert!(altered > 0, "nothing was altered");
    fs::write(&path, text).expect("it is written");
    assert_verdicts(&world, [THREE[0], ("sigmoids", "refuted"), THREE[2]]);
    let found = world.json(&MINE);
    assert_eq!(found[1]["statistic"], 0.5);
    // Without it the verdict is computed from nothing again.
    fs::remove_file(&path).expect("it was there");
    assert_verdicts(&world, THREE);
}

/// Raises every log-likelihood of a finished cell by ten nats, and vouches for it.
fn raise(cell: &Path) {
    let folder = CellFolder::at(cell).expect("a cell");
    let bytes = folder.read_file("metrics.parquet").expect("it reads").expect("metrics");
    let mut points = metrics_from_parquet(&bytes).expect("a table");
    points.iter_mut().filter(|point| point.metric == "log-likelihood").for_each(|point| point.value += 10.0);
    let marker = folder.verify().expect("it reads").marker.expect("a marker that holds");
    let lease = folder.try_lease().expect("a lease").expect("nobody else holds it");
    lease.clear_markers().expect("cleared");
    lease.write_file("metrics.parquet", &metrics_to_parquet(&points).expect("a table")).expect("it is written");
    let files: Vec<&str> = marker.files.keys().map(String::as_str).collect();
    lease.finish(Terminal::Done, None, &files).expect("it is done");
}

#[test]
fn metrics_that_are_replaced_with_their_hashes_alter_the_verdict() {
    let world = three();
    assert_verdicts(&world, THREE);
    let cells = cells(&world);
    assert_eq!(cells.len(), 3, "two claims share their cells");
    // What must hold of every machine is refuted by the one of three for which it does not.
    cells[1..].iter().for_each(|cell| raise(cell));
    assert_verdicts(&world, THREE);
    raise(&cells[0]);
    assert_verdicts(&world, [THREE[0], THREE[1], ("wrong", "confirmed")]);
}

#[test]
fn damaged_cells_and_protocols_are_computed_anew() {
    let world = three();
    assert_verdicts(&world, THREE);
    let metrics = cells(&world)[1].join("metrics.parquet");
    let sound = read(&metrics);
    for damaged in [&sound[..sound.len() / 2], b"", b"no table"] {
        fs::write(&metrics, damaged).expect("it is written");
        assert_verdicts(&world, THREE);
        assert!(read(&metrics) == sound, "other metrics");
    }
    // Cut at the end of a line, a file still reads; it is not believed.
    let protocol = world.path(FOLDER).join("sigmoids/conditionals.jsonl");
    let whole = String::from_utf8(read(&protocol)).expect("text");
    let cut: String = whole.lines().take(2).map(|line| format!("{line}\n")).collect();
    fs::write(&protocol, cut).expect("it is written");
    assert_verdicts(&world, THREE);
    let again = String::from_utf8(read(&protocol)).expect("text");
    assert!(again.lines().skip(1).eq(whole.lines().skip(1)), "other measurements");
    // What is no file of ours is told.
    fs::write(&protocol, "a text\n").expect("it is written");
    let said = world.rbm(&MINE);
    assert_eq!(said.code, Some(2), "{}{}", said.out, said.err);
    assert!(said.err.contains("conditionals.jsonl: line 1: "), "{}", said.err);
    assert!(said.err.contains("remove the file to have it computed anew"), "{}", said.err);
}

/// A claim on cells that take a second or two.
fn long() -> World {
    let world = long_world();
    fs::create_dir_all(world.path("mine/long")).expect("a folder");
    fs::copy(world.path("long.toml"), world.path("mine/long/long.toml")).expect("a config");
    let statement = r#"
[[sweep]]
name = "long"
config = "long.toml"
smoke = {}

[[test]]
says = "log-likelihood in the end"
value = { quantity = "log-likelihood", where = { split = "train" } }
confirmed = { above = 0 }
refuted = { below = 0 }
holds = "Densities."
fails = "Probabilities."
"#;
    world.write("mine/long/experiment.toml", format!("{HEAD}{statement}"));
    world
}

#[test]
fn a_claim_whose_training_was_killed_comes_to_the_same_verdict() {
    let (unbroken, broken) = (long(), long());
    let mut killed = 0;
    for (everything, milliseconds) in [(false, 0), (true, 60)] {
        let mut child = start(&broken, &MINE);
        wait_for_checkpoint(&broken, &mut child);
        sleep(Duration::from_millis(milliseconds));
        let workers = children(child.id());
        signal("-KILL", child.id());
        if everything {
            workers.iter().for_each(|&worker| signal("-KILL", worker));
        }
        killed += usize::from(!child.wait().expect("it ends").success());
    }
    assert!(killed > 0 && cells(&broken).len() < 3, "too fast to be killed: let it train longer");
    assert!(!broken.path(FOLDER).join("verdicts.json").exists(), "a verdict on half of the cells");
    // All but the time that it took.
    let verdict = |world: &World| {
        let mut found = world.json(&MINE);
        found[0]["seconds"] = Value::Null;
        found
    };
    let found = verdict(&broken);
    assert_eq!(found[0]["verdict"], "refuted");
    assert_eq!(found, verdict(&unbroken));
}
