//! The comparison of backends, kernels and threads: figures, and a page with its table.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::error::Error;
use crate::figure::bars::{Bar, figure};
use crate::figure::{Figure, standalone};
use crate::format::{megabytes, number, printable, seconds, whole};
use crate::html::head;

/// What a page on backends shows.
#[derive(Clone, Debug, Default)]
pub struct BackendsReport {
    /// The config's name.
    pub title: String,
    /// Name and value of what holds for all: machine, config, time.
    pub facts: Vec<(String, String)>,
    /// A row for each backend with kernels and threads, in the order of the table.
    pub backends: Vec<BackendRow>,
    /// The row that the others are compared with.
    pub reference: Option<usize>,
    /// The mean log-likelihood of training rows to which time is taken.
    pub likelihood: Option<StatedLikelihood>,
    /// The command that measures again.
    pub redraw_command: String,
}

/// A likelihood to which time is taken.
#[derive(Clone, Debug, Default)]
pub struct StatedLikelihood {
    /// Nats a row.
    pub nats: f64,
    /// Where it comes from, to follow a comma.
    pub rule: String,
}

/// One backend with kernels and threads.
#[derive(Clone, Debug, Default)]
pub struct BackendRow {
    /// The backend's word in configs.
    pub name: String,
    /// What computes, as it names itself.
    pub device: String,
    /// Its kernels' word in configs.
    pub kernels: String,
    /// Threads; none on a GPU.
    pub threads: Option<usize>,
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
    /// Seconds of training to the stated likelihood; none where it was not reached.
    pub time_to_likelihood: Option<f64>,
    /// The epoch that it was measured after.
    pub epoch_of_likelihood: Option<u32>,
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

    /// `fused, 2 threads`.
    fn setting(&self) -> String {
        match self.threads {
            None => self.kernels.clone(),
            Some(1) => format!("{}, 1 thread", self.kernels),
            Some(threads) => format!("{}, {threads} threads", self.kernels),
        }
    }

    /// `flex (fused, 2 threads)`.
    fn words(&self) -> String {
        if self.kernels.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.setting()) }
    }
}

impl BackendsReport {
    /// How many times as many rows a second as the reference; none where either is not measured.
    pub fn rate_ratio(&self, row: &BackendRow) -> Option<f64> {
        Some(row.rate()?.0 / self.reference_row()?.rate()?.0)
    }

    /// How many times sooner at the stated likelihood than the reference; none where either did not reach it.
    pub fn time_ratio(&self, row: &BackendRow) -> Option<f64> {
        Some(self.reference_row()?.time_to_likelihood? / row.time_to_likelihood?)
    }

    fn reference_row(&self) -> Option<&BackendRow> {
        self.backends.get(self.reference?)
    }

    fn is_reference(&self, row: &BackendRow) -> bool {
        self.reference_row().is_some_and(|reference| std::ptr::eq(reference, row))
    }

    fn measured(&self) -> impl Iterator<Item = &BackendRow> {
        self.backends.iter().filter(|row| row.reason.is_none())
    }
}

/// A page and its figures as files of their own.
#[derive(Clone, Debug)]
pub struct BackendsPage {
    /// The page.
    pub html: String,
    /// Each figure's file name and SVG.
    pub figures: Vec<(String, String)>,
}

