//! Bars on a terminal, plain lines elsewhere.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use rbm_data::FetchProgress;
use rbm_eval::{Metric, MetricRow};
use rbm_runner::{Event, Observer, Outcome, Plan};

use crate::{
    context::Screen,
    text::{self, number},
};

/// How often bars whose work tells nothing in between are drawn anew.
const TICK: Duration = Duration::from_millis(120);

/// Parts that an estimated second is counted in on the bar of all cells.
const PARTS: f64 = 1000.0;

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// A bar over `length` pieces of some work; hidden where there is no terminal.
pub(crate) fn bar(screen: &Screen, what: &str, length: u64) -> ProgressBar {
    if !screen.terminal {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length).with_style(style("{msg} [{bar:30}] {pos}/{len} {eta}"));
    let bar = screen.bars.add(bar);
    bar.set_message(what.to_owned());
    bar
}

/// A sign of life for work that cannot be counted; hidden where there is no terminal.
pub(crate) fn spinner(screen: &Screen, what: &str) -> ProgressBar {
    if !screen.terminal {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_style(style("{spinner} {msg} {elapsed}"));
    let bar = screen.bars.add(bar);
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(TICK);
    bar
}

/// The progress of a fetch.
pub(crate) struct FetchBar {
    screen: Screen,
    bar: RefCell<Option<ProgressBar>>,
}

impl FetchBar {
    /// Draws to `screen`.
    pub(crate) fn new(screen: &Screen) -> Self {
        Self { screen: screen.clone(), bar: RefCell::new(None) }
    }
}

impl FetchProgress for FetchBar {
    fn begin(&self, what: &str, total: Option<u64>) {
        self.end();
        if !self.screen.terminal {
            self.screen.note(what);
            return;
        }
        let bar = match total {
            Some(total) => ProgressBar::new(total)
                .with_style(style("{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}")),
            None => ProgressBar::no_length().with_style(style("{spinner} {msg} {bytes} {bytes_per_sec}")),
        };
        let bar = self.screen.bars.add(bar);
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(TICK);
        self.bar.replace(Some(bar));
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = self.bar.borrow().as_ref() {
            bar.inc(bytes);
        }
    }

    fn end(&self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn note(&self, text: &str) {
        self.screen.note(text);
    }
}

/// The progress of a sweep: one bar for each running cell and one for all.
pub(crate) struct RunProgress {
    screen: Screen,
    all: ProgressBar,
    /// Estimated parts of each cell.
    parts: BTreeMap<usize, u64>,
    running: BTreeMap<usize, Running>,
    cells: usize,
    finished: usize,
    finished_parts: u64,
    skipped: usize,
    /// When the first cell was ready for its first step.
    first_start: Option<Instant>,
}

struct Running {
    name: String,
    bar: ProgressBar,
    epochs: u32,
    steps: u64,
    from_step: u64,
    step: u64,
    epoch: u32,
    begun: Instant,
    measured: Option<(Metric, f64)>,
}

impl RunProgress {
    /// Watches the cells of a plan; `indices` are those that will run, all if absent.
    pub(crate) fn new(screen: &Screen, plan: &Plan, indices: Option<&[usize]>) -> Self {
        let wanted = |index: usize| indices.is_none_or(|indices| indices.contains(&index));
        let cells = plan.cells.iter().filter(|cell| wanted(cell.index));
        let parts: BTreeMap<usize, u64> =
            cells.map(|cell| (cell.index, (cell.estimate().seconds * PARTS).ceil() as u64)).collect();
        let all = if screen.terminal {
            let bar = ProgressBar::new(parts.values().sum());
            let bar = screen.bars.add(bar.with_style(style("{msg} [{bar:30}] {elapsed} so far, {eta} left")));
            bar.enable_steady_tick(Duration::from_secs(1));
            bar
        } else {
            ProgressBar::hidden()
        };
        let cells = parts.len();
        let progress = Self {
            screen: screen.clone(),
            all,
            parts,
            running: BTreeMap::new(),
            cells,
            finished: 0,
            finished_parts: 0,
            skipped: 0,
            first_start: None,
        };
        progress.show_all();
        progress
    }

    /// Takes the bars away.
    pub(crate) fn finish(&mut self) {
        for (_, running) in std::mem::take(&mut self.running) {
            running.bar.finish_and_clear();
        }
        self.all.finish_and_clear();
    }

    /// When the first cell was ready for its first step, if one was begun.
    pub(crate) fn first_start(&self) -> Option<Instant> {
        self.first_start
    }

    fn show_all(&self) {
        let now: u64 = self.running.iter().map(|(index, running)| running.share(self.parts[index])).sum();
        self.all.set_position(self.finished_parts + now);
        self.all.set_message(format!("{} of {}", self.finished + self.skipped, text::cells(self.cells)));
    }

    fn started(&mut self, index: usize, name: &str, epochs: u32, steps: u64, from_step: u64) {
        self.first_start.get_or_insert_with(Instant::now);
        self.tell_of_skipped();
        let bar = if self.screen.terminal {
            let bar = ProgressBar::new(steps).with_style(style("  {prefix:28!} [{bar:20}] {msg}"));
            let bar = self.screen.bars.insert_before(&self.all, bar);
            bar.set_prefix(name.to_owned());
            bar
        } else {
            ProgressBar::hidden()
        };
        if from_step > 0 {
            self.screen.note(&format!("{name}: goes on from step {} of {}", from_step, steps));
        }
        let running = Running {
            name: name.to_owned(),
            bar,
            epochs,
            steps,
            from_step,
            step: from_step,
            epoch: 0,
            begun: Instant::now(),
            measured: None,
        };
        self.running.insert(index, running);
    }

    fn finished(&mut self, index: usize, name: &str, outcome: &Outcome, seconds: f64) {
        let measured = self.running.remove(&index).and_then(|running| {
            running.bar.finish_and_clear();
            self.screen.bars.remove(&running.bar);
            running.measured
        });
        if *outcome == Outcome::Interrupted {
            self.screen.note(&format!("{name}: stopped, with a checkpoint"));
            return;
        }
        self.finished += 1;
        self.finished_parts += self.parts.get(&index).copied().unwrap_or(0);
        let place = format!("[{}/{}] {name}", self.finished + self.skipped, self.cells);
        match outcome {
            Outcome::Done => {
                let value =
                    measured.map(|(metric, value)| format!(", {metric} {}", number(value), metric = metric.word()));
                self.screen.note(&format!("{place}: done in {}{}", text::seconds(seconds), value.unwrap_or_default()));
            }
            Outcome::Diverged { message } => self.screen.warn(&format!("{place}: diverged: {message}")),
            Outcome::Failed { message } => self.screen.warn(&format!("{place}: failed: {message}")),
            Outcome::Interrupted => {}
        }
    }

    fn tell_of_skipped(&mut self) {
        if self.skipped > 0 && self.running.is_empty() && self.finished == 0 {
            self.screen.note(&format!("{} of {} have ended already", self.skipped, text::cells(self.cells)));
        }
    }
}

impl Running {
    fn share(&self, parts: u64) -> u64 {
        (parts as f64 * self.step as f64 / self.steps.max(1) as f64) as u64
    }

    fn show(&self) {
        let taken = self.begun.elapsed().as_secs_f64();
        let rate = (self.step - self.from_step) as f64 / taken.max(1e-9);
        let value = self.measured.map(|(metric, value)| format!(", {} {}", metric.word(), number(value)));
        self.bar.set_position(self.step);
        self.bar.set_message(format!(
            "epoch {}/{}, {} steps/s{}",
            self.epoch,
            self.epochs,
            number(rate),
            value.unwrap_or_default()
        ));
    }
}

impl Observer for RunProgress {
    fn event(&mut self, event: &Event) {
        match event {
            Event::CellStarted { index, name, epochs, steps, from_step, .. } => {
                self.started(*index, name, *epochs, *steps, *from_step);
            }
            Event::Progress { index, epoch, step } => {
                if let Some(running) = self.running.get_mut(index) {
                    (running.epoch, running.step) = (*epoch, *step);
                    running.show();
                }
            }
            Event::Evaluated { index, epoch, rows } => {
                if let Some(running) = self.running.get_mut(index) {
                    running.epoch = *epoch;
                    running.step = rows.last().map_or(running.step, |row| row.step.max(running.step));
                    running.measured = headline(rows).or(running.measured);
                    running.show();
                    if self.screen.verbose {
                        let values: Vec<String> = rows.iter().map(value).collect();
                        self.screen.note(&format!("{}, epoch {epoch}: {}", running.name, values.join(", ")));
                    }
                }
            }
            Event::CellFinished { index, name, outcome, seconds } => self.finished(*index, name, outcome, *seconds),
            Event::CellSkipped { index, .. } => {
                self.skipped += 1;
                let parts = self.parts.insert(*index, 0).unwrap_or(0);
                self.all.set_length(self.all.length().unwrap_or(0).saturating_sub(parts));
            }
            Event::CellTaken { .. } => {}
            Event::Note { text } | Event::Waiting { text, .. } => self.screen.note(text),
        }
        self.show_all();
    }
}

fn value(row: &MetricRow) -> String {
    format!("{} ({}) {}", row.metric.word(), row.split.word(), number(row.value))
}

/// The most telling of the values measured together.
fn headline(rows: &[MetricRow]) -> Option<(Metric, f64)> {
    [Metric::LogLikelihood, Metric::PseudoLikelihood, Metric::ReconstructionError]
        .into_iter()
        .find_map(|metric| rows.iter().find(|row| row.metric == metric).map(|row| (metric, row.value)))
}
