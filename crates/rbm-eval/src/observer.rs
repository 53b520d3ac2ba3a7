//! Per-row quantities of a machine, in parallel over chunks of rows whose results are put together in order.

use rayon::prelude::*;
use rbm_data::Split;
use rbm_model::{Parameters, VisibleSampling};
use rbm_ops::scalar::{sigmoid, softplus};
use rbm_random::{Sequence, Stream};

use crate::Error;

/// Rows that share one pass over the weights: their activations stay in the second-level cache together.
const CHUNK: usize = 16;
/// Factors in `[1, 2]` whose product surely stays finite.
const FACTORS: usize = 512;
/// Running products that advance side by side.
const LANES: usize = 8;
/// A product of factors is turned into its logarithm before its exponent could pass this.
const LARGEST_EXPONENT: f64 = 700.0;

/// Which quantities are wanted beside the free energy.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// The errors of the mean-field reconstruction, and the sums of hidden means.
    pub(crate) reconstruction: bool,
    /// The pseudo-likelihood of one site a row, drawn by seed and step.
    pub(crate) one_site: Option<(u64, u64)>,
    /// The pseudo-likelihood of all sites.
    pub(crate) all_sites: bool,
}

impl Wanted {
    /// Whether the rows' values are needed, beside the places of their ones.
    fn values(self) -> bool {
        self.reconstruction || self.all_sites
    }
}

/// What was found for one row; zero where it was not wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowValues {
    /// `F(v)`, nats.
    pub(crate) free_energy: f64,
    /// Squared error of the reconstruction, mean over units.
    pub(crate) squared_error: f64,
    /// Cross-entropy of the reconstruction, summed over units, nats.
    pub(crate) cross_entropy: f64,
    /// Log conditional probability of one site, times the number of sites, nats.
    pub(crate) one_site: f64,
    /// Log conditional probabilities summed over all sites, nats.
    pub(crate) all_sites: f64,
}

/// What was found for some rows.
pub(crate) struct Observed {
    /// One entry a row, in order.
    pub(crate) rows: Vec<RowValues>,
    /// `p(h_j = 1 | v)` summed over the rows; zero where the reconstruction was not wanted.
    pub(crate) hidden_sums: Vec<f64>,
}

/// A machine with its weights laid out both ways.
pub(crate) struct Observer<'a> {
    parameters: &'a Parameters,
    /// The transposed machine: its weights of a (visible) unit lie side by side over the hidden units.
    columns: Parameters,
    sampling: VisibleSampling,
}

impl<'a> Observer<'a> {
    pub(crate) fn new(parameters: &'a Parameters, sampling: VisibleSampling) -> Self {
        Self { parameters, columns: parameters.transposed(), sampling }
    }

