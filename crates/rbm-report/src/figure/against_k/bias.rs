//! The bias of CD-k's gradient against k, along training, and its largest component with the bounds.

use plotters::style::Color;

use super::super::canvas::{Anchor, draw};
use super::super::legend::Legend;
use super::super::panel::{AXIS, Line, Panel, TITLE};
use super::super::ruler::Ruler;
use super::super::theme::{INK, line};
use super::{
    Drawing, Group, WIDTH, axis, axis_title, bars, epoch_name, epochs, logarithmic, mean, of_group, opacity, point,
    series, some_of, values,
};
use crate::error::Error;
use crate::figure::Section;
use crate::format::{clip, count, number, spread, stem};
use crate::settings::{Overview, Series};
use crate::statistics::Spread;

/// More groups than this have no figure; the last one says so.
const MOST: usize = 4;
/// A bias of this size or more no component can have: all statistics lie in [0, 1].
const VACUOUS: f64 = 1.0;
/// The bounds of the largest component, and what figures call them.
const BOUNDS: [(&str, &str); 3] = [
    ("gradient-bias-bound-fischer-igel", "Fischer and Igel's bound"),
    ("gradient-bias-bound-bengio-delalleau", "Bengio and Delalleau's bound"),
    ("gradient-bias-bound-spectral", "the spectral bound"),
];
const PLOT: f64 = 190.0;

/// A figure for each of the first groups that has values at two k or more.
pub(super) fn drawings(overview: &Overview<'_>, groups: &[Group]) -> Result<Vec<Drawing>, Error> {
    let Some(norm) = series(overview, "gradient-bias-norm") else { return Ok(Vec::new()) };
    let measured = |group: &&Group| {
        let has_value =
            |&&(_, setting): &&(f64, usize)| overview.settings[setting].done().any(|cell| !norm.curve(cell).is_empty());
        group.settings.iter().filter(has_value).count() > 1
    };
    let groups: Vec<&Group> = groups.iter().filter(measured).collect();
    let left_out: Vec<&str> = groups.iter().skip(MOST).map(|group| group.label.as_str()).collect();
    let mut drawings = Vec::new();
    for group in groups.iter().take(MOST) {
        drawings.push(drawing(overview, norm, group)?);
    }
    if let (Some(last), [first, ..]) = (drawings.last_mut(), &left_out[..]) {
        let settings = count(left_out.len(), "other setting");
        last.sentence.push_str(&format!(" Not drawn: the bias of {settings} ({first}, ...); the tables have them."));
    }
    Ok(drawings)
}

