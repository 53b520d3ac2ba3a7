//! `conditionals`: are the units of a layer independent given the other layer, with the logistic formula as their law?
//!
//! `sigma(b + W v)` and `sigma(a + W' h)` by the operations that training runs, against conditionals that are summed
//! from the joint law. The joint law comes from the energies of all states.
//!
//! Rounding, for the thresholds of claims: an energy is a sum of K = mn + m + n terms whose absolute values sum to A,
//! so that it errs by at most `K u A`, u = 2^-53. A weight `exp(-E)` errs by as much relatively, and a conditional
//! probability p, a quotient of sums of weights, by at most `2 p (1 - p) K u A <= K u A / 2`. The library's activation
//! errs by less. At 6 x 5 units and scale 4, A is about 41 x 4 x 0.8 = 131, so the bound is 3e-13; 1e-12 leaves room
//! for machines with larger A.

use rbm_model::{ModelConfig, Precision, Rbm};
use rbm_ops::{BackendName, open};
use serde::Deserialize;

use super::{
    Checked, Inputs, Output,
    definition::{Joint, factorisation_error, means, states},
    machines::{check_machines, check_size, each_machine, largest_difference, random_machine},
};
use crate::{Error, Measurement};

/// What may stand in `[protocol.parameters]`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Machines of each scale (20).
    machines: u64,
    /// Visible units (6), at least 2 for the lateral connection.
    visible: usize,
    /// Hidden units (5).
    hidden: usize,
    /// Standard deviations of weights and biases (0.5, 1, 2, 4).
    scales: Vec<f64>,
    /// Strength of the lateral connection in the control (1).
    lateral: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { machines: 20, visible: 6, hidden: 5, scales: vec![0.5, 1.0, 2.0, 4.0], lateral: 1.0 }
    }
}

impl Checked for Settings {
    fn check(&self) -> Result<(), String> {
        check_machines(self.machines, &self.scales)?;
        check_size(self.visible, self.hidden)
    }
}

/// Measures, of each machine (the seed) and `scale`, the largest errors over all states:
///
/// - `hidden-conditional-error`, `visible-conditional-error`: of the library's `p(h_j | v)` and `p(v_i | h)`;
/// - `factorisation-error`: of `p(h | v)` and `p(v | h)` from the products of their units' laws, all by the joint law;
/// - `factorisation-error-lateral`: of `p(v | h)`, where two visible units are connected. It must not vanish: the
///   control that the measurement can fail.
pub(crate) fn conditionals(inputs: &mut Inputs<'_>) -> Result<Output, Error> {
    let settings: Settings = inputs.parse()?;
    let machines = (settings.machines, &settings.scales[..]);
    let found = each_machine(inputs, machines, 0.0..1.0, |scale, seed| errors(&settings, scale, seed))?;
    Ok(Output { measurements: found.into_iter().flatten().collect(), images: Vec::new() })
}

fn errors(settings: &Settings, scale: f64, seed: u64) -> Result<Vec<Measurement>, Error> {
    let (m, n) = (settings.visible, settings.hidden);
    let machine = random_machine(m, n, scale, seed)?;
    let rbm = Rbm::new(&machine, &ModelConfig::default(), Precision::F64, &open(BackendName::Flex)?);
    let joint = Joint::new(&machine);
    let given_visible: Vec<Vec<f64>> = (0..1 << m).map(|visible| joint.hidden_given(visible)).collect();
    let given_hidden: Vec<Vec<f64>> = (0..1 << n).map(|hidden| joint.visible_given(hidden)).collect();
    let farthest =
        |laws: &[Vec<f64>], units| laws.iter().map(|law| factorisation_error(law, units)).fold(0.0, f64::max);
    let hidden_error =
        largest_difference(rbm.hidden_probabilities(&states(m))?, given_visible.iter().flat_map(|law| means(law, n)));
    let visible_error =
        largest_difference(rbm.visible_probabilities(&states(n))?, given_hidden.iter().flat_map(|law| means(law, m)));
    let factorisation = farthest(&given_visible, n).max(farthest(&given_hidden, m));
    let mut found = vec![
        ("hidden-conditional-error", hidden_error),
        ("visible-conditional-error", visible_error),
        ("factorisation-error", factorisation),
    ];
    if m > 1 {
        let lateral = Joint::with_lateral(&machine, settings.lateral);
        let laws: Vec<Vec<f64>> = (0..1 << n).map(|hidden| lateral.visible_given(hidden)).collect();
        found.push(("factorisation-error-lateral", farthest(&laws, m)));
    }
    let measurement = |(quantity, value)| Measurement::new(quantity, value).with("scale", scale).of_seed(seed);
    Ok(found.into_iter().map(measurement).collect())
}
