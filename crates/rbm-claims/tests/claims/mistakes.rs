//! Mistakes in `experiment.toml`: the file, the line, what is wrong, the closest word.

use std::{collections::BTreeMap, path::Path};

use rbm_claims::Experiment;

use crate::common::HEAD;

/// Below the seven lines of the head a sweep from line 8, a protocol from 13, a test from 17 with its words on 18, a figure
/// from 25 with its name on 26.
const REST: &str = r#"[[sweep]]
name = "bars"
config = "bars.toml"
smoke = {}

[[protocol]]
name = "conditionals"
smoke = { machines = 2 }

[[test]]
says = "a \"quoted\" number, in nats"
value = { quantity = "q", where = { sweep = "bars" } }
confirmed = { above = 1 }
refuted = { below = 0 }
holds = "Yes."
fails = "No."

[[figure]]
name = "one"
title = "A figure"
sentence = "It shows."
kind = "lines"
quantity = ["q"]
where = { sweep = "bars" }
"#;

fn parse(text: &str) -> Result<Experiment, String> {
    let configs = BTreeMap::from([("bars.toml".to_owned(), String::new())]);
    Experiment::parse("mine", Path::new("my/mine/experiment.toml"), text, configs).map_err(|error| error.to_string())
}

/// The text with one thing in it altered.
fn altered(from: &str, to: &str) -> String {
    let text = format!("{HEAD}{REST}");
    assert!(text.contains(from), "there is no {from:?} to alter");
    text.replacen(from, to, 1)
}

#[test]
fn the_text_is_right_before_it_is_altered() {
    let experiment = parse(&format!("{HEAD}{REST}")).expect("an experiment");
    assert_eq!((experiment.name.as_str(), experiment.folder.as_path()), ("mine", Path::new("my/mine")));
}

#[test]
fn mistakes_are_named_with_file_and_line() {
    for (from, to, line, fragments) in [
        ("title =", "titel =", 2, &["unknown field `titel`", "did you mean \"title\"?"][..]),
        ("says =", "say =", 18, &["unknown field `say`", "did you mean \"says\"?"]),
        ("smoke = 1", "smoke = \"1\"", 7, &["invalid type: string \"1\"", "f64"]),
        ("group = \"article\"", "group = \"articles\"", 3, &["unknown variant `articles`", "`article`"]),
        ("[[test]]", "[[tests]]", 17, &["unknown field `tests`"]),
        ("kind = \"lines\"", "kind = \"line\"", 29, &["unknown variant `line`", "`lines`"]),
        ("above = 1", "abov = 1", 20, &["unknown field `abov`", "`above`"]),
        ("quantity = \"q\"", "quantity = \"q\", at = \"end\"", 19, &["unknown variant `end`", "`last`"]),
        ("title = \"A claim\"", "title = A claim", 2, &[]),
        ("schema = 1", "schema = 2", 1, &["schema must be 1, not 2"]),
        ("{ smoke = 1 }", "{}", 7, &["budget must give seconds for `smoke`, `full` or both"]),
        ("bars.toml\"", "bras.toml\"", 10, &["no config \"bras.toml\"", "did you mean \"bars.toml\"?"]),
        ("name = \"conditionals\"", "name = \"conditional\"", 14, &["no protocol", "did you mean \"conditionals\"?"]),
        ("smoke = { m", "sweeps = [\"bar\"]\nsmoke = { m", 15, &["no sweep \"bar\"", "did you mean \"bars\"?"]),
        ("sweep = \"bars\"", "sweep = \"brs\"", 19, &["no sweep \"brs\"", "did you mean \"bars\"?"]),
        ("{ above = 1 }", "{}", 18, &["`confirmed` and `refuted` need `above`, `below` or both, or `outside`"]),
        ("{ above = 1 }", "{ above = 2, below = 1 }", 18, &["in order"]),
        ("{ above = 1 }", "{ outside = [3, 1] }", 18, &["in order"]),
        ("{ above = 1 }", "{ outside = [1, 3], above = 1 }", 18, &["in order"]),
        ("{ above = 1 }", "{ above = -0.5 }", 18, &["some numbers would both confirm and refute it"]),
        ("{ above = 1 }", "{ outside = [-3, 3] }", 18, &["some numbers would both confirm and refute it"]),
        (
            "holds =",
            "minus = { quantity = \"q\" }\nper = { quantity = \"q\" }\nholds =",
            18,
            &["either `minus` or `per`"],
        ),
        ("quantity = [\"q\"]", "quantity = []", 26, &["figure \"one\"", "at least one word under `quantity`"]),
        ("kind = \"lines\"", "kind = \"images\"", 26, &["needs `picture`"]),
    ] {
        let message = parse(&altered(from, to)).expect_err(to);
        let place = format!("my/mine/experiment.toml: line {line}");
        assert!(message.starts_with(&place), "{to}: expected {place:?} in {message:?}");
        for fragment in fragments {
            assert!(message.contains(fragment), "{to}: no {fragment:?} in {message:?}");
        }
    }
}

#[test]
fn regions_that_only_touch_are_no_mistake() {
    for to in ["{ above = 0 }", "{ above = 0, below = 5 }"] {
        parse(&altered("{ above = 1 }", to)).expect(to);
    }
}

#[test]
fn names_stand_once() {
    let text = format!("{HEAD}{REST}");
    let (sweep, rest) = REST.split_once("\n\n").expect("a sweep");
    let (protocol, _) = rest.split_once("\n\n").expect("a protocol");
    let figure = &REST[REST.find("[[figure]]").expect("a figure")..];
    for (again, fragment) in [
        (sweep, "two sweeps are called \"bars\""),
        (protocol, "protocol \"conditionals\" stands twice: give one of them `save_as`"),
        (figure, "two figures are called \"one\""),
    ] {
        let message = parse(&format!("{text}\n{again}\n")).expect_err(fragment);
        assert!(message.contains(fragment), "{message}");
    }
    let other = protocol.replace("smoke", "save_as = \"other\"\nsmoke");
    parse(&format!("{text}\n{other}\n")).expect("a protocol may stand twice under two names");
}

#[test]
fn without_a_test_there_is_no_verdict() {
    let message = parse(&format!("{HEAD}test = []\n")).expect_err("no test");
    assert!(message.contains("line 8: expected at least one [[test]]"), "{message}");
}

#[test]
fn folders_without_experiments_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let message = rbm_claims::read_folder(folder.path()).expect_err("nothing there").to_string();
    assert!(message.contains("expected folders with a file experiment.toml each"), "{message}");
    let absent = rbm_claims::read_folder(&folder.path().join("absent")).expect_err("nothing there").to_string();
    assert!(absent.contains("absent"), "{absent}");
}
