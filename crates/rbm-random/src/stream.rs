//! The table of streams.

/// What a draw is for. Two purposes never share numbers, whatever their steps and rows.
///
/// The discriminants are part of every result's identity: changing one, or the meaning of `step` or `row` in one, is
/// a value-breaking change and raises the numerics version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Stream {
    /// Starting weights and biases. step: 0; a sequence.
    Initialization = 0,
    /// Order of rows in an epoch. step: epoch; a sequence.
    Shuffle = 1,
    /// Which rows are held out. step: 0; a sequence.
    Split = 2,
    /// Grey values to states, once. step: 0; row: row of the file, with the top bit set for test rows.
    Binarization = 3,
    /// Grey values to states, each epoch. step: epoch; row: row of the file, with the top bit set for test rows.
    BinarizationEachEpoch = 4,
    /// Hidden states in training. step: running number of Gibbs steps; row: chain.
    TrainHidden = 5,
    /// Visible states in training. step: running number of Gibbs steps; row: chain.
    TrainVisible = 6,
    /// Start of persistent chains. step: 0; row: chain.
    ChainStart = 7,
    /// The unit flipped for the stochastic pseudo-likelihood. step: training step; row: row of the split.
    EvaluateFlip = 8,
    /// Start of sampling chains. step: 0; row: chain.
    SampleStart = 9,
    /// Hidden states in sampling. step: Gibbs step; row: chain.
    SampleHidden = 10,
    /// Visible states in sampling. step: Gibbs step; row: chain.
    SampleVisible = 11,
    /// Exact samples by enumeration. step: sample; a sequence.
    ExactSample = 12,
}
