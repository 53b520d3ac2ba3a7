//! `memory-of-k`: what a machine learns from chains of k steps from random states is to be sampled by k steps.
//!
//! Rdm-k (Decelle, Furtlehner and Seoane 2021): the negative phase comes from chains that start at random in every
//! update and run for k steps. Here its expectation is followed, `E_q s - E_{u T^k} s` with u the law of the starts, so
//! that nothing is noise. The law of a chain that starts in the same way is then held against the data along its steps.

use rayon::prelude::*;
use rbm_model::{
    Parameters,
    exact::{self, Gradient, WeightedRows},
};
use rbm_runner::StopFlag;
use serde::Deserialize;

use super::{
    Checked, Inputs, Output, go_on,
    machines::{ascend, bars_and_stripes},
};
use crate::{Error, Measurement};

/// What may stand in `[protocol.parameters]`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Hidden units (6), at most 12; the data are bars and stripes of 3 x 3.
    hidden: usize,
    /// Step size on the mean gradient of the full batch (0.5).
    learning_rate: f64,
    /// Updates (4,000).
    steps: u32,
    /// Gibbs steps of the negative phase, one training each (1, 3, 10, 30).
    ks: Vec<u32>,
    /// Where chains start, in training and after it ("uniform").
    start: Start,
    /// Steps of the chain after training that are looked at (200).
    most_steps: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hidden: 6,
            learning_rate: 0.5,
            steps: 4_000,
            ks: vec![1, 3, 10, 30],
            start: Start::Uniform,
            most_steps: 200,
        }
    }
}

/// The law of a chain's first visible state.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Start {
    /// All states alike.
    Uniform,
    /// All units off.
    Zero,
}

impl Start {
    fn law(self, visible: usize) -> Vec<f64> {
        let states = 1_usize << visible;
        match self {
            Self::Uniform => vec![1.0 / states as f64; states],
            Self::Zero => (0..states).map(|state| f64::from(u8::from(state == 0))).collect(),
        }
    }
}

impl Checked for Settings {
    fn check(&self) -> Result<(), String> {
        if !(1..=12).contains(&self.hidden) || self.most_steps == 0 {
            return Err("`hidden` must be from 1 to 12, and `most_steps` at least 1".into());
        }
        if self.ks.is_empty() || self.ks.contains(&0) {
            return Err("`ks` must be one or more numbers of at least 1".into());
        }
        Ok(())
    }
}

/// Measures, by `k`:
///
/// - `kl-to-data`: from the data's law to the chain's after x steps, `sum q ln(q / u T^x)`, in nats;
/// - `best-t`: the number of steps where it is least; `least-kl`: that least value;
/// - `kl-at-equilibrium`: from the data's law to the model's, where the chain ends after ever so many steps;
/// - `best-t-over-k`: the quotient of `best-t` and k.
pub(crate) fn memory_of_k(inputs: &mut Inputs<'_>) -> Result<Output, Error> {
    let settings: Settings = inputs.parse()?;
    let stop = inputs.stop;
    let rows = bars_and_stripes(inputs.data)?;
    let of_k = |&k| of_training(&settings, &rows, k, stop);
    let of_ks: Result<Vec<Vec<_>>, Error> = settings.ks.par_iter().map(of_k).collect();
    inputs.tell(1.0)?;
    Ok(Output { measurements: of_ks?.into_iter().flatten().collect(), images: Vec::new() })
}

fn of_training(settings: &Settings, rows: &WeightedRows, k: u32, stop: &StopFlag) -> Result<Vec<Measurement>, Error> {
    let start = settings.start.law(rows.visible());
    let machine = train(settings, rows, &start, k, stop)?;
    let data = rows.law()?;
    let (mut law, mut best) = (start, (0, f64::INFINITY));
    let mut found = Vec::new();
    for t in 0..=settings.most_steps {
        go_on(stop)?;
        let kl = exact::kl_divergence(&data, &law);
        if kl < best.1 {
            best = (t, kl);
        }
        // Infinite where the law leaves out a row of the data, as all chains at one state do.
        if kl.is_finite() && is_shown(t, settings.most_steps) {
            found.push(Measurement::new("kl-to-data", kl).at(f64::from(t)));
        }
        law = exact::kernel_step(&machine, &law)?;
    }
    let model = exact::visible_law(&machine)?;
    found.extend([
        Measurement::new("best-t", f64::from(best.0)),
        Measurement::new("best-t-over-k", f64::from(best.0) / f64::from(k)),
        Measurement::new("least-kl", best.1),
        Measurement::new("kl-at-equilibrium", exact::kl_divergence(&data, &model)),
    ]);
    found.retain(|one| one.value.is_finite());
    Ok(found.into_iter().map(|one| one.with("k", k as usize)).collect())
}

/// Some thirty steps, close together where few are done.
fn is_shown(step: u32, last: u32) -> bool {
    let spacing = (step / 10).next_power_of_two();
    step == last || step.is_multiple_of(spacing)
}

/// Ascends the expected Rdm-k gradient from `W[j, i] = 0.5 sin(1 + 0.7 i + 1.3 j + 0.11 i j)`, biases 0: a start
/// without random numbers, so that the result can be reproduced anywhere.
fn train(
    settings: &Settings,
    rows: &WeightedRows,
    start: &[f64],
    k: u32,
    stop: &StopFlag,
) -> Result<Parameters, Error> {
    let (m, n) = (rows.visible(), settings.hidden);
    let weight = |at: usize| {
        let (i, j) = ((at % m) as f64, (at / m) as f64);
        0.5 * (1.0 + 0.7 * i + 1.3 * j + 0.11 * i * j).sin()
    };
    let mut machine = Parameters::new((0..m * n).map(weight).collect(), vec![0.0; m], vec![0.0; n])?;
    for _ in 0..settings.steps {
        go_on(stop)?;
        let mut law = exact::kernel_step(&machine, start)?;
        for _ in 1..k {
            law = exact::kernel_step(&machine, &law)?;
        }
        let negative = exact::moments_under(&machine, &law)?;
        let gradient = Gradient::between(&exact::data_moments(&machine, rows)?, &negative);
        machine = ascend(&machine, &gradient, settings.learning_rate)?;
    }
    Ok(machine)
}
