//! Figures over the swept number of Gibbs steps.

mod bias;
mod likelihood;
mod negative_phase;

use super::canvas::Size;
use super::panel::Point;
use super::ruler::Ruler;
use super::{Figure, Section};
use crate::error::Error;
use crate::format::printable;
use crate::settings::{Overview, Series};
use crate::statistics::Spread;

/// The key of k.
const KEY: &str = "train.k";
/// The width of these figures, in CSS pixels.
const WIDTH: f64 = 640.0;
/// The factor between the smallest and the largest k from which on their axis is logarithmic.
const LOGARITHMIC_FROM: f64 = 8.0;

/// Settings that differ in k alone, in the order of k.
struct Group {
    /// The keys that it has in common and others have not: "hidden = 16"; empty where k alone is swept.
    label: String,
    /// k, and the setting's index.
    settings: Vec<(f64, usize)>,
}

/// A figure as drawn, and what it says.
struct Drawing {
    stem: String,
    title: String,
    section: Section,
    sentence: String,
    body: String,
    size: Size,
}

/// Every figure over k, and the negative phase of persistent chains where k is not swept.
pub(super) fn figures(overview: &Overview<'_>) -> Result<Vec<Figure>, Error> {
    let groups = groups(overview);
    let mut drawings = bias::drawings(overview, &groups)?;
    drawings.extend(negative_phase::drawings(overview, &groups)?);
    drawings.extend(likelihood::drawing(overview, &groups)?);
    let figure = |drawing: Drawing| {
        let Drawing { stem, title, section, sentence, body, size } = drawing;
        Figure { stem, title, section, sentence, rank: 0, in_page: true, body, size }
    };
    Ok(drawings.into_iter().map(figure).collect())
}

