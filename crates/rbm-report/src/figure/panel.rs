//! One plot of lines with bars, of which a figure may have several.

use plotters::style::{Color, RGBAColor};

use super::axes::{Frame, MUTED, SMALL, label_room};
use super::canvas::{Anchor, Canvas, Drawn};
use super::clip::clip_line;
use super::legend::Entry;
use super::ruler::Ruler;
use super::theme::INK;
use crate::format::clip;

/// A value at a place, and the ends of its bar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) bar: Option<(f64, f64)>,
}

/// Points that a line joins.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) color: RGBAColor,
    /// None for a line without markers.
    pub(crate) marker: Option<usize>,
    pub(crate) points: Vec<Point>,
}

impl Line {
    /// Every value of the line and of its bars.
    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        let ends = |point: &Point| point.bar.map_or([point.y, point.y], |(low, high)| [low, high]);
        self.points.iter().flat_map(move |point| ends(point).into_iter().chain([point.y]))
    }

    /// Its entry in the legend.
    pub(crate) fn entry(&self) -> Entry {
        Entry { label: self.label.clone(), color: self.color, marker: self.marker }
    }
}

/// A plot.
pub(crate) struct Panel<'a> {
    /// What stands above it.
    pub(crate) title: &'a str,
    /// The horizontal axis with its ticks, values and labels.
    pub(crate) x: Ruler,
    pub(crate) x_ticks: &'a [(f64, String)],
    pub(crate) x_title: &'a str,
    pub(crate) y: Ruler,
    pub(crate) lines: &'a [Line],
    /// A value that a horizontal line marks.
    pub(crate) mark: Option<f64>,
}

/// Room above a plot for its title.
pub(crate) const TITLE: f64 = 30.0;
/// Room below a plot for its axis.
pub(crate) const AXIS: f64 = 46.0;

impl Panel<'_> {
    /// Draws it from `left` to `right`, the title at `top`.
    pub(crate) fn draw(&self, canvas: &Canvas<'_>, (left, right): (f64, f64), (top, bottom): (f64, f64)) -> Drawn {
        let value_ticks = self.y.ticks();
        let frame = Frame { left: left + label_room(&value_ticks), right, top: top + TITLE, bottom: bottom - AXIS };
        let (x, y) = (self.x.scale((frame.left, frame.right)), self.y.scale((frame.bottom, frame.top)));
        let longest = ((right - left) / (0.57 * SMALL)) as usize;
        canvas.text(&clip(self.title, longest), (left, top + 12.0), SMALL, Anchor::Left, INK.mix(MUTED))?;
        frame.draw_vertical_axis(canvas, &y, &value_ticks)?;
        let places: Vec<_> =
            self.x_ticks.iter().map(|(value, label)| (x.at(self.x.place(*value)), label.clone())).collect();
        frame.draw_horizontal_axis(canvas, &places, self.x_title)?;
        if let Some(value) = self.mark.filter(|value| self.y.holds(*value)) {
            let height = y.at(self.y.place(value));
            canvas.path(&[(frame.left, height), (frame.right, height)], INK.mix(0.7), 1.0)?;
        }
        for line in self.lines {
            self.draw_line(canvas, line, (&x, &y))?;
        }
        Ok(())
    }

    fn draw_line(&self, canvas: &Canvas<'_>, line: &Line, (x, y): (&super::axes::Scale, &super::axes::Scale)) -> Drawn {
        let places: Vec<(f64, f64)> =
            line.points.iter().map(|point| (self.x.place(point.x), self.y.place(point.y))).collect();
        for part in clip_line(&places, self.y.range()) {
            let part: Vec<_> = part.into_iter().map(|(across, up)| (x.at(across), y.at(up))).collect();
            canvas.path(&part, line.color, 2.0)?;
        }
        for (point, (across, up)) in line.points.iter().zip(&places) {
            let (across, middle) = (x.at(*across), y.at(*up));
            if let Some((low, high)) = point.bar {
                let (bottom, top) = (y.at(self.y.place(low)), y.at(self.y.place(high)));
                canvas.path(&[(across, bottom), (across, top)], line.color, 1.0)?;
                for (end, value) in [(bottom, low), (top, high)] {
                    if self.y.holds(value) {
                        canvas.path(&[(across - 4.0, end), (across + 4.0, end)], line.color, 1.0)?;
                    }
                }
            }
            let Some(marker) = line.marker else { continue };
            if self.y.holds(point.y) {
                canvas.marker(marker, (across, middle), 3.5, line.color)?;
            } else if self.y.place(point.y) <= self.y.range().0 {
                // no logarithm: a ring on the lower edge
                canvas.ring((across, middle), 3.5, line.color, 1.5)?;
            }
        }
        Ok(())
    }
}
