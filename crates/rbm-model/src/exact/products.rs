//! Mixtures of laws of independent units, as products of matrices.
//!
//! Given a state x of one layer the units of the other are independent. Split them into a lower half A and an upper
//! half B: `P(y|x) = P_A(y_A|x) P_B(y_B|x)`. With tables `P_A: [x, 2^a]` and `P_B: [x, 2^b]`, built by doubling, both
//! halves of the Gibbs kernel are matrix products of `2^(m+n)` multiply-adds, and nothing of size `[2^m, 2^n]` is ever
//! kept: `sum_x d(x) P(y|x) = (P_B' diag(d) P_A)[y_B, y_A]` and `sum_y P(y|x) f(y) = ((P_B F) . P_A)[x]`.

use rayon::prelude::*;

/// States whose tables are built at a time.
const BLOCK: usize = 256;
/// Sums over states that run apart, and are then added in order, whatever the threads.
const PARTS: usize = 16;
/// A law of more states than this is filled in pieces, each over all x, and not summed from parts.
const LARGEST_PART: usize = 1 << 13;
/// Rows of such a piece.
const PIECE_ROWS: usize = 8;

/// The states x of one layer, and the activations of the other layer's units given each.
pub(super) struct Conditionals<'a> {
    /// Number of states x.
    pub(super) states: usize,
    /// Number of units of the other layer.
    pub(super) units: usize,
    /// Writes the activations, `[count, units]`, of the states from `first` on.
    pub(super) activations: &'a (dyn Fn(usize, &mut [f64]) + Sync),
}

/// The tables of a block of states.
struct Tables {
    states: usize,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Conditionals<'_> {
    /// `sum_x law(x) P(y|x)` for every state y of the other layer, `[2^units]`.
    pub(super) fn push_forward(&self, law: &[f64]) -> Vec<f64> {
        let (low, high) = self.split();
        let mut sum = vec![0.0; low * high];
        if sum.len() <= LARGEST_PART {
            let part = self.states.div_ceil(PARTS).next_multiple_of(BLOCK);
            let firsts: Vec<usize> = (0..self.states).step_by(part).collect();
            let parts: Vec<Vec<f64>> = firsts
                .into_par_iter()
                .map(|first| {
                    let mut sum = vec![0.0; low * high];
                    let end = self.states.min(first + part);
                    for first in (first..end).step_by(BLOCK) {
                        let range = first..end.min(first + BLOCK);
                        let masses = &law[range.clone()];
                        if masses.iter().any(|&mass| mass != 0.0) {
                            self.tables(range.start, range.len(), Some(masses)).add_mixture(0..high, high, &mut sum);
                        }
                    }
                    sum
                })
                .collect();
            for part in parts {
                sum.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
            }
            return sum;
        }
        for first in (0..self.states).step_by(LARGEST_PART) {
            let range = first..self.states.min(first + LARGEST_PART);
            let tables = self.all_tables(range.start, range.len(), Some(&law[range.clone()]));
            sum.par_chunks_mut(low * PIECE_ROWS).enumerate().for_each(|(piece, sum)| {
                let row = piece * PIECE_ROWS;
                for tables in &tables {
                    tables.add_mixture(row..row + sum.len() / low, high, sum);
                }
            });
        }
        sum
    }

    /// `sum_y P(y|x) f(y)` for every state x, `[states]`.
    pub(super) fn pull_back(&self, f: &[f64]) -> Vec<f64> {
        let (low, high) = self.split();
        let mut means = vec![0.0; self.states];
        means.par_chunks_mut(BLOCK).enumerate().for_each(|(block, means)| {
            let tables = self.tables(block * BLOCK, means.len(), None);
            let mut folded = vec![0.0; means.len() * low];
            let upper = Coefficients { values: &tables.high, of_row: high, of_term: 1 };
            add_products(upper, f, low, &mut folded);
            for (mean, (folded, low)) in
                means.iter_mut().zip(folded.chunks_exact(low).zip(tables.low.chunks_exact(low)))
            {
                *mean = folded.iter().zip(low).map(|(x, p)| x * p).sum();
            }
        });
        means
    }

    /// States of the lower and of the upper half of the other layer.
    fn split(&self) -> (usize, usize) {
        let low = self.units.div_ceil(2);
        (1 << low, 1 << (self.units - low))
    }

