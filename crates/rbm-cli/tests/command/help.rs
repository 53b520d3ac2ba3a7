//! What people read first.

use super::world::World;

#[test]
fn help_of_each_command_reads_as_agreed() {
    let world = World::new();
    insta::assert_snapshot!("rbm", world.done(&["--help"]));
    for command in [
        "train",
        "sweep",
        "cell",
        "status",
        "ls",
        "show",
        "evaluate",
        "mixing",
        "bias",
        "sample",
        "transform",
        "report",
        "completions",
        "backends",
        "reproduce",
    ] {
        insta::assert_snapshot!(command, world.done(&[command, "--help"]));
    }
    for command in ["fetch", "info"] {
        insta::assert_snapshot!(format!("data-{command}"), world.done(&["data", command, "--help"]));
    }
}

#[test]
fn every_command_has_examples() {
    let world = World::new();
    let list = world.done(&["help"]);
    let commands = list.split_once("Commands:").and_then(|(_, rest)| rest.split_once("Options:")).expect("a list").0;
    let names = commands.lines().filter_map(|line| line.split_whitespace().next());
    for name in names.filter(|name| !["help", "data"].contains(name)) {
        assert!(world.done(&[name, "--help"]).contains("Examples:\n  rbm "), "{name} has no example");
    }
}

#[test]
fn the_entry_of_worker_processes_is_not_shown() {
    assert!(!World::new().done(&["--help"]).contains("worker-process"));
}

#[test]
fn usage_errors_exit_with_2_and_name_the_closest_word() {
    let world = World::new();
    for (words, fragment) in [
        (&["swep", "x.toml"][..], "a similar subcommand exists: 'sweep'"),
        (&["sweep", "x.toml", "--dryrun"], "--dry-run"),
        (&["sample", "w.safetensors", "--rows", "0", "--steps", "1", "--out", "x.npy"], "0 is not in 1.."),
        (&["sample", "w.safetensors", "--rows", "1", "--out", "x.npy"], "--steps"),
        (
            &["sample", "w.safetensors", "--rows", "1", "--steps", "1", "--exact", "--out", "x.npy"],
            "cannot be used with",
        ),
        (&["sweep", "x.toml", "--workers", "0"], "expected a whole number from 1 to 1024, or \"auto\""),
        (&["evaluate", "w.safetensors"], "--data <CONFIG>"),
        (&[], "Usage: rbm"),
    ] {
        let said = world.rbm(words);
        assert_eq!(said.code, Some(2), "{words:?}");
        assert!(said.err.contains(fragment), "{words:?}: no {fragment:?} in {}", said.err);
        assert_eq!(said.out, "", "{words:?}");
    }
}

#[test]
fn completions_are_printed_for_a_shell() {
    let world = World::new();
    assert!(world.done(&["completions", "bash"]).contains("_rbm()"));
    assert!(world.done(&["completions", "fish"]).contains("complete -c rbm"));
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let world = World::new();
    let mut child =
        world.command(&["completions", "bash"]).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}
