//! What is said when something goes wrong: what, where, what is allowed, the closest valid word.

use std::{error::Error as StdError, fmt, io, io::IsTerminal};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use rbm_runner::ConfigError;

use crate::{arguments::Color, context::colored};

/// Refused before anything was written.
const REFUSED: u8 = 2;
/// The machine failed.
const MACHINE: u8 = 1;
/// Long enough that no message is broken where there is no terminal to fit.
const UNBROKEN: usize = 4000;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    help: Option<String>,
    source: Option<Snippet>,
    code: u8,
}

/// The place of a mistake in a config.
#[derive(Debug)]
struct Snippet {
    text: NamedSource<String>,
    span: std::ops::Range<usize>,
    key: String,
}

impl Failure {
    /// A mistake of the user's, found before anything was written.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, source: None, code: REFUSED }
    }

    /// A failure of the machine's.
    pub(crate) fn machine(message: impl Into<String>) -> Self {
        Self { code: MACHINE, ..Self::refused(message) }
    }

    /// Adds what can be done.
    pub(crate) fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    fn of(error: &dyn StdError, prefix: &str, mistake: bool) -> Self {
        let message = format!("{prefix}{}", rbm_runner::with_sources(error));
        if mistake { Self::refused(message) } else { Self::machine(message) }
    }

    /// The exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        self.code
    }

    /// Prints the diagnosis to standard error; plain and unbroken where that is no terminal.
    pub(crate) fn print(&self, color: Color) {
        let terminal = io::stderr().is_terminal();
        let mut theme = match (terminal, colored(color, terminal)) {
            (_, true) => GraphicalTheme::unicode(),
            (true, false) => GraphicalTheme::unicode_nocolor(),
            (false, false) => GraphicalTheme::none(),
        };
        theme.characters.error = "error:".into();
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false).without_cause_chain();
        let handler = if terminal { handler } else { handler.with_width(UNBROKEN) };
        let mut text = String::new();
        if handler.render_report(&mut text, self).is_err() {
            text = format!("error: {}\n", self.message);
        }
        eprint!("{}", text.trim_start_matches(' '));
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl StdError for Failure {}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|snippet| &snippet.text as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let snippet = self.source.as_ref()?;
        let label = (!snippet.key.is_empty()).then(|| snippet.key.clone());
        let length = snippet.span.end.saturating_sub(snippet.span.start);
        Some(Box::new(std::iter::once(LabeledSpan::new(label, snippet.span.start, length))))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let bare = ConfigError { help: None, ..error.clone() };
        let shown = error.span.clone().filter(|span| !span.is_empty() && span.end <= error.source_text.len());
        let source = shown.map(|span| Snippet {
            text: NamedSource::new(&error.file, error.source_text.clone()),
            span,
            key: error.key.clone(),
        });
        Self { message: bare.to_string(), help: error.help, source, code: REFUSED }
    }
}

impl From<rbm_runner::Error> for Failure {
    fn from(error: rbm_runner::Error) -> Self {
        match error {
            rbm_runner::Error::Config(error) => Self::from(*error),
            error => Self::of(&error, "", error.is_user_mistake()),
        }
    }
}

impl From<rbm_store::Error> for Failure {
    fn from(error: rbm_store::Error) -> Self {
        Self::of(&error, "failed to ", error.is_user_mistake())
    }
}

impl From<rbm_data::Error> for Failure {
    fn from(error: rbm_data::Error) -> Self {
        Self::of(&error, "failed to ", error.is_user_mistake())
    }
}

impl From<rbm_model::Error> for Failure {
    fn from(error: rbm_model::Error) -> Self {
        Self::of(&error, "failed to ", !matches!(error, rbm_model::Error::Device(_)))
    }
}

impl From<rbm_eval::Error> for Failure {
    fn from(error: rbm_eval::Error) -> Self {
        let device = matches!(error, rbm_eval::Error::Model(rbm_model::Error::Device(_)));
        Self::of(&error, "failed to ", !device)
    }
}

impl From<rbm_ops::Error> for Failure {
    fn from(error: rbm_ops::Error) -> Self {
        Self::of(&error, "", true)
    }
}

impl From<rbm_report::Error> for Failure {
    fn from(error: rbm_report::Error) -> Self {
        Self::of(&error, "failed to ", false)
    }
}

/// Makes a panic say what to report.
pub(crate) fn set_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.payload_as_str().unwrap_or("a panic without a message");
        let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        eprintln!(
            "error: this is a bug in rbm: {text}{place}\n\
             please report it at {} with:\n  the command: {}\n  the version: rbm {}\n  \
             and what the same command prints with RUST_BACKTRACE=1 set",
            env!("CARGO_PKG_REPOSITORY"),
            crate::text::this_command(),
            env!("CARGO_PKG_VERSION"),
        );
        if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
            eprintln!("{}", std::backtrace::Backtrace::force_capture());
        }
    }));
}
