//! The fused kernels on the processor.

use std::cell::RefCell;

use pulp::NullaryFnOnce;
use rayon::prelude::*;
use rbm_random::{Draw, Stream};

use super::centring::{Centring, OfAHiddenTile};
use super::layout::{from_tiles, mask, stride, to_tiles, transposed_tiles, weights_from_tiles, weights_to_tiles};
use super::sample::{self, Kept, ROWS, Scaled};
use super::share::{each, in_pool};
use super::sums::{self, Plan, Rows, Sink};
use super::tile::{Bits, Tile, UNITS, swapped};
use super::transpose;
use super::{FusedStep, Outcome};
use crate::isa::Isa;

/// Additions of tiles below which a phase is done by one thread: handing work over costs 10 microseconds.
const ALONE: usize = 200_000;
/// What a draw costs, in additions of one number.
const DRAW: usize = 40;
/// Rows of a task that goes row by row.
pub(super) const ROWS_OF_A_TASK: usize = 16;

/// A machine in the processor's memory, in tiles of 16 units.
///
/// The weights lie twice, for products in either direction; an update writes both.
#[derive(Clone, Debug)]
pub(crate) struct HostMachine {
    visible: usize,
    hidden: usize,
    /// For each hidden tile a row for each visible unit, whole visible tiles: `[hidden tiles, visible tiles x 16]`.
    by_visible: Vec<Tile>,
    /// For each hidden tile and visible tile a row for each hidden unit: `[hidden tiles, stride]`, where the stride is
    /// 16 times the number of visible tiles, made odd: with an even number rows would compete for the same lines of a
    /// cache.
    by_hidden: Vec<Tile>,
    visible_bias: Vec<Tile>,
    hidden_bias: Vec<Tile>,
    last: Option<Update>,
    centring: Option<Box<Centring>>,
    scratch: Box<Scratch>,
}

/// The last update, for momentum.
#[derive(Clone, Debug)]
struct Update {
    /// As [`HostMachine::by_visible`].
    weights: Vec<Tile>,
    visible_bias: Vec<Tile>,
    hidden_bias: Vec<Tile>,
}

/// One phase's states and statistics.
#[derive(Clone, Debug, Default)]
struct Phase {
    visible: Bits,
    plan: Plan,
    /// Hidden probabilities, `[hidden tiles, rows to whole tiles]`.
    probabilities: Vec<Tile>,
}

/// Memory that every step uses anew.
#[derive(Clone, Debug, Default)]
struct Scratch {
    data: Phase,
    chains: Phase,
    hidden: Bits,
    hidden_plan: Plan,
    /// The visible states of both phases with rows and units exchanged: the data's rows, to whole tiles, then the
    /// chains'.
    by_unit: Bits,
    plan_by_unit: Plan,
}

