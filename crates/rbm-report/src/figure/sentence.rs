//! The sentence under each figure, made from its numbers.

use super::curves::{Curve, starts_outside};
use super::heat::HeatMap;
use super::images::{MOST_FIELDS, MOST_PAIRS};
use crate::format::{count, number, spread};
use crate::interval::{Interval, Origin, value_text};
use crate::report::{CellReport, CellState, ImageGrid, ImageRange, ReconstructionPairs};
use crate::settings::{Overview, Series};
use crate::statistics::Spread;

/// What learning curves show.
pub(super) fn curves(
    overview: &Overview<'_>,
    series: &Series,
    curves: &[Curve],
    singles: &[(usize, &CellReport)],
) -> String {
    let mut sentences = Vec::new();
    if let [curve] = curves {
        sentences.push(one_curve(overview, curve));
    } else if !curves.is_empty() {
        sentences.push(many_curves(overview, series, curves));
    }
    if starts_outside(series, curves, singles) {
        sentences.push("The steep start lies outside the plot, so that the ends can be told apart.".into());
    }
    let several = curves.iter().flat_map(|curve| &curve.points).any(|(_, spread)| spread.n > 1);
    let single = curves.iter().any(|curve| curve.is_single() && !curve.intervals.is_empty());
    if several {
        sentences.push("Lines: means over the seeds; bands: one standard deviation to each side.".into());
    } else if !single && !curves.is_empty() {
        sentences.push("One seed a line, so no band.".into());
    }
    sentences.extend(intervals(series, curves));
    if !singles.is_empty() {
        let ended = singles.iter().any(|(_, cell)| matches!(cell.state, CellState::Diverged | CellState::Failed));
        let cross = if ended { " (a cross marks where one diverged or failed)" } else { "" };
        sentences.push(format!(
            "Thin: {} not finished{cross}, which no mean contains; an end outside the plot lies on its edge.",
            count(singles.len(), "cell")
        ));
    }
    sentences.join(" ")
}

/// What bands and marks of intervals are, and where they lack an end.
fn intervals(series: &Series, curves: &[Curve]) -> Option<String> {
    let single = curves.iter().filter(|curve| curve.is_single()).flat_map(|curve| &curve.intervals);
    let single: Vec<Origin> = single.map(|(_, interval)| interval.origin).collect();
    let all: Vec<&Interval> = curves.iter().flat_map(|curve| &curve.intervals).map(|(_, interval)| interval).collect();
    let estimated: Vec<&Interval> = all.into_iter().filter(|about| about.origin == Origin::LogZ).collect();
    let mut sentences = Vec::new();
    if single.contains(&Origin::StandardError) {
        sentences.push("Bands about a single seed: one standard error to each side.".to_owned());
    }
    if !estimated.is_empty() {
        let shape = match (single.contains(&Origin::LogZ), single.len() < estimated.len()) {
            (true, true) => "band about a single seed or dotted lines (ends, mean over the seeds)",
            (true, false) => "band",
            _ => "dotted lines (its ends, mean over the seeds)",
        };
        sentences.push(format!("Log Z is estimated; {shape}: what its three-sigma interval leaves."));
    }
    let open = estimated.iter().filter(|about| about.is_open()).count();
    if open > 0 {
        let side = if series.info.name == "log-z" { "below" } else { "above" };
        sentences.push(format!(
            "At {open} of {} the lower end of log Z is undefined, as the weights of the estimate vary too much: the \
             interval is open {side}, and nothing is drawn there.",
            count(estimated.len(), "point")
        ));
    }
    let untrusted = estimated.iter().filter(|about| about.untrusted > 0).count();
    if untrusted > 0 {
        sentences.push(format!(
            "A question mark: an independent run says that the interval of log Z is not to be trusted ({untrusted} of {}).",
            count(estimated.len(), "point")
        ));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn one_curve(overview: &Overview<'_>, curve: &Curve) -> String {
    let setting = &overview.settings[curve.setting];
    let (Some((first, start)), Some((last, end))) = (curve.points.first(), curve.points.last()) else {
        return String::new();
    };
    let n = setting.share(end.n);
    let text = |epoch: &u32, value: &Spread| value_text(value, curve.interval(*epoch));
    if first == last {
        return format!("Measured once, at epoch {first}: {} (n = {n}).", text(last, end));
    }
    format!("From {} at epoch {first} to {} at epoch {last} (n = {n}).", text(first, start), text(last, end))
}

fn many_curves(overview: &Overview<'_>, series: &Series, curves: &[Curve]) -> String {
    let ends: Vec<(usize, u32, Spread)> = curves
        .iter()
        .filter_map(|curve| curve.points.last().map(|(epoch, spread)| (curve.setting, *epoch, *spread)))
        .collect();
    let by_mean = |a: &&(usize, u32, Spread), b: &&(usize, u32, Spread)| a.2.mean.total_cmp(&b.2.mean);
    let (Some(smallest), Some(largest)) = (ends.iter().min_by(by_mean), ends.iter().max_by(by_mean)) else {
        return String::new();
    };
    let starts = curves.iter().filter_map(|curve| curve.points.first()).map(|(_, spread)| spread.mean);
    let (low, high) = starts.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), mean| (l.min(mean), h.max(mean)));
    let start = curves.first().and_then(|curve| curve.points.first()).map_or(0, |(epoch, _)| *epoch);
    let start = if number(low) == number(high) {
        format!("All start at {} (epoch {start})", number(low))
    } else {
        format!("They start between {} and {} (epoch {start})", number(low), number(high))
    };
    if smallest.2.mean == largest.2.mean {
        return format!("{start}; all end at {}.", number(smallest.2.mean));
    }
    let describe = |(setting, epoch, value): &(usize, u32, Spread)| {
        let about = curves.iter().find(|curve| curve.setting == *setting).and_then(|curve| curve.interval(*epoch));
        let setting = &overview.settings[*setting];
        let value_text = value_text(value, about);
        format!("{} with {value_text} (epoch {epoch}, n = {})", setting.label, setting.share(value.n))
    };
    match series.info.larger_is_better {
        None => {
            format!("{start}; at the end the largest is {}, the smallest {}.", describe(largest), describe(smallest))
        }
        Some(larger) => {
            let (best, worst) = if larger { (largest, smallest) } else { (smallest, largest) };
            let next = ends
                .iter()
                .filter(|end| end.0 != best.0)
                .reduce(|a, b| if (a.2.mean < b.2.mean) == larger { b } else { a });
            let about =
                |setting| curves.iter().find(|curve| curve.setting == setting)?.intervals.last().map(|last| last.1);
            let near =
                next.map_or(String::new(), |next| nearness(overview, (best.0, &best.2), (next.0, &next.2), &about));
            format!("{start}; at the end {} is best, {} last.{near}", describe(best), describe(worst))
        }
    }
}

