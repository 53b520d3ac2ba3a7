//! How far a measured value may be off: by the interval of an estimated log Z, or by its own standard error.

use crate::format::{interval, number, spread};
use crate::report::{CellReport, MetricPoint};
use crate::settings::{Series, Setting};
use crate::statistics::Spread;

/// Metrics whose standard error only says how well the rows looked at stand for all of a split; no figure shows it.
const OF_SAMPLED_ROWS: [&str; 5] =
    ["log-likelihood", "pseudo-likelihood", "reconstruction-cross-entropy", "reconstruction-error", "free-energy-gap"];

/// Metrics that other figures show: as bands and marks, or beside what they bound.
const SHOWN_ELSEWHERE: [&str; 7] = [
    "log-z-low",
    "log-z-high",
    "log-z-trusted",
    "gradient-bias-bound-fischer-igel",
    "gradient-bias-bound-bengio-delalleau",
    "gradient-bias-bound-spectral",
    "negative-phase-error-exact-samples",
];

/// What the ends of an interval come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The three-sigma interval of an estimated log Z.
    LogZ,
    /// One standard error to each side.
    StandardError,
}

/// Where the truth behind one value may lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    /// What the ends come from.
    pub(crate) origin: Origin,
    /// The value itself.
    pub(crate) value: f64,
    /// The lower end; none where it is undefined.
    pub(crate) low: Option<f64>,
    /// The upper end; none where it is undefined.
    pub(crate) high: Option<f64>,
    /// How many of the values behind this one stand on a log Z that an independent run calls not to be trusted.
    pub(crate) untrusted: usize,
    /// How many values there are.
    pub(crate) n: usize,
}

impl Interval {
    /// The interval of the mean of several values: mean ends, which the error of their mean rarely reaches. An end that
    /// one of them lacks is undefined.
    pub(crate) fn mean(intervals: &[Self]) -> Option<Self> {
        let first = intervals.first()?;
        let n = intervals.len() as f64;
        let mean = |end: fn(&Self) -> Option<f64>| -> Option<f64> {
            intervals.iter().map(end).sum::<Option<f64>>().map(|sum| sum / n)
        };
        Some(Self {
            origin: first.origin,
            value: mean(|one| Some(one.value))?,
            low: mean(|one| one.low),
            high: mean(|one| one.high),
            untrusted: intervals.iter().map(|one| one.untrusted).sum(),
            n: intervals.iter().map(|one| one.n).sum(),
        })
    }

    /// The ends as a plot shows them: an undefined one lies at the value, so that nothing is drawn on that side.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.low.unwrap_or(self.value), self.high.unwrap_or(self.value))
    }

    /// Whether an end is undefined.
    pub(crate) fn is_open(&self) -> bool {
        self.low.is_none() || self.high.is_none()
    }

    /// "log Z not trusted", where that is so.
    pub(crate) fn warning(&self) -> Option<String> {
        match (self.untrusted, self.n) {
            (0, _) => None,
            (1, 1) => Some("log Z not trusted".into()),
            (untrusted, n) => Some(format!("log Z not trusted: {untrusted} of {n}")),
        }
    }

    /// Whether two values stand on estimated log Z whose intervals leave both the same value.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let low = |one: &Self| one.low.unwrap_or(f64::NEG_INFINITY);
        let high = |one: &Self| one.high.unwrap_or(f64::INFINITY);
        let estimated = self.origin == Origin::LogZ && other.origin == Origin::LogZ;
        estimated && low(self) <= high(other) && low(other) <= high(self)
    }
}

/// A mean over seeds with its interval: "−85.61 [−85.75, −85.52]" of one seed, the spread over seeds of more.
pub(crate) fn value_text(value: &Spread, about: Option<&Interval>) -> String {
    match about {
        Some(about) if value.n == 1 => match (about.origin, about.high) {
            (Origin::LogZ, _) => interval(value.mean, about.low, about.high),
            (Origin::StandardError, Some(high)) => spread(&Spread { deviation: Some(high - value.mean), ..*value }),
            (Origin::StandardError, None) => number(value.mean),
        },
        Some(about) if about.origin == Origin::LogZ => {
            format!("{} {}", spread(value), brackets(about))
        }
        _ => spread(value),
    }
}

