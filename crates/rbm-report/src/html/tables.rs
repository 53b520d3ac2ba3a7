//! The tables of the page.

use maud::{Markup, html};

use crate::format::{MISSING, megabytes, number, printable, seconds};
use crate::interval::{Interval, Origin, value_text};
use crate::report::{CellReport, MetricInfo, Report};
use crate::settings::{Overview, Series};
use crate::statistics::Spread;

/// A column of the settings table: the means, and which is best.
struct Column<'a> {
    series: &'a Series,
    spreads: Vec<Option<Spread>>,
    intervals: Vec<Option<Interval>>,
    best: Option<usize>,
}

/// The settings table of the metrics that can be ranked, and folded that of the others.
pub(super) fn settings(overview: &Overview<'_>) -> Markup {
    let column = |series| {
        let spreads: Vec<_> = overview.settings.iter().map(|setting| Series::spread(series, setting)).collect();
        let intervals = overview.settings.iter().map(|setting| Series::interval_of_mean(series, setting)).collect();
        Column { series, best: series.best_of(&spreads), spreads, intervals }
    };
    let (ranked, others): (Vec<Column<'_>>, Vec<Column<'_>>) =
        overview.series.iter().map(column).partition(|column| column.series.info.larger_is_better.is_some());
    html! {
        section {
            h2 { "Settings" }
            p.note {
                "Last value of each metric: mean ± one standard deviation over the cells that are done (n says where a mean is "
                "over fewer). ↑: larger is better, ↓: smaller is better."
                @if ranked.iter().any(|column| column.best.is_some()) { " " b { "Bold" } ": the best mean of a column." }
                (legend_of_intervals(ranked.iter().chain(&others)))
            }
            (settings_table(overview, &ranked))
            @if !others.is_empty() {
                details {
                    summary { "Metrics of which neither larger nor smaller is better" }
                    (settings_table(overview, &others))
                }
            }
        }
    }
}

/// What stands beside values that are estimates.
fn legend_of_intervals<'a>(columns: impl Iterator<Item = &'a Column<'a>>) -> Markup {
    let intervals: Vec<&Interval> = columns.flat_map(|column| &column.intervals).flatten().collect();
    let has = |origin| intervals.iter().any(|interval| interval.origin == origin);
    html! {
        @if has(Origin::LogZ) {
            " In brackets, where log Z is estimated: what its three-sigma interval leaves, the ends averaged over the seeds; an "
            "end is undefined where the weights of the estimate vary too much."
        }
        @if intervals.iter().any(|interval| interval.warning().is_some()) {
            " " b.warn { "Not trusted" } ": an independent run says that the interval of log Z may well miss it."
        }
        @if intervals.iter().any(|about| about.origin == Origin::StandardError && about.n == 1) {
            " Of one seed: value ± its standard error, marked s.e."
        }
    }
}

/// A mean with what is known of its error.
fn estimate(value: &Spread, about: Option<&Interval>) -> Markup {
    let own_error = about.is_some_and(|about| about.origin == Origin::StandardError && value.n == 1);
    let text = value_text(value, about);
    let (mean, brackets) = text.split_at(text.find('[').unwrap_or(text.len()));
    html! {
        (mean)
        @if !brackets.is_empty() { span.keep { (brackets) } }
        @if own_error { " " small { "s.e." } }
        @if let Some(warning) = about.and_then(Interval::warning) { br; small.warn { (warning) } }
    }
}

