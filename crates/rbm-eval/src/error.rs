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
    /// Too few chains for a standard error.
    #[error("estimate an error from {chains} chain(s): at least 2 are needed")]
    TooFewChains {
        /// The chains asked for.
        chains: usize,
    },
    /// Too few sweeps.
    #[error("measure anything in {sweeps} sweeps: at least {least} are needed")]
    TooFewSweeps {
        /// The sweeps asked for.
        sweeps: u64,
        /// The least that will do.
        least: u64,
    },
    /// Numbers that left the range of f64.
    #[error("find log Z: a log weight is not finite, or beyond 1e12: the parameters are too large")]
    NotFinite,
    /// R-hat of a single chain.
    #[error(
        "compare chains: there {} and R-hat needs at least 2; a chain alone never shows that it has missed a part of the law",
        if *chains == 1 { "is 1" } else { "are 0" }
    )]
    Chains {
        /// Chains asked for.
        chains: usize,
    },
    /// Chains too short for a variance in each half.
    #[error(
        "compare the halves of chains of {sweeps} sweeps: at least 4 are needed, and autocorrelation times are told from \
         chains 50 times as long"
    )]
    Sweeps {
        /// Sweeps asked for.
        sweeps: usize,
    },
    /// More values than memory is meant to hold.
    #[error("follow {chains} chains over {sweeps} sweeps: chains times sweeps can be at most {most}")]
    TooLong {
        /// Chains asked for.
        chains: usize,
        /// Sweeps asked for.
        sweeps: usize,
        /// The most that their product can be.
        most: usize,
    },
    /// Rows that are no states.
    #[error("count the units in which samples differ from rows that are grey values: give the data a binarization")]
    GreyRows,
    /// Samples that do not make whole rows, or too few of them.
    #[error("compare {values} values with rows of {visible} units: at least 2 samples of 0 and 1 are needed")]
    Samples {
        /// Values given.
        values: usize,
        /// Units of a row.
        visible: usize,
    },
    /// Whoever watched the progress wished it to stop.
    #[error("finish what was stopped")]
    Stopped,
    /// A machine or its device failed.
    #[error("run chains")]
    Model(#[from] rbm_model::Error),
    /// A machine too large for its bias to be measured while it trains.
    #[error(
        "measure the bias of CD-k of {visible} x {hidden} units during training: the smaller layer can have at most {limit}; \
         `rbm bias` measures the weights of a larger machine"
    )]
    TooLargeInTraining {
        /// Visible units.
        visible: usize,
        /// Hidden units.
        hidden: usize,
        /// The most units in the smaller layer.
        limit: usize,
    },
    /// A list of numbers of Gibbs steps that is not one, or an impossible number of chains or error.
    #[error("measure the bias of CD-k: {0}")]
    BiasSettings(String),
}
