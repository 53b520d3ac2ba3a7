//! `reproduce`: verdicts on claims, those of the program and one's own, and what it refuses.

use std::{fs, process::Command};

use serde_json::Value;

use super::world::{Said, World, config, read, read_json, text, walk};

/// The head of an `experiment.toml`; seven lines.
pub(super) const HEAD: &str = r#"schema = 1
title = "A claim"
group = "article"
claim = "It holds."
source = "a test"
basis = "computed"
budget = { smoke = 1 }
"#;

/// Three seeds on bars and stripes with a figure.
const SWEEP: &str = r#"
[[sweep]]
name = "bars"
config = "bars.toml"
smoke = {}

[[figure]]
name = "curve"
title = "Over training"
sentence = "Mean log-likelihood over epochs."
kind = "lines"
quantity = ["log-likelihood"]
"#;

/// A mean log-likelihood is that of states that can be counted, so never above 0: refuted, whatever is learnt.
const WRONG: &str = r#"
[[test]]
says = "log-likelihood in the end"
value = { quantity = "log-likelihood", where = { split = "train" } }
interval = "range"
unit = "nats a row"
confirmed = { above = 0 }
refuted = { below = 0 }
holds = "Rows have densities."
fails = "Rows have probabilities."
"#;

/// Machines begin at about the uniform law, 3.6 nats a row below bars and stripes; 1,600 updates of CD-1 lead some way
/// towards them.
const LEARNS: &str = r#"
[[test]]
says = "log-likelihood that training gains"
value = { quantity = "log-likelihood", where = { split = "train" } }
minus = { quantity = "log-likelihood", where = { split = "train" }, at = "first" }
interval = "range"
unit = "nats a row"
confirmed = { above = 0 }
refuted = { below = 0 }
holds = "Training gains likelihood."
fails = "Training gains nothing."
"#;

/// The article's sigmoids on two small machines.
const SIGMOIDS: &str = r#"
[[protocol]]
name = "conditionals"
smoke = { machines = 2, visible = 3, hidden = 2, scales = [0.5] }

[[test]]
says = "error of the sigmoid formula"
value = { quantity = "hidden-conditional-error", over = "max" }
interval = "range"
confirmed = { below = 1e-11 }
refuted = { above = 1e-6 }
holds = "Sigmoids."
fails = "No sigmoids."
"#;

/// Puts a folder under `mine`.
pub(super) fn experiment(world: &World, name: &str, statement: &str) {
    fs::create_dir_all(world.path(&format!("mine/{name}"))).expect("a folder");
    world.write(&format!("mine/{name}/experiment.toml"), format!("{HEAD}{statement}"));
    let bars = config("bars", "epochs = 400\nbatch_size = 4\nlearning_rate = 0.3", "[sweep]\nseeds = 3");
    world.write(&format!("mine/{name}/bars.toml"), bars);
}

/// A world with three claims: one confirmed, one refuted, one of a protocol.
pub(super) fn three() -> World {
    let world = World::new();
    experiment(&world, "learns", &format!("{SWEEP}{LEARNS}"));
    experiment(&world, "wrong", &format!("{SWEEP}{WRONG}"));
    experiment(&world, "sigmoids", SIGMOIDS);
    world
}

/// The call that tests them.
pub(super) const MINE: [&str; 4] = ["reproduce", "--experiments", "mine", "--json"];

/// Claims and verdicts of a call that must end well.
#[track_caller]
pub(super) fn verdicts(world: &World) -> Vec<(String, String)> {
    let found = world.json(&MINE);
    let of = |one: &Value| (text(one, "/claim").to_owned(), text(one, "/verdict").to_owned());
    found.as_array().expect("claims").iter().map(of).collect()
}

#[track_caller]
pub(super) fn assert_verdicts(world: &World, expected: [(&str, &str); 3]) {
    let found = verdicts(world);
    let found: Vec<(&str, &str)> = found.iter().map(|(claim, verdict)| (claim.as_str(), verdict.as_str())).collect();
    assert_eq!(found, expected);
}

/// What [`three`] comes to.
pub(super) const THREE: [(&str, &str); 3] = [("learns", "confirmed"), ("sigmoids", "confirmed"), ("wrong", "refuted")];

/// Where results lie.
pub(super) const FOLDER: &str = "results/reproduce/mine/smoke";