/// "[−85.75, −85.52]".
fn brackets(about: &Interval) -> String {
    let text = interval(about.value, about.low, about.high);
    text.find('[').map_or_else(String::new, |at| text[at..].to_owned())
}

impl Series {
    /// Whether figures of its own show it: not where another figure has it as a band or a mark.
    pub(crate) fn has_own_figure(&self) -> bool {
        !SHOWN_ELSEWHERE.contains(&self.info.name.as_str())
    }

    /// Where the truth behind the cell's values may lie, by epoch; nothing for values that are exact or say nothing of
    /// it.
    pub(crate) fn intervals(&self, cell: &CellReport) -> Vec<(u32, Interval)> {
        let mine = |point: &&MetricPoint| point.metric == self.info.name && point.split == self.split;
        let mut points: Vec<&MetricPoint> = cell.metrics.iter().filter(mine).collect();
        points.retain(|point| point.value.is_finite());
        points.sort_by_key(|point| (point.epoch, point.step));
        let mut last: Vec<&MetricPoint> = Vec::new();
        for point in points {
            last.pop_if(|before| before.epoch == point.epoch);
            last.push(point);
        }
        last.into_iter().filter_map(|point| Some((point.epoch, self.interval(cell, point)?))).collect()
    }

    /// Of the cell's last value.
    pub(crate) fn last_interval(&self, cell: &CellReport) -> Option<Interval> {
        let last = self.last_epoch(cell)?;
        self.intervals(cell).into_iter().rev().find(|(epoch, _)| *epoch == last).map(|(_, interval)| interval)
    }

    fn last_epoch(&self, cell: &CellReport) -> Option<u32> {
        self.last(cell)?;
        self.curve(cell).last().map(|(epoch, _)| *epoch)
    }

    /// Of the mean of the last values over the setting's finished cells; none where one of them has none.
    pub(crate) fn interval_of_mean(&self, setting: &Setting<'_>) -> Option<Interval> {
        let cells = setting.done().filter(|cell| self.last(cell).is_some());
        let intervals: Option<Vec<Interval>> = cells.map(|cell| self.last_interval(cell)).collect();
        Interval::mean(&intervals?)
    }

    /// Of the means over the setting's finished cells, by epoch; only where each value has one.
    pub(crate) fn intervals_of_means(&self, setting: &Setting<'_>, points: &[(u32, Spread)]) -> Vec<(u32, Interval)> {
        let all: Vec<(u32, Interval)> = setting.done().flat_map(|cell| self.intervals(cell)).collect();
        let at = |(epoch, spread): &(u32, Spread)| {
            let here: Vec<Interval> = all.iter().filter(|(e, _)| e == epoch).map(|(_, interval)| *interval).collect();
            (here.len() == spread.n).then(|| Interval::mean(&here)).flatten().map(|interval| (*epoch, interval))
        };
        points.iter().filter_map(at).collect()
    }

    fn interval(&self, cell: &CellReport, point: &MetricPoint) -> Option<Interval> {
        let plain =
            Interval { origin: Origin::StandardError, value: point.value, low: None, high: None, untrusted: 0, n: 1 };
        let name = self.info.name.as_str();
        if matches!(name, "log-likelihood" | "log-z")
            && let Some(log_z) = LogZ::at(cell, point.step)
        {
            // The log-likelihood is minus the mean free energy minus log Z: log Z's ends change places.
            let (low, high) = if name == "log-z" {
                (log_z.low, log_z.high)
            } else {
                let shifted = |end: f64| point.value + (log_z.value - end);
                (log_z.high.map(shifted), log_z.low.map(shifted))
            };
            return Some(Interval { origin: Origin::LogZ, low, high, untrusted: usize::from(!log_z.trusted), ..plain });
        }
        if OF_SAMPLED_ROWS.contains(&name) {
            return None;
        }
        let error = point.stderr.filter(|error| error.is_finite())?;
        Some(Interval { low: Some(point.value - error), high: Some(point.value + error), ..plain })
    }
}

/// An estimated log Z at one step.
struct LogZ {
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
    trusted: bool,
}

