//! Storage of rows: bits, or grey values.

use crate::element::is_state;

/// Binary rows, 64 units a word; a row begins at a word, and the bits after its last unit are 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BitRows {
    units: usize,
    words: Vec<u64>,
}

/// Times eight bytes that are 0 or 1, it has the byte of number `i` as bit `i` of its highest byte.
const GATHER: u64 = 0x0102_0408_1020_4080;

impl BitRows {
    /// No rows yet, room for `rows`.
    pub(crate) fn with_capacity(rows: usize, units: usize) -> Self {
        Self { units, words: Vec::with_capacity(rows * units.div_ceil(64)) }
    }

    pub(crate) fn units(&self) -> usize {
        self.units
    }

    pub(crate) fn words_per_row(&self) -> usize {
        self.units.div_ceil(64)
    }

    pub(crate) fn len(&self) -> usize {
        self.words.len() / self.words_per_row()
    }

    /// Adds a row: `state(unit)` for each unit in order.
    pub(crate) fn push(&mut self, mut state: impl FnMut(usize) -> bool) {
        for first in (0..self.units).step_by(64) {
            let end = self.units.min(first + 64);
            self.words.push((first..end).fold(0, |word, unit| word | u64::from(state(unit)) << (unit - first)));
        }
    }

    /// Adds a row: a unit is 1 where its byte is at least `least`.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8], least: u8) {
        debug_assert_eq!(bytes.len(), self.units, "one byte a unit");
        for bytes in bytes.chunks(64) {
            let mut word = 0;
            for (index, eight) in bytes.chunks(8).enumerate() {
                let mut flags = [0; 8];
                flags.iter_mut().zip(eight).for_each(|(flag, &byte)| *flag = u8::from(byte >= least));
                word |= (u64::from_le_bytes(flags).wrapping_mul(GATHER) >> 56) << (8 * index);
            }
            self.words.push(word);
        }
    }

    /// The words of a row.
    pub(crate) fn row(&self, row: usize) -> &[u64] {
        let width = self.words_per_row();
        &self.words[row * width..(row + 1) * width]
    }

    /// The units of a row that are 1, ascending.
    pub(crate) fn ones(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        self.row(row).iter().enumerate().flat_map(|(index, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    64 * index + bit
                })
            })
        })
    }

    /// How many rows have a 1 at each unit.
    pub(crate) fn counts(&self) -> Vec<u32> {
        const PLANES: usize = 8;
        let width = self.words_per_row();
        let mut counts = vec![0; self.units];
        // Binary counters of all units side by side: plane `p` holds bit `p` of each, so that a row is added in a few
        // operations on words.
        let mut planes = vec![0_u64; PLANES * width];
        let mut carries = vec![0; width];
        for rows in self.words.chunks(width * ((1 << PLANES) - 1)) {
            planes.fill(0);
            for row in rows.chunks_exact(width) {
                carries.copy_from_slice(row);
                for plane in planes.chunks_exact_mut(width) {
                    for (bits, carry) in plane.iter_mut().zip(&mut carries) {
                        (*bits, *carry) = (*bits ^ *carry, *bits & *carry);
                    }
                }
            }
            for (unit, count) in counts.iter_mut().enumerate() {
                for (power, plane) in planes.chunks_exact(width).enumerate() {
                    *count += ((plane[unit / 64] >> (unit % 64) & 1) as u32) << power;
                }
            }
        }
        counts
    }

    /// Writes a row as 0 and 1.
    pub(crate) fn unpack<T: From<u8>>(&self, row: usize, out: &mut [T]) {
        for (out, word) in out.chunks_mut(64).zip(self.row(row)) {
            for (bit, out) in out.iter_mut().enumerate() {
                *out = T::from((word >> bit & 1) as u8);
            }
        }
    }

    /// Replaces every state by its opposite.
    pub(crate) fn invert(&mut self) {
        let (units, width) = (self.units, self.words_per_row());
        for row in self.words.chunks_exact_mut(width) {
            for (index, word) in row.iter_mut().enumerate() {
                let used = (units - 64 * index).min(64);
                *word = !*word & (u64::MAX >> (64 - used));
            }
        }
    }

    /// The rows at these places, in this order.
    pub(crate) fn select(&self, rows: &[u32]) -> Self {
        let mut words = Vec::with_capacity(rows.len() * self.words_per_row());
        rows.iter().for_each(|&row| words.extend_from_slice(self.row(row as usize)));
        Self { units: self.units, words }
    }

    /// The first rows.
    pub(crate) fn head(&self, rows: usize) -> Self {
        Self { units: self.units, words: self.words[..rows * self.words_per_row()].to_vec() }
    }
}

