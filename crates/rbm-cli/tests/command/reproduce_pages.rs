//! `reproduce` with names: which page is written, what is kept of other claims, what is lost when it is stopped.

use std::{fs, path::PathBuf};

use super::{
    reproduce::{FOLDER, MINE, experiment, three},
    world::{Said, World, read, read_json, walk},
};

fn file(world: &World, name: &str) -> PathBuf {
    world.path(FOLDER).join(name)
}

/// Tests some claims; the call's table.
#[track_caller]
fn test(world: &World, names: &[&str]) -> String {
    world.done(&[&MINE[..3], names].concat())
}

/// The claims in verdicts.json.
fn claims(world: &World) -> Vec<String> {
    let verdicts = read_json(&file(world, "verdicts.json"));
    let claims = verdicts.as_array().expect("a list").iter();
    claims.map(|one| one["claim"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn a_page_of_some_claims_does_not_take_the_place_of_the_page_of_all() {
    let world = three();
    let table = test(&world, &["sigmoids"]);
    assert!(table.contains("mine/smoke/sigmoids.html"), "{table}");
    assert!(!file(&world, "report.html").exists(), "not all claims were tested");
    assert_eq!(claims(&world), ["sigmoids"]);
    let table = test(&world, &[]);
    assert!(table.contains("mine/smoke/report.html"), "{table}");
    let all = read(&file(&world, "report.html"));
    let table = test(&world, &["wrong", "learns"]);
    assert!(table.contains("mine/smoke/several.html"), "{table}");
    test(&world, &["learns"]);
    assert!(read(&file(&world, "report.html")) == all, "the page of all claims was written again");
    assert_eq!(claims(&world), ["learns", "sigmoids", "wrong"]);
    assert!(!world.path("results/reproduce/smoke").exists(), "that is the place of the claims in the program");
    let page = String::from_utf8(read(&file(&world, "several.html"))).expect("text");
    for claim in ["wrong", "learns"] {
        let command = format!("rbm reproduce {claim} --profile smoke --experiments mine");
        assert!(page.contains(&command), "no {command:?} on the page");
    }
}

#[test]
fn verdicts_of_claims_that_are_gone_are_dropped_and_a_damaged_file_is_written_anew() {
    let world = three();
    test(&world, &[]);
    fs::remove_dir_all(world.path("mine/learns")).expect("it is there");
    test(&world, &["sigmoids"]);
    assert_eq!(claims(&world), ["sigmoids", "wrong"]);
    fs::write(file(&world, "verdicts.json"), "[{").expect("it is written");
    let said = world.rbm(&[&MINE[..3], &["sigmoids"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("verdicts.json is written anew, since it is damaged"), "{}", said.err);
    assert_eq!(claims(&world), ["sigmoids"]);
}

#[test]
fn figures_that_are_no_longer_drawn_go_and_those_of_longer_names_stay() {
    let world = three();
    let statement = fs::read_to_string(world.path("mine/learns/experiment.toml")).expect("text");
    // A claim whose name begins with another's.
    fs::create_dir_all(world.path("mine/learns-more")).expect("a folder");
    for name in ["experiment.toml", "bars.toml"] {
        fs::copy(world.path(&format!("mine/learns/{name}")), world.path(&format!("mine/learns-more/{name}")))
            .expect("it is copied");
    }
    test(&world, &[]);
    for name in ["figures/learns-curve.svg", "figures/learns-more-curve.svg"] {
        assert!(file(&world, name).is_file(), "{name}");
    }
    world.write("mine/learns/experiment.toml", statement.replace("name = \"curve\"", "name = \"line\""));
    test(&world, &["learns"]);
    assert!(!file(&world, "figures/learns-curve.svg").exists(), "nothing draws it any more");
    for name in ["figures/learns-line.svg", "figures/learns-more-curve.svg"] {
        assert!(file(&world, name).is_file(), "{name}");
    }
}

#[test]
fn numbers_that_nothing_measures_are_told() {
    let world = three();
    let path = world.path("mine/sigmoids/experiment.toml");
    let statement = fs::read_to_string(&path).expect("text").replace("\"hidden-conditional-error\"", "\"a-slip\"");
    fs::write(&path, statement).expect("it is written");
    let said = world.rbm(&[&MINE[..3], &["sigmoids"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("sigmoids: Undecided, error of the sigmoid formula: "), "{}", said.err);
    assert!(said.err.contains("a-slip"), "{}", said.err);
}

#[test]
fn a_folder_that_cannot_be_made_is_refused_before_anything_is_computed() {
    let world = three();
    fs::create_dir_all(world.path("results/reproduce")).expect("a folder");
    world.write("results/reproduce/mine", "a file");
    let said = world.rbm(&MINE);
    assert_eq!(said.code, Some(2), "{}{}", said.out, said.err);
    assert!(said.err.contains("failed to create results/reproduce/mine/smoke: "), "{}", said.err);
    assert!(!world.path("results/cells").exists(), "something was computed");
}

/// The exact likelihood of each of the three cells that `learns` trains.
const LIKELIHOOD: &str = "\n[[protocol]]\nname = \"test-likelihood\"\nsmoke = {}\n";

#[test]
fn a_protocol_that_takes_cells_one_by_one_keeps_them_one_by_one() {
    let world = three();
    let path = world.path("mine/learns/experiment.toml");
    fs::write(&path, fs::read_to_string(&path).expect("text") + LIKELIHOOD).expect("it is written");
    test(&world, &["learns"]);
    let mut files = walk(&file(&world, "learns/test-likelihood"));
    files.sort();
    assert_eq!(files.len(), 3, "a file a cell: {files:?}");
    for one in &files {
        let id = one.file_stem().expect("a name");
        assert!(world.path("results/cells").join(id).is_dir(), "{} is named after no cell", one.display());
    }
    // The times in the headers tell what was computed again.
    let before: Vec<Vec<u8>> = files.iter().map(|one| read(one)).collect();
    fs::remove_file(&files[1]).expect("it was there");
    let found = world.json(&[&MINE[..], &["learns"]].concat());
    let after: Vec<Vec<u8>> = files.iter().map(|one| read(one)).collect();
    assert!(before[0] == after[0] && before[2] == after[2], "a cell was computed again");
    let numbers = |bytes: &[u8]| {
        String::from_utf8(bytes.to_owned()).expect("text").lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(!numbers(&before[1]).is_empty());
    assert_eq!(numbers(&before[1]), numbers(&after[1]));
    let evidence = found[0]["evidence"].as_array().expect("paths");
    let names = |path: &serde_json::Value| path.as_str().is_some_and(|path| path.ends_with("learns/test-likelihood"));
    assert!(evidence.iter().any(names), "{evidence:?}");
    // A second sweep of the same cells has its own numbers, with its own labels.
    let statement = fs::read_to_string(&path).expect("text");
    let again = "\n[[sweep]]\nname = \"again\"\nconfig = \"bars.toml\"\nsmoke = {}\n";
    fs::write(&path, statement + again).expect("it is written");
    test(&world, &["learns"]);
    let all = walk(&file(&world, "learns/test-likelihood"));
    assert_eq!(all.len(), 6, "{all:?}");
    for one in &all {
        let labels = String::from_utf8(read(one)).expect("text");
        let sweep = if files.contains(one) { "\"sweep\":\"bars\"" } else { "\"sweep\":\"again\"" };
        assert!(labels.contains(sweep), "{}: {labels}", one.display());
    }
}

#[test]
fn publishing_needs_every_readme_and_takes_only_its_own_figures() {
    let world = three();
    let publish = ["reproduce", "--experiments", "mine", "learns", "--publish", "shown"];
    for folder in ["shown/figures", "experiments/learns"] {
        fs::create_dir_all(world.path(folder)).expect("a folder");
    }
    // `learns-more` is a claim too; `learns-old` was drawn once.
    fs::create_dir_all(world.path("mine/learns-more")).expect("a folder");
    for name in ["experiment.toml", "bars.toml"] {
        fs::copy(world.path(&format!("mine/learns/{name}")), world.path(&format!("mine/learns-more/{name}")))
            .expect("it is copied");
    }
    let (old, other) = ("shown/figures/learns-old.svg", "shown/figures/learns-more-curve.svg");
    world.write(old, "<svg/>");
    world.write(other, "<svg/>");
    let block = |name: &str| format!("Text.\n<!-- {name} -->\n<!-- end of {name} -->\n");
    world.write("README.md", block("verdicts"));
    let said = world.rbm(&publish);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("failed to read experiments/learns/README.md"), "{}", said.err);
    assert!(world.path(old).exists() && !world.path("shown/verdicts.json").exists(), "half of it was published");

    world.write("experiments/learns/README.md", block("verdict"));
    world.done(&publish);
    assert!(!world.path(old).exists() && world.path(other).exists());
    assert!(world.path("shown/figures/learns-curve.svg").is_file());
    let readme = String::from_utf8(read(&world.path("experiments/learns/README.md"))).expect("text");
    assert!(readme.contains("learns-curve.svg") && !readme.contains("learns-more"), "{readme}");
    assert!(String::from_utf8(read(&world.path("README.md"))).expect("text").contains("confirmed"));
}

#[cfg(unix)]
#[test]
fn an_interrupt_within_a_protocol_keeps_what_was_finished_and_writes_no_page() {
    use super::resume::{signal, start};
    use std::{
        thread::sleep,
        time::{Duration, Instant},
    };
    let world = World::new();
    let of = |machines: u32| {
        let conditionals = format!("smoke = {{ machines = {machines}, visible = 8, hidden = 6 }}");
        format!(
            "[[protocol]]\nname = \"conditionals\"\n{conditionals}\n[[test]]\nsays = \"error\"\n\
             value = {{ quantity = \"hidden-conditional-error\", over = \"max\" }}\ninterval = \"range\"\n\
             confirmed = {{ below = 1e-11 }}\nrefuted = {{ above = 1e-6 }}\nholds = \"Yes.\"\nfails = \"No.\"\n"
        )
    };
    experiment(&world, "a-short-one", &of(1));
    // A million machines would take hours.
    experiment(&world, "b-long-one", &of(1_000_000));
    let mut child = start(&world, &MINE);
    let first = file(&world, "a-short-one/conditionals.jsonl");
    let begun = Instant::now();
    while !first.is_file() && begun.elapsed() < Duration::from_secs(60) {
        assert!(child.try_wait().expect("a child").is_none(), "it ended");
        sleep(Duration::from_millis(20));
    }
    sleep(Duration::from_millis(200));
    signal("-INT", child.id());
    let interrupted = Instant::now();
    let said = Said::of(&child.wait_with_output().expect("it ends"));
    // Each machine takes some ten milliseconds; a machine that is busy elsewhere is allowed for.
    assert!(interrupted.elapsed() < Duration::from_secs(20), "it went on for {:?}", interrupted.elapsed());
    assert_eq!(said.code, Some(130), "{}{}", said.out, said.err);
    assert!(first.is_file(), "what was finished is kept");
    for name in ["report.html", "verdicts.json", "b-long-one/conditionals.jsonl"] {
        assert!(!file(&world, name).exists(), "{name} was written");
    }
}
