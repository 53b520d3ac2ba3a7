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
    /// Start of chains in training. step: 0 for persistent ones, the running number of Gibbs steps for those that start
    /// anew in every step; row: chain.
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
    /// Start of annealed chains. step: 0; row: chain.
    AnnealStart = 13,
    /// Hidden states of annealed chains. step: number of the transition; row: chain.
    AnnealHidden = 14,
    /// Visible states of annealed chains. step: number of the transition; row: chain.
    AnnealVisible = 15,
    /// Start of the chains that judge an annealed run. step: 0; row: chain.
    PilotStart = 16,
    /// Hidden states of the chains that judge an annealed run. step: number of the transition; row: chain.
    PilotHidden = 17,
    /// Visible states of the chains that judge an annealed run. step: number of the transition; row: chain.
    PilotVisible = 18,
    /// Start of tempered replicas. step: 0; row: replica.
    TemperingStart = 19,
    /// Hidden states of tempered replicas. step: sweep; row: replica.
    TemperingHidden = 20,
    /// Visible states of tempered replicas. step: sweep; row: replica.
    TemperingVisible = 21,
    /// Acceptance of exchanges between tempered replicas. step: sweep; a sequence.
    TemperingSwap = 22,
    /// Start of the chains that follow a training. step: 0; row: chain.
    TrajectoryStart = 23,
    /// Hidden states of the chains that follow a training. step: training step; row: chain.
    TrajectoryHidden = 24,
    /// Visible states of the chains that follow a training. step: training step; row: chain.
    TrajectoryVisible = 25,
    /// Rows at which chains start that measure the bias of CD. step: training step; a sequence.
    BiasStart = 26,
    /// Hidden states of chains that measure the bias of CD. step: Gibbs step; row: chain.
    BiasHidden = 27,
    /// Visible states of chains that measure the bias of CD. step: Gibbs step; row: chain.
    BiasVisible = 28,
    /// Start of chains that measure mixing. step: set of chains; row: chain, or a sequence that chooses rows.
    MixingStart = 29,
    /// Hidden states of chains that measure mixing. step: Gibbs step + 2^40 x set of chains; row: chain.
    MixingHidden = 30,
    /// Visible states of chains that measure mixing. step: Gibbs step + 2^40 x set of chains; row: chain.
    MixingVisible = 31,
    /// Which rows samples are compared with. step: training step; a sequence.
    QualityRows = 32,
    /// Start of replicas in training. step: 0; row: replica.
    TrainTemperingStart = 33,
    /// Hidden states of replicas in training. step: running number of Gibbs steps; row: replica.
    TrainTemperingHidden = 34,
    /// Visible states of replicas in training. step: running number of Gibbs steps; row: replica.
    TrainTemperingVisible = 35,
    /// Acceptance of exchanges between replicas in training. step: running number of Gibbs steps; a sequence.
    TrainTemperingSwap = 36,
}