thread_local! {
    /// Sums of a tile that a thread works on.
    static SUMS: RefCell<Vec<Tile>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn with_sums<T>(rows: usize, f: impl FnOnce(&mut [Tile]) -> T) -> T {
    SUMS.with_borrow_mut(|sums| {
        if sums.len() < rows {
            sums.resize(rows, Tile::default());
        }
        f(&mut sums[..rows])
    })
}

impl HostMachine {
    /// Weights `[hidden, visible]` row by row, and biases.
    pub(crate) fn new(weights: &[f32], visible_bias: &[f32], hidden_bias: &[f32]) -> Self {
        let (visible, hidden) = (visible_bias.len(), hidden_bias.len());
        Self {
            visible,
            hidden,
            by_visible: weights_to_tiles(weights, visible, hidden),
            by_hidden: transposed_tiles(weights, visible, hidden),
            visible_bias: to_tiles(visible_bias),
            hidden_bias: to_tiles(hidden_bias),
            last: None,
            centring: None,
            scratch: Box::default(),
        }
    }

    /// Centres the gradients of the steps to come, from these offsets on, which follow the means of the data at `rate`.
    pub(crate) fn centre(&mut self, visible: &[f32], hidden: &[f32], rate: f32) {
        self.centring = Some(Box::new(Centring::new(visible, hidden, rate)));
    }

    /// Offsets of the visible and of the hidden units, where gradients are centred.
    pub(crate) fn offsets(&self) -> Option<[Vec<f32>; 2]> {
        self.centring.as_ref().map(|centring| centring.offsets(self.hidden))
    }

    /// Weights `[hidden, visible]` row by row, visible bias and hidden bias.
    pub(crate) fn parameters(&self) -> [Vec<f32>; 3] {
        [
            weights_from_tiles(&self.by_visible, self.visible, self.hidden),
            from_tiles(&self.visible_bias, self.visible),
            from_tiles(&self.hidden_bias, self.hidden),
        ]
    }

    /// The last update, as [`Self::parameters`], where momentum keeps one.
    pub(crate) fn last_update(&self) -> Option<[Vec<f32>; 3]> {
        self.last.as_ref().map(|last| {
            [
                weights_from_tiles(&last.weights, self.visible, self.hidden),
                from_tiles(&last.visible_bias, self.visible),
                from_tiles(&last.hidden_bias, self.hidden),
            ]
        })
    }

    pub(crate) fn set_last_update(&mut self, [weights, visible_bias, hidden_bias]: [&[f32]; 3]) {
        self.last = Some(Update {
            weights: weights_to_tiles(weights, self.visible, self.hidden),
            visible_bias: to_tiles(visible_bias),
            hidden_bias: to_tiles(hidden_bias),
        });
    }

    /// Whether every parameter is a finite number.
    pub(crate) fn is_finite(&self) -> bool {
        let all = [&self.by_visible, &self.visible_bias, &self.hidden_bias];
        all.into_iter().flatten().all(|tile| tile.0.iter().all(|x| x.is_finite()))
    }

    pub(crate) fn visible(&self) -> usize {
        self.visible
    }

    pub(crate) fn hidden(&self) -> usize {
        self.hidden
    }

    /// `steps` Gibbs steps of visible states packed as `[rows, ceil(visible / 32)]`, drawn from steps
    /// `hidden_draw.step` and `visible_draw.step` on.
    pub(crate) fn gibbs_steps(
        &mut self,
        packed: &mut Vec<u32>,
        rows: usize,
        steps: u32,
        hidden_draw: Draw,
        visible_draw: Draw,
    ) {
        let alone = self.is_small(rows);
        in_pool(alone, || self.gibbs_steps_here(packed, rows, steps, hidden_draw, visible_draw));
    }

    fn gibbs_steps_here(
        &mut self,
        packed: &mut Vec<u32>,
        rows: usize,
        steps: u32,
        hidden_draw: Draw,
        visible_draw: Draw,
    ) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.chains.visible.unpack(rows, self.visible, packed);
        for step in 0..u64::from(steps) {
            self.hidden_half_step(&mut scratch.chains, &mut scratch.hidden, later(hidden_draw, step));
            self.visible_half_step(
                &scratch.hidden,
                &mut scratch.hidden_plan,
                &mut scratch.chains.visible,
                later(visible_draw, step),
            );
        }
        scratch.chains.visible.pack(packed);
        self.scratch = scratch;
    }

    /// One step of CD-k, whose chains start at the batch, or of PCD-k, whose chains are given and go on.
    pub(crate) fn step(
        &mut self,
        batch: &[u32],
        rows: usize,
        chains: Option<&mut Vec<u32>>,
        step: &FusedStep,
    ) -> Outcome {
        let alone = self.is_small(rows);
        in_pool(alone, || self.step_here(batch, rows, chains, step))
    }

    fn step_here(&mut self, batch: &[u32], rows: usize, chains: Option<&mut Vec<u32>>, step: &FusedStep) -> Outcome {
        let mut scratch = std::mem::take(&mut self.scratch);
        let Scratch { data, chains: negative, hidden, hidden_plan, by_unit, plan_by_unit } = &mut *scratch;
        data.visible.unpack(rows, self.visible, batch);
        let draws = |gibbs: u32| {
            let at = |stream| Draw { seed: step.seed, stream, step: step.gibbs_step + u64::from(gibbs), row: 0 };
            (at(Stream::TrainHidden), at(Stream::TrainVisible))
        };
        let first = draws(0);
        let chain_rows = match &chains {
            Some(packed) => {
                let rows = packed.len() / self.visible.div_ceil(32);
                self.hidden_means(data);
                negative.visible.unpack(rows, self.visible, packed);
                self.hidden_half_step(negative, hidden, first.0);
                rows
            }
            None => {
                self.hidden_half_step(data, hidden, first.0);
                rows
            }
        };
        negative.visible.reset(chain_rows, self.visible);
        self.visible_half_step(hidden, hidden_plan, &mut negative.visible, first.1);
        for gibbs in 1..step.k {
            let (hidden_draw, visible_draw) = draws(gibbs);
            self.hidden_half_step(negative, hidden, hidden_draw);
            self.visible_half_step(hidden, hidden_plan, &mut negative.visible, visible_draw);
        }
        if let Some(packed) = chains {
            negative.visible.pack(packed);
        }
        let outcome = self.update(data, negative, (by_unit, plan_by_unit), step);
        self.scratch = scratch;
        outcome
    }

    /// Hidden states given visible ones, and the hidden probabilities.
    fn hidden_half_step(&self, phase: &mut Phase, hidden: &mut Bits, at: Draw) {
        let Phase { visible, plan, probabilities, .. } = phase;
        let rows = visible.rows;
        plan.make(visible, UNITS, self.hidden_bias.len());
        hidden.reset(rows, self.hidden);
        let padded = rows.next_multiple_of(UNITS);
        probabilities.resize(self.hidden.div_ceil(UNITS) * padded, Tile::default());
        let matrix_size = self.visible.next_multiple_of(UNITS);
        let work = |(tile, (sums, states)): (usize, (&mut [Tile], &mut [u16]))| {
            let matrix = Rows { rows: &self.by_visible[tile * matrix_size..][..matrix_size], stride: UNITS };
            sums::keep(visible, plan, matrix, &mut sums[..rows]);
            let (mask, used) = mask(tile, self.hidden);
            let bias = &self.hidden_bias[tile];
            sample::states(
                &mut sums[..rows.next_multiple_of(ROWS)],
                Kept { bias, mask: &mask },
                at,
                tile,
                used,
                states,
            );
            sums[rows..].fill(Tile::default());
        };
        let tiles = probabilities.par_chunks_exact_mut(padded).zip(hidden.words.par_chunks_exact_mut(rows));
        each(self.alone(rows, self.hidden), tiles.enumerate(), work);
    }

    /// Hidden probabilities given visible states, without draws.
    fn hidden_means(&self, phase: &mut Phase) {
        let Phase { visible, plan, probabilities, .. } = phase;
        let rows = visible.rows;
        plan.make(visible, UNITS, self.hidden_bias.len());
        let padded = rows.next_multiple_of(UNITS);
        probabilities.resize(self.hidden.div_ceil(UNITS) * padded, Tile::default());
        let work = |(tile, sums): (usize, &mut [Tile])| self.means_of_a_tile(visible, plan, tile, sums);
        each(self.alone(rows, self.hidden), probabilities.par_chunks_exact_mut(padded).enumerate(), work);
    }

    fn means_of_a_tile(&self, visible: &Bits, plan: &Plan, tile: usize, sums: &mut [Tile]) {
        let matrix_size = self.visible.next_multiple_of(UNITS);
        let matrix = Rows { rows: &self.by_visible[tile * matrix_size..][..matrix_size], stride: UNITS };
        let (sums, rest) = sums.split_at_mut(visible.rows);
        sums::keep(visible, plan, matrix, sums);
        sample::probabilities(sums, &self.hidden_bias[tile], &mask(tile, self.hidden).0);
        rest.fill(Tile::default());
    }

    /// Visible states given hidden ones.
    fn visible_half_step(&self, hidden: &Bits, plan: &mut Plan, visible: &mut Bits, at: Draw) {
        let rows = hidden.rows;
        let stride = stride(self.visible);
        plan.make(hidden, stride, self.visible_bias.len());
        let plan = &*plan;
        visible.reset(rows, self.visible);
        let work = |(tile, states): (usize, &mut [u16])| {
            let matrix = Rows { rows: &self.by_hidden[tile * UNITS..], stride };
            let used = mask(tile, self.visible).1;
            with_sums(rows.next_multiple_of(ROWS), |sums| {
                sums::keep(hidden, plan, matrix, &mut sums[..rows]);
                sample::states(sums, Scaled { scale: 1.0, bias: &self.visible_bias[tile] }, at, tile, used, states);
            });
        };
        each(self.alone(rows, self.visible), visible.words.par_chunks_exact_mut(rows).enumerate(), work);
    }

    /// The negative phase's hidden probabilities, the gradient and the update, hidden tile by hidden tile.
    fn update(
        &mut self,
        data: &Phase,
        negative: &mut Phase,
        (by_unit, plan_by_unit): (&mut Bits, &mut Plan),
        step: &FusedStep,
    ) -> Outcome {
        let (visible, hidden) = (self.visible, self.hidden);
        let (rows, chains) = (data.visible.rows, negative.visible.rows);
        let data_tiles = rows.div_ceil(UNITS);
        let both = data_tiles * UNITS + chains.next_multiple_of(UNITS);
        by_unit.reset(visible, both);
        data.visible.transpose_into(by_unit, 0);
        negative.visible.transpose_into(by_unit, data_tiles);
        plan_by_unit.make(by_unit, UNITS, self.hidden_bias.len());
        negative.plan.make(&negative.visible, UNITS, self.hidden_bias.len());

        if step.momentum == 0.0 {
            self.last = None;
        } else if self.last.is_none() {
            self.last = Some(Update {
                weights: vec![Tile::default(); self.by_visible.len()],
                visible_bias: vec![Tile::default(); self.visible_bias.len()],
                hidden_bias: vec![Tile::default(); self.hidden_bias.len()],
            });
        }
        // `self` lends what a tile reads, and is handed what it writes.
        let mut by_visible = std::mem::take(&mut self.by_visible);
        let mut by_hidden = std::mem::take(&mut self.by_hidden);
        let mut hidden_bias = std::mem::take(&mut self.hidden_bias);
        let mut last = self.last.take();
        let mut parts = vec![Part::default(); hidden_bias.len()];
        // The visible bias's gradient: counts of ones are exact.
        let of_data = by_unit.ones_of_rows(0..data_tiles);
        let of_chains = by_unit.ones_of_rows(data_tiles..by_unit.tiles());
        let shares = of_data.iter().zip(&of_chains);
        let mut visible_gradient: Vec<f32> =
            shares.map(|(&data, &negative)| data as f32 / rows as f32 - negative as f32 / chains as f32).collect();
        let mut centring = self.centring.take();
        if let Some(centring) = &mut centring {
            centring.follow(&of_data, rows);
            parts.iter_mut().zip(centring.lend()).for_each(|(part, lent)| part.centred = Some(Box::new(lent)));
        }
        let size = visible.next_multiple_of(UNITS);
        let (by_unit, plan_by_unit, negative) = (&*by_unit, &*plan_by_unit, &*negative);
        let (centred, plain_visible) = (centring.as_deref(), visible_gradient.as_slice());
        let work = |tile: OfATile<'_>| {
            let OfATile { index, data, weights, transposed, bias, last, part } = tile;
            with_sums(both + size, |scratch| {
                let (statistics, sums) = scratch.split_at_mut(both);
                let (of_data, of_chains) = statistics.split_at_mut(data_tiles * UNITS);
                let (of_chains, beyond) = of_chains.split_at_mut(chains);
                let matrix = Rows { rows: weights, stride: UNITS };
                sums::keep(&negative.visible, &negative.plan, matrix, of_chains);
                sample::probabilities(of_chains, bias, &mask(index, hidden).0);
                beyond.fill(Tile::default());
                of_data[rows..].fill(Tile::default());
                let of_data = &mut of_data[..rows];
                let of_both = Isa::current().run(Statistics { data: &data[..rows], of_data, of_chains });
                part.bias = of_both.gradient;

                let (last_weights, last_bias) = last.unzip();
                let matrix = Rows { rows: statistics, stride: UNITS };
                let FusedStep { rate, momentum, decay, .. } = *step;
                let mut squares = 0.0;
                let sums = &mut sums[..visible];
                match (last_weights, step.norm, centred.zip(part.centred.as_deref_mut())) {
                    (None, false, None) => {
                        let mut sink = Move { weights, rate, decay };
                        sums::hand(by_unit, plan_by_unit, matrix, sums, &mut sink);
                    }
                    (None, false, Some((centring, tile))) => {
                        let sink = Move { weights, rate, decay };
                        let mut sink = centring.centre(tile, &of_both, plain_visible, sink);
                        sums::hand(by_unit, plan_by_unit, matrix, sums, &mut sink);
                        part.bias = sink.hidden_bias();
                    }
                    (last, norm, Some((centring, tile))) => {
                        let sink = MoveOn { weights, last, rate, momentum, decay, norm, squares: &mut squares };
                        let mut sink = centring.centre(tile, &of_both, plain_visible, sink);
                        sums::hand(by_unit, plan_by_unit, matrix, sums, &mut sink);
                        part.bias = sink.hidden_bias();
                    }
                    (last, norm, None) => {
                        let mut sink = MoveOn { weights, last, rate, momentum, decay, norm, squares: &mut squares };
                        sums::hand(by_unit, plan_by_unit, matrix, sums, &mut sink);
                    }
                }
                part.squares = squares;
                transpose::weights(weights, transposed);
                move_bias(bias, &part.bias, last_bias, step);
            });
        };
        let shared = (
            data.probabilities.par_chunks_exact(data_tiles * UNITS),
            by_visible.par_chunks_exact_mut(size),
            by_hidden.par_chunks_exact_mut(stride(visible)),
            hidden_bias.par_iter_mut(),
            parts.par_iter_mut(),
        );
        let alone = self.alone(rows + chains, hidden);
        match &mut last {
            None => {
                each(alone, shared.into_par_iter().enumerate(), |(index, (data, weights, transposed, bias, part))| {
                    work(OfATile { index, data, weights, transposed, bias, last: None, part });
                })
            }
            Some(last) => each(
                alone,
                (shared.into_par_iter(), last.weights.par_chunks_exact_mut(size), last.hidden_bias.par_iter_mut())
                    .into_par_iter()
                    .enumerate(),
                |(index, ((data, weights, transposed, bias, part), last_weights, last_bias))| {
                    let last = Some((last_weights, last_bias));
                    work(OfATile { index, data, weights, transposed, bias, last, part });
                },
            ),
        }
        (self.by_visible, self.by_hidden, self.hidden_bias) = (by_visible, by_hidden, hidden_bias);

        if let Some(centring) = &mut centring {
            let lent = parts.iter_mut().filter_map(|part| part.centred.take());
            centring.take_back(lent.map(|lent| *lent), &mut visible_gradient);
        }
        self.centring = centring;

        let mut outcome = Outcome::of(&parts);
        let mut last_visible = last.as_mut().map(|last| &mut last.visible_bias);
        for (tile, bias) in self.visible_bias.iter_mut().enumerate() {
            let mut gradient = Tile::default();
            for (unit, &value) in visible_gradient[tile * UNITS..].iter().take(UNITS).enumerate() {
                gradient.0[swapped(unit)] = value;
            }
            outcome.squares += gradient.0.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
            move_bias(bias, &gradient, last_visible.as_mut().map(|last| &mut last[tile]), step);
        }
        self.last = last;
        outcome
    }

    /// Whether no phase of a step on so many rows has work to share.
    fn is_small(&self, rows: usize) -> bool {
        self.alone(2 * rows, self.visible) && self.alone(2 * rows, self.hidden)
    }

    /// Whether a phase of so many rows into so many units is too little work to share.
    fn alone(&self, rows: usize, units: usize) -> bool {
        rows * units * (DRAW + (self.visible + self.hidden - units) / 4) < ALONE * UNITS
    }
}

