//! Learning curves: a metric over the epochs, a line a setting.

use std::collections::BTreeMap;

use plotters::style::{Color, RGBAColor};

use super::axes::{Frame, Scale, label_room, padded, ticks};
use super::band::{End, edge, lines};
use super::canvas::{Anchor, Canvas, Drawn, Size, draw};
use super::clip::{clip_line, clip_polygon};
use super::legend::{Entry, Legend};
use super::spacing::Spacing;
use super::theme::{INK, dotted, line};
use crate::error::Error;
use crate::format::clip;
use crate::interval::{Interval, Origin};
use crate::report::{CellReport, CellState};
use crate::settings::{Overview, Series};
use crate::statistics::Spread;

const WIDTH: f64 = 640.0;
const PLOT_HEIGHT: f64 = 250.0;
const TOP: f64 = 58.0;
const BELOW: f64 = 46.0;
/// More settings than this, and only some are drawn in colour.
const MOST_IN_COLOR: usize = 12;
/// How many of them.
const HIGHLIGHTED: usize = 8;

/// One setting's curve.
pub(crate) struct Curve {
    /// Its index among the settings.
    pub(crate) setting: usize,
    /// Mean and deviation over the finished cells, by epoch.
    pub(crate) points: Vec<(u32, Spread)>,
    /// Where the truth behind each point may lie, by epoch; not every epoch, and none of exact values.
    pub(crate) intervals: Vec<(u32, Interval)>,
    /// Whether it is drawn in colour.
    pub(crate) highlighted: bool,
}

impl Curve {
    /// Whether it is of one seed, so that the band is free for the interval.
    pub(crate) fn is_single(&self) -> bool {
        self.points.iter().all(|(_, spread)| spread.n == 1)
    }

    /// The interval at an epoch.
    pub(crate) fn interval(&self, epoch: u32) -> Option<&Interval> {
        self.intervals.iter().find(|(at, _)| *at == epoch).map(|(_, interval)| interval)
    }
}

/// The curves of a metric over all settings that have it.
pub(crate) fn curves(overview: &Overview<'_>, series: &Series) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (index, setting) in overview.settings.iter().enumerate() {
        let mut by_epoch: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (epoch, value) in setting.done().flat_map(|cell| series.curve(cell)) {
            by_epoch.entry(epoch).or_default().push(value);
        }
        let spread = |(epoch, values): (u32, Vec<f64>)| Spread::of(&values).map(|spread| (epoch, spread));
        let points: Vec<(u32, Spread)> = by_epoch.into_iter().filter_map(spread).collect();
        if !points.is_empty() {
            let intervals = series.intervals_of_means(setting, &points);
            curves.push(Curve { setting: index, points, intervals, highlighted: true });
        }
    }
    if curves.len() > MOST_IN_COLOR {
        let sign = if series.info.larger_is_better == Some(false) { 1.0 } else { -1.0 };
        let mut order: Vec<usize> = (0..curves.len()).collect();
        let last = |index: usize| curves[index].points.last().map_or(0.0, |point| sign * point.1.mean);
        order.sort_by(|&a, &b| last(a).total_cmp(&last(b)));
        for index in order.into_iter().skip(HIGHLIGHTED) {
            curves[index].highlighted = false;
        }
    }
    curves
}

/// Cells that are not finished but measured something, by setting.
pub(crate) fn unfinished<'a>(overview: &Overview<'a>, series: &Series) -> Vec<(usize, &'a CellReport)> {
    let cells = |(index, setting): (usize, &crate::settings::Setting<'a>)| {
        let cells = setting.cells.iter().filter(|cell| cell.state != CellState::Done).map(move |cell| (index, *cell));
        cells.collect::<Vec<_>>()
    };
    let all = overview.settings.iter().enumerate().flat_map(cells);
    all.filter(|(_, cell)| !series.curve(cell).is_empty()).collect()
}

