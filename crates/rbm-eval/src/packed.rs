//! Rows of states as bits, for distances and for counts of pairs.

use rbm_data::Split;

use crate::Error;

/// Rows of states, 64 units a word; a row begins at a word, and the bits after its last unit are 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackedRows {
    units: usize,
    words: Vec<u64>,
}

impl PackedRows {
    /// Packs `states` `[rows, units]`, each 0 or 1.
    ///
    /// # Errors
    /// With fewer than 2 rows, values that do not make whole rows, or values that are no states.
    pub(crate) fn of_states(states: &[u8], units: usize) -> Result<Self, Error> {
        let whole = units > 0 && states.len() >= 2 * units && states.len().is_multiple_of(units);
        if !whole || states.iter().any(|&state| state > 1) {
            return Err(Error::Samples { values: states.len(), visible: units });
        }
        let mut packed = Self { units, words: Vec::with_capacity(states.len() / units * units.div_ceil(64)) };
        states.chunks_exact(units).for_each(|row| packed.push(|unit| row[unit] == 1));
        Ok(packed)
    }

    /// The rows of a split as evaluation sees them.
    ///
    /// # Errors
    /// When they are grey values, or there are none.
    pub(crate) fn of_split(split: &Split) -> Result<Self, Error> {
        let (units, rows) = (split.visible(), split.len());
        if rows == 0 {
            return Err(Error::NoRows);
        }
        let mut packed = Self { units, words: Vec::with_capacity(rows * units.div_ceil(64)) };
        let mut values = vec![0.0; units];
        for row in 0..rows {
            if let Some(bits) = split.bits(row) {
                packed.words.extend_from_slice(bits);
                continue;
            }
            split.row(row, &mut values);
            if values.iter().any(|&value| value != 0.0 && value != 1.0) {
                return Err(Error::GreyRows);
            }
            packed.push(|unit| values[unit] == 1.0);
        }
        Ok(packed)
    }

    fn push(&mut self, state: impl Fn(usize) -> bool) {
        for first in (0..self.units).step_by(64) {
            let units = first..self.units.min(first + 64);
            self.words.push(units.fold(0, |word, unit| word | u64::from(state(unit)) << (unit - first)));
        }
    }

    /// Units of a row.
    pub(crate) fn units(&self) -> usize {
        self.units
    }

    /// Words of a row.
    pub(crate) fn width(&self) -> usize {
        self.units.div_ceil(64)
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.words.len() / self.width()
    }

    /// The words of a row.
    pub(crate) fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.width()..][..self.width()]
    }

    /// All words, row by row.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The rows at these places, in this order.
    pub(crate) fn select(&self, rows: impl Iterator<Item = usize>) -> Self {
        Self { units: self.units, words: rows.flat_map(|row| self.row(row)).copied().collect() }
    }

    /// The same states with units as rows: a bit for each row.
    pub(crate) fn transposed(&self) -> Self {
        let rows = self.len();
        let mut transposed = Self { units: rows, words: vec![0; self.units * rows.div_ceil(64)] };
        let width = transposed.width();
        for (row, words) in self.words.chunks_exact(self.width()).enumerate() {
            for (index, &word) in words.iter().enumerate() {
                let mut left = word;
                while left != 0 {
                    let unit = 64 * index + left.trailing_zeros() as usize;
                    transposed.words[unit * width + row / 64] |= 1 << (row % 64);
                    left &= left - 1;
                }
            }
        }
        transposed
    }
}

/// Units in which two rows differ.
#[inline(always)]
pub(crate) fn distance(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}
