//! What the metrics are.

use crate::report::MetricInfo;

/// The metrics of this workspace, the most telling first; docs/methodology.md has their formulas.
pub fn standard_metrics() -> Vec<MetricInfo> {
    let metric = |name: &str, unit: &str, larger_is_better, definition: &str| MetricInfo {
        name: name.into(),
        unit: unit.into(),
        definition: definition.into(),
        larger_is_better,
    };
    vec![
        metric(
            "log-likelihood",
            "nats per row",
            Some(true),
            "minus the free energy minus log Z, mean over the rows (in training over at most 5,000 of them)",
        ),
        metric(
            "pseudo-likelihood",
            "nats per row",
            Some(true),
            "sum over the visible units of the log-probability of each given all others, mean over the rows; in training \
             estimated from one random unit a row",
        ),
        metric(
            "reconstruction-cross-entropy",
            "nats per row",
            Some(false),
            "cross-entropy between a row and its mean-field reconstruction, summed over the visible units, mean over the rows",
        ),
        metric(
            "reconstruction-error",
            "per unit",
            Some(false),
            "squared difference between a row and its mean-field reconstruction, mean over the visible units and the rows",
        ),
        metric(
            "free-energy-gap",
            "nats per row",
            None,
            "mean free energy of the validation rows minus that of the training rows, at most 5,000 of each; growing means \
             overfitting",
        ),
        metric("log-z", "nats", None, "logarithm of the partition function, the sum of exp(-energy) over all states"),
        metric("weight-norm", "", None, "square root of the sum of the squared weights"),
        metric("gradient-norm", "", None, "length of the last step's gradient over all parameters"),
        metric(
            "swap-acceptance",
            "share of exchanges",
            None,
            "share of the exchanges between neighbouring temperatures that parallel tempering accepted since the last \
             evaluation, mean over the pairs",
        ),
        metric("swap-acceptance-least", "share of exchanges", None, "the same share of the pair that exchanged least"),
        metric(
            "saturated-hidden",
            "share of hidden units",
            None,
            "share of hidden units whose mean activation over the rows is below 0.01 or above 0.99",
        ),
        metric("log-z-low", "nats", None, "lower end of the three-sigma interval of an estimated log Z"),
        metric("log-z-high", "nats", None, "upper end of the three-sigma interval of an estimated log Z"),
        metric("log-z-ess", "chains", None, "effective sample size of the weights behind an estimated log Z"),
        metric(
            "log-z-trusted",
            "",
            None,
            "whether an independent run says that the interval of log Z can be trusted: 1 or 0",
        ),
        metric(
            "gradient-bias-norm",
            "",
            Some(false),
            "length, over all parameters, of the expected CD-k gradient minus the exact one",
        ),
        metric("gradient-bias-max", "", Some(false), "largest component of the bias of the CD-k gradient"),
        metric("gradient-bias-relative", "", Some(false), "length of the bias over the length of the exact gradient"),
        metric(
            "gradient-bias-cosine",
            "",
            Some(true),
            "cosine of the angle between the expected CD-k gradient and the exact one",
        ),
        metric(
            "gradient-bias-bound-fischer-igel",
            "",
            None,
            "Fischer and Igel's (2011) upper bound of the bias's largest component",
        ),
        metric(
            "gradient-bias-bound-bengio-delalleau",
            "",
            None,
            "Bengio and Delalleau's (2009) upper bound of the bias's largest component",
        ),
        metric(
            "gradient-bias-bound-spectral",
            "",
            None,
            "upper bound of the bias's largest component from the Gibbs kernel's second eigenvalue",
        ),
        metric(
            "negative-phase-error",
            "",
            Some(false),
            "root mean square error, over all parameters, of the negative phase that the persistent chains give",
        ),
        metric(
            "negative-phase-error-exact-samples",
            "",
            None,
            "the same error of as many independent samples from the model itself",
        ),
        metric(
            "second-eigenvalue",
            "",
            None,
            "second largest eigenvalue of the Gibbs kernel: near 1, chains forget their start slowly",
        ),
        metric(
            "autocorrelation-time",
            "Gibbs steps",
            None,
            "largest integrated autocorrelation time of the observables: steps worth one independent sample",
        ),
        metric("r-hat", "", None, "largest split R-hat of the observables over chains; near 1 where they agree"),
        metric(
            "first-moment-error",
            "",
            Some(false),
            "root mean square difference between the units' means over samples and over rows",
        ),
        metric("first-moment-noise", "", None, "what that difference would be for samples from the rows' own law"),
        metric(
            "second-moment-error",
            "",
            Some(false),
            "root mean square difference between the units' covariances over samples and over rows",
        ),
        metric("second-moment-noise", "", None, "what that difference would be for samples from the rows' own law"),
        metric(
            "aa-truth",
            "",
            None,
            "share of rows whose nearest neighbour is a row and not a sample; 0.5 where the two cannot be told apart",
        ),
        metric(
            "aa-syn",
            "",
            None,
            "share of samples whose nearest neighbour is a sample and not a row; 0.5 where the two cannot be told apart",
        ),
        metric(
            "nearest-row-distance",
            "units",
            None,
            "Hamming distance from a sample to the nearest row, mean over samples; 0 where samples repeat rows",
        ),
    ]
}
