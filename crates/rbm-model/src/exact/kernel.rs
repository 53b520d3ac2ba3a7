//! The Gibbs kernel `T(v'|v) = sum_h p(v'|h) p(h|v)` on laws of whole layers, in two halves.

use super::{LAYER_LIMIT, WeightedRows, moments::check_law, products::Conditionals};
use crate::{Error, Parameters};

/// The largest number of units in both layers where both are enumerated: one step then takes 2^27 multiplications.
pub const JOINT_LIMIT: usize = 26;

/// One Gibbs step of a law over all states of the visible layer, `d <- (d P(h|v)) P(v|h)`, `[2^visible]`.
///
/// # Errors
/// When the law has another number of states, or the machine has more than [`LAYER_LIMIT`] units in a layer or
/// [`JOINT_LIMIT`] in both together.
pub fn kernel_step(parameters: &Parameters, law: &[f64]) -> Result<Vec<f64>, Error> {
    let halves = Halves::new(parameters)?;
    check_law(parameters, law)?;
    Ok(halves.visible(&halves.hidden(law)))
}

/// Refuses a machine whose two layers cannot both be enumerated.
pub(super) fn check_joint(parameters: &Parameters) -> Result<(), Error> {
    let (visible, hidden) = (parameters.visible(), parameters.hidden());
    let larger = visible.max(hidden);
    let (units, limit, wanted) = if visible + hidden > JOINT_LIMIT {
        (visible + hidden, JOINT_LIMIT, "in both layers together where the kernel is applied to whole laws")
    } else if larger > LAYER_LIMIT {
        (larger, LAYER_LIMIT, "in one layer where the kernel is applied to whole laws")
    } else {
        return Ok(());
    };
    let instead = "beyond that the expectation of CD-k is estimated by independent chains, to an error that shrinks with \
                   the root of their number";
    Err(Error::TooLarge { units, limit, wanted, instead })
}

/// The two halves of the kernel.
pub(super) struct Halves<'a> {
    parameters: &'a Parameters,
    transposed: Parameters,
}

impl<'a> Halves<'a> {
    pub(super) fn new(parameters: &'a Parameters) -> Result<Self, Error> {
        check_joint(parameters)?;
        Ok(Self { parameters, transposed: parameters.transposed() })
    }

    /// The hidden layer's law given the visible one's.
    pub(super) fn hidden(&self, visible_law: &[f64]) -> Vec<f64> {
        given_hidden_states(&self.transposed, |conditionals| conditionals.push_forward(visible_law))
    }

    /// The visible layer's law given the hidden one's.
    pub(super) fn visible(&self, hidden_law: &[f64]) -> Vec<f64> {
        given_hidden_states(self.parameters, |conditionals| conditionals.push_forward(hidden_law))
    }

    /// The hidden layer's law where the visible layer is at the rows.
    pub(super) fn hidden_of_rows(&self, rows: &WeightedRows) -> Vec<f64> {
        let (rows, shares): (Vec<&[f64]>, Vec<f64>) = rows.iter().unzip();
        let units = self.parameters.hidden();
        let activations = |first: usize, out: &mut [f64]| {
            for (row, out) in rows[first..].iter().zip(out.chunks_exact_mut(units)) {
                out.copy_from_slice(&self.parameters.hidden_activation(row));
            }
        };
        Conditionals { states: rows.len(), units, activations: &activations }.push_forward(&shares)
    }

    /// `E[f(h) | v]` for every visible state.
    pub(super) fn mean_given_visible(&self, f: &[f64]) -> Vec<f64> {
        given_hidden_states(&self.transposed, |conditionals| conditionals.pull_back(f))
    }

    /// `E[f(v) | h]` for every hidden state.
    pub(super) fn mean_given_hidden(&self, f: &[f64]) -> Vec<f64> {
        given_hidden_states(self.parameters, |conditionals| conditionals.pull_back(f))
    }
}

/// The law of the visible layer given each state of the hidden one, to `work` with.
fn given_hidden_states<T>(machine: &Parameters, work: impl FnOnce(&Conditionals<'_>) -> T) -> T {
    let (units, hidden) = (machine.visible(), machine.hidden());
    // An activation is the sum of two: of the state's low bits, from a table, and of its high bits with the bias.
    let low_units = hidden.min(LOW_UNITS);
    let mut low = vec![0.0; units << low_units];
    for (state, out) in low.chunks_exact_mut(units).enumerate() {
        add_weights(machine, state, out);
    }
    let activations = |first: usize, out: &mut [f64]| {
        let mut high = vec![0.0; units];
        for (state, out) in (first..).zip(out.chunks_exact_mut(units)) {
            let low_bits = state & ((1 << low_units) - 1);
            if state == first || low_bits == 0 {
                high.copy_from_slice(machine.visible_bias());
                add_weights(machine, state ^ low_bits, &mut high);
            }
            for (x, (low, high)) in out.iter_mut().zip(low[low_bits * units..].iter().zip(&high)) {
                *x = low + high;
            }
        }
    };
    work(&Conditionals { states: 1 << hidden, units, activations: &activations })
}

/// Units of the hidden layer whose part of the activations is in a table.
const LOW_UNITS: usize = 6;

/// Adds the weights of the units that are on.
fn add_weights(machine: &Parameters, state: usize, activations: &mut [f64]) {
    for unit in (0..machine.hidden()).filter(|unit| state >> unit & 1 == 1) {
        for (x, weight) in activations.iter_mut().zip(machine.weights_of(unit)) {
            *x += weight;
        }
    }
}
