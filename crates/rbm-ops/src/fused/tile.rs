//! Tiles of 16 units: what the loops of the fused kernels work on.

use std::ops::Range;

use pulp::NullaryFnOnce;

use crate::isa::Isa;

/// Units of a tile.
pub(super) const UNITS: usize = 16;

/// One number for each unit of a tile, on a cache line of its own.
///
/// Position `4 w + b` holds unit `4 b + w`: word `w` of Philox block `b` is that unit's, and so four blocks of random
/// words meet their units without a shuffle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Tile(pub(crate) [f32; UNITS]);

/// The unit at a position, and the position of a unit: the transposition of a 4 x 4 square, its own inverse.
#[inline(always)]
pub(super) const fn swapped(position: usize) -> usize {
    position % 4 * 4 + position / 4
}

/// States of `rows` rows, by tiles of units: bit `i` of a tile's word for a row is the tile's unit `i`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) units: usize,
    pub(super) rows: usize,
    /// `[tiles, rows]`; bits beyond the last unit are 0.
    pub(super) words: Vec<u16>,
}

impl Bits {
    /// All zero, in the memory of `self`.
    pub(super) fn reset(&mut self, rows: usize, units: usize) {
        (self.units, self.rows) = (units, rows);
        self.words.clear();
        self.words.resize(units.div_ceil(UNITS) * rows, 0);
    }

    /// Takes rows packed as `[rows, ceil(units / 32)]`, the first unit in the lowest bit.
    pub(super) fn unpack(&mut self, rows: usize, units: usize, packed: &[u32]) {
        self.reset(rows, units);
        let width = units.div_ceil(32);
        for (tile, words) in self.words.chunks_exact_mut(rows.max(1)).enumerate() {
            for (row, word) in words.iter_mut().enumerate() {
                *word = (packed[row * width + tile / 2] >> (16 * (tile % 2))) as u16;
            }
        }
    }

    /// Writes rows packed as `[rows, ceil(units / 32)]`.
    pub(super) fn pack(&self, packed: &mut Vec<u32>) {
        let width = self.units.div_ceil(32);
        packed.clear();
        packed.resize(self.rows * width, 0);
        for (tile, words) in self.words.chunks_exact(self.rows.max(1)).enumerate() {
            for (row, &word) in words.iter().enumerate() {
                packed[row * width + tile / 2] |= u32::from(word) << (16 * (tile % 2));
            }
        }
    }

    /// The states of a tile's units, row by row.
    pub(super) fn tile(&self, tile: usize) -> &[u16] {
        &self.words[tile * self.rows..][..self.rows]
    }

    /// Number of tiles.
    pub(super) fn tiles(&self) -> usize {
        self.units.div_ceil(UNITS)
    }

    /// Number of ones.
    pub(super) fn ones(&self) -> usize {
        Isa::current().run(CountOnes(&self.words))
    }

    /// For each row, the number of its ones among the units of some tiles.
    pub(super) fn ones_of_rows(&self, tiles: Range<usize>) -> Vec<u32> {
        let mut counts = vec![0; self.rows];
        let words = &self.words[tiles.start * self.rows..tiles.end * self.rows];
        Isa::current().run(CountOnesOfRows { words, counts: &mut counts });
        counts
    }

    /// Rows and units exchanged: as the units of `out`, whose rows are our units, from tile `first_tile` on.
    pub(super) fn transpose_into(&self, out: &mut Self, first_tile: usize) {
        Isa::current().run(TransposeBits { from: self, to: out, first_tile });
    }
}

struct CountOnes<'a>(&'a [u16]);

impl NullaryFnOnce for CountOnes<'_> {
    type Output = usize;

    #[inline(always)]
    fn call(self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
}

struct CountOnesOfRows<'a> {
    words: &'a [u16],
    counts: &'a mut [u32],
}

impl NullaryFnOnce for CountOnesOfRows<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for words in self.words.chunks_exact(self.counts.len().max(1)) {
            self.counts.iter_mut().zip(words).for_each(|(count, word)| *count += word.count_ones());
        }
    }
}

