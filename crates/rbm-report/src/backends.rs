//! The comparison of backends: a figure, and a page with its table.

use maud::{DOCTYPE, PreEscaped, html};

use crate::error::Error;
use crate::figure::bars::{Bar, figure};
use crate::figure::standalone;
use crate::format::{megabytes, number, printable, seconds};
use crate::html::head;

/// What a page on backends shows.
#[derive(Clone, Debug, Default)]
pub struct BackendsReport {
    /// The config's name.
    pub title: String,
    /// Name and value of what holds for all: machine, config, time.
    pub facts: Vec<(String, String)>,
    /// The backends, in the order of the table.
    pub backends: Vec<BackendRow>,
    /// The command that measures again.
    pub redraw_command: String,
}

/// One backend.
#[derive(Clone, Debug, Default)]
pub struct BackendRow {
    /// Its word in configs.
    pub name: String,
    /// What computes, as it names itself.
    pub device: String,
    /// Why it was not measured; then nothing below holds.
    pub reason: Option<String>,
    /// Training rows a second, one value for each part of the time.
    pub samples_per_second: Vec<f64>,
    /// Seconds until the device had answered once.
    pub start_seconds: f64,
    /// Seconds of the first step.
    pub first_step_seconds: f64,
    /// Largest memory of the process.
    pub peak_memory_bytes: Option<u64>,
    /// Units whose state was another than in f64 on the host, of how many, and those that rounding does not explain.
    pub states: (u64, u64, u64),
    /// Relative error of a gradient.
    pub gradient_error: f64,
    /// Log-likelihood and the epoch it was reached after.
    pub log_likelihood: Option<(u32, f64)>,
}

impl BackendRow {
    /// Median, least and largest of the rates.
    pub fn rate(&self) -> Option<(f64, f64, f64)> {
        let mut sorted = self.samples_per_second.clone();
        sorted.sort_by(f64::total_cmp);
        let (first, last) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len().is_multiple_of(2) { (sorted[middle - 1] + sorted[middle]) / 2.0 } else { sorted[middle] };
        Some((median, first, last))
    }
}

/// The page and its figure as a file of its own: HTML, SVG.
///
/// # Errors
/// What plotters refuses.
pub fn render_backends(report: &BackendsReport) -> Result<(String, String), Error> {
    let bars: Vec<Bar> =
        (report.backends.iter()).filter_map(|row| Some(Bar { label: row.name.clone(), value: row.rate()? })).collect();
    let title = format!("{}: training rows a second", printable(&report.title));
    let drawn = figure(&title, &bars, "samples-per-second")?;
    let drawn = standalone("samples-per-second", drawn, sentence(report));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&format!("{} – backends", printable(&report.title))))
            body {
                h1 { "Backends on " (printable(&report.title)) }
                p.lead { (sentence(report)) }
                figure {
                    (PreEscaped(drawn.inline()))
                    figcaption {
                        "Bars: median of the rates over tenths of the time; lines: least and largest. "
                        "Start-up, the first step and evaluations are not in them."
                        br;
                        code { (printable(&report.redraw_command)) }
                    }
                }
                (table(report))
                (absent(report))
                section {
                    h2 { "What was measured" }
                    table.facts {
                        @for (name, value) in &report.facts {
                            tr { th scope="row" { (printable(name)) } td { (printable(value)) } }
                        }
                    }
                }
            }
        }
    };
    Ok((page.into_string(), drawn.standalone()))
}

fn sentence(report: &BackendsReport) -> String {
    let mut ranked: Vec<(&str, f64)> =
        (report.backends.iter()).filter_map(|row| Some((row.name.as_str(), row.rate()?.0))).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    match &ranked[..] {
        [] => "No backend could be measured.".into(),
        [(name, rate)] => format!("Only {name} was measured: {} training rows a second.", number(*rate)),
        [(name, rate), rest @ ..] => {
            let others = rest.iter().map(|(other, slower)| format!("{} times {other}", number(rate / slower)));
            let others = others.collect::<Vec<_>>().join(", ");
            format!("Fastest in steady state: {name} with {} training rows a second, {others}.", number(*rate))
        }
    }
}

fn table(report: &BackendsReport) -> maud::Markup {
    let measured: Vec<&BackendRow> = report.backends.iter().filter(|row| row.reason.is_none()).collect();
    let epochs = measured.iter().filter_map(|row| row.log_likelihood).map(|(epoch, _)| epoch).next();
    html! {
        section {
            h2 { "Backends" }
            div.scroll {
                table {
                    thead { tr {
                        th { "backend" } th { "device" } th.n { "rows/s" br; small { "median (least – largest)" } }
                        th.n { "start-up" } th.n { "first step" } th.n { "memory" }
                        th.n { "other states" br; small { "of units drawn" } } th.n { "gradient" br; small { "relative error" } }
                        @if let Some(epoch) = epochs { th.n { "log-likelihood" br; small { "nats, after epoch " (epoch) } } }
                    } }
                    tbody {
                        @for row in measured {
                            tr {
                                td { (printable(&row.name)) }
                                td { (printable(&row.device)) }
                                td.n { @if let Some((median, low, high)) = row.rate() {
                                    (number(median)) br; small { (number(low)) " – " (number(high)) }
                                } }
                                td.n { (seconds(row.start_seconds)) }
                                td.n { (seconds(row.first_step_seconds)) }
                                td.n { (row.peak_memory_bytes.map_or_else(|| "–".into(), megabytes)) }
                                td.n { (row.states.0) " of " (row.states.1) @if row.states.2 > 0 {
                                    br; b { (row.states.2) " beyond rounding" }
                                } }
                                td.n { (format!("{:.1e}", row.gradient_error)) }
                                @if epochs.is_some() {
                                    td.n { (row.log_likelihood.map_or_else(|| "–".into(), |(_, value)| number(value))) }
                                }
                            }
                        }
                    }
                }
            }
            p.note {
                "Agreement: one Gibbs step and one CD-1 gradient from the same states as in f64 on the host (teacher "
                "forcing). A state differs where the uniform number falls between two probabilities that rounding keeps apart."
            }
        }
    }
}

fn absent(report: &BackendsReport) -> maud::Markup {
    let absent: Vec<&BackendRow> = report.backends.iter().filter(|row| row.reason.is_some()).collect();
    html! {
        @if !absent.is_empty() {
            section {
                h2 { "Not measured" }
                ul {
                    @for row in absent {
                        li { b { (printable(&row.name)) } ": " (printable(row.reason.as_deref().unwrap_or_default())) }
                    }
                }
            }
        }
    }
}