/// What the update of a hidden tile reads and writes.
struct OfATile<'a> {
    index: usize,
    /// Hidden probabilities of the data.
    data: &'a [Tile],
    weights: &'a mut [Tile],
    transposed: &'a mut [Tile],
    bias: &'a mut Tile,
    last: Option<(&'a mut [Tile], &'a mut Tile)>,
    part: &'a mut Part,
}

/// What a hidden tile says of the gradient.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    /// The hidden bias's gradient.
    pub(super) bias: Tile,
    /// Sum of the squares of the weights' gradient, where it was asked for.
    pub(super) squares: f64,
    /// Where gradients are centred.
    centred: Option<Box<OfAHiddenTile>>,
}

/// Probabilities divided by the number of rows, the chains' with a minus; their sums.
struct Statistics<'a> {
    data: &'a [Tile],
    of_data: &'a mut [Tile],
    of_chains: &'a mut [Tile],
}

/// What the hidden probabilities of a tile add up to.
pub(super) struct OfBoth {
    /// The hidden bias's gradient.
    pub(super) gradient: Tile,
    /// The data's part of it.
    pub(super) data_means: Tile,
}

impl NullaryFnOnce for Statistics<'_> {
    type Output = OfBoth;

    #[expect(clippy::needless_range_loop, reason = "the plain loops that compilers vectorise")]
    #[inline(always)]
    fn call(self) -> OfBoth {
        let scales = [1.0 / self.data.len() as f32, -1.0 / self.of_chains.len() as f32];
        let mut sums = [[0.0_f32; UNITS]; 2];
        for (from, to) in self.data.iter().zip(self.of_data) {
            for unit in 0..UNITS {
                to.0[unit] = from.0[unit] * scales[0];
                sums[0][unit] += to.0[unit];
            }
        }
        for to in self.of_chains {
            for unit in 0..UNITS {
                to.0[unit] *= scales[1];
                sums[1][unit] += to.0[unit];
            }
        }
        let mut gradient = Tile::default();
        for unit in 0..UNITS {
            gradient.0[unit] = sums[0][unit] + sums[1][unit];
        }
        OfBoth { gradient, data_means: Tile(sums[0]) }
    }
}

