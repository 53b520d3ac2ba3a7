//! The partition function.

use super::enumeration::Enumeration;
use crate::{Error, Parameters};

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
    let enumeration = Enumeration::of_smaller(parameters)?;
    let segments = enumeration.map_segments(|mut walk| {
        let mut sum = LogSum::EMPTY;
        loop {
            sum = sum.add(LogSum { largest: walk.log_weight(), scaled: 1.0 });
            if !walk.advance() {
                return sum;
            }
        }
    });
    Ok(segments.into_iter().fold(LogSum::EMPTY, LogSum::add).value())
}

/// The model's law over all states of the visible layer, `[2^visible]`.
///
/// # Errors
/// When there are more than [`LIMIT`](super::LIMIT) visible units.
pub fn visible_law(parameters: &Parameters) -> Result<Vec<f64>, Error> {
    Ok(enumerated_law(&Enumeration::of_visible(parameters)?))
}

/// The model's law over all states of the enumerated layer.
pub(super) fn enumerated_law(enumeration: &Enumeration<'_>) -> Vec<f64> {
    let mut law = enumeration.tabulate(1, |walk, out| out[0] = walk.log_weight());
    let largest = law.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for probability in &mut law {
        *probability = (*probability - largest).exp();
        total += *probability;
    }
    for probability in &mut law {
        *probability /= total;
    }
    law
}

/// `ln sum exp(x)` while the x come in: the largest of them, and the sum of `exp(x - largest)`.
#[derive(Clone, Copy)]
struct LogSum {
    largest: f64,
    scaled: f64,
}

impl LogSum {
    const EMPTY: Self = Self { largest: f64::NEG_INFINITY, scaled: 0.0 };

    fn add(self, other: Self) -> Self {
        if other.largest <= self.largest {
            Self { scaled: self.scaled + other.scaled * (other.largest - self.largest).exp(), ..self }
        } else {
            other.add_smaller(self)
        }
    }

    fn add_smaller(self, other: Self) -> Self {
        Self { scaled: self.scaled + other.scaled * (other.largest - self.largest).exp(), ..self }
    }

    fn value(self) -> f64 {
        self.largest + self.scaled.ln()
    }
}