/// " Second is x, less than two standard errors away: ..."
fn nearness(
    overview: &Overview<'_>,
    (best, value): (usize, &Spread),
    (next, other): (usize, &Spread),
    interval: &dyn Fn(usize) -> Option<Interval>,
) -> String {
    let label = &overview.settings[next].label;
    let near = match value.is_close_to(other) {
        Some(true) => {
            format!(" Second is {label}, less than two standard errors away: these seeds do not tell the two apart.")
        }
        Some(false) => format!(" Second is {label}, more than two standard errors away."),
        None => format!(" Second is {label}; with a single seed nothing says whether that difference is chance."),
    };
    match interval(best).zip(interval(next)) {
        Some((one, two)) if one.overlaps(&two) => format!("{near} Within the intervals of log Z they may be equal."),
        _ => near,
    }
}

/// Which setting comes second after the best, and whether the seeds and the intervals of log Z tell the two apart;
/// empty where none does.
pub(crate) fn runner_up(
    overview: &Overview<'_>,
    series: &Series,
    best: usize,
    values: &[(usize, Spread)],
    interval: &dyn Fn(usize) -> Option<Interval>,
) -> String {
    let Some((_, value)) = values.iter().find(|(setting, _)| *setting == best) else { return String::new() };
    let larger = series.info.larger_is_better == Some(true);
    let rest = values.iter().filter(|(other, _)| *other != best);
    let next = rest.reduce(|a, b| if (a.1.mean < b.1.mean) == larger { b } else { a });
    next.map_or(String::new(), |(next, other)| nearness(overview, (best, value), (*next, other), interval))
}

