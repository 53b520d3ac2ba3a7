//! The Gibbs kernel `T(v'|v) = sum_h p(v'|h) p(h|v)` on laws of whole layers, in two halves.

use rbm_ops::scalar::sigmoid;

use super::{LIMIT, WeightedRows, enumeration::Enumeration};
use crate::{Error, Parameters};

/// The largest number of units in both layers where both are enumerated: one step then takes 2^27 multiplications.
pub const JOINT_LIMIT: usize = 26;

/// One Gibbs step of a law over all states of the visible layer, `d <- (d P(h|v)) P(v|h)`, `[2^visible]`.
///
/// # Errors
/// When the law has another number of states, or the machine has more than [`LIMIT`] units in a layer or
/// [`JOINT_LIMIT`] in both together.
pub fn kernel_step(parameters: &Parameters, law: &[f64]) -> Result<Vec<f64>, Error> {
    let halves = Halves::new(parameters)?;
    if law.len() != 1 << parameters.visible() {
        return Err(Error::Shape(format!(
            "a law of {} states is not one of 2^{} states",
            law.len(),
            parameters.visible()
        )));
    }
    Ok(halves.visible(&halves.hidden(law)))
}

/// Refuses a machine whose two layers cannot both be enumerated.
pub(super) fn check_joint(parameters: &Parameters) -> Result<(), Error> {
    let (visible, hidden) = (parameters.visible(), parameters.hidden());
    let larger = visible.max(hidden);
    if larger > LIMIT {
        return Err(Error::TooLarge { units: larger, limit: LIMIT });
    }
    if visible + hidden > JOINT_LIMIT {
        return Err(Error::TooLarge { units: visible + hidden, limit: JOINT_LIMIT });
    }
    Ok(())
}

/// The two halves of the kernel.
pub(super) struct Halves<'a> {
    parameters: &'a Parameters,
    over_visible: Enumeration<'a>,
    over_hidden: Enumeration<'a>,
}

impl<'a> Halves<'a> {
    pub(super) fn new(parameters: &'a Parameters) -> Result<Self, Error> {
        check_joint(parameters)?;
        Ok(Self {
            parameters,
            over_visible: Enumeration::of_visible(parameters)?.by_activations(),
            over_hidden: Enumeration::of_hidden(parameters)?.by_activations(),
        })
    }

    /// The hidden layer's law given the visible one's.
    pub(super) fn hidden(&self, visible_law: &[f64]) -> Vec<f64> {
        push_forward(&self.over_visible, visible_law)
    }

    /// The visible layer's law given the hidden one's.
    pub(super) fn visible(&self, hidden_law: &[f64]) -> Vec<f64> {
        push_forward(&self.over_hidden, hidden_law)
    }

    /// The hidden layer's law where the visible layer is at the rows.
    pub(super) fn hidden_of_rows(&self, rows: &WeightedRows) -> Vec<f64> {
        let mut law = vec![0.0; 1 << self.parameters.hidden()];
        let mut scratch = law.clone();
        for (row, share) in rows.iter() {
            add_product_law(&mut law, &mut scratch, share, &self.parameters.hidden_activation(row));
        }
        law
    }

    /// `E[f(h) | v]` for every visible state.
    pub(super) fn mean_given_visible(&self, f: &[f64]) -> Vec<f64> {
        pull_back(&self.over_visible, f)
    }

    /// `E[f(v) | h]` for every hidden state.
    pub(super) fn mean_given_hidden(&self, f: &[f64]) -> Vec<f64> {
        pull_back(&self.over_hidden, f)
    }
}

/// `sum_x law(x) P(y|x)` over the enumerated layer's states x, for every state y of the other layer.
fn push_forward(enumeration: &Enumeration<'_>, law: &[f64]) -> Vec<f64> {
    let states = 1 << enumeration.other();
    let parts = enumeration.map_segments(|mut walk| {
        let mut part = vec![0.0; states];
        let mut scratch = vec![0.0; states];
        loop {
            let mass = law[walk.state()];
            if mass != 0.0 {
                add_product_law(&mut part, &mut scratch, mass, walk.activations());
            }
            if !walk.advance() {
                return part;
            }
        }
    });
    let mut sum = vec![0.0; states];
    for part in parts {
        for (sum, value) in sum.iter_mut().zip(part) {
            *sum += value;
        }
    }
    sum
}

/// Adds `mass` times the law of independent units with these activations; built by doubling, unit after unit.
fn add_product_law(law: &mut [f64], scratch: &mut [f64], mass: f64, activations: &[f64]) {
    scratch[0] = mass;
    for (unit, &activation) in activations.iter().enumerate() {
        let (on, off) = (sigmoid(activation), sigmoid(-activation));
        let (low, high) = scratch.split_at_mut(1 << unit);
        for (low, high) in low.iter_mut().zip(high) {
            *high = *low * on;
            *low *= off;
        }
    }
    for (sum, value) in law.iter_mut().zip(scratch) {
        *sum += *value;
    }
}

/// `sum_y P(y|x) f(y)` for every state x of the enumerated layer; folded unit after unit.
fn pull_back(enumeration: &Enumeration<'_>, f: &[f64]) -> Vec<f64> {
    enumeration.tabulate(1, |walk, out| {
        let mut folded = f.to_vec();
        for (unit, &activation) in walk.activations().iter().enumerate().rev() {
            let (on, off) = (sigmoid(activation), sigmoid(-activation));
            let (low, high) = folded.split_at_mut(1 << unit);
            for (low, high) in low.iter_mut().zip(high) {
                *low = off * *low + on * *high;
            }
        }
        out[0] = folded[0];
    })
}
