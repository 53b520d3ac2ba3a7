//! The article's listing against its mathematics: what its free energy and its sampling cost.

mod softplus;
mod unclamped;
mod unclamped_training;

use rayon::prelude::*;
use rbm_data::Split;
use rbm_eval::{LogZ, evaluate_split, sample_quality, start_rows};
use rbm_model::{ChainDraws, Chains, Init, Parameters, Rbm, VisibleSampling, initialise};
use rbm_ops::Stream;
use rbm_report::{MetricPoint, tables};
use rbm_runner::StopFlag;
use serde::Deserialize;

use self::unclamped_training::Training;
use super::{Checked, Inputs, Output, TrainedCell, go_on};
use crate::{Error, Measurement};

/// Parameters of the protocol `listing`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Activations at which the error of `log(1 + exp(x))` is measured.
    errors_at: Vec<f64>,
    /// Most rows that likelihoods and activations are measured on: of the test rows, or of the training rows where
    /// there are no test rows.
    rows: usize,
    /// States drawn from each start.
    samples: usize,
    /// Gibbs steps after which states are compared with the data, ascending.
    steps: Vec<u64>,
    /// Chains, from training rows, whose visible values are not clamped.
    unclamped_chains: usize,
    /// Their steps.
    unclamped_steps: u64,
    /// Learning rates that the listing is trained at without its clamp.
    unclamped_rates: Vec<f64>,
    /// Updates of each of these trainings.
    unclamped_updates: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            errors_at: (-8..=16).map(|five| 5.0 * f64::from(five)).collect(),
            rows: 10_000,
            samples: 500,
            steps: vec![1, 10, 100],
            unclamped_chains: 100,
            unclamped_steps: 50,
            unclamped_rates: vec![0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0],
            unclamped_updates: 200,
        }
    }
}

/// Measures the listing's free energy by itself, and what every cell became under its own way to draw visible states.
///
/// By itself, under `width` = `f32` or `f64`: `overflow-at`, `lost-at`, `softplus-error-at`.
///
/// Of each cell, under its labels and `model.visible_sampling`, the seed its own:
/// - `log-likelihood-of-test-rows` (nats per row; of training rows where there are no test rows, as `split` says) of
///   its parameters as a machine of the mathematics, where a layer is small enough to enumerate. Sweeps call theirs
///   `log-likelihood`: both under one name would be counted as one curve;
/// - `largest-activation` of a hidden unit in absolute value on these rows, and `free-energy-overflows`, the share of
///   them whose free energy in f32 is not finite by the listing's formula;
/// - `first-moment-error`, its floor `first-moment-noise`, and `nearest-row-distance`, at x Gibbs steps of its own
///   sampling, from training rows (`start` = `data`) and from uniform states (`start` = `uniform`);
/// - `gradient-norm-max` over the recorded steps, and `gradient-norm-bound`, `sqrt(m n + m + n)`: every component of a
///   gradient of contrastive divergence is a difference of two means of products of numbers in [0, 1], however visible
///   states were drawn; of plain gradients, that is, neither centred nor with weight decay;
/// - `unclamped-growth`, log10 of the largest value where visible values are the activations, and `unclamped-bound`,
///   that of the largest which any number of steps can reach;
/// - `unclamped-gradient`, of cells that are `clamped-linear` and start from drawn parameters, at x = learning rate:
///   log10 of the largest norm of the gradient over `gradient-norm-bound`, or 100 where it explodes, in a training of
///   its own from the cell's start. Its visible values are the activations; it takes rows in their order, in batches of
///   the cell's size.
///
/// # Errors
/// Cells whose files or data cannot be read, rows of grey values, settings that are impossible.
pub(crate) fn listing(inputs: &mut Inputs<'_>) -> Result<Output, Error> {
    let settings: Settings = inputs.parse()?;
    let mut output = Output { measurements: softplus::measure(&settings.errors_at), ..Output::default() };
    let cells = inputs.cells;
    for (index, cell) in cells.iter().enumerate() {
        let data = inputs.data.load(&cell.config.data)?.data;
        let parameters = cell.parameters()?;
        if parameters.visible() != data.train.visible() {
            let (units, width) = (parameters.visible(), data.train.visible());
            return Err(inputs.failed(format!("a machine of {units} visible units on rows of {width}")));
        }
        let (name, split) = data.test.as_ref().map_or(("train", &data.train), |test| ("test", test));
        let split = split.head(settings.rows);
        let on_rows = likelihood(cell, &parameters, &split)?.into_iter().chain(activations(&parameters, &split));
        let mut found: Vec<Measurement> = on_rows.map(|measured| measured.with("split", name)).collect();
        let quality = sample_qualities(cell, &parameters, &data.train, &split, &settings, inputs.stop)?;
        found.extend(quality.into_iter().map(|measured| measured.with("split", name)));
        found.extend(gradient_norms(cell, &parameters)?);
        let rows = first_rows(&data.train, settings.unclamped_chains);
        let growth = unclamped::growth(&parameters, &rows, settings.unclamped_steps, cell.config.run.seed)
            .map_err(|reason| inputs.failed(reason))?;
        found.push(Measurement::new("unclamped-growth", growth));
        found.push(Measurement::new("unclamped-bound", unclamped::bound(&parameters)));
        let drawn = !matches!(cell.config.model.init, Init::File(_));
        if drawn && cell.config.model.visible_sampling == VisibleSampling::ClampedLinear {
            found.extend(unclamped_gradients(cell, &data.train, &settings, inputs.stop)?);
        }
        output.measurements.extend(found.into_iter().map(|measured| of_cell(cell, measured)));
        inputs.tell((index + 1) as f64 / cells.len() as f64)?;
    }
    Ok(output)
}

