//! The `[evaluate]` section.

use crate::log_z::Schedule;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The `[evaluate]` section of a config: what is measured during training, and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluateConfig {
    /// When to evaluate, apart from before the first epoch and after the last.
    pub every: Every,
    /// Groups of metrics.
    pub metrics: Vec<MetricGroup>,
    /// How to find log Z, and with it the log-likelihood.
    pub log_z: LogZ,
    /// Chains of an estimate of log Z.
    pub log_z_chains: usize,
    /// Inverse temperatures of an estimate of log Z.
    pub log_z_schedule: Schedule,
    /// The metric whose best epoch is kept as `best.safetensors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_best: Option<Metric>,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self {
            every: Every::Epochs(1),
            metrics: MetricGroup::DEFAULT.to_vec(),
            log_z: LogZ::Auto,
            log_z_chains: 100,
            log_z_schedule: Schedule::Linear(1000),
            keep_best: None,
        }
    }
}

impl EvaluateConfig {
    /// Refuses impossible values.
    ///
    /// # Errors
    /// The key within the section, and what is allowed there.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.every == Every::Epochs(0) {
            return Err(("every", "a whole number of at least 1 or \"log\", not 0".into()));
        }
        if self.log_z_chains < 2 {
            let allowed = format!("a whole number of at least 2, not {}: one chain has no error", self.log_z_chains);
            return Err(("log_z_chains", allowed));
        }
        for (index, metric) in self.metrics.iter().enumerate() {
            if self.metrics[..index].contains(metric) {
                return Err(("metrics", "each metric once".into()));
            }
        }
        Ok(())
    }
}

/// When to evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Every so many epochs.
    Epochs(u32),
    /// At epochs 1, 2, 3, 4, 6, 8, 12, 16, ...: powers of two and the midpoints between them.
    Log,
}

impl Every {
    /// Whether `epoch` (from 1; 0 is before training) of `epochs` is evaluated; the first and the last always are.
    pub fn evaluates(self, epoch: u32, epochs: u32) -> bool {
        epoch == 0
            || epoch == epochs
            || match self {
                Self::Epochs(every) => epoch.is_multiple_of(every),
                Self::Log => {
                    let power = 1 << epoch.ilog2();
                    epoch == power || 2 * (epoch - power) == power
                }
            }
    }
}

