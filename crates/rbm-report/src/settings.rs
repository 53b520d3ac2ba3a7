//! Cells gathered by their settings, and what can be said about each setting.

use crate::format::{count, printable};
use crate::report::{Axis, CellReport, CellState, MetricInfo, Report};
use crate::statistics::Spread;

/// A metric on one split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    /// What the metric is; made up from its name where the report does not say.
    pub(crate) info: MetricInfo,
    /// The split.
    pub(crate) split: String,
}

/// The cells that differ in the seed alone.
#[derive(Clone, Debug)]
pub(crate) struct Setting<'a> {
    /// "k = 3, hidden = 16": the keys that differ between settings.
    pub(crate) label: String,
    /// The swept keys and their values.
    pub(crate) values: Vec<(String, String)>,
    /// Its cells, by seed.
    pub(crate) cells: Vec<&'a CellReport>,
}

/// The setting that the report names as the best.
#[derive(Clone, Debug)]
pub(crate) struct Best {
    /// By which series.
    pub(crate) series: Series,
    /// The setting's index.
    pub(crate) setting: usize,
    /// Its mean.
    pub(crate) spread: Spread,
    /// Its best cell's index within the setting.
    pub(crate) cell: usize,
    /// How many settings have a value at all.
    pub(crate) compared: usize,
}

/// What the report's parts share.
pub(crate) struct Overview<'a> {
    /// The settings, in the order of the axes.
    pub(crate) settings: Vec<Setting<'a>>,
    /// Every metric and split that some cell has.
    pub(crate) series: Vec<Series>,
    /// The axes along which settings differ.
    pub(crate) axes: Vec<Axis>,
    /// The best setting, if any metric can tell.
    pub(crate) best: Option<Best>,
    /// How many measured values are not finite.
    pub(crate) not_finite: usize,
}

impl Series {
    /// `log-likelihood.train`: the name of its column.
    pub(crate) fn column(&self) -> String {
        format!("{}.{}", self.info.name, self.split)
    }

    /// "log-likelihood (train)".
    pub(crate) fn title(&self) -> String {
        printable(&format!("{} ({})", self.info.name, self.split))
    }

    /// "log-likelihood, nats per row": an axis title.
    pub(crate) fn axis(&self) -> String {
        if self.info.unit.is_empty() {
            return printable(&self.info.name);
        }
        printable(&format!("{}, {}", self.info.name, self.info.unit))
    }

    /// The cell's finite values by epoch; the last one of an epoch counts.
    pub(crate) fn curve(&self, cell: &CellReport) -> Vec<(u32, f64)> {
        let mut points: Vec<_> = self.points(cell).filter(|point| point.2.is_finite()).collect();
        points.sort_by_key(|&(step, epoch, _)| (epoch, step));
        let mut curve: Vec<(u32, f64)> = Vec::new();
        for (_, epoch, value) in points {
            curve.pop_if(|last| last.0 == epoch);
            curve.push((epoch, value));
        }
        curve
    }

    /// The cell's finite values by step, with the epoch: step, epoch, value; the last one of a step counts.
    pub(crate) fn by_step(&self, cell: &CellReport) -> Vec<(u64, u32, f64)> {
        let mut points: Vec<_> = self.points(cell).filter(|point| point.2.is_finite()).collect();
        points.sort_by_key(|&(step, ..)| step);
        let mut kept: Vec<(u64, u32, f64)> = Vec::new();
        for point in points {
            kept.pop_if(|last| last.0 == point.0);
            kept.push(point);
        }
        kept
    }

    /// The last value measured, if it is finite.
    pub(crate) fn last(&self, cell: &CellReport) -> Option<f64> {
        let last = self.points(cell).max_by_key(|&(step, epoch, _)| (epoch, step))?;
        last.2.is_finite().then_some(last.2)
    }

    /// The best value and its epoch, the first of equals.
    pub(crate) fn best(&self, cell: &CellReport) -> Option<(u32, f64)> {
        let larger = self.info.larger_is_better?;
        let better = |a: f64, b: f64| if larger { a > b } else { a < b };
        self.curve(cell).into_iter().reduce(|best, point| if better(point.1, best.1) { point } else { best })
    }

    /// Mean of the last values over the setting's finished cells.
    pub(crate) fn spread(&self, setting: &Setting<'_>) -> Option<Spread> {
        let values: Vec<f64> = setting.done().filter_map(|cell| self.last(cell)).collect();
        Spread::of(&values)
    }