/// Draws the curves of a metric; nothing where no cell has measured it.
pub(crate) fn figure(
    overview: &Overview<'_>,
    series: &Series,
    curves: &[Curve],
    stem: &str,
) -> Result<Option<(String, Size)>, Error> {
    let singles = unfinished(overview, series);
    let epochs = epochs(series, curves, &singles);
    let (Some(&first), Some(&last)) = (epochs.first(), epochs.last()) else { return Ok(None) };
    let spacing = Spacing::of(&epochs);

    let range = value_range(series, curves, &singles, &epochs);
    let value_ticks = ticks(range, 5, 0.0);

    let legend = Legend::new(entries(overview, curves, &singles), WIDTH - 24.0);
    let frame =
        Frame { left: label_room(&value_ticks) + 8.0, right: WIDTH - 18.0, top: TOP, bottom: TOP + PLOT_HEIGHT };
    let height = frame.bottom + BELOW + legend.height() + 6.0;
    let ends = if first == last {
        (spacing.place(first) - 1.0, spacing.place(last) + 1.0)
    } else {
        (spacing.place(first), spacing.place(last))
    };
    let x = Scale::new(ends, (frame.left, frame.right));
    let y = Scale::new(range, (frame.bottom, frame.top));
    let plot = Plot { series, spacing, x, y, range, many: curves.iter().filter(|curve| curve.highlighted).count() > 6 };

    let drawn = draw(stem, (WIDTH, height), |canvas| {
        canvas.bold(&clip(&series.title(), 70), (8.0, 18.0), 15.0, Anchor::Left, INK)?;
        canvas.text(&clip(&series.axis(), 80), (8.0, 40.0), 12.0, Anchor::Left, INK.mix(0.8))?;
        frame.draw_vertical_axis(canvas, &y, &value_ticks)?;
        let places: Vec<_> =
            spacing.ticks(first, last).into_iter().map(|(epoch, label)| (x.at(spacing.place(epoch)), label)).collect();
        frame.draw_horizontal_axis(canvas, &places, spacing.title())?;
        for curve in curves.iter().filter(|curve| !curve.highlighted) {
            plot.draw_line(canvas, curve, None)?;
        }
        let colored: Vec<&Curve> = curves.iter().filter(|curve| curve.highlighted).collect();
        for curve in &colored {
            plot.draw_band(canvas, curve, pen(curves, curve.setting))?;
            plot.draw_interval(canvas, curve, pen(curves, curve.setting))?;
        }
        for (setting, cell) in &singles {
            plot.draw_single(canvas, cell, pen(curves, *setting))?;
        }
        for curve in &colored {
            plot.draw_line(canvas, curve, Some((pen(curves, curve.setting), colored.len())))?;
            plot.draw_warnings(canvas, curve, pen(curves, curve.setting), colored.len())?;
        }
        legend.draw(canvas, (12.0, frame.bottom + BELOW))
    })?;
    Ok(Some(drawn))
}

/// Every epoch at which something was measured.
fn epochs(series: &Series, curves: &[Curve], singles: &[(usize, &CellReport)]) -> Vec<u32> {
    let mut epochs: Vec<u32> = curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.0)).collect();
    epochs.extend(singles.iter().flat_map(|(_, cell)| series.curve(cell)).map(|point| point.0));
    epochs.sort_unstable();
    epochs.dedup();
    epochs
}

/// Whether the plot leaves out where the means start.
pub(crate) fn starts_outside(series: &Series, curves: &[Curve], singles: &[(usize, &CellReport)]) -> bool {
    let epochs = epochs(series, curves, singles);
    if epochs.is_empty() {
        return false;
    }
    let (low, high) = value_range(series, curves, singles, &epochs);
    curves.iter().filter_map(|curve| curve.points.first()).any(|(_, start)| start.mean < low || start.mean > high)
}

