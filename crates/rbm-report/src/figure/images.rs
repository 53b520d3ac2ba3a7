//! Figures of images: samples beside data, receptive fields, rows with their reconstructions.

use std::fmt::Write;

use super::axes::SMALL;
use super::canvas::Size;
use super::escape;
use super::picture::{Picture, address, strip, tiles};
use super::theme::{INK, hex};
use crate::error::Error;
use crate::format::{clip, number};
use crate::report::{ImageGrid, ImageRange, ReconstructionPairs};

const TITLE_HEIGHT: f64 = 36.0;
const MARGIN: f64 = 8.0;
/// Most images in one grid.
pub(crate) const MOST_SAMPLES: usize = 64;
/// Most receptive fields in one figure.
pub(crate) const MOST_FIELDS: usize = 100;
/// Most pairs of a row and its reconstruction.
pub(crate) const MOST_PAIRS: usize = 20;

/// A figure under construction: hand-written SVG, as plotters embeds no PNG.
struct Sheet {
    body: String,
    width: f64,
    height: f64,
}

impl Sheet {
    fn new(title: &str) -> Self {
        let mut sheet = Self { body: String::new(), width: 300.0, height: TITLE_HEIGHT };
        sheet.text(title, (MARGIN, 18.0), 15.0, "start\" font-weight=\"bold");
        sheet
    }

    fn text(&mut self, text: &str, (x, y): (f64, f64), size: f64, anchor: &str) {
        let ink = hex(INK);
        let text = escape(text);
        // writing to a string cannot fail
        let _ = writeln!(
            self.body,
            "<text x=\"{x}\" y=\"{y}\" dy=\"0.5ex\" font-family=\"sans-serif\" font-size=\"{size}\" fill=\"{ink}\" \
             text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    fn picture(&mut self, picture: &Picture, at: (f64, f64), size: (f64, f64), stem: &str) -> Result<(), Error> {
        let ((x, y), (width, height), address) = (at, size, address(picture, stem)?);
        let _ = writeln!(
            self.body,
            "<image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=\"none\" \
             style=\"image-rendering:pixelated\" href=\"{address}\"/>"
        );
        self.width = self.width.max(x + width + MARGIN);
        self.height = self.height.max(y + height + MARGIN);
        Ok(())
    }

    fn finish(self) -> (String, Size) {
        (self.body, Size { width: self.width, height: self.height, units: 1.0 })
    }
}

/// How many columns of images, and how many CSS pixels a pixel, fill a width: whole ones where possible.
fn fit(grid: &ImageGrid, columns: usize, width: f64) -> (usize, f64) {
    let columns = columns.min(grid.images.len()).min((width / (grid.width as f64 + 1.0)) as usize).max(1);
    let scale = width / (columns * (grid.width + 1) + 1) as f64;
    (columns, if scale >= 1.0 { scale.floor().min(16.0) } else { scale })
}

/// Data on the left, samples on the right.
pub(crate) fn samples(
    title: &str,
    data: Option<&ImageGrid>,
    samples: &ImageGrid,
    stem: &str,
) -> Result<(String, Size), Error> {
    const HALF: f64 = 466.0;
    let mut sheet = Sheet::new(&clip(title, 90));
    let mut left = MARGIN;
    let (columns, scale) = fit(samples, 8, HALF);
    let named = [("data", data), ("samples", Some(samples))];
    for (name, grid) in named.into_iter().filter_map(|(name, grid)| Some((name, grid?))) {
        let same_size = grid.width == samples.width && grid.images.len() >= columns;
        let (columns, scale) = if same_size { (columns, scale) } else { fit(grid, 8, HALF) };
        let picture = tiles(grid, columns, MOST_SAMPLES, stem)?;
        sheet.text(name, (left + 1.0, TITLE_HEIGHT + 6.0), SMALL, "start");
        let size = (picture.width as f64 * scale, picture.height as f64 * scale);
        sheet.picture(&picture, (left, TITLE_HEIGHT + 18.0), size, stem)?;
        left += size.0 + 20.0;
    }
    Ok(sheet.finish())
}

/// Images of any kind in one grid; those of values of either sign with the scale of their colours.
pub(crate) fn grid(title: &str, images: &ImageGrid, stem: &str) -> Result<(String, Size), Error> {
    if matches!(images.range, ImageRange::Diverging { .. }) {
        return receptive_fields(title, images, stem);
    }
    let mut sheet = Sheet::new(&clip(title, 70));
    let (columns, scale) = fit(images, 10, 600.0);
    let picture = tiles(images, columns, MOST_FIELDS, stem)?;
    let size = (picture.width as f64 * scale, picture.height as f64 * scale);
    sheet.picture(&picture, (MARGIN, TITLE_HEIGHT), size, stem)?;
    Ok(sheet.finish())
}

/// The weights of each hidden unit as an image, with the scale of the colours.
pub(crate) fn receptive_fields(title: &str, fields: &ImageGrid, stem: &str) -> Result<(String, Size), Error> {
    let mut sheet = Sheet::new(&clip(title, 70));
    let (columns, scale) = fit(fields, 10, 600.0);
    let picture = tiles(fields, columns, MOST_FIELDS, stem)?;
    let size = (picture.width as f64 * scale, picture.height as f64 * scale);
    sheet.picture(&picture, (MARGIN, TITLE_HEIGHT), size, stem)?;
    let (low, high) = match fields.range {
        ImageRange::Grey { low, high } => (low, high),
        ImageRange::Diverging { largest } => (-largest, largest),
    };
    let top = sheet.height + 4.0;
    let width = 200.0;
    let left = MARGIN + 1.0;
    sheet.picture(&strip(fields.range), (left, top), (width, 10.0), stem)?;
    let y = top + 22.0;
    sheet.text(&number(f64::from(low)), (left, y), SMALL, "start");
    sheet.text(&number(f64::midpoint(f64::from(low), f64::from(high))), (left + width / 2.0, y), SMALL, "middle");
    sheet.text(&number(f64::from(high)), (left + width, y), SMALL, "end");
    sheet.text("weight", (left + width + 12.0, top + 5.0), SMALL, "start");
    sheet.height = y + 14.0;
    Ok(sheet.finish())
}

/// Rows of data, each with its reconstruction under it.
pub(crate) fn reconstructions(title: &str, pairs: &ReconstructionPairs, stem: &str) -> Result<(String, Size), Error> {
    let mut sheet = Sheet::new(&clip(title, 70));
    let labels = 52.0;
    let (columns, scale) = fit(&pairs.data, 10, 590.0);
    let shown = pairs.data.images.len().min(pairs.reconstruction.images.len()).min(MOST_PAIRS);
    let mut top = TITLE_HEIGHT;
    for start in (0..shown).step_by(columns) {
        for (name, grid) in [("data", &pairs.data), ("model", &pairs.reconstruction)] {
            let images = grid.images[start..shown.min(start + columns)].to_vec();
            let picture = tiles(&ImageGrid { images, ..grid.clone() }, columns, columns, stem)?;
            let size = (picture.width as f64 * scale, picture.height as f64 * scale);
            sheet.picture(&picture, (labels, top), size, stem)?;
            sheet.text(name, (labels - 6.0, top + size.1 / 2.0), SMALL, "end");
            top += size.1;
        }
        top += 8.0;
    }
    Ok(sheet.finish())
}
