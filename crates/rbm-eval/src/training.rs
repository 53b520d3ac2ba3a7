//! What is measured while a machine trains.

use rbm_data::{Dataset, Split};
use rbm_model::{ChainDraws, Chains, ModelConfig, Parameters, Place, Rbm};
use rbm_random::{Sequence, Stream};

use crate::{
    Error, EvaluateConfig, LogZ, Metric, MetricGroup, MetricRow, SplitName,
    bias::{gradient_bias_rows, has_gradient_bias, has_negative_phase_error, negative_phase_error},
    evaluation::{enumerated_log_z, saturated_share, weight_norm},
    log_z::{
        Annealing, LogZEstimate, Trajectory, Trust, annealed_importance_sampling, base_log_odds,
        reverse_annealed_importance_sampling, unwatched,
    },
    mean::Mean,
    mixing::{MixingConfig, measure_mixing},
    nearest_rows,
    observer::{Observed, Observer, Wanted},
    sample_quality,
};

/// Rows of a split whose free energy and pseudo-likelihood are computed during training: the standard error of a mean
/// free energy over MNIST's rows is then about half a nat, at a few hundredths of the cost of an epoch.
pub const FREE_ENERGY_ROWS: usize = 5_000;
/// Rows of a split that are reconstructed during training: a reconstruction costs as much as the rest of the evaluation
/// of ten rows, and its mean varies little from row to row.
pub const RECONSTRUCTION_ROWS: usize = 500;

/// Where in its training a machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Updates of the parameters so far.
    pub step: u64,
    /// Finished epochs.
    pub epoch: u32,
}

/// A machine in training, and what its trainer knows beside the parameters.
#[derive(Debug)]
pub struct Trained<'a> {
    /// The parameters.
    pub parameters: &'a Parameters,
    /// The machine on its device, where chains run.
    pub rbm: &'a Rbm,
    /// Norm of the last step's gradient, where there was a step.
    pub gradient_norm: Option<f64>,
    /// Of parallel tempering: the share of accepted exchanges since the last evaluation, its mean over the pairs of
    /// temperatures and the least.
    pub swap_acceptance: Option<(f64, f64)>,
    /// Where the negative phase of its gradients comes from.
    pub negative_phase: NegativePhase,
    /// The chains that follow the training, under `log_z = "trajectory"`.
    pub trajectory: Option<&'a mut Trajectory>,
}

/// Where the negative phase of a gradient comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NegativePhase {
    /// Chains of `k` steps from the data.
    Data {
        /// Gibbs steps.
        k: u32,
    },
    /// Chains that go on from step to step.
    Persistent {
        /// Their visible states, `[chains, visible]`, each 0 or 1.
        states: Vec<u8>,
    },
    /// Chains that start at random states in every step; nothing is measured of them.
    Random,
    /// Enumeration.
    Exact,
}

/// Rows of data that chains may start at: enough to find the modes that the data have.
const START_ROWS: usize = 1_000;

/// Measures what the config asks for, on training and validation rows; the test rows are left for the end.
///
/// The result is ordered by metric, then by split. A value that is not finite is left out. `seed` and `at.step` decide
/// all draws: the sites that a stochastic pseudo-likelihood looks at, and the chains of an estimate of log Z.
///
/// # Errors
/// When the rows do not fit the machine, there are none, or log Z is to be exact and the machine is too large for it.
pub fn evaluate_training(
    config: &EvaluateConfig,
    model: &ModelConfig,
    mut trained: Trained<'_>,
    data: &Dataset,
    at: At,
    seed: u64,
) -> Result<Vec<MetricRow>, Error> {
    let parameters = trained.parameters;
    let observer = Observer::new(parameters, model.visible_sampling);
    let wants = |group| config.metrics.contains(&group);
    let one_site = wants(MetricGroup::PseudoLikelihood).then_some((seed, at.step));
    let mut free_energies = FreeEnergies { observer: &observer, one_site, known: Vec::new() };
    let mut found = Found { at, rows: Vec::new() };
    let log_z = match enumerated_log_z(parameters, config.log_z)? {
        Some(log_z) => {
            found.push_value(SplitName::Train, Metric::LogZ, Some(log_z));
            Some(log_z)
        }
        None => {
            let estimate = estimated_log_z(config, &mut trained, data, at, seed)?;
            estimate.map(|estimate| found.push_estimate(&estimate))
        }
    };

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
        found.push_value(SplitName::Train, Metric::GradientNorm, trained.gradient_norm);
    }
    if let Some((mean, least)) = trained.swap_acceptance {
        found.push_value(SplitName::Train, Metric::SwapAcceptance, Some(mean));
        found.push_value(SplitName::Train, Metric::SwapAcceptanceLeast, Some(least));
    }
    if wants(MetricGroup::GradientBias) {
        found.push_gradient_bias(&trained, model, data, seed)?;
    }
    if wants(MetricGroup::Mixing) {
        found.push_mixing(&trained, data, seed)?;
    }
    if wants(MetricGroup::SampleQuality) {
        found.push_quality(&trained, data, seed)?;
    }
    found.rows.sort_by_key(|row| (row.metric, row.split));
    Ok(found.rows)
}

