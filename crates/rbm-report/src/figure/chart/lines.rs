//! Lines over a number, with intervals and values to compare with.

use plotters::style::Color;

use super::labels::{apart, wrap};
use super::{LONGEST_TITLE, Marked, draw_nothing, is_usable, marked, ruler, whisker};
use crate::chart::{Chart, ChartPoint};
use crate::error::Error;
use crate::figure::axes::{Frame, MUTED, SMALL, Scale, label_room, ticks};
use crate::figure::canvas::{Anchor, Canvas, Drawn, Size, draw, text_width};
use crate::figure::legend::{Entry, Legend};
use crate::figure::ruler::Ruler;
use crate::figure::theme::{INK, LINES, dashed_ink, distinct, line};
use crate::format::clip;

const WIDTH: f64 = 640.0;
const TOP: f64 = 58.0;
const PLOT_HEIGHT: f64 = 250.0;
const BELOW: f64 = 46.0;
/// Height of a line of a reference's label, its size, and how many characters and lines it may have.
const LABEL_LINE: f64 = 14.0;
const LABEL_SIZE: f64 = 11.0;
const LONGEST_LABEL: usize = 22;
const MOST_LABEL_LINES: usize = 4;
/// More points than this, and intervals are a band.
const MOST_WHISKERS: usize = 10;
/// About how many markers a line has.
const MARKERS: usize = 8;
/// More lines than this have fainter bands.
const MANY: usize = 6;

/// One line's points that can be drawn, from left to right.
struct Curve<'a> {
    label: &'a str,
    points: Vec<ChartPoint>,
}

impl Curve<'_> {
    fn has_whiskers(&self) -> bool {
        self.points.len() <= MOST_WHISKERS && self.points.iter().any(|point| whisker(point).is_some())
    }
}

/// Where values lie.
struct Plot {
    x: Ruler,
    y: Ruler,
    across: Scale,
    up: Scale,
    /// How far apart lines with whiskers stand.
    step: f64,
    curves: usize,
}

/// Draws a line a series.
pub(super) fn draw_lines(chart: &Chart, stem: &str) -> Result<(String, Size), Error> {
    let curves = curves(chart);
    let points: Vec<ChartPoint> = curves.iter().flat_map(|curve| curve.points.iter().copied()).collect();
    if points.is_empty() {
        return draw_nothing(chart, WIDTH, stem);
    }
    let xs = points.iter().map(|point| point.x);
    let x = if chart.x_log { Ruler::logarithmic(xs) } else { Ruler::even(xs) };
    let y = ruler(&points, &chart.references, chart.y_log);
    let y_ticks = y.ticks();

    let references = marked(&chart.references, &y, ["↓", "↑"]);
    let labels: Vec<Vec<String>> =
        references.iter().map(|mark| wrap(&mark.label, LONGEST_LABEL, MOST_LABEL_LINES)).collect();
    let heights: Vec<f64> = labels.iter().map(|lines| lines.len() as f64 * LABEL_LINE + 4.0).collect();
    let widest = labels.iter().flatten().map(|line| text_width(line, LABEL_SIZE)).fold(0.0, f64::max);
    let margin = if labels.is_empty() { 0.0 } else { widest + 10.0 };
    let height = PLOT_HEIGHT.max(heights.iter().sum());

    let (left, right) = (label_room(&y_ticks) + 8.0, WIDTH - 18.0 - margin);
    let frame = Frame { left, right, top: TOP, bottom: TOP + height };
    let (across, up) = (x.scale((left, right)), y.scale((frame.bottom, frame.top)));
    let mut plot = Plot { x, y, across, up, step: 0.0, curves: curves.len() };
    plot.step = plot.step_of(&curves);

    let legend = Legend::new(entries(&curves), WIDTH - 24.0);
    draw(stem, (WIDTH, frame.bottom + BELOW + legend.height() + 6.0), |canvas| {
        canvas.bold(&clip(&chart.title, LONGEST_TITLE), (8.0, 18.0), 15.0, Anchor::Left, INK)?;
        canvas.text(&clip(&chart.y_label, 90), (8.0, 40.0), SMALL, Anchor::Left, INK.mix(MUTED))?;
        frame.draw_vertical_axis(canvas, &plot.up, &y_ticks)?;
        let longest = ((right - left) / text_width("m", SMALL)) as usize;
        frame.draw_horizontal_axis(canvas, &plot.x_ticks(chart.x_log, &points), &clip(&chart.x_label, longest))?;
        plot.draw_references(canvas, &frame, &references, &labels, &heights)?;
        let drawn = curves.iter().enumerate().filter(|(_, curve)| !curve.points.is_empty());
        for (pen, curve) in drawn.clone() {
            plot.draw_intervals(canvas, curve, pen)?;
        }
        for (pen, curve) in drawn {
            plot.draw_line(canvas, curve, pen)?;
        }
        legend.draw(canvas, (12.0, frame.bottom + BELOW))
    })
}

fn curves(chart: &Chart) -> Vec<Curve<'_>> {
    let usable = |point: &&ChartPoint| is_usable(point.x, chart.x_log) && is_usable(point.y, chart.y_log);
    let curve = |series: &'_ crate::chart::ChartSeries| {
        let mut points: Vec<ChartPoint> = series.points.iter().filter(usable).copied().collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        points
    };
    chart.series.iter().map(|series| Curve { label: &series.label, points: curve(series) }).collect()
}