    fn all_tables(&self, first: usize, states: usize, masses: Option<&[f64]>) -> Vec<Tables> {
        let starts: Vec<usize> = (0..states).step_by(BLOCK).collect();
        let build = |start: usize| {
            let count = BLOCK.min(states - start);
            self.tables(first + start, count, masses.map(|masses| &masses[start..start + count]))
        };
        starts.into_par_iter().map(build).collect()
    }

    /// Tables of `states` states from `first` on; the lower one scaled by the masses.
    fn tables(&self, first: usize, states: usize, masses: Option<&[f64]>) -> Tables {
        let (low, high) = self.split();
        let mut activations = vec![0.0; states * self.units];
        (self.activations)(first, &mut activations);
        let mut tables = Tables { states, low: vec![0.0; states * low], high: vec![0.0; states * high] };
        for (state, activations) in activations.chunks_exact(self.units).enumerate() {
            let (lower, upper) = activations.split_at(self.units.div_ceil(2));
            fill_product_law(masses.map_or(1.0, |masses| masses[state]), lower, &mut tables.low[state * low..][..low]);
            fill_product_law(1.0, upper, &mut tables.high[state * high..][..high]);
        }
        tables
    }
}

impl Tables {
    /// Adds the mixture's rows `rows` of the upper half's `high` states, `[rows, low]`.
    fn add_mixture(&self, rows: std::ops::Range<usize>, high: usize, sum: &mut [f64]) {
        let low = self.low.len() / self.states;
        let upper = Coefficients { values: &self.high[rows.start..], of_row: 1, of_term: high };
        add_products(upper, &self.low, low, sum);
    }
}

/// A matrix of coefficients `[rows, terms]` within `values`, and how far apart its rows and its terms are.
#[derive(Clone, Copy)]
struct Coefficients<'a> {
    values: &'a [f64],
    of_row: usize,
    of_term: usize,
}

impl Coefficients<'_> {
    #[inline(always)]
    fn at(self, row: usize, term: usize) -> f64 {
        self.values[row * self.of_row + term * self.of_term]
    }
}

/// Terms that are added to a row at a time, so that the row is loaded and stored once for all of them.
const TERMS: usize = 8;

/// Adds the product of the coefficients `[rows, terms]` and `terms` `[terms, columns]` to `sum` `[rows, columns]`, term
/// after term.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add_products(coefficients: Coefficients<'_>, terms: &[f64], columns: usize, sum: &mut [f64]) {
    for (block, terms) in terms.chunks(TERMS * columns).enumerate() {
        let first = block * TERMS;
        if terms.len() < TERMS * columns {
            for (term, values) in (first..).zip(terms.chunks_exact(columns)) {
                for (row, sum) in sum.chunks_exact_mut(columns).enumerate() {
                    let coefficient = coefficients.at(row, term);
                    for (sum, value) in sum.iter_mut().zip(values) {
                        *sum += coefficient * value;
                    }
                }
            }
            continue;
        }
        let terms: [&[f64]; TERMS] = std::array::from_fn(|term| &terms[term * columns..][..columns]);
        for (row, sum) in sum.chunks_exact_mut(columns).enumerate() {
            let scales: [f64; TERMS] = std::array::from_fn(|term| coefficients.at(row, first + term));
            for (column, sum) in sum.iter_mut().enumerate() {
                let mut value = *sum;
                for (scale, term) in scales.iter().zip(&terms) {
                    value += scale * term[column];
                }
                *sum = value;
            }
        }
    }
}

/// `mass` times the law of independent units with these activations, `[2^units]`; built by doubling, unit after unit.
fn fill_product_law(mass: f64, activations: &[f64], law: &mut [f64]) {
    law[0] = mass;
    for (unit, &activation) in activations.iter().enumerate() {
        // sigma(x) and sigma(-x) from one exponential, each with all its digits.
        let e = (-activation.abs()).exp();
        let (likely, unlikely) = (1.0 / (1.0 + e), e / (1.0 + e));
        let (on, off) = if activation >= 0.0 { (likely, unlikely) } else { (unlikely, likely) };
        let (low, high) = law.split_at_mut(1 << unit);
        for (low, high) in low.iter_mut().zip(high) {
            *high = *low * on;
            *low *= off;
        }
    }
}
