//! The summaries of a sweep: one row a cell, and one row a setting.

use polars::prelude::{Column, DataFrame};

use crate::error::Error;
use crate::report::{CellReport, CellState, Report};
use crate::settings::{Overview, Series, Setting};
use crate::statistics::Spread;

/// One row a cell, in the order of the report: its name, id, state, each setting, the seed, time and memory; then for
/// each metric and split the last value, and where a direction is better the best one (`.best`) and its epoch.
pub(crate) fn cells_frame(report: &Report, overview: &Overview<'_>) -> Result<DataFrame, Error> {
    let cells = &report.cells;
    let text = |name: &str, value: fn(&CellReport) -> Option<&str>| {
        Column::new(name.into(), cells.iter().map(value).collect::<Vec<_>>())
    };
    let mut columns = vec![
        text("cell", |cell| Some(&cell.name)),
        text("id", |cell| Some(&cell.id)),
        text("state", |cell| Some(cell.state.word())),
    ];
    for key in keys(overview) {
        let value = |cell: &CellReport| cell.settings.iter().find(|(k, _)| *k == key).map(|(_, value)| value.clone());
        columns.push(setting_column(&key, cells.iter().map(value).collect()));
    }
    columns.push(Column::new("seed".into(), cells.iter().map(|cell| cell.seed).collect::<Vec<_>>()));
    columns.push(Column::new("wall_seconds".into(), cells.iter().map(|cell| cell.wall_seconds).collect::<Vec<_>>()));
    let memory: Vec<_> = cells.iter().map(|cell| cell.peak_memory_bytes).collect();
    columns.push(Column::new("peak_memory_bytes".into(), memory));
    for series in &overview.series {
        let name = series.column();
        let last: Vec<_> = cells.iter().map(|cell| series.last(cell)).collect();
        columns.push(Column::new(name.as_str().into(), last));
        if series.info.larger_is_better.is_some() {
            let best: Vec<_> = cells.iter().map(|cell| series.best(cell)).collect();
            let values: Vec<_> = best.iter().map(|best| best.map(|(_, value)| value)).collect();
            let epochs: Vec<_> = best.iter().map(|best| best.map(|(epoch, _)| epoch)).collect();
            columns.push(Column::new(format!("{name}.best").into(), values));
            columns.push(Column::new(format!("{name}.best_epoch").into(), epochs));
        }
    }
    columns.push(text("message", |cell| cell.message.as_deref()));
    frame(columns, cells.len(), "summary")
}

/// One row a setting: its values, how many cells it has and how many are done, diverged and failed; then for each
/// metric and split the mean of the last values over the done cells, their standard deviation and their number.
pub(crate) fn settings_frame(overview: &Overview<'_>) -> Result<DataFrame, Error> {
    let settings = &overview.settings;
    let counts = |name: &str, count: &dyn Fn(&Setting<'_>) -> usize| {
        Column::new(name.into(), settings.iter().map(|setting| count(setting) as u64).collect::<Vec<_>>())
    };
    let mut columns = Vec::new();
    for key in keys(overview) {
        let values = settings.iter().map(|setting| setting.value(&key).map(str::to_owned)).collect();
        columns.push(setting_column(&key, values));
    }
    columns.push(counts("cells", &|setting| setting.cells.len()));
    for state in [CellState::Done, CellState::Diverged, CellState::Failed] {
        columns.push(counts(state.word(), &|setting| setting.in_state(state)));
    }
    for series in &overview.series {
        columns.extend(spread_columns(series, settings));
    }
    frame(columns, settings.len(), "settings")
}

fn spread_columns(series: &Series, settings: &[Setting<'_>]) -> [Column; 3] {
    let name = series.column();
    let spreads: Vec<Option<Spread>> = settings.iter().map(|setting| series.spread(setting)).collect();
    let column = |suffix: &str, value: fn(Spread) -> Option<f64>| {
        let values: Vec<_> = spreads.iter().map(|spread| spread.and_then(value)).collect();
        Column::new(format!("{name}.{suffix}").into(), values)
    };
    let numbers: Vec<u64> = spreads.iter().map(|spread| spread.map_or(0, |spread| spread.n as u64)).collect();
    [
        column("mean", |spread| Some(spread.mean)),
        column("sd", |spread| spread.deviation),
        Column::new(format!("{name}.n").into(), numbers),
    ]
}

/// Every swept key, in the order of the settings.
fn keys(overview: &Overview<'_>) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for (key, _) in overview.settings.iter().flat_map(|setting| &setting.values) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

/// A column of whole numbers or of numbers where all values are; else of text.
fn setting_column(key: &str, values: Vec<Option<String>>) -> Column {
    fn all<T: std::str::FromStr>(values: &[Option<String>]) -> Option<Vec<Option<T>>> {
        values
            .iter()
            .map(|value| value.as_ref().map(|text| text.parse().ok()).map_or(Some(None), |v| v.map(Some)))
            .collect()
    }
    if let Some(whole) = all::<i64>(&values) {
        Column::new(key.into(), whole)
    } else if let Some(numbers) = all::<f64>(&values) {
        Column::new(key.into(), numbers)
    } else {
        Column::new(key.into(), values)
    }
}

/// Builds the frame; of two columns of one name (a swept key called `seed`) the later gets a number.
fn frame(columns: Vec<Column>, height: usize, table: &'static str) -> Result<DataFrame, Error> {
    let mut named: Vec<Column> = Vec::new();
    for mut column in columns {
        let name = column.name().clone();
        let mut number = 2;
        while named.iter().any(|other| other.name() == column.name()) {
            column.rename(format!("{name}_{number}").into());
            number += 1;
        }
        named.push(column);
    }
    DataFrame::new(height, named).map_err(|source| Error::Table { doing: "build", table, source })
}
