//! The top of the page: what came out, what failed, what ran.

use maud::{Markup, html};

use crate::figure::runner_up;
use crate::format::{count, megabytes, printable, seconds};
use crate::interval::{Interval, Origin, value_text};
use crate::report::{CellReport, CellState, Report};
use crate::settings::{Overview, Series, Setting};

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
    let about = best.series.interval_of_mean(setting);
    let value = format!("{}{unit}", value_text(&best.spread, about.as_ref()));
    let estimate = about.map_or(String::new(), |about| of_an_estimate(overview, &best.series, &about));
    let n = format!("n = {}", setting.share(best.spread.n));
    let title = best.series.title();
    if best.compared < 2 {
        let name = printable(&cell.name);
        return format!("{title} at the end: {value} ({n}; {direction} is better). The best cell is {name}.{estimate}");
    }
    let means = overview.settings.iter().enumerate().filter_map(|(i, other)| Some((i, best.series.spread(other)?)));
    let about = |setting: usize| best.series.interval_of_mean(&overview.settings[setting]);
    let near = runner_up(overview, &best.series, best.setting, &means.collect::<Vec<_>>(), &about);
    format!(
        "Best by {title}, which {} of {} settings have: {} with {value} ({n}; {direction} is better). Its best cell is {}.{near}{estimate}",
        best.compared,
        overview.settings.len(),
        setting.label,
        printable(&cell.name)
    )
}

/// What to know of values that stand on an estimated log Z.
fn of_an_estimate(overview: &Overview<'_>, series: &Series, about: &Interval) -> String {
    if about.origin != Origin::LogZ {
        return String::new();
    }
    let done = overview.settings.iter().flat_map(Setting::done);
    let estimates: Vec<Interval> = done.filter_map(|cell| series.last_interval(cell)).collect();
    let untrusted = estimates.iter().filter(|estimate| estimate.untrusted > 0).count();
    let trust = match (untrusted, about.untrusted) {
        (0, _) => String::new(),
        (_, of_best) => {
            let best = if of_best > 0 { ", the best setting's among them" } else { "" };
            let cells = count(estimates.len(), "cell");
            format!(" An independent run says that it is not to be trusted in {untrusted} of {cells}{best}.")
        }
    };
    format!(" Log Z is estimated; in brackets: what its three-sigma interval leaves.{trust}")
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