    /// Observes at most `limit` rows of a split, evenly spaced so that a sorted file does not matter.
    pub(crate) fn observe(&self, split: &Split, limit: usize, wanted: Wanted) -> Result<Observed, Error> {
        let (visible, len) = (self.parameters.visible(), split.len());
        if split.visible() != visible {
            return Err(Error::Width { rows: split.visible(), machine: visible });
        }
        let count = len.min(limit);
        if count == 0 {
            return Err(Error::NoRows);
        }
        let ratios = wanted.all_sites.then(|| SiteRatios::new(&self.columns)).flatten();
        let chunks: Vec<(Vec<RowValues>, Vec<f64>)> = (0..count.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let rows = chunk * CHUNK..count.min((chunk + 1) * CHUNK);
                let rows: Vec<usize> =
                    rows.map(|index| (index as u128 * len as u128 / count as u128) as usize).collect();
                self.observe_rows(split, &rows, wanted, ratios.as_ref())
            })
            .collect();
        let mut observed =
            Observed { rows: Vec::with_capacity(count), hidden_sums: vec![0.0; self.parameters.hidden()] };
        for (rows, hidden_sums) in chunks {
            observed.rows.extend(rows);
            add(&mut observed.hidden_sums, &hidden_sums);
        }
        Ok(observed)
    }

    fn observe_rows(
        &self,
        split: &Split,
        rows: &[usize],
        wanted: Wanted,
        ratios: Option<&SiteRatios>,
    ) -> (Vec<RowValues>, Vec<f64>) {
        let (visible, hidden) = (self.parameters.visible(), self.parameters.hidden());
        let mut values = vec![0.0; rows.len() * visible];
        let mut activations = vec![0.0; rows.len() * hidden];
        let mut found = vec![RowValues::default(); rows.len()];
        for (at, &row) in rows.iter().enumerate() {
            let v = &mut values[at * visible..][..visible];
            let x = &mut activations[at * hidden..][..hidden];
            if wanted.values() || !split.is_binary() {
                split.row(row, v);
            }
            let bias = self.activate(split, row, v, x);
            found[at].free_energy = -bias - softplus_sum(x);
            if let Some((seed, step)) = wanted.one_site {
                let site =
                    Sequence::new(seed, Stream::EvaluateFlip, step).at_row(row as u32).below(visible as u64) as usize;
                let value = match split.bits(row) {
                    Some(bits) => (bits[site / 64] >> (site % 64) & 1) as f64,
                    None => v[site],
                };
                found[at].one_site = visible as f64 * self.site(site, value, x);
            }
        }
        let mut hidden_sums = vec![0.0; hidden];
        if wanted.reconstruction {
            self.reconstruct(&values, &activations, &mut found, &mut hidden_sums);
        }
        if wanted.all_sites {
            let states = values.iter().all(|&value| value == 0.0 || value == 1.0);
            match ratios.filter(|_| states) {
                Some(ratios) => self.all_sites_by_ratios(ratios, &values, &activations, &mut found),
                None => {
                    for (at, found) in found.iter_mut().enumerate() {
                        let x = &activations[at * hidden..][..hidden];
                        found.all_sites = (0..visible).map(|i| self.site(i, values[at * visible + i], x)).sum();
                    }
                }
            }
        }
        (found, hidden_sums)
    }

    /// Writes the hidden activations `b + W v` and returns `a.v`; of a binary row only the ones are looked at.
    fn activate(&self, split: &Split, row: usize, v: &[f64], x: &mut [f64]) -> f64 {
        let visible_bias = self.parameters.visible_bias();
        let mut bias = 0.0;
        x.copy_from_slice(self.parameters.hidden_bias());
        if split.is_binary() {
            for i in split.ones(row) {
                bias += visible_bias[i];
                add(x, self.columns.weights_of(i));
            }
        } else {
            for (i, &value) in v.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                bias += value * visible_bias[i];
                add_scaled(x, self.columns.weights_of(i), value);
            }
        }
        bias
    }

    /// `v_i ln p(1 | others) + (1 - v_i) ln p(0 | others)`, from the hidden activations of the row. For a binary row
    /// it is `ln sigma(F(v with unit i flipped) - F(v))`.
    fn site(&self, site: usize, value: f64, activations: &[f64]) -> f64 {
        let weights = self.columns.weights_of(site);
        let mut shifted = activations.to_vec();
        add_scaled(&mut shifted, weights, -value);
        let off = softplus_sum(&shifted);
        shifted.copy_from_slice(activations);
        add_scaled(&mut shifted, weights, 1.0 - value);
        let log_odds = self.parameters.visible_bias()[site] + softplus_sum(&shifted) - off;
        value * log_odds - softplus(log_odds)
    }

    /// All sites of binary rows: a flip multiplies `exp(-F)` by `exp(+-a_i)` and, for each hidden unit, by
    /// `p(h_j = 0 | v) + p(h_j = 1 | v) exp(+-W_ji)`.
    fn all_sites_by_ratios(&self, ratios: &SiteRatios, values: &[f64], activations: &[f64], found: &mut [RowValues]) {
        let (visible, hidden) = (self.parameters.visible(), self.parameters.hidden());
        let on: Vec<f64> = activations.iter().map(|&x| sigmoid(x)).collect();
        let off: Vec<f64> = activations.iter().map(|&x| sigmoid(-x)).collect();
        for site in 0..visible {
            let range = site * hidden..(site + 1) * hidden;
            for (at, found) in found.iter_mut().enumerate() {
                let (table, sign) =
                    if values[at * visible + site] == 1.0 { (&ratios.down, -1.0) } else { (&ratios.up, 1.0) };
                let row = at * hidden..(at + 1) * hidden;
                let change = sign * self.parameters.visible_bias()[site]
                    + log_mixture(&off[row.clone()], &on[row], &table[range.clone()], ratios.group);
                found.all_sites -= softplus(change);
            }
        }
    }

    /// Mean-field reconstruction `v -> p(h|v) -> p(v|h)`.
    fn reconstruct(&self, values: &[f64], activations: &[f64], found: &mut [RowValues], hidden_sums: &mut [f64]) {
        let (visible, hidden) = (self.parameters.visible(), self.parameters.hidden());
        let means: Vec<f64> = activations.iter().map(|&x| sigmoid(x)).collect();
        let mut reconstructions = self.parameters.visible_bias().repeat(found.len());
        // Four hidden units at a time: a quarter of the loads and stores of the sums.
        for first in (0..hidden).step_by(4) {
            let last = hidden.min(first + 4);
            for (y, p) in reconstructions.chunks_exact_mut(visible).zip(means.chunks_exact(hidden)) {
                match p[first..last] {
                    [p0, p1, p2, p3] => {
                        add_four(y, [p0, p1, p2, p3], [0, 1, 2, 3].map(|unit| self.parameters.weights_of(first + unit)))
                    }
                    _ => (first..last).for_each(|j| add_scaled(y, self.parameters.weights_of(j), p[j])),
                }
            }
        }
        for (at, found) in found.iter_mut().enumerate() {
            add(hidden_sums, &means[at * hidden..][..hidden]);
            let (v, y) = (&values[at * visible..][..visible], &reconstructions[at * visible..][..visible]);
            let (cross_entropy, squares) = match self.sampling {
                VisibleSampling::Bernoulli => bernoulli_errors(v, y),
                VisibleSampling::ClampedLinear => clamped_errors(v, y),
            };
            found.cross_entropy = cross_entropy;
            found.squared_error = squares / visible as f64;
        }
    }
}

