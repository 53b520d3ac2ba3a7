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
            "saturated-hidden",
            "share of hidden units",
            None,
            "share of hidden units whose mean activation over the rows is below 0.01 or above 0.99",
        ),
    ]
}
