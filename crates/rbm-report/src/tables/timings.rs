//! The table of timings, kept apart from the metrics: it differs in every repetition.

use polars::prelude::{PolarsResult, df};

use super::file::{read_parquet, write_parquet};
use crate::error::Error;

const TABLE: &str = "timings";

/// How long the epochs up to an evaluation took, and the evaluation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TimingPoint {
    /// Finished epochs.
    pub epoch: u32,
    /// Seconds of training since the row before.
    pub train_seconds: f64,
    /// Seconds of the evaluation.
    pub evaluate_seconds: f64,
}

/// The bytes of `timings.parquet`: `epoch u32, train_seconds f64, evaluate_seconds f64`, rows in the order given.
///
/// # Errors
/// [`Error::Table`] with what polars refuses.
pub fn timings_to_parquet(rows: &[TimingPoint]) -> Result<Vec<u8>, Error> {
    let frame = df![
        "epoch" => rows.iter().map(|row| row.epoch).collect::<Vec<_>>(),
        "train_seconds" => rows.iter().map(|row| row.train_seconds).collect::<Vec<_>>(),
        "evaluate_seconds" => rows.iter().map(|row| row.evaluate_seconds).collect::<Vec<_>>(),
    ];
    write_parquet(frame.map_err(|source| Error::Table { doing: "build", table: TABLE, source })?, TABLE)
}

/// The rows in the bytes of `timings.parquet`.
///
/// # Errors
/// [`Error::Table`] where the bytes are no such table, [`Error::MissingValue`] where a value is absent.
pub fn timings_from_parquet(bytes: &[u8]) -> Result<Vec<TimingPoint>, Error> {
    type Row = ((Option<u32>, Option<f64>), Option<f64>);
    let frame = read_parquet(bytes, TABLE)?;
    let columns = || -> PolarsResult<Vec<Row>> {
        let epochs = frame.column("epoch")?.u32()?.iter();
        let train = frame.column("train_seconds")?.f64()?.iter();
        Ok(epochs.zip(train).zip(frame.column("evaluate_seconds")?.f64()?.iter()).collect())
    };
    let rows = columns().map_err(|source| Error::Table { doing: "read", table: TABLE, source })?;
    let missing = |column, row| Error::MissingValue { table: TABLE, column, row };
    rows.into_iter()
        .enumerate()
        .map(|(row, ((epoch, train), evaluate))| {
            Ok(TimingPoint {
                epoch: epoch.ok_or_else(|| missing("epoch", row))?,
                train_seconds: train.ok_or_else(|| missing("train_seconds", row))?,
                evaluate_seconds: evaluate.ok_or_else(|| missing("evaluate_seconds", row))?,
            })
        })
        .collect()
}
