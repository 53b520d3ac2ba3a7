//! What can go wrong, with the user's mistakes kept apart from the machine's failures.

use std::io;
use std::path::PathBuf;

/// Why a data set could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value of the `[data]` section that cannot be obeyed.
    #[error("use `data.{key}`: {expected}")]
    Config {
        /// The key within `[data]`.
        key: &'static str,
        /// What is allowed there, and what was found.
        expected: String,
    },
    /// A file of the user's that does not hold what it should.
    #[error("read {}: {problem}", path.display())]
    File {
        /// The key within `[data]` that names the file: `source` or `test`.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        problem: FileProblem,
    },
    /// A known data set's file whose content is not the published one.
    #[error("read {}: its SHA-256 is {found}, the published file has {expected}; delete it to have it fetched anew", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The published checksum.
        expected: String,
        /// The file's checksum.
        found: String,
    },
    /// A name that is no data set to fetch.
    #[error("fetch `{0}`: only `mnist` and `fashion-mnist` are fetched, expected one of them")]
    UnknownName(String),
    /// A known data set that is in no folder and came from no source.
    #[error("{0}")]
    Unavailable(String),
    /// The cache could not be written.
    #[error("write {}: {source}", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl Error {
    /// Whether the user can mend it by another config, file or folder: refused before any work, exit code 2.
    pub fn is_user_mistake(&self) -> bool {
        !matches!(self, Self::Cache { .. })
    }

    /// The key within `[data]` that is concerned, if one is.
    pub fn key(&self) -> Option<&'static str> {
        match self {
            Self::Config { key, .. } => Some(key),
            Self::File { problem: FileProblem::NoSuchArray { .. } | FileProblem::ManyArrays { .. }, .. } => Some("key"),
            Self::File { key, .. } => Some(key),
            Self::Checksum { .. } | Self::Unavailable(_) => Some("source"),
            Self::UnknownName(_) | Self::Cache { .. } => None,
        }
    }
}

/// What is wrong with a data file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// The system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// No known suffix.
    #[error(
        "the suffix is none of .npy, .npz, .safetensors, .csv, .parquet, or of an IDX file (.idx, -ubyte, each also with .gz)"
    )]
    UnknownSuffix,
    /// A table, in a program built without the reader.
    #[error("this program was built without the `tables` feature, which reads CSV and Parquet")]
    NoTables,
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Ends early.
    #[error("the file is truncated: its header promises {promised} bytes of values, {found} are there")]
    Truncated {
        /// Bytes that the header promises.
        promised: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// Goes on after its end.
    #[error("the file is longer than its header promises ({promised} bytes of values)")]
    TooLong {
        /// Bytes that the header promises.
        promised: u64,
    },
    /// Unpacks to more than is read.
    #[error("it unpacks to more than {limit} bytes, the most that is taken from a file of its size")]
    Bomb {
        /// The most that is unpacked.
        limit: u64,
    },
    /// Not the format that its suffix says.
    #[error("it is not a valid {format} file: {reason}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// An array with too few or too many dimensions, or none at all in one.
    #[error("its shape is {shape:?}; rows need a shape [rows, units] or [rows, height, width], neither of them 0")]
    Shape {
        /// The shape.
        shape: Vec<u64>,
    },
    /// A type that holds no numbers for us.
    #[error("values of type {0} are not supported; expected bool, integers, f32 or f64")]
    Type(String),
    /// The array asked for is not there.
    #[error("it has no {kind} `{key}`; it has {}", list(.names))]
    NoSuchArray {
        /// `array`, `tensor` or `column`.
        kind: &'static str,
        /// The one asked for.
        key: String,
        /// Those that are there.
        names: Vec<String>,
    },
    /// Several arrays and none asked for.
    #[error("it holds several arrays: choose one by `data.key`, one of {}", list(.names))]
    ManyArrays {
        /// Those that are there.
        names: Vec<String>,
    },
    /// Values outside `[0, 1]`.
    #[error("row {row}, unit {unit} (from 0) is {value}, values must lie in [0, 1]")]
    Range {
        /// The row, from 0.
        row: usize,
        /// The unit, from 0.
        unit: usize,
        /// The value.
        value: f64,
    },
    /// Spins.
    #[error("its values are -1 and +1, they must lie in [0, 1]: map them by (x + 1) / 2")]
    Spins,
    /// Whole numbers that are neither states nor bytes.
    #[error(
        "its whole numbers go up to {max}, values must lie in [0, 1]: divide them by the largest possible one \
         (only 0 and 1, or a largest value of exactly 255, are understood)"
    )]
    Integers {
        /// The largest.
        max: f64,
    },
    /// A column that holds no numbers.
    #[error("column `{name}` holds {what}; every column but the label must hold numbers, with none missing")]
    Column {
        /// The column.
        name: String,
        /// What it holds.
        what: String,
    },
    /// Labels that do not fit.
    #[error("its labels do not fit: {0}")]
    Labels(String),
    /// Another number of units than the training rows have.
    #[error("its rows have {found} units, the training rows {expected}")]
    Units {
        /// Units of the training rows.
        expected: usize,
        /// Units found.
        found: usize,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".into() } else { format!("`{}`", names.join("`, `")) }
}