/// Which setting is best among those with a value, and which comes second.
fn best(overview: &Overview<'_>, series: &Series, values: &[(usize, Spread)]) -> String {
    let spreads: Vec<Option<Spread>> = values.iter().map(|(_, spread)| Some(*spread)).collect();
    let Some(place) = series.best_of(&spreads) else {
        return match values {
            [] => "Nothing finished, so there is no value.".into(),
            [(setting, value)] => {
                format!("Only {} has a value: {}.", overview.settings[*setting].label, spread(value))
            }
            [(_, value), ..] => format!("All have the same mean, {}.", number(value.mean)),
        };
    };
    let (setting, value) = values[place];
    let larger = series.info.larger_is_better == Some(true);
    let about = |setting: usize| series.interval_of_mean(&overview.settings[setting]);
    let near = runner_up(overview, series, setting, values, &about);
    let setting = &overview.settings[setting];
    let direction = if larger { "larger" } else { "smaller" };
    format!(
        "Best ({direction} is better): {} with {} (n = {}).{near}",
        setting.label,
        spread(&value),
        setting.share(value.n)
    )
}

/// What a heat map shows.
pub(super) fn heat(overview: &Overview<'_>, series: &Series, map: &HeatMap<'_>) -> String {
    let shown: Vec<(usize, Spread)> =
        map.cells.iter().flatten().filter_map(|cell| cell.and_then(|(index, spread)| Some((index, spread?)))).collect();
    let others = if map.other_keys.is_empty() {
        String::new()
    } else {
        format!(" Each field shows the best over {}.", map.other_keys.join(", "))
    };
    let framed = if map.best.is_some() { ", the best framed" } else { "" };
    let missing = map.cells.iter().flatten().filter(|cell| cell.and_then(|(_, spread)| spread).is_none()).count();
    let missing = if missing > 0 { format!(" A dash: no value ({}).", count(missing, "field")) } else { String::new() };
    format!(
        "{} Mean ± one standard deviation of the last value over the seeds{framed}.{others}{missing}",
        best(overview, series, &shown)
    )
}

/// What points over one key show.
pub(super) fn points(overview: &Overview<'_>, series: &Series, spreads: &[Option<Spread>]) -> String {
    let shown: Vec<(usize, Spread)> =
        spreads.iter().enumerate().filter_map(|(index, spread)| Some((index, (*spread)?))).collect();
    let single = shown.iter().filter(|(_, spread)| spread.n == 1);
    let mut origins = single.filter_map(|(setting, _)| series.interval_of_mean(&overview.settings[*setting]));
    let bars = if shown.iter().any(|(_, spread)| spread.n > 1) {
        "Discs: means over the seeds; bars: one standard deviation to each side; small circles: the seeds"
    } else {
        match origins.next().map(|about| about.origin) {
            Some(Origin::LogZ) => {
                "Discs: one seed each; bars: what the three-sigma interval of the estimated log Z leaves"
            }
            Some(Origin::StandardError) => "Discs: one seed each; bars: one standard error to each side",
            None => "Discs: one seed each, so no bars",
        }
    };
    let ring = if series.best_of(spreads).is_some() { "; a ring marks the best" } else { "" };
    format!("{} {bars}{ring}.", best(overview, series, &shown))
}

/// What receptive fields show.
pub(super) fn receptive_fields(name: &str, grid: &ImageGrid) -> String {
    let shown = grid.images.len().min(MOST_FIELDS);
    let which = if shown < grid.images.len() {
        format!("The first {shown} of {} hidden units", grid.images.len())
    } else {
        count(shown, "hidden unit")
    };
    let scale = match grid.range {
        ImageRange::Grey { low, high } => {
            format!("black at {}, white at {}", number(f64::from(low)), number(f64::from(high)))
        }
        ImageRange::Diverging { largest } => {
            let largest = number(f64::from(largest));
            format!("blue at \u{2212}{largest} and below, white at zero, red at {largest} and above")
        }
    };
    format!(
        "{which} of {name}: the weights to each visible unit, {scale}. Ones in the data turn the unit on where it is red, off where it is blue."
    )
}

/// What reconstructions show.
pub(super) fn reconstructions(name: &str, pairs: &ReconstructionPairs) -> String {
    let shown = pairs.data.images.len().min(pairs.reconstruction.images.len()).min(MOST_PAIRS);
    let errors = pairs.data.images.iter().zip(&pairs.reconstruction.images).take(shown).flat_map(|(row, model)| {
        row.iter().zip(model).map(|(a, b)| f64::from(a - b).powi(2)).filter(|error| error.is_finite())
    });
    let error = Spread::of(&errors.collect::<Vec<_>>())
        .map_or(String::new(), |spread| format!(" Their mean squared error a unit is {}.", number(spread.mean)));
    format!("Above {} of data, below what the model of {name} makes of each.{error}", count(shown, "row"))
}
