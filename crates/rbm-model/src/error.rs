//! What can go wrong with a model.

use std::path::PathBuf;

/// Why a model could not be made, read, written or enumerated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Sizes that do not fit each other.
    #[error("{0}")]
    Shape(String),
    /// Too many units to enumerate, in a layer or in both together.
    #[error("enumerate {units} units: at most {limit} can be {wanted}; {instead}")]
    TooLarge {
        /// Units to be enumerated.
        units: usize,
        /// The most that is allowed.
        limit: usize,
        /// What they were to be enumerated for, after "can be".
        wanted: &'static str,
        /// What can be had instead, and at what cost.
        instead: &'static str,
    },
    /// A law with states so improbable that f64 cannot say how much.
    #[error("find the second eigenvalue: the probability of a state is below the range of f64")]
    Underflow,
    /// A file that is not a weights file.
    #[error("read {path} as a weights file: {reason}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that cannot be read or written.
    #[error("{action} {path}: {source}")]
    Io {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A device that failed while computing.
    #[error("read a tensor back from the device: {0}")]
    Device(String),
}
