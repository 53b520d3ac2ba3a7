//! One machine on all rows of one split.

use rbm_data::Split;
use rbm_model::{Parameters, VisibleSampling, exact};
use serde::{Deserialize, Serialize};

use crate::{
    Error, LogZ,
    mean::Mean,
    observer::{Observer, Wanted},
};

/// What is known of a machine on all rows of a split: means per row, in nats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Rows of the split, all of them used.
    pub rows: usize,
    /// Visible units.
    pub visible: usize,
    /// Hidden units.
    pub hidden: usize,
    /// Log of the partition function.
    pub log_z: Option<f64>,
    /// How it was found.
    pub log_z_method: LogZMethod,
    /// `-mean_free_energy - log_z`.
    pub mean_log_likelihood: Option<f64>,
    /// Mean free energy.
    pub mean_free_energy: f64,
    /// Exact: log conditional probabilities summed over all sites.
    pub pseudo_likelihood: f64,
    /// Mean squared error of the mean-field reconstruction.
    pub reconstruction_error: f64,
    /// Cross-entropy of it, summed over units; absent where a certain value is wrong (clamped sampling).
    pub reconstruction_cross_entropy: Option<f64>,
    /// Share of hidden units whose mean over the rows is below 0.01 or above 0.99.
    pub saturated_hidden: f64,
    /// Frobenius norm of the weights.
    pub weight_norm: f64,
}

/// How log Z was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogZMethod {
    /// By enumeration of the smaller layer.
    Exact,
    /// By annealed importance sampling.
    Ais,
    /// By annealing down from samples of the model.
    ReverseAis,
    /// From the likelihood of the law that annealing samples from.
    Raise,
    /// By Bennett's acceptance ratio over tempered chains.
    Bar,
    /// Not at all.
    None,
}

/// Evaluates a machine on all rows of a split, with log Z by enumeration or not at all; `sampling` decides the
/// reconstruction's `p(v|h)`, all else is the mathematics.
///
/// # Errors
/// When the rows do not fit the machine, there are none, or log Z is to be exact and the machine is too large for it.
pub fn evaluate_split(
    parameters: &Parameters,
    sampling: VisibleSampling,
    split: &Split,
    log_z: LogZ,
) -> Result<Evaluation, Error> {
    let found = enumerated_log_z(parameters, log_z)?;
    evaluate_split_with(parameters, sampling, split, found.map(|log_z| (log_z, LogZMethod::Exact)))
}

/// The same with a log Z that was found elsewhere, and how.
///
/// # Errors
/// When the rows do not fit the machine, or there are none.
pub fn evaluate_split_with(
    parameters: &Parameters,
    sampling: VisibleSampling,
    split: &Split,
    log_z: Option<(f64, LogZMethod)>,
) -> Result<Evaluation, Error> {
    let wanted = Wanted { reconstruction: true, all_sites: true, one_site: None };
    let observed = Observer::new(parameters, sampling).observe(split, split.len(), wanted)?;
    let (log_z, log_z_method) = log_z.map_or((None, LogZMethod::None), |(value, method)| (Some(value), method));
    let rows = &observed.rows;
    let mean = |values: Option<Mean>| values.map(|mean| mean.value).ok_or(Error::NoRows);
    let mean_free_energy = mean(Mean::of(rows.iter().map(|row| row.free_energy)))?;
    let cross_entropy = mean(Mean::of(rows.iter().map(|row| row.cross_entropy)))?;
    Ok(Evaluation {
        rows: rows.len(),
        visible: parameters.visible(),
        hidden: parameters.hidden(),
        log_z,
        log_z_method,
        mean_log_likelihood: log_z.map(|log_z| -mean_free_energy - log_z),
        mean_free_energy,
        pseudo_likelihood: mean(Mean::of(rows.iter().map(|row| row.all_sites)))?,
        reconstruction_error: mean(Mean::of(rows.iter().map(|row| row.squared_error)))?,
        reconstruction_cross_entropy: Some(cross_entropy).filter(|value| value.is_finite()),
        saturated_hidden: saturated_share(&observed.hidden_sums, rows.len()),
        weight_norm: weight_norm(parameters),
    })
}

/// Under `log_z = "auto"` the smaller layer is enumerated up to so many units: beyond, an evaluation would cost more
/// than the epochs that it watches.
pub const AUTO_LIMIT: usize = 20;

/// Log Z by enumeration as the config wants it; `None` where it is not to be had or not wanted, or is to be estimated.
pub(crate) fn enumerated_log_z(parameters: &Parameters, log_z: LogZ) -> Result<Option<f64>, Error> {
    let small = parameters.visible().min(parameters.hidden()) <= AUTO_LIMIT;
    match log_z {
        LogZ::Auto if small => exact::log_partition(parameters).map(Some).map_err(Error::LogZ),
        LogZ::Exact => exact::log_partition(parameters).map(Some).map_err(Error::LogZ),
        _ => Ok(None),
    }
}

/// Share of units whose mean lies within 0.01 of 0 or 1: they carry next to no information on the row.
pub(crate) fn saturated_share(hidden_sums: &[f64], rows: usize) -> f64 {
    let saturated = hidden_sums.iter().map(|sum| sum / rows as f64).filter(|mean| !(0.01..=0.99).contains(mean));
    saturated.count() as f64 / hidden_sums.len() as f64
}

/// Frobenius norm of the weights.
pub(crate) fn weight_norm(parameters: &Parameters) -> f64 {
    parameters.weights().iter().map(|weight| weight * weight).sum::<f64>().sqrt()
}