impl LogZ {
    /// None where log Z is exact or absent: an estimate has an end or a word on its trust.
    fn at(cell: &CellReport, step: u64) -> Option<Self> {
        let find = |metric: &str| {
            let here = |point: &&MetricPoint| point.step == step && point.metric == metric && point.value.is_finite();
            cell.metrics.iter().rfind(here).map(|point| point.value)
        };
        let (low, high, trusted) = (find("log-z-low"), find("log-z-high"), find("log-z-trusted"));
        if low.is_none() && high.is_none() && trusted.is_none() {
            return None;
        }
        Some(Self { value: find("log-z")?, low, high, trusted: trusted != Some(0.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric_info::standard_metrics;

    fn series(name: &str) -> Series {
        let info = standard_metrics().into_iter().find(|info| info.name == name).expect("a standard metric");
        Series { info, split: "train".into() }
    }

    fn cell(values: &[(&str, f64, Option<f64>)]) -> CellReport {
        let point = |&(metric, value, stderr): &(&str, f64, Option<f64>)| {
            let (split, metric) = ("train".into(), metric.into());
            MetricPoint { step: 10, epoch: 1, split, metric, value, stderr }
        };
        CellReport { metrics: values.iter().map(point).collect(), ..CellReport::default() }
    }

    #[test]
    fn ends_of_log_z_change_places_in_the_log_likelihood() {
        let cell = cell(&[
            ("log-likelihood", -80.0, Some(0.5)),
            ("log-z", 100.0, None),
            ("log-z-low", 99.0, None),
            ("log-z-high", 100.25, None),
        ]);
        // by hand: F = -20, so log Z in [99, 100.25] leaves -80.25 to -79
        let found = series("log-likelihood").last_interval(&cell).expect("an interval");
        assert_eq!((found.low, found.high, found.untrusted), (Some(-80.25), Some(-79.0), 0));
        let found = series("log-z").last_interval(&cell).expect("an interval");
        assert_eq!((found.low, found.high), (Some(99.0), Some(100.25)));
    }

    #[test]
    fn undefined_lower_end_of_log_z_leaves_the_log_likelihood_open_above() {
        let cell = cell(&[
            ("log-likelihood", -80.0, None),
            ("log-z", 100.0, None),
            ("log-z-high", 100.25, None),
            ("log-z-trusted", 0.0, None),
        ]);
        let found = series("log-likelihood").last_interval(&cell).expect("an interval");
        assert_eq!((found.low, found.high, found.untrusted), (Some(-80.25), None, 1));
        assert_eq!(found.ends(), (-80.25, -80.0));
        assert!(found.is_open());
        assert_eq!(found.warning().as_deref(), Some("log Z not trusted"));
    }

    #[test]
    fn exact_log_z_has_no_interval_and_errors_of_sampled_rows_are_not_shown() {
        let cell = cell(&[
            ("log-likelihood", -80.0, Some(0.5)),
            ("log-z", 100.0, None),
            ("autocorrelation-time", 12.0, Some(1.5)),
        ]);
        assert_eq!(series("log-likelihood").last_interval(&cell), None);
        assert_eq!(series("log-z").last_interval(&cell), None);
        let found = series("autocorrelation-time").last_interval(&cell).expect("an interval");
        assert_eq!((found.origin, found.low, found.high), (Origin::StandardError, Some(10.5), Some(13.5)));
    }

    #[test]
    fn texts_have_the_interval_of_one_seed_and_the_spread_of_more() {
        let about =
            Interval { origin: Origin::LogZ, value: -85.612, low: Some(-85.751), high: None, untrusted: 0, n: 1 };
        let one = Spread { mean: -85.612, deviation: None, n: 1 };
        assert_eq!(value_text(&one, Some(&about)), "\u{2212}85.61 [\u{2212}85.75, undefined]");
        let more = Spread { mean: -85.612, deviation: Some(1.3), n: 3 };
        let about = Interval { high: Some(-85.52), n: 3, ..about };
        assert_eq!(value_text(&more, Some(&about)), "\u{2212}85.6 ± 1.3 [\u{2212}85.75, \u{2212}85.52]");
        let error = Interval { origin: Origin::StandardError, ..about };
        assert_eq!(value_text(&Spread { n: 1, deviation: None, ..more }, Some(&error)), "\u{2212}85.612 ± 0.092");
    }
}
