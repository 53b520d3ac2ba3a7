//! `bias-of-k`: is CD-k less biased, the larger k is; and what does a larger k cost?
//!
//! The law `q T^k` of chains that start at the data is computed exactly, so that every number is free of noise.
//! Chi-squared, KL and total variation from the model cannot rise with k (data processing); the norm of the gradient's
//! bias, and each component of it, can. Both are looked at on random machines and on machines along a training by the
//! exact gradient.

use rayon::prelude::*;
use rbm_model::{
    Parameters,
    exact::{self, WeightedRows},
};
use rbm_random::{Sequence, Stream};
use rbm_runner::StopFlag;
use serde::Deserialize;

use super::{
    Checked, Inputs, Output,
    bias_curve::Curve,
    go_on,
    machines::{ascend, bars_and_stripes, check_machines, check_size, each_machine, random_machine, random_rows},
    rises::Rises,
};
use crate::{Error, Label, Measurement};

/// What may stand in `[protocol.parameters]`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Random machines of each scale, and trainings (20).
    machines: u64,
    /// Visible units of random machines (6).
    visible: usize,
    /// Hidden units of random machines (4).
    hidden: usize,
    /// Standard deviations of their weights and biases (0.25, 0.5, 1, 2, 4).
    scales: Vec<f64>,
    /// Rows of their data, each any state (5).
    rows: usize,
    /// Hidden units of trained machines (6), at most 12; their data are bars and stripes of 3 x 3.
    training_hidden: usize,
    /// Steps of training, ascending, after which the machine is measured (0, 10, 30, 100, 300, 1,000, 3,000).
    training_steps: Vec<u32>,
    /// Step size of the training on the mean exact gradient (0.5).
    learning_rate: f64,
    /// Standard deviation of the weights that training starts from (0.1).
    start: f64,
    /// Numbers of Gibbs steps, ascending from at least 1 (1, 2, 3, 5, 10, 20, 50, 100).
    ks: Vec<u32>,
    /// Rises are looked for from each k to the next up to this one (20).
    rises_up_to: u32,
    /// Gibbs sweeps that an estimate may cost (1,000): `sweeps / k` chains of k steps.
    sweeps: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            machines: 20,
            visible: 6,
            hidden: 4,
            scales: vec![0.25, 0.5, 1.0, 2.0, 4.0],
            rows: 5,
            training_hidden: 6,
            training_steps: vec![0, 10, 30, 100, 300, 1_000, 3_000],
            learning_rate: 0.5,
            start: 0.1,
            ks: vec![1, 2, 3, 5, 10, 20, 50, 100],
            rises_up_to: 20,
            sweeps: 1_000.0,
        }
    }
}

impl Checked for Settings {
    fn check(&self) -> Result<(), String> {
        if !(1..=12).contains(&self.training_hidden) || self.rows == 0 {
            return Err("`training_hidden` must be from 1 to 12, and `rows` at least 1".into());
        }
        if self.ks.is_empty() || self.ks[0] == 0 || !self.ks.is_sorted_by(|a, b| a < b) {
            return Err("`ks` must ascend from at least 1".into());
        }
        if !self.training_steps.is_sorted_by(|a, b| a < b) {
            return Err("`training_steps` must ascend".into());
        }
        if !(self.sweeps.is_finite() && self.sweeps > 0.0) || self.rises_up_to < 2 {
            return Err("`sweeps` must be positive, and `rises_up_to` at least 2".into());
        }
        check_machines(self.machines, &self.scales)?;
        check_size(self.visible, self.hidden)
    }
}

/// Measures, of each machine (the seed) at each `point` ("random" with its `scale`, "training" with its `step`), over
/// x = k:
///
/// - `kl`, `chi-squared`, `total-variation`: of `q T^k` from the model's law;
/// - `bias-norm`, `bias-max`: Euclidean norm and largest component of `E_p s - E_{q T^k} s`;
/// - `relative-bias`: the norm over that of the exact gradient; `cosine`: of the angle between both gradients;
/// - `wrong-signs`: share of the components beyond 1e-12 of the exact gradient whose sign CD-k has wrong;
/// - `variance`: of one chain's statistics under `q T^k`, summed over the components;
/// - `mean-squared-error`: `bias^2 + variance / chains` of the estimate by `sweeps / k` chains;
/// - `best-k`, without x: that of `ks` whose error is least.
///
/// And by `point`, over all its machines: see [`Rises`].
pub(crate) fn bias_of_k(inputs: &mut Inputs<'_>) -> Result<Output, Error> {
    let settings: Settings = inputs.parse()?;
    let random = each_machine(inputs, (settings.machines, &settings.scales), 0.0..0.5, |scale, seed| {
        let machine = random_machine(settings.visible, settings.hidden, scale, seed)?;
        let rows = random_rows(settings.visible, settings.rows, seed)?;
        point(&settings, &machine, &rows, ("scale", scale), seed)
    })?;
    let mut measurements = summarised(random, "random");
    let stop = inputs.stop;
    let rows = bars_and_stripes(inputs.data)?;
    let of_seeds: Result<Vec<_>, Error> =
        (0..settings.machines).into_par_iter().map(|seed| training(&settings, &rows, seed, stop)).collect();
    measurements.extend(summarised(of_seeds?.into_iter().flatten().collect(), "training"));
    inputs.tell(1.0)?;
    Ok(Output { measurements, images: Vec::new() })
}

/// What was found at one machine.
struct Found {
    measurements: Vec<Measurement>,
    rises: Rises,
}

/// One machine with its data.
fn point(
    settings: &Settings,
    machine: &Parameters,
    rows: &WeightedRows,
    (name, value): (&'static str, f64),
    seed: u64,
) -> Result<Found, Error> {
    let last = settings.ks.last().copied().unwrap_or(0).max(settings.rises_up_to);
    let curve = Curve::new(machine, rows, last)?;
    let mut measurements = curve.measurements(&settings.ks, settings.sweeps);
    measurements.iter_mut().for_each(|one| {
        one.labels.insert(name.to_owned(), Label::Number(value));
        one.seed = Some(seed);
    });
    Ok(Found { measurements, rises: curve.rises(settings.rises_up_to, (name, value), seed) })
}

/// A training by the exact gradient, measured on its way.
fn training(settings: &Settings, rows: &WeightedRows, seed: u64, stop: &StopFlag) -> Result<Vec<Found>, Error> {
    let (m, n) = (rows.visible(), settings.training_hidden);
    let mut draws = Sequence::new(seed, Stream::Initialization, 0);
    let weights = (0..m * n).map(|_| settings.start * draws.normal()).collect();
    let mut machine = Parameters::new(weights, vec![0.0; m], vec![0.0; n])?;
    let mut taken = 0;
    let mut found = Vec::new();
    for &step in &settings.training_steps {
        for _ in taken..step {
            go_on(stop)?;
            machine = ascend(&machine, &exact::gradient(&machine, rows)?, settings.learning_rate)?;
        }
        taken = step;
        found.push(point(settings, &machine, rows, ("step", f64::from(step)), seed)?);
    }
    Ok(found)
}

/// All measurements of machines of one kind, with what is said of all together.
fn summarised(found: Vec<Found>, kind: &str) -> Vec<Measurement> {
    let (of_machines, rises): (Vec<_>, Vec<_>) = found.into_iter().map(|one| (one.measurements, one.rises)).unzip();
    let all = of_machines.into_iter().flatten().chain(Rises::summary(&rises));
    all.map(|one| one.with("point", kind)).collect()
}
