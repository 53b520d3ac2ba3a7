//! Whether hidden units are better features than pixels: errors of a linear classifier on each.

mod classifier;
mod locality;
mod principal;

use std::collections::HashMap;

use classifier::{Chosen, Classifier, Labelled};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use principal::{PrincipalComponents, product, rows_of};
use rayon::prelude::*;
use rbm_data::{DataConfig, Dataset, ImageShape, Split};
use rbm_model::Parameters;
use rbm_random::{Sequence, Stream};
use rbm_report::ImageGrid;
use rbm_runner::StopFlag;
use serde::Deserialize;

use super::{Checked, Inputs, Output, TrainedCell};
use crate::{Error, Measurement};

/// Parameters of the protocol `features`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    /// Numbers of labelled training rows; the rows of a smaller number are among those of a larger one.
    labels: Vec<usize>,
    /// Penalties per row, to choose from: of `penalty / 2 |W|^2` beside the mean over rows of `-log p(label)`.
    regularisation: Vec<f64>,
    /// Most rows that the penalty is chosen on, the first of those held out of training.
    validation_rows: usize,
    /// Most test rows; all if absent.
    test_rows: Option<usize>,
    /// Most steps of L-BFGS for each penalty.
    iterations: u64,
    /// Length of the loss's gradient at which a fit has converged; others are no candidates. The loss then lies within
    /// about `tolerance^2 / (2 penalty)` of the least, since in the weights it curves by at least the penalty: by
    /// default, 0.005 nats for the smallest one.
    tolerance: f64,
    /// Choices of the labelled rows.
    draws: u64,
    /// Hidden units of the first cell whose weights are shown, at most.
    pictures: usize,
    /// Side, in pixels, of the window of `field-locality`.
    window: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            labels: vec![100, 1_000],
            regularisation: vec![1e-4, 1e-3, 1e-2, 1e-1],
            validation_rows: 10_000,
            test_rows: None,
            iterations: 300,
            tolerance: 1e-3,
            draws: 3,
            pictures: 64,
            window: 7,
        }
    }
}

/// Fits a linear classifier on the hidden probabilities of every cell, on the pixels as the machine sees them, and on
/// as many principal components as there are hidden units (plain scores), each with the same labelled rows.
///
/// Measures `test-error` (share of the test rows), `penalty-chosen` and `gradient-left`, under the labels `features`
/// (`hidden`, `pixels`, `pca`), `labels` and those of the cell; the seed is `draws` times that of the cell plus the
/// number of the draw, decides the labelled rows, and so makes pairs of the three. All training rows together can be
/// drawn in one way only: that is measured once. Also `field-locality` of the weights, under `machine` = `trained`, and
/// `shuffled` for the weights of each pixel dealt anew among the units; and the picture `receptive-fields`.
///
/// # Errors
/// Data without labels, validation rows or test rows, settings that are impossible, fits that do not converge.
pub(crate) fn features(inputs: &mut Inputs<'_>) -> Result<Output, Error> {
    let settings: Settings = inputs.parse()?;
    let (protocol, stop) = (inputs.protocol, inputs.stop);
    // Fits that were stopped are no failure.
    let failed = |reason| if stop.is_stopped() { Error::Stopped } else { Error::Protocol { protocol, reason } };
    let cells = inputs.cells;
    let mut output = Output::default();
    let mut done = 0;
    for config in distinct_data(cells) {
        let data = inputs.data.load(config)?.data;
        let rows = EvaluationRows::of(&data, &settings).map_err(|reason| inputs.failed(reason))?;
        let components = PrincipalComponents::of(&data.train).map_err(|reason| inputs.failed(reason))?;
        let comparison = Comparison { settings: &settings, data: &data, rows, components, stop };
        // What was found for pixels and components, which do not depend on the machine.
        let mut known = HashMap::new();
        for cell in cells.iter().filter(|cell| &cell.config.data == config) {
            let parameters = cell.parameters()?;
            if parameters.visible() != data.train.visible() {
                let (units, pixels) = (parameters.visible(), data.train.visible());
                return Err(inputs.failed(format!("a machine of {units} visible units on rows of {pixels}")));
            }
            let found = comparison.of_cell(cell, &parameters, &mut known).map_err(failed)?;
            output.measurements.extend(found);
            if let Some(image) = data.image.filter(|image| image.height * image.width == parameters.visible()) {
                output.measurements.extend(localities(cell, &parameters, image, settings.window)?);
                if output.images.is_empty() && settings.pictures > 0 {
                    let fields = receptive_fields(&parameters, image, settings.pictures);
                    output.images.push(("receptive-fields".to_owned(), fields));
                }
            }
            done += 1;
            inputs.tell(f64::from(done) / cells.len() as f64)?;
        }
    }
    Ok(output)
}