/// The legend's entries: none where one line without a name needs none.
fn entries(curves: &[Curve<'_>]) -> Vec<Entry> {
    if curves.len() == 1 && curves.iter().all(|curve| curve.label.trim().is_empty()) {
        return Vec::new();
    }
    let entry = |(pen, curve): (usize, &Curve<'_>)| {
        let missing = if curve.points.is_empty() { ": nothing measured" } else { "" };
        let label = format!("{}{missing}", curve.label);
        Entry { label, color: distinct(pen).mix(1.0), marker: Some(pen) }
    };
    curves.iter().enumerate().map(entry).collect()
}

impl Plot {
    /// A few pixels where whiskers of several lines would hide each other; never so many that neighbours mix.
    fn step_of(&self, curves: &[Curve<'_>]) -> f64 {
        const STEP: f64 = 5.0;
        const SHARE: f64 = 0.4;
        let several = curves.iter().filter(|curve| !curve.points.is_empty()).count() > 1;
        if !several || !curves.iter().any(Curve::has_whiskers) {
            return 0.0;
        }
        let mut places: Vec<f64> =
            curves.iter().flat_map(|curve| &curve.points).map(|point| self.across.at(self.x.place(point.x))).collect();
        places.sort_by(f64::total_cmp);
        let gaps = places.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0.5);
        let nearest = gaps.fold(f64::INFINITY, f64::min);
        STEP.min(SHARE * nearest / curves.len() as f64)
    }

    fn shift(&self, pen: usize) -> f64 {
        (pen as f64 - (self.curves - 1) as f64 / 2.0) * self.step
    }

    fn place(&self, pen: usize, x: f64, y: f64) -> (f64, f64) {
        (self.across.at(self.x.place(x)) + self.shift(pen), self.up.at(self.y.place(y)))
    }

    /// Ticks of the horizontal axis: whole ones where all values are whole.
    fn x_ticks(&self, logarithmic: bool, points: &[ChartPoint]) -> Vec<(f64, String)> {
        const COUNT: usize = 8;
        let whole = !logarithmic && points.iter().all(|point| point.x.fract() == 0.0);
        let ticks = if whole { ticks(self.x.range(), COUNT, 1.0) } else { self.x.ticks() };
        ticks.into_iter().map(|(place, label)| (self.across.at(place), label)).collect()
    }

    /// Dashed lines, and their labels to the right of the plot, where no curve runs.
    fn draw_references(
        &self,
        canvas: &Canvas<'_>,
        frame: &Frame,
        references: &[Marked],
        labels: &[Vec<String>],
        heights: &[f64],
    ) -> Drawn {
        let at = |mark: &Marked| self.up.at(self.y.place(mark.at));
        let wanted: Vec<(f64, f64)> = references.iter().map(at).zip(heights.iter().copied()).collect();
        let middles = apart(&wanted, (frame.top, frame.bottom));
        for ((mark, lines), middle) in references.iter().zip(labels).zip(middles) {
            if mark.inside {
                let end = (frame.right + 7.0, middle);
                canvas.path(&[(frame.left, at(mark)), (frame.right, at(mark))], dashed_ink().mix(0.8), 1.0)?;
                canvas.path(&[(frame.right, at(mark)), end], INK.mix(0.4), 0.5)?;
            }
            for (index, line) in lines.iter().enumerate() {
                let y = middle + (index as f64 - (lines.len() - 1) as f64 / 2.0) * LABEL_LINE;
                canvas.text(line, (frame.right + 10.0, y), LABEL_SIZE, Anchor::Left, INK.mix(0.9))?;
            }
        }
        Ok(())
    }

    /// A band about a line of many points, whiskers about the points of another.
    fn draw_intervals(&self, canvas: &Canvas<'_>, curve: &Curve<'_>, pen: usize) -> Drawn {
        let ends = |point: &ChartPoint| whisker(point).map(|(low, high)| (point.x, low, high));
        if !curve.has_whiskers() {
            let ends: Vec<(f64, f64, f64)> = curve.points.iter().filter_map(ends).collect();
            let upper = ends.iter().map(|(x, _, high)| self.place(pen, *x, *high));
            let lower = ends.iter().rev().map(|(x, low, _)| self.place(pen, *x, *low));
            let corners: Vec<(f64, f64)> = upper.chain(lower).collect();
            if corners.len() < 4 {
                return Ok(());
            }
            return canvas.polygon(&corners, distinct(pen).mix(if self.curves > MANY { 0.12 } else { 0.2 }));
        }
        for (x, low, high) in curve.points.iter().filter_map(ends) {
            let (below, above) = (self.place(pen, x, low), self.place(pen, x, high));
            // full lines, as a dash longer than the whisker would look like a gap
            let color = line(pen % LINES.len()).mix(0.85);
            canvas.path(&[below, above], color, 1.5)?;
            for (value, (x, y)) in [(low, below), (high, above)] {
                if self.y.holds(value) {
                    canvas.path(&[(x - 4.0, y), (x + 4.0, y)], color, 1.5)?;
                }
            }
        }
        Ok(())
    }

    fn draw_line(&self, canvas: &Canvas<'_>, curve: &Curve<'_>, pen: usize) -> Drawn {
        let places: Vec<(f64, f64)> = curve.points.iter().map(|point| self.place(pen, point.x, point.y)).collect();
        if places.len() > 1 {
            canvas.path(&places, distinct(pen).mix(1.0), 2.0)?;
        }
        // every so many points, shifted from line to line so that markers of near curves do not hide each other
        let every = if places.len() <= MOST_WHISKERS { 1 } else { places.len().div_ceil(MARKERS) };
        for (index, place) in places.iter().enumerate() {
            if index % every == pen % every {
                canvas.marker(pen, *place, 3.5, distinct(pen))?;
            }
        }
        Ok(())
    }
}
