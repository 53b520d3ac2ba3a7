//! Draws one after another, on the host: for initialisation and shuffling.

use crate::{Draw, Stream};

/// A sequence of draws of one stream and step.
#[derive(Clone, Debug)]
pub struct Sequence {
    at: Draw,
    block: u32,
    words: [u32; 4],
    used: usize,
}

impl Sequence {
    /// The sequence of `(seed, stream, step)` from its beginning.
    pub fn new(seed: u64, stream: Stream, step: u64) -> Self {
        Self { at: Draw { seed, stream, step, row: 0 }, block: 0, words: [0; 4], used: 4 }
    }

    /// The same sequence in another row: independent of it.
    #[must_use]
    pub fn at_row(self, row: u32) -> Self {
        Self { at: self.at.at_row(row), block: 0, words: [0; 4], used: 4 }
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.words = self.at.words(self.block);
            self.used = 0;
            self.block = self.block.wrapping_add(1);
            if self.block == 0 {
                self.at.row = self.at.row.wrapping_add(1); // 2^34 words on, go on in the next row
            }
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// The next 64 bits, low half first.
    pub fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        low | u64::from(self.next_u32()) << 32
    }

    /// A uniform number in `(0, 1)`, from 52 bits: `(n + 1/2) / 2^52`, exact in f64.
    pub fn uniform(&mut self) -> f64 {
        ((self.next_u64() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// A standard normal number, by Box and Muller's (1958) transform; the second of each pair is not kept, so that a
    /// value's position in the sequence is plain.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A whole number below `n`, each equally likely (Lemire 2019, without the bias).
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "there is no whole number below 0");
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Puts the values into an order of which each is equally likely (Fisher and Yates, Durstenfeld 1964).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// The numbers `0 .. n` in a random order.
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        self.shuffle(&mut order);
        order
    }
}
