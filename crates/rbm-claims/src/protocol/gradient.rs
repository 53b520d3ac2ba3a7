//! `gradient`: is the closed form `E_q s - E_p s` the gradient of the mean log-likelihood?
//!
//! `rbm_model::exact::gradient` is held against three computations that share nothing with it: central differences of a
//! log-likelihood summed over all joint states, automatic differentiation of the log-likelihood, and the expectations
//! summed from the joint law.
//!
//! What central differences of step d may err by: the truncation is `d^2 / 6` times the third derivative, a difference
//! of two third cumulants of statistics within [0, 1], each at most 0.1: 3e-12 at d = 1e-5. A value of the
//! log-likelihood is a difference of logarithms of sums of weights. A weight errs relatively by at most `K u A` (K
//! terms of an energy, whose absolute values sum to A; u = 2^-53): at 7 x 5 units and scale 2, 47 x 1.1e-16 x 75 =
//! 4e-13; the sum of 4096 weights by as many u, 5e-13. Together 1.3e-12 a value, and at most 1.3e-7 the quotient: 1e-6
//! leaves room for machines with larger A. The other two err by rounding alone, by at most `2 K u A` for the quotients
//! and as much for the sums: below 1e-11.

use rbm_model::{
    Parameters,
    exact::{self, WeightedRows},
};
use rbm_ops::{BackendName, open, scalar::log_sum_exp};
use rbm_train::autodiff_gradient;
use serde::Deserialize;

use super::{
    Checked, Inputs, Output,
    definition::{Joint, log_weight, states},
    machines::{
        check_machines, check_size, components, each_machine, from_components, largest_difference, random_machine,
        random_rows,
    },
};
use crate::{Error, Measurement};

/// What may stand in `[protocol.parameters]`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Machines of each scale (10).
    machines: u64,
    /// Visible units (7).
    visible: usize,
    /// Hidden units (5).
    hidden: usize,
    /// Standard deviations of weights and biases (0.5, 1, 2).
    scales: Vec<f64>,
    /// Rows of random data (10).
    rows: usize,
    /// Step of the central differences (1e-5), at which truncation and rounding together stay below 1e-6.
    step: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { machines: 10, visible: 7, hidden: 5, scales: vec![0.5, 1.0, 2.0], rows: 10, step: 1e-5 }
    }
}

impl Checked for Settings {
    fn check(&self) -> Result<(), String> {
        if !(self.step.is_finite() && self.step > 0.0) || self.rows == 0 {
            return Err("`step` must be positive, and `rows` at least 1".into());
        }
        check_machines(self.machines, &self.scales)?;
        check_size(self.visible, self.hidden)
    }
}

/// Measures, of each machine (the seed) and `scale`, the largest error of a component of the closed form against
///
/// - `finite-difference-error`: central differences;
/// - `autodiff-error`: automatic differentiation;
/// - `enumeration-error`: expectations under the joint law;
/// - `positive-phase-only-error`: its own positive phase, `E_q s`. The control: an error that must be seen.
pub(crate) fn gradient(inputs: &mut Inputs<'_>) -> Result<Output, Error> {
    let settings: Settings = inputs.parse()?;
    let machines = (settings.machines, &settings.scales[..]);
    let found = each_machine(inputs, machines, 0.0..1.0, |scale, seed| errors(&settings, scale, seed))?;
    Ok(Output { measurements: found.into_iter().flatten().collect(), images: Vec::new() })
}

fn errors(settings: &Settings, scale: f64, seed: u64) -> Result<Vec<Measurement>, Error> {
    let machine = random_machine(settings.visible, settings.hidden, scale, seed)?;
    let rows = random_rows(settings.visible, settings.rows, seed)?;
    let closed: Vec<f64> = exact::gradient(&machine, &rows)?.components().collect();
    let joint = Joint::new(&machine);
    let positive = joint.statistics_under(&rows.law()?);
    let negative = joint.statistics_under(&joint.visible_law());
    let enumerated: Vec<f64> = positive.iter().zip(&negative).map(|(data, model)| data - model).collect();
    let automatic = autodiff_gradient(&machine, &rows, &open(BackendName::Flex)?)?;
    let differences = central_differences(&machine, &rows, settings.step)?;
    let error = |other: &[f64]| largest_difference(closed.iter().copied(), other.iter().copied());
    let found = [
        ("finite-difference-error", error(&differences)),
        ("autodiff-error", error(&automatic.components().collect::<Vec<_>>())),
        ("enumeration-error", error(&enumerated)),
        ("positive-phase-only-error", error(&positive)),
    ];
    let measurement = |(quantity, value)| Measurement::new(quantity, value).with("scale", scale).of_seed(seed);
    Ok(found.map(measurement).into())
}

/// `(L(theta + d e_c) - L(theta - d e_c)) / 2 d` for every component c.
fn central_differences(machine: &Parameters, rows: &WeightedRows, step: f64) -> Result<Vec<f64>, Error> {
    let at = components(machine);
    let value = |component: usize, moved: f64| {
        let mut there = at.clone();
        there[component] = moved;
        Ok::<f64, Error>(mean_log_likelihood(&from_components(machine.visible(), machine.hidden(), &there)?, rows))
    };
    let difference = |component: usize| {
        let (up, down) = (at[component] + step, at[component] - step);
        // The step as it was taken: the sums are rounded.
        Ok((value(component, up)? - value(component, down)?) / (up - down))
    };
    (0..at.len()).map(difference).collect()
}

/// `E_q ln sum_h exp(-E(v, h)) - ln sum_vh exp(-E(v, h))`, from the energies of all joint states.
fn mean_log_likelihood(machine: &Parameters, rows: &WeightedRows) -> f64 {
    let (visible, hidden) = (states(machine.visible()), states(machine.hidden()));
    let weights: Vec<f64> = visible.chunks_exact(machine.visible()).map(|v| log_weight(machine, v, &hidden)).collect();
    let data: f64 = rows.iter().map(|(row, share)| share * log_weight(machine, row, &hidden)).sum();
    data - log_sum_exp(&weights)
}
