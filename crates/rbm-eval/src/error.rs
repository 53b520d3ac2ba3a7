//! What can go wrong in an evaluation.

/// Why an evaluation failed; each message completes "failed to ...".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The rows have another width than the machine.
    #[error("evaluate rows of {rows} units on a machine with {machine} visible units")]
    Width {
        /// Units of a row.
        rows: usize,
        /// Visible units of the machine.
        machine: usize,
    },
    /// There is nothing to take a mean over.
    #[error("evaluate a split without rows")]
    NoRows,
    /// `log_z = "exact"` for a machine that is too large for it.
    #[error("compute log Z exactly")]
    LogZ(#[source] rbm_model::Error),
}
