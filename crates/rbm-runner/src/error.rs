//! What can go wrong in planning and running.

use std::path::PathBuf;

use crate::ConfigError;

/// Why a plan could not be made or run. A single cell's failure is no error: it is its [`crate::Outcome`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A mistake in the config.
    #[error(transparent)]
    Config(#[from] Box<ConfigError>),
    /// Data that cannot be had.
    #[error("failed to {0}")]
    Data(#[from] rbm_data::Error),
    /// A backend that is not there.
    #[error(transparent)]
    Backend(#[from] rbm_ops::Error),
    /// A folder or file under the results that cannot be read or written.
    #[error("failed to {0}")]
    Store(#[from] rbm_store::Error),
    /// Weights that cannot be read.
    #[error("failed to {0}")]
    Model(#[from] rbm_model::Error),
    /// Training that cannot start or go on.
    #[error("failed to {0}")]
    Train(#[from] rbm_train::Error),
    /// An evaluation that failed.
    #[error("failed to {0}")]
    Evaluate(#[from] rbm_eval::Error),
    /// The data are not those of the plan.
    #[error("failed to load the data of the plan: they changed since; start the sweep again, which plans anew")]
    DataChanged,
    /// A table that cannot be written.
    #[error("failed to write the table {table}: {reason}")]
    Table {
        /// Its file.
        table: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// A file of ours that holds something else.
    #[error("failed to read {path}: {reason}", path = path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A worker process that cannot be started or heard.
    #[error("failed to {action} a worker: {source}")]
    Worker {
        /// "start" or "hear".
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// An index beyond the plan.
    #[error("failed to find cell {index}: the plan has cells 0 to {last}")]
    Index {
        /// The index asked for.
        index: usize,
        /// The last one there is.
        last: usize,
    },
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(Box::new(error))
    }
}

impl Error {
    /// Whether the user can mend it before anything is run: exit code 2 instead of 1.
    pub fn is_user_mistake(&self) -> bool {
        match self {
            Self::Config(_) | Self::Backend(_) | Self::Index { .. } => true,
            Self::Data(error) => error.is_user_mistake(),
            Self::Store(error) => error.is_user_mistake(),
            Self::Model(error) => !matches!(error, rbm_model::Error::Device(_)),
            Self::Train(error) => matches!(error, rbm_train::Error::Setup(_)),
            Self::DataChanged | Self::Evaluate(_) | Self::Table { .. } | Self::Broken { .. } | Self::Worker { .. } => {
                false
            }
        }
    }
}