fn groups(overview: &Overview<'_>) -> Vec<Group> {
    let mut groups: Vec<(Vec<(&str, &str)>, Group)> = Vec::new();
    for (index, setting) in overview.settings.iter().enumerate() {
        let k = setting.value(KEY).and_then(|value| value.parse::<f64>().ok());
        let Some(k) = k.filter(|k| k.is_finite() && *k > 0.0) else { continue };
        let others: Vec<(&str, &str)> = (setting.values.iter())
            .filter(|(key, _)| key != KEY)
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        match groups.iter_mut().find(|(key, _)| *key == others) {
            Some((_, group)) => group.settings.push((k, index)),
            None => {
                let axes = overview.axes.iter().filter(|axis| axis.key != KEY);
                let parts = axes.filter_map(|axis| Some(format!("{} = {}", axis.label, setting.value(&axis.key)?)));
                let label = printable(&parts.collect::<Vec<_>>().join(", "));
                groups.push((others, Group { label, settings: vec![(k, index)] }));
            }
        }
    }
    let mut groups: Vec<Group> = groups.into_iter().map(|(_, group)| group).collect();
    for group in &mut groups {
        group.settings.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    groups.retain(|group| group.settings.len() > 1);
    groups
}

/// The metric's series, on the first split that has it.
fn series<'a>(overview: &'a Overview<'_>, metric: &str) -> Option<&'a Series> {
    overview.series.iter().find(|series| series.info.name == metric)
}

/// The values of a setting's finished cells at an epoch.
fn values(overview: &Overview<'_>, series: &Series, setting: usize, epoch: u32) -> Vec<f64> {
    let at = |curve: Vec<(u32, f64)>| curve.into_iter().find(|(at, _)| *at == epoch).map(|(_, value)| value);
    overview.settings[setting].done().filter_map(|cell| at(series.curve(cell))).collect()
}

/// Mean over the finished cells at an epoch.
fn mean(overview: &Overview<'_>, series: &Series, setting: usize, epoch: u32) -> Option<Spread> {
    Spread::of(&values(overview, series, setting, epoch))
}

/// The mean with its bar: one standard deviation over seeds; of one seed the interval of its value.
fn point(overview: &Overview<'_>, series: &Series, (k, setting): (f64, usize), epoch: u32) -> Option<Point> {
    let spread = mean(overview, series, setting, epoch)?;
    let own = || {
        let intervals = series.intervals_of_means(&overview.settings[setting], &[(epoch, spread)]);
        intervals.first().map(|(_, interval)| interval.ends())
    };
    let bar = spread.deviation.map(|deviation| (spread.mean - deviation, spread.mean + deviation)).or_else(own);
    Some(Point { x: k, y: spread.mean, bar })
}

/// Every epoch at which a finished cell of the group has a value.
fn epochs(overview: &Overview<'_>, series: &Series, group: &Group) -> Vec<u32> {
    let cells = group.settings.iter().flat_map(|&(_, setting)| overview.settings[setting].done());
    let mut epochs: Vec<u32> = cells.flat_map(|cell| series.curve(cell)).map(|(epoch, _)| epoch).collect();
    epochs.sort_unstable();
    epochs.dedup();
    epochs
}

/// The first, the last, and at most three evenly between.
fn some_of(epochs: &[u32]) -> Vec<u32> {
    const MOST: usize = 5;
    if epochs.len() <= MOST {
        return epochs.to_vec();
    }
    (0..MOST).map(|index| epochs[index * (epochs.len() - 1) / (MOST - 1)]).collect()
}

/// How epochs are told apart in a sequence: from faint to full.
fn opacity(index: usize, of: usize) -> f64 {
    const FAINTEST: f64 = 0.3;
    if of < 2 { 1.0 } else { FAINTEST + (1.0 - FAINTEST) * index as f64 / (of - 1) as f64 }
}

/// "before training" or "epoch 3".
fn epoch_name(epoch: u32) -> String {
    if epoch == 0 { "before training".into() } else { format!("epoch {epoch}") }
}

/// The axis of k with a tick at each value.
fn axis<'a>(groups: impl IntoIterator<Item = &'a Group>) -> (Ruler, Vec<(f64, String)>) {
    let mut values: Vec<f64> = groups.into_iter().flat_map(|group| &group.settings).map(|(k, _)| *k).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let wide = match (values.first(), values.last()) {
        (Some(first), Some(last)) => last / first >= LOGARITHMIC_FROM,
        _ => false,
    };
    let ruler = if wide { Ruler::logarithmic(values.clone()) } else { Ruler::even(values.clone()) };
    (ruler, values.into_iter().map(|k| (k, k.to_string())).collect())
}

/// The logarithmic axis of some lines, with their bars as far as these do not press the values together.
fn logarithmic(lines: &[super::panel::Line]) -> Ruler {
    /// How many times less than the least value, or more than the largest, an end may be that decides the axis.
    const ROOM: f64 = 3.0;
    let values = lines.iter().flat_map(|line| &line.points).map(|point| point.y).filter(|value| *value > 0.0);
    let (low, high) = values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let shown = lines.iter().flat_map(super::panel::Line::values).map(|value| value.clamp(low / ROOM, high * ROOM));
    if low > high { Ruler::logarithmic([]) } else { Ruler::logarithmic(shown) }
}

/// What k's axis is called.
fn axis_title(ruler: &Ruler) -> &'static str {
    if ruler.is_logarithmic() { "k, Gibbs steps an update (logarithmic)" } else { "k, Gibbs steps an update" }
}

/// ": hidden = 16", for titles.
fn of_group(group: &Group) -> String {
    if group.label.is_empty() { String::new() } else { format!(": {}", group.label) }
}

/// What bars are, by whether a mean is over several seeds and whether some bar is of one seed.
fn bars(lines: &[super::panel::Line], several: bool, of_one: &str) -> String {
    let any = lines.iter().flat_map(|line| &line.points).any(|point| point.bar.is_some());
    match (several, any) {
        (true, _) => "Means over the seeds; bars: one standard deviation to each side.".into(),
        (false, true) => format!("One seed each; bars: {of_one}."),
        (false, false) => "One seed each, so no bars.".into(),
    }
}
