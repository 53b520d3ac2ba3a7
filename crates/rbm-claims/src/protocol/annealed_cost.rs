//! What annealed importance sampling costs, and how far it errs.

use std::{ops::ControlFlow, time::Instant};

use rbm_eval::log_z::{Schedule, Verdict, anneal_up, forward_estimate};
use rbm_model::{AnnealedChains, AnnealingPath, ChainStreams, Parameters, Place, Precision, exact};
use rbm_ops::{BackendName, open};
use rbm_random::{Sequence, Stream};
use rbm_runner::StopFlag;

use super::partition_cost::Settings;
use crate::{Error, Measurement};

/// Up to so many hidden units log Z is summed too, in a second or so, and the error is known.
const MOST_SUMMED: usize = 22;
/// Log-odds of a pixel of handwritten digits, by and large: one in eight is on.
const VISIBLE_BIAS: f64 = -2.0;

/// Measures, of a machine with so many hidden units, by its hidden units and each seed of the chains:
///
/// - `seconds` and `ais-seconds`: of the run, without those runs by which the library judges its interval;
/// - `ais-half-width-nats`: half the width of the interval of three standard errors, where both its ends are defined;
/// - `ais-error-nats`: how far the estimate is from the sum over the hidden layer, up to 22 hidden units.
pub(super) fn measure(settings: &Settings, hidden: usize, stop: &StopFlag) -> Result<Vec<Measurement>, Error> {
    let machine = digit_like_machine(settings.visible, hidden, settings.scale)?;
    let place = Place { device: open(BackendName::Flex)?, precision: Precision::F32 };
    // From independent units with the machine's own visible bias: weights and hidden biases are what is turned on.
    let path = AnnealingPath::from_independent(machine.visible_bias(), &machine, &place)?;
    let betas = Schedule::Linear(settings.ais_temperatures).betas();
    let start = path.log_partition_at_start().ok_or(rbm_eval::Error::NotFinite)?;
    let summed = (hidden.min(settings.visible) <= MOST_SUMMED).then(|| exact::log_partition(&machine)).transpose()?;
    let mut found = Vec::new();
    for seed in 0..settings.ais_seeds {
        let clock = Instant::now();
        let chains = AnnealedChains::at_start(&path, settings.ais_chains, seed, ChainStreams::ANNEAL);
        let mut watch = |_| if stop.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let weights = anneal_up(&path, &betas, chains, &mut watch)?;
        let estimate = forward_estimate(&weights, start, betas.len(), Verdict::low("not judged"));
        let seconds = clock.elapsed().as_secs_f64();
        let mut add = |quantity, value: f64| {
            let one = Measurement::new(quantity, value).with("method", "ais").at(hidden as f64).of_seed(seed);
            found.extend(value.is_finite().then_some(one));
        };
        add("seconds", seconds);
        add("ais-seconds", seconds);
        if let Some([Some(low), Some(high)]) = estimate.log_z_interval_3s {
            add("ais-half-width-nats", 0.5 * (high - low));
        }
        if let Some(log_z) = summed {
            add("ais-error-nats", (estimate.log_z - log_z).abs());
        }
    }
    Ok(found)
}

/// A random machine with weights and biases of the size that machines trained on digits have, though not their
/// structure: weights and hidden biases N(0, scale^2), visible biases N(-2, 1).
fn digit_like_machine(visible: usize, hidden: usize, scale: f64) -> Result<Parameters, Error> {
    let mut draws = Sequence::new(0, Stream::Initialization, 0);
    let mut some = |count: usize, mean: f64, deviation: f64| -> Vec<f64> {
        (0..count).map(|_| mean + deviation * draws.normal()).collect()
    };
    let weights = some(visible * hidden, 0.0, scale);
    let visible_bias = some(visible, VISIBLE_BIAS, 1.0);
    Ok(Parameters::new(weights, visible_bias, some(hidden, 0.0, scale))?)
}
