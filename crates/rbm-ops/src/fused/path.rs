//! Chains on a path of laws from independent units to a machine, on the processor.

use rayon::prelude::*;
use rbm_random::Draw;

use super::host::{ROWS_OF_A_TASK, with_sums};
use super::layout::{mask, stride, to_tiles, transposed_tiles, weights_to_tiles};
use super::sample::{self, ROWS, Scaled};
use super::share::{each, in_pool};
use super::sums::{self, Plan, Rows};
use super::tile::{Bits, Tile, UNITS};
use crate::softplus_difference::of_tiles;

/// The laws `ln f_beta(v) = (1 - beta) a0.v + beta a.v + sum_j softplus(beta (b_j + W_j.v))`, in f32 by tiles of 16
/// units.
#[derive(Clone, Debug)]
pub struct FusedPath {
    visible: usize,
    hidden: usize,
    by_visible: Vec<Tile>,
    by_hidden: Vec<Tile>,
    hidden_bias: Vec<Tile>,
    start_bias: Vec<Tile>,
    /// The end's visible bias minus the start's, as sums of ones of each tile; and the same in f32, by positions.
    bias_difference: Vec<Subsets>,
    bias_difference_narrow: Vec<Tile>,
}

/// Chains on such a path: visible states, and the hidden activations once they are known.
#[derive(Clone, Debug)]
pub struct FusedPathChains {
    visible: Bits,
    /// `[hidden tiles, rows to whole groups]`, at full strength.
    activations: Vec<Tile>,
    known: bool,
    scratch: Scratch,
}

#[derive(Clone, Debug, Default)]
struct Scratch {
    plan: Plan,
    hidden: Bits,
    hidden_plan: Plan,
}

impl FusedPath {
    /// From independent units of these log-odds to weights `[hidden, visible]` row by row and biases, rounded to f32.
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub fn new(start_bias: &[f64], weights: &[f64], visible_bias: &[f64], hidden_bias: &[f64]) -> Self {
        let (visible, hidden) = (visible_bias.len(), hidden_bias.len());
        assert!(start_bias.len() == visible && weights.len() == visible * hidden, "sizes fit");
        let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<f32>>();
        let weights = narrow(weights);
        let difference: Vec<f64> = visible_bias.iter().zip(start_bias).map(|(end, start)| end - start).collect();
        Self {
            visible,
            hidden,
            by_visible: weights_to_tiles(&weights, visible, hidden),
            by_hidden: transposed_tiles(&weights, visible, hidden),
            hidden_bias: to_tiles(&narrow(hidden_bias)),
            start_bias: to_tiles(&narrow(start_bias)),
            bias_difference: difference.chunks(UNITS).map(subsets).collect(),
            bias_difference_narrow: to_tiles(&narrow(&difference)),
        }
    }

    /// Chains drawn from the start's independent units.
    pub fn at_start(&self, chains: usize, at: Draw) -> FusedPathChains {
        let mut visible = Bits::default();
        visible.reset(chains, self.visible);
        for (tile, states) in visible.words.chunks_exact_mut(chains.max(1)).enumerate() {
            let used = mask(tile, self.visible).1;
            let mut sums = vec![Tile::default(); chains.next_multiple_of(ROWS)];
            sample::states(&mut sums, Scaled { scale: 1.0, bias: &self.start_bias[tile] }, at, tile, used, states);
        }
        FusedPathChains { visible, activations: Vec::new(), known: false, scratch: Scratch::default() }
    }

    /// Chains at states `[chains, visible]`, row by row, each 0 or 1.
    pub fn at_states(&self, states: &[u8]) -> FusedPathChains {
        let mut visible = Bits::default();
        let rows = states.len() / self.visible;
        visible.reset(rows, self.visible);
        for (row, states) in states.chunks_exact(self.visible).enumerate() {
            for (unit, &state) in states.iter().enumerate() {
                visible.words[unit / UNITS * rows + row] |= u16::from(state) << (unit % UNITS);
            }
        }
        FusedPathChains { visible, activations: Vec::new(), known: false, scratch: Scratch::default() }
    }

    /// A Gibbs step that leaves the law at `beta`.
    #[must_use]
    pub fn step(&self, chains: FusedPathChains, beta: f64, hidden_draw: Draw, visible_draw: Draw) -> FusedPathChains {
        in_pool(self.alone(chains.chains()), || self.step_here(chains, beta, hidden_draw, visible_draw))
    }

