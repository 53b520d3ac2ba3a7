//! Likelihoods of trained machines on all rows of a split.

use std::ops::ControlFlow;

use rayon::prelude::*;
use rbm_data::{Dataset, Split};
use rbm_eval::{
    log_z::{Annealing, Schedule, Trust, annealed_importance_sampling, base_log_odds},
    start_rows,
};
use rbm_model::{Parameters, Place, Precision, exact};
use rbm_ops::BackendName;
use serde::Deserialize;

use super::{Checked, Inputs, Output};
use crate::{Error, Measurement};

/// Rows that judging chains of an estimate may start at, as `rbm evaluate` takes them.
const START_ROWS: usize = 1_000;

/// What may stand in `[protocol.parameters]`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// `"exact"`, by enumeration of the smaller layer, or `"ais"`.
    log_z: Method,
    /// Chains of annealed importance sampling.
    chains: usize,
    /// Its inverse temperatures: `"linear:N"` or `"salakhutdinov-murray"`.
    schedule: String,
    /// Seeds of its chains; the strict likelihood takes the largest upper end over them.
    seeds: Vec<u64>,
    /// Training rows that are looked at, evenly spaced; of the test rows, all are.
    train_rows: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Method {
    Exact,
    Ais,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_z: Method::Exact,
            chains: 100,
            schedule: "salakhutdinov-murray".into(),
            seeds: vec![0],
            train_rows: 10_000,
        }
    }
}

impl Settings {
    fn schedule(&self) -> Result<Schedule, String> {
        Schedule::parse(&self.schedule).map_err(|reason| format!("`schedule` must be {reason}"))
    }
}

impl Checked for Settings {
    fn check(&self) -> Result<(), String> {
        if self.seeds.is_empty() || self.train_rows == 0 {
            return Err("`seeds` must name at least one, and `train_rows` must be at least 1".into());
        }
        // One chain has no standard error.
        if self.chains < 2 {
            return Err("`chains` must be at least 2".into());
        }
        self.schedule().map(drop)
    }
}

/// Where log Z may lie.
struct LogZ {
    value: f64,
    /// Of three standard errors of Z.
    ends: (Option<f64>, Option<f64>),
    trusted: bool,
}

/// For each cell the mean log-likelihood of its rows, nats a row: `log-likelihood` with `split` `train` or `test` and,
/// from annealed importance sampling, the ends that three standard errors of Z leave it; `log-likelihood-strict`, with
/// the upper end of log Z instead of its estimate, the largest over seeds; `log-z`, and `log-z-trusted`, 1 or 0. What
/// annealing gives has the label `temperatures`.
pub(crate) fn test_likelihood(inputs: &mut Inputs<'_>) -> Result<Output, Error> {
    let settings: Settings = inputs.parse()?;
    let schedule = settings.schedule().map_err(|reason| inputs.failed(reason))?;
    let mut output = Output::default();
    for (index, cell) in inputs.cells.iter().enumerate() {
        inputs.tell(index as f64 / inputs.cells.len() as f64)?;
        let data = inputs.data.load(&cell.config.data)?.data;
        let parameters = cell.parameters()?;
        let found = match settings.log_z {
            Method::Exact => {
                let value = exact::log_partition(&parameters)?;
                vec![LogZ { value, ends: (Some(value), Some(value)), trusted: true }]
            }
            Method::Ais => {
                let of_seed = |(at, &seed): (usize, &u64)| {
                    let tell = |of_seed: f64| {
                        let of_cell = (at as f64 + of_seed) / settings.seeds.len() as f64;
                        inputs.tell((index as f64 + of_cell) / inputs.cells.len() as f64)
                    };
                    anneal(&parameters, &data, &settings, &schedule, seed, &tell)
                };
                settings.seeds.iter().enumerate().map(of_seed).collect::<Result<_, _>>()?
            }
        };
        let mut add = |one: Measurement| {
            let mut one = one.of_seed(cell.config.run.seed);
            if settings.log_z == Method::Ais {
                one = one.with("temperatures", schedule.temperatures());
            }
            for (name, label) in &cell.labels {
                one = one.with(name, label.clone());
            }
            output.measurements.push(one);
        };
        let exact = settings.log_z == Method::Exact;
        let first = &found[0];
        add(Measurement::new("log-z", first.value));
        add(Measurement::new("log-z-trusted", f64::from(u8::from(found.iter().all(|one| one.trusted)))));
        let highest = found.iter().map(|one| one.ends.1).collect::<Option<Vec<f64>>>();
        let highest = highest.map(|ends| ends.into_iter().fold(f64::NEG_INFINITY, f64::max));
        for (split, name, limit) in splits(&data, settings.train_rows) {
            let free_energy = mean_free_energy(&parameters, split, limit);
            let likelihood = Measurement::new("log-likelihood", -free_energy - first.value).with("split", name);
            let ends = first.ends.1.zip(first.ends.0).filter(|_| !exact);
            add(match ends {
                Some((high, low)) => likelihood.between(-free_energy - high, -free_energy - low),
                None => likelihood,
            });
            if let Some(highest) = highest {
                add(Measurement::new("log-likelihood-strict", -free_energy - highest).with("split", name));
            }
        }
    }
    Ok(output)
}

fn splits(data: &Dataset, train_rows: usize) -> Vec<(&Split, &'static str, usize)> {
    let mut splits = vec![(&data.train, "train", train_rows)];
    splits.extend(data.test.as_ref().map(|test| (test, "test", usize::MAX)));
    splits
}

fn anneal(
    parameters: &Parameters,
    data: &Dataset,
    settings: &Settings,
    schedule: &Schedule,
    seed: u64,
    tell: &dyn Fn(f64) -> Result<(), Error>,
) -> Result<LogZ, Error> {
    let place = Place { device: rbm_ops::open(BackendName::Flex)?, precision: Precision::F32 };
    let base = base_log_odds(&data.train.mean());
    let rows = start_rows(&data.train, START_ROWS);
    let annealing = Annealing { schedule: schedule.clone(), chains: settings.chains, seed };
    let (mut done, all) = (0, annealing.work() as f64);
    let mut watch = |work| {
        done += work;
        if tell(done as f64 / all).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let found = annealed_importance_sampling(parameters, &base, &rows, &annealing, &place, &mut watch)?;
    let ends = found.log_z_interval_3s.map_or((None, None), |[low, high]| (low, high));
    Ok(LogZ { value: found.log_z, ends, trusted: found.trust == Trust::Ok })
}

/// Mean over at most `limit` evenly spaced rows, in f64.
fn mean_free_energy(parameters: &Parameters, split: &Split, limit: usize) -> f64 {
    let count = split.len().min(limit);
    let energies: Vec<f64> = (0..count)
        .into_par_iter()
        .map(|index| {
            let mut row = vec![0.0_f64; split.visible()];
            split.row((index as u128 * split.len() as u128 / count as u128) as usize, &mut row);
            parameters.free_energy(&row)
        })
        .collect();
    energies.iter().sum::<f64>() / count as f64
}
