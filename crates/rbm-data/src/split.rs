//! The rows of one part of a data set, as training and evaluation see them.

use std::sync::Arc;

use rbm_random::{Draw, Stream};

use crate::rows::{BitRows, Grey};

/// The rows of one part of a data set: bits, or grey values with the way they become states.
#[derive(Clone, Debug)]
pub struct Split {
    pub(crate) rows: Rows,
    pub(crate) labels: Option<Vec<u32>>,
}

/// Storage of a split.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    /// The same states in every epoch.
    Bits(BitRows),
    /// Grey values; the store is shared between splits, each of which lists its rows.
    Grey {
        store: Arc<Grey>,
        units: usize,
        index: Vec<u32>,
        /// States drawn anew each epoch; the values themselves if absent.
        draw: Option<EachEpoch>,
    },
}

/// What the draws of each epoch are keyed by, beside epoch and unit: the row's number in its file is added to `first`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EachEpoch {
    pub(crate) seed: u64,
    pub(crate) first: u32,
}

impl EachEpoch {
    /// Where the states of a row, by its number in the store, are drawn.
    fn at(self, epoch: u32, row: u32) -> Draw {
        let stream = Stream::BinarizationEachEpoch;
        Draw { seed: self.seed, stream, step: u64::from(epoch), row: self.first + row }
    }
}

impl Split {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Bits(bits) => bits.len(),
            Rows::Grey { index, .. } => index.len(),
        }
    }

    /// Whether there are no rows; a loaded split has some.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of visible units.
    pub fn visible(&self) -> usize {
        match &self.rows {
            Rows::Bits(bits) => bits.units(),
            Rows::Grey { units, .. } => *units,
        }
    }

    /// The rows' class numbers, if the source has any.
    pub fn labels(&self) -> Option<&[u32]> {
        self.labels.as_deref()
    }

    /// Whether rows are kept as bits, the same in every epoch.
    pub fn is_binary(&self) -> bool {
        matches!(self.rows, Rows::Bits(_))
    }

    /// Writes rows as `[rows.len(), visible]`: states, or grey values under `binarization = "none"`.
    ///
    /// Under `"each-epoch"` the states are drawn by (`data.seed`, epoch, row, unit) alone, so batches may be cut
    /// anyhow.
    ///
    /// # Panics
    /// If `out` has another size or a row is not there.
    pub fn batch(&self, rows: &[u32], epoch: u32, out: &mut [f32]) {
        let visible = self.visible();
        assert_eq!(out.len(), rows.len() * visible, "the batch has shape [rows, visible]");
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(visible)) {
            self.write(row as usize, epoch, out);
        }
    }

    /// Whether rows are states in every epoch, not grey values.
    pub fn has_states(&self) -> bool {
        !matches!(self.rows, Rows::Grey { draw: None, .. })
    }

    /// The states that [`Self::batch`] gives, packed as `[rows.len(), ceil(visible / 32)]`, in place of what `out`
    /// held.
    ///
    /// # Panics
    /// If rows are grey values ([`Self::has_states`]), or a row is not there.
    pub fn packed_batch(&self, rows: &[u32], epoch: u32, out: &mut Vec<u32>) {
        let width = self.visible().div_ceil(32);
        out.clear();
        out.resize(rows.len() * width, 0);
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(width)) {
            match &self.rows {
                Rows::Bits(bits) => {
                    for (out, word) in out.chunks_mut(2).zip(bits.row(row as usize)) {
                        out.iter_mut().enumerate().for_each(|(half, out)| *out = (word >> (32 * half)) as u32);
                    }
                }
                Rows::Grey { draw: None, .. } => panic!("grey values are no states: ask `has_states` first"),
                Rows::Grey { store, units, index, draw: Some(draw) } => {
                    let values = index[row as usize] as usize * units;
                    states(
                        draw.at(epoch, index[row as usize]),
                        *units,
                        |unit| store.at(values + unit),
                        |unit, state| {
                            out[unit / 32] |= u32::from(state) << (unit % 32);
                        },
                    );
                }
            }
        }
    }

    /// Writes one row as evaluation sees it: states, under `"each-epoch"` those of epoch 0, or grey values.
    ///
    /// # Panics
    /// If `out` has another size than the row, or the row is not there.
    pub fn row(&self, row: usize, out: &mut [f64]) {
        assert_eq!(out.len(), self.visible(), "the row has shape [visible]");
        self.write(row, 0, out);
    }

    fn write<T: From<u8> + From<f32>>(&self, row: usize, epoch: u32, out: &mut [T]) {
        match &self.rows {
            Rows::Bits(bits) => bits.unpack(row, out),
            Rows::Grey { store, units, index, draw: None } => {
                let first = index[row] as usize * units;
                out.iter_mut().enumerate().for_each(|(unit, out)| *out = T::from(store.at(first + unit)));
            }
            Rows::Grey { store, units, index, draw: Some(draw) } => {
                let values = index[row] as usize * units;
                states(
                    draw.at(epoch, index[row]),
                    *units,
                    |unit| store.at(values + unit),
                    |unit, state| out[unit] = T::from(u8::from(state)),
                );
            }
        }
    }

    /// The units of a binary row that are 1, ascending.
    ///
    /// # Panics
    /// If the split is not binary or the row is not there.
    pub fn ones(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let Rows::Bits(bits) = &self.rows else { panic!("only binary rows have ones: ask `is_binary` first") };
        bits.ones(row)
    }

    /// The bits of a binary row, 64 units a word from the lowest bit on, the bits beyond the last unit 0.
    pub fn bits(&self, row: usize) -> Option<&[u64]> {
        match &self.rows {
            Rows::Bits(bits) => Some(bits.row(row)),
            Rows::Grey { .. } => None,
        }
    }

    /// The mean of each unit over the rows, shape `[visible]`; under `"each-epoch"` that of the grey values.
    pub fn mean(&self) -> Vec<f64> {
        let mut sum = vec![0.0; self.visible()];
        match &self.rows {
            Rows::Bits(bits) => sum = bits.counts().into_iter().map(f64::from).collect(),
            Rows::Grey { store, units, index, .. } => {
                for &row in index {
                    let first = row as usize * units;
                    sum.iter_mut().enumerate().for_each(|(unit, sum)| *sum += store.precise(first + unit));
                }
            }
        }
        let rows = self.len() as f64;
        sum.into_iter().map(|sum| sum / rows).collect()
    }

    /// The first `rows` rows, or all if there are fewer.
    #[must_use]
    pub fn head(&self, rows: usize) -> Self {
        let rows = rows.min(self.len());
        let labels = self.labels.as_ref().map(|labels| labels[..rows].to_vec());
        let rows = match &self.rows {
            Rows::Bits(bits) => Rows::Bits(bits.head(rows)),
            Rows::Grey { store, units, index, draw } => {
                Rows::Grey { store: store.clone(), units: *units, index: index[..rows].to_vec(), draw: *draw }
            }
        };
        Self { rows, labels }
    }
}

