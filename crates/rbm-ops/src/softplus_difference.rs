//! Differences of sums of softplus between two temperatures, in f64.

use multiversion::multiversion;
use pulp::NullaryFnOnce;

use crate::exponential::exp_minus_f64;
use crate::fused::Tile;
use crate::isa::Isa;

/// Products that advance side by side: enough to hide the latency of a multiplication in any vector width.
const LANES: usize = 16;
/// Values whose factors `1 + exp(-|x|)`, each in `[1, 2]`, are multiplied before a logarithm is taken: below 2^512.
const BLOCK: usize = 512;

/// A number that a tensor holds.
pub trait Value: Copy + Into<f64> + Send + Sync {}

impl Value for f32 {}
impl Value for f64 {}

/// `sum softplus(to x) - softplus(from x)` over all `x`, with one logarithm for 512 of them.
///
/// Error: rounding of at most 512 multiplications a block, 6e-14 a block; `max(x, 0)` adds that of a sum.
pub fn softplus_difference<T: Value>(values: &[T], from: f64, to: f64) -> f64 {
    let mut sum = 0.0;
    let mut wide = [0.0_f64; BLOCK];
    for block in values.chunks(BLOCK) {
        let wide = &mut wide[..block.len()];
        for (wide, &value) in wide.iter_mut().zip(block) {
            *wide = value.into();
        }
        sum += difference_of_block(wide, from, to);
    }
    sum
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn difference_of_block(values: &[f64], from: f64, to: f64) -> f64 {
    let (mut linear, mut above, mut below) = ([0.0_f64; LANES], [1.0_f64; LANES], [1.0_f64; LANES]);
    let (rows, rest) = values.as_chunks::<LANES>();
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    for row in rows {
        for lane in 0..LANES {
            let (a, b) = (to * row[lane], from * row[lane]);
            linear[lane] += a.max(0.0) - b.max(0.0);
            above[lane] *= 1.0 + exp_minus_f64(a.abs());
            below[lane] *= 1.0 + exp_minus_f64(b.abs());
        }
    }
    for lane in 0..rest.len() {
        let (a, b) = (to * last[lane], from * last[lane]);
        linear[lane] += a.max(0.0) - b.max(0.0);
        above[lane] *= 1.0 + exp_minus_f64(a.abs());
        below[lane] *= 1.0 + exp_minus_f64(b.abs());
    }
    let ratio = above.iter().product::<f64>() / below.iter().product::<f64>();
    linear.iter().sum::<f64>() + ratio.ln()
}

/// `sum_j softplus(to x_j) - softplus(from x_j)` of some rows of activations `[tiles, rows of a tile]`, for
/// temperatures of at least 0.
///
/// Error: as [`softplus_difference`], and that of the exponential of a small number: a degree-8 Taylor polynomial below
/// 2^-4, 4e-17.
pub(crate) fn of_tiles(
    activations: &[Tile],
    rows_of_a_tile: usize,
    first_row: usize,
    from: f64,
    to: f64,
    out: &mut [f64],
) {
    Isa::current().run(OfTiles { activations, rows_of_a_tile, first_row, from, to, out });
}

struct OfTiles<'a> {
    activations: &'a [Tile],
    rows_of_a_tile: usize,
    first_row: usize,
    from: f64,
    to: f64,
    out: &'a mut [f64],
}

/// Numbers of a tile that advance side by side.
const HALF: usize = LANES / 2;
/// Above it a Taylor polynomial is not good enough.
const SMALL: f64 = 1.0 / 16.0;

impl NullaryFnOnce for OfTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let step = self.to - self.from;
        for (row, out) in self.out.iter_mut().enumerate() {
            let tiles = self.activations.chunks_exact(self.rows_of_a_tile).map(|rows| &rows[self.first_row + row].0);
            let mut largest = [0.0_f32; LANES];
            for tile in tiles.clone() {
                for lane in 0..LANES {
                    largest[lane] = largest[lane].max(tile[lane].abs());
                }
            }
            let largest = largest.iter().fold(0.0_f32, |largest, &x| largest.max(x));
            *out = if step >= 0.0 && step * f64::from(largest) <= SMALL {
                of_row::<true>(tiles, self.from, self.to)
            } else {
                of_row::<false>(tiles, self.from, self.to)
            };
        }
    }
}

