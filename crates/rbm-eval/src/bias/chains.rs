//! Means over batches of independent chains, in two halves, and what follows from them with its error.
//!
//! The norm of an *estimated* bias is too large: noise adds its own. The inner product of two independent halves has
//! the true squared norm as its mean. Errors are those of the jackknife over batches.

use rbm_model::exact::{Gradient, Moments};

use super::{enumerated::ModelSide, row::finite};

/// Batches of a half.
pub(super) const BATCHES: usize = 8;
/// A sign counts beyond so many standard errors.
const SIGN_ERRORS: f64 = 3.0;

/// Sums over the chains of each batch, of all batches at one k.
pub(super) struct Batches {
    /// `[2][BATCHES]`: sums of the statistics' means over rounds.
    sums: [Vec<Vec<f64>>; 2],
    rounds: f64,
}

/// What the batches say.
pub(super) struct Findings {
    pub(super) bias_norm: Option<f64>,
    /// Standard error of the norm; where the bias is below the noise, of the noise.
    pub(super) stderr: f64,
    pub(super) bias_max: Option<f64>,
    pub(super) cosine: Option<f64>,
    pub(super) cosine_stderr: Option<f64>,
    pub(super) wrong_sign_fraction: Option<f64>,
    pub(super) signs_known: usize,
    /// The estimate itself.
    pub(super) cd: Gradient,
}

impl Batches {
    pub(super) fn new(components: usize) -> Self {
        let half = || vec![vec![0.0; components]; BATCHES];
        Self { sums: [half(), half()], rounds: 0.0 }
    }

    /// Adds a batch's means of one round.
    pub(super) fn add(&mut self, half: usize, batch: usize, means: &Moments) {
        let values = means.weights.iter().chain(&means.visible).chain(&means.hidden);
        self.sums[half][batch].iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }

    /// All batches of a round are in.
    pub(super) fn end_round(&mut self) {
        self.rounds += 1.0;
    }

    /// What follows for the gradient, against that of the model's side.
    ///
    /// Where the model's moments come from ladders of a tempered run, each batch has a ladder of its own: what this is
    /// off from the mean of all enters the batch's gradient. The mean of all batches stays what it is, the two halves
    /// have independent references, and the scatter of the batches has the error of the reference in it.
    pub(super) fn findings(&self, side: &ModelSide, exact: &Gradient) -> Findings {
        let flat =
            |moments: &Moments| -> Vec<f64> { [&moments.weights[..], &moments.visible, &moments.hidden].concat() };
        let (data, model) = (flat(&side.data), flat(&side.model));
        let truth: Vec<f64> = exact.components().collect();
        // Gradients of each batch.
        let gradients: [Vec<Vec<f64>>; 2] = [0, 1].map(|half| {
            let of_batch = |(batch, sum): (usize, &Vec<f64>)| {
                let mut gradient: Vec<f64> = data.iter().zip(sum).map(|(data, sum)| data - sum / self.rounds).collect();
                if let Some(ladder) = side.ladders.get(half * BATCHES + batch).map(flat) {
                    let off = ladder.iter().zip(&model).map(|(ladder, model)| ladder - model);
                    gradient.iter_mut().zip(off).for_each(|(value, off)| *value += off);
                }
                gradient
            };
            self.sums[half].iter().enumerate().map(of_batch).collect()
        });
        let means = [0, 1].map(|half: usize| mean(&gradients[half]));
        let biases = [0, 1].map(|half: usize| difference(&means[half], &truth));
        let cd: Vec<f64> = means[0].iter().zip(&means[1]).map(|(a, b)| 0.5 * (a + b)).collect();

        let squared = dot(&biases[0], &biases[1]);
        // The squared norm is linear in each batch: its jackknife is the variance of the batches' own products with the
        // other half, of which the truth's share is a constant. Without a bias it is twice the true variance: cautious.
        let products = [0, 1]
            .map(|half: usize| gradients[half].iter().map(|batch| dot(batch, &biases[1 - half])).collect::<Vec<f64>>());
        let squared_stderr = (variance_of_mean(&products[0]) + variance_of_mean(&products[1])).sqrt();
        let bias_norm = Some(squared).filter(|&squared| squared > 0.0).map(f64::sqrt);
        // Of a root, by its slope; near zero, where that has none, by its size.
        let stderr = bias_norm.map_or(f64::INFINITY, |norm| squared_stderr / (2.0 * norm)).min(squared_stderr.sqrt());

        let (cosine, cosine_stderr) = cosine(&gradients, &means, &truth);
        let (signs_known, wrong) = signs(&gradients, &cd, &truth);
        let (m, n) = (exact.visible_bias.len(), exact.hidden_bias.len());
        Findings {
            bias_norm,
            stderr,
            bias_max: cross_read_largest(&biases),
            cosine,
            cosine_stderr,
            wrong_sign_fraction: finite(wrong as f64 / signs_known as f64),
            signs_known,
            cd: Gradient {
                weights: cd[..m * n].to_vec(),
                visible_bias: cd[m * n..m * n + m].to_vec(),
                hidden_bias: cd[m * n + m..].to_vec(),
            },
        }
    }
}

