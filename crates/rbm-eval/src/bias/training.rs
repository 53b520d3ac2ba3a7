//! Bias of the gradient, and error of persistent chains, as training goes on.

use rbm_data::Split;
use rbm_model::{
    Parameters, Rbm, VisibleSampling,
    exact::{self, Gradient, TABLE_LIMIT, WeightedRows},
};

use super::{Bias, BiasMethod, BiasSettings, data, enumerated, exact as exactly, measure::method_for};
use crate::{AUTO_LIMIT, Error};

/// Independent chains of one measurement during training, where it is not exact.
pub const TRAINING_CHAINS: u64 = 10_000;
/// Units in both layers up to which the second eigenvalue, and with it the spectral bound, is found during training:
/// there it takes hundredths of a second.
const EIGENVALUE_LIMIT: usize = 20;
/// Draws of independent samples whose error stands beside that of persistent chains.
const DRAWS: usize = 8;

/// Whether [`gradient_bias_rows`] can measure a machine of this size: its smaller layer is enumerated at each
/// evaluation.
pub fn has_gradient_bias(visible: usize, hidden: usize) -> bool {
    visible.min(hidden) <= AUTO_LIMIT
}

/// The bias of CD-k on all rows of a split after `step` updates: exact where both layers can be enumerated, else by
/// [`TRAINING_CHAINS`] chains. The second eigenvalue, which costs more than all else, is found up to 20 units in both
/// layers.
///
/// # Errors
/// When the rows do not fit the machine, it is too large ([`has_gradient_bias`] says so before), or a device fails.
pub fn gradient_bias_rows(
    rbm: &Rbm,
    parameters: &Parameters,
    sampling: VisibleSampling,
    split: &Split,
    k: u32,
    seed: u64,
    step: u64,
) -> Result<Bias, Error> {
    data::check(parameters, split)?;
    let settings = BiasSettings {
        ks: vec![k],
        method: None,
        stderr: 0.0,
        chains: TRAINING_CHAINS,
        seed,
        ..BiasSettings::default()
    };
    settings.check()?;
    let measured = match method_for(parameters, sampling) {
        BiasMethod::Exact => exactly::measure(
            parameters,
            &data::weighted_rows(split)?,
            &[k],
            parameters.visible() + parameters.hidden() <= EIGENVALUE_LIMIT,
            &|_, _, _| (),
        )?,
        _ if has_gradient_bias(parameters.visible(), parameters.hidden()) => {
            let side = enumerated::model_side(parameters, split, &|_, _, _| ())?;
            enumerated::measure(rbm, parameters, split, &settings, step, &side, &|_, _, _| ())?
        }
        _ => {
            let (visible, hidden) = (parameters.visible(), parameters.hidden());
            return Err(Error::TooLargeInTraining { visible, hidden, limit: AUTO_LIMIT });
        }
    };
    measured.rows.into_iter().next().ok_or(Error::NoRows)
}

/// How far the negative phase of persistent chains is from the model's: root mean squares over all components.
///
/// One training is one draw of the chains: this is an error, not a bias.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NegativePhaseError {
    /// Of the chains.
    pub chains: f64,
    /// Of as many independent samples from the model: root of the mean square over 8 draws of them.
    pub independent: f64,
    /// Standard error of the latter.
    pub independent_stderr: f64,
}

/// Whether [`negative_phase_error`] can measure a machine of this size.
pub fn has_negative_phase_error(visible: usize, hidden: usize) -> bool {
    visible.min(hidden) <= AUTO_LIMIT.min(TABLE_LIMIT)
}

/// The error of the negative phase of chains at visible states `[chains, visible]` after `step` updates, beside that of
/// independent samples.
///
/// # Errors
/// When the states do not make rows of the machine, or it is too large ([`has_negative_phase_error`] says so before).
pub fn negative_phase_error(
    parameters: &Parameters,
    chains: &[f64],
    seed: u64,
    step: u64,
) -> Result<NegativePhaseError, Error> {
    let visible = parameters.visible();
    let model = exact::moments(parameters)?;
    let mean_square = |states: &[f64]| -> Result<f64, Error> {
        let moments = exact::data_moments(parameters, &WeightedRows::new(visible, states)?)?;
        let error = Gradient::between(&moments, &model);
        Ok(error.dot(&error) / error.components().count() as f64)
    };
    let own = mean_square(chains)?;
    // Samples are numbered through; each step has numbers of its own.
    let samples = exact::sample_from(parameters, step << 32, DRAWS * (chains.len() / visible), seed)?;
    let samples: Vec<f64> = samples.into_iter().map(f64::from).collect();
    let squares = samples.chunks_exact(chains.len()).map(mean_square).collect::<Result<Vec<f64>, Error>>()?;
    let count = squares.len() as f64;
    let mean = squares.iter().sum::<f64>() / count;
    let variance =
        squares.iter().map(|square| (square - mean) * (square - mean)).sum::<f64>() / (count * (count - 1.0));
    let independent = mean.sqrt();
    let independent_stderr = if mean > 0.0 { variance.sqrt() / (2.0 * independent) } else { 0.0 };
    Ok(NegativePhaseError { chains: own.sqrt(), independent, independent_stderr })
}
