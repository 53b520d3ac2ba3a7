//! Annealed chains on the processor: states as lists of ones, products as sums of the rows that they choose.
//!
//! The same draws as on tensors; activations differ from theirs by the order of additions alone.

use rayon::prelude::*;
use rbm_ops::{Draw, RowTable, sigmoid_bernoulli_of_row, softplus_difference};

use crate::Parameters;

/// Chains that a task moves together, at least: they share a pass over the weights, which no second-level cache holds.
const LEAST_TOGETHER: usize = 5;

/// Chains that a task moves together: two tasks a thread. What a chain does depends on no other, so that the number
/// decides time alone.
fn together(chains: usize) -> usize {
    chains.div_ceil(2 * rayon::current_num_threads()).max(LEAST_TOGETHER)
}

/// A path from independent units, on the host in f32.
#[derive(Clone, Debug)]
pub(crate) struct HostPath {
    /// `[visible, hidden]`.
    by_visible: RowTable,
    /// `[hidden, visible]`.
    by_hidden: RowTable,
    hidden_bias: Vec<f32>,
    start_bias: Vec<f32>,
    /// The end's visible bias minus the start's.
    bias_difference: Vec<f64>,
}

/// Some chains: where their visible units are on, and the hidden activations once they are known.
#[derive(Clone, Debug)]
pub(crate) struct HostChains {
    ones: Vec<Vec<u32>>,
    /// `[chains, hidden]`; empty where it is not known.
    activations: Vec<f32>,
}

impl HostPath {
    pub(crate) fn new(start_bias: &[f64], end: &Parameters) -> Self {
        let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<f32>>();
        let transposed = end.transposed();
        Self {
            by_visible: RowTable::new(end.visible(), end.hidden(), transposed.weights()),
            by_hidden: RowTable::new(end.hidden(), end.visible(), end.weights()),
            hidden_bias: narrow(end.hidden_bias()),
            start_bias: narrow(start_bias),
            bias_difference: end.visible_bias().iter().zip(start_bias).map(|(end, start)| end - start).collect(),
        }
    }

    fn hidden(&self) -> usize {
        self.hidden_bias.len()
    }

    fn visible(&self) -> usize {
        self.start_bias.len()
    }

    /// Chains drawn from the start's independent units.
    pub(crate) fn at_start(&self, chains: usize, at: Draw) -> HostChains {
        let draw = |chain: usize| {
            let mut row = self.start_bias.clone();
            sigmoid_bernoulli_of_row(&mut row, at.at_row(at.row.wrapping_add(chain as u32)));
            ones(&row)
        };
        HostChains { ones: (0..chains).into_par_iter().map(draw).collect(), activations: Vec::new() }
    }

    /// A Gibbs step that leaves the law at `beta`.
    pub(crate) fn step(&self, chains: HostChains, beta: f64, hidden_draw: Draw, visible_draw: Draw) -> HostChains {
        let HostChains { mut ones, activations } = self.activated(chains);
        let (beta, width, together) = (beta as f32, self.hidden(), together(ones.len()));
        let bias: Vec<f32> =
            self.start_bias.iter().zip(&self.bias_difference).map(|(a, d)| a + beta * *d as f32).collect();
        ones.par_chunks_mut(together).zip(activations.par_chunks(together * width)).enumerate().for_each(
            |(task, (chains, activations))| {
                let row = |chain: usize| (task * together + chain) as u32;
                let mut states = vec![0.0; width];
                let hidden: Vec<Vec<u32>> = activations
                    .chunks_exact(width)
                    .enumerate()
                    .map(|(chain, activation)| {
                        states.iter_mut().zip(activation).for_each(|(state, x)| *state = beta * x);
                        sigmoid_bernoulli_of_row(&mut states, hidden_draw.at_row(row(chain)));
                        self::ones(&states)
                    })
                    .collect();
                let mut input = vec![0.0; chains.len() * self.visible()];
                self.by_hidden.sums(&hidden, &mut input);
                for (chain, (ones, input)) in chains.iter_mut().zip(input.chunks_exact_mut(self.visible())).enumerate()
                {
                    input.iter_mut().zip(&bias).for_each(|(input, bias)| *input = beta * *input + bias);
                    sigmoid_bernoulli_of_row(input, visible_draw.at_row(row(chain)));
                    *ones = self::ones(input);
                }
            },
        );
        HostChains { ones, activations: Vec::new() }
    }

    /// `ln f_to(v) - ln f_from(v)` of each chain.
    pub(crate) fn log_ratio(&self, chains: HostChains, from: f64, to: f64) -> (HostChains, Vec<f64>) {
        let chains = self.activated(chains);
        let ratio = |(activation, ones): (&[f32], &Vec<u32>)| {
            let linear: f64 = ones.iter().map(|&unit| self.bias_difference[unit as usize]).sum();
            softplus_difference(activation, from, to) + (to - from) * linear
        };
        let ratios = chains.activations.par_chunks_exact(self.hidden()).zip(&chains.ones).map(ratio).collect();
        (chains, ratios)
    }

    /// With the activations known.
    fn activated(&self, chains: HostChains) -> HostChains {
        if !chains.activations.is_empty() {
            return chains;
        }
        let (width, together) = (self.hidden(), together(chains.ones.len()));
        let mut activations = vec![0.0; chains.ones.len() * width];
        activations.par_chunks_mut(together * width).zip(chains.ones.par_chunks(together)).for_each(|(out, ones)| {
            self.by_visible.sums(ones, out);
            for row in out.chunks_exact_mut(width) {
                row.iter_mut().zip(&self.hidden_bias).for_each(|(x, bias)| *x += bias);
            }
        });
        HostChains { activations, ..chains }
    }
}

impl HostChains {
    /// Chains at states `[chains, visible]`, each 0 or 1.
    pub(crate) fn at_states(states: &[u8], visible: usize) -> Self {
        let of_row = |row: &[u8]| (0..visible as u32).filter(|&unit| row[unit as usize] == 1).collect();
        Self { ones: states.chunks_exact(visible).map(of_row).collect(), activations: Vec::new() }
    }

    /// Number of chains.
    pub(crate) fn len(&self) -> usize {
        self.ones.len()
    }

    /// The visible states, `[chains, visible]`.
    pub(crate) fn states(&self, visible: usize) -> Vec<u8> {
        let mut states = vec![0; self.ones.len() * visible];
        for (row, ones) in states.chunks_exact_mut(visible).zip(&self.ones) {
            ones.iter().for_each(|&unit| row[unit as usize] = 1);
        }
        states
    }
}

/// Which states are 1.
fn ones(states: &[f32]) -> Vec<u32> {
    let mut ones = vec![0; states.len() + 1];
    let mut count = 0;
    // Without a branch that random states would make the processor guess: each place is written until a one moves on.
    for (unit, &state) in states.iter().enumerate() {
        ones[count] = unit as u32;
        count += usize::from(state != 0.0);
    }
    ones.truncate(count);
    ones
}