#[test]
fn verdicts_have_statistic_interval_and_evidence_and_a_refuted_claim_is_no_failure() {
    let world = three();
    let found = world.json(&MINE);
    for one in found.as_array().expect("claims") {
        let number = |pointer: &str| one.pointer(pointer).and_then(Value::as_f64).expect("a number");
        let (low, high) = (number("/interval/0"), number("/interval/1"));
        assert!(low <= number("/statistic") && number("/statistic") <= high, "{one}");
        let seeds = if one["claim"] == "sigmoids" { 2 } else { 3 };
        assert_eq!(one["n"], seeds, "{one}");
        let evidence = one["evidence"].as_array().expect("paths");
        assert!(!evidence.is_empty(), "{one}");
        for path in evidence {
            assert!(world.path(path.as_str().expect("a path")).exists(), "{path} does not exist");
        }
    }
    assert_verdicts(&world, THREE);
    let table = world.done(&MINE[..3]);
    for fragment in ["learns", "confirmed", "wrong", "refuted", "3 claims in ", "report.html"] {
        assert!(table.contains(fragment), "no {fragment:?} in {table}");
    }
    let page = String::from_utf8(read(&world.path(FOLDER).join("report.html"))).expect("text");
    for fragment in ["Rows have probabilities.", "Training gains likelihood.", "Mean log-likelihood over epochs."] {
        assert!(page.contains(fragment), "no {fragment:?} in the page");
    }
    assert!(world.path(FOLDER).join("figures/learns-curve.svg").is_file());
    assert_eq!(read_json(&world.path(FOLDER).join("verdicts.json")), found, "--json and verdicts.json differ");
}

/// The page without the row that tells how much memory this very process held.
fn page(world: &World) -> String {
    let page = String::from_utf8(read(&world.path(FOLDER).join("report.html"))).expect("text");
    let mut parts = page.split("largest memory of a process");
    let before = parts.next().expect("a page").to_owned();
    parts.fold(before, |text, rest| {
        text + rest.split_once("</").map_or("", |(_, after)| after.split_once("</").expect("a value").1)
    })
}

#[test]
fn second_run_computes_nothing_and_writes_the_same_bytes() {
    let world = three();
    assert_verdicts(&world, THREE);
    let snapshot = || {
        let files = walk(&world.path("results"));
        let computed = files.into_iter().filter(|path| {
            let drawn = path.parent().is_some_and(|folder| folder.ends_with("smoke"));
            !drawn && !path.ends_with("lease")
        });
        let mut of: Vec<_> = computed.map(|path| (path.clone(), read(&path))).collect();
        of.sort();
        of
    };
    let times = || {
        let kept = |path: &std::path::PathBuf| {
            ["metrics.parquet", "weights.safetensors", "run.json", "DONE", "conditionals.jsonl"]
                .iter()
                .any(|name| path.ends_with(name))
        };
        let mut of: Vec<_> = (walk(&world.path("results")).into_iter().filter(kept))
            .map(|path| (path.clone(), fs::metadata(&path).and_then(|data| data.modified()).expect("a time")))
            .collect();
        of.sort();
        assert_eq!(of.len(), 3 * 4 + 1, "three cells and a protocol");
        of
    };
    let (first, first_times, first_page) = (snapshot(), times(), page(&world));
    let first_verdicts = read(&world.path(FOLDER).join("verdicts.json"));
    assert_verdicts(&world, THREE);
    assert_eq!(times(), first_times, "something was computed again");
    for (one, other) in first.iter().zip(snapshot()) {
        assert!(*one == other, "{} differs", one.0.display());
    }
    assert_eq!(first.len(), snapshot().len());
    assert!(first.iter().any(|(path, _)| path.extension().is_some_and(|suffix| suffix == "svg")), "no figures");
    assert!(read(&world.path(FOLDER).join("verdicts.json")) == first_verdicts, "verdicts.json differs");
    assert_eq!(page(&world), first_page);
}

#[test]
fn configs_of_ones_own_lie_beside_their_experiment() {
    let world = World::new();
    experiment(&world, "rows", &format!("{SWEEP}{WRONG}"));
    world.write("mine/rows/rows.csv", "a,b,c,d\n0,1,1,0\n1,1,1,1\n0,0,1,1\n");
    let bars = config("rows", "epochs = 3", "[sweep]\nseeds = 3").replace("bars-and-stripes", "rows.csv");
    world.write("mine/rows/bars.toml", bars);
    assert_eq!(verdicts(&world), [("rows".to_owned(), "refuted".to_owned())]);
}

/// Cuts a call off from data: no cache, no mirrors, no npm.
fn cut_off<'a>(world: &World, command: &'a mut Command) -> &'a mut Command {
    for folder in ["empty", "home"] {
        fs::create_dir_all(world.path(folder)).expect("a folder");
    }
    for proxy in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        // The port of the discard service, where nobody listens.
        command.env(proxy, "http://127.0.0.1:9");
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    command.env("PATH", world.path("empty")).env("HOME", world.path("home")).env("RBM_DATA_DIR", world.path("empty"))
}

#[test]
fn claims_whose_data_cannot_be_had_stay_undecided_and_the_others_are_decided() {
    let world = World::new();
    let mut command = world.command(&["reproduce", "conditionals", "listing", "initialisation", "--json"]);
    let said = Said::of(&cut_off(&world, &mut command).output().expect("the program starts"));
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.err.contains("the data set mnist could not be had"), "{}", said.err);
    let found: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((text(&found, "/0/claim"), text(&found, "/0/verdict")), ("conditionals", "confirmed"));
    let needs = "it needs the data set mnist, which could not be had";
    assert!(text(&found[1], "/conclusion").contains(needs), "{}", found[1]);
    assert_eq!(text(&found, "/2/conclusion"), "It needs the data set mnist, which could not be had.");
    assert!(!said.err.contains("Undecided"), "numbers that need these data are no surprise: {}", said.err);
    assert_eq!(text(&found, "/2/verdict"), "undecided");
    // What the listing does on bars and stripes, and where its softplus ends, is decided all the same.
    let of = |test: usize| text(&found, &format!("/1/tests/{test}/verdict")).to_owned();
    assert_eq!([of(0), of(2)], ["undecided", "refuted"], "{}", found[1]);
    assert_ne!(of(1), "undecided", "{}", found[1]);
}

