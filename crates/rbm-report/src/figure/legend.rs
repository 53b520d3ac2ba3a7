//! The legend, under the plot so that it covers no curve.

use plotters::style::{Color, RGBAColor};

use super::axes::SMALL;
use super::canvas::{Anchor, Canvas, Drawn, text_width};
use super::theme::INK;
use crate::format::clip;

const LINE_HEIGHT: f64 = 19.0;
const SAMPLE: f64 = 34.0;
const LONGEST: usize = 80;

/// One line's entry.
pub(crate) struct Entry {
    pub(crate) label: String,
    pub(crate) color: RGBAColor,
    /// None for a line without markers.
    pub(crate) marker: Option<usize>,
}

/// The entries in columns.
pub(crate) struct Legend {
    entries: Vec<Entry>,
    columns: usize,
    column_width: f64,
}

impl Legend {
    /// Lays the entries out in a width.
    pub(crate) fn new(mut entries: Vec<Entry>, width: f64) -> Self {
        for entry in &mut entries {
            entry.label = clip(&entry.label, LONGEST);
        }
        let widest = entries.iter().map(|entry| text_width(&entry.label, SMALL)).fold(0.0, f64::max);
        let columns = ((width / (widest + SAMPLE + 20.0)) as usize).clamp(1, 4);
        Self { entries, columns, column_width: width / columns as f64 }
    }

    pub(crate) fn height(&self) -> f64 {
        self.rows() as f64 * LINE_HEIGHT
    }

    fn rows(&self) -> usize {
        self.entries.len().div_ceil(self.columns)
    }

    /// Draws it with its upper left corner at a place, column after column.
    pub(crate) fn draw(&self, canvas: &Canvas<'_>, (left, top): (f64, f64)) -> Drawn {
        for (index, entry) in self.entries.iter().enumerate() {
            let x = left + (index / self.rows()) as f64 * self.column_width;
            let y = top + ((index % self.rows()) as f64 + 0.5) * LINE_HEIGHT;
            canvas.path(&[(x, y), (x + SAMPLE - 8.0, y)], entry.color, 2.0)?;
            if let Some(marker) = entry.marker {
                canvas.marker(marker, (x + (SAMPLE - 8.0) / 2.0, y), 3.5, entry.color)?;
            }
            canvas.text(&entry.label, (x + SAMPLE, y), SMALL, Anchor::Left, INK.mix(0.9))?;
        }
        Ok(())
    }
}
