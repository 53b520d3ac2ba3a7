//! How rows become Parquet files: by functions that the binary hands in, so that this crate knows no tables.

use rbm_eval::MetricRow;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How long the epochs up to an evaluation took, and the evaluation. Kept apart from metrics, which are the same bytes
/// in every repetition.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimingRow {
    /// Finished epochs.
    pub epoch: u32,
    /// Seconds of training since the row before.
    pub train_seconds: f64,
    /// Seconds of this evaluation.
    pub evaluate_seconds: f64,
}

/// A function from rows to the bytes of a file.
pub type TableWriter<'a, Row> = dyn Fn(&[Row]) -> Result<Vec<u8>, String> + Sync + 'a;

/// Turns rows into the bytes of Parquet files. Equal rows must give equal bytes.
#[derive(Clone, Copy)]
pub struct TableWriters<'a> {
    /// For `metrics.parquet`.
    pub metrics: &'a TableWriter<'a, MetricRow>,
    /// For `timings.parquet`.
    pub timings: &'a TableWriter<'a, TimingRow>,
}

impl TableWriters<'_> {
    pub(crate) fn metrics(&self, rows: &[MetricRow]) -> Result<Vec<u8>, Error> {
        (self.metrics)(rows).map_err(|reason| Error::Table { table: "metrics.parquet", reason })
    }

    pub(crate) fn timings(&self, rows: &[TimingRow]) -> Result<Vec<u8>, Error> {
        (self.timings)(rows).map_err(|reason| Error::Table { table: "timings.parquet", reason })
    }
}