fn drawing(overview: &Overview<'_>, norm: &Series, group: &Group) -> Result<Drawing, Error> {
    let shown = some_of(&epochs(overview, norm, group));
    let last = shown.last().copied().unwrap_or(0);
    let lines = along_training(overview, norm, group, &shown);
    let relative = series(overview, "gradient-bias-relative")
        .map(|series| along_training(overview, series, group, &shown))
        .filter(|lines| lines.iter().any(|line| !line.points.is_empty()));
    let components = components(overview, group, last);

    let (x, ticks) = axis([group]);
    let x_title = axis_title(&x);
    let panel = |title: &'static str, y: Ruler| Panel { title, x, x_ticks: &ticks, x_title, y, lines: &[], mark: None };
    let name = stem(&format!("bias-against-k-{}", group.label));
    let title = format!("Bias of the CD-k gradient against k{}", of_group(group));
    let legend = Legend::new(lines.iter().map(Line::entry).collect(), WIDTH - 24.0);
    let below = Legend::new(components.iter().map(Line::entry).collect(), WIDTH - 24.0);
    const TOP: f64 = 34.0;
    let first = (TOP, TOP + TITLE + PLOT + AXIS);
    let second = (first.1 + legend.height() + 14.0, first.1 + legend.height() + 14.0 + TITLE + PLOT + AXIS);
    let height = if components.is_empty() { first.1 + legend.height() } else { second.1 + below.height() } + 6.0;
    let (body, size) = draw(&name, (WIDTH, height), |canvas| {
        canvas.bold(&clip(&title, 70), (8.0, 18.0), 15.0, Anchor::Left, INK)?;
        let right = WIDTH - 18.0;
        match &relative {
            Some(relative) => {
                let middle = WIDTH / 2.0;
                Panel { lines: &lines, ..panel("length of the bias (logarithmic)", logarithmic(&lines)) }.draw(
                    canvas,
                    (8.0, middle - 10.0),
                    first,
                )?;
                Panel { lines: relative, ..panel("length over the gradient's (logarithmic)", logarithmic(relative)) }
                    .draw(canvas, (middle + 6.0, right), first)?;
            }
            None => Panel { lines: &lines, ..panel("length of the bias (logarithmic)", logarithmic(&lines)) }.draw(
                canvas,
                (8.0, right),
                first,
            )?,
        }
        legend.draw(canvas, (12.0, first.1))?;
        if components.is_empty() {
            return Ok(());
        }
        let bounded = if components.len() > 1 { " and its upper bounds" } else { "" };
        let words = format!("largest component{bounded}, {} (logarithmic)", epoch_name(last));
        let panel = Panel {
            title: &words,
            lines: &components,
            mark: (components.len() > 1).then_some(VACUOUS),
            ..panel("", component_ruler(&components))
        };
        panel.draw(canvas, (8.0, right), second)?;
        below.draw(canvas, (12.0, second.1))
    })?;
    let sentence = sentence(overview, norm, group, &shown, &lines);
    let sentence = [sentence, of_components(overview, group, last)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Ok(Drawing { stem: name, title, section: Section::AgainstK, sentence, body, size })
}

/// A line for each epoch, from faint to full.
fn along_training(overview: &Overview<'_>, series: &Series, group: &Group, epochs: &[u32]) -> Vec<Line> {
    let line_of = |(index, &epoch): (usize, &u32)| Line {
        label: epoch_name(epoch),
        color: line(0).mix(opacity(index, epochs.len())),
        marker: Some(index),
        points: group.settings.iter().filter_map(|&setting| point(overview, series, setting, epoch)).collect(),
    };
    epochs.iter().enumerate().map(line_of).collect()
}

/// The largest component and the bounds; empty where it was not measured.
fn components(overview: &Overview<'_>, group: &Group, epoch: u32) -> Vec<Line> {
    let of = |metric: &str, label: &str, pen: usize, marker: Option<usize>| {
        let series = series(overview, metric)?;
        let points: Vec<_> =
            group.settings.iter().filter_map(|&setting| point(overview, series, setting, epoch)).collect();
        let color = line(pen).mix(1.0);
        (!points.is_empty()).then(|| Line { label: label.to_owned(), color, marker, points })
    };
    let Some(largest) = of("gradient-bias-max", "largest component of the bias", 0, Some(0)) else {
        return Vec::new();
    };
    // the dashes of a second round of colours
    const DASHED: usize = 6;
    let bounds = BOUNDS.iter().zip(1..).filter_map(|((metric, label), pen)| {
        let mut bound = of(metric, label, DASHED + pen, Some(pen))?;
        if bound.points.iter().all(|point| point.y >= VACUOUS) {
            bound.label.push_str(" (vacuous)");
        }
        Some(bound)
    });
    [largest].into_iter().chain(bounds).collect()
}

/// From the smallest value to a little above what says nothing: bounds can be larger than any number of interest.
fn component_ruler(lines: &[Line]) -> Ruler {
    const HIGHEST: f64 = 5.0;
    let values = lines.iter().flat_map(|line| line.points.iter().map(|point| point.y));
    Ruler::logarithmic(values.filter(|value| *value <= HIGHEST).chain([HIGHEST]))
}

fn sentence(overview: &Overview<'_>, norm: &Series, group: &Group, shown: &[u32], lines: &[Line]) -> Option<String> {
    let (&first, &last) = (shown.first()?, shown.last()?);
    let at = |epoch: u32| -> Vec<(f64, usize, Spread)> {
        let value = |&(k, setting): &(f64, usize)| Some((k, setting, mean(overview, norm, setting, epoch)?));
        group.settings.iter().filter_map(value).collect()
    };
    let ends = at(last);
    let mut sentences = Vec::new();
    if let ([low, ..], [.., high]) = (&ends[..], &ends[..]) {
        let describe = |(k, setting, value): &(f64, usize, Spread)| {
            format!("{} at k = {k} (n = {})", spread(value), overview.settings[*setting].share(value.n))
        };
        let mut text = format!("At {} the bias's length is {}", time(last), describe(low));
        if high.0 > low.0 {
            text.push_str(&format!(" and {}", describe(high)));
        }
        if let (true, Some(start)) = (first < last, at(first).iter().find(|(k, ..)| *k == low.0)) {
            text.push_str(&format!("; at {} it was {} at k = {}", time(first), spread(&start.2), start.0));
        }
        sentences.push(format!("{text}."));
        let rises = ends.windows(2).find(|pair| pair[1].2.mean > pair[0].2.mean);
        if let Some([before, after]) = rises {
            sentences.push(format!(
                "It is larger at k = {} than at k = {}: the length need not fall with k.",
                after.0, before.0
            ));
        }
    }
    let colors = if shown.len() > 1 { "Lines from faint to full: along training. " } else { "" };
    let several = group.settings.iter().any(|&(_, setting)| {
        shown.iter().any(|&epoch| mean(overview, norm, setting, epoch).is_some_and(|spread| spread.n > 1))
    });
    sentences.push(format!("{colors}{}", bars(lines, several, "one standard error to each side")));
    let zeros = lines.iter().flat_map(|line| &line.points).filter(|point| point.y <= 0.0).count();
    if zeros > 0 {
        sentences.push(format!("A ring on the lower edge: zero, which has no logarithm ({}).", count(zeros, "point")));
    }
    let (missing, of) = below_noise(overview, norm, group, shown);
    if missing > 0 {
        let means =
            if several { "; where that is so of some seeds, the mean over the others is too large" } else { "" };
        sentences.push(format!(
            "{missing} of {} below noise: the squared length came out not positive, and no value stands there{means}.",
            count(of, "value")
        ));
    }
    Some(sentences.join(" "))
}

/// "the end of epoch 3", "the start".
fn time(epoch: u32) -> String {
    if epoch == 0 { "the start".into() } else { format!("the end of epoch {epoch}") }
}

/// How many values are missing of cells that measured something else at the epoch and have the metric's companions, and
/// how many there could be.
fn below_noise(overview: &Overview<'_>, norm: &Series, group: &Group, shown: &[u32]) -> (usize, usize) {
    let (mut missing, mut all) = (0, 0);
    let cells = group.settings.iter().flat_map(|&(_, setting)| overview.settings[setting].done());
    for cell in cells.filter(|cell| cell.metrics.iter().any(|point| point.metric.starts_with("gradient-bias-"))) {
        let curve = norm.curve(cell);
        for &epoch in shown {
            if cell.metrics.iter().any(|point| point.epoch == epoch) {
                all += 1;
                missing += usize::from(!curve.iter().any(|(at, _)| *at == epoch));
            }
        }
    }
    (missing, all)
}

/// Which bounds say nothing.
fn of_components(overview: &Overview<'_>, group: &Group, epoch: u32) -> Option<String> {
    let largest = series(overview, "gradient-bias-max")?;
    if !group.settings.iter().any(|&(_, setting)| !values(overview, largest, setting, epoch).is_empty()) {
        return None;
    }
    let mut verdicts = Vec::new();
    for (metric, label) in BOUNDS {
        let Some(bound) = series(overview, metric) else { continue };
        let means: Vec<(f64, f64)> = (group.settings.iter())
            .filter_map(|&(k, setting)| Some((k, mean(overview, bound, setting, epoch)?.mean)))
            .collect();
        let vacuous: Vec<String> =
            means.iter().filter(|(_, mean)| *mean >= VACUOUS).map(|(k, _)| k.to_string()).collect();
        if means.is_empty() {
            continue;
        }
        verdicts.push(match vacuous.len() {
            0 => {
                let least = means.iter().map(|(_, mean)| *mean).fold(f64::INFINITY, f64::min);
                format!("{label} is below 1 at every k, at the least {}", number(least))
            }
            n if n == means.len() => format!("{label} is vacuous at every k"),
            _ => format!("{label} is vacuous at k = {}", vacuous.join(", ")),
        });
    }
    if verdicts.is_empty() {
        return Some("Below: the largest component, without bounds.".into());
    }
    Some(format!(
        "Below: the largest component with its upper bounds. Statistics lie between 0 and 1, so that no component can be off \
         by more than 1 and a bound of 1 (the thin line) or more is vacuous: {}.",
        verdicts.join("; ")
    ))
}