struct TransposeBits<'a> {
    from: &'a Bits,
    to: &'a mut Bits,
    first_tile: usize,
}

impl NullaryFnOnce for TransposeBits<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let units = self.from.units;
        for (from, words) in self.from.words.chunks_exact(self.from.rows.max(1)).enumerate() {
            for (to, words) in words.chunks(UNITS).enumerate() {
                let mut square = [0; UNITS];
                square[..words.len()].copy_from_slice(words);
                let square = transposed(square);
                let first = (self.first_tile + to) * units + from * UNITS;
                let count = UNITS.min(units - from * UNITS);
                self.to.words[first..first + count].copy_from_slice(&square[..count]);
            }
        }
    }
}

/// A square of 16 x 16 bits with rows and columns exchanged, in four words of four rows each: by single rows and by
/// pairs within a word, by fours and by eights between words (Warren 2013, section 7-3).
#[inline(always)]
fn transposed(square: [u16; UNITS]) -> [u16; UNITS] {
    let mut words: [u64; 4] =
        std::array::from_fn(|word| (0..4).fold(0, |all, row| all | u64::from(square[4 * word + row]) << (16 * row)));
    for word in &mut words {
        for (distance, mask) in [(15, 0x0000_aaaa_0000_aaaa_u64), (30, 0x0000_0000_cccc_cccc)] {
            let swap = (*word ^ (*word >> distance)) & mask;
            *word ^= swap ^ (swap << distance);
        }
    }
    for (pairs, shift, mask) in
        [([(0, 1), (2, 3)], 4, 0x0f0f_0f0f_0f0f_0f0f), ([(0, 2), (1, 3)], 8, 0x00ff_00ff_00ff_00ff)]
    {
        for (low, high) in pairs {
            let swap = ((words[low] >> shift) ^ words[high]) & mask;
            words[low] ^= swap << shift;
            words[high] ^= swap;
        }
    }
    std::array::from_fn(|row| (words[row / 4] >> (16 * (row % 4))) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_bits(rows: usize, units: usize) -> (Bits, impl Fn(usize, usize) -> bool) {
        let on = move |row: usize, unit: usize| (row * 31 + unit * 17 + row * unit) % 5 < 2;
        let width = units.div_ceil(32);
        let mut packed = vec![0_u32; rows * width];
        for row in 0..rows {
            (0..units)
                .filter(|&unit| on(row, unit))
                .for_each(|unit| packed[row * width + unit / 32] |= 1 << (unit % 32));
        }
        let mut bits = Bits::default();
        bits.unpack(rows, units, &packed);
        let mut again = Vec::new();
        bits.pack(&mut again);
        assert_eq!(again, packed);
        (bits, on)
    }

    #[test]
    fn packing_and_transposing_keep_every_state() {
        for (rows, units) in [(1, 1), (3, 16), (16, 3), (17, 33), (100, 784), (31, 65)] {
            let (bits, on) = some_bits(rows, units);
            let state = |bits: &Bits, row: usize, unit: usize| bits.tile(unit / UNITS)[row] >> (unit % UNITS) & 1 == 1;
            let mut turned = Bits::default();
            turned.reset(units, rows);
            bits.transpose_into(&mut turned, 0);
            for row in 0..rows {
                for unit in 0..units {
                    assert_eq!(state(&bits, row, unit), on(row, unit));
                    assert_eq!(state(&turned, unit, row), on(row, unit), "{rows} x {units}: {row} {unit}");
                }
            }
            let mut back = Bits::default();
            back.reset(rows, units);
            turned.transpose_into(&mut back, 0);
            assert_eq!(back, bits, "bits beyond the last unit stay 0");
        }
    }

    #[test]
    fn positions_and_units_exchange() {
        assert_eq!((swapped(0), swapped(1), swapped(4), swapped(15)), (0, 4, 1, 15));
        assert!((0..UNITS).all(|position| swapped(swapped(position)) == position));
    }
}
