//! `train`, `sweep`, `cell`, `status`, `ls`, `show`, `report`.

use std::{fs, path::Path};

use serde_json::Value;

use super::world::{Said, World, config, read, read_json, text};

const TRAIN: &str = "epochs = 6\nbatch_size = 4";
const SWEEP: &str = "[sweep]\nseeds = 2\n\"train.k\" = [1, 3]";

fn reuses(world: &World, words: &[&str]) -> (u64, u64) {
    let found = world.json(&[words, &["--json"]].concat());
    (found["counts"]["computed"].as_u64().expect("a count"), found["counts"]["reused"].as_u64().expect("a count"))
}

#[test]
fn sweep_leaves_the_folders_that_scripts_rely_on() {
    let world = World::new();
    world.write("bas.toml", config("bas", TRAIN, SWEEP));
    let found = world.json(&["sweep", "bas.toml", "--json"]);
    let folder = world.path(text(&found, "/folder"));
    let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name.starts_with("bas-") && name.len() == "bas-".len() + 12, "{name}");
    for cell in ["k=1,seed=0", "k=1,seed=1", "k=3,seed=0", "k=3,seed=1"] {
        let run = folder.join("runs").join(cell);
        assert!(fs::read_link(&run).expect("a link").starts_with("../../cells"));
        for file in ["metrics.parquet", "timings.parquet", "weights.safetensors", "config.toml", "run.json", "env.json"]
        {
            assert!(run.join(file).is_file(), "{cell} has no {file}");
        }
        let marker = read_json(&run.join("DONE"));
        assert_eq!(marker["state"], "done");
        assert!(marker["files"]["metrics.parquet"]["sha256"].is_string());
        assert!(
            !run.join("metrics.jsonl").exists() && !run.join("checkpoints").exists(),
            "{cell} keeps its scaffolding"
        );
    }
    for file in ["sweep.toml", "plan.jsonl", "report.html", "summary.parquet", "summary.csv"] {
        assert!(folder.join(file).is_file(), "the sweep has no {file}");
    }
    let page = String::from_utf8(read(&folder.join("report.html"))).expect("text");
    assert!(page.len() < 5_000_000 && !page.contains("<script") && page.contains("4 cells"));
    assert!(page.contains("rbm report results/bas-"), "no command that redraws");
    assert!(fs::read_dir(folder.join("figures")).expect("figures").count() > 5);
    assert_eq!(found["cells"].as_array().map(Vec::len), Some(4));
    assert!(found["cells"][0]["metrics"]["log-likelihood.train"].is_f64());
}

#[test]
fn a_second_sweep_of_the_same_config_does_nothing_and_says_so() {
    let world = World::new();
    world.write("bas.toml", config("bas", TRAIN, SWEEP));
    let first = world.json(&["sweep", "bas.toml", "--json"]);
    let folder = world.path(text(&first, "/folder"));
    let before = (read(&folder.join("report.html")), read(&folder.join("runs/k=1,seed=0/run.json")));
    let modified = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).expect("a time");
    let drawn = modified(&folder.join("report.html"));
    let said = world.done(&["sweep", "bas.toml"]);
    assert!(said.starts_with("nothing to do: all 4 cells are done; report: results/bas-"), "{said}");
    assert_eq!((read(&folder.join("report.html")), read(&folder.join("runs/k=1,seed=0/run.json"))), before);
    assert_eq!(modified(&folder.join("report.html")), drawn, "the report was drawn again");
    fs::remove_file(folder.join("report.html")).expect("it was there");
    world.done(&["sweep", "bas.toml"]);
    assert!(folder.join("report.html").is_file(), "a missing report is drawn again");
}

#[test]
fn a_wider_sweep_computes_only_what_is_new() {
    let world = World::new();
    world.write("bas.toml", config("bas", TRAIN, SWEEP));
    world.write("other.toml", config("other", TRAIN, "[sweep]\nseeds = 3\n\"train.k\" = [3, 1]"));
    assert_eq!(reuses(&world, &["sweep", "bas.toml"]), (4, 0));
    assert_eq!(reuses(&world, &["sweep", "bas.toml", "--set", "sweep.seeds=3"]), (2, 4));
    assert_eq!(reuses(&world, &["sweep", "other.toml"]), (0, 6));
    assert_eq!(reuses(&world, &["sweep", "bas.toml", "--workers", "2", "--threads", "1"]), (0, 4));
}

