//! What is wrong with a config, and where.

use std::{fmt, ops::Range};

/// A user's mistake in a config or in a `--set` option.
///
/// `Display` is complete: `configs/x.toml:7:1: train.learnig_rate: unknown key; did you mean `learning_rate`? ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file as the user named it, or `--set`.
    pub file: String,
    /// The key with its section, `train.k`; empty where the mistake has none.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// The closest valid word and what is allowed.
    pub help: Option<String>,
    /// Bytes of `source_text` that are wrong.
    pub span: Option<Range<usize>>,
    /// The text that holds the mistake: the file's or the option's; empty where it could not be read.
    pub source_text: String,
}

impl ConfigError {
    /// Line of the mistake, from 1.
    pub fn line(&self) -> Option<usize> {
        let start = self.span.as_ref()?.start;
        Some(self.before(start).matches('\n').count() + 1)
    }

    /// Column of the mistake in characters, from 1.
    pub fn column(&self) -> Option<usize> {
        let before = self.before(self.span.as_ref()?.start);
        Some(before.rsplit('\n').next().unwrap_or(before).chars().count() + 1)
    }

    fn before(&self, mut end: usize) -> &str {
        end = end.min(self.source_text.len());
        while !self.source_text.is_char_boundary(end) {
            end -= 1;
        }
        &self.source_text[..end]
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let (Some(line), Some(column)) = (self.line(), self.column()) {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(help) = &self.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
