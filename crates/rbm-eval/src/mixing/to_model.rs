//! Sweeps until chains that started elsewhere are near the model's law.

use rbm_data::Split;
use rbm_model::{Chains, Error as ModelError, Parameters, Rbm, exact};
use serde::{Deserialize, Serialize};

use super::{
    MixingConfig, MixingStage, Observables, PerObservable,
    measure::{DATA_SET, RANDOM_SET, draws, rows_at_random},
};
use crate::Error;

/// The total variation that counts as near the model.
pub const TOTAL_VARIATION: f64 = 0.05;
/// The difference of means, in the model's standard deviations, that counts as near the model.
pub const DISTANCE_OF_MEANS: f64 = 0.1;
/// Chains whose means are compared with the model's. With `EXACT_ROWS` the difference of means at the model has a
/// standard deviation of `sqrt(1/4000 + 1/40000) = 0.0166` of the model's: `DISTANCE_OF_MEANS` is 6.03 times that, so
/// that four observables leave it by chance once in 10^8 sweeps. (1,000 chains and 10,000 rows: 3.0 times, once in
/// 100.)
pub const TO_MODEL_CHAINS: usize = 4_000;
/// Independent exact samples that the model's means and standard deviations are found from.
pub const EXACT_ROWS: usize = 40_000;
/// The means have arrived at sweep t if they stay near until sweep `2 t + STAY`.
const STAY: usize = 50;
/// Multiplications that one search with enumerated laws may take: half a minute.
const MOST_WORK: usize = 1 << 35;

/// How the distance from the model was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// Total variation between the law of the chains and the model's, both enumerated; near from [`TOTAL_VARIATION`]
    /// on.
    TotalVariation,
    /// The largest difference over the observables between the mean over [`TO_MODEL_CHAINS`] chains and the model's
    /// mean, in the model's standard deviations; near from [`DISTANCE_OF_MEANS`] on.
    MeansOfObservables,
}

/// Sweeps until chains are near the model's law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepsToModel {
    /// For chains that start at rows of the data.
    pub data: Option<usize>,
    /// For chains that start uniform over all states.
    pub random: Option<usize>,
    /// How the distance was measured; `None` where it cannot be.
    pub distance: Option<Distance>,
    /// What counts as near, in that distance.
    pub near: Option<f64>,
    /// The sweeps that were looked at, at most, for each start.
    pub searched: usize,
    /// Why there is no number, where there is none.
    pub reason: Option<String>,
}

impl SweepsToModel {
    fn not_measured(reason: impl Into<String>) -> Self {
        Self { data: None, random: None, distance: None, near: None, searched: 0, reason: Some(reason.into()) }
    }
}

/// The sweeps after which chains from the data and from uniform states are near the model's law.
///
/// Where both layers can be enumerated: the smallest t with total variation of `q T^t` to the model at most
/// [`TOTAL_VARIATION`], exactly, q the law of all rows or the uniform one. Where the smaller layer can be: the smallest
/// t from which on until sweep `2 t + 50`, for every observable, the mean over chains differs from the model's by at
/// most [`DISTANCE_OF_MEANS`] of the model's standard deviations; that sees only what the observables see. Else
/// nothing.
///
/// # Errors
/// When the device fails.
pub fn sweeps_to_model(
    rbm: &Rbm,
    data: Option<&Split>,
    config: &MixingConfig,
    parameters: &Parameters,
    progress: &mut dyn FnMut(MixingStage, u64, u64),
) -> Result<SweepsToModel, Error> {
    if config.search == 0 {
        return Ok(SweepsToModel::not_measured("not asked for"));
    }
    if !rbm.samples_its_law() {
        return Ok(SweepsToModel::not_measured("clamped-linear visible units do not sample the law of the energy"));
    }
    match exact::visible_law(parameters).and_then(|law| exact::kernel_step(parameters, &law).map(|_| law)) {
        Ok(law) => return by_laws(data, config, parameters, &law, progress),
        Err(ModelError::TooLarge { .. }) => {}
        Err(error) => return Err(Error::Model(error)),
    }
    match exact::sample(parameters, EXACT_ROWS, config.seed) {
        Ok(samples) => by_means(rbm, data, config, parameters, &samples, progress),
        Err(ModelError::TooLarge { units, limit, .. }) => Ok(SweepsToModel::not_measured(format!(
            "the model cannot be sampled exactly: its smaller layer has {units} units, at most {limit} can be enumerated"
        ))),
        Err(error) => Err(Error::Model(error)),
    }
}