impl Checked for Settings {
    fn check(&self) -> Result<(), String> {
        if self.rows == 0 || self.samples < 2 || self.unclamped_chains == 0 || self.unclamped_steps == 0 {
            return Err("rows, unclamped_chains and unclamped_steps must be at least 1, samples at least 2".to_owned());
        }
        if !self.unclamped_rates.iter().all(|rate| rate.is_finite() && *rate > 0.0) || self.unclamped_updates == 0 {
            return Err("unclamped_rates must be positive, and unclamped_updates at least 1".to_owned());
        }
        if !self.steps.is_sorted_by(|a, b| a < b) || self.steps.first() == Some(&0) {
            return Err("steps must rise, from at least 1".to_owned());
        }
        // Beyond, exp(x) itself is 0 or infinite in f64, and no formula says more.
        if !self.errors_at.iter().all(|x| x.abs() <= 700.0) {
            return Err("errors_at must lie within -700 and 700".to_owned());
        }
        Ok(())
    }
}

/// Adds a cell's labels, its way to draw visible states and its seed.
fn of_cell(cell: &TrainedCell, mut measured: Measurement) -> Measurement {
    for (name, label) in &cell.labels {
        measured.labels.entry(name.clone()).or_insert_with(|| label.clone());
    }
    let word = match cell.config.model.visible_sampling {
        VisibleSampling::Bernoulli => "bernoulli",
        VisibleSampling::ClampedLinear => "clamped-linear",
    };
    measured.with("model.visible_sampling", word).of_seed(cell.config.run.seed)
}

fn likelihood(cell: &TrainedCell, parameters: &Parameters, split: &Split) -> Result<Option<Measurement>, Error> {
    let evaluation = evaluate_split(parameters, cell.config.model.visible_sampling, split, LogZ::Auto)?;
    Ok(evaluation.mean_log_likelihood.map(|value| Measurement::new("log-likelihood-of-test-rows", value)))
}

/// `largest-activation` and `free-energy-overflows`.
fn activations(parameters: &Parameters, split: &Split) -> [Measurement; 2] {
    let of_rows: Vec<(f64, bool)> = (0..split.len())
        .into_par_iter()
        .map(|row| {
            let mut states = vec![0.0; split.visible()];
            split.row(row, &mut states);
            let activation = parameters.hidden_activation(&states);
            let largest = activation.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
            let log_sum: f32 = activation.iter().map(|&x| softplus::narrow(x as f32)).sum();
            (largest, !log_sum.is_finite())
        })
        .collect();
    let largest = of_rows.iter().fold(0.0_f64, |largest, row| largest.max(row.0));
    let overflows = of_rows.iter().filter(|row| row.1).count() as f64 / of_rows.len() as f64;
    [Measurement::new("largest-activation", largest), Measurement::new("free-energy-overflows", overflows)]
}

