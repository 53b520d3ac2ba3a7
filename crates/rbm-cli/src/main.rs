//! The command `rbm`: arguments, progress and messages around the libraries of this workspace.
#![cfg_attr(
    doc,
    allow(rustdoc::broken_intra_doc_links, reason = "doc comments are help texts: [data] is a section, not a link")
)]

mod arguments;
mod commands;
mod context;
mod diagnose;
mod files;
mod interrupt;
mod outcome;
mod progress;
mod report;
mod tables;
mod text;

use std::{process::ExitCode, time::Instant};

/// The program has a bug.
const BUG: u8 = 3;

fn main() -> ExitCode {
    let started = Instant::now();
    #[cfg(feature = "failpoints")]
    let _faults = fail::FailScenario::setup();
    let cli = arguments::parse();
    diagnose::set_panic_hook();
    let color = cli.global.color;
    let code = std::panic::catch_unwind(|| match commands::run(cli, started) {
        Ok(code) => code,
        Err(failure) => {
            failure.print(color);
            failure.exit_code()
        }
    });
    ExitCode::from(code.unwrap_or(BUG))
}
