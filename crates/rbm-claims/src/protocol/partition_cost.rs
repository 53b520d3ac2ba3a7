//! `partition-cost`: what the partition function costs, by its definition, over the smaller layer, and by annealing.
//!
//! By definition Z is a sum of `2^(m + n)` terms. Over the smaller layer it is one of `2^min(m, n)` terms, since the
//! other layer is summed in closed form; the library walks them in Gray-code order. Annealed importance sampling
//! estimates it in a time that grows with the number of weights, to an error that is measured here where the sum is
//! known.
//!
//! Times are of all threads there are, the least of several runs: whatever else a machine does only adds to them.

use std::time::Instant;

use rayon::prelude::*;
use rbm_model::{Parameters, exact};
use rbm_ops::scalar::log_sum_exp;
use rbm_runner::StopFlag;
use serde::Deserialize;

use super::{
    Checked, Inputs, Output, annealed_cost,
    definition::{log_weight, state, states},
    go_on,
    growth::Growth,
    machines::random_machine,
};
use crate::{Error, Measurement};

/// The most units, of both layers together, of the sum by definition: 2^28 terms take about a minute.
const MOST_NAIVE: usize = 28;
/// A shorter run is repeated until it has taken so long, since a clock's own steps would show in it.
const LEAST_SECONDS: f64 = 0.01;
/// What is touched for the first time does not show in a run that takes longer.
const LONG_RUN: f64 = 0.5;
const MINUTE: f64 = 60.0;
const DAY: f64 = 86_400.0;
const YEAR: f64 = 365.25 * DAY;
/// Hidden units of the machine that everyone would like to sum: MNIST's 784 visible units and 500 hidden ones.
const WANTED: (usize, usize) = (784, 500);

/// What may stand in `[protocol.parameters]`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Units of both layers together, half of them each, ascending, of machines that are summed by definition
    /// (8, 10, .. 24).
    naive_units: Vec<usize>,
    /// Hidden units, ascending, of machines that are summed over the hidden layer (10, 12, .. 22).
    gray_hidden: Vec<usize>,
    /// Visible units of those machines and of the annealed ones (784).
    pub(super) visible: usize,
    /// Runs of each sum, of which the fastest counts (3).
    repeats: u32,
    /// Standard deviation of weights (0.1), as in machines trained on digits.
    pub(super) scale: f64,
    /// Hidden units of annealed machines (20, 500).
    pub(super) ais_hidden: Vec<usize>,
    /// Chains of an annealed run (100).
    pub(super) ais_chains: usize,
    /// Equal steps of its inverse temperature (1,000).
    pub(super) ais_temperatures: usize,
    /// Annealed runs of each machine (5).
    pub(super) ais_seeds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            naive_units: (8..=24).step_by(2).collect(),
            gray_hidden: (10..=22).step_by(2).collect(),
            visible: 784,
            repeats: 3,
            scale: 0.1,
            ais_hidden: vec![20, 500],
            ais_chains: 100,
            ais_temperatures: 1_000,
            ais_seeds: 5,
        }
    }
}

impl Checked for Settings {
    fn check(&self) -> Result<(), String> {
        let ascend = |sizes: &[usize]| sizes.len() >= 2 && sizes.is_sorted_by(|a, b| a < b);
        if !ascend(&self.naive_units) || !ascend(&self.gray_hidden) {
            return Err("`naive_units` and `gray_hidden` must be two or more sizes that ascend".into());
        }
        if self.naive_units[0] < 2 || self.naive_units.iter().any(|&units| units > MOST_NAIVE) {
            return Err(format!("`naive_units` must be from 2 to {MOST_NAIVE}"));
        }
        let most = exact::LIMIT.min(self.visible);
        if self.gray_hidden[0] == 0 || self.gray_hidden.iter().any(|&units| units > most) {
            return Err(format!("`gray_hidden` must be from 1 to {most}, and no more than `visible`"));
        }
        if self.repeats == 0
            || self.ais_chains < 2
            || self.ais_temperatures == 0
            || self.ais_hidden.contains(&0)
            || self.ais_seeds == 0
            || !self.scale.is_finite()
        {
            return Err(
                "there must be repeats, temperatures, seeds, hidden units, two chains, and a finite `scale`".into()
            );
        }
        Ok(())
    }
}

