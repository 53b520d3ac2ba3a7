//! `rbm completions SHELL`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{arguments::Cli, commands::DONE, context::print, diagnose::Failure};

/// Print a shell's completion script
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rbm completions bash > ~/.local/share/bash-completion/completions/rbm
  rbm completions fish > ~/.config/fish/completions/rbm.fish")]
pub(crate) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub(crate) fn run(arguments: &CompletionsArguments) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "rbm", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(DONE)
}
