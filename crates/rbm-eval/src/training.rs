//! What is measured while a machine trains.

use rbm_data::{Dataset, Split};
use rbm_model::{ModelConfig, Parameters};

use crate::{
    Error, EvaluateConfig, Metric, MetricGroup, MetricRow, SplitName,
    evaluation::{find_log_z, saturated_share, weight_norm},
    mean::Mean,
    observer::{Observed, Observer, Wanted},
};

/// Rows of a split whose free energy and pseudo-likelihood are computed during training: the standard error of a mean
/// free energy over MNIST's rows is then about half a nat, at a few hundredths of the cost of an epoch.
pub const FREE_ENERGY_ROWS: usize = 5_000;
/// Rows of a split that are reconstructed during training: a reconstruction costs as much as the rest of the evaluation of
/// ten rows, and its mean varies little from row to row.
pub const RECONSTRUCTION_ROWS: usize = 500;

/// Where in its training a machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Updates of the parameters so far.
    pub step: u64,
    /// Finished epochs.
    pub epoch: u32,
}

/// Measures what the config asks for, on training and validation rows; the test rows are left for the end.
///
/// The result is ordered by metric, then by split. A value that is not finite is left out. `gradient_norm` is the norm of
/// the last step's gradient, where there was a step; `seed` and `at.step` decide which sites a stochastic
/// pseudo-likelihood looks at.
///
/// # Errors
/// When the rows do not fit the machine, there are none, or log Z is to be exact and the machine is too large for it.
pub fn evaluate_training(
    config: &EvaluateConfig,
    model: &ModelConfig,
    parameters: &Parameters,
    data: &Dataset,
    at: At,
    gradient_norm: Option<f64>,
    seed: u64,
) -> Result<Vec<MetricRow>, Error> {
    let observer = Observer::new(parameters, model.visible_sampling);
    let wants = |group| config.metrics.contains(&group);
    let one_site = wants(MetricGroup::PseudoLikelihood).then_some((seed, at.step));
    let mut free_energies = FreeEnergies { observer: &observer, one_site, known: Vec::new() };
    let mut found = Found { at, rows: Vec::new() };
    let log_z = find_log_z(parameters, config.log_z)?;
    found.push_value(SplitName::Train, Metric::LogZ, log_z);

    let validation = data.validation.as_ref().filter(|split| !split.is_empty());
    for (name, split) in [(SplitName::Train, Some(&data.train)), (SplitName::Validation, validation)] {
        let Some(split) = split else { continue };
        if let Some(log_z) = log_z {
            let free_energy = free_energies.mean(name, split, FREE_ENERGY_ROWS)?;
            let log_likelihood = free_energy.map(|mean| Mean { value: -mean.value - log_z, ..mean });
            found.push(name, Metric::LogLikelihood, log_likelihood);
        }
        if one_site.is_some() {
            let observed = free_energies.observed(name, split, FREE_ENERGY_ROWS)?;
            found.push(name, Metric::PseudoLikelihood, Mean::of(observed.rows.iter().map(|row| row.one_site)));
        }
        let errors = wants(MetricGroup::ReconstructionError);
        if errors || (wants(MetricGroup::Norms) && name == SplitName::Train) {
            let wanted = Wanted { reconstruction: true, ..Wanted::default() };
            let observed = observer.observe(split, RECONSTRUCTION_ROWS, wanted)?;
            found.push_reconstruction(name, split, &observed, config);
        }
    }
    if let Some(validation) = validation.filter(|_| wants(MetricGroup::FreeEnergyGap)) {
        let rows = FREE_ENERGY_ROWS.min(validation.len()).min(data.train.len());
        let held_out = free_energies.mean(SplitName::Validation, validation, rows)?;
        let trained = free_energies.mean(SplitName::Train, &data.train, rows)?;
        found.push(SplitName::Validation, Metric::FreeEnergyGap, held_out.zip(trained).map(difference));
    }
    if wants(MetricGroup::Norms) {
        found.push_value(SplitName::Train, Metric::WeightNorm, Some(weight_norm(parameters)));
        found.push_value(SplitName::Train, Metric::GradientNorm, gradient_norm);
    }
    found.rows.sort_by_key(|row| (row.metric, row.split));
    Ok(found.rows)
}

/// What evenly spaced rows of each split say of free energies and pseudo-likelihoods; each is computed once.
struct FreeEnergies<'a> {
    observer: &'a Observer<'a>,
    one_site: Option<(u64, u64)>,
    known: Vec<(SplitName, usize, Observed)>,
}

impl FreeEnergies<'_> {
    /// At most `limit` rows of a split.
    fn observed(&mut self, name: SplitName, split: &Split, limit: usize) -> Result<&Observed, Error> {
        let rows = limit.min(split.len());
        let at = match self.known.iter().position(|known| (known.0, known.1) == (name, rows)) {
            Some(at) => at,
            None => {
                let wanted = Wanted { one_site: self.one_site, ..Wanted::default() };
                self.known.push((name, rows, self.observer.observe(split, rows, wanted)?));
                self.known.len() - 1
            }
        };
        Ok(&self.known[at].2)
    }

    /// The mean free energy over at most `limit` rows; its standard error is absent where all rows were used.
    fn mean(&mut self, name: SplitName, split: &Split, limit: usize) -> Result<Option<Mean>, Error> {
        let observed = self.observed(name, split, limit)?;
        Ok(Mean::of(observed.rows.iter().map(|row| row.free_energy)).map(|mean| of_sample(mean, observed, split)))
    }
}

/// Drops the standard error of a mean over all rows of a split: nothing was sampled.
fn of_sample(mean: Mean, observed: &Observed, split: &Split) -> Mean {
    Mean { stderr: mean.stderr.filter(|_| observed.rows.len() < split.len()), ..mean }
}

/// The first mean minus the second, as of independent samples.
fn difference((a, b): (Mean, Mean)) -> Mean {
    let stderr = match (a.stderr, b.stderr) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0.0).hypot(b.unwrap_or(0.0))),
    };
    Mean { value: a.value - b.value, stderr }
}

struct Found {
    at: At,
    rows: Vec<MetricRow>,
}

impl Found {
    fn push(&mut self, split: SplitName, metric: Metric, mean: Option<Mean>) {
        if let Some(mean) = mean.filter(|mean| mean.value.is_finite()) {
            let stderr = mean.stderr.filter(|stderr| stderr.is_finite());
            let At { step, epoch } = self.at;
            self.rows.push(MetricRow { step, epoch, split, metric, value: mean.value, stderr });
        }
    }

    fn push_value(&mut self, split: SplitName, metric: Metric, value: Option<f64>) {
        self.push(split, metric, value.map(|value| Mean { value, stderr: None }));
    }

    fn push_reconstruction(&mut self, name: SplitName, split: &Split, observed: &Observed, config: &EvaluateConfig) {
        let rows = &observed.rows;
        if config.metrics.contains(&MetricGroup::ReconstructionError) {
            let errors = Mean::of(rows.iter().map(|row| row.squared_error));
            let entropies = Mean::of(rows.iter().map(|row| row.cross_entropy));
            for (metric, mean) in
                [(Metric::ReconstructionError, errors), (Metric::ReconstructionCrossEntropy, entropies)]
            {
                self.push(name, metric, mean.map(|mean| of_sample(mean, observed, split)));
            }
        }
        if config.metrics.contains(&MetricGroup::Norms) && name == SplitName::Train {
            let share = saturated_share(&observed.hidden_sums, rows.len());
            self.push_value(name, Metric::SaturatedHidden, Some(share));
        }
    }
}
