//! All that is measured of a machine's mixing.

use std::time::Instant;

use rbm_data::Split;
use rbm_model::{ChainDraws, Chains, Rbm, exact};
use rbm_random::{Sequence, Stream};
use serde::{Deserialize, Serialize};

use super::{
    AutocorrelationTime, Observables, PerObservable, SweepsToModel, autocorrelation_time, split_r_hat, sweeps_to_model,
};
use crate::Error;

/// R-hat compares chains.
const FEWEST_CHAINS: usize = 2;
/// R-hat takes a variance in each half of a chain.
const FEWEST_SWEEPS: usize = 4;
/// The followed values, four of f64 for each chain and sweep, are kept in memory: at most 1 GB.
const MOST_VALUES: usize = 1 << 25;

/// The chains that autocorrelation times and R-hat are found from.
const MAIN_SET: u16 = 0;
/// The chains that go from the data to the model.
pub(super) const DATA_SET: u16 = 1;
/// The chains that go from uniform states to the model.
pub(super) const RANDOM_SET: u16 = 2;

/// How long and with how many chains mixing is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MixingConfig {
    /// Chains, at least 2: half of them start at rows of the data where these are given, all others uniform.
    pub chains: usize,
    /// Sweeps of each chain that count.
    pub sweeps: usize,
    /// Sweeps before these, left out.
    pub warm_up: usize,
    /// Within how many sweeps the model's law is looked for; not at all if 0.
    pub search: usize,
    /// Seed of all draws.
    pub seed: u64,
}

impl Default for MixingConfig {
    /// 100 chains of 2,000 sweeps after a warm-up of 1,000.
    fn default() -> Self {
        Self { chains: 100, sweeps: 2000, warm_up: 1000, search: 2000, seed: 0 }
    }
}

/// What is being done, for progress bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MixingStage {
    /// The second eigenvalue; tells nothing in between.
    Eigenvalue,
    /// The chains that are followed.
    Chains,
    /// From the data to the model.
    FromData,
    /// From uniform states to the model.
    FromRandom,
}

/// How fast a machine's Gibbs chains forget where they started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mixing {
    /// Second largest eigenvalue of the Gibbs kernel, exact; `None` where both layers together cannot be enumerated or
    /// the kernel is not that of the machine's energy.
    pub lambda2: Option<f64>,
    /// Integrated autocorrelation times, in sweeps; `None` where the chains are too short to tell.
    pub tau: PerObservable<Option<AutocorrelationTime>>,
    /// Effective samples a second of wall-clock time, of all chains together: `chains sweeps / tau` over the time of
    /// the sweeps, with the transfer of the states to the host and without what is computed of them there.
    pub ess_per_second: PerObservable<Option<f64>>,
    /// Split R-hat over the chains; `None` for what never changes. Written as null where it is infinite.
    pub r_hat: PerObservable<Option<f64>>,
    /// Sweeps from the data and from uniform states until the model's law is near.
    pub sweeps_to_model: SweepsToModel,
    /// Chains that the autocorrelation times and R-hat are of.
    pub chains: usize,
    /// Sweeps of each.
    pub sweeps: usize,
    /// Sweeps before these, left out.
    pub warm_up: usize,
    /// Seed of all draws.
    pub seed: u64,
}

impl Mixing {
    /// The largest autocorrelation time over the observables that change; `None` where one of these is not resolved.
    pub fn largest_tau(&self) -> Option<AutocorrelationTime> {
        let changes = self.r_hat.into_array().map(|r_hat| r_hat.is_some());
        let taus = self.tau.into_array().into_iter().zip(changes).filter_map(|(tau, changes)| changes.then_some(tau));
        let taus: Option<Vec<AutocorrelationTime>> = taus.collect();
        taus?.into_iter().max_by(|a, b| a.value.total_cmp(&b.value))
    }

    /// The largest R-hat over the observables that change.
    pub fn largest_r_hat(&self) -> Option<f64> {
        self.r_hat.into_array().into_iter().flatten().max_by(f64::total_cmp)
    }
}

