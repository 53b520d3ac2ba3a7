//! One measurement, by the best method there is for the machine.

use rbm_data::Split;
use rbm_model::{
    Parameters, Place, Rbm, STEPS_A_SET, VisibleSampling,
    exact::{self, Gradient},
};

use super::{Bias, BiasMethod, data, enumerated, exact as exactly, reference};
use crate::Error;

/// Fewer sweeps of a reference leave fewer than 15 measured states a ladder.
const FEWEST_SWEEPS: u64 = 100;

/// What is to be measured, and how well.
#[derive(Clone, Debug, PartialEq)]
pub struct BiasSettings {
    /// Numbers of Gibbs steps, ascending.
    pub ks: Vec<u32>,
    /// How to measure; the best method for the machine if absent.
    pub method: Option<BiasMethod>,
    /// By chains: goes on until the standard error of the bias' norm is at most this share of the exact gradient's
    /// norm.
    pub stderr: f64,
    /// By chains: the most of them.
    pub chains: u64,
    /// Against a reference: sweeps of its tempered chains.
    pub reference_sweeps: u64,
    /// Seed of the chains.
    pub seed: u64,
}

impl Default for BiasSettings {
    fn default() -> Self {
        Self { ks: vec![1], method: None, stderr: 0.01, chains: 1 << 20, reference_sweeps: 2_000, seed: 0 }
    }
}

/// What a measurement found.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// One row a k.
    pub rows: Vec<Bias>,
    /// Gradient of the mean log-likelihood.
    pub exact: Gradient,
    /// The expected CD-k gradient, or the estimate of it, at each k.
    pub cd: Vec<Gradient>,
}

/// What a measurement is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// States of the smaller layer, enumerated for the model's moments.
    States,
    /// Gibbs steps of the law.
    Steps,
    /// Sweeps of a tempered reference.
    Sweeps,
    /// Independent chains.
    Chains,
}

/// Is told what is done, and of how much at most.
pub type Progress<'a> = &'a (dyn Fn(Stage, u64, u64) + Sync);

/// The method for a machine of this size.
///
/// Chains whose visible units are drawn otherwise than the mathematics has it (`clamped-linear`) are not the kernel's:
/// they are run.
pub fn method_for(parameters: &Parameters, sampling: VisibleSampling) -> BiasMethod {
    if exactly::fits(parameters) && sampling == VisibleSampling::Bernoulli {
        BiasMethod::Exact
    } else if parameters.visible().min(parameters.hidden()) <= exact::LIMIT {
        BiasMethod::Enumerated
    } else {
        BiasMethod::Reference
    }
}

/// Measures the bias of CD-k on all rows of a split, by the best method that the machine's size allows.
///
/// `rbm` is the machine of `parameters` on the device that is to run chains, where they are needed, with its own kind
/// of sampling, which `sampling` names.
///
/// # Errors
/// When the rows do not fit the machine, the settings are impossible, or a device fails.
pub fn measure_bias(
    rbm: &Rbm,
    parameters: &Parameters,
    sampling: VisibleSampling,
    split: &Split,
    settings: &BiasSettings,
    progress: Progress<'_>,
) -> Result<Measured, Error> {
    data::check(parameters, split)?;
    settings.check()?;
    match settings.method.unwrap_or_else(|| method_for(parameters, sampling)) {
        BiasMethod::Exact => exactly::measure(parameters, &data::weighted_rows(split)?, &settings.ks, true, progress),
        BiasMethod::Enumerated => {
            let model = enumerated::model_side(parameters, split, progress)?;
            enumerated::measure(rbm, parameters, split, settings, 0, &model, progress)
        }
        BiasMethod::Reference => {
            let model = reference::model_side(parameters, split, settings, &Place::of(rbm), progress)?;
            enumerated::measure(rbm, parameters, split, settings, 0, &model, progress)
        }
    }
}

impl BiasSettings {
    /// Refuses impossible settings.
    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |message: &str| Err(Error::BiasSettings(message.into()));
        if self.ks.is_empty() || self.ks[0] == 0 || !self.ks.is_sorted_by(|a, b| a < b) {
            return refuse("k must ascend from at least 1");
        }
        if self.ks.last().is_some_and(|&k| u64::from(k) >= STEPS_A_SET) {
            return refuse("k must be below 2^20");
        }
        if !(self.stderr >= 0.0 && self.stderr.is_finite()) {
            return refuse("the standard error must be a number of at least 0");
        }
        if self.reference_sweeps < FEWEST_SWEEPS {
            return Err(Error::TooFewSweeps { sweeps: self.reference_sweeps, least: FEWEST_SWEEPS });
        }
        if self.chains < enumerated::FEWEST_CHAINS || self.chains > u64::from(u32::MAX) {
            return Err(Error::BiasSettings(format!(
                "a standard error needs from {} to {} chains, not {}",
                enumerated::FEWEST_CHAINS,
                u32::MAX,
                self.chains
            )));
        }
        Ok(())
    }
}
