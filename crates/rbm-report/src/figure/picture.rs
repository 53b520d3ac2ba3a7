//! Grids of images as PNG.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::theme::diverging;
use crate::error::Error;
use crate::report::{ImageGrid, ImageRange};

/// Index of the colour that lets the page shine through; the others are shades.
const CLEAR: u8 = 255;
const SHADES: f32 = 254.0;

/// Palette indices of a picture, row after row.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
    pub(crate) range: ImageRange,
}

/// The first images of a grid in rows of `columns`, one clear pixel around each.
pub(crate) fn tiles(grid: &ImageGrid, columns: usize, most: usize, stem: &str) -> Result<Picture, Error> {
    let shown = grid.images.len().min(most);
    let columns = columns.min(shown).max(1);
    let rows = shown.div_ceil(columns);
    let (width, height) = (columns * (grid.width + 1) + 1, rows * (grid.height + 1) + 1);
    let mut picture = Picture { width, height, pixels: vec![CLEAR; width * height], range: grid.range };
    for (index, image) in grid.images.iter().take(shown).enumerate() {
        if image.len() != grid.height * grid.width {
            return Err(Error::ImageSize {
                figure: stem.to_owned(),
                index,
                found: image.len(),
                height: grid.height,
                width: grid.width,
            });
        }
        let (top, left) = (index / columns * (grid.height + 1) + 1, index % columns * (grid.width + 1) + 1);
        for (y, row) in image.chunks(grid.width.max(1)).enumerate() {
            for (x, value) in row.iter().enumerate() {
                picture.pixels[(top + y) * width + left + x] = shade(*value, grid.range);
            }
        }
    }
    Ok(picture)
}

fn shade(value: f32, range: ImageRange) -> u8 {
    let (low, high) = match range {
        ImageRange::Grey { low, high } => (low, high),
        ImageRange::Diverging { largest } => (-largest, largest),
    };
    if !value.is_finite() {
        return CLEAR;
    }
    let share = if high > low { (value - low) / (high - low) } else { 0.5 };
    (share.clamp(0.0, 1.0) * SHADES).round() as u8
}

/// The bytes of an indexed PNG.
pub(crate) fn png(picture: &Picture, stem: &str) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Picture { figure: stem.to_owned(), source };
    let palette: Vec<u8> = (0..=254_u8).flat_map(|shade| color(shade, picture.range)).chain([0, 0, 0]).collect();
    let mut alpha = vec![255; 255];
    alpha.push(0);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(Cursor::new(&mut bytes), picture.width as u32, picture.height as u32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette);
    encoder.set_trns(alpha);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter); // best for indices
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&picture.pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

fn color(shade: u8, range: ImageRange) -> [u8; 3] {
    let share = f64::from(shade) / f64::from(SHADES);
    match range {
        ImageRange::Grey { .. } => [(share * 255.0).round() as u8; 3],
        ImageRange::Diverging { .. } => diverging(2.0 * share - 1.0),
    }
}

/// The picture as a `data:` address.
pub(crate) fn address(picture: &Picture, stem: &str) -> Result<String, Error> {
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png(picture, stem)?)))
}

/// A strip of all colours of a diverging scale, from low to high.
pub(crate) fn strip(range: ImageRange) -> Picture {
    let pixels: Vec<u8> = (0..=254).collect();
    Picture { width: pixels.len(), height: 1, pixels, range }
}

/// A grid of images as a PNG, each pixel `scale` pixels wide, about as many rows as columns.
///
/// # Errors
/// [`Error::ImageSize`] where an image does not fit the grid; [`Error::Picture`] where it cannot be encoded (no image at
/// all gives an empty picture of one clear pixel).
///
/// ```
/// use rbm_report::{ImageGrid, image_grid_png};
///
/// let grid = ImageGrid::unit(1, 2, vec![vec![0.0, 1.0], vec![1.0, 0.0]]);
/// assert_eq!(&image_grid_png(&grid, 4)?[1..4], b"PNG");
/// # Ok::<(), rbm_report::Error>(())
/// ```
pub fn image_grid_png(grid: &ImageGrid, scale: usize) -> Result<Vec<u8>, Error> {
    const STEM: &str = "images";
    let columns = (grid.images.len() as f64).sqrt().ceil() as usize;
    let small = tiles(grid, columns, grid.images.len(), STEM)?;
    let scale = scale.max(1);
    let (width, height) = (small.width * scale, small.height * scale);
    let pixel = |index: usize| small.pixels[index / width / scale * small.width + index % width / scale];
    let pixels = (0..width * height).map(pixel).collect();
    png(&Picture { width, height, pixels, range: small.range }, STEM)
}
