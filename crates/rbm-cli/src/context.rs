//! What every command is given: folders, and where to speak.

use std::{
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use indicatif::MultiProgress;
use rbm_data::DataFolders;

use crate::arguments::{Color, Global};
use crate::diagnose::Failure;

/// Folders and manners of this call.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// The results folder.
    pub(crate) results: PathBuf,
    /// Where data are looked for.
    pub(crate) folders: DataFolders,
    /// Standard error.
    pub(crate) screen: Screen,
    /// Whether words on standard output are coloured.
    pub(crate) colored: bool,
    /// When the program started.
    pub(crate) started: Instant,
}

/// Standard error: notes, and bars where it is a terminal.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// The bars.
    pub(crate) bars: MultiProgress,
    /// Whether bars can be drawn.
    pub(crate) terminal: bool,
    /// No progress at all.
    pub(crate) quiet: bool,
    /// Every evaluation.
    pub(crate) verbose: bool,
}

impl Context {
    /// From the common options.
    pub(crate) fn new(global: &Global, started: Instant) -> Self {
        let terminal = io::stderr().is_terminal();
        Self {
            results: global.results.clone(),
            folders: DataFolders::from_env(global.data_dir.clone()),
            screen: Screen {
                bars: MultiProgress::new(),
                terminal: terminal && !global.quiet,
                quiet: global.quiet,
                verbose: global.verbose,
            },
            colored: colored(global.color, io::stdout().is_terminal()),
            started,
        }
    }
}

/// Whether to colour what goes to a stream.
pub(crate) fn colored(color: Color, terminal: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

impl Screen {
    /// A line of progress.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// A line that matters even to those who want no progress.
    pub(crate) fn warn(&self, text: &str) {
        if self.terminal {
            let _ = self.bars.println(text);
        } else {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }
}

/// Writes a result to standard output. A reader that has gone (`rbm ls | head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::machine(format!("failed to write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a value as indented JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::machine(format!("failed to print JSON: {error}")))?;
    print(&format!("{text}\n"))
}

/// Refuses an output file whose folder is not there, before any work is done.
pub(crate) fn check_output(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(Failure::refused(format!("--out {}: expected a file, this is a folder", path.display())));
    }
    if !folder.is_dir() {
        return Err(Failure::refused(format!("--out {}: there is no folder {}", path.display(), folder.display())));
    }
    Ok(())
}