/// Chains and sweeps that mixing is measured by during training: as much work as a tenth of an epoch of MNIST.
const MIXING: MixingConfig = MixingConfig { chains: 20, sweeps: 500, warm_up: 100, search: 0, seed: 0 };

/// Samples whose quality is measured during training, and the Gibbs steps from uniform states that lead to them.
pub const QUALITY_SAMPLES: usize = 500;
/// See [`QUALITY_SAMPLES`].
pub const QUALITY_STEPS: u64 = 200;

/// Log Z as the config wants it estimated; `None` where it is not, or where a trajectory may not spend what it costs.
fn estimated_log_z(
    config: &EvaluateConfig,
    trained: &mut Trained<'_>,
    data: &Dataset,
    at: At,
    seed: u64,
) -> Result<Option<LogZEstimate>, Error> {
    let (parameters, place) = (trained.parameters, &Place::of(trained.rbm));
    let base = || base_log_odds(&data.train.mean());
    // Every evaluation draws anew, or their errors would be one error.
    let seed = Sequence::new(seed, Stream::AnnealStart, at.step).next_u64();
    let annealing = || Annealing { schedule: config.log_z_schedule.clone(), chains: config.log_z_chains, seed };
    let rows = || start_rows(&data.train, START_ROWS);
    Ok(match config.log_z {
        LogZ::Ais => {
            Some(annealed_importance_sampling(parameters, &base(), &rows(), &annealing(), place, &mut unwatched)?)
        }
        LogZ::ReverseAis => {
            let (estimate, _) = reverse_annealed_importance_sampling(
                parameters,
                &base(),
                &rows(),
                &annealing(),
                place,
                &mut unwatched,
            )?;
            Some(estimate)
        }
        LogZ::Trajectory => match &mut trained.trajectory {
            Some(trajectory) => {
                let persistent = match &trained.negative_phase {
                    NegativePhase::Persistent { states } => Some(states.clone()),
                    NegativePhase::Data { .. } | NegativePhase::Random | NegativePhase::Exact => None,
                };
                trajectory.estimate(parameters, persistent, &base(), place)?
            }
            None => None,
        },
        LogZ::Auto | LogZ::Exact | LogZ::None => None,
    })
}

/// Visible states after `steps` Gibbs steps from uniform states, `[count, visible]`, each 0 or 1; `step` is that of the
/// training.
///
/// # Errors
/// When the device fails to answer.
pub fn draw_samples(rbm: &Rbm, count: usize, steps: u64, seed: u64, step: u64) -> Result<Vec<u8>, Error> {
    let draws = ChainDraws {
        seed: Sequence::new(seed, Stream::SampleStart, step).next_u64(),
        start: Stream::SampleStart,
        hidden: Stream::SampleHidden,
        visible: Stream::SampleVisible,
        set: 0,
    };
    let mut chains = Chains::uniform(rbm, count, draws);
    for _ in 0..steps {
        chains = chains.step();
    }
    Ok(chains.visible()?.into_iter().map(|state| state as u8).collect())
}

