//! From sums to probabilities and states, tile by tile.

use pulp::NullaryFnOnce;
use rbm_random::{Draw, philox_lanes, uniform_f32};

use super::tile::{Tile, UNITS, swapped};
use crate::exponential::sigmoid_f32;
use crate::isa::Isa;

/// Rows that are drawn together: four Philox blocks of each fill 16 lanes.
pub(super) const ROWS: usize = 4;
/// Philox blocks of a tile.
const BLOCKS: usize = UNITS / 4;

/// Replaces sums by probabilities, `sigmoid(sum + bias)`; zero where `mask` is.
pub(super) fn probabilities(sums: &mut [Tile], bias: &Tile, mask: &Tile) {
    Isa::current().run(Probabilities { sums, bias, mask });
}

struct Probabilities<'a> {
    sums: &'a mut [Tile],
    bias: &'a Tile,
    mask: &'a Tile,
}

impl NullaryFnOnce for Probabilities<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for sum in self.sums {
            for unit in 0..UNITS {
                sum.0[unit] = sigmoid_f32(sum.0[unit] + self.bias.0[unit]) * self.mask.0[unit];
            }
        }
    }
}

/// Draws the states of a tile's units, in rows from `at.row` on, from sums, which become probabilities if `KEEP`.
///
/// `sums` holds a multiple of [`ROWS`] rows; what lies beyond the rows of `states` is scratch. `used` has a bit for each
/// unit that there is.
pub(super) fn draw<const KEEP: bool>(
    sums: &mut [Tile],
    (bias, mask): (&Tile, &Tile),
    at: Draw,
    tile: usize,
    used: u16,
    states: &mut [u16],
) {
    Isa::current().run(DrawStates::<KEEP> { sums, bias, mask, at, tile, used, states });
}

struct DrawStates<'a, const KEEP: bool> {
    sums: &'a mut [Tile],
    bias: &'a Tile,
    mask: &'a Tile,
    at: Draw,
    tile: usize,
    used: u16,
    states: &'a mut [u16],
}

/// The bit of a tile's word for the unit at each position.
const BITS: [u32; UNITS] = {
    let mut bits = [0; UNITS];
    let mut position = 0;
    while position < UNITS {
        bits[position] = 1 << swapped(position);
        position += 1;
    }
    bits
};

impl<const KEEP: bool> NullaryFnOnce for DrawStates<'_, KEEP> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        const LANES: usize = ROWS * BLOCKS;
        let [step, stream] = self.at.step_words();
        let first_block = (self.tile * BLOCKS) as u32;
        let (groups, _) = self.sums.as_chunks_mut::<ROWS>();
        for (group, (sums, states)) in groups.iter_mut().zip(self.states.chunks_mut(ROWS)).enumerate() {
            let first_row = self.at.row.wrapping_add((group * ROWS) as u32);
            let mut blocks = [0; LANES];
            let mut rows = [0; LANES];
            for lane in 0..LANES {
                blocks[lane] = first_block + (lane % BLOCKS) as u32;
                rows[lane] = first_row.wrapping_add((lane / BLOCKS) as u32);
            }
            let words = philox_lanes([blocks, rows, [step; LANES], [stream; LANES]], self.at.key());
            for (row, state) in states.iter_mut().enumerate().take(ROWS) {
                let mut random = [0_u32; UNITS];
                for word in 0..4 {
                    random[BLOCKS * word..][..BLOCKS].copy_from_slice(&words[word][BLOCKS * row..][..BLOCKS]);
                }
                let sum = &mut sums[row].0;
                let mut drawn = 0;
                for unit in 0..UNITS {
                    let p = sigmoid_f32(sum[unit] + self.bias.0[unit]);
                    drawn |= if uniform_f32(random[unit]) < p { BITS[unit] } else { 0 };
                    if KEEP {
                        sum[unit] = p * self.mask.0[unit];
                    }
                }
                *state = drawn as u16 & self.used;
            }
        }
    }
}