    /// The index of the best of some means; none where no direction is better or all are equal.
    pub(crate) fn best_of(&self, spreads: &[Option<Spread>]) -> Option<usize> {
        let larger = self.info.larger_is_better?;
        let means: Vec<(usize, f64)> =
            spreads.iter().enumerate().filter_map(|(index, spread)| Some((index, spread.as_ref()?.mean))).collect();
        if means.windows(2).all(|pair| pair[0].1 == pair[1].1) {
            return None;
        }
        let sign = if larger { 1.0 } else { -1.0 };
        means
            .into_iter()
            .reduce(|best, next| if sign * next.1 > sign * best.1 { next } else { best })
            .map(|best| best.0)
    }

    fn points(&self, cell: &CellReport) -> impl Iterator<Item = (u64, u32, f64)> {
        let mine = cell.metrics.iter().filter(|point| point.metric == self.info.name && point.split == self.split);
        mine.map(|point| (point.step, point.epoch, point.value))
    }
}

impl<'a> Setting<'a> {
    /// The finished cells.
    pub(crate) fn done(&self) -> impl Iterator<Item = &'a CellReport> {
        self.cells.iter().copied().filter(|cell| cell.state == CellState::Done)
    }

    /// How many of its cells are in a state.
    pub(crate) fn in_state(&self, state: CellState) -> usize {
        self.cells.iter().filter(|cell| cell.state == state).count()
    }

    /// "3 of 3", "2 of 3 (1 diverged)": how many cells a mean is over, and why not over all.
    pub(crate) fn share(&self, n: usize) -> String {
        let rest = self.rest();
        let states = if rest.is_empty() { String::new() } else { format!(" ({})", rest.join(", ")) };
        format!("{n} of {}{states}", self.cells.len())
    }

    /// "1 diverged", "2 failed": the cells that are not done.
    pub(crate) fn rest(&self) -> Vec<String> {
        use CellState::{Diverged, Failed, Interrupted, Pending, Running};
        let states = [Diverged, Failed, Interrupted, Running, Pending];
        let counted = states.into_iter().map(|state| (self.in_state(state), state));
        counted.filter(|&(n, _)| n > 0).map(|(n, state)| format!("{n} {}", state.word())).collect()
    }

    /// The setting's value of a key.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

impl<'a> Overview<'a> {
    /// Gathers the cells of a report.
    pub(crate) fn new(report: &'a Report) -> Self {
        let axes = varying_axes(report);
        let settings = settings(report, &axes);
        let series = series(report);
        let not_finite =
            report.cells.iter().flat_map(|cell| &cell.metrics).filter(|point| !point.value.is_finite()).count();
        let best = best(&settings, &series);
        Self { settings, series, axes, best, not_finite }
    }

    /// Setting indices, the best by the headline metric first.
    pub(crate) fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.settings.len()).collect();
        if let Some(best) = &self.best {
            let sign = if best.series.info.larger_is_better == Some(true) { -1.0 } else { 1.0 };
            let means: Vec<f64> = (self.settings.iter())
                .map(|setting| best.series.spread(setting).map_or(f64::INFINITY, |spread| sign * spread.mean))
                .collect();
            order.sort_by(|&a, &b| means[a].total_cmp(&means[b]));
        }
        order
    }

    /// "18 cells in 6 settings: 16 done, 1 diverged, 1 failed".
    pub(crate) fn states(&self) -> String {
        use CellState::{Diverged, Done, Failed, Interrupted, Pending, Running};
        let total: usize = self.settings.iter().map(|setting| setting.cells.len()).sum();
        let in_state = |state| self.settings.iter().map(|setting| setting.in_state(state)).sum::<usize>();
        let states = [Done, Diverged, Failed, Interrupted, Running, Pending].map(|state| (in_state(state), state));
        let words = states.iter().filter(|(n, _)| *n > 0).map(|(n, state)| format!("{n} {}", state.word()));
        let words = words.collect::<Vec<_>>().join(", ");
        let what = format!("{} in {}", count(total, "cell"), count(self.settings.len(), "setting"));
        if words.is_empty() { what } else { format!("{what}: {words}") }
    }
}

