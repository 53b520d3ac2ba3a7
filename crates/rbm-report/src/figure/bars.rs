//! Horizontal bars with their spread.

use plotters::style::Color;

use super::axes::SMALL;
use super::canvas::{Anchor, Size, draw, text_width};
use super::theme::{INK, line};
use crate::error::Error;
use crate::format::{clip, number};

const WIDTH: f64 = 640.0;
const TOP: f64 = 44.0;
const STEP: f64 = 40.0;

/// One bar.
pub(crate) struct Bar {
    /// What stands before it.
    pub(crate) label: String,
    /// Its length, and the least and largest value of its spread.
    pub(crate) value: (f64, f64, f64),
}

/// Draws bars from zero.
pub(crate) fn figure(title: &str, bars: &[Bar], stem: &str) -> Result<(String, Size), Error> {
    let left = bars.iter().map(|bar| text_width(&clip(&bar.label, 24), SMALL)).fold(20.0, f64::max) + 20.0;
    let right = WIDTH - 90.0;
    let largest = bars.iter().map(|bar| bar.value.2).fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| left + (right - left) * value / largest;
    draw(stem, (WIDTH, TOP + STEP * bars.len().max(1) as f64 + 8.0), |canvas| {
        canvas.bold(&clip(title, 70), (8.0, 18.0), 15.0, Anchor::Left, INK)?;
        for (index, bar) in bars.iter().enumerate() {
            let middle = TOP + (index as f64 + 0.5) * STEP;
            let (value, low, high) = bar.value;
            canvas.text(&clip(&bar.label, 24), (left - 10.0, middle), SMALL, Anchor::Right, INK)?;
            canvas.rectangle((left, middle - 11.0), (x(value), middle + 11.0), line(0))?;
            canvas.path(&[(x(low), middle), (x(high), middle)], INK, 1.5)?;
            for end in [low, high] {
                canvas.path(&[(x(end), middle - 5.0), (x(end), middle + 5.0)], INK, 1.5)?;
            }
            canvas.text(&number(value), (x(high) + 8.0, middle), SMALL, Anchor::Left, INK.mix(0.9))?;
        }
        Ok(())
    })
}
