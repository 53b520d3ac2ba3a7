//! The state of the code that ran, where there is a git checkout.

use std::{path::Path, process::Command};

use serde_json::json;

/// A longer difference is not kept: it holds data, not code.
const LONGEST_PATCH: usize = 1 << 20;

/// The files under `code/`: `git.json`, and where there are any, `dirty.patch` and `Cargo.lock`; none without a checkout.
pub(super) fn files(folder: &Path, results: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let Some(commit) = git(folder, &["rev-parse", "HEAD"]) else { return Vec::new() };
    let line = |args: &[&str]| git(folder, args).map(|text| text.trim().to_owned());
    let patch = git(folder, &["diff", "HEAD", "--no-ext-diff"]).unwrap_or_default();
    // What the sweep itself writes is no change of the code.
    let but_results = format!(":(exclude,top){}", std::path::absolute(results).unwrap_or_default().display());
    let root = line(&["rev-parse", "--show-toplevel"]).unwrap_or_default();
    let but_results = but_results.replace(&format!("{root}/"), "");
    let changes = line(&["status", "--porcelain", "--", ":(top)", &but_results])
        .or_else(|| line(&["status", "--porcelain"]))
        .unwrap_or_default();
    let patch_kept = !patch.is_empty() && patch.len() <= LONGEST_PATCH;
    let record = json!({
        "commit": commit.trim(),
        "branch": line(&["rev-parse", "--abbrev-ref", "HEAD"]),
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
    let output = Command::new("git").arg("-C").arg(folder).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
