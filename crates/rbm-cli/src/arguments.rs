//! What can be said on the command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::commands::{
    backends::BackendsArguments, bias::BiasArguments, cell::CellArguments, completions::CompletionsArguments,
    data::DataCommand, evaluate::EvaluateArguments, ls::LsArguments, mixing::MixingArguments, report::ReportArguments,
    reproduce::ReproduceArguments, sample::SampleArguments, show::ShowArguments, status::StatusArguments,
    sweep::SweepArguments, train::TrainArguments, transform::TransformArguments, verify::VerifyArguments,
};

const EXAMPLES: &str = "\
Examples:
  rbm train configs/quick.toml                 one run
  rbm sweep configs/mnist.toml                 every cell of a sweep, then a report
  rbm sweep configs/mnist.toml --dry-run       the cells, with an estimate of time and disk
  rbm reproduce                                the claims of the article, tested
  rbm status                                   where each sweep stands
  rbm show configs/mnist.toml                  a config with every default

Exit codes:
  0    done
  1    a cell failed or diverged, or the machine failed
  2    refused before anything was written
  3    a bug in rbm
  130  interrupted";

/// Trains restricted Boltzmann machines and measures what came out
///
/// A config (TOML) says what to train; results lie under one folder, where a run that was interrupted goes on and
/// nothing is computed twice. `rbm COMMAND --help` has examples of each command.
#[derive(Debug, Parser)]
#[command(name = "rbm", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Global {
    /// The folder that holds all results
    #[arg(long, global = true, value_name = "DIR", default_value = "results")]
    pub(crate) results: PathBuf,
    /// A folder that is searched first for MNIST and the like (else RBM_DATA_DIR, then the cache)
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print every evaluation
    #[arg(short, long, global = true, action = ArgAction::SetTrue)]
    pub(crate) verbose: bool,
    /// When to use colours; auto: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// When to use colours; automatic: on a terminal, unless `NO_COLOR` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// Overrides of a config.
#[derive(Clone, Debug, Args)]
pub(crate) struct Sets {
    /// Override a key of the config, as `train.k=3`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) sets: Vec<String>,
}

/// One JSON document instead of text.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Json {
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Train(TrainArguments),
    Sweep(SweepArguments),
    Cell(CellArguments),
    Status(StatusArguments),
    Ls(LsArguments),
    Show(ShowArguments),
    Evaluate(EvaluateArguments),
    Mixing(MixingArguments),
    Bias(BiasArguments),
    Sample(SampleArguments),
    Transform(TransformArguments),
    Report(ReportArguments),
    Verify(VerifyArguments),
    Backends(BackendsArguments),
    Reproduce(ReproduceArguments),
    #[command(subcommand)]
    Data(DataCommand),
    Completions(CompletionsArguments),
    /// A worker process of `rbm sweep`: its job comes on standard input
    #[command(name = crate::commands::worker::NAME, hide = true)]
    Worker,
    /// Measures one backend for `rbm backends`: its job comes on standard input
    #[command(name = crate::commands::backends::PROBE, hide = true)]
    Probe,
}

/// Reads the command line; prints help and usage errors itself, and then ends the process.
pub(crate) fn parse() -> Cli {
    let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let color = match color_word(&words) {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    };
    let matches = Cli::command().color(color).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// What follows `--color`: help and usage errors come before the arguments are parsed.
fn color_word(words: &[String]) -> Option<&str> {
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word.strip_prefix("--color") {
            Some("") => return words.next(),
            Some(rest) => return rest.strip_prefix('='),
            None => {}
        }
    }
    None
}