impl Checked for Settings {
    fn check(&self) -> Result<(), String> {
        if self.labels.is_empty() || self.labels.contains(&0) || self.regularisation.is_empty() {
            return Err("labels needs numbers of at least 1, and regularisation at least one penalty".to_owned());
        }
        if self.draws == 0 || self.iterations == 0 || self.window == 0 || self.validation_rows == 0 {
            return Err("draws, iterations, window and validation_rows must be at least 1".to_owned());
        }
        if self.test_rows == Some(0) {
            return Err("test_rows must be at least 1".to_owned());
        }
        // Without a penalty, classes that can be told apart have no best weights: the fit would end where it is
        // stopped.
        if !self.regularisation.iter().all(|penalty| penalty.is_finite() && *penalty > 0.0) {
            return Err("every penalty of regularisation must be above 0".to_owned());
        }
        if !(self.tolerance.is_finite() && self.tolerance > 0.0) {
            return Err("tolerance must be above 0".to_owned());
        }
        Ok(())
    }
}

impl Settings {
    fn classifier(&self, stop: &StopFlag) -> Classifier {
        let mut penalties = self.regularisation.clone();
        penalties.sort_by(|a, b| b.total_cmp(a));
        Classifier { penalties, iterations: self.iterations, tolerance: self.tolerance, stop: stop.clone() }
    }
}

/// The `[data]` sections of the cells, each once: one data set is held at a time.
fn distinct_data(cells: &[TrainedCell]) -> Vec<&DataConfig> {
    let mut distinct: Vec<&DataConfig> = Vec::new();
    for cell in cells {
        if !distinct.contains(&&cell.config.data) {
            distinct.push(&cell.config.data);
        }
    }
    distinct
}

/// Pixels and classes of the rows that penalties are chosen on, and of those that errors are counted on.
struct EvaluationRows {
    validation: (Array2<f64>, Vec<u32>),
    test: (Array2<f64>, Vec<u32>),
}

impl EvaluationRows {
    fn of(data: &Dataset, settings: &Settings) -> Result<Self, String> {
        let some = |split: Option<&Split>, most: usize, need: &str| {
            let split = split.ok_or_else(|| format!("{} has no {need}", data.name))?;
            let labels = split.labels().ok_or_else(|| format!("the rows of {} have no labels", data.name))?;
            let rows: Vec<u32> = (0..split.len().min(most) as u32).collect();
            Ok::<_, String>((rows_of(split, &rows), labels[..rows.len()].to_vec()))
        };
        let most = settings.test_rows.unwrap_or(usize::MAX);
        Ok(Self {
            validation: some(
                data.validation.as_ref(),
                settings.validation_rows,
                "validation rows: set data.validation",
            )?,
            test: some(data.test.as_ref(), most, "test rows: set data.test")?,
        })
    }
}

/// One data set on which feature sets are compared.
struct Comparison<'a> {
    settings: &'a Settings,
    data: &'a Dataset,
    rows: EvaluationRows,
    components: PrincipalComponents,
    stop: &'a StopFlag,
}

/// Which features, how many, the seed of the labelled rows, their number.
type Key = (&'static str, usize, u64, usize);

/// From pixels `[rows, visible]` to features `[rows, any number]`.
type FromPixels<'a> = Box<dyn Fn(ArrayView2<'_, f64>) -> Array2<f64> + Sync + 'a>;

/// One kind of features.
struct Features<'a> {
    name: &'static str,
    of: FromPixels<'a>,
    validation: Array2<f64>,
    test: Array2<f64>,
}