/// `exp(+W)` and `exp(-W)`, `[visible, hidden]`.
struct SiteRatios {
    up: Vec<f64>,
    down: Vec<f64>,
    /// So many factors multiply without leaving the range of f64.
    group: usize,
}

impl SiteRatios {
    /// `None` where a single factor could leave the range of f64.
    fn new(columns: &Parameters) -> Option<Self> {
        let largest = columns.weights().iter().fold(0.0_f64, |largest, weight| largest.max(weight.abs()));
        let group = (LARGEST_EXPONENT / largest.max(1.0)) as usize;
        (group > 0).then(|| Self {
            up: columns.weights().iter().map(|weight| weight.exp()).collect(),
            down: columns.weights().iter().map(|weight| (-weight).exp()).collect(),
            group,
        })
    }
}

/// `sum ln(off + on * ratio)`.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn log_mixture(off: &[f64], on: &[f64], ratios: &[f64], group: usize) -> f64 {
    let mut sum = 0.0;
    for ((off, on), ratios) in off.chunks(group).zip(on.chunks(group)).zip(ratios.chunks(group)) {
        let ((off, off_rest), (on, on_rest)) = (off.as_chunks::<LANES>(), on.as_chunks::<LANES>());
        let (ratios, ratios_rest) = ratios.as_chunks::<LANES>();
        let mut products = [1.0_f64; LANES];
        for ((off, on), ratios) in off.iter().zip(on).zip(ratios) {
            for lane in 0..LANES {
                products[lane] *= off[lane] + on[lane] * ratios[lane];
            }
        }
        let mut product: f64 = products.iter().product();
        for ((off, on), ratio) in off_rest.iter().zip(on_rest).zip(ratios_rest) {
            product *= off + on * ratio;
        }
        sum += product.ln();
    }
    sum
}

/// `sum softplus(x)`: the positive parts, and the logarithm of the product of the `1 + exp(-|x|)`.
fn softplus_sum(activations: &[f64]) -> f64 {
    activations
        .chunks(FACTORS)
        .map(|block| {
            let mut product = 1.0;
            let mut linear = 0.0;
            for &x in block {
                linear += x.max(0.0);
                product *= 1.0 + (-x.abs()).exp();
            }
            linear + f64::ln(product)
        })
        .sum()
}

/// Cross-entropy, `sum softplus(y) - v y`, and squared error, `sum (v - sigma(y))^2`, of values whose activations are
/// `y`: one exponential serves both.
fn bernoulli_errors(values: &[f64], activations: &[f64]) -> (f64, f64) {
    let (mut cross_entropy, mut squares) = (0.0, 0.0);
    for (values, activations) in values.chunks(FACTORS).zip(activations.chunks(FACTORS)) {
        let mut product = 1.0;
        for (v, &y) in values.iter().zip(activations) {
            let e = (-y.abs()).exp();
            product *= 1.0 + e;
            cross_entropy += y.max(0.0) - v * y;
            let numerator = if y >= 0.0 { 1.0 } else { e };
            squares += (v - numerator / (1.0 + e)).powi(2);
        }
        cross_entropy += f64::ln(product);
    }
    (cross_entropy, squares)
}

/// The same where the activation, clamped to `[0, 1]`, is the probability.
fn clamped_errors(values: &[f64], activations: &[f64]) -> (f64, f64) {
    values.iter().zip(activations).fold((0.0, 0.0), |(cross_entropy, squares), (&v, &y)| {
        (cross_entropy + clamped_surprise(v, y), squares + (v - y.clamp(0.0, 1.0)).powi(2))
    })
}

/// `-v ln p - (1 - v) ln(1 - p)` with `p` the activation clamped to `[0, 1]`; infinite where a certain value is wrong.
fn clamped_surprise(value: f64, activation: f64) -> f64 {
    let mean = activation.clamp(0.0, 1.0);
    let term = |share: f64, probability: f64| if share == 0.0 { 0.0 } else { -share * probability.ln() };
    term(value, mean) + term(1.0 - value, 1.0 - mean)
}

#[multiversion::multiversion(targets("x86_64+avx2"))]
pub(crate) fn add(sums: &mut [f64], values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

#[multiversion::multiversion(targets("x86_64+avx2"))]
pub(crate) fn add_scaled(sums: &mut [f64], values: &[f64], scale: f64) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += scale * value;
    }
}

#[multiversion::multiversion(targets("x86_64+avx2"))]
fn add_four(sums: &mut [f64], scales: [f64; 4], values: [&[f64]; 4]) {
    let [a, b, c, d] = values.map(|values| &values[..sums.len()]);
    for (i, sum) in sums.iter_mut().enumerate() {
        *sum += scales[0] * a[i] + scales[1] * b[i] + (scales[2] * c[i] + scales[3] * d[i]);
    }
}
