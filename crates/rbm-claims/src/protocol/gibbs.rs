//! `gibbs`: does the Gibbs chain go to the model's law, how fast, and does the sampler draw from it?
//!
//! The law of a chain after t steps is computed exactly, from the kernel by its definition. The sampler is the one that
//! sampling and evaluation run, in f32; its draws are held against the exact law after the same steps, so that slow
//! mixing cannot be mistaken for a wrong kernel. Rounding of its probabilities, 1e-7, is far below what so many chains
//! can tell.

use rbm_model::{ChainDraws, Chains, ModelConfig, Parameters, Precision, Rbm, exact};
use rbm_ops::{BackendName, open};
use rbm_random::Stream;
use rbm_runner::StopFlag;
use serde::Deserialize;

use super::{
    Checked, Inputs, Output,
    chain_law::ChainLaw,
    definition::Joint,
    go_on,
    histogram::p_value,
    machines::{check_machines, check_size, each_machine, random_machine},
    two_modes,
};
use crate::{Error, Measurement};

/// A chain whose law is within this total variation of the model's has arrived.
const ARRIVED: f64 = 0.01;

/// What may stand in `[protocol.parameters]`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Machines of each scale, and repetitions of the machines with two modes (10).
    pub(super) machines: u64,
    /// Visible units (6), at most 10: the kernel is a matrix over all pairs of states.
    pub(super) visible: usize,
    /// Hidden units (4).
    pub(super) hidden: usize,
    /// Standard deviations of weights and biases (0.25, 0.5, 1, 2, 4).
    pub(super) scales: Vec<f64>,
    /// Numbers of steps, ascending, after which the law is measured (0, 1, 2, 5, 10, .. 10,000).
    pub(super) steps: Vec<u32>,
    /// Where `steps-to-1-percent` gives up (100,000).
    pub(super) most_steps: u32,
    /// Numbers of steps, ascending, after which the sampler's states are counted (1, 2, 5, 20).
    pub(super) sampler_steps: Vec<u32>,
    /// Independent chains of the sampler (20,000).
    pub(super) chains: usize,
    /// Weights of the machines with two modes (0.5, 1, 1.5, 2, 3).
    pub(super) couplings: Vec<f64>,
    /// Steps of their chains (1,000).
    pub(super) mode_steps: u32,
    /// Their chains (200).
    pub(super) mode_chains: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            machines: 10,
            visible: 6,
            hidden: 4,
            scales: vec![0.25, 0.5, 1.0, 2.0, 4.0],
            steps: vec![0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000],
            most_steps: 100_000,
            sampler_steps: vec![1, 2, 5, 20],
            chains: 20_000,
            couplings: vec![0.5, 1.0, 1.5, 2.0, 3.0],
            mode_steps: 1_000,
            mode_chains: 200,
        }
    }
}

impl Checked for Settings {
    fn check(&self) -> Result<(), String> {
        let ascend = |steps: &[u32]| steps.is_sorted_by(|a, b| a < b);
        if self.visible > 10 {
            return Err(format!("`visible` must be at most 10, not {}", self.visible));
        }
        if !ascend(&self.steps) || !ascend(&self.sampler_steps) {
            return Err("`steps` and `sampler_steps` must ascend".into());
        }
        if self.chains == 0 || self.mode_chains == 0 || self.mode_steps == 0 {
            return Err("there must be chains, and steps for them".into());
        }
        check_machines(self.machines, &self.scales)?;
        check_size(self.visible, self.hidden)
    }
}

/// Measures, of each machine (the seed) and `scale`, with all chains started at all units off:
///
/// - `total-variation`: from the chain's law to the model's, over x = steps;
/// - `largest-rise-of-total-variation`: its largest change in one step, which data processing forbids to be positive;
/// - `second-eigenvalue`: of the kernel;
/// - `steps-to-1-percent`: steps until the total variation is below 0.01; left out where `most_steps` were not enough;
/// - `arrived`: 1 where they were, 0 where not;
/// - `sampler-p-value`: of the sampler's histogram against the law after x steps;
/// - `sampler-p-value-one-step-late`: of the same histogram against the law a step later. The control: tiny where the
///   two laws differ by more than chance.
///
/// And of machines with two modes of equal weight, by `coupling`: see [`two_modes`].
pub(crate) fn gibbs(inputs: &mut Inputs<'_>) -> Result<Output, Error> {
    let settings: Settings = inputs.parse()?;
    let (stop, machines) = (inputs.stop, settings.machines);
    let first = settings.scales.len() as f64 / (settings.scales.len() + settings.couplings.len()) as f64;
    let of_scales = each_machine(inputs, (machines, &settings.scales), 0.0..first, |scale, seed| {
        let machine = random_machine(settings.visible, settings.hidden, scale, seed)?;
        let mut found = convergence(&settings, &machine, stop)?;
        found.extend(sampler(&settings, &machine, seed, stop)?);
        Ok(found.into_iter().map(|one| one.with("scale", scale).of_seed(seed)).collect::<Vec<_>>())
    })?;
    let of_couplings = each_machine(inputs, (machines, &settings.couplings), first..1.0, |coupling, seed| {
        two_modes::measure(&settings, coupling, seed, stop)
    })?;
    let measurements = of_scales.into_iter().chain(of_couplings).flatten().collect();
    Ok(Output { measurements, images: Vec::new() })
}