/// The values that the plot shows: all, or without the steep start where that would press the ends of the curves, which
/// are to be compared, into a corner.
fn value_range(series: &Series, curves: &[Curve], singles: &[(usize, &CellReport)], epochs: &[u32]) -> (f64, f64) {
    /// The share of the whole range that the later half of the epochs must take for the start to be shown.
    const LEAST: f64 = 0.3;
    if curves.is_empty() {
        return padded(singles.iter().flat_map(|(_, cell)| series.curve(cell)).map(|point| point.1));
    }
    let since = |first: u32| {
        let points = curves.iter().flat_map(|curve| &curve.points).filter(move |point| point.0 >= first);
        let ends = points.flat_map(|(_, spread)| {
            let deviation = spread.deviation.unwrap_or(0.0);
            [spread.mean - deviation, spread.mean + deviation]
        });
        ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (whole, late) = (since(0), since(epochs[epochs.len() / 2]));
    let room = late.1 - late.0;
    if curves.len() < 2 || epochs.len() < 5 || room > LEAST * (whole.1 - whole.0) {
        return with_intervals(curves, whole);
    }
    with_intervals(curves, (whole.0.max(late.0 - room), whole.1.min(late.1 + room)))
}

/// The range with the intervals of the points in it, as far as they leave the curves at least half of the plot.
fn with_intervals(curves: &[Curve], (low, high): (f64, f64)) -> (f64, f64) {
    let shown = curves.iter().flat_map(|curve| &curve.intervals).map(|(_, interval)| interval);
    let ends = shown.filter(|interval| (low..=high).contains(&interval.value)).map(Interval::ends);
    let (least, largest) = ends.fold((low, high), |(l, h), (below, above)| (l.min(below), h.max(above)));
    let room = if high > low { (high - low) / 2.0 } else { f64::INFINITY };
    padded([least.max(low - room), largest.min(high + room)])
}

/// The index of a setting's colour: its place among the coloured curves, or its own where it has no curve.
fn pen(curves: &[Curve], setting: usize) -> usize {
    if curves.iter().filter(|curve| curve.highlighted).count() == curves.len() {
        return setting;
    }
    curves.iter().filter(|curve| curve.highlighted).position(|curve| curve.setting == setting).unwrap_or(HIGHLIGHTED)
}

fn entries(overview: &Overview<'_>, curves: &[Curve], singles: &[(usize, &CellReport)]) -> Vec<Entry> {
    let marked = curves.len() > 1;
    let mut entries = Vec::new();
    for curve in curves.iter().filter(|curve| curve.highlighted) {
        let setting = &overview.settings[curve.setting];
        let pen = pen(curves, curve.setting);
        let n = curve.points.iter().map(|(_, spread)| spread.n).max().unwrap_or(0);
        let label = format!("{}, n = {}", setting.label, setting.share(n));
        entries.push(Entry { label, color: line(pen).mix(1.0), marker: marked.then_some(pen) });
    }
    let others = curves.iter().filter(|curve| !curve.highlighted).count();
    if others > 0 {
        entries.push(Entry { label: format!("{others} other settings"), color: INK.mix(0.3), marker: None });
    }
    let mut named: Vec<usize> = Vec::new();
    for &(index, _) in singles {
        let has_curve = curves.iter().any(|curve| curve.setting == index);
        if !has_curve && !named.contains(&index) && named.len() < HIGHLIGHTED {
            named.push(index);
            let setting = &overview.settings[index];
            let label = format!("{}, n = {}", setting.label, setting.share(0));
            entries.push(Entry { label, color: line(pen(curves, index)).mix(0.6), marker: None });
        }
    }
    entries
}

struct Plot<'a> {
    series: &'a Series,
    spacing: Spacing,
    x: Scale,
    y: Scale,
    range: (f64, f64),
    many: bool,
}

