//! A row for each condition: its value as a dot, its interval as a whisker.

use plotters::style::Color;

use super::labels::wrap;
use super::{LONGEST_TITLE, Marked, draw_nothing, is_usable, marked, ruler, whisker};
use crate::chart::{Chart, ChartPoint};
use crate::error::Error;
use crate::figure::axes::{Frame, MUTED, SMALL, Scale};
use crate::figure::canvas::{Anchor, Canvas, Drawn, Size, draw, text_width};
use crate::figure::ruler::Ruler;
use crate::figure::theme::{INK, dashed_ink, line};
use crate::format::{clip, interval, number};

const WIDTH: f64 = 700.0;
/// Where the rows' heading and the labels of references begin.
const TOP: f64 = 36.0;
const BELOW: f64 = 42.0;
/// Height of a row with one line of label, and of each further line.
const STEP: f64 = 28.0;
const LABEL_LINE: f64 = 14.0;
const LONGEST_LABEL: usize = 34;
const MOST_LABEL_LINES: usize = 3;
/// Of the labels of references.
const FLAG_SIZE: f64 = 11.0;
const MOST_FLAG_LINES: usize = 3;

/// One row.
struct Row {
    label: Vec<String>,
    point: Option<ChartPoint>,
    text: String,
}

impl Row {
    fn height(&self) -> f64 {
        STEP + LABEL_LINE * self.label.len().saturating_sub(1) as f64
    }
}

/// A label above the plot, at the right of the line that it names.
struct Flag {
    x: f64,
    lines: Vec<String>,
    /// Whether the plot holds the value.
    inside: bool,
    /// How far above the plot its upper edge lies.
    top: f64,
}

/// Draws a row a series.
pub(super) fn draw_dots(chart: &Chart, stem: &str) -> Result<(String, Size), Error> {
    let rows: Vec<Row> = rows(chart);
    let points: Vec<ChartPoint> = rows.iter().filter_map(|row| row.point).collect();
    if points.is_empty() {
        return draw_nothing(chart, WIDTH, stem);
    }
    let values = ruler(&points, &chart.references, chart.y_log);
    let (axis, heading) = match chart.y_label.trim() {
        "" => (&chart.x_label[..], ""),
        _ => (&chart.y_label[..], &chart.x_label[..]),
    };
    let heading = clip(heading, LONGEST_LABEL);
    let widest =
        |texts: &mut dyn Iterator<Item = &String>| texts.map(|text| text_width(text, SMALL)).fold(0.0, f64::max);
    let labels = widest(&mut rows.iter().flat_map(|row| &row.label).chain([&heading]));
    let left = labels + 26.0;
    let right = WIDTH - widest(&mut rows.iter().map(|row| &row.text)) - 24.0;
    let across = values.scale((left, right));
    let references = marked(&chart.references, &values, ["←", "→"]);
    let flags = flags(&references, |mark| across.at(values.place(mark.at)));
    let room = flags.iter().map(|flag| flag.top).fold(0.0, f64::max);
    let top = TOP + f64::max(room, if heading.is_empty() { 0.0 } else { 18.0 }) + 6.0;
    let bottom = top + rows.iter().map(Row::height).sum::<f64>();
    let frame = Frame { left, right, top, bottom };

    draw(stem, (WIDTH, bottom + BELOW), |canvas| {
        canvas.bold(&clip(&chart.title, LONGEST_TITLE), (8.0, 18.0), 15.0, Anchor::Left, INK)?;
        canvas.text(&heading, (left - 14.0, top - 10.0), SMALL, Anchor::Right, INK.mix(MUTED))?;
        let ticks: Vec<_> = values.ticks().into_iter().map(|(place, label)| (across.at(place), label)).collect();
        for (x, _) in &ticks {
            canvas.path(&[(*x, top), (*x, bottom)], INK.mix(0.12), 0.5)?;
        }
        let longest = ((WIDTH - left) / text_width("m", SMALL)) as usize;
        frame.draw_horizontal_axis(canvas, &ticks, "")?;
        draw_title(canvas, &frame, &clip(axis, longest))?;
        draw_references(canvas, (top, bottom), &flags)?;
        let mut upper = top;
        for row in &rows {
            draw_row(canvas, row, upper + row.height() / 2.0, &frame, (&values, &across))?;
            upper += row.height();
        }
        Ok(())
    })
}

