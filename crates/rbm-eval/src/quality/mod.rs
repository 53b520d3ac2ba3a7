//! How good samples are, beside rows of data: moments, nearest neighbours, repeats.

mod moments;
mod neighbours;

use rbm_data::Split;
use serde::{Deserialize, Serialize};

pub use neighbours::{Adversarial, NearestRows};

use crate::{Error, packed::PackedRows};

/// Samples beside the rows of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleQuality {
    /// Number of samples.
    pub samples: usize,
    /// Number of rows.
    pub rows: usize,
    /// Root mean square over units of the difference between the means of samples and of rows.
    pub first_moment_error: f64,
    /// What its square would be on average, as a root, if samples and rows were independent draws from one law, that of
    /// the rows: `sqrt(mean_i p_i (1 - p_i) (1 / samples + 1 / rows))`. Where the rows are not drawn but all that there
    /// is, the part `1 / rows` is too much, and errors below the floor are no surprise.
    pub first_moment_noise: f64,
    /// Root mean square over pairs of units of the difference between their covariances in samples and in rows; 0 for a
    /// single unit.
    pub second_moment_error: f64,
    /// The same floor for it.
    pub second_moment_noise: f64,
    /// Nearest-neighbour adversarial accuracies.
    pub adversarial: Adversarial,
    /// Distances from the samples to the nearest row.
    pub nearest: NearestRows,
}

/// Compares `samples` `[samples, visible]`, each 0 or 1, with all rows of a split; the accuracies, which need equal
/// numbers, take rows chosen by seed and step where there are more of them.
///
/// # Errors
/// With fewer than 2 samples or values that do not make rows of the split's width, without rows, and with rows of grey
/// values.
pub fn sample_quality(samples: &[u8], split: &Split, seed: u64, step: u64) -> Result<SampleQuality, Error> {
    let samples = PackedRows::of_states(samples, split.visible())?;
    let rows = PackedRows::of_split(split)?;
    let moments = moments::compare(&samples, &rows);
    Ok(SampleQuality {
        samples: samples.len(),
        rows: rows.len(),
        first_moment_error: moments.first.error,
        first_moment_noise: moments.first.noise,
        second_moment_error: moments.second.error,
        second_moment_noise: moments.second.noise,
        adversarial: neighbours::adversarial(&samples, &rows, seed, step),
        nearest: neighbours::nearest(&samples, &rows),
    })
}

/// The distance from each of `samples` `[samples, visible]` to the nearest row of a split: near the training rows and
/// far from test rows, samples are remembered.
///
/// # Errors
/// As [`sample_quality`].
pub fn nearest_rows(samples: &[u8], split: &Split) -> Result<NearestRows, Error> {
    let samples = PackedRows::of_states(samples, split.visible())?;
    Ok(neighbours::nearest(&samples, &PackedRows::of_split(split)?))
}
