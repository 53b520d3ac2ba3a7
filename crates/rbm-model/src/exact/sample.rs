//! Independent samples from the model.

use rayon::prelude::*;
use rbm_ops::scalar::sigmoid;
use rbm_random::{Sequence, Stream};

use super::{
    enumeration::{Enumeration, Purpose},
    log_partition::enumerated_law,
};
use crate::{Error, Parameters};

/// Independent samples of the visible layer from the model's law, `[rows, visible]`, each value 0 or 1.
///
/// The smaller layer's state is found in the table of its law, by inversion of the cumulative sums; the other layer is
/// drawn given it. Row `i` depends on the seed and on `i` alone, not on how many rows are asked for.
///
/// # Errors
/// When both layers have more than [`TABLE_LIMIT`](super::TABLE_LIMIT) units.
pub fn sample(parameters: &Parameters, rows: usize, seed: u64) -> Result<Vec<u8>, Error> {
    sample_from(parameters, 0, rows, seed)
}

/// The rows from number `first` on of the endless table of which [`sample`] gives the beginning.
///
/// # Errors
/// As [`sample`].
pub fn sample_from(parameters: &Parameters, first: u64, rows: usize, seed: u64) -> Result<Vec<u8>, Error> {
    let mut cumulative = enumerated_law(&Enumeration::of_smaller(parameters, Purpose::Sample)?);
    let mut total = 0.0;
    for value in &mut cumulative {
        total += *value;
        *value = total;
    }
    let hidden_enumerated = parameters.hidden() <= parameters.visible();
    let mut samples = vec![0; rows * parameters.visible()];
    samples.par_chunks_exact_mut(parameters.visible()).enumerate().for_each(|(row, out)| {
        let mut draws = Sequence::new(seed, Stream::ExactSample, first + row as u64);
        let target = draws.uniform() * total;
        // The first state whose cumulative sum reaches the target: never one of probability 0, since the target is
        // positive.
        let state = cumulative.partition_point(|&sum| sum < target);
        if hidden_enumerated {
            let hidden: Vec<f64> = (0..parameters.hidden()).map(|j| (state >> j & 1) as f64).collect();
            for (unit, activation) in out.iter_mut().zip(parameters.visible_activation(&hidden)) {
                *unit = u8::from(draws.uniform() < sigmoid(activation));
            }
        } else {
            for (i, unit) in out.iter_mut().enumerate() {
                *unit = (state >> i & 1) as u8;
            }
        }
    });
    Ok(samples)
}