/// The difference of one row; with `CLOSE` the temperatures are so close that the second exponential comes of the
/// first.
#[inline(always)]
fn of_row<'a, const CLOSE: bool>(tiles: impl Iterator<Item = &'a [f32; LANES]>, from: f64, to: f64) -> f64 {
    let step = to - from;
    let (mut linear, mut above, mut below) = ([0.0_f64; HALF], [1.0_f64; HALF], [1.0_f64; HALF]);
    let mut logarithm = 0.0;
    for (number, tile) in tiles.enumerate() {
        // By halves, so that everything stays in 16 registers of four numbers.
        for half in tile.as_chunks::<HALF>().0 {
            for lane in 0..HALF {
                let x = f64::from(half[lane]);
                linear[lane] += step * x.max(0.0);
                let e = exp_minus_f64(from * x.abs());
                below[lane] *= 1.0 + e;
                let later = if CLOSE { e * exp_of_small(-step * x.abs()) } else { exp_minus_f64(to * x.abs()) };
                above[lane] *= 1.0 + later;
            }
        }
        if number % (BLOCK / LANES) == BLOCK / LANES - 1 {
            logarithm += (above.iter().product::<f64>() / below.iter().product::<f64>()).ln();
            (above, below) = ([1.0; HALF], [1.0; HALF]);
        }
    }
    let ratio = above.iter().product::<f64>() / below.iter().product::<f64>();
    linear.iter().sum::<f64>() + logarithm + ratio.ln()
}

/// `exp(x)` for `|x| <= 2^-4`, by Taylor's polynomial of degree 8.
#[inline(always)]
fn exp_of_small(x: f64) -> f64 {
    let mut y = 1.0 / 40_320.0;
    for coefficient in [1.0 / 5_040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        y = y * x + coefficient;
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::softplus;

    #[test]
    fn differences_are_those_of_the_definition() {
        for units in [0, 1, 15, 16, 17, 500, 512, 513, 1300] {
            let values: Vec<f64> = (0..units).map(|i| 40.0 * (1.3 * i as f64 + 0.2).sin()).collect();
            for (from, to) in [(0.0, 1.0), (0.3, 0.301), (1.0, 0.5), (1.0, 1.0)] {
                let terms = values.iter().map(|x| softplus(to * x) - softplus(from * x));
                let expected: f64 = terms.sum();
                // A sum of n terms errs by at most n 2^-53 times the sum of their sizes (Higham 2002, equation 4.4):
                // two sums, and as much again for the roundings of each term.
                let sizes: f64 = values.iter().map(|x| softplus(to * x) + softplus(from * x)).sum();
                let bound = 2.0 * units as f64 * f64::EPSILON * sizes;
                let found = softplus_difference(&values, from, to);
                assert!((found - expected).abs() <= bound, "{units} units, {from} to {to}: {found} {expected}");
            }
        }
        let infinite = softplus_difference(&[f32::MAX], 0.5, 1.0);
        assert!((infinite / f64::from(f32::MAX) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn differences_by_tiles_are_those_of_the_definition() {
        for units in [1_usize, 16, 17, 512, 513, 1300] {
            let rows = 5;
            let value = |row: usize, unit: usize| (30.0 * (1.3 * unit as f64 + 0.7 * row as f64).sin()) as f32;
            let tiles: usize = units.div_ceil(LANES);
            let mut activations = vec![Tile::default(); tiles * rows];
            for row in 0..rows {
                for unit in 0..units {
                    activations[unit / LANES * rows + row].0[unit % LANES] = value(row, unit);
                }
            }
            // Steps on both sides of where the polynomial gives way: 30 times them is below and above 2^-4.
            for (from, to) in [(0.3, 0.3001), (0.5, 0.502), (0.5, 0.5022), (0.0, 1.0), (0.9, 0.2)] {
                let mut found = vec![f64::NAN; 3];
                of_tiles(&activations, rows, 1, from, to, &mut found);
                for (row, found) in found.into_iter().enumerate() {
                    let xs = || (0..units).map(|unit| f64::from(value(row + 1, unit)));
                    let expected: f64 = xs().map(|x| softplus(to * x) - softplus(from * x)).sum();
                    // As in the test above; a missing unit's term is softplus(0) - softplus(0).
                    let sizes: f64 = xs().map(|x| softplus(to * x) + softplus(from * x)).sum();
                    let bound = 2.0 * units as f64 * f64::EPSILON * sizes;
                    assert!((found - expected).abs() <= bound, "{units} units, {from} to {to}: {found} {expected}");
                }
            }
        }
    }
}