/// Draws the page: rates, and times to the stated likelihood where there is one.
///
/// # Errors
/// What plotters refuses.
pub fn render_backends(report: &BackendsReport) -> Result<BackendsPage, Error> {
    let rates = rates(report)?;
    let times = report.likelihood.as_ref().map(|likelihood| times(report, likelihood)).transpose()?;
    let reference = report.reference_row().map(BackendRow::words);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(&format!("{} – backends", printable(&report.title))))
            body {
                h1 { "Backends on " (printable(&report.title)) }
                p.lead { (sentence(report)) }
                div.column {
                    figure {
                        (PreEscaped(rates.inline()))
                        figcaption {
                            "Bars: median of the rates over tenths of the time; lines: least and largest, far apart "
                            "where other programs took the processor. "
                            @if let Some(reference) = &reference { "×: how many times the rate of " (reference) ". " }
                            "Start-up, the first step and evaluations are not in them."
                            br;
                            code { (printable(&report.redraw_command)) }
                        }
                    }
                    @if let (Some(figure), Some(likelihood)) = (&times, &report.likelihood) {
                        figure {
                            (PreEscaped(figure.inline()))
                            figcaption { (sentence_on_time(report, likelihood)) }
                        }
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
    let figures = std::iter::once(&rates).chain(&times);
    let figures = figures.map(|figure| (format!("{}.svg", figure.stem), figure.standalone())).collect();
    Ok(BackendsPage { html: page.into_string(), figures })
}

/// Bars of the rows that were measured, in groups of a backend; a colour for each word for kernels.
fn bars<'a>(
    report: &'a BackendsReport,
    value: impl Fn(&'a BackendRow) -> (Option<(f64, f64, f64)>, String),
) -> Vec<Bar> {
    let mut words: Vec<&str> = Vec::new();
    let bar = |row: &'a BackendRow| {
        let color = words.iter().position(|word| *word == row.kernels).unwrap_or_else(|| {
            words.push(&row.kernels);
            words.len() - 1
        });
        let (value, text) = value(row);
        let group = match &row.device[..] {
            "" => row.name.clone(),
            device => format!("{} on {device}", row.name),
        };
        Bar { group, label: row.setting(), color, value, text }
    };
    report.measured().map(bar).collect()
}

fn rates(report: &BackendsReport) -> Result<Figure, Error> {
    let bars = bars(report, |row| {
        let rate = row.rate();
        let text =
            rate.map_or_else(String::new, |(median, _, _)| amount(median) + &times_words(report.rate_ratio(row)));
        (rate, text)
    });
    let title = format!("{}: training rows a second", printable(&report.title));
    let drawn = figure(&title, &bars, "samples-per-second")?;
    Ok(standalone("samples-per-second", drawn, sentence(report)))
}

fn times(report: &BackendsReport, likelihood: &StatedLikelihood) -> Result<Figure, Error> {
    let bars = bars(report, |row| match row.time_to_likelihood {
        Some(time) => (Some((time, time, time)), short_time(time) + &times_words(report.time_ratio(row))),
        None => (None, "not reached".into()),
    });
    let title = format!("{}: seconds of training to {} nats", printable(&report.title), number(likelihood.nats));
    let drawn = figure(&title, &bars, "time-to-likelihood")?;
    Ok(standalone("time-to-likelihood", drawn, sentence_on_time(report, likelihood)))
}

/// "  (3.20 ×)" where there is a ratio.
fn times_words(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("  ({ratio:.2} ×)"))
}

/// A number of rows, whole where it is large.
fn amount(value: f64) -> String {
    if value >= 1000.0 { whole(value.round() as u64) } else { number(value) }
}

/// Seconds, to the millisecond where they are few.
fn short_time(time: f64) -> String {
    if time < 9.9995 { format!("{time:.3} s") } else { seconds(time) }
}

fn sentence(report: &BackendsReport) -> String {
    let rated: Vec<(&BackendRow, f64)> = report.measured().filter_map(|row| Some((row, row.rate()?.0))).collect();
    let Some((fastest, rate)) = rated.iter().max_by(|a, b| a.1.total_cmp(&b.1)) else {
        return "No backend could be measured.".into();
    };
    let (words, rate) = (fastest.words(), amount(*rate));
    match (&rated[..], report.reference_row(), report.rate_ratio(fastest)) {
        ([_], _, _) => format!("Only {words} was measured: {rate} training rows a second."),
        (_, Some(reference), Some(ratio)) if !report.is_reference(fastest) => {
            let reference = reference.words();
            format!(
                "Fastest in steady state: {words} with {rate} training rows a second, \
                 {ratio:.2} times the rate of {reference}."
            )
        }
        _ => format!(
            "Fastest in steady state: {words} with {rate} training rows a second; the others are compared with it."
        ),
    }
}

