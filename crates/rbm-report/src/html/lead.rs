//! The top of the page: what came out, what failed, what ran.

use maud::{Markup, html};

use crate::figure::runner_up;
use crate::format::{count, megabytes, printable, seconds, spread};
use crate::report::{CellReport, CellState, Report};
use crate::settings::Overview;

/// One paragraph: how many cells ended how, and which setting is best.
pub(super) fn summary(overview: &Overview<'_>) -> Markup {
    html! {
        p.lead {
            (overview.states()) ". "
            (best(overview))
            @if overview.not_finite > 0 {
                " " (count(overview.not_finite, "measured value")) " not finite; left out of every figure and mean."
            }
        }
    }
}

fn best(overview: &Overview<'_>) -> String {
    let Some(best) = &overview.best else {
        return "No finished cell measured anything that can be ranked, so there is no best setting.".into();
    };
    let setting = &overview.settings[best.setting];
    let cell = setting.cells[best.cell];
    let direction = if best.series.info.larger_is_better == Some(true) { "larger" } else { "smaller" };
    let unit = if best.series.info.unit.is_empty() { String::new() } else { format!(" {}", best.series.info.unit) };
    let value = format!("{}{unit}", spread(&best.spread));
    let n = format!("n = {}", setting.share(best.spread.n));
    let title = best.series.title();
    if best.compared < 2 {
        let name = printable(&cell.name);
        return format!("{title} at the end: {value} ({n}; {direction} is better). The best cell is {name}.");
    }
    let means = overview.settings.iter().enumerate().filter_map(|(i, other)| Some((i, best.series.spread(other)?)));
    let near = runner_up(overview, &best.series, best.setting, &means.collect::<Vec<_>>());
    format!(
        "Best by {title}, which {} of {} settings have: {} with {value} ({n}; {direction} is better). Its best cell is {}.{near}",
        best.compared,
        overview.settings.len(),
        setting.label,
        printable(&cell.name)
    )
}

/// The failed and diverged cells with their messages.
pub(super) fn failures(report: &Report) -> Markup {
    let in_state = |state| report.cells.iter().filter(move |cell| cell.state == state).collect::<Vec<&CellReport>>();
    let (failed, diverged) = (in_state(CellState::Failed), in_state(CellState::Diverged));
    let message = |cell: &CellReport| {
        cell.message.as_ref().map_or_else(|| "no message was recorded".to_owned(), |message| printable(message))
    };
    html! {
        @if !failed.is_empty() || !diverged.is_empty() {
            section.failed {
                h2 { "Failed and diverged cells" }
                @for (word, cells) in [("failed", failed), ("diverged", diverged)] {
                    @if !cells.is_empty() {
                        p { (count(cells.len(), "cell")) " " (word) ":" }
                        ul {
                            @for cell in cells {
                                li { b { (printable(&cell.name)) } " " code { (printable(&cell.id)) } ": " (message(cell)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What ran, with the time and memory of all cells.
pub(super) fn facts(report: &Report) -> Markup {
    let times: Vec<f64> = report.cells.iter().filter_map(|cell| cell.wall_seconds).collect();
    let memory = report.cells.iter().filter_map(|cell| cell.peak_memory_bytes).max();
    html! {
        section {
            h2 { "What ran" }
            table.facts {
                @for (name, value) in &report.facts {
                    tr { th scope="row" { (printable(name)) } td { (printable(value)) } }
                }
                @if !times.is_empty() {
                    tr {
                        th scope="row" { "time of all cells together" }
                        td { (seconds(times.iter().sum())) " (" (times.len()) " of " (count(report.cells.len(), "cell")) " have one)" }
                    }
                }
                @if let Some(bytes) = memory {
                    tr { th scope="row" { "largest memory of a cell" } td { (megabytes(bytes)) } }
                }
            }
        }
    }
}

/// The full config, folded.
pub(super) fn config(report: &Report) -> Markup {
    html! {
        @if !report.config_toml.is_empty() {
            details {
                summary { "The config in full" }
                pre { code { (printable(&report.config_toml)) } }
            }
        }
    }
}
