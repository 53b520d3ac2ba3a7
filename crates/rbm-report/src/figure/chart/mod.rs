//! Charts of values that belong to no sweep.

mod dots;
mod labels;
mod lines;

use super::canvas::{Anchor, Size, draw};
use super::ruler::Ruler;
use super::theme::INK;
use super::{Figure, Section};
use crate::chart::{Chart, ChartKind, ChartPoint, Reference};
use crate::error::Error;
use crate::format::{clip, number, printable, stem};

use plotters::style::Color;

/// Beyond this size nothing is drawn: the width of an axis must not overflow.
const LARGEST: f64 = 1e300;
/// How many times as wide as its values a plot becomes to hold a value that they are compared with: much where the
/// distance to it is what counts, less on a logarithmic axis, where a bound that is far off is not worth more than its name.
const MOST_TIMES: f64 = 12.0;
const MOST_TIMES_LOGARITHMIC: f64 = 3.0;
/// Characters of a title, at its size in the width of a figure.
const LONGEST_TITLE: usize = 70;

/// Draws a chart.
pub(crate) fn figure(chart: &Chart) -> Result<Figure, Error> {
    let stem = match stem(&chart.stem) {
        empty if empty.is_empty() => "chart".to_owned(),
        stem => stem,
    };
    let (body, size) = match chart.kind {
        ChartKind::Lines => lines::draw_lines(chart, &stem)?,
        ChartKind::Dots => dots::draw_dots(chart, &stem)?,
    };
    let (title, sentence) = (printable(&chart.title), printable(&chart.sentence));
    Ok(Figure { stem, title, section: Section::Curve, sentence, rank: 0, in_page: true, body, size })
}

/// What stands where there is no value to draw.
fn draw_nothing(chart: &Chart, width: f64, stem: &str) -> Result<(String, Size), Error> {
    draw(stem, (width, 110.0), |canvas| {
        canvas.bold(&clip(&chart.title, LONGEST_TITLE), (8.0, 18.0), 15.0, Anchor::Left, INK)?;
        canvas.frame((8.0, 38.0), (width - 8.0, 102.0), INK.mix(0.3), 0.5)?;
        canvas.text("nothing measured", (width / 2.0, 70.0), 13.0, Anchor::Center, INK.mix(0.8))
    })
}

/// Whether a value has a place on an axis.
fn is_usable(value: f64, logarithmic: bool) -> bool {
    value.is_finite() && value.abs() <= LARGEST && (!logarithmic || value > 0.0)
}

/// The ends of a point's interval, infinite where it has no end on that side or one too far to draw; an end that is not
/// given, or is no number, is the value itself. None where neither is given.
fn whisker(point: &ChartPoint) -> Option<(f64, f64)> {
    let given = |end: Option<f64>| end.filter(|end| !end.is_nan());
    let far = |end: f64| if end.abs() > LARGEST { end.signum() * f64::INFINITY } else { end };
    let (low, high) = (given(point.low), given(point.high));
    (low.is_some() || high.is_some()).then(|| (far(low.unwrap_or(point.y)), far(high.unwrap_or(point.y))))
}

/// The axis of some points' values, their intervals, and the references that do not press these together.
fn ruler(points: &[ChartPoint], references: &[Reference], logarithmic: bool) -> Ruler {
    let ends = points.iter().filter_map(whisker).flat_map(|(low, high)| [low, high]);
    let values = points.iter().map(|point| point.y).chain(ends);
    let mut values: Vec<f64> = values.filter(|value| is_usable(*value, logarithmic)).collect();
    let over = |values: &[f64]| {
        let values = values.iter().copied();
        if logarithmic { Ruler::logarithmic(values) } else { Ruler::even(values) }
    };
    let own = over(&values);
    let most = if logarithmic { MOST_TIMES_LOGARITHMIC } else { MOST_TIMES };
    // a single value has no width of its own that could be pressed
    let is_single = values.iter().all(|value| Some(value) == values.first());
    let references = references.iter().map(|reference| reference.at).filter(|at| is_usable(*at, logarithmic));
    for at in references {
        values.push(at);
        if !is_single && over(&values).width() > most * own.width() {
            values.pop();
        }
    }
    over(&values)
}

/// A reference with its place on an axis.
struct Marked {
    /// Its value, which the axis may not hold.
    at: f64,
    /// Whether the axis holds it.
    inside: bool,
    /// Its label; beyond the axis, with an arrow towards it and the value.
    label: String,
}

/// The references that have a place, with `arrows` to what lies below and above the axis.
fn marked(references: &[Reference], ruler: &Ruler, arrows: [&str; 2]) -> Vec<Marked> {
    let usable = references.iter().filter(|reference| is_usable(reference.at, ruler.is_logarithmic()));
    let mark = |reference: &Reference| {
        let (at, inside) = (reference.at, ruler.holds(reference.at));
        let label = match inside {
            true => reference.label.clone(),
            false => {
                let arrow = arrows[usize::from(ruler.place(at) > ruler.range().0)];
                format!("{arrow} {} ({})", reference.label, number(at))
            }
        };
        Marked { at, inside, label }
    };
    usable.map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(y: f64, low: Option<f64>, high: Option<f64>) -> ChartPoint {
        ChartPoint { x: 0.0, y, low, high }
    }

    #[test]
    fn interval_lacks_an_end_where_none_is_given_and_is_open_where_it_is_infinite() {
        assert_eq!(whisker(&point(1.0, None, None)), None);
        assert_eq!(whisker(&point(1.0, Some(f64::NAN), None)), None);
        assert_eq!(whisker(&point(1.0, None, Some(2.0))), Some((1.0, 2.0)));
        assert_eq!(whisker(&point(1.0, Some(-f64::MAX), Some(2.0))), Some((f64::NEG_INFINITY, 2.0)));
    }

    #[test]
    fn far_reference_does_not_press_the_values_together() {
        let points = [point(1.0, None, None), point(2.0, None, None)];
        let reference = |at| Reference { at, label: "bound".into() };
        let references = [reference(5.0), reference(512.0), reference(f64::NAN)];
        let ruler = ruler(&points, &references, false);
        assert!(ruler.holds(5.0) && !ruler.holds(512.0));
        let labels: Vec<String> = marked(&references, &ruler, ["↓", "↑"]).into_iter().map(|mark| mark.label).collect();
        assert_eq!(labels, ["bound", "↑ bound (512.0)"]);
    }

    #[test]
    fn reference_of_a_single_value_is_shown_however_far_it_lies() {
        let references = [Reference { at: 512.0, label: "bound".into() }];
        assert!(ruler(&[point(1.0, None, None)], &references, false).holds(512.0));
    }
}