impl Serialize for Every {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Epochs(epochs) => serializer.serialize_u32(*epochs),
            Self::Log => serializer.serialize_str("log"),
        }
    }
}

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Every;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of epochs or \"log\"")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Every, E> {
                u32::try_from(value)
                    .map(Every::Epochs)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Every, E> {
                u32::try_from(value)
                    .map(Every::Epochs)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Every, E> {
                match value {
                    "log" => Ok(Every::Log),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A group of metrics that are computed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricGroup {
    /// `reconstruction-error` and `reconstruction-cross-entropy`.
    ReconstructionError,
    /// `free-energy-gap`.
    FreeEnergyGap,
    /// `pseudo-likelihood`, stochastic: one flipped unit a row.
    PseudoLikelihood,
    /// `weight-norm`, `gradient-norm` and `saturated-hidden`.
    Norms,
    /// The bias of CD-k's gradient with its bounds; for PCD the error of its chains' negative phase.
    GradientBias,
    /// `second-eigenvalue`, `autocorrelation-time` and `r-hat`.
    Mixing,
    /// Errors of moments, nearest-neighbour accuracies and distances of samples.
    SampleQuality,
}

impl MetricGroup {
    /// The groups measured unless a config says otherwise.
    pub const DEFAULT: [Self; 4] =
        [Self::ReconstructionError, Self::FreeEnergyGap, Self::PseudoLikelihood, Self::Norms];
}

/// How to find log Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogZ {
    /// By enumeration where the smaller layer has at most 20 units, else not at all.
    #[default]
    Auto,
    /// By enumeration; refused where the smaller layer is too large.
    Exact,
    /// By annealed importance sampling.
    Ais,
    /// By annealing down from samples of the model.
    ReverseAis,
    /// By chains that follow the training.
    Trajectory,
    /// Not at all.
    None,
}

/// The name of a measured quantity; see docs/methodology.md for each formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Mean over rows of the squared error summed over units and divided by them.
    ReconstructionError,
    /// Mean over rows of the cross-entropy summed over units, nats.
    ReconstructionCrossEntropy,
    /// Mean free energy of validation rows minus that of training rows, nats.
    FreeEnergyGap,
    /// Mean over rows of the sum over sites of log conditional probabilities, nats.
    PseudoLikelihood,
    /// Logarithm of the partition function, nats.
    LogZ,
    /// Mean over rows of the log-likelihood, nats.
    LogLikelihood,
    /// Frobenius norm of the weights.
    WeightNorm,
    /// Share of hidden units whose mean activation over rows is below 0.01 or above 0.99.
    SaturatedHidden,
    /// Norm of the last step's gradient over all parameters.
    GradientNorm,
    /// Share of accepted exchanges of parallel tempering since the last evaluation, mean over the pairs of temperatures.
    SwapAcceptance,
    /// The least of these shares.
    SwapAcceptanceLeast,
    /// Lower end of the three-sigma interval of an estimated log Z, nats.
    LogZLow,
    /// Upper end of it, nats.
    LogZHigh,
    /// Effective sample size of an estimate of log Z.
    LogZEss,
    /// Whether an independent run says that the interval can be trusted: 1 or 0.
    LogZTrusted,
    /// Euclidean norm of the bias of CD-k's gradient over all parameters.
    GradientBiasNorm,
    /// Its largest component, which is what the bounds are for.
    GradientBiasMax,
    /// Its norm over that of the exact gradient.
    GradientBiasRelative,
    /// Cosine of the angle between the expected CD-k gradient and the exact one.
    GradientBiasCosine,
    /// Fischer and Igel's (2011) bound of the largest component.
    GradientBiasBoundFischerIgel,
    /// Bengio and Delalleau's (2009) bound of the largest component.
    GradientBiasBoundBengioDelalleau,
    /// The spectral bound of the largest component.
    GradientBiasBoundSpectral,
    /// Root mean square error over components of the negative phase that persistent chains give.
    NegativePhaseError,
    /// The same of as many independent exact samples.
    NegativePhaseErrorExactSamples,
    /// Second largest eigenvalue of the Gibbs kernel.
    SecondEigenvalue,
    /// Largest integrated autocorrelation time over the observables, in Gibbs steps.
    AutocorrelationTime,
    /// Largest split R-hat over the observables.
    RHat,
    /// Root mean square difference between the means of units of samples and of rows.
    FirstMomentError,
    /// What it would be for samples from the rows' own law.
    FirstMomentNoise,
    /// Root mean square difference between the covariances of units of samples and of rows.
    SecondMomentError,
    /// What it would be for samples from the rows' own law.
    SecondMomentNoise,
    /// Share of rows whose nearest neighbour is a row.
    AaTruth,
    /// Share of samples whose nearest neighbour is a sample.
    AaSyn,
    /// Mean Hamming distance from a sample to the nearest row, in units.
    NearestRowDistance,
}

impl Metric {
    /// The word that stands in configs and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::ReconstructionError => "reconstruction-error",
            Self::ReconstructionCrossEntropy => "reconstruction-cross-entropy",
            Self::FreeEnergyGap => "free-energy-gap",
            Self::PseudoLikelihood => "pseudo-likelihood",
            Self::LogZ => "log-z",
            Self::LogLikelihood => "log-likelihood",
            Self::WeightNorm => "weight-norm",
            Self::SaturatedHidden => "saturated-hidden",
            Self::GradientNorm => "gradient-norm",
            Self::SwapAcceptance => "swap-acceptance",
            Self::SwapAcceptanceLeast => "swap-acceptance-least",
            Self::LogZLow => "log-z-low",
            Self::LogZHigh => "log-z-high",
            Self::LogZEss => "log-z-ess",
            Self::LogZTrusted => "log-z-trusted",
            Self::GradientBiasNorm => "gradient-bias-norm",
            Self::GradientBiasMax => "gradient-bias-max",
            Self::GradientBiasRelative => "gradient-bias-relative",
            Self::GradientBiasCosine => "gradient-bias-cosine",
            Self::GradientBiasBoundFischerIgel => "gradient-bias-bound-fischer-igel",
            Self::GradientBiasBoundBengioDelalleau => "gradient-bias-bound-bengio-delalleau",
            Self::GradientBiasBoundSpectral => "gradient-bias-bound-spectral",
            Self::NegativePhaseError => "negative-phase-error",
            Self::NegativePhaseErrorExactSamples => "negative-phase-error-exact-samples",
            Self::SecondEigenvalue => "second-eigenvalue",
            Self::AutocorrelationTime => "autocorrelation-time",
            Self::RHat => "r-hat",
            Self::FirstMomentError => "first-moment-error",
            Self::FirstMomentNoise => "first-moment-noise",
            Self::SecondMomentError => "second-moment-error",
            Self::SecondMomentNoise => "second-moment-noise",
            Self::AaTruth => "aa-truth",
            Self::AaSyn => "aa-syn",
            Self::NearestRowDistance => "nearest-row-distance",
        }
    }

    /// Whether a larger value is the better one; `None` where neither is.
    pub fn larger_is_better(self) -> Option<bool> {
        match self {
            Self::PseudoLikelihood | Self::LogLikelihood => Some(true),
            Self::ReconstructionError | Self::ReconstructionCrossEntropy => Some(false),
            _ => None,
        }
    }
}
