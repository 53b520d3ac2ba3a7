//! The table of metrics, in long form: one row a value.

use polars::prelude::{DataFrame, PolarsResult, df};

use super::file::{read_parquet, write_parquet};
use crate::error::Error;
use crate::report::MetricPoint;

const TABLE: &str = "metrics";

/// The frame of some rows: `step u64, epoch u32, split str, metric str, value f64, stderr f64 (null)`.
///
/// # Errors
/// [`Error::Table`] with what polars refuses.
pub fn metrics_frame(rows: &[MetricPoint]) -> Result<DataFrame, Error> {
    df![
        "step" => rows.iter().map(|row| row.step).collect::<Vec<_>>(),
        "epoch" => rows.iter().map(|row| row.epoch).collect::<Vec<_>>(),
        "split" => rows.iter().map(|row| row.split.as_str()).collect::<Vec<_>>(),
        "metric" => rows.iter().map(|row| row.metric.as_str()).collect::<Vec<_>>(),
        "value" => rows.iter().map(|row| row.value).collect::<Vec<_>>(),
        "stderr" => rows.iter().map(|row| row.stderr).collect::<Vec<_>>(),
    ]
    .map_err(|source| Error::Table { doing: "build", table: TABLE, source })
}

/// The bytes of `metrics.parquet`, rows in the order given.
///
/// # Errors
/// [`Error::Table`] with what polars refuses.
///
/// ```
/// use rbm_report::{MetricPoint, tables};
///
/// let row = MetricPoint { step: 600, epoch: 1, split: "train".into(), metric: "log-z".into(), value: 541.5, stderr: None };
/// let bytes = tables::metrics_to_parquet(std::slice::from_ref(&row))?;
/// assert_eq!(tables::metrics_from_parquet(&bytes)?, [row]);
/// # Ok::<(), rbm_report::Error>(())
/// ```
pub fn metrics_to_parquet(rows: &[MetricPoint]) -> Result<Vec<u8>, Error> {
    write_parquet(metrics_frame(rows)?, TABLE)
}

/// The rows in the bytes of `metrics.parquet`.
///
/// # Errors
/// [`Error::Table`] where the bytes are no such table, [`Error::MissingValue`] where a value other than `stderr` is absent.
pub fn metrics_from_parquet(bytes: &[u8]) -> Result<Vec<MetricPoint>, Error> {
    let frame = read_parquet(bytes, TABLE)?;
    let rows = columns(&frame).map_err(|source| Error::Table { doing: "read", table: TABLE, source })?;
    rows.into_iter().enumerate().map(|(index, row)| complete(index, row)).collect()
}

/// A row as read: step, epoch, split, metric, value, standard error.
type Row = (Option<u64>, Option<u32>, Option<String>, Option<String>, Option<f64>, Option<f64>);

fn columns(frame: &DataFrame) -> PolarsResult<Vec<Row>> {
    let text = |name: &str| -> PolarsResult<Vec<Option<String>>> {
        Ok(frame.column(name)?.str()?.iter().map(|text| text.map(str::to_owned)).collect())
    };
    let (splits, metrics) = (text("split")?, text("metric")?);
    let (steps, epochs) = (frame.column("step")?.u64()?, frame.column("epoch")?.u32()?);
    let (values, errors) = (frame.column("value")?.f64()?, frame.column("stderr")?.f64()?);
    let rows = steps.iter().zip(epochs.iter()).zip(splits).zip(metrics).zip(values.iter()).zip(errors.iter());
    Ok(rows
        .map(|(((((step, epoch), split), metric), value), error)| (step, epoch, split, metric, value, error))
        .collect())
}

fn complete(row: usize, (step, epoch, split, metric, value, stderr): Row) -> Result<MetricPoint, Error> {
    let missing = |column| Error::MissingValue { table: TABLE, column, row };
    Ok(MetricPoint {
        step: step.ok_or_else(|| missing("step"))?,
        epoch: epoch.ok_or_else(|| missing("epoch"))?,
        split: split.ok_or_else(|| missing("split"))?,
        metric: metric.ok_or_else(|| missing("metric"))?,
        value: value.ok_or_else(|| missing("value"))?,
        stderr,
    })
}