fn rows(chart: &Chart) -> Vec<Row> {
    let row = |series: &crate::chart::ChartSeries| {
        let point = series.points.first().filter(|point| is_usable(point.y, chart.y_log)).copied();
        let text = match point {
            None => "nothing measured".into(),
            Some(point) => text(&point),
        };
        Row { label: wrap(&series.label, LONGEST_LABEL, MOST_LABEL_LINES), point, text }
    };
    chart.series.iter().map(row).collect()
}

/// "value [low, high]", or the value alone.
fn text(point: &ChartPoint) -> String {
    match whisker(point) {
        None => number(point.y),
        Some((low, high)) => {
            let given = |end: Option<f64>, drawn: f64| end.filter(|end| !end.is_nan() && drawn.is_finite());
            interval(point.y, given(point.low, low), given(point.high, high))
        }
    }
}

/// The axis' title, moved so far that it stays in the figure.
fn draw_title(canvas: &Canvas<'_>, frame: &Frame, title: &str) -> Drawn {
    let half = text_width(title, SMALL) / 2.0;
    let middle = f64::midpoint(frame.left, frame.right).min(WIDTH - 8.0 - half).max(8.0 + half);
    canvas.text(title, (middle, frame.bottom + 32.0), SMALL, Anchor::Center, INK.mix(MUTED))
}

/// Lays labels out from the last to the first, each above those that it would touch: so no label lies on another, and
/// no line to a label crosses one.
fn flags(references: &[Marked], x: impl Fn(&Marked) -> f64) -> Vec<Flag> {
    let mut order: Vec<usize> = (0..references.len()).collect();
    order.sort_by(|&a, &b| x(&references[b]).total_cmp(&x(&references[a])));
    let mut flags: Vec<Flag> = Vec::new();
    for index in order {
        let at = x(&references[index]);
        let longest = ((WIDTH - 12.0 - at) / text_width("m", FLAG_SIZE)) as usize;
        let lines = wrap(&references[index].label, longest, MOST_FLAG_LINES);
        let end = at + 4.0 + lines.iter().map(|line| text_width(line, FLAG_SIZE)).fold(0.0, f64::max);
        let touched = flags.iter().filter(|flag| flag.x <= end + 4.0);
        let base = touched.map(|flag| flag.top).fold(0.0, f64::max);
        let top = base + lines.len() as f64 * LABEL_LINE + 2.0;
        flags.push(Flag { x: at, lines, inside: references[index].inside, top });
    }
    flags
}

/// Dashed lines through the plot up to their labels; of a value beyond the plot the label alone.
fn draw_references(canvas: &Canvas<'_>, (top, bottom): (f64, f64), flags: &[Flag]) -> Drawn {
    for flag in flags {
        for (index, text) in flag.lines.iter().enumerate() {
            let y = top - flag.top + (index as f64 + 0.5) * LABEL_LINE;
            canvas.text(text, (flag.x + 4.0, y), FLAG_SIZE, Anchor::Left, INK.mix(0.9))?;
        }
        if flag.inside {
            canvas.path(&[(flag.x, top - flag.top), (flag.x, bottom)], dashed_ink().mix(0.8), 1.0)?;
        }
    }
    Ok(())
}

/// The label on the left, the dot with its whisker, the value on the right.
fn draw_row(canvas: &Canvas<'_>, row: &Row, middle: f64, frame: &Frame, (values, across): (&Ruler, &Scale)) -> Drawn {
    for (index, text) in row.label.iter().enumerate() {
        let y = middle + (index as f64 - (row.label.len() - 1) as f64 / 2.0) * LABEL_LINE;
        canvas.text(text, (frame.left - 14.0, y), SMALL, Anchor::Right, INK)?;
    }
    canvas.path(&[(frame.left, middle), (frame.right, middle)], INK.mix(0.12), 0.5)?;
    canvas.text(&row.text, (frame.right + 14.0, middle), SMALL, Anchor::Left, INK.mix(0.9))?;
    let Some(point) = row.point else { return Ok(()) };
    let at = |value: f64| across.at(values.place(value));
    if let Some((low, high)) = whisker(&point) {
        canvas.path(&[(at(low), middle), (at(high), middle)], line(0), 2.0)?;
        for end in [low, high].into_iter().filter(|end| values.holds(*end)) {
            canvas.path(&[(at(end), middle - 5.0), (at(end), middle + 5.0)], line(0), 1.5)?;
        }
    }
    canvas.marker(0, (at(point.y), middle), 4.5, line(0))
}