#[test]
fn dry_run_lists_the_cells_and_writes_nothing() {
    let world = World::new();
    world.write("bas.toml", config("bas", TRAIN, SWEEP));
    let said = world.done(&["sweep", "bas.toml", "--dry-run"]);
    for fragment in ["k=3,seed=1", "pending", "time on one core", "4 cells in results/bas-", "4 left", "kB"] {
        assert!(said.contains(fragment), "no {fragment:?} in {said}");
    }
    assert!(!world.path("results").exists());
    world.done(&["sweep", "bas.toml", "--set", "sweep.seeds=1"]);
    let plan = world.json(&["sweep", "bas.toml", "--dry-run", "--json"]);
    assert_eq!(plan["left"], 2);
    assert_eq!(text(&plan, "/cells/0/state"), "done");
}

#[test]
fn a_diverged_cell_is_named_and_does_not_stop_the_others() {
    let world = World::new();
    let train = "epochs = 3\nbatch_size = 4\nweight_decay = 0.5";
    world.write("bad.toml", config("bad", train, "[sweep]\n\"train.learning_rate\" = [1e30, 0.1]"));
    let said = world.rbm(&["sweep", "bad.toml"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.out.contains("1 diverged, 1 done"), "{}", said.out);
    assert!(said.out.contains("diverged: learning_rate="), "{}", said.out);
    let again = world.rbm(&["sweep", "bad.toml", "--json"]);
    assert_eq!(again.code, Some(1), "a diverged cell stays diverged");
    let found = serde_json::from_str(&again.out).expect("JSON");
    let folder = world.path(text(&found, "/folder"));
    assert_eq!(found["counts"]["diverged"], 1);
    let page = String::from_utf8(read(&folder.join("report.html"))).expect("text");
    let (failures, facts) = (page.find("Failed and diverged cells"), page.find("What ran"));
    assert!(failures.expect("a section of failures") < facts.expect("a section of facts"), "failures come first");
    assert!(text(&found, "/cells/0/message").contains("not finite"), "{found}");
    let cell = folder.join("runs").join(text(&found, "/cells/0/name"));
    assert!(cell.join("DIVERGED").is_file() && !cell.join("DONE").exists());
}

#[test]
fn a_failed_cell_is_tried_again_only_when_asked() {
    let world = World::new();
    world.write("rows.csv", "a,b\n0,1\n1,1\n");
    world.write(
        "rows.toml",
        "schema = 1\nname = \"rows\"\n[data]\nsource = \"rows.csv\"\n[train]\nepochs = 2\n[sweep]\nseeds = 2",
    );
    let found = world.json(&["sweep", "rows.toml", "--json"]);
    let folder = world.path(text(&found, "/folder"));
    // The data change after the plan was frozen, and one cell is to be computed anew.
    let cell = folder.join("runs/seed=1");
    fs::remove_dir_all(fs::canonicalize(&cell).expect("a cell")).expect("it can be removed");
    world.write("rows.csv", "a,b\n0,1\n1,0\n");
    let name = folder.to_string_lossy().into_owned();
    let said = world.rbm(&["cell", &name, "0", "1"]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.err.contains("they changed since; start the sweep again, which plans anew"), "{}", said.err);
    world.write("rows.csv", "a,b\n0,1\n1,1\n");
    let said = world.rbm(&["cell", &name, "1"]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(cell.join("FAILED").is_file() && world.done(&["status", &name]).contains("failed: seed=1: "));
    world.done(&["cell", &name, "1", "--retry-failed"]);
    assert!(cell.join("DONE").is_file() && !cell.join("FAILED").exists());
}

#[test]
fn cells_run_by_hand_end_with_the_bytes_of_a_sweep() {
    let (by_sweep, by_hand) = (World::new(), World::new());
    for world in [&by_sweep, &by_hand] {
        world.write("bas.toml", config("bas", TRAIN, SWEEP));
    }
    let found = by_sweep.json(&["sweep", "bas.toml", "--json"]);
    let folder = text(&found, "/folder").to_owned();
    // A plan without cells: the folders of the sweep, with its cells taken away.
    by_hand.done(&["sweep", "bas.toml", "--no-report"]);
    fs::remove_dir_all(by_hand.path("results/cells")).expect("it can be removed");
    let said = by_hand.done(&["cell", &folder, "3", "0"]);
    assert!(said.contains("2 computed"), "{said}");
    for cell in ["k=1,seed=0", "k=3,seed=1"] {
        for file in ["metrics.parquet", "weights.safetensors", "DONE"] {
            let path = |world: &World| world.path(&folder).join("runs").join(cell).join(file);
            assert!(read(&path(&by_sweep)) == read(&path(&by_hand)), "{cell}/{file} differs");
        }
    }
    let refused = by_hand.rbm(&["cell", &folder, "4"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("the plan has cells 0 to 3"), "{}", refused.err);
}

#[test]
fn train_is_a_sweep_of_one_cell() {
    let world = World::new();
    world.write("one.toml", config("one", TRAIN, ""));
    let found = world.json(&["train", "one.toml", "--json"]);
    let run = world.path(text(&found, "/folder")).join("runs/cell");
    assert!(run.join("weights.safetensors").is_file());
    assert_eq!(found["cells"].as_array().map(Vec::len), Some(1));
    assert!(world.path(text(&found, "/report")).is_file());
    assert!(world.done(&["train", "one.toml"]).starts_with("nothing to do: the cell is done"));
}

#[test]
fn train_says_what_the_cell_cost_also_when_it_was_done_before() {
    let world = World::new();
    world.write("one.toml", config("one", TRAIN, ""));
    let first = world.json(&["train", "one.toml", "--json"]);
    let number = |found: &Value, key: &str| found[key].as_f64().unwrap_or_else(|| panic!("no {key} in {found}"));
    let train_seconds = number(&first, "train_seconds");
    assert!(train_seconds > 0.0 && train_seconds <= number(&first["cells"][0], "wall_seconds"), "{first}");
    // Bars and stripes has 16 rows, and there are 6 epochs.
    let rate = number(&first, "samples_per_second");
    assert!((rate * train_seconds / 96.0 - 1.0).abs() < 1e-9, "{first}");
    assert!(number(&first, "start_seconds") > 0.0);
    if cfg!(target_os = "linux") {
        assert!(number(&first, "peak_memory_bytes") > 1e6);
    }
    let again = world.json(&["train", "one.toml", "--json"]);
    for key in ["train_seconds", "samples_per_second", "peak_memory_bytes"] {
        assert_eq!(again[key], first[key], "{key}");
        assert_eq!(again["cells"][0][key], first[key], "{key} of the cell");
    }
    assert!(again["start_seconds"].is_null(), "nothing was begun: {again}");
}

#[test]
fn costs_of_a_sweep_stand_with_its_cells() {
    let world = World::new();
    world.write("bas.toml", config("bas", TRAIN, SWEEP));
    let found = world.json(&["sweep", "bas.toml", "--json"]);
    let cells = found["cells"].as_array().expect("cells");
    assert!(cells.iter().all(|cell| cell["train_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0)), "{found}");
    assert!(found["train_seconds"].is_null(), "a sum would be taken for a time: {found}");
}

#[test]
fn results_go_where_they_are_told_to() {
    let world = World::new();
    world.write("one.toml", config("one", TRAIN, ""));
    let found = world.json(&["train", "one.toml", "--results", "elsewhere", "--json"]);
    assert!(text(&found, "/folder").starts_with("elsewhere/one-"));
    assert!(!world.path("results").exists());
    world.write("file", "");
    let said = world.rbm(&["train", "one.toml", "--results", "file"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
}

#[test]
fn progress_goes_to_standard_error_and_can_be_silenced() {
    let world = World::new();
    world.write("one.toml", config("one", TRAIN, ""));
    let Said { out, err, .. } = world.rbm(&["train", "one.toml"]);
    assert!(err.contains("[1/1] cell: done in ") && !out.contains("[1/1]"), "{err}");
    assert!(!err.contains('\u{1b}') && !out.contains('\u{1b}'), "no colours where there is no terminal");
    let quiet = world.rbm(&["train", "one.toml", "-q", "--set", "run.seed=1"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (Some(0), ""));
    let verbose = world.rbm(&["train", "one.toml", "-v", "--set", "run.seed=2"]);
    assert!(verbose.err.contains("epoch 6: ") && verbose.err.contains("log-z (train) "), "{}", verbose.err);
}

#[test]
fn status_ls_and_show_tell_what_lies_on_the_disk() {
    let world = World::new();
    assert_eq!(world.done(&["status"]), "no sweeps in results\n");
    assert_eq!(world.done(&["ls"]), "no cells in results\n");
    world.write("bas.toml", config("bas", TRAIN, SWEEP));
    let found = world.json(&["sweep", "bas.toml", "--json"]);
    let folder = text(&found, "/folder").to_owned();
    assert!(world.done(&["status"]).contains("4 done"));
    assert!(world.done(&["status", &folder]).contains("4 cells: 4 done"));
    let name = folder.trim_start_matches("results/");
    assert_eq!(world.json(&["status", name, "--json"])["cells"][3]["state"], "done");
    assert_eq!(world.json(&["status", "--json"])[0]["counts"]["done"], 4);
    let listed = world.json(&["ls", "--json"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(4));
    assert_eq!(text(&listed, "/0/sweeps/0"), name);
    let id = text(&found, "/cells/2/id");
    let shown = world.json(&["show", &id[..6], "--json"]);
    assert_eq!((text(&shown, "/id"), text(&shown, "/state")), (id, "done"));
    assert_eq!(shown["config"]["train"]["k"], 3);
    assert_eq!(shown["config"]["model"]["init_std"], 0.01);
    let shown = world.done(&["show", &format!("{folder}/runs/k=3,seed=0")]);
    for fragment in [id, "log-likelihood", "weights.safetensors", "learning_rate = 0.05", "attempt 1"] {
        assert!(shown.contains(fragment), "no {fragment:?} in {shown}");
    }
    let absent = world.rbm(&["show", "zzz"]);
    assert_eq!(absent.code, Some(2));
    assert!(absent.err.contains("\"zzz\""), "{}", absent.err);
}

#[test]
fn show_prints_every_default_of_a_config() {
    let world = World::new();
    world.write("bas.toml", config("bas", TRAIN, SWEEP));
    let shown = world.done(&["show", "bas.toml"]);
    for fragment in ["learning_rate = 0.05", "backend = \"flex\"", "log_z = \"auto\"", "# chains =", "#   k=3,seed=1"] {
        assert!(shown.contains(fragment), "no {fragment:?} in {shown}");
    }
    // What is printed is a config again, of the same cell.
    world.write("again.toml", &shown);
    world.done(&["show", "again.toml"]);
    assert!(!world.path("results").exists());
}

#[test]
fn report_is_drawn_again_also_without_its_data() {
    let world = World::new();
    world.write("rows.csv", "a,b,c,d\n0,1,1,0\n1,1,1,1\n0,0,1,1\n");
    world.write(
        "rows.toml",
        "schema = 1\nname = \"rows\"\n[data]\nsource = \"rows.csv\"\n[model]\nhidden = 3\n[train]\nepochs = 3\n",
    );
    let found = world.json(&["train", "rows.toml", "--json"]);
    let folder = text(&found, "/folder").to_owned();
    let page = world.path(&folder).join("report.html");
    let with = String::from_utf8(read(&page)).expect("text");
    assert!(
        with.contains("Reconstructions") && with.contains("Receptive fields") && with.contains("Samples beside data")
    );
    fs::remove_file(world.path("rows.csv")).expect("it was there");
    fs::remove_file(&page).expect("it was there");
    let said = world.done(&["report", &folder]);
    assert!(said.ends_with("report.html\n"), "{said}");
    let without = String::from_utf8(read(&page)).expect("text");
    assert!(without.contains("Receptive fields") && without.contains("the data could not be loaded"));
    let absent = world.rbm(&["report", "results/absent-0123456789ab"]);
    assert_eq!(absent.code, Some(2), "{}", absent.err);
}
