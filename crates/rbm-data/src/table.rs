//! A set of rows as it comes from a file or generator, before splits and binarisation.

use crate::error::FileProblem;
use crate::rows::{BitRows, Grey};

/// Height and width of rows that are pictures; unit `width * y + x` is the pixel in line `y`, column `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Lines.
    pub height: usize,
    /// Pixels in a line.
    pub width: usize,
}

/// Rows with their labels and the shape in which they can be shown.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) units: usize,
    pub(crate) rows: usize,
    pub(crate) values: Values,
    pub(crate) labels: Option<Vec<u32>>,
    pub(crate) image: Option<ImageShape>,
}

/// A table's values.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    Bits(BitRows),
    Grey(Grey),
}

/// Rows and units of an array, and its shape as a picture.
///
/// `[rows, height, width]`, also with dimensions of 1 between, is a picture; so, for showing only, is `[rows, units]`
/// where `units` is a square of at least 2 x 2.
pub(crate) fn layout(shape: &[u64]) -> Result<(usize, usize, Option<ImageShape>), FileProblem> {
    let bad = || FileProblem::Shape { shape: shape.to_vec() };
    let [rows, inner @ ..] = shape else { return Err(bad()) };
    let rows = usize::try_from(*rows).map_err(|_| bad())?;
    let units = inner.iter().try_fold(1_u64, |product, &n| product.checked_mul(n)).ok_or_else(bad)?;
    let units = usize::try_from(units).map_err(|_| bad())?;
    if inner.is_empty() || rows == 0 || units == 0 || rows > MAX_ROWS || rows.checked_mul(units).is_none() {
        return Err(bad());
    }
    let image = match inner {
        [between @ .., height, width] if between.iter().all(|&n| n == 1) => {
            Some(ImageShape { height: *height as usize, width: *width as usize })
        }
        [_] => square(units),
        _ => None,
    };
    Ok((rows, units, image))
}

/// Rows are numbered in 31 bits: the draws of sampled binarisation keep the last bit for test rows.
pub(crate) const MAX_ROWS: usize = 1 << 31;

fn square(units: usize) -> Option<ImageShape> {
    let side = units.isqrt();
    (side >= 2 && side * side == units).then_some(ImageShape { height: side, width: side })
}

impl Table {
    /// A table of grey values; values that are all 0 or 1 become bits.
    pub(crate) fn new(shape: &[u64], grey: Grey) -> Result<Self, FileProblem> {
        let (rows, units, image) = layout(shape)?;
        debug_assert_eq!(grey.len(), rows * units, "readers check the size first");
        let values = if grey.is_binary() {
            let mut bits = BitRows::with_capacity(rows, units);
            (0..rows).for_each(|row| bits.push(|unit| grey.at(row * units + unit) == 1.0));
            Values::Bits(bits)
        } else {
            Values::Grey(grey)
        };
        Ok(Self { units, rows, values, labels: None, image })
    }

    /// The same with labels, one for each row.
    pub(crate) fn with_labels(mut self, labels: Option<Vec<u32>>) -> Result<Self, FileProblem> {
        match &labels {
            Some(labels) if labels.len() != self.rows => {
                Err(FileProblem::Labels(format!("there are {} labels for {} rows", labels.len(), self.rows)))
            }
            _ => {
                self.labels = labels;
                Ok(self)
            }
        }
    }

    pub(crate) fn invert(&mut self) {
        match &mut self.values {
            Values::Bits(bits) => bits.invert(),
            Values::Grey(grey) => grey.invert(),
        }
    }
}