/// Measures how the machine's Gibbs chains mix; `data` are rows that chains are started at.
///
/// The draws depend on the seed alone: all but `ess_per_second` is the same for any number of threads. `progress` is
/// told the stage, the sweeps done in it and the sweeps it may take.
///
/// # Errors
/// With fewer than 2 chains or 4 sweeps, with more of both than memory holds, without rows, with rows of another width
/// than the machine, and when the device fails.
pub fn measure_mixing(
    rbm: &Rbm,
    data: Option<&Split>,
    config: &MixingConfig,
    progress: &mut dyn FnMut(MixingStage, u64, u64),
) -> Result<Mixing, Error> {
    check(rbm, data, config)?;
    let parameters = rbm.parameters().map_err(Error::Model)?;
    let observables = Observables::new(&parameters);
    progress(MixingStage::Eigenvalue, 0, 1);
    // The errors are those of too many units, and of a law that leaves the range of f64.
    let lambda2 = if rbm.samples_its_law() { exact::second_eigenvalue(&parameters).ok() } else { None };
    let Followed { traces, seconds } = follow(rbm, data, config, &observables, progress)?;
    let tau = traces.each_ref().map(|trace| autocorrelation_time(trace));
    let values = (config.chains * config.sweeps) as f64;
    Ok(Mixing {
        lambda2,
        tau: PerObservable::from_array(tau),
        ess_per_second: PerObservable::from_array(tau.map(|tau| tau.map(|tau| values / tau.value / seconds))),
        r_hat: PerObservable::from_array(traces.each_ref().map(|trace| split_r_hat(trace))),
        sweeps_to_model: sweeps_to_model(rbm, data, config, &parameters, progress)?,
        chains: config.chains,
        sweeps: config.sweeps,
        warm_up: config.warm_up,
        seed: config.seed,
    })
}

fn check(rbm: &Rbm, data: Option<&Split>, config: &MixingConfig) -> Result<(), Error> {
    if config.chains < FEWEST_CHAINS {
        return Err(Error::Chains { chains: config.chains });
    }
    if config.sweeps < FEWEST_SWEEPS {
        return Err(Error::Sweeps { sweeps: config.sweeps });
    }
    if config.chains.saturating_mul(config.sweeps) > MOST_VALUES {
        return Err(Error::TooLong { chains: config.chains, sweeps: config.sweeps, most: MOST_VALUES });
    }
    if let Some(split) = data {
        if split.is_empty() {
            return Err(Error::NoRows);
        }
        if split.visible() != rbm.visible() {
            return Err(Error::Width { rows: split.visible(), machine: rbm.visible() });
        }
    }
    Ok(())
}

/// What was followed along the chains after the warm-up.
struct Followed {
    /// One series a chain, for each observable.
    traces: [Vec<Vec<f64>>; 4],
    /// What the sweeps took.
    seconds: f64,
}

fn follow(
    rbm: &Rbm,
    data: Option<&Split>,
    config: &MixingConfig,
    observables: &Observables,
    progress: &mut dyn FnMut(MixingStage, u64, u64),
) -> Result<Followed, Error> {
    let draws = draws(config.seed, MAIN_SET);
    let mut chains = Chains::uniform(rbm, config.chains, draws);
    if let Some(split) = data {
        let mut starts = chains.visible().map_err(Error::Model)?;
        let at_data = config.chains / 2 * rbm.visible();
        starts[..at_data].copy_from_slice(&rows_at_random(split, config.chains / 2, draws));
        chains = Chains::at_rows(rbm, &starts, draws).map_err(Error::Model)?;
    }
    let total = (config.warm_up + config.sweeps) as u64;
    for sweep in 0..config.warm_up {
        progress(MixingStage::Chains, sweep as u64, total);
        chains = chains.step();
    }
    // The device may still be at work on the warm-up: wait for it.
    chains.visible().map_err(Error::Model)?;
    let mut traces = [(); 4].map(|()| vec![Vec::with_capacity(config.sweeps); config.chains]);
    let mut seconds = 0.0;
    for sweep in 0..config.sweeps {
        progress(MixingStage::Chains, (config.warm_up + sweep) as u64, total);
        let begun = Instant::now();
        chains = chains.step();
        let states = chains.visible().map_err(Error::Model)?;
        seconds += begun.elapsed().as_secs_f64();
        for (chain, found) in observables.of(&states).into_iter().enumerate() {
            for (trace, value) in traces.iter_mut().zip(found.into_array()) {
                trace[chain].push(value);
            }
        }
    }
    Ok(Followed { traces, seconds })
}

/// What determines the draws of one of the sets of chains.
pub(super) fn draws(seed: u64, set: u16) -> ChainDraws {
    let (start, hidden, visible) = (Stream::MixingStart, Stream::MixingHidden, Stream::MixingVisible);
    ChainDraws { seed, start, hidden, visible, set }
}

/// Rows of the data, each drawn anew from all of them, `[count, visible]`.
pub(super) fn rows_at_random(split: &Split, count: usize, draws: ChainDraws) -> Vec<f32> {
    // The uniform starts of the same set lie in rows 0 to the number of chains.
    let mut places = Sequence::new(draws.seed, draws.start, u64::from(draws.set)).at_row(u32::MAX);
    let rows: Vec<u32> = (0..count).map(|_| places.below(split.len() as u64) as u32).collect();
    let mut values = vec![0.0; count * split.visible()];
    split.batch(&rows, 0, &mut values);
    values
}
