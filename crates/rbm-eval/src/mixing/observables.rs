//! What is followed along chains.

use rayon::prelude::*;
use rbm_model::Parameters;
use serde::{Deserialize, Serialize};

use crate::observer::{add, add_scaled};

/// Rows that one task takes: a fixed number, whatever the threads.
const CHUNK: usize = 16;
/// Factors in `[1, 2]` whose product surely stays finite.
const FACTORS: usize = 512;
/// Power iterations, and the change of the vector at which they end. Where the two leading singular values lie so close
/// that this is not enough, the vector lies in the plane of both, which is as good to follow.
const MOST_ITERATIONS: usize = 1000;
const SETTLED: f64 = 1e-12;

/// One value for each thing that is followed along chains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PerObservable<T> {
    /// The free energy `F(v)`, nats.
    pub free_energy: T,
    /// Mean of the visible units.
    pub active_visible: T,
    /// Mean over hidden units of `p(h_j = 1 | v)`.
    pub active_hidden: T,
    /// Projection of the visible state on the leading right singular vector of the weights, of length 1: where the
    /// machine has learned two modes, mostly the direction between them (Decelle, Fissore and Furtlehner 2017).
    pub leading_mode: T,
}

impl<T> PerObservable<T> {
    /// The names, in the order of [`Self::into_array`].
    pub const NAMES: [&'static str; 4] = ["free_energy", "active_visible", "active_hidden", "leading_mode"];

    /// The values in the order of the fields.
    pub fn into_array(self) -> [T; 4] {
        [self.free_energy, self.active_visible, self.active_hidden, self.leading_mode]
    }

    /// From values in the order of the fields.
    pub fn from_array([free_energy, active_visible, active_hidden, leading_mode]: [T; 4]) -> Self {
        Self { free_energy, active_visible, active_hidden, leading_mode }
    }

    /// Each value replaced by what `f` makes of it.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> PerObservable<U> {
        PerObservable::from_array(self.into_array().map(f))
    }
}

/// The observables of one machine, computed on the host in f64.
#[derive(Clone, Debug)]
pub struct Observables {
    /// The machine with its layers exchanged, so that one visible unit's weights lie side by side.
    columns: Parameters,
    leading: Vec<f64>,
}

impl Observables {
    /// Of the machine with these parameters.
    pub fn new(parameters: &Parameters) -> Self {
        Self { columns: parameters.transposed(), leading: leading_vector(parameters) }
    }

    /// The leading right singular vector of the weights, `[visible]`, of length 1, its largest component positive.
    pub fn leading_vector(&self) -> &[f64] {
        &self.leading
    }

    /// The observables of `rows` `[rows, visible]`, row by row: states, or grey values in `[0, 1]`.
    pub fn of(&self, rows: &[f32]) -> Vec<PerObservable<f64>> {
        let visible = self.leading.len();
        let chunks: Vec<Vec<PerObservable<f64>>> = rows
            .par_chunks(CHUNK * visible)
            .map(|chunk| chunk.chunks_exact(visible).map(|row| self.of_row(row)).collect())
            .collect();
        chunks.concat()
    }

    fn of_row(&self, row: &[f32]) -> PerObservable<f64> {
        let mut activation = self.columns.visible_bias().to_vec();
        let (mut bias, mut sum, mut leading_mode) = (0.0, 0.0, 0.0);
        for (i, value) in row.iter().map(|&value| f64::from(value)).enumerate().filter(|(_, value)| *value != 0.0) {
            sum += value;
            bias += value * self.columns.hidden_bias()[i];
            leading_mode += value * self.leading[i];
            if value == 1.0 {
                add(&mut activation, self.columns.weights_of(i));
            } else {
                add_scaled(&mut activation, self.columns.weights_of(i), value);
            }
        }
        let (log_sum, means) = softplus_and_sigmoid_sums(&activation);
        PerObservable {
            free_energy: -bias - log_sum,
            active_visible: sum / row.len() as f64,
            active_hidden: means / activation.len() as f64,
            leading_mode,
        }
    }
}

/// `sum softplus(x)` and `sum sigmoid(x)`: one exponential serves both.
fn softplus_and_sigmoid_sums(activations: &[f64]) -> (f64, f64) {
    let (mut softplus, mut sigmoid) = (0.0, 0.0);
    for block in activations.chunks(FACTORS) {
        let mut product = 1.0;
        for &x in block {
            let e = (-x.abs()).exp();
            product *= 1.0 + e;
            softplus += x.max(0.0);
            sigmoid += if x >= 0.0 { 1.0 } else { e } / (1.0 + e);
        }
        softplus += f64::ln(product);
    }
    (softplus, sigmoid)
}

/// Power iteration on `W' W`; the even vector where there are no weights.
fn leading_vector(parameters: &Parameters) -> Vec<f64> {
    let visible = parameters.visible();
    // Any start that no symmetry makes orthogonal to a singular vector will do.
    let mut vector: Vec<f64> =
        (0..visible).map(|i| 1.0 + 0.1 * (1.0 + i as f64 * 0.618_033_988_749_895).sin()).collect();
    normalise(&mut vector);
    for _ in 0..MOST_ITERATIONS {
        let mut next = vec![0.0; visible];
        for j in 0..parameters.hidden() {
            let weights = parameters.weights_of(j);
            let along: f64 = weights.iter().zip(&vector).map(|(w, x)| w * x).sum();
            add_scaled(&mut next, weights, along);
        }
        if !normalise(&mut next) {
            return vec![1.0 / (visible as f64).sqrt(); visible];
        }
        let change = next.iter().zip(&vector).fold(0.0_f64, |most, (x, y)| most.max((x - y).abs()));
        vector = next;
        if change < SETTLED {
            break;
        }
    }
    let largest = vector.iter().fold(0.0_f64, |largest, &x| if x.abs() > largest.abs() { x } else { largest });
    if largest < 0.0 {
        vector.iter_mut().for_each(|x| *x = -*x);
    }
    vector
}

/// Scales to length 1; `false` where there is no length to scale.
fn normalise(vector: &mut [f64]) -> bool {
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    if !(length > 0.0 && length.is_finite()) {
        return false;
    }
    vector.iter_mut().for_each(|x| *x /= length);
    true
}