/// Cosine of the angle to the truth; the squared norm of the estimate is an inner product of halves too.
fn cosine(gradients: &[Vec<Vec<f64>>; 2], means: &[Vec<f64>; 2], truth: &[f64]) -> (Option<f64>, Option<f64>) {
    let along = gradients.each_ref().map(|half| half.iter().map(|batch| dot(batch, truth)).collect::<Vec<f64>>());
    let across = [0, 1]
        .map(|half: usize| gradients[half].iter().map(|batch| dot(batch, &means[1 - half])).collect::<Vec<f64>>());
    let truth_norm = dot(truth, truth).sqrt();
    let count = BATCHES as f64;
    let value = |along: f64, squared: f64| along / (truth_norm * squared.sqrt());
    let along_sums = along.each_ref().map(|half| half.iter().sum::<f64>());
    let squared = dot(&means[0], &means[1]);
    let all = value((along_sums[0] + along_sums[1]) / (2.0 * count), squared);
    let variance: f64 = [0, 1]
        .map(|half: usize| {
            let left_out: Vec<f64> = (0..BATCHES)
                .map(|batch| {
                    let own = (along_sums[half] - along[half][batch]) / (count - 1.0);
                    let other = along_sums[1 - half] / count;
                    value(0.5 * (own + other), (count * squared - across[half][batch]) / (count - 1.0))
                })
                .collect();
            // Of the jackknife: (n - 1)/n times the sum of squares.
            (count - 1.0) * (count - 1.0) * variance_of_mean(&left_out)
        })
        .iter()
        .sum();
    // Noise may lift an estimate above 1, by about its error.
    (finite(all).map(|cosine| cosine.clamp(-1.0, 1.0)), finite(variance.sqrt()))
}

/// How many components of the estimate have a known sign, and how many of them the wrong one.
fn signs(gradients: &[Vec<Vec<f64>>; 2], cd: &[f64], truth: &[f64]) -> (usize, usize) {
    let (mut known, mut wrong) = (0, 0);
    let mut values = [0.0; 2 * BATCHES];
    for (component, (&cd, &truth)) in cd.iter().zip(truth).enumerate() {
        for (value, batch) in values.iter_mut().zip(gradients.iter().flatten()) {
            *value = batch[component];
        }
        if cd.abs() > SIGN_ERRORS * variance_of_mean(&values).sqrt() {
            known += 1;
            wrong += usize::from(cd * truth < 0.0);
        }
    }
    (known, wrong)
}

/// The component that is largest in one half has been chosen for its noise too: it is read in the other half. The mean
/// of both ways; absent where that is not positive.
fn cross_read_largest(biases: &[Vec<f64>; 2]) -> Option<f64> {
    let read = |chosen_in: &[f64], read_in: &[f64]| {
        let largest = chosen_in.iter().zip(read_in).max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        largest.map_or(0.0, |(chosen, read)| chosen.signum() * read)
    };
    let both = 0.5 * (read(&biases[0], &biases[1]) + read(&biases[1], &biases[0]));
    Some(both).filter(|&both| both > 0.0)
}

fn mean(vectors: &[Vec<f64>]) -> Vec<f64> {
    let mut mean = vec![0.0; vectors[0].len()];
    for vector in vectors {
        mean.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
    }
    mean.iter_mut().for_each(|sum| *sum /= vectors.len() as f64);
    mean
}

/// Variance of the mean of independent values.
fn variance_of_mean(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count * (count - 1.0))
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
