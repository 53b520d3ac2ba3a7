//! A measured value and where it belongs.

use serde::{Deserialize, Serialize};

use crate::Metric;

/// Rows of which split a value was measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitName {
    /// Training rows; also the split of values that belong to the machine alone.
    Train,
    /// Rows held out of the training set.
    Validation,
    /// The test set.
    Test,
}

impl SplitName {
    /// The word that stands in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// One measured value: a line of `metrics.jsonl`, a row of `metrics.parquet`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// Updates of the parameters so far.
    pub step: u64,
    /// Finished epochs.
    pub epoch: u32,
    /// Whose rows were used.
    pub split: SplitName,
    /// What was measured.
    pub metric: Metric,
    /// The value; always finite.
    pub value: f64,
    /// Standard error of the value, where it is a mean over a sample.
    pub stderr: Option<f64>,
}