/// Measures, by `method`: "naive", the sum over both layers of machines with x units, half of them hidden; "gray", that
/// over the x hidden units of machines with `visible` visible ones; "ais", annealing:
///
/// - `seconds`: over x; of "ais" a run of all chains;
/// - `growth-per-unit`: the factor of `seconds` for one unit more, by least squares over the larger half of the sizes;
/// - `units-in-a-minute`, `units-in-a-day`: the largest sizes that this growth allows;
/// - `log10-terms`: of the sum for 784 x 500 units;
/// - `log10-years`: what it would take by the measured time of the largest machine, with a factor of exactly 2 a unit;
/// - `agreement`: the relative difference of both sums' log Z, where "naive" has run.
///
/// And of annealing: see [`annealed_cost`].
pub(crate) fn partition_cost(inputs: &mut Inputs<'_>) -> Result<Output, Error> {
    let settings: Settings = inputs.parse()?;
    let parts = settings.naive_units.len() + settings.gray_hidden.len() + settings.ais_hidden.len();
    let stop = inputs.stop;
    let mut done = 0;
    let mut told = || {
        done += 1;
        inputs.tell(f64::from(done) / parts as f64)
    };
    let mut measurements = Vec::new();
    let mut naive = Vec::new();
    for &units in &settings.naive_units {
        let machine = random_machine(units - units / 2, units / 2, settings.scale, 0)?;
        let (seconds, log_z) = timed(settings.repeats, || naive_log_partition(&machine, stop))?;
        naive.push((units as f64, seconds));
        let other = exact::log_partition(&machine)?;
        measurements.push(Measurement::new("agreement", ((log_z - other) / other).abs()).at(units as f64));
        told()?;
    }
    let mut gray = Vec::new();
    for &hidden in &settings.gray_hidden {
        let machine = random_machine(settings.visible, hidden, settings.scale, 0)?;
        let (seconds, _) = timed(settings.repeats, || {
            go_on(stop)?;
            Ok(exact::log_partition(&machine)?)
        })?;
        gray.push((hidden as f64, seconds));
        told()?;
    }
    let (visible, hidden) = WANTED;
    measurements.extend(of_method("naive", &naive, visible + hidden));
    measurements.extend(of_method("gray", &gray, hidden));
    for &hidden in &settings.ais_hidden {
        measurements.extend(annealed_cost::measure(&settings, hidden, stop)?);
        told()?;
    }
    Ok(Output { measurements, images: Vec::new() })
}

/// What the times of a method, by size, say.
fn of_method(method: &str, times: &[(f64, f64)], wanted: usize) -> Vec<Measurement> {
    let mut found: Vec<Measurement> =
        times.iter().map(|&(size, seconds)| Measurement::new("seconds", seconds).at(size)).collect();
    if let Some(growth) = Growth::of_larger_half(times) {
        found.extend([
            Measurement::new("growth-per-unit", growth.factor()),
            Measurement::new("units-in-a-minute", growth.largest_within(MINUTE)),
            Measurement::new("units-in-a-day", growth.largest_within(DAY)),
        ]);
    }
    found.push(Measurement::new("log10-terms", wanted as f64 * 2.0_f64.log10()));
    if let Some(&(size, seconds)) = times.last() {
        let years = (seconds / YEAR).log10() + (wanted as f64 - size) * 2.0_f64.log10();
        found.push(Measurement::new("log10-years", years));
    }
    found.into_iter().map(|one| one.with("method", method)).collect()
}

/// `ln sum_v sum_h exp(-E(v, h))`, each of the `2^(m + n)` energies evaluated by itself.
fn naive_log_partition(machine: &Parameters, stop: &StopFlag) -> Result<f64, Error> {
    let hidden = states(machine.hidden());
    // No early way out of the loop, whose bookkeeping would show in the times of small machines.
    let of_visible = |visible| {
        if stop.is_stopped() { 0.0 } else { log_weight(machine, &state(visible, machine.visible()), &hidden) }
    };
    let weights: Vec<f64> = (0..1_usize << machine.visible()).into_par_iter().map(of_visible).collect();
    go_on(stop)?;
    Ok(log_sum_exp(&weights))
}

/// Seconds of a piece of work, the least of several runs, and what it gave.
fn timed<T>(repeats: u32, mut work: impl FnMut() -> Result<T, Error>) -> Result<(f64, T), Error> {
    let start = Instant::now();
    let mut given = work()?;
    let first = start.elapsed().as_secs_f64();
    // A short first run does not count: pages and tables are touched for the first time.
    let (mut least, repeats) = if first > LONG_RUN { (first, repeats - 1) } else { (f64::INFINITY, repeats) };
    for _ in 0..repeats {
        let start = Instant::now();
        let mut runs = 0.0;
        while runs == 0.0 || start.elapsed().as_secs_f64() < LEAST_SECONDS {
            given = work()?;
            runs += 1.0;
        }
        least = least.min(start.elapsed().as_secs_f64() / runs);
    }
    Ok((least, given))
}