/// At most `limit` evenly spaced rows of a split as states, `[rows, visible]`: grey values are rounded.
pub fn start_rows(split: &Split, limit: usize) -> Vec<u8> {
    let (len, visible) = (split.len(), split.visible());
    let count = len.min(limit);
    let mut row = vec![0.0; visible];
    let mut states = Vec::with_capacity(count * visible);
    for index in 0..count {
        split.row((index as u128 * len as u128 / count as u128) as usize, &mut row);
        states.extend(row.iter().map(|&value| u8::from(value > 0.5)));
    }
    states
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

    /// An estimate of log Z and its three-sigma interval; the estimate.
    fn push_estimate(&mut self, estimate: &LogZEstimate) -> f64 {
        let value = Some(Mean { value: estimate.log_z, stderr: estimate.log_z_stderr });
        self.push(SplitName::Train, Metric::LogZ, value);
        let [low, high] = estimate.log_z_interval_3s.unwrap_or_default();
        let trusted = if estimate.trust == Trust::Ok { 1.0 } else { 0.0 };
        for (metric, value) in [
            (Metric::LogZLow, low),
            (Metric::LogZHigh, high),
            (Metric::LogZEss, estimate.ess),
            (Metric::LogZTrusted, Some(trusted)),
        ] {
            self.push_value(SplitName::Train, metric, value);
        }
        estimate.log_z
    }

    /// The bias of CD-k, or the error of persistent chains; nothing where the gradient is exact or the machine too
    /// large.
    fn push_gradient_bias(
        &mut self,
        trained: &Trained<'_>,
        model: &ModelConfig,
        data: &Dataset,
        seed: u64,
    ) -> Result<(), Error> {
        let (parameters, step) = (trained.parameters, self.at.step);
        let (visible, hidden) = (parameters.visible(), parameters.hidden());
        let with_error = |value: Option<f64>, stderr: Option<f64>| value.map(|value| Mean { value, stderr });
        match &trained.negative_phase {
            NegativePhase::Data { k } if has_gradient_bias(visible, hidden) => {
                let sampling = model.visible_sampling;
                let bias = gradient_bias_rows(trained.rbm, parameters, sampling, &data.train, *k, seed, step)?;
                let relative_error = bias.stderr.map(|stderr| stderr / bias.exact_gradient_norm);
                for (metric, value, stderr) in [
                    (Metric::GradientBiasNorm, bias.bias_norm, bias.stderr),
                    (Metric::GradientBiasMax, bias.bias_max, None),
                    (Metric::GradientBiasRelative, bias.relative_bias, relative_error),
                    (Metric::GradientBiasCosine, bias.cosine, bias.cosine_stderr),
                    (Metric::GradientBiasBoundFischerIgel, Some(bias.bound_fischer_igel), None),
                    (Metric::GradientBiasBoundBengioDelalleau, Some(bias.bound_bengio_delalleau), None),
                    (Metric::GradientBiasBoundSpectral, bias.bound_spectral, None),
                ] {
                    self.push(SplitName::Train, metric, with_error(value, stderr));
                }
            }
            NegativePhase::Persistent { states } if has_negative_phase_error(visible, hidden) => {
                let states: Vec<f64> = states.iter().map(|&state| f64::from(state)).collect();
                let error = negative_phase_error(parameters, &states, seed, step)?;
                self.push_value(SplitName::Train, Metric::NegativePhaseError, Some(error.chains));
                let independent = with_error(Some(error.independent), Some(error.independent_stderr));
                self.push(SplitName::Train, Metric::NegativePhaseErrorExactSamples, independent);
            }
            NegativePhase::Exact
            | NegativePhase::Random
            | NegativePhase::Data { .. }
            | NegativePhase::Persistent { .. } => {}
        }
        Ok(())
    }

    fn push_mixing(&mut self, trained: &Trained<'_>, data: &Dataset, seed: u64) -> Result<(), Error> {
        let seed = Sequence::new(seed, Stream::MixingStart, self.at.step).next_u64();
        let config = MixingConfig { seed, ..MIXING };
        let mixing = measure_mixing(trained.rbm, Some(&data.train), &config, &mut |_, _, _| {})?;
        let largest = |values: [Option<f64>; 4]| values.into_iter().flatten().reduce(f64::max);
        // Not the slowest of those that are resolved: the ones that are not are slower.
        let tau = mixing.largest_tau().map(|tau| Mean { value: tau.value, stderr: Some(tau.stderr) });
        self.push_value(SplitName::Train, Metric::SecondEigenvalue, mixing.lambda2);
        self.push(SplitName::Train, Metric::AutocorrelationTime, tau);
        self.push_value(SplitName::Train, Metric::RHat, largest(mixing.r_hat.into_array()));
        Ok(())
    }

    /// Samples beside validation rows, where there are any, else training rows; and how near they are to training rows.
    fn push_quality(&mut self, trained: &Trained<'_>, data: &Dataset, seed: u64) -> Result<(), Error> {
        let samples = draw_samples(trained.rbm, QUALITY_SAMPLES, QUALITY_STEPS, seed, self.at.step)?;
        let validation = data.validation.as_ref().filter(|split| !split.is_empty());
        let (name, split) = validation.map_or((SplitName::Train, &data.train), |split| (SplitName::Validation, split));
        let quality = sample_quality(&samples, split, seed, self.at.step)?;
        let deviation = Some(quality.adversarial.deviation);
        for (metric, value, stderr) in [
            (Metric::FirstMomentError, quality.first_moment_error, None),
            (Metric::FirstMomentNoise, quality.first_moment_noise, None),
            (Metric::SecondMomentError, quality.second_moment_error, None),
            (Metric::SecondMomentNoise, quality.second_moment_noise, None),
            (Metric::AaTruth, quality.adversarial.truth, deviation),
            (Metric::AaSyn, quality.adversarial.synthetic, deviation),
            (Metric::NearestRowDistance, quality.nearest.distance, Some(quality.nearest.distance_stderr)),
        ] {
            self.push(name, metric, Some(Mean { value, stderr }));
        }
        if name == SplitName::Validation {
            let nearest = nearest_rows(&samples, &data.train)?;
            let distance = Mean { value: nearest.distance, stderr: Some(nearest.distance_stderr) };
            self.push(SplitName::Train, Metric::NearestRowDistance, Some(distance));
        }
        Ok(())
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
