//! Data sets that are generated: nothing to download, and their likelihoods known exactly.

use crate::rows::BitRows;
use crate::table::{ImageShape, Table, Values};

/// Bars and stripes on an `n x n` square (MacKay 2003), with multiplicity: `2^n` patterns of rows, then `2^n` patterns
/// of columns, so that the uniform patterns stand twice. Pixel `n * row + column`.
pub(crate) fn bars_and_stripes(n: usize) -> Table {
    let patterns = 1_usize << n;
    let mut bits = BitRows::with_capacity(2 * patterns, n * n);
    (0..patterns).for_each(|pattern| bits.push(|pixel| pattern >> (pixel / n) & 1 == 1));
    (0..patterns).for_each(|pattern| bits.push(|pixel| pattern >> (pixel % n) & 1 == 1));
    Table {
        units: n * n,
        rows: 2 * patterns,
        values: Values::Bits(bits),
        labels: None,
        image: Some(ImageShape { height: n, width: n }),
    }
}

/// The labeled shifter (Hinton and Sejnowski 1986): each pattern of `n` bits, then the pattern shifted cyclically to
/// the left, not at all, or to the right, then three bits that say which; labels 0, 1, 2 say it too.
pub(crate) fn labeled_shifter(n: usize) -> Table {
    let patterns = 1_usize << n;
    let mut bits = BitRows::with_capacity(3 * patterns, 2 * n + 3);
    for pattern in 0..patterns {
        for shift in 0..3 {
            bits.push(|unit| match unit {
                _ if unit < n => pattern >> unit & 1 == 1,
                _ if unit < 2 * n => pattern >> ((unit - n + 1 + n - shift) % n) & 1 == 1,
                _ => unit - 2 * n == shift,
            });
        }
    }
    let labels = (0..patterns).flat_map(|_| 0..3).collect();
    Table { units: 2 * n + 3, rows: 3 * patterns, values: Values::Bits(bits), labels: Some(labels), image: None }
}