/// States by the cell's own sampling beside the rows of `split`, at every number of steps and from both starts.
fn sample_qualities(
    cell: &TrainedCell,
    parameters: &Parameters,
    train: &Split,
    split: &Split,
    settings: &Settings,
    stop: &StopFlag,
) -> Result<Vec<Measurement>, Error> {
    let (config, seed) = (&cell.config, cell.config.run.seed);
    let rbm = Rbm::new(parameters, &config.model, config.train.precision, &rbm_ops::open(config.run.backend)?);
    let draws = |set| ChainDraws {
        seed,
        start: Stream::SampleStart,
        hidden: Stream::SampleHidden,
        visible: Stream::SampleVisible,
        set,
    };
    let rows: Vec<f32> = start_rows(train, settings.samples).into_iter().map(f32::from).collect();
    let starts = [
        ("data", Chains::at_rows(&rbm, &rows, draws(0))?),
        ("uniform", Chains::uniform(&rbm, settings.samples, draws(1))),
    ];
    let mut found = Vec::new();
    for (start, mut chains) in starts {
        let mut done = 0;
        for &steps in &settings.steps {
            for _ in done..steps {
                go_on(stop)?;
                chains = chains.step();
            }
            done = steps;
            let states: Vec<u8> = chains.visible()?.into_iter().map(|state| state as u8).collect();
            let quality = sample_quality(&states, split, seed, steps)?;
            for (quantity, value) in [
                ("first-moment-error", quality.first_moment_error),
                ("first-moment-noise", quality.first_moment_noise),
                ("nearest-row-distance", quality.nearest.distance),
            ] {
                found.push(Measurement::new(quantity, value).with("start", start).at(steps as f64));
            }
        }
    }
    Ok(found)
}

/// `gradient-norm-max`, where the cell recorded its gradients, and `gradient-norm-bound`.
fn gradient_norms(cell: &TrainedCell, parameters: &Parameters) -> Result<Vec<Measurement>, Error> {
    let path = cell.folder.join("metrics.parquet");
    let metrics: Vec<MetricPoint> = match std::fs::read(&path) {
        Ok(bytes) => tables::metrics_from_parquet(&bytes)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Error::File { action: "read", path, reason: error.to_string() }),
    };
    let norms = metrics.iter().filter(|point| point.metric == "gradient-norm").map(|point| point.value);
    let (visible, hidden) = (parameters.visible() as f64, parameters.hidden() as f64);
    let bound = (visible * hidden + visible + hidden).sqrt();
    let mut found = vec![Measurement::new("gradient-norm-bound", bound)];
    found.extend(norms.reduce(f64::max).map(|largest| Measurement::new("gradient-norm-max", largest)));
    Ok(found)
}

/// `unclamped-gradient` at every rate.
fn unclamped_gradients(
    cell: &TrainedCell,
    rows: &Split,
    settings: &Settings,
    stop: &StopFlag,
) -> Result<Vec<Measurement>, Error> {
    let (config, seed) = (&cell.config, cell.config.run.seed);
    let start = initialise(&config.model, &rows.mean(), rows.len(), None, seed)?;
    let batch = config.train.batch_size.clamp(1, rows.len());
    let training = Training { start: &start, rows, batch, updates: settings.unclamped_updates, seed };
    let at = |&rate: &f64| {
        go_on(stop)?;
        Ok(Measurement::new("unclamped-gradient", training.largest_gradient(rate)).at(rate))
    };
    settings.unclamped_rates.par_iter().map(at).collect()
}

/// At most `count` rows of a split, `[rows, visible]`.
fn first_rows(split: &Split, count: usize) -> Vec<f64> {
    let visible = split.visible();
    let mut rows = vec![0.0; count.min(split.len()) * visible];
    rows.chunks_exact_mut(visible).enumerate().for_each(|(row, out)| split.row(row, out));
    rows
}