/// The chain's law along its steps.
fn convergence(settings: &Settings, machine: &Parameters, stop: &StopFlag) -> Result<Vec<Measurement>, Error> {
    let model = Joint::new(machine).visible_law();
    let mut chain = ChainLaw::new(machine, 0);
    let last = settings.steps.last().copied().unwrap_or(0);
    let mut found = Vec::new();
    let mut arrived = None;
    let mut largest_rise = f64::NEG_INFINITY;
    let mut before = None;
    for step in 0..=last.max(settings.most_steps) {
        go_on(stop)?;
        let variation = exact::total_variation(chain.law(), &model);
        if settings.steps.contains(&step) {
            found.push(Measurement::new("total-variation", variation).at(f64::from(step)));
        }
        if let Some(before) = before.replace(variation) {
            largest_rise = largest_rise.max(variation - before);
        }
        if arrived.is_none() && variation < ARRIVED {
            arrived = Some(step);
        }
        if step >= last && arrived.is_some() {
            break;
        }
        chain.step();
    }
    if let Some(step) = arrived.filter(|step| *step <= settings.most_steps) {
        found.push(Measurement::new("steps-to-1-percent", f64::from(step)));
    }
    found.push(Measurement::new("arrived", f64::from(u8::from(arrived.is_some()))));
    if largest_rise.is_finite() {
        found.push(Measurement::new("largest-rise-of-total-variation", largest_rise));
    }
    found.extend(second_eigenvalue(machine)?);
    Ok(found)
}

/// The kernel's second eigenvalue; none where a state's probability is below the range of f64.
pub(super) fn second_eigenvalue(machine: &Parameters) -> Result<Option<Measurement>, Error> {
    match exact::second_eigenvalue(machine) {
        Ok(eigenvalue) => Ok(Some(Measurement::new("second-eigenvalue", eigenvalue))),
        Err(rbm_model::Error::Underflow) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Chains of the library's sampler that all start at the same visible state, `[visible]`.
pub(super) fn chains_at(machine: &Parameters, start: &[f32], chains: usize, seed: u64) -> Result<Chains, Error> {
    let rbm = Rbm::new(machine, &ModelConfig::default(), Precision::F32, &open(BackendName::Flex)?);
    let (start_stream, hidden, visible) = (Stream::MixingStart, Stream::MixingHidden, Stream::MixingVisible);
    let draws = ChainDraws { seed, start: start_stream, hidden, visible, set: 0 };
    Ok(Chains::at_rows(&rbm, &start.repeat(chains), draws)?)
}

/// The sampler's histograms against the chain's law.
fn sampler(settings: &Settings, machine: &Parameters, seed: u64, stop: &StopFlag) -> Result<Vec<Measurement>, Error> {
    let m = machine.visible();
    let mut law = ChainLaw::new(machine, 0);
    let mut chains = chains_at(machine, &vec![0.0; m], settings.chains, seed)?;
    let mut found = Vec::new();
    let mut taken = 0;
    for &step in &settings.sampler_steps {
        for _ in taken..step {
            go_on(stop)?;
            chains = chains.step();
            law.step();
        }
        taken = step;
        let mut counts = vec![0; 1 << m];
        for state in chains.visible()?.chunks_exact(m) {
            let number: usize = state.iter().enumerate().map(|(unit, &on)| usize::from(on == 1.0) << unit).sum();
            counts[number] += 1;
        }
        let mut measure = |quantity, law: &[f64]| {
            let p = p_value(&counts, law);
            found.extend(p.map(|p| Measurement::new(quantity, p).at(f64::from(step))));
        };
        measure("sampler-p-value", law.law());
        let mut late = law.clone();
        late.step();
        measure("sampler-p-value-one-step-late", late.law());
    }
    Ok(found)
}