/// That a call is refused with these words, and nothing is written.
#[track_caller]
fn refused(world: &World, words: &[&str], fragments: &[&str]) {
    let said = world.rbm(words);
    assert_eq!(said.code, Some(2), "{words:?}: {}{}", said.out, said.err);
    for fragment in fragments {
        assert!(said.err.contains(fragment), "{words:?}: no {fragment:?} in {}", said.err);
    }
    assert_eq!(said.out, "", "{words:?}");
    assert!(!world.path("results").exists(), "{words:?}: something was written");
}

#[test]
fn mistakes_are_refused_before_anything_is_written() {
    let world = three();
    refused(&world, &["reproduce", "conditonals"], &["no claim \"conditonals\"", "did you mean \"conditionals\"?"]);
    refused(&world, &["reproduce", "--experiments", "mine", "lerns"], &["did you mean \"learns\"?"]);
    refused(&world, &["reproduce", "--experiments", "absent"], &["absent"]);
    refused(&world, &["reproduce", "--experiments", "results-of-mine"], &["failed to read results-of-mine"]);
    let full = ["reproduce", "--experiments", "mine", "--profile", "full"];
    refused(&world, &full, &["no claim has the profile full"]);
    refused(&world, &[&full[..], &["learns"]].concat(), &["learns has no profile full", "rbm reproduce learns"]);
    let reach = ["reproduce", "--profile", "smoke", "practical-settings"];
    refused(&world, &reach, &["practical-settings has no profile smoke", "--profile full"]);
    experiment(&world, "bad", &WRONG.replace("says", "sais"));
    // Seven lines of the head, an empty one and that of the table stand above.
    refused(&world, &MINE, &["mine/bad/experiment.toml: line 10, column 1: unknown field `sais`"]);
    experiment(&world, "bad", &format!("{}{WRONG}", SWEEP.replace("bars.toml", "bar.toml")));
    refused(&world, &MINE, &["mine/bad/experiment.toml: line 11: ", "did you mean \"bars.toml\"?"]);
    experiment(&world, "bad", &format!("{SWEEP}{WRONG}"));
    world.write("mine/bad/bars.toml", config("bars", "epocs = 3", ""));
    refused(&world, &MINE, &["mine/bad/bars.toml:8:1", "did you mean `epochs`?"]);
    for (parameters, reason) in [("machine = 2", "unknown field `machine`"), ("scales = []", "`scales` one or more")] {
        experiment(&world, "bad", &SIGMOIDS.replace("scales = [0.5]", parameters));
        refused(&world, &MINE, &["mine/bad/experiment.toml: protocol \"conditionals\", profile smoke: ", reason]);
    }
}

#[test]
fn a_list_and_a_dry_run_compute_nothing() {
    let world = three();
    let list = world.done(&["reproduce", "--list"]);
    for fragment in ["conditionals", "bias-of-k", "initialisation", "article", "paper"] {
        assert!(list.contains(fragment), "no {fragment:?} in {list}");
    }
    let known = world.json(&["reproduce", "--list", "--json"]);
    assert_eq!((text(&known, "/0/claim"), text(&known, "/0/group")), ("conditionals", "article"));
    assert!(known[0]["smoke_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{known}");
    let mine = world.done(&["reproduce", "--experiments", "mine", "--list"]);
    assert!(mine.contains("sigmoids") && mine.contains("learns"), "{mine}");
    let one = world.done(&["reproduce", "--experiments", "mine", "--list", "sigmoids"]);
    assert!(one.contains("sigmoids") && !one.contains("learns"), "{one}");
    refused(&world, &["reproduce", "--list", "conditonals"], &["did you mean \"conditionals\"?"]);
    let left = |claim: usize| {
        let words = [&MINE[..], &["--dry-run"]].concat();
        let found = world.json(&words);
        (found[claim]["cells"].as_u64(), found[claim]["left"].as_u64())
    };
    // The third shares its cells with the first.
    assert_eq!([left(0), left(1), left(2)], [(Some(3), Some(3)), (Some(0), Some(0)), (Some(0), Some(0))]);
    assert!(!world.path("results").exists(), "something was written");
    world.write("afile", "");
    refused(&world, &[&MINE[..], &["--dry-run", "--results", "afile"]].concat(), &["afile", "not a directory"]);
    assert_verdicts(&world, THREE);
    assert_eq!(left(0), (Some(3), Some(0)));
}
