//! The machines and the data of protocols that need no training, and steps of training without noise.

use std::ops::Range;

use rayon::prelude::*;
use rbm_data::{DataConfig, Source};
use rbm_model::{
    Parameters,
    exact::{Gradient, WeightedRows},
};
use rbm_random::{Sequence, Stream};
use rbm_runner::DataSets;

use super::{Inputs, definition::MOST_UNITS, go_on};
use crate::Error;

/// A machine whose weights and biases are normal with standard deviation `scale`. Of one seed, machines of all scales
/// are multiples of one another.
pub(super) fn random_machine(visible: usize, hidden: usize, scale: f64, seed: u64) -> Result<Parameters, Error> {
    let mut draws = Sequence::new(seed, Stream::Initialization, 0);
    let mut some = |count: usize| (0..count).map(|_| scale * draws.normal()).collect::<Vec<_>>();
    Ok(Parameters::new(some(visible * hidden), some(visible), some(hidden))?)
}

/// What `find` finds at each scale with each seed, 0 to `machines - 1`; the seeds of a scale side by side. All of it
/// takes the protocol from one share of its work to another.
pub(super) fn each_machine<T: Send>(
    inputs: &Inputs<'_>,
    (machines, scales): (u64, &[f64]),
    shares: Range<f64>,
    find: impl Fn(f64, u64) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let stop = inputs.stop;
    let mut found = Vec::new();
    for (done, &scale) in scales.iter().enumerate() {
        let of_seed = |seed| go_on(stop).and_then(|()| find(scale, seed));
        let of_seeds: Result<Vec<T>, Error> = (0..machines).into_par_iter().map(of_seed).collect();
        found.extend(of_seeds?);
        inputs.tell(shares.start + (shares.end - shares.start) * (done + 1) as f64 / scales.len() as f64)?;
    }
    Ok(found)
}

/// Data of which each row is any state with equal probability, and may come twice.
pub(super) fn random_rows(visible: usize, rows: usize, seed: u64) -> Result<WeightedRows, Error> {
    let mut draws = Sequence::new(seed, Stream::BiasStart, 0);
    let values: Vec<f64> = (0..rows * visible).map(|_| draws.below(2) as f64).collect();
    Ok(WeightedRows::new(visible, &values)?)
}

/// Bars and stripes of 3 x 3, with multiplicity: 16 rows of 9 units.
pub(super) fn bars_and_stripes(data: &mut DataSets) -> Result<WeightedRows, Error> {
    let split = data.load(&DataConfig::new(Source::BarsAndStripes))?.train;
    let mut values = vec![0.0; split.len() * split.visible()];
    values.chunks_exact_mut(split.visible()).enumerate().for_each(|(row, out)| split.row(row, out));
    Ok(WeightedRows::new(split.visible(), &values)?)
}

/// The parameters moved by `rate` along a gradient.
pub(super) fn ascend(parameters: &Parameters, gradient: &Gradient, rate: f64) -> Result<Parameters, Error> {
    let moved = |from: &[f64], along: &[f64]| from.iter().zip(along).map(|(x, g)| x + rate * g).collect();
    Ok(Parameters::new(
        moved(parameters.weights(), &gradient.weights),
        moved(parameters.visible_bias(), &gradient.visible_bias),
        moved(parameters.hidden_bias(), &gradient.hidden_bias),
    )?)
}

/// All parameters in the order of a gradient's components: weights row by row, visible bias, hidden bias.
pub(super) fn components(parameters: &Parameters) -> Vec<f64> {
    [parameters.weights(), parameters.visible_bias(), parameters.hidden_bias()].concat()
}

/// The opposite of [`components`].
pub(super) fn from_components(visible: usize, hidden: usize, components: &[f64]) -> Result<Parameters, Error> {
    let (weights, biases) = components.split_at(visible * hidden);
    let (visible_bias, hidden_bias) = biases.split_at(visible);
    Ok(Parameters::new(weights.to_vec(), visible_bias.to_vec(), hidden_bias.to_vec())?)
}

/// Refuses a machine's size where joint states are written out.
pub(super) fn check_size(visible: usize, hidden: usize) -> Result<(), String> {
    if visible > 0 && hidden > 0 && visible.saturating_add(hidden) <= MOST_UNITS {
        return Ok(());
    }
    Err(format!(
        "`visible` and `hidden` must be at least 1 and together at most {MOST_UNITS}, not {visible} and {hidden}"
    ))
}

/// Refuses no machines, no scales, and scales that are no standard deviations.
pub(super) fn check_machines(machines: u64, scales: &[f64]) -> Result<(), String> {
    if machines == 0 || scales.is_empty() || !scales.iter().all(|scale| scale.is_finite() && *scale >= 0.0) {
        return Err("`machines` must be at least 1, and `scales` one or more numbers from 0 on".into());
    }
    Ok(())
}

/// The largest absolute difference of two lists of numbers.
pub(super) fn largest_difference(a: impl IntoIterator<Item = f64>, b: impl IntoIterator<Item = f64>) -> f64 {
    a.into_iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
