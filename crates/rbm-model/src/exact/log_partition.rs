//! The partition function.

use std::time::Instant;

use super::enumeration::{Enumeration, LogWeight, Purpose};
use crate::{Error, Parameters};

/// How many states are enumerated between two words on the progress.
pub(super) const STATES_A_CALL: u64 = 1 << 16;
/// Units of the layer that is enumerated to see how long a state takes.
const PROBED_UNITS: usize = 17;

/// Log of the partition function, `ln sum_h exp(b.h + sum_i softplus(a_i + (h W)_i))`, in nats.
///
/// The smaller layer is enumerated in Gray-code order; two machines whose layers are exchanged have the same value.
///
/// ```
/// use rbm_model::{Parameters, exact};
///
/// // Without weights the units are independent: Z is the product of `1 + exp(bias)`.
/// let machine = Parameters::new(vec![0.0; 6], vec![0.0; 3], vec![0.0; 2])?;
/// assert!((exact::log_partition(&machine)? - 5.0 * 2.0_f64.ln()).abs() < 1e-14);
/// # Ok::<(), rbm_model::Error>(())
/// ```
///
/// # Errors
/// When both layers have more than [`LIMIT`](super::LIMIT) units.
pub fn log_partition(parameters: &Parameters) -> Result<f64, Error> {
    log_partition_with(parameters, &|_| ())
}

/// [`log_partition`], telling `progress` now and then how many more states, of `2^min(visible, hidden)`, are done.
///
/// # Errors
/// As [`log_partition`].
pub fn log_partition_with(parameters: &Parameters, progress: &(dyn Fn(u64) + Sync)) -> Result<f64, Error> {
    Ok(total_weight(&Enumeration::of_smaller(parameters, Purpose::Sum)?, progress).value())
}

/// How long [`log_partition`] would take on this machine with the threads there are, in seconds: some 2^17 states of
/// the same machine are enumerated, and the time scaled. Exact moments take about three times as long.
///
/// # Errors
/// As [`log_partition`].
pub fn estimated_seconds(parameters: &Parameters) -> Result<f64, Error> {
    drop(Enumeration::of_smaller(parameters, Purpose::Sum)?);
    let oriented = if parameters.hidden() <= parameters.visible() { parameters } else { &parameters.transposed() };
    let units = oriented.hidden().min(PROBED_UNITS);
    let probe = Parameters::new(
        oriented.weights()[..units * oriented.visible()].to_vec(),
        oriented.visible_bias().to_vec(),
        oriented.hidden_bias()[..units].to_vec(),
    )?;
    let start = Instant::now();
    // More visible than hidden units, or as many: the hidden layer is the one enumerated, here as there.
    log_partition(&probe)?;
    Ok(start.elapsed().as_secs_f64() * ((oriented.hidden() - units) as f64).exp2())
}

/// Log of the sum of all weights.
pub(super) fn total_weight(enumeration: &Enumeration<'_>, progress: &(dyn Fn(u64) + Sync)) -> LogWeight {
    let segments = enumeration.map_segments(|mut walk| {
        let mut sum = LogSum::EMPTY;
        let mut untold = 0;
        loop {
            sum = sum.add(LogSum { largest: walk.log_weight(), scaled: 1.0 });
            untold += 1;
            let more = walk.advance();
            if untold == STATES_A_CALL || !more {
                progress(untold);
                untold = 0;
            }
            if !more {
                return sum;
            }
        }
    });
    segments.into_iter().fold(LogSum::EMPTY, LogSum::add).value()
}

/// The model's law over all states of the visible layer, `[2^visible]`.
///
/// # Errors
/// When there are more than [`LAYER_LIMIT`](super::LAYER_LIMIT) visible units.
pub fn visible_law(parameters: &Parameters) -> Result<Vec<f64>, Error> {
    Ok(enumerated_law(&Enumeration::of_visible(parameters, Purpose::Law)?))
}

/// The model's law over all states of the enumerated layer.
pub(super) fn enumerated_law(enumeration: &Enumeration<'_>) -> Vec<f64> {
    let log_z = total_weight(enumeration, &|_| ());
    let mut law = enumeration.tabulate(1, |walk, out| out[0] = walk.log_weight().minus(log_z).exp());
    let total: f64 = law.iter().sum();
    for probability in &mut law {
        *probability /= total;
    }
    law
}

/// `ln sum exp(x)` while the x come in: the largest of them, and the sum of `exp(x - largest)`.
#[derive(Clone, Copy)]
struct LogSum {
    largest: LogWeight,
    scaled: f64,
}

impl LogSum {
    const EMPTY: Self = Self { largest: LogWeight::ZERO, scaled: 0.0 };

    fn add(self, other: Self) -> Self {
        if other.largest.value() <= self.largest.value() { self.add_smaller(other) } else { other.add_smaller(self) }
    }

    fn add_smaller(self, other: Self) -> Self {
        if other.scaled == 0.0 {
            return self;
        }
        Self { scaled: self.scaled + other.scaled * other.largest.minus(self.largest).exp(), ..self }
    }

    fn value(self) -> LogWeight {
        LogWeight { soft: self.largest.soft + self.scaled.ln(), ..self.largest }
    }
}