impl Plot<'_> {
    /// The place of a point in the plot.
    fn place(&self, (x, value): (f64, f64)) -> (f64, f64) {
        (self.x.at(x), self.y.at(value))
    }

    fn is_inside(&self, value: f64) -> bool {
        (self.range.0..=self.range.1).contains(&value)
    }

    fn draw_band(&self, canvas: &Canvas<'_>, curve: &Curve, pen: usize) -> Drawn {
        let side = |sign: f64| {
            let with_deviation =
                move |(epoch, spread): &(u32, Spread)| Some((*epoch, spread.mean + sign * spread.deviation?));
            curve.points.iter().filter_map(with_deviation).map(|(epoch, value)| (self.spacing.place(epoch), value))
        };
        let mut corners: Vec<_> = side(1.0).collect();
        if corners.len() < 2 {
            let Some((&top, bottom)) = corners.first().zip(side(-1.0).next()) else { return Ok(()) };
            return canvas.path(&[self.place(top), self.place(bottom)], line(pen).mix(0.6), 1.5);
        }
        corners.extend(side(-1.0).collect::<Vec<_>>().into_iter().rev());
        let corners: Vec<_> = clip_polygon(&corners, self.range).into_iter().map(|corner| self.place(corner)).collect();
        if corners.is_empty() {
            return Ok(());
        }
        canvas.polygon(&corners, line(pen).mix(if self.many { 0.12 } else { 0.2 }))
    }

    /// What an interval leaves: a band about the line of one seed, dotted edges where the band is the seeds' spread.
    fn draw_interval(&self, canvas: &Canvas<'_>, curve: &Curve, pen: usize) -> Drawn {
        let placed: Vec<(f64, Interval)> =
            curve.intervals.iter().map(|(epoch, about)| (self.spacing.place(*epoch), *about)).collect();
        if let [(place, about)] = &placed[..] {
            let (low, high) = about.ends();
            return canvas.path(&[self.place((*place, low)), self.place((*place, high))], line(pen).mix(0.6), 1.5);
        }
        let ends: [End; 2] = [|about| about.high, |about| about.low];
        if !curve.is_single() {
            let of_log_z = placed.iter().all(|(_, about)| about.origin == Origin::LogZ);
            for part in ends.iter().filter(|_| of_log_z).flat_map(|end| lines(&placed, *end)) {
                self.draw_path(canvas, &part, dotted(pen).mix(0.9), 1.0)?;
            }
            return Ok(());
        }
        let [above, below] = ends.map(|end| edge(&placed, end));
        let corners: Vec<_> = above.into_iter().chain(below.into_iter().rev()).collect();
        let corners: Vec<_> = clip_polygon(&corners, self.range).into_iter().map(|corner| self.place(corner)).collect();
        if corners.is_empty() {
            return Ok(());
        }
        canvas.polygon(&corners, line(pen).mix(if self.many { 0.12 } else { 0.2 }))
    }

    /// A question mark over values that stand on a log Z not to be trusted; where there are many, over some of them and
    /// the last.
    fn draw_warnings(&self, canvas: &Canvas<'_>, curve: &Curve, pen: usize, lines: usize) -> Drawn {
        let most = if lines > 2 { 3 } else { 8 };
        let marked: Vec<_> =
            curve.intervals.iter().filter(|(_, about)| about.untrusted > 0 && self.is_inside(about.value)).collect();
        let every = marked.len().div_ceil(most).max(1);
        for (epoch, interval) in marked.iter().rev().step_by(every) {
            let (x, y) = self.place((self.spacing.place(*epoch), interval.value));
            canvas.bold("?", (x, y - 11.0), 13.0, Anchor::Center, line(pen))?;
        }
        Ok(())
    }

    /// In colour with markers, or thin in the colour of the text.
    fn draw_line(&self, canvas: &Canvas<'_>, curve: &Curve, colored: Option<(usize, usize)>) -> Drawn {
        let points: Vec<_> =
            curve.points.iter().map(|(epoch, spread)| (self.spacing.place(*epoch), spread.mean)).collect();
        let Some((pen, lines)) = colored else { return self.draw_path(canvas, &points, INK.mix(0.3), 1.0) };
        self.draw_path(canvas, &points, line(pen).mix(1.0), 2.0)?;
        if lines < 2 && points.len() > 1 {
            return Ok(());
        }
        // every so many points, shifted from line to line so that markers of near curves do not hide each other
        let every = points.len().div_ceil(8);
        for (index, point) in points.iter().enumerate() {
            if index % every == pen % every && self.is_inside(point.1) {
                canvas.marker(pen, self.place(*point), 3.5, line(pen))?;
            }
        }
        Ok(())
    }

    fn draw_single(&self, canvas: &Canvas<'_>, cell: &CellReport, pen: usize) -> Drawn {
        let points: Vec<_> =
            self.series.curve(cell).into_iter().map(|(epoch, value)| (self.spacing.place(epoch), value)).collect();
        self.draw_path(canvas, &points, line(pen).mix(0.6), 1.0)?;
        // an end outside the plot lies on its edge
        match points.last().map(|end| self.place(*end)) {
            Some(end) if matches!(cell.state, CellState::Diverged | CellState::Failed) => {
                canvas.cross(end, 4.5, line(pen).mix(1.0))
            }
            Some(end) => canvas.ring(end, 3.0, line(pen).mix(1.0), 1.0),
            None => Ok(()),
        }
    }

    /// The parts of a line that lie inside the plot.
    fn draw_path(&self, canvas: &Canvas<'_>, points: &[(f64, f64)], color: RGBAColor, width: f64) -> Drawn {
        for part in clip_line(points, self.range) {
            let part: Vec<_> = part.into_iter().map(|point| self.place(point)).collect();
            canvas.path(&part, color, width)?;
        }
        Ok(())
    }
}
