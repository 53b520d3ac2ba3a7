//! What can go wrong with a claim.

use std::path::PathBuf;

/// Why an experiment could not be read or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An experiment that says something impossible.
    #[error("{file}: {message}", file = file.display())]
    Experiment {
        /// Its file.
        file: PathBuf,
        /// What is wrong, where, and what is allowed.
        message: String,
    },
    /// A protocol that cannot be carried out.
    #[error("failed to carry out the protocol {protocol}: {reason}")]
    Protocol {
        /// Its name.
        protocol: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// Someone wished it to stop.
    #[error("stopped")]
    Stopped,
    /// A file of results that cannot be read or written.
    #[error("failed to {action} {path}: {reason}", path = path.display())]
    File {
        /// "read", "write" or "create".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// A sweep that cannot be planned or run.
    #[error(transparent)]
    Runner(#[from] rbm_runner::Error),
    /// Data that cannot be had.
    #[error("failed to {0}")]
    Data(#[from] rbm_data::Error),
    /// A model that cannot be read or computed with.
    #[error("failed to {0}")]
    Model(#[from] rbm_model::Error),
    /// Training within a protocol.
    #[error("failed to {0}")]
    Train(#[from] rbm_train::Error),
    /// An evaluation within a protocol.
    #[error("failed to {0}")]
    Evaluate(#[source] rbm_eval::Error),
    /// A backend that is not there.
    #[error(transparent)]
    Backend(#[from] rbm_ops::Error),
    /// The store.
    #[error("failed to {0}")]
    Store(#[from] rbm_store::Error),
    /// A figure or a page.
    #[error("failed to {0}")]
    Report(#[from] rbm_report::Error),
}

impl From<rbm_eval::Error> for Error {
    fn from(error: rbm_eval::Error) -> Self {
        if matches!(error, rbm_eval::Error::Stopped) { Self::Stopped } else { Self::Evaluate(error) }
    }
}
