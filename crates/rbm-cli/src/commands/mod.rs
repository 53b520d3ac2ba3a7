//! The commands, one file each.

pub(crate) mod backends;
pub(crate) mod bias;
pub(crate) mod cell;
pub(crate) mod completions;
pub(crate) mod data;
pub(crate) mod evaluate;
pub(crate) mod log_z;
pub(crate) mod ls;
pub(crate) mod mixing;
pub(crate) mod publish;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod sample;
pub(crate) mod show;
pub(crate) mod status;
pub(crate) mod sweep;
pub(crate) mod train;
pub(crate) mod transform;
pub(crate) mod verify;
pub(crate) mod watch;
pub(crate) mod worker;

use std::time::Instant;

use rbm_ops::Isa;

use crate::{
    arguments::{Cli, Command},
    context::Context,
    diagnose::Failure,
};

/// All went well.
pub(crate) const DONE: u8 = 0;

/// Runs a command; the exit code.
pub(crate) fn run(cli: Cli, started: Instant) -> Result<u8, Failure> {
    Isa::from_environment().map_err(|error| Failure::refused(error.to_string()))?;
    let context = Context::new(&cli.global, started);
    match cli.command {
        Command::Train(arguments) => train::run(&context, &arguments),
        Command::Sweep(arguments) => sweep::run(&context, &arguments),
        Command::Cell(arguments) => cell::run(&context, &arguments),
        Command::Status(arguments) => status::run(&context, &arguments),
        Command::Ls(arguments) => ls::run(&context, &arguments),
        Command::Show(arguments) => show::run(&context, &arguments),
        Command::Evaluate(arguments) => rayon::scope(|_| evaluate::run(&context, &arguments)),
        Command::Mixing(arguments) => rayon::scope(|_| mixing::run(&context, &arguments)),
        Command::Sample(arguments) => rayon::scope(|_| sample::run(&context, &arguments)),
        Command::Bias(arguments) => rayon::scope(|_| bias::run(&context, &arguments)),
        Command::Transform(arguments) => transform::run(&context, &arguments),
        Command::Verify(arguments) => verify::run(&context, &arguments),
        Command::Report(arguments) => report::run(&context, &arguments),
        Command::Reproduce(arguments) => rayon::scope(|_| reproduce::run(&context, &arguments)),
        Command::Data(arguments) => data::run(&context, &arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Backends(arguments) => backends::run(&context, &arguments),
        Command::Worker => worker::run(),
        Command::Probe => backends::probe(),
    }
}