    fn step_here(&self, chains: FusedPathChains, beta: f64, hidden_draw: Draw, visible_draw: Draw) -> FusedPathChains {
        let mut chains = self.activated(chains);
        let FusedPathChains { visible, activations, scratch: Scratch { hidden, hidden_plan, .. }, .. } = &mut chains;
        let rows = visible.rows;
        hidden.reset(rows, self.hidden);
        let beta_narrow = beta as f32;
        let zero = Tile::default();
        each(
            self.alone(rows),
            hidden.words.par_chunks_exact_mut(rows).zip(activations.par_chunks_exact_mut(padded(rows))).enumerate(),
            |(tile, (states, sums))| {
                let used = mask(tile, self.hidden).1;
                sample::states(sums, Scaled { scale: beta_narrow, bias: &zero }, hidden_draw, tile, used, states);
            },
        );
        let stride = stride(self.visible);
        hidden_plan.make(hidden, stride, self.start_bias.len());
        let (hidden, hidden_plan) = (&*hidden, &*hidden_plan);
        each(self.alone(rows), visible.words.par_chunks_exact_mut(rows).enumerate(), |(tile, states)| {
            let mut bias = self.start_bias[tile];
            for (bias, difference) in bias.0.iter_mut().zip(self.bias_difference_narrow[tile].0) {
                *bias += beta_narrow * difference;
            }
            let matrix = Rows { rows: &self.by_hidden[tile * UNITS..], stride };
            let used = mask(tile, self.visible).1;
            with_sums(padded(rows), |sums| {
                sums::keep(hidden, hidden_plan, matrix, &mut sums[..rows]);
                sample::states(sums, Scaled { scale: beta_narrow, bias: &bias }, visible_draw, tile, used, states);
            });
        });
        chains.known = false;
        chains
    }

    /// `ln f_to(v) - ln f_from(v)` of each chain.
    pub fn log_ratio(&self, chains: FusedPathChains, from: f64, to: f64) -> (FusedPathChains, Vec<f64>) {
        in_pool(self.alone(chains.chains()), || self.log_ratio_here(chains, from, to))
    }

    fn log_ratio_here(&self, chains: FusedPathChains, from: f64, to: f64) -> (FusedPathChains, Vec<f64>) {
        let chains = self.activated(chains);
        let rows = chains.visible.rows;
        let mut ratios = vec![0.0; rows];
        let work = |(task, ratios): (usize, &mut [f64])| {
            let first = task * ROWS_OF_A_TASK;
            of_tiles(&chains.activations, padded(rows), first, from, to, ratios);
            for (row, ratio) in ratios.iter_mut().enumerate() {
                let of_tile = |(tile, subsets)| sum_of_ones(subsets, chains.visible.tile(tile)[first + row]);
                let linear: f64 = self.bias_difference.iter().enumerate().map(of_tile).sum();
                *ratio += (to - from) * linear;
            }
        };
        each(self.alone(rows), ratios.par_chunks_mut(ROWS_OF_A_TASK).enumerate(), work);
        (chains, ratios)
    }

    fn activated(&self, mut chains: FusedPathChains) -> FusedPathChains {
        if chains.known {
            return chains;
        }
        let FusedPathChains { visible, activations, scratch, .. } = &mut chains;
        let rows = visible.rows;
        activations.resize(self.hidden.div_ceil(UNITS) * padded(rows), Tile::default());
        scratch.plan.make(visible, UNITS, self.hidden_bias.len());
        let plan = &scratch.plan;
        let size = self.visible.next_multiple_of(UNITS);
        each(self.alone(rows), activations.par_chunks_exact_mut(padded(rows)).enumerate(), |(tile, sums)| {
            let matrix = Rows { rows: &self.by_visible[tile * size..][..size], stride: UNITS };
            sums::keep(visible, plan, matrix, &mut sums[..rows]);
            sample::add_bias(&mut sums[..rows], &self.hidden_bias[tile]);
        });
        chains.known = true;
        chains
    }

    fn alone(&self, rows: usize) -> bool {
        rows * (self.visible + self.hidden) < ALONE
    }
}

/// The sums of every subset of four values, for each four of a tile: a row's word is looked up four units at a time.
type Subsets = [[f64; 16]; UNITS / 4];

fn subsets(values: &[f64]) -> Subsets {
    let value = |unit: usize| values.get(unit).copied().unwrap_or(0.0);
    let sum = |group: usize, subset: usize| -> f64 {
        (0..4).filter(|bit| subset >> bit & 1 == 1).map(|bit| value(4 * group + bit)).sum()
    };
    std::array::from_fn(|group| std::array::from_fn(|subset| sum(group, subset)))
}

/// The sum of the values whose units are 1 in a row's word.
fn sum_of_ones(subsets: &Subsets, word: u16) -> f64 {
    subsets.iter().enumerate().map(|(group, sums)| sums[usize::from(word >> (4 * group) & 15)]).sum()
}

/// Rows times units below which a phase is done by one thread: about as much work as in a machine's step (`host.rs`).
const ALONE: usize = 4_000;

fn padded(rows: usize) -> usize {
    rows.next_multiple_of(ROWS)
}

impl FusedPathChains {
    /// Number of chains.
    pub fn chains(&self) -> usize {
        self.visible.rows
    }

    /// The visible states, `[chains, visible]`, row by row.
    pub fn states(&self) -> Vec<u8> {
        let (rows, units) = (self.visible.rows, self.visible.units);
        let mut states = vec![0; rows * units];
        for (row, states) in states.chunks_exact_mut(units).enumerate() {
            for (unit, state) in states.iter_mut().enumerate() {
                *state = (self.visible.tile(unit / UNITS)[row] >> (unit % UNITS) & 1) as u8;
            }
        }
        states
    }
}