/// Grey values in `[0, 1]`, row after row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Grey {
    /// A value is `byte / 255`.
    Bytes(Vec<u8>),
    /// Values as they are.
    Floats(Vec<f32>),
}

impl Grey {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bytes(values) => values.len(),
            Self::Floats(values) => values.len(),
        }
    }

    /// The value at a place.
    pub(crate) fn at(&self, index: usize) -> f32 {
        match self {
            Self::Bytes(values) => f32::from(values[index]) / 255.0,
            Self::Floats(values) => values[index],
        }
    }

    /// The value at a place without the rounding of `byte / 255` to f32.
    pub(crate) fn precise(&self, index: usize) -> f64 {
        match self {
            Self::Bytes(values) => Self::value_of(values[index]),
            Self::Floats(values) => f64::from(values[index]),
        }
    }

    /// The value that a byte stands for.
    pub(crate) fn value_of(byte: u8) -> f64 {
        f64::from(byte) / 255.0
    }

    /// Whether every value is 0 or 1.
    pub(crate) fn is_binary(&self) -> bool {
        match self {
            Self::Bytes(values) => values.iter().all(|&byte| byte == 0 || byte == 255),
            Self::Floats(values) => values.iter().all(|&value| is_state(f64::from(value))),
        }
    }

    /// Replaces every value `x` by `1 - x`.
    pub(crate) fn invert(&mut self) {
        match self {
            Self::Bytes(values) => values.iter_mut().for_each(|byte| *byte = 255 - *byte),
            Self::Floats(values) => values.iter_mut().for_each(|value| *value = 1.0 - *value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_go_beyond_what_a_set_of_planes_holds() {
        let mut rows = BitRows::with_capacity(1000, 70);
        (0..1000).for_each(|row| rows.push(|unit| unit == 69 || row % (unit + 1) == 0));
        let counts = rows.counts();
        assert_eq!((counts[0], counts[1], counts[6], counts[69]), (1000, 500, 143, 1000));
    }

    proptest! {
        #[test]
        fn packing_and_unpacking_give_the_same_rows(units in 1_usize..200, rows in 1_usize..6, seed in any::<u64>()) {
            let state = |row: usize, unit: usize| (seed.rotate_left((7 * row + unit) as u32) ^ unit as u64).is_multiple_of(3);
            let mut packed = BitRows::with_capacity(rows, units);
            (0..rows).for_each(|row| packed.push(|unit| state(row, unit)));
            prop_assert_eq!(packed.len(), rows);
            let mut inverted = packed.clone();
            inverted.invert();
            for row in 0..rows {
                let mut out = vec![9.0_f32; units];
                packed.unpack(row, &mut out);
                let expected: Vec<f32> = (0..units).map(|unit| if state(row, unit) { 1.0 } else { 0.0 }).collect();
                prop_assert_eq!(&out, &expected);
                let ones: Vec<usize> = (0..units).filter(|&unit| state(row, unit)).collect();
                prop_assert_eq!(packed.ones(row).collect::<Vec<_>>(), ones.clone());
                prop_assert_eq!(inverted.ones(row).count(), units - ones.len());
            }
            inverted.invert();
            prop_assert_eq!(&inverted, &packed);
            let mut of_bytes = BitRows::with_capacity(rows, units);
            for row in 0..rows {
                let bytes: Vec<u8> = (0..units).map(|unit| if state(row, unit) { 200 } else { 199 }).collect();
                of_bytes.push_bytes(&bytes, 200);
            }
            prop_assert_eq!(&of_bytes, &packed);
            let ones = |unit| (0..rows).filter(|&row| state(row, unit)).count() as u32;
            prop_assert_eq!(packed.counts(), (0..units).map(ones).collect::<Vec<_>>());
            let last = rows as u32 - 1;
            let (selected, head) = (packed.select(&[last, 0]), packed.head(1));
            prop_assert_eq!(selected.row(0), packed.row(rows - 1));
            prop_assert_eq!(head.row(0), packed.row(0));
        }
    }
}
