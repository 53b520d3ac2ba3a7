//! What can go wrong in training.

/// Why training stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Numbers that are not finite: training has left the region where floats can follow it.
    #[error("diverged in epoch {epoch} at step {step}: {what} is not finite; a smaller learning rate may help")]
    Diverged {
        /// Epoch, from 1.
        epoch: u32,
        /// Step, from 1.
        step: u64,
        /// Which numbers.
        what: &'static str,
    },
    /// Data, model and settings that do not fit each other.
    #[error("start training: {0}")]
    Setup(String),
    /// A checkpoint that is not one of this run.
    #[error("resume from a checkpoint: {0}")]
    Checkpoint(String),
    /// The model could not be enumerated or read back.
    #[error(transparent)]
    Model(#[from] rbm_model::Error),
}

impl Error {
    /// Whether it is [`Error::Diverged`].
    pub fn is_divergence(&self) -> bool {
        matches!(self, Self::Diverged { .. })
    }
}
