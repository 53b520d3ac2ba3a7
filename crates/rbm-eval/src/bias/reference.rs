//! The method "reference": the model's moments by a long tempered run, for machines of which neither layer is
//! enumerated.

use rayon::prelude::*;
use rbm_data::Split;
use rbm_model::{
    AnnealingPath, Parameters, Place, Replicas,
    exact::{self, Moments, WeightedRows},
};

use super::{BiasMethod, BiasSettings, Stage, chains::BATCHES, data, enumerated::ModelSide, measure::Progress};
use crate::{
    Error,
    log_z::{Schedule, base_log_odds},
    mixing::{Observables, split_r_hat},
};

/// Inverse temperatures of the reference: neighbours of a trained machine of 784 x 500 units exchange in some tens of
/// percent of the tries.
const SCHEDULE: Schedule = Schedule::Linear(50);
/// Independent ladders, one for each batch of chains, so that the batches' scatter has the reference's error in it.
const LADDERS: usize = 2 * BATCHES;
/// Share of the sweeps that are left out.
const WARM_UP: f64 = 0.25;
/// Sweeps from one measured state to the next: neighbours say nearly the same.
const THINNING: u64 = 5;

/// The model's side from tempered chains, with the largest split R-hat of the run over the observables of `rbm mixing`.
///
/// # Errors
/// When there are too few sweeps, or the device fails.
pub(super) fn model_side(
    parameters: &Parameters,
    split: &Split,
    settings: &BiasSettings,
    place: &Place,
    progress: Progress<'_>,
) -> Result<ModelSide, Error> {
    let base = base_log_odds(&split.mean());
    let path = AnnealingPath::from_independent(&base, parameters, place)?;
    let betas = SCHEDULE.betas();
    let mut replicas = Replicas::at_start(&path, &betas, LADDERS, settings.seed);
    let observables = Observables::new(parameters);
    let mut sums: Vec<Moments> = vec![Moments::zero(parameters.visible(), parameters.hidden()); LADDERS];
    let mut traces: [Vec<Vec<f64>>; 4] = std::array::from_fn(|_| vec![Vec::new(); LADDERS]);
    let warm_up = (WARM_UP * settings.reference_sweeps as f64) as u64;
    let mut measured = 0.0;
    for sweep in 0..settings.reference_sweeps {
        replicas = replicas.step(&path)?.0;
        progress(Stage::Sweeps, sweep + 1, settings.reference_sweeps);
        if sweep < warm_up || !(sweep - warm_up).is_multiple_of(THINNING) {
            continue;
        }
        // By ladder: a replica's row never leaves its ladder.
        let states = replicas.states_at(betas.len() - 1)?;
        let states: Vec<f64> = states.into_iter().map(f64::from).collect();
        sums.par_iter_mut().zip(states.par_chunks_exact(parameters.visible())).try_for_each(|(sum, state)| {
            sum.add(&exact::data_moments(parameters, &WeightedRows::new(state.len(), state)?)?);
            Ok::<(), Error>(())
        })?;
        let rows: Vec<f32> = states.iter().map(|&state| state as f32).collect();
        for (ladder, values) in observables.of(&rows).into_iter().enumerate() {
            for (trace, value) in traces.iter_mut().zip(values.into_array()) {
                trace[ladder].push(value);
            }
        }
        measured += 1.0;
    }
    let mut model = Moments::zero(parameters.visible(), parameters.hidden());
    for sum in &mut sums {
        sum.scale(1.0 / measured);
        model.add(sum);
    }
    model.scale(1.0 / LADDERS as f64);
    Ok(ModelSide {
        method: BiasMethod::Reference,
        data: data::moments(parameters, split)?,
        model,
        ladders: sums,
        // A bound on what is not known.
        total_variation: 1.0,
        r_hat: traces.iter().filter_map(|trace| split_r_hat(trace)).reduce(f64::max),
    })
}