/// Why one of the two starts has no number.
fn reason(data: Option<&Split>, grey: bool, found: [Option<usize>; 2], searched: usize) -> Option<String> {
    let mut reasons = Vec::new();
    if data.is_none() {
        reasons.push("no data were given to start at".to_owned());
    } else if grey {
        reasons.push("the rows are grey values, whose law is none of states".to_owned());
    } else if found[0].is_none() {
        reasons.push(format!("chains from the data are not near within {searched} sweeps"));
    }
    if found[1].is_none() {
        reasons.push(format!("chains from uniform states are not near within {searched} sweeps"));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn by_laws(
    data: Option<&Split>,
    config: &MixingConfig,
    parameters: &Parameters,
    model: &[f64],
    progress: &mut dyn FnMut(MixingStage, u64, u64),
) -> Result<SweepsToModel, Error> {
    let step_work = 1 << (parameters.visible() + parameters.hidden() + 1);
    let searched = config.search.min(MOST_WORK / step_work);
    let mut search = |stage: MixingStage, mut law: Vec<f64>| {
        for sweep in 0..=searched {
            progress(stage, sweep as u64, searched as u64);
            // Never rises from sweep to sweep: the first time is for good.
            if exact::total_variation(&law, model) <= TOTAL_VARIATION {
                return Ok(Some(sweep));
            }
            if sweep < searched {
                law = exact::kernel_step(parameters, &law).map_err(Error::Model)?;
            }
        }
        Ok::<_, Error>(None)
    };
    let law_of_data = data.map(law_of_rows).transpose()?.flatten();
    let grey = data.is_some() && law_of_data.is_none();
    let from_data = law_of_data.map(|law| search(MixingStage::FromData, law)).transpose()?.flatten();
    let from_random = search(MixingStage::FromRandom, vec![1.0 / model.len() as f64; model.len()])?;
    Ok(SweepsToModel {
        data: from_data,
        random: from_random,
        distance: Some(Distance::TotalVariation),
        near: Some(TOTAL_VARIATION),
        searched,
        reason: reason(data, grey, [from_data, from_random], searched),
    })
}

/// The law of the rows over all visible states; `None` where they are grey values.
fn law_of_rows(split: &Split) -> Result<Option<Vec<f64>>, Error> {
    let visible = split.visible();
    let mut rows = vec![0.0; split.len() * visible];
    rows.chunks_exact_mut(visible).enumerate().for_each(|(row, out)| split.row(row, out));
    if rows.iter().any(|&value| value != 0.0 && value != 1.0) {
        return Ok(None);
    }
    exact::WeightedRows::new(visible, &rows).and_then(|rows| rows.law()).map(Some).map_err(Error::Model)
}

fn by_means(
    rbm: &Rbm,
    data: Option<&Split>,
    config: &MixingConfig,
    parameters: &Parameters,
    samples: &[u8],
    progress: &mut dyn FnMut(MixingStage, u64, u64),
) -> Result<SweepsToModel, Error> {
    let observables = Observables::new(parameters);
    let samples: Vec<f32> = samples.iter().map(|&unit| f32::from(unit)).collect();
    let exact = observables.of(&samples);
    let model = means(&exact);
    let variances = means(&exact.iter().map(|found| squares(found, &model)).collect::<Vec<_>>());
    let deviations = variances.map(f64::sqrt);
    let near = |chains: &Chains| -> Result<bool, Error> {
        let found = means(&observables.of(&chains.visible().map_err(Error::Model)?));
        let mut all = found.into_iter().zip(model).zip(deviations);
        Ok(all.all(|((mean, model), deviation)| (mean - model).abs() <= DISTANCE_OF_MEANS * deviation))
    };
    let mut search = |stage: MixingStage, mut chains: Chains| -> Result<Option<usize>, Error> {
        let mut since = None;
        for sweep in 0..=config.search {
            progress(stage, sweep as u64, config.search as u64);
            since = if near(&chains)? { since.or(Some(sweep)) } else { None };
            if since.is_some_and(|since| sweep >= 2 * since + STAY) {
                return Ok(since);
            }
            chains = chains.step();
        }
        Ok(None)
    };
    let from_data = match data {
        Some(split) => {
            let draws = draws(config.seed, DATA_SET);
            let rows = rows_at_random(split, TO_MODEL_CHAINS, draws);
            search(MixingStage::FromData, Chains::at_rows(rbm, &rows, draws).map_err(Error::Model)?)?
        }
        None => None,
    };
    let uniform = Chains::uniform(rbm, TO_MODEL_CHAINS, draws(config.seed, RANDOM_SET));
    let from_random = search(MixingStage::FromRandom, uniform)?;
    Ok(SweepsToModel {
        data: from_data,
        random: from_random,
        distance: Some(Distance::MeansOfObservables),
        near: Some(DISTANCE_OF_MEANS),
        searched: config.search,
        reason: reason(data, false, [from_data, from_random], config.search),
    })
}

/// The mean of each observable.
fn means(found: &[PerObservable<f64>]) -> [f64; 4] {
    let mut sums = [0.0; 4];
    for values in found {
        sums.iter_mut().zip(values.into_array()).for_each(|(sum, value)| *sum += value);
    }
    sums.map(|sum| sum / found.len() as f64)
}

/// The squared distance of each observable from its mean.
fn squares(found: &PerObservable<f64>, means: &[f64; 4]) -> PerObservable<f64> {
    let mut values = found.into_array();
    values.iter_mut().zip(means).for_each(|(value, mean)| *value = (*value - mean) * (*value - mean));
    PerObservable::from_array(values)
}
