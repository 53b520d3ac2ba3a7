//! States as bits.

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
