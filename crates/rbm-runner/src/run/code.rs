//! The state of the code that ran, where there is a git checkout.

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread::{self, JoinHandle},
};

use serde_json::json;

/// A longer difference is not kept: it holds data, not code.
const LONGEST_PATCH: usize = 1 << 20;

/// The state of the code in the working folder, being found out: asking git takes as long as reading the data, and is
/// begun before it.
#[derive(Debug)]
pub struct CodeState(JoinHandle<Files>);

/// Names and contents.
type Files = Vec<(&'static str, Vec<u8>)>;

impl CodeState {
    /// Begins to ask; what lies under `results` is no code.
    pub fn ask(results: &Path) -> Self {
        let results: PathBuf = results.to_owned();
        Self(thread::spawn(move || files(Path::new("."), &results)))
    }

    /// Waits for the answer.
    pub(super) fn files(self) -> Files {
        self.0.join().unwrap_or_default()
    }
}

/// The files under `code/`: `git.json`, and where there are any, `dirty.patch` and `Cargo.lock`; none without a
/// checkout.
fn files(folder: &Path, results: &Path) -> Files {
    let Some(commit) = git(folder, &["rev-parse", "HEAD"]) else { return Vec::new() };
    let line = |args: &[&str]| git(folder, args).map(|text| text.trim().to_owned());
    // Side by side: a run's first step waits for them.
    let (patch, branch, root, changes) = thread::scope(|scope| {
        let patch = scope.spawn(|| git(folder, &["diff", "HEAD", "--no-ext-diff"]).unwrap_or_default());
        let branch = scope.spawn(|| line(&["rev-parse", "--abbrev-ref", "HEAD"]));
        let root = line(&["rev-parse", "--show-toplevel"]).unwrap_or_default();
        // What the sweep itself writes is no change of the code.
        let but_results = format!(":(exclude,top){}", std::path::absolute(results).unwrap_or_default().display());
        let but_results = but_results.replace(&format!("{root}/"), "");
        let changes = line(&["status", "--porcelain", "--", ":(top)", &but_results])
            .or_else(|| line(&["status", "--porcelain"]))
            .unwrap_or_default();
        (patch.join().unwrap_or_default(), branch.join().unwrap_or_default(), root, changes)
    });
    let patch_kept = !patch.is_empty() && patch.len() <= LONGEST_PATCH;
    let record = json!({
        "commit": commit.trim(),
        "branch": branch,
        "dirty": !changes.is_empty(),
        "patch_kept": patch_kept,
    });
    let mut files = vec![("git.json", format!("{record:#}\n").into_bytes())];
    if patch_kept {
        files.push(("dirty.patch", patch.into_bytes()));
    }
    if let Ok(lock) = std::fs::read(Path::new(&root).join("Cargo.lock")) {
        files.push(("Cargo.lock", lock));
    }
    files
}

/// What a git command prints; `None` where it fails or there is no git.
fn git(folder: &Path, args: &[&str]) -> Option<String> {
    // Looking is not to write, not even what git keeps for itself.
    let command = &mut Command::new("git");
    let output = command.env("GIT_OPTIONAL_LOCKS", "0").arg("-C").arg(folder).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
