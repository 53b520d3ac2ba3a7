//! `rbm verify [DIR]`

use std::path::{Path, PathBuf};

use clap::Args;
use rbm_runner::{VerifyTarget, verify};
use rbm_store::{CellFolder, Results, Severity};
use serde_json::json;

use crate::{
    arguments::Json,
    commands::{DONE, sweep::find_sweep},
    context::{Context, print, print_json},
    diagnose::Failure,
    progress::bar,
    text,
};

/// Something is damaged.
const DAMAGED: u8 = 1;

/// Check every hash under the results folder
///
/// Computes the SHA-256 of every file that a marker or a checkpoint's name vouches for, holds plans against the names of
/// their folders, and names what is damaged, left over or foreign, with what to do about it. Changes nothing. With DIR, the
/// folder of a sweep or of a cell, that one alone. Ends with 1 if anything is damaged.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm verify
  rbm verify results/mnist-0123456789ab
  rbm verify --json | jq -r '.findings[] | select(.severity == \"broken\") | .path'")]
pub(crate) struct VerifyArguments {
    /// The folder of a sweep or of a cell, or a sweep's name under the results folder
    dir: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

/// Whether a folder lies where cells lie.
fn is_cell(folder: &Path) -> bool {
    folder.is_dir() && folder.parent().and_then(Path::file_name).is_some_and(|above| above == "cells")
}

/// Runs the command.
pub(crate) fn run(context: &Context, arguments: &VerifyArguments) -> Result<u8, Failure> {
    let (results, sweep, cell);
    let target = match &arguments.dir {
        None => {
            results = Results::open(&context.results)?;
            if !results.exists() {
                let message = format!("there is no folder {}", context.results.display());
                return Err(Failure::refused(message).with_help("name it with --results"));
            }
            VerifyTarget::Results(&results)
        }
        Some(dir) => match CellFolder::at(dir) {
            Ok(found) => {
                cell = found;
                VerifyTarget::Cell(&cell)
            }
            Err(rbm_store::Error::NotFound { .. }) if !is_cell(dir) => {
                sweep = find_sweep(context, dir)?;
                VerifyTarget::Sweep(&sweep)
            }
            Err(error) => {
                let failure = Failure::from(error);
                return Err(failure.with_help("rbm verify, without DIR, names what is wrong with it"));
            }
        },
    };
    let bar = bar(&context.screen, "cells", 0);
    let found = verify(&target, |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let found = found?;
    let code = if found.is_sound() { DONE } else { DAMAGED };
    if arguments.json.json {
        print_json(&json!({
            "sound": found.is_sound(), "cells": found.cells, "files": found.files, "bytes": found.bytes,
            "findings": found.findings,
        }))?;
        return Ok(code);
    }
    let mut page = String::new();
    for finding in &found.findings {
        let word = match finding.severity {
            Severity::Broken => "broken",
            Severity::Note => "note",
        };
        let (path, problem, remedy) = (finding.path.display(), &finding.problem, &finding.remedy);
        page.push_str(&format!("{word}: {path}: {problem}\n    to do: {remedy}\n"));
    }
    let broken = found.findings.iter().filter(|finding| finding.severity == Severity::Broken).count();
    page.push_str(&format!(
        "{}, {} hashed ({}): {}\n",
        text::cells(found.cells),
        match found.files {
            1 => "1 file".to_owned(),
            files => format!("{} files", text::count(files)),
        },
        text::bytes(found.bytes),
        if broken == 0 { "all sound".to_owned() } else { format!("{} broken", text::count(broken)) },
    ));
    print(&page)?;
    Ok(code)
}
