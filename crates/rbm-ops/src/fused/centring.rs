//! Centred gradients (Montavon and Müller 2012; Melchior, Fischer and Wiskott 2016) in the fused step on the processor.
//!
//! With offsets `mu` of the visible and `la` of the hidden units, and `W`, `a`, `b` the plain gradients of the weights and
//! of the biases, the mean of `(h - la) (v - mu)'` over the data less that over the chains is `C = W - b mu' - la a'`: two
//! corrections of rank one, made of each row of the weights' gradient as it comes. The biases' gradients are then `a - C' la`
//! and `b - C mu`, whose sums the same pass takes.

use super::host::OfBoth;
use super::layout::{from_tiles, to_tiles};
use super::sums::Sink;
use super::tile::{Tile, UNITS};

/// The offsets of a machine, and how fast they follow the means of the data.
#[derive(Clone, Debug)]
pub(super) struct Centring {
    /// `[visible]`.
    visible: Vec<f32>,
    hidden: Vec<Tile>,
    /// Share of a batch's mean in the next offsets.
    rate: f32,
}

/// What centring reads and writes in a hidden tile.
#[derive(Clone, Debug, Default)]
pub(super) struct OfAHiddenTile {
    /// The offsets of its units.
    offsets: Tile,
    /// For each visible unit, the sum over the tile of the centred gradient times the offsets.
    sums: Vec<f32>,
}

impl Centring {
    pub(super) fn new(visible: &[f32], hidden: &[f32], rate: f32) -> Self {
        Self { visible: visible.to_vec(), hidden: to_tiles(hidden), rate }
    }

    /// Offsets of the visible and of so many hidden units.
    pub(super) fn offsets(&self, hidden: usize) -> [Vec<f32>; 2] {
        [self.visible.clone(), from_tiles(&self.hidden, hidden)]
    }

    /// Moves the visible offsets; `ones` are counted in `rows` rows of data.
    pub(super) fn follow(&mut self, ones: &[u32], rows: usize) {
        for (offset, &ones) in self.visible.iter_mut().zip(ones) {
            *offset = towards(*offset, ones as f32 / rows as f32, self.rate);
        }
    }

    /// Lends each hidden tile its part.
    pub(super) fn lend(&mut self) -> impl Iterator<Item = OfAHiddenTile> {
        let visible = self.visible.len();
        self.hidden.drain(..).map(move |offsets| OfAHiddenTile { offsets, sums: vec![0.0; visible] })
    }

    /// Takes back what was lent, in order, and completes the visible bias's gradient `[visible]`.
    pub(super) fn take_back(&mut self, tiles: impl Iterator<Item = OfAHiddenTile>, visible_bias: &mut [f32]) {
        for tile in tiles {
            self.hidden.push(tile.offsets);
            visible_bias.iter_mut().zip(&tile.sums).for_each(|(bias, sum)| *bias -= sum);
        }
    }

    /// A sink between the weights' plain gradient of a hidden tile and `sink`, which is given the centred one.
    ///
    /// Moves the tile's offsets towards the means of its units over the data; `visible_bias` is the plain gradient of the
    /// visible bias.
    pub(super) fn centre<'a, S: Sink>(
        &'a self,
        tile: &'a mut OfAHiddenTile,
        hidden: &OfBoth,
        visible_bias: &'a [f32],
        sink: S,
    ) -> Centre<'a, S> {
        let OfAHiddenTile { offsets, sums } = tile;
        let means = hidden.data_means.0;
        offsets.0.iter_mut().zip(means).for_each(|(offset, mean)| *offset = towards(*offset, mean, self.rate));
        Centre {
            sink,
            offsets: &self.visible,
            visible_bias,
            hidden_offsets: offsets.0,
            hidden_bias: hidden.gradient.0,
            along_hidden: [0.0; UNITS],
            along_visible: sums,
        }
    }
}

/// A moving average's next value.
fn towards(average: f32, value: f32, rate: f32) -> f32 {
    (1.0 - rate) * average + rate * value
}

/// Centres the rows that go through to `sink`.
pub(super) struct Centre<'a, S> {
    sink: S,
    /// `[visible]`, as [`Self::visible_bias`].
    offsets: &'a [f32],
    visible_bias: &'a [f32],
    hidden_offsets: [f32; UNITS],
    hidden_bias: [f32; UNITS],
    along_hidden: [f32; UNITS],
    along_visible: &'a mut [f32],
}

impl<S> Centre<'_, S> {
    /// The hidden bias's gradient, once every row went through.
    pub(super) fn hidden_bias(self) -> Tile {
        Tile(std::array::from_fn(|unit| self.hidden_bias[unit] - self.along_hidden[unit]))
    }
}

impl<S: Sink> Sink for Centre<'_, S> {
    #[inline(always)]
    fn put(&mut self, row: usize, mut gradient: [f32; UNITS]) {
        let (offset, bias) = (self.offsets[row], self.visible_bias[row]);
        let mut products = [0.0; UNITS];
        for unit in 0..UNITS {
            gradient[unit] -= self.hidden_bias[unit] * offset + self.hidden_offsets[unit] * bias;
            self.along_hidden[unit] += gradient[unit] * offset;
            products[unit] = gradient[unit] * self.hidden_offsets[unit];
        }
        self.along_visible[row] = sum(products);
        self.sink.put(row, gradient);
    }
}

/// Halves upon halves: in vector registers until the last four.
#[inline(always)]
fn sum(values: [f32; UNITS]) -> f32 {
    let (mut eight, mut four) = ([0.0_f32; UNITS / 2], [0.0_f32; UNITS / 4]);
    for unit in 0..UNITS / 2 {
        eight[unit] = values[unit] + values[unit + UNITS / 2];
    }
    for unit in 0..UNITS / 4 {
        four[unit] = eight[unit] + eight[unit + UNITS / 4];
    }
    (four[0] + four[2]) + (four[1] + four[3])
}