/// Draws the states of a row: unit by unit, one with the unit's probability.
pub(crate) fn states(at: Draw, units: usize, probability: impl Fn(usize) -> f32, mut set: impl FnMut(usize, bool)) {
    const BLOCKS: usize = 8; // computed side by side, in the lanes of a vector register
    for first in (0..units.div_ceil(4)).step_by(BLOCKS) {
        let words = at.words_of_blocks::<BLOCKS>(first as u32);
        for unit in 4 * first..units.min(4 * (first + BLOCKS)) {
            set(unit, rbm_random::uniform_f32(words[unit % 4][unit / 4 - first]) < probability(unit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packed_batches_are_batches(units in 1_usize..140, rows in 1_usize..5, epoch in 0_u32..3, drawn in any::<bool>()) {
            let grey: Vec<u8> = (0..rows * units).map(|at| (at * 97 % 256) as u8).collect();
            let kept = if drawn {
                let draw = Some(EachEpoch { seed: 9, first: 3 });
                Rows::Grey { store: Arc::new(Grey::Bytes(grey)), units, index: (0..rows as u32).collect(), draw }
            } else {
                let mut bits = BitRows::with_capacity(rows, units);
                (0..rows).for_each(|row| bits.push(|unit| grey[row * units + unit] > 127));
                Rows::Bits(bits)
            };
            let split = Split { rows: kept, labels: None };
            let order: Vec<u32> = (0..rows as u32).rev().collect();
            let mut values = vec![9.0_f32; rows * units];
            split.batch(&order, epoch, &mut values);
            let mut words = vec![7; 3];
            split.packed_batch(&order, epoch, &mut words);
            let width = units.div_ceil(32);
            prop_assert_eq!(words.len(), rows * width);
            for (row, values) in values.chunks(units).enumerate() {
                for unit in 0..32 * width {
                    let bit = words[row * width + unit / 32] >> (unit % 32) & 1;
                    prop_assert_eq!(bit as f32, values.get(unit).copied().unwrap_or(0.0));
                }
            }
        }
    }
}
