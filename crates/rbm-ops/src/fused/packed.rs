//! States as bits.

use pulp::NullaryFnOnce;
use rbm_random::Draw;

use crate::isa::Isa;

/// States of 0 and 1, packed: the form in which chains go from step to step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackedStates {
    units: usize,
    /// `[rows, ceil(units / 32)]`, the first unit in the lowest bit; bits beyond the last unit are 0.
    words: Vec<u32>,
}

impl PackedStates {
    /// Takes rows packed as `[rows, ceil(units / 32)]`, the first unit in the lowest bit, bits beyond the last unit 0.
    ///
    /// # Panics
    /// If the words do not make whole rows.
    pub fn from_words(units: usize, words: Vec<u32>) -> Self {
        assert!(words.len().is_multiple_of(units.div_ceil(32)), "the words make whole rows");
        Self { units, words }
    }

    /// Uniform over all states: those of [`bernoulli`](crate::bernoulli) at one half, `[rows, units]`.
    pub fn uniform(rows: usize, units: usize, at: Draw) -> Self {
        let mut words = vec![0; rows * units.div_ceil(32)];
        Isa::current().run(Uniform { units, at, words: &mut words });
        Self { units, words }
    }

    /// Packs `values` `[rows, units]`, row by row: 1 where a value is above one half.
    pub fn pack(units: usize, values: &[f32]) -> Self {
        let width = units.div_ceil(32);
        let mut words = vec![0; values.len() / units * width];
        for (row, values) in values.chunks_exact(units).enumerate() {
            for (unit, &value) in values.iter().enumerate() {
                words[row * width + unit / 32] |= u32::from(value > 0.5) << (unit % 32);
            }
        }
        Self { units, words }
    }

    /// The states as numbers, `[rows, units]`, row by row.
    pub fn unpack(&self) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.rows() * self.units);
        for words in self.words.chunks_exact(self.units.div_ceil(32)) {
            values.extend((0..self.units).map(|unit| (words[unit / 32] >> (unit % 32) & 1) as f32));
        }
        values
    }

    /// The packed rows.
    pub fn words(&self) -> &[u32] {
        &self.words
    }

    pub(super) fn words_mut(&mut self) -> &mut Vec<u32> {
        &mut self.words
    }

    /// The packed rows, and their memory.
    pub fn into_words(self) -> Vec<u32> {
        self.words
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.words.len() / self.units.div_ceil(32).max(1)
    }

    /// Number of units of a row.
    pub fn units(&self) -> usize {
        self.units
    }
}

struct Uniform<'a> {
    units: usize,
    at: Draw,
    words: &'a mut [u32],
}

impl NullaryFnOnce for Uniform<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        /// Blocks of 4 units that fill a packed word.
        const BLOCKS: usize = 8;
        for (row, words) in self.words.chunks_exact_mut(self.units.div_ceil(32).max(1)).enumerate() {
            let at = self.at.at_row(self.at.row + row as u32);
            for (number, packed) in words.iter_mut().enumerate() {
                let drawn = at.words_of_blocks::<BLOCKS>((number * BLOCKS) as u32);
                for block in 0..BLOCKS {
                    for (unit, words) in drawn.iter().enumerate() {
                        // A uniform number is below one half where its first bit is 0.
                        *packed |= (!words[block] >> 31) << (4 * block + unit);
                    }
                }
                let used = (self.units - 32 * number).min(32);
                *packed &= u32::MAX >> (32 - used);
            }
        }
    }
}
