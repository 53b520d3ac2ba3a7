//! Horizontal bars in groups, with their spread.

use plotters::style::Color;

use super::axes::SMALL;
use super::canvas::{Anchor, Size, draw, text_width};
use super::theme::{INK, line};
use crate::error::Error;
use crate::format::clip;

const WIDTH: f64 = 760.0;
const TOP: f64 = 40.0;
/// Height of a group's heading and of a bar.
const HEADING: f64 = 30.0;
const STEP: f64 = 26.0;
const HALF: f64 = 8.0;
const LONGEST_LABEL: usize = 32;
const LONGEST_HEADING: usize = 90;

/// One bar.
pub(crate) struct Bar {
    /// What stands over it and its neighbours of the same group.
    pub(crate) group: String,
    /// What stands before it.
    pub(crate) label: String,
    /// Which colour it has.
    pub(crate) color: usize,
    /// Its length, and the least and largest value of its spread; none where there is nothing to draw.
    pub(crate) value: Option<(f64, f64, f64)>,
    /// What stands behind it.
    pub(crate) text: String,
}

/// Draws bars from zero.
pub(crate) fn figure(title: &str, bars: &[Bar], stem: &str) -> Result<(String, Size), Error> {
    let widest =
        |text: &dyn Fn(&Bar) -> String| bars.iter().map(|bar| text_width(&text(bar), SMALL)).fold(20.0, f64::max);
    let label = |bar: &Bar| clip(&bar.label, LONGEST_LABEL);
    let left = widest(&label) + 34.0;
    let right = WIDTH - widest(&|bar| bar.text.clone()) - 16.0;
    let largest = bars.iter().filter_map(|bar| Some(bar.value?.2)).fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| left + (right - left) * value / largest;
    let groups: Vec<&[Bar]> = bars.chunk_by(|a, b| a.group == b.group).collect();
    let height = TOP + HEADING * groups.len() as f64 + STEP * bars.len() as f64 + 8.0;
    draw(stem, (WIDTH, height), |canvas| {
        canvas.bold(&clip(title, 80), (8.0, 18.0), 15.0, Anchor::Left, INK)?;
        let mut top = TOP;
        for group in groups {
            let heading = group.first().map_or_else(String::new, |bar| clip(&bar.group, LONGEST_HEADING));
            canvas.bold(&heading, (8.0, top + HEADING * 0.6), SMALL + 1.0, Anchor::Left, INK)?;
            top += HEADING;
            for bar in group {
                let middle = top + 0.5 * STEP;
                top += STEP;
                canvas.text(&label(bar), (left - 10.0, middle), SMALL, Anchor::Right, INK)?;
                let mut end = left;
                if let Some((value, low, high)) = bar.value {
                    canvas.rectangle((left, middle - HALF), (x(value), middle + HALF), line(bar.color))?;
                    if low < high {
                        canvas.path(&[(x(low), middle), (x(high), middle)], INK, 1.0)?;
                        for end in [low, high] {
                            canvas.path(&[(x(end), middle - 4.0), (x(end), middle + 4.0)], INK, 1.0)?;
                        }
                    }
                    end = x(high);
                }
                canvas.text(&bar.text, (end + 8.0, middle), SMALL, Anchor::Left, INK.mix(0.9))?;
            }
        }
        Ok(())
    })
}