/// One row a setting: mean ± deviation and n of each column's last value, the best marked.
fn settings_table(overview: &Overview<'_>, columns: &[Column<'_>]) -> Markup {
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        @for axis in &overview.axes { th { (axis.label) } }
                        @if overview.axes.is_empty() { th { "setting" } }
                        th { "done" }
                        @for column in columns { (heading(column.series)) }
                    }
                }
                tbody {
                    @for (row, setting) in overview.settings.iter().enumerate() {
                        tr {
                            @for axis in &overview.axes {
                                td { (printable(setting.value(&axis.key).unwrap_or(MISSING))) }
                            }
                            @if overview.axes.is_empty() { td { (setting.label) } }
                            td.keep { (setting.share(setting.done().count())) }
                            @for column in columns {
                                td.n.best[column.best == Some(row)] {
                                    @match &column.spreads[row] {
                                        Some(value) => {
                                            (estimate(value, column.intervals[row].as_ref()))
                                            @if value.n != setting.done().count() {
                                                br;
                                                small { "n = " (value.n) " of " (setting.cells.len()) }
                                            }
                                        }
                                        None => { (MISSING) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A column's head: metric, split and where better lies.
fn heading(series: &Series) -> Markup {
    html! {
        th.n { (printable(&series.info.name)) br; small { (printable(&series.split)) (direction(&series.info)) } }
    }
}

/// An arrow to where better lies.
fn direction(info: &MetricInfo) -> &'static str {
    match info.larger_is_better {
        Some(true) => " ↑",
        Some(false) => " ↓",
        None => "",
    }
}

/// The metrics that occur, a line each.
pub(super) fn definitions(report: &Report, overview: &Overview<'_>) -> Markup {
    let mut metrics: Vec<&MetricInfo> = Vec::new();
    for series in &overview.series {
        if !metrics.iter().any(|info| info.name == series.info.name) {
            metrics.push(&series.info);
        }
    }
    let better = |info: &MetricInfo| match info.larger_is_better {
        Some(true) => "larger",
        Some(false) => "smaller",
        None => "neither",
    };
    html! {
        @if !metrics.is_empty() {
            section {
                h2 { "What the metrics are" }
                div.scroll {
                    table {
                        thead { tr { th { "metric" } th { "definition" } th { "unit" } th { "better" } } }
                        tbody {
                            @for info in metrics {
                                tr {
                                    td { (printable(&info.name)) }
                                    td { (printable(&info.definition)) }
                                    td { @if info.unit.is_empty() { "none" } @else { (printable(&info.unit)) } }
                                    td { (better(info)) }
                                }
                            }
                        }
                    }
                }
                @if report.cells.is_empty() { p.note { "No cells." } }
            }
        }
    }
}

/// One row a cell, folded.
pub(super) fn cells(report: &Report, overview: &Overview<'_>) -> Markup {
    let ranked: Vec<&Series> = overview.series.iter().filter(|series| series.info.larger_is_better.is_some()).collect();
    html! {
        details {
            summary { "All cells (" (report.cells.len()) ")" }
            p.note {
                "Last value of each metric, with the best over the epochs in "
                @if report.cells.iter().any(|cell| ranked.iter().any(|series| series.last_interval(cell).is_some())) {
                    "round brackets where it is another; square brackets and marks as in the settings table; s.e.: standard error."
                } @else {
                    "brackets where it is another."
                }
            }
            div.scroll {
                table {
                    thead {
                        tr {
                            th { "cell" } th { "id" } th { "state" } th.n { "time" } th.n { "memory" }
                            @for series in &ranked { (heading(series)) }
                        }
                    }
                    tbody {
                        @for cell in &report.cells {
                            tr {
                                td { (printable(&cell.name)) }
                                td { code { (printable(&cell.id)) } }
                                td { (cell.state.word()) }
                                td.n { (cell.wall_seconds.map_or(MISSING.into(), seconds)) }
                                td.n { (cell.peak_memory_bytes.map_or(MISSING.into(), megabytes)) }
                                @for series in &ranked { (last_and_best(series, cell)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn last_and_best(series: &Series, cell: &CellReport) -> Markup {
    let last = series.last(cell);
    let best = series.best(cell).filter(|(_, value)| Some(*value) != last);
    let about = series.last_interval(cell);
    html! {
        td.n {
            @match (last, &about) {
                (Some(mean), Some(about)) => (estimate(&Spread { mean, deviation: None, n: 1 }, Some(about))),
                (Some(value), None) => (number(value)),
                (None, _) => (MISSING),
            }
            @if let Some((epoch, value)) = best { br; small { "(" (number(value)) " at epoch " (epoch) ")" } }
        }
    }
}