impl Comparison<'_> {
    /// All draws and numbers of labels for one cell.
    fn of_cell(
        &self,
        cell: &TrainedCell,
        parameters: &Parameters,
        known: &mut HashMap<Key, Chosen>,
    ) -> Result<Vec<Measurement>, String> {
        let all = self.data.train.len();
        let most = self.settings.labels.iter().copied().max().unwrap_or(0);
        if most > all {
            return Err(format!("{most} labels, but {} has {all} training rows", self.data.name));
        }
        let labels = self.data.train.labels().ok_or_else(|| format!("{} has no labels", self.data.name))?;
        let kinds = self.kinds(parameters);
        let mut found = Vec::new();
        for draw in 0..self.settings.draws {
            let seed = cell.config.run.seed.wrapping_mul(self.settings.draws).wrapping_add(draw);
            let counts: Vec<usize> =
                self.settings.labels.iter().copied().filter(|&count| draw == 0 || count < all).collect();
            let Some(&most) = counts.iter().max() else { break };
            // Step 0 of the stream holds rows out of the data set; step 1 chooses the labelled ones.
            let order = Sequence::new(seed, Stream::Split, 1).permutation(all);
            let labels: Vec<u32> = order[..most].iter().map(|&row| labels[row as usize]).collect();
            let pixels = rows_of(&self.data.train, &order[..most]);
            let sets: Vec<(&Features<'_>, Array2<f64>)> =
                kinds.iter().map(|kind| (kind, (kind.of)(pixels.view()))).collect();
            let work: Vec<(&(&Features<'_>, Array2<f64>), usize)> =
                sets.iter().flat_map(|set| counts.iter().map(move |&count| (set, count))).collect();
            let found_before = &*known;
            let chosen = work
                .into_par_iter()
                .map(|((kind, training), count)| {
                    let key = (kind.name, training.ncols(), seed, count);
                    let known = found_before.get(&key).copied().filter(|_| kind.name != HIDDEN);
                    let chosen = known.map_or_else(|| self.choose(kind, training, &labels[..count]), Ok)?;
                    Ok((key, chosen))
                })
                .collect::<Result<Vec<(Key, Chosen)>, String>>()?;
            for (key, chosen) in chosen {
                known.insert(key, chosen);
                let measured = |quantity, value| {
                    let base = Measurement { labels: cell.labels.clone(), ..Measurement::new(quantity, value) };
                    base.with("features", key.0).with("labels", key.3).of_seed(seed)
                };
                found.push(measured("test-error", chosen.test_error));
                found.push(measured("penalty-chosen", chosen.penalty));
                found.push(measured("gradient-left", chosen.gradient));
                found.push(measured("penalties-converged", chosen.converged as f64));
            }
        }
        Ok(found)
    }

    /// Hidden probabilities, pixels and principal components.
    fn kinds<'b>(&'b self, parameters: &'b Parameters) -> [Features<'b>; 3] {
        let kind = |name, of: FromPixels<'b>| Features {
            name,
            validation: of(self.rows.validation.0.view()),
            test: of(self.rows.test.0.view()),
            of,
        };
        [
            kind(HIDDEN, Box::new(|rows| hidden_probabilities(parameters, rows))),
            kind("pixels", Box::new(|rows| rows.to_owned())),
            kind("pca", Box::new(|rows| self.components.scores(rows, parameters.hidden()))),
        ]
    }

    fn choose(&self, kind: &Features<'_>, training: &Array2<f64>, labels: &[u32]) -> Result<Chosen, String> {
        let training = Labelled { features: training.slice_axis(Axis(0), Slice::from(..labels.len())), labels };
        let validation = Labelled { features: kind.validation.view(), labels: &self.rows.validation.1 };
        let test = Labelled { features: kind.test.view(), labels: &self.rows.test.1 };
        let classifier = self.settings.classifier(self.stop);
        classifier.choose(training, validation, test).map_err(|reason| format!("{}: {reason}", kind.name))
    }
}

const HIDDEN: &str = "hidden";

/// `sigmoid(b + W v)` of `rows` `[rows, visible]`: `[rows, hidden]`.
fn hidden_probabilities(parameters: &Parameters, rows: ArrayView2<'_, f64>) -> Array2<f64> {
    let (visible, hidden) = (parameters.visible(), parameters.hidden());
    let transposed = parameters.transposed();
    let weights = Array2::from_shape_fn((visible, hidden), |(i, j)| transposed.weights_of(i)[j]);
    let bias = ndarray::ArrayView1::from(parameters.hidden_bias());
    (product(rows, weights.view()) + bias).mapv_into(rbm_ops::scalar::sigmoid)
}

fn localities(
    cell: &TrainedCell,
    parameters: &Parameters,
    image: ImageShape,
    window: usize,
) -> Result<[Measurement; 2], Error> {
    let seed = cell.config.run.seed;
    let measured = |parameters: &Parameters, machine: &str| {
        let value = locality::field_locality(parameters, image, window);
        let base = Measurement { labels: cell.labels.clone(), ..Measurement::new("field-locality", value) };
        base.with("machine", machine).of_seed(seed)
    };
    Ok([measured(parameters, "trained"), measured(&locality::dealt_anew(parameters, seed)?, "shuffled")])
}

fn receptive_fields(parameters: &Parameters, image: ImageShape, units: usize) -> ImageGrid {
    let fields = (0..units.min(parameters.hidden()))
        .map(|unit| parameters.weights_of(unit).iter().map(|&weight| weight as f32).collect());
    ImageGrid::diverging(image.height, image.width, fields.collect())
}
