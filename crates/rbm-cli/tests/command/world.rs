//! A temporary folder, and `rbm` run in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// A temporary folder; results go to `results` in it.
pub(crate) struct World {
    folder: TempDir,
}

/// What a call came to.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("a file in the temporary folder");
        path
    }

    /// The program, to be run in this folder, without what the caller's environment might say.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rbm"));
        command.args(words).current_dir(self.folder.path());
        for variable in ["RBM_DATA_DIR", "RUST_BACKTRACE", "NO_COLOR", "COLUMNS"] {
            command.env_remove(variable);
        }
        command.env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    pub(crate) fn rbm(&self, words: &[&str]) -> Said {
        Said::of(&self.command(words).output().expect("the program starts"))
    }

    /// Runs a call that must end well; its standard output.
    #[track_caller]
    pub(crate) fn done(&self, words: &[&str]) -> String {
        let said = self.rbm(words);
        assert_eq!(said.code, Some(0), "{words:?}: {}{}", said.out, said.err);
        said.out
    }

    /// Runs a call that must end well and print JSON.
    #[track_caller]
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.done(words)).expect("JSON on standard output")
    }
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// Bars and stripes, with the given lines in place of the usual ones.
pub(crate) fn config(name: &str, train: &str, rest: &str) -> String {
    format!(
        "schema = 1\nname = \"{name}\"\n[data]\nsource = \"bars-and-stripes\"\n[model]\nhidden = 6\n[train]\n{train}\n{rest}\n"
    )
}

/// The string at a JSON pointer.
#[track_caller]
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer} in {value}"))
}

pub(crate) fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()))
}

pub(crate) fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("a JSON file")
}

/// The folder of the one sweep there is.
pub(crate) fn sweep_folder(world: &World) -> String {
    let found = world.json(&["status", "--json"]);
    text(&found[0], "/folder").to_owned()
}

/// All files below a folder; links are not followed.
pub(crate) fn walk(folder: &Path) -> Vec<PathBuf> {
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

/// A sweep of two cells that takes no time.
pub(crate) fn small() -> World {
    let world = World::new();
    world.write("small.toml", config("small", "epochs = 4\nbatch_size = 4", "[sweep]\nseeds = 2"));
    world
}
