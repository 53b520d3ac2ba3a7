//! Axes: from values to places, and the ticks between.

use plotters::style::Color;

use super::canvas::{Anchor, Canvas, Drawn, text_width};
use super::theme::INK;
use crate::format::number;

/// Size of tick labels and of everything else but titles, in CSS pixels.
pub(crate) const SMALL: f64 = 12.0;
/// Opacity of axis titles and ticks.
pub(crate) const MUTED: f64 = 0.8;

/// A straight scale from values to places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// `low` lies at `from`, `high` at `to`; an empty range becomes one about its value.
    pub(crate) fn new((low, high): (f64, f64), (from, to): (f64, f64)) -> Self {
        Self { low, high, from, to }
    }

    /// The place of a value; of one outside, the nearer end.
    pub(crate) fn at(&self, value: f64) -> f64 {
        // halves keep the difference of huge values finite
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }
}

/// The range of some values with a little room on both sides; around a single value, room that shows it is one.
pub(crate) fn padded(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.into_iter().filter(|value| value.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        return (0.0, 1.0);
    }
    let size = low.abs().max(high.abs());
    let room = if high - low <= 1e-12 * size || high == low {
        if size == 0.0 { 1.0 } else { 0.05 * size }
    } else {
        0.05 * (high - low)
    };
    (low - room, high + room)
}

/// About `count` round values within a range, at least `smallest` apart, with their labels.
pub(crate) fn ticks((low, high): (f64, f64), count: usize, smallest: f64) -> Vec<(f64, String)> {
    let raw = ((high / count as f64) - (low / count as f64)).max(smallest);
    if !(raw.is_finite() && raw > 0.0) {
        return Vec::new();
    }
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= raw * 0.999).unwrap_or(raw);
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    if !(first.abs() < 1e15 && last.abs() < 1e15) || last - first > 100.0 {
        return Vec::new();
    }
    let places = usize::try_from(-(step.log10() + 1e-9).floor() as i32).unwrap_or(0);
    let size = low.abs().max(high.abs());
    let label = |value: f64| {
        if size >= 1e6 || (size < 1e-3 && size > 0.0) || places > 6 {
            return number(value);
        }
        let text = format!("{value:.places$}");
        if value == 0.0 { text.replace('-', "") } else { text.replace('-', "\u{2212}") }
    };
    (first as i64..=last as i64).map(|index| index as f64 * step).map(|value| (value, label(value))).collect()
}

/// The plot's edges and the scales between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

/// Room that labels of the vertical axis take.
pub(crate) fn label_room(ticks: &[(f64, String)]) -> f64 {
    ticks.iter().map(|(_, label)| text_width(label, SMALL)).fold(20.0, f64::max) + 12.0
}

impl Frame {
    /// Horizontal lines with labels at the ticks of the vertical axis.
    pub(crate) fn draw_vertical_axis(&self, canvas: &Canvas<'_>, scale: &Scale, ticks: &[(f64, String)]) -> Drawn {
        for (value, label) in ticks {
            let y = scale.at(*value);
            canvas.path(&[(self.left, y), (self.right, y)], INK.mix(0.15), 0.5)?;
            canvas.text(label, (self.left - 6.0, y), SMALL, Anchor::Right, INK.mix(MUTED))?;
        }
        canvas.path(&[(self.left, self.top), (self.left, self.bottom)], INK.mix(0.5), 0.5)
    }

    /// Labels and small strokes at the ticks of the horizontal axis, without those that would touch the one before.
    pub(crate) fn draw_horizontal_axis(&self, canvas: &Canvas<'_>, places: &[(f64, String)], title: &str) -> Drawn {
        canvas.path(&[(self.left, self.bottom), (self.right, self.bottom)], INK.mix(0.5), 0.5)?;
        let mut free = f64::NEG_INFINITY;
        for (x, label) in places {
            let half = text_width(label, SMALL) / 2.0;
            canvas.path(&[(*x, self.bottom), (*x, self.bottom + 4.0)], INK.mix(0.5), 0.5)?;
            if x - half < free {
                continue;
            }
            free = x + half + 8.0;
            canvas.text(label, (*x, self.bottom + 14.0), SMALL, Anchor::Center, INK.mix(MUTED))?;
        }
        let middle = (self.left + self.right) / 2.0;
        canvas.text(title, (middle, self.bottom + 32.0), SMALL, Anchor::Center, INK.mix(MUTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: (f64, f64), smallest: f64) -> Vec<String> {
        ticks(range, 5, smallest).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_lie_within_the_range() {
        assert_eq!(
            labels((-160.0, -80.0), 0.0),
            ["\u{2212}160", "\u{2212}140", "\u{2212}120", "\u{2212}100", "\u{2212}80"]
        );
        assert_eq!(labels((0.0, 0.52), 0.0), ["0.0", "0.2", "0.4"]);
        assert_eq!(labels((0.0, 2.0), 1.0), ["0", "1", "2"]);
    }

    #[test]
    fn odd_ranges_give_few_ticks_and_no_panic() {
        for range in [(0.0, 0.0), (1e300, 1.5e300), (-1e-300, 1e-300), (f64::MIN, f64::MAX), (1e15, 1e15 + 2.0)] {
            assert!(ticks(range, 5, 0.0).len() <= 12, "{range:?}");
        }
    }

    #[test]
    fn constant_values_get_a_range_around_them() {
        assert_eq!(padded([2.0, 2.0]), (1.9, 2.1));
        assert_eq!(padded([0.0]), (-1.0, 1.0));
        assert_eq!(padded([]), (0.0, 1.0));
    }
}