/// `weights += rate x (gradient - decay x weights)`.
struct Move<'a> {
    weights: &'a mut [Tile],
    rate: f32,
    decay: f32,
}

impl Sink for Move<'_> {
    #[inline(always)]
    fn put(&mut self, row: usize, gradient: [f32; UNITS]) {
        let weights = &mut self.weights[row].0;
        for unit in 0..UNITS {
            weights[unit] += self.rate * (gradient[unit] - self.decay * weights[unit]);
        }
    }
}

/// `last = momentum x last + rate x (gradient - decay x weights)`, `weights += last`; the gradient's squares.
struct MoveOn<'a> {
    weights: &'a mut [Tile],
    last: Option<&'a mut [Tile]>,
    rate: f32,
    momentum: f32,
    decay: f32,
    norm: bool,
    squares: &'a mut f64,
}

impl Sink for MoveOn<'_> {
    #[inline(always)]
    fn put(&mut self, row: usize, gradient: [f32; UNITS]) {
        if self.norm {
            *self.squares += gradient.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
        }
        let weights = &mut self.weights[row].0;
        // Two loops, each of which compilers vectorise: with a choice of memory to write they do not.
        match &mut self.last {
            Some(last) => {
                let last = &mut last[row].0;
                for unit in 0..UNITS {
                    last[unit] = self.momentum * last[unit] + self.rate * (gradient[unit] - self.decay * weights[unit]);
                    weights[unit] += last[unit];
                }
            }
            None => {
                for unit in 0..UNITS {
                    weights[unit] += self.rate * (gradient[unit] - self.decay * weights[unit]);
                }
            }
        }
    }
}

fn move_bias(bias: &mut Tile, gradient: &Tile, last: Option<&mut Tile>, step: &FusedStep) {
    let mut nothing = Tile::default();
    let last = last.unwrap_or(&mut nothing);
    for unit in 0..UNITS {
        last.0[unit] = step.momentum * last.0[unit] + step.rate * gradient.0[unit];
        bias.0[unit] += last.0[unit];
    }
}

fn later(at: Draw, steps: u64) -> Draw {
    Draw { step: at.step + steps, ..at }
}
