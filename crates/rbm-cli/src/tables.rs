//! Metrics between the runner, which measures them, and the report's tables.

use rbm_eval::MetricRow;
use rbm_report::{
    MetricPoint, standard_metrics,
    tables::{TimingPoint, metrics_from_parquet, metrics_to_parquet, timings_to_parquet},
};
use rbm_runner::{TableWriters, TimingRow, with_sources};
use rbm_store::{CellFolder, CellState};

use crate::diagnose::Failure;

/// How a worker writes `metrics.parquet` and `timings.parquet`.
pub(crate) const WRITERS: TableWriters<'static> = TableWriters { metrics: &metrics, timings: &timings };

fn metrics(rows: &[MetricRow]) -> Result<Vec<u8>, String> {
    let points: Vec<MetricPoint> = rows.iter().map(point).collect();
    metrics_to_parquet(&points).map_err(|error| with_sources(&error))
}

fn timings(rows: &[TimingRow]) -> Result<Vec<u8>, String> {
    let point = |row: &TimingRow| TimingPoint {
        epoch: row.epoch,
        train_seconds: row.train_seconds,
        evaluate_seconds: row.evaluate_seconds,
    };
    timings_to_parquet(&rows.iter().map(point).collect::<Vec<_>>()).map_err(|error| with_sources(&error))
}

fn point(row: &MetricRow) -> MetricPoint {
    MetricPoint {
        step: row.step,
        epoch: row.epoch,
        split: row.split.word().into(),
        metric: row.metric.word().into(),
        value: row.value,
        stderr: row.stderr,
    }
}

/// All that was measured in a cell so far: from the table of one that has ended, else from the lines of its log.
pub(crate) fn metrics_of(cell: &CellFolder, state: CellState) -> Result<Vec<MetricPoint>, Failure> {
    if matches!(state, CellState::Done | CellState::Diverged | CellState::Failed)
        && let Some(bytes) = cell.read_file("metrics.parquet")?
    {
        return Ok(metrics_from_parquet(&bytes)?);
    }
    let rows: Vec<MetricRow> = cell.read_metrics()?;
    Ok(rows.iter().map(point).collect())
}

/// The last value of each metric and split, the most telling metric first.
pub(crate) fn last_values(points: &[MetricPoint]) -> Vec<&MetricPoint> {
    let mut last: Vec<&MetricPoint> = Vec::new();
    for point in points {
        last.retain(|other| (&other.metric, &other.split) != (&point.metric, &point.split));
        last.push(point);
    }
    let order: Vec<String> = standard_metrics().into_iter().map(|info| info.name).collect();
    let rank = |point: &MetricPoint| order.iter().position(|name| *name == point.metric).unwrap_or(order.len());
    last.sort_by_key(|point| rank(point));
    last
}