fn sentence_on_time(report: &BackendsReport, likelihood: &StatedLikelihood) -> String {
    let to = format!("a mean log-likelihood of training rows of {} nats, {}", number(likelihood.nats), likelihood.rule);
    let reached = report.measured().filter_map(|row| Some((row, row.time_to_likelihood?)));
    let reference = report.reference_row().map_or_else(|| "the reference".into(), BackendRow::words);
    let first = match reached.min_by(|a, b| a.1.total_cmp(&b.1)) {
        Some((row, time)) => format!("{} is there first, after {}.", row.words(), short_time(time)),
        None => "None got there in its time.".into(),
    };
    format!(
        "Time to {to}: {first} Exact by enumeration, taken at the first of the epochs 1, 2, 3, 4, 6, 8, 12, ... at or \
         above it, nothing interpolated: a row that just misses it waits for the next of them, up to half as many \
         epochs again. The first step is in it, start-up and evaluations are not. ×: how many times sooner than \
         {reference}."
    )
}

fn table(report: &BackendsReport) -> Markup {
    let epochs = report.measured().filter_map(|row| row.log_likelihood).map(|(epoch, _)| epoch).next();
    html! {
        section {
            h2 { "Backends, kernels, threads" }
            div.scroll {
                table {
                    thead { tr {
                        th { "backend" } th { "kernels" } th.n { "threads" }
                        th.n { "rows/s" br; small { "median (least – largest)" } } th.n { "× reference" }
                        @if let Some(likelihood) = &report.likelihood {
                            th.n { "time to" br; small { (number(likelihood.nats)) " nats" } }
                            th.n { "× sooner" br; small { "than reference" } }
                        }
                        th.n { "start-up" } th.n { "first step" } th.n { "memory" }
                        th.n { "other states" br; small { "of units drawn" } }
                        th.n { "gradient" br; small { "relative error" } }
                        @if let Some(epoch) = epochs {
                            th.n { "log-likelihood" br; small { "nats, after epoch " (epoch) } }
                        }
                    } }
                    tbody { @for row in report.measured() { (table_row(report, row, epochs.is_some())) } }
                }
            }
            p.note {
                "Reference: composed kernels on flex with all threads, or what was measured that comes nearest. "
                "Fused kernels on flex and on ndarray are the same code of this program: what their rows differ by is "
                "the scatter of measuring."
            }
            p.note {
                "Agreement: one Gibbs step and one CD-1 gradient of the backend's composed operations from the same "
                "states as in f64 on the host (teacher forcing), with the parameters that the row's training ended at. "
                "A state differs where the uniform number falls between two probabilities that rounding keeps apart."
            }
        }
    }
}

fn table_row(report: &BackendsReport, row: &BackendRow, has_likelihood: bool) -> Markup {
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
    html! {
        tr {
            td { (printable(&row.name)) }
            td { (row.kernels) }
            td.n { (row.threads.map_or_else(|| "–".to_owned(), |threads| threads.to_string())) }
            td.n { @if let Some((median, low, high)) = row.rate() {
                (amount(median)) br; small { (amount(low)) " – " (amount(high)) }
            } }
            td.n { (ratio(report.rate_ratio(row))) @if report.is_reference(row) { br; small { "reference" } } }
            @if report.likelihood.is_some() {
                td.n.keep {
                    (row.time_to_likelihood.map_or_else(|| "not reached".to_owned(), short_time))
                    @if let Some(epoch) = row.epoch_of_likelihood { br; small { "after epoch " (epoch) } }
                }
                td.n { (ratio(report.time_ratio(row))) }
            }
            td.n { (short_time(row.start_seconds)) }
            td.n { (short_time(row.first_step_seconds)) }
            td.n { (row.peak_memory_bytes.map_or_else(|| "–".into(), megabytes)) }
            td.n { (row.states.0) " of " (row.states.1) @if row.states.2 > 0 {
                br; b { (row.states.2) " beyond rounding" }
            } }
            td.n { (format!("{:.1e}", row.gradient_error)) }
            @if has_likelihood {
                td.n { (row.log_likelihood.map_or_else(|| "–".into(), |(_, value)| number(value))) }
            }
        }
    }
}

fn absent(report: &BackendsReport) -> Markup {
    let absent: Vec<&BackendRow> = report.backends.iter().filter(|row| row.reason.is_some()).collect();
    html! {
        @if !absent.is_empty() {
            section {
                h2 { "Not measured" }
                ul {
                    @for row in absent {
                        @let reason = row.reason.as_deref().unwrap_or_default();
                        li { b { (printable(&row.words())) } ": " (printable(reason)) }
                    }
                }
            }
        }
    }
}
