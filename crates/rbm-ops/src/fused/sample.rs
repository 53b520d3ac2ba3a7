//! From sums to probabilities and states, tile by tile.

use pulp::NullaryFnOnce;
use rbm_random::{Draw, philox_lanes, uniform_f32};

use super::tile::{Tile, UNITS, swapped};
use crate::exponential::{sigmoid_f32, sigmoid_quotient_f32};
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

/// Adds a bias to sums.
pub(super) fn add_bias(sums: &mut [Tile], bias: &Tile) {
    Isa::current().run(AddBias { sums, bias });
}

struct AddBias<'a> {
    sums: &'a mut [Tile],
    bias: &'a Tile,
}

impl NullaryFnOnce for AddBias<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for sum in self.sums {
            for unit in 0..UNITS {
                sum.0[unit] += self.bias.0[unit];
            }
        }
    }
}

/// What becomes of a row's sums before states are drawn.
pub(super) trait Input {
    /// The activations of a row, of its sums.
    fn activations(&self, sums: &[f32; UNITS]) -> [f32; UNITS];

    /// Takes the row's probabilities, as quotients.
    fn keep(&self, _numerators: [f32; UNITS], _denominators: [f32; UNITS], _sums: &mut [f32; UNITS]) {}
}

/// Activations `sum + bias`; the probabilities take the place of the sums, zero where `mask` is.
pub(super) struct Kept<'a> {
    pub(super) bias: &'a Tile,
    pub(super) mask: &'a Tile,
}

impl Input for Kept<'_> {
    #[inline(always)]
    fn activations(&self, sums: &[f32; UNITS]) -> [f32; UNITS] {
        Scaled { scale: 1.0, bias: self.bias }.activations(sums)
    }

    #[inline(always)]
    fn keep(&self, numerators: [f32; UNITS], denominators: [f32; UNITS], sums: &mut [f32; UNITS]) {
        for unit in 0..UNITS {
            sums[unit] = numerators[unit] / denominators[unit] * self.mask.0[unit];
        }
    }
}

/// Activations `scale x sum + bias`; the sums stay.
pub(super) struct Scaled<'a> {
    pub(super) scale: f32,
    pub(super) bias: &'a Tile,
}

impl Input for Scaled<'_> {
    #[inline(always)]
    fn activations(&self, sums: &[f32; UNITS]) -> [f32; UNITS] {
        let mut activations = [0.0; UNITS];
        for unit in 0..UNITS {
            activations[unit] = self.scale * sums[unit] + self.bias.0[unit];
        }
        activations
    }
}

/// Draws the states of a tile's units, in rows from `at.row` on.
///
/// `sums` holds a multiple of [`ROWS`] rows; what lies beyond the rows of `states` is scratch. `used` has a bit for
/// each unit that there is.
pub(super) fn states(sums: &mut [Tile], input: impl Input, at: Draw, tile: usize, used: u16, states: &mut [u16]) {
    Isa::current().run(DrawStates { sums, input, at, tile, used, states });
}

struct DrawStates<'a, I> {
    sums: &'a mut [Tile],
    input: I,
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

impl<I: Input> NullaryFnOnce for DrawStates<'_, I> {
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
                let activations = self.input.activations(sum);
                let (mut numerators, mut denominators) = ([0.0; UNITS], [0.0; UNITS]);
                let mut drawn = 0;
                for unit in 0..UNITS {
                    let (numerator, denominator) = sigmoid_quotient_f32(activations[unit]);
                    // The comparison with the quotient, without a division.
                    let on = uniform_f32(random[unit]) * denominator < numerator;
                    drawn |= if on { BITS[unit] } else { 0 };
                    (numerators[unit], denominators[unit]) = (numerator, denominator);
                }
                self.input.keep(numerators, denominators, sum);
                *state = drawn as u16 & self.used;
            }
        }
    }
}