/// The axes with more than one value among the cells; keys that the report names no axis for come last.
fn varying_axes(report: &Report) -> Vec<Axis> {
    let mut axes = report.axes.clone();
    for (key, value) in report.cells.iter().flat_map(|cell| &cell.settings) {
        let known = axes.iter().position(|axis| axis.key == *key);
        let index = known.unwrap_or_else(|| {
            axes.push(Axis { key: key.clone(), ..Axis::default() });
            axes.len() - 1
        });
        if !axes[index].values.contains(value) {
            axes[index].values.push(value.clone());
        }
    }
    for axis in &mut axes {
        let occurs = |value: &String| {
            report.cells.iter().any(|cell| cell.settings.iter().any(|(key, v)| *key == axis.key && v == value))
        };
        axis.values.retain(|value| occurs(value));
        if axis.label.is_empty() {
            axis.label = axis.key.rsplit('.').next().unwrap_or(&axis.key).to_owned();
        }
        axis.label = printable(&axis.label);
    }
    axes.retain(|axis| axis.values.len() > 1);
    axes
}

fn settings<'a>(report: &'a Report, axes: &[Axis]) -> Vec<Setting<'a>> {
    let mut settings: Vec<Setting<'a>> = Vec::new();
    for cell in &report.cells {
        match settings.iter_mut().find(|setting| setting.values == cell.settings) {
            Some(setting) => setting.cells.push(cell),
            None => {
                settings.push(Setting { label: String::new(), values: cell.settings.clone(), cells: vec![cell] });
            }
        }
    }
    for setting in &mut settings {
        setting.cells.sort_by_key(|cell| cell.seed);
        let parts: Vec<String> = axes
            .iter()
            .filter_map(|axis| setting.value(&axis.key).map(|value| format!("{} = {value}", axis.label)))
            .collect();
        setting.label = if parts.is_empty() { "the one setting".into() } else { printable(&parts.join(", ")) };
    }
    settings.sort_by_cached_key(|setting| {
        let place = |axis: &Axis| axis.values.iter().position(|value| setting.value(&axis.key) == Some(value));
        axes.iter().map(place).collect::<Vec<_>>()
    });
    settings
}

/// Splits in the order of reading.
const SPLITS: [&str; 3] = ["train", "validation", "test"];

fn series(report: &Report) -> Vec<Series> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for point in report.cells.iter().flat_map(|cell| &cell.metrics) {
        let name = (point.metric.as_str(), point.split.as_str());
        if !found.contains(&name) {
            found.push(name);
        }
    }
    let metric = |name: &str| report.metric_info.iter().position(|info| info.name == name).unwrap_or(usize::MAX);
    let split = |name: &str| SPLITS.iter().position(|split| *split == name).unwrap_or(usize::MAX);
    found.sort_by_key(|&(name, on)| (metric(name), name, split(on), on));
    let info = |name: &str| {
        report.metric_info.iter().find(|info| info.name == name).cloned().unwrap_or_else(|| MetricInfo {
            name: name.into(),
            unit: String::new(),
            definition: "not described".into(),
            larger_is_better: None,
        })
    };
    found.into_iter().map(|(name, split)| Series { info: info(name), split: split.into() }).collect()
}

/// By the series with a direction that most settings have; validation before train before test, so that the test rows
/// choose nothing as long as there are others.
fn best(settings: &[Setting<'_>], series: &[Series]) -> Option<Best> {
    let coverage = |series: &Series| settings.iter().filter(|setting| series.spread(setting).is_some()).count();
    let mut candidates: Vec<(usize, usize, usize, &Series)> = Vec::new();
    for (index, one) in series.iter().enumerate().filter(|(_, one)| one.info.larger_is_better.is_some()) {
        let metric = series.iter().position(|other| other.info.name == one.info.name).unwrap_or(index);
        let split = ["validation", "train"].iter().position(|split| *split == one.split).unwrap_or(2);
        candidates.push((coverage(one), metric, split, one));
    }
    candidates.sort_by_key(|&(covered, metric, split, _)| (std::cmp::Reverse(covered), metric, split));
    let &(compared, _, _, series) = candidates.first()?;
    let spreads: Vec<Option<Spread>> = settings.iter().map(|setting| series.spread(setting)).collect();
    let first = spreads.iter().position(Option::is_some)?;
    let setting = series.best_of(&spreads).unwrap_or(first);
    let sign = if series.info.larger_is_better == Some(true) { 1.0 } else { -1.0 };
    let finals = settings[setting].cells.iter().enumerate().filter(|(_, cell)| cell.state == CellState::Done);
    let cell = finals
        .filter_map(|(index, cell)| Some((index, sign * series.last(cell)?)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })?
        .0;
    Some(Best { series: series.clone(), setting, spread: spreads[setting]?, cell, compared })
}
