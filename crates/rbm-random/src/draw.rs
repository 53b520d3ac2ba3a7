//! Draws by position.

use crate::{Stream, philox, philox_lanes};

/// Where a row of draws stands: seed, purpose, step and row; a unit's number completes it.
///
/// Philox key = `seed`; counter = `[unit / 4, row, low half of step, stream + 256 x high half of step]`, word =
/// `unit % 4`. Steps reach 2^56 before two positions could meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Seed of the run or of the data.
    pub seed: u64,
    /// What the draw is for.
    pub stream: Stream,
    /// Which step of that purpose.
    pub step: u64,
    /// Row of the tensor's first row, so that a batch may be split.
    pub row: u32,
}

impl Draw {
    /// The Philox key: low and high half of the seed.
    #[inline]
    pub fn key(self) -> [u32; 2] {
        [self.seed as u32, (self.seed >> 32) as u32]
    }

    /// The counter's last two words: the step, and the stream with the step's high bits.
    #[inline]
    pub fn step_words(self) -> [u32; 2] {
        [self.step as u32, (self.stream as u32).wrapping_add(((self.step >> 32) as u32) << 8)]
    }

    /// The four words of units `4 block .. 4 block + 4` of this row.
    #[inline]
    pub fn words(self, block: u32) -> [u32; 4] {
        let [step, stream] = self.step_words();
        philox([block, self.row, step, stream], self.key())
    }

    /// The words of `L` blocks from `first_block` on, as `[word][block]`.
    #[inline(always)]
    pub fn words_of_blocks<const L: usize>(self, first_block: u32) -> [[u32; L]; 4] {
        let [step, stream] = self.step_words();
        let blocks = std::array::from_fn(|lane| first_block.wrapping_add(lane as u32));
        philox_lanes([blocks, [self.row; L], [step; L], [stream; L]], self.key())
    }

    /// The uniform number of one unit, in `(0, 1)`.
    #[inline]
    pub fn uniform(self, unit: u32) -> f32 {
        uniform_f32(self.words(unit / 4)[(unit % 4) as usize])
    }

    /// The same position in another row.
    #[inline]
    #[must_use]
    pub fn at_row(self, row: u32) -> Self {
        Self { row, ..self }
    }
}

/// A uniform number from the top 24 bits, `(n + 1/2) / 2^24` in f32: never below 2^-25, never 1, so that
/// `u < p` never holds at p = 0 and always holds at p = 1.
///
/// `n + 1/2` needs 25 bits from n = 2^23 on and is rounded to even there; the largest would round to 1 and is held at
/// `1 - 2^-24`. P(u < p) differs from p by at most 2^-24.
#[inline(always)]
pub fn uniform_f32(word: u32) -> f32 {
    const SCALE: f32 = 1.0 / 16_777_216.0;
    (((word >> 8) as f32 + 0.5) * SCALE).min(1.0 - SCALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_numbers_stay_inside_zero_and_one() {
        assert_eq!(uniform_f32(0), 2.0_f32.powi(-25));
        assert_eq!(uniform_f32(u32::MAX), 1.0 - 2.0_f32.powi(-24));
    }

    #[test]
    fn steps_beyond_32_bits_do_not_repeat_earlier_ones() {
        let at = |step| Draw { seed: 1, stream: Stream::TrainHidden, step, row: 0 };
        assert_ne!(at(5).words(0), at(5 + (1 << 32)).words(0));
        // The high half of the step never reaches another purpose's streams: those differ in the low 8 bits.
        assert_ne!(at(1 << 32).step_words()[1] & 0xff, Stream::TrainVisible as u32);
    }
}
